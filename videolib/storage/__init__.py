"""What is on disk: videos, folders, sidecars, the table of artifacts, journal and tags."""

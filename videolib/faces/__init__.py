"""From faces in frames to people of a library."""

"""What is on disk: videos and their folders, sidecars, artifacts, subtitles, tags, the journal.

names and videos stand below; subtitle_names and subtitle_tracks tell what subtitles are for and in
which language; sidecars lists a sidecar folder; artifacts is the table of kinds, with the names of
their files and how fresh they are; publishing puts new ones in place. Changes of what exists (tags,
moves, deletions) go through the journal, which can finish them or take them back.
"""

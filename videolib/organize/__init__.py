"""Changes of a library: new names of videos, orphaned artifacts, tags of many videos.

A request becomes a plan of (video, target) or (video, editor), which says what it would change and
what it refuses; a plan is carried out through the journal of storage/journal.py, and so undone.
"""

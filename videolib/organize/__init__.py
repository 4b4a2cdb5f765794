"""Changes of a library, planned, written down, undone: names, orphans, tags."""

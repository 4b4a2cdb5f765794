"""Changes of a library: new names of videos, orphaned artifacts, tags of many videos.

Which way data goes: a request becomes pairs of a video and what is to become of it, the pairs a
plan that says what it would change and what it refuses, and the plan a journal (storage/journal.py)
that carries it out as a whole and lets it be undone.

`naming` gives new names, `rename` plans and makes them, `orphans` finds artifacts whose video is
gone and puts them with it again. Both use `folder_index`, which tells what on disk belongs to a
video, and `rewriting`, which moves that with the names in it. `tagging` shows and changes the tags
of many videos; `tag_sources` reads them from files of other programs; `performers` infers some of
them from faces. `watch_session` does for a watched library what each batch of new videos needs.
"""

"""What is in a video: frames, pictures, sound, metadata, and the artifacts made of them.

Which way data goes: `reader` opens a file (Media) and gives packets; `frames` decodes frames at
given times and `pictures` makes pixels of them; `audio` decodes sound; `metadata` describes
streams. From frames, `sampling` makes several artifacts in one pass: `thumbs`, `sprites`,
`heatmaps` and `hashing` (with `picture_hashes` and `stash`). `previews` and `scenes` read a video
on their own and encode with `clips`.
Comparing two files: `alignment`, then `quality`. Codecs: `codecs` judges a file by one of the
`targets`, `codec_report` a library; `transcode` makes a file that fits, by `transcode_plan`,
`encoders` and `stream_options`; `verification` and `transcode_outputs` check what comes out.
"""

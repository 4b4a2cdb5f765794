"""What is in a video: frames, pictures, sound, metadata, and the artifacts made of them.

Which way data goes: `reader` opens a file (Media) and gives packets (`packets`) on one timeline
(`clock`). What its streams are `probing` describes, `encryption` adds to it, and `streams` decides
on it: which stream is the film, and what may be decoded; `duration` says how long the film is.
`frames` decodes frames at given times, with `keyframes` where these are near enough; `geometry`
says how they are turned and cropped, and `pictures` makes pixels of them. `audio` decodes sound,
which `downmix` makes mono; `metadata` is all of this as JSON.

From frames, `sampling` makes several artifacts in one pass: `thumbs`, `sprites`, `heatmaps` and
`hashing` (with `picture_hashes` and `stash`). `previews` and `scenes` read a video on their own and
encode with `clips`.

Comparing two files: `alignment`, then `quality`. Codecs: `codecs` judges a file by one of the
`targets`, `codec_report` a library; `transcode` makes a file that fits, by `transcode_plan`,
`encoders`, `stream_options` and `transcode_tags`; `transcode_names` and `transcode_outputs` say
where it goes, and `verification` checks it. What runs ffmpeg is in `ffmpeg`.
"""

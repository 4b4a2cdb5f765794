"""Speech: from the audio of a video to subtitle files, and the search in them.

Making: `segments` finds speech in the audio and puts it into windows; `recognizers` gives these to
a speech model (`whisper` and `whisper_cpp` are the programs that run one) and gets words, of which
`loops` removes endless repetitions; `cues` breaks words into lines and times them; `files` writes
cues as WebVTT, SubRip and JSON. `transcription` is all of that for one video; `embedded` takes the
text subtitles of a container instead.

Searching: `files` reads cues again, those of others with `encodings` and `foreign_formats`,
`passages` puts them into the catalogue, `search` asks it.
"""

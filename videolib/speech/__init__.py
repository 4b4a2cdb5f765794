"""Speech: from the audio of a video to subtitle files, and the search in them.

segments        audio -> segments of speech -> the windows that a model is given
recognizers     windows -> words; whisper and whisper_cpp are the programs that do it
loops           words that a model repeated without end are removed
cues            words -> cues with line breaks and times
files           cues -> WebVTT, SubRip and JSON, and back
transcription   all of that for one video
embedded        the text subtitles of a container -> subtitle files
passages        subtitle files -> an index in the catalogue
search          a text -> the lines in which it is
"""

"""What a speech recognizer takes and gives, whichever program runs it.

The programs are in whisper.py (faster-whisper, openai-whisper) and whisper_cpp.py; transcription.py
picks one. A recognizer is loaded once per worker process and used for many videos.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.speech.loops import without_loops

if TYPE_CHECKING:
    from videolib.speech.segments import SpeechWindow, Word


class TranscriptionOptions(NamedTuple):
    """How one video is to be transcribed.

    `language`: that of the speech, "" to detect it. `translate`: into English. `prompt`: text taken
    to precede the first words; `hotwords`: names and terms to expect. `audio_stream`: a number from
    0 or a language, "" for the default one. `vad`: whether only segments with speech are
    recognized. `scratch_dir`: the folder for the files of programs that read no pipe; it need not
    exist.
    """

    language: str = ""
    translate: bool = False
    prompt: str = ""
    hotwords: str = ""
    audio_stream: str = ""
    vad: bool = True
    scratch_dir: str = ""

    @property
    def task(self) -> str:
        """Whisper's name of the task."""
        return "translate" if self.translate else "transcribe"

    @property
    def target_language(self) -> str:
        """The language of the text; "" for that of the speech, where it has to be detected."""
        return "en" if self.translate else self.language

    @property
    def full_prompt(self) -> str:
        """Hotwords and prompt, for a program that takes only one text."""
        return ", ".join(filter(None, (self.hotwords, self.prompt)))


class Recognizer:
    """A loaded speech model.

    `description`: backend, model, device and number type, as the JSON artifact records them.
    `multilingual`: whether it knows more than English. `batch_size`: windows to give it at a time.
    """

    batch_size: int = 1

    def __init__(self, description: dict[str, Any], multilingual: bool) -> None:
        self.description, self.multilingual = description, multilingual

    def detect_language(
        self, windows: Sequence[SpeechWindow], options: TranscriptionOptions
    ) -> tuple[str, float]:
        """The code of the language that is spoken, and its probability from 0 to 1."""
        raise NotImplementedError

    def transcribe(
        self, windows: Sequence[SpeechWindow], options: TranscriptionOptions
    ) -> list[list[Word]]:
        """The words of each window, their times from its beginning."""
        raise NotImplementedError


def recognize(
    windows: Sequence[SpeechWindow], recognizer: Recognizer, options: TranscriptionOptions
) -> list[Word]:
    """The words in some windows, with their times in the video and in that order, without loops.

    A model may stop in the middle of a window, at a change of speakers for instance: the segments
    that got no words are given to it once more, by themselves.
    """
    transcripts = recognizer.transcribe(windows, options)
    words = in_video_time(windows, transcripts)
    if missed := [rest for window in windows if (rest := window.missed(words))]:
        windows = [*windows, *missed]
        transcripts = [*transcripts, *recognizer.transcribe(missed, options)]
    words = in_video_time(windows, map(without_loops, transcripts))
    return sorted(words, key=lambda word: word[:2])


def in_video_time(
    windows: Sequence[SpeechWindow], transcripts: Iterable[Sequence[Word]]
) -> list[Word]:
    """The words of all windows with their times in the video; `transcripts`: those of each."""
    pairs = zip(windows, transcripts, strict=True)
    return [window.to_video_time(word) for window, words in pairs for word in words]

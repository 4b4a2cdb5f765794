"""Transcription of one video: audio -> windows of speech -> words -> cues -> subtitle files."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.errors import MissingDependencyError
from videolib.core.program import install_command
from videolib.core.progress import parent_link
from videolib.core.runs import Status
from videolib.core.text import clock, plural
from videolib.media.audio import (
    audio_streams,
    choose_audio_stream,
    mono_samples,
    stream_language,
)
from videolib.media.downmix import SAMPLE_RATE
from videolib.media.duration import cut_off_message
from videolib.speech.cues import sentence_json, sentences, subtitle_cues
from videolib.speech.files import refuse_overwriting, subtitle_output
from videolib.speech.loops import without_loops
from videolib.speech.recognizers import recognize
from videolib.speech.segments import Word, speech_segments, speech_windows
from videolib.speech.whisper import FasterWhisper, OpenaiWhisper
from videolib.speech.whisper_cpp import WhisperCpp, find_program
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

    from videolib.core.arrays import Samples
    from videolib.media.reader import Media
    from videolib.speech.recognizers import Recognizer, TranscriptionOptions
    from videolib.storage.videos import Video

# How each backend is installed.
INSTALL_ADVICE = {
    "faster-whisper": install_command("faster-whisper"),
    "whisper": "pip install openai-whisper",
    "whisper.cpp": "build whisper.cpp and put whisper-cli on PATH, or --whisper-cpp-bin",
}


class RecognizerSettings(NamedTuple):
    """Which speech model to load, and how.

    `backend`: a key of INSTALL_ADVICE, or "auto" for the first that is installed. `model`: the name
    or path of a Whisper model; whisper.cpp takes `ggml_model`, the path of a model in its own
    format, instead. `whisper_cpp`: the path of its program; None: it is on PATH. `threads`: those
    that the model may use.
    """

    backend: str
    model: str
    threads: int
    whisper_cpp: Path | None = None
    ggml_model: Path | None = None

    @property
    def program(self) -> str:
        """The path of whisper.cpp's program; "" where there is none."""
        return str(self.whisper_cpp.expanduser()) if self.whisper_cpp else find_program()


@functools.cache
def load_recognizer(settings: RecognizerSettings) -> Recognizer:
    """The loaded model, which this process keeps for all videos.

    Raises MissingDependencyError where a package, a program or the model is missing.
    """
    backend = chosen_backend(settings)
    if backend == "faster-whisper":
        return FasterWhisper(settings.model, settings.threads)
    if backend == "whisper":
        return OpenaiWhisper(settings.model, settings.threads)
    return WhisperCpp(settings.program, settings.ggml_model, settings.threads)


def chosen_backend(settings: RecognizerSettings) -> str:
    """The backend that the settings name or, with auto, the first that is installed. Raises
    MissingDependencyError where it is not."""
    from importlib.util import find_spec

    backend = settings.backend
    if backend in ("auto", "faster-whisper") and find_spec("faster_whisper"):
        return "faster-whisper"
    if backend in ("auto", "whisper") and find_spec("whisper"):
        return "whisper"
    if backend in ("auto", "whisper.cpp") and settings.program:
        return "whisper.cpp"
    advice = INSTALL_ADVICE["faster-whisper" if backend == "auto" else backend]
    raise MissingDependencyError(f"no {backend} here: {advice}")


class Transcription:
    """The transcription of one video into subtitles for the sidecar folder of `video`."""

    def __init__(
        self,
        media: Media,
        video: Video,
        settings: RecognizerSettings,
        options: TranscriptionOptions,
    ) -> None:
        self.media, self.video, self.settings = media, video, settings
        self.options = options._replace(scratch_dir=video.sidecar_dir)
        self.sample_count = 0  # of the sound that was decoded so far

    def output(self, formats: Collection[str]) -> ArtifactOutput:
        """Subtitles in some of the formats vtt, srt and json.

        Raises VideoError where there is no audio stream as wanted or a file would overwrite one of
        the user's, MissingDependencyError where the model cannot be used.
        """
        stream = choose_audio_stream(self.media, self.options.audio_stream)
        if stream is None:
            return self._no_audio()
        recognizer = self._recognizer()
        words, language, probability = self._words(stream, recognizer)
        if not self.sample_count:
            return self._no_audio()
        cues = subtitle_cues(words, self._duration)
        metadata = recognizer.description | {
            "language": language,
            "language_probability": round(probability, 4),
            "audio_stream": audio_streams(self.media).index(stream),
            "duration": round(self._duration, 3),
            "segments": [sentence_json(sentence) for sentence in sentences(words)],
        }
        output = subtitle_output(cues, self.options.target_language, formats, metadata)
        refuse_overwriting(output, self.video)
        output.note = "; ".join([*self._other_languages(stream), *self._shortcomings()])
        return output

    @staticmethod
    def _no_audio() -> ArtifactOutput:
        """A JSON file that says so, whatever the formats, lest the video be opened every time."""
        record = {"files": [], "status": str(Status.NO_AUDIO), "segments": []}
        return ArtifactOutput(documents={"{}.json": record}, status=Status.NO_AUDIO)

    def _recognizer(self) -> Recognizer:
        """The loaded model. Raises MissingDependencyError where it does not know the language."""
        # Reported beforehand, since the model may have to be downloaded.
        parent_link.report(0.0, f"getting the model {Path(self.settings.model).name} ready")
        recognizer = load_recognizer(self.settings)
        needs_multilingual = self.options.language not in ("", "en") or self.options.translate
        if needs_multilingual and not recognizer.multilingual:
            raise MissingDependencyError(
                f"the model {recognizer.description['model']} knows English only: --model small"
            )
        return recognizer

    def _words(self, stream: AudioStream, recognizer: Recognizer) -> tuple[list[Word], str, float]:
        """All words, the language of the speech, and the probability of that language.

        No more than a few minutes of audio are held in memory.
        """
        options, probability = self.options, 1.0
        words: list[Word] = []
        windows = speech_windows(speech_segments(self._samples(stream), options.vad))
        self._report_progress(0.0)
        while batch := list(itertools.islice(windows, recognizer.batch_size)):
            if not options.language:
                language, probability = "en", 1.0
                if recognizer.multilingual:
                    language, probability = recognizer.detect_language(batch, options)
                options = options._replace(language=language)
            words += recognize(batch, recognizer, options)
            self._report_progress(batch[-1].segments[-1].end / SAMPLE_RATE)
        return without_loops(words, across_windows=True), options.language, probability

    def _samples(self, stream: AudioStream) -> Iterator[Samples]:
        """The samples of a stream, counted."""
        for piece in mono_samples(self.media, stream):
            self.sample_count += len(piece)
            yield piece

    @property
    def _duration(self) -> float:
        """Seconds; infinite where nothing tells."""
        return self.media.duration or math.inf

    def _report_progress(self, seconds: float) -> None:
        """Report that the audio up to this time was transcribed."""
        duration, note = self._duration, clock(seconds)
        if duration < math.inf:
            note += f" of {clock(duration)}"
        parent_link.report(min(seconds / duration, 1.0), note)

    def _other_languages(self, stream: AudioStream) -> Iterator[str]:
        """A note that there is audio in other languages, unless a stream was asked for."""
        streams = audio_streams(self.media)
        languages = [stream_language(s) or "unknown" for s in streams]
        if len(set(languages)) > 1 and not self.options.audio_stream:
            transcribed = languages[streams.index(stream)]
            yield (
                f"has audio in {', '.join(languages)}: heard was {transcribed}, see --audio-stream"
            )

    def _shortcomings(self) -> Iterator[str]:
        """A note on the audio that could not be decoded."""
        if self.media.cut_off is not None:
            yield f"degraded: its sound is {cut_off_message(self.media.cut_off)}"
        elif self.media.damage:
            packets = plural(self.media.damage, "packet")
            yield f"degraded: {packets} of its sound could not be decoded"

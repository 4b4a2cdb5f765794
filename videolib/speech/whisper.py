"""Whisper as a Python package: faster-whisper (CTranslate2) and openai-whisper (PyTorch)."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import re
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from videolib.core.errors import MissingDependencyError
from videolib.core.text import printable
from videolib.media.downmix import SAMPLE_RATE
from videolib.speech.loops import is_loop
from videolib.speech.recognizers import Recognizer
from videolib.speech.segments import WINDOW_SAMPLES, Word

if TYPE_CHECKING:
    from videolib.speech.recognizers import TranscriptionOptions
    from videolib.speech.segments import SpeechWindow

# Whisper's own thresholds: a segment holds no speech if its probability of silence is above the one
# and its mean log probability below the other.
NO_SPEECH_THRESHOLD, LOGPROB_THRESHOLD = 0.6, -1.0
RETRY_LOGPROB = -0.7  # mean log probability below which greedy decoding is repeated with a beam
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+")  # owner/model on the Hugging Face hub


class FasterWhisper(Recognizer):
    """Whisper run by CTranslate2: int8 on a CPU, windows in batches.

    On a CPU several small batches in parallel, with few threads each, are faster than a large one
    with many threads, which wait for each other.
    """

    MAX_PARALLEL_BATCHES: ClassVar = 4

    def __init__(self, model: str, threads: int) -> None:
        import ctranslate2
        from faster_whisper import WhisperModel
        from tqdm import tqdm

        # Without a lock given here, tqdm creates a named one, which a killed worker leaves behind;
        # that faster-whisper's progress bars are off makes no difference.
        tqdm.set_lock(threading.RLock())
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        supported = ctranslate2.get_supported_compute_types(device)
        preferred = ("int8",) if device == "cpu" else ("int8_float16", "float16")
        compute_type = next((name for name in preferred if name in supported), "default")
        folder = model_folder(model)
        batch_threads = max(threads // self.MAX_PARALLEL_BATCHES, 1)
        self.parallel = 1 if device == "cuda" else max(threads // batch_threads, 1)
        self.batch_size = 16 if device == "cuda" else 2 * self.parallel
        try:
            self.model = WhisperModel(
                folder,
                device,
                compute_type=compute_type,
                cpu_threads=batch_threads,
                num_workers=self.parallel,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise MissingDependencyError(
                f"{printable(model)}: no model that faster-whisper can load ({error})"
            ) from None
        description = {"backend": "faster-whisper", "model": Path(model).name}
        description |= {"device": device, "compute_type": compute_type}
        super().__init__(description, bool(self.model.model.is_multilingual))

    def detect_language(
        self, windows: Sequence[SpeechWindow], options: TranscriptionOptions
    ) -> tuple[str, float]:
        import numpy as np

        audio = np.concatenate([window.audio for window in windows[:4]])
        code, probability, _ = self.model.detect_language(
            audio, language_detection_segments=4, language_detection_threshold=0.7
        )
        return code, float(probability)

    def transcribe(
        self, windows: Sequence[SpeechWindow], options: TranscriptionOptions
    ) -> list[list[Word]]:
        from concurrent.futures import ThreadPoolExecutor

        size = -(-len(windows) // self.parallel)
        batches = [windows[i : i + size] for i in range(0, len(windows), size)]
        with ThreadPoolExecutor(len(batches)) as pool:
            decoded = pool.map(lambda batch: self.decode(batch, options), batches)
            transcripts = list(itertools.chain.from_iterable(decoded))
        return [
            spoken_words(self.checked(segments, window, options))
            for segments, window in zip(transcripts, windows, strict=True)
        ]

    def checked(
        self, segments: list[Any], window: SpeechWindow, options: TranscriptionOptions
    ) -> list[Any]:
        """The segments that greedy decoding gave for a window, or better ones.

        Where they are unlikely or a loop, those of a beam search are taken; where these are a loop,
        too, those of a beam search that repeats no four tokens.
        """
        if any(s.avg_logprob < RETRY_LOGPROB or is_loop(s.text) for s in segments):
            segments = self.decode([window], options, beam_size=5)[0]
            if any(is_loop(s.text) for s in segments):
                segments = self.decode([window], options, beam_size=5, no_repeat_ngram_size=4)[0]
        return segments

    def decode(
        self,
        windows: Sequence[SpeechWindow],
        options: TranscriptionOptions,
        beam_size: int = 1,
        **decoding: Any,
    ) -> list[list[Any]]:
        """faster-whisper's segments of each window, the times of their words from its beginning.

        `decoding`: further arguments of its `transcribe`.
        """
        import numpy as np
        from faster_whisper import BatchedInferencePipeline

        audio = [window.audio[:WINDOW_SAMPLES] for window in windows]
        ends = list(itertools.accumulate(map(len, audio)))
        starts = [0, *ends[:-1]]
        clips = [
            {"start": start / SAMPLE_RATE, "end": end / SAMPLE_RATE}
            for start, end in zip(starts, ends, strict=True)
        ]
        segments, _ = BatchedInferencePipeline(self.model).transcribe(
            np.concatenate(audio),
            language=options.language if self.multilingual else "en",
            task=options.task,
            initial_prompt=options.prompt or None,
            hotwords=options.hotwords or None,
            clip_timestamps=clips,
            batch_size=len(windows),
            word_timestamps=True,
            beam_size=beam_size,
            **decoding,
        )
        return split_segments(segments, starts)


def local_model(model: str) -> str:
    """The folder on this machine of a model, named by its path, its size or its name on the Hugging
    Face hub; "" where it would have to be downloaded. Raises MissingDependencyError where the name
    is none of these.
    """
    from faster_whisper import available_models, download_model
    from huggingface_hub.errors import LocalEntryNotFoundError

    sizes = available_models()
    if model not in sizes and Path(model).expanduser().is_dir():
        return str(Path(model).expanduser())
    if model not in sizes and not HUB_NAME.fullmatch(model):
        names = " ".join(sizes)
        raise MissingDependencyError(
            f"--model {printable(model)}: no folder and no known name; there are {names}"
        )
    with contextlib.suppress(LocalEntryNotFoundError):
        return str(download_model(model, local_files_only=True))
    return ""


def model_folder(model: str) -> str:
    """The folder of a model, as `local_model` has it, or downloaded. Raises MissingDependencyError
    where that fails, or the name is that of none.
    """
    from faster_whisper import download_model

    if folder := local_model(model):
        return folder
    try:
        return str(download_model(model))
    except Exception as error:  # noqa: BLE001 - whatever the hub's client raises
        reason = str(error).partition("\n")[0].removeprefix("Got: ") or type(error).__name__
        code = f"from faster_whisper import download_model; download_model('{model}', 'model')"
        raise MissingDependencyError(
            f"the model {model} is not on this machine and cannot be downloaded ({reason}): where "
            f'there is a network, python -c "{code}" makes a folder for --model ./model'
        ) from None


def split_segments(segments: Iterable[Any], starts: Sequence[int]) -> list[list[Any]]:
    """faster-whisper's segments of each window, the times of their words from its beginning.

    `starts`: the position of each window, in samples, in the audio that was decoded.
    """
    import dataclasses

    by_window: list[list[Any]] = [[] for _ in starts]
    for segment in segments:
        sample = (segment.seek + 1) * SAMPLE_RATE / 100  # `seek` is in hundredths of a second
        i = bisect.bisect_right(starts, sample) - 1
        shift = starts[i] / SAMPLE_RATE
        words = [
            dataclasses.replace(word, start=word.start - shift, end=word.end - shift)
            for word in segment.words or ()
        ]
        by_window[i].append(dataclasses.replace(segment, words=words))
    return by_window


def spoken_words(segments: Iterable[Any]) -> list[Word]:
    """The words of faster-whisper's segments but for those that hold no speech."""
    return [
        Word(word.start, word.end, word.word, float(word.probability))
        for segment in segments
        if segment.no_speech_prob < NO_SPEECH_THRESHOLD or segment.avg_logprob > LOGPROB_THRESHOLD
        for word in segment.words or ()
    ]


class OpenaiWhisper(Recognizer):
    """Whisper run by PyTorch: OpenAI's own package openai-whisper."""

    def __init__(self, model: str, threads: int) -> None:
        import torch
        import whisper

        torch.set_num_threads(threads)
        device, number = ("cuda", "float16") if torch.cuda.is_available() else ("cpu", "float32")
        try:
            self.model = whisper.load_model(model, device=device)
        except (RuntimeError, OSError) as error:
            raise MissingDependencyError(
                f"the model {printable(model)} cannot be loaded or downloaded ({error}): where "
                "there is a network, python -c \"import whisper; whisper.load_model('small')\" "
                "fetches ~/.cache/whisper/small.pt; --model takes its path"
            ) from None
        description = {"backend": "whisper", "model": Path(model).name}
        description |= {"device": device, "compute_type": number}
        super().__init__(description, bool(self.model.is_multilingual))

    def detect_language(
        self, windows: Sequence[SpeechWindow], options: TranscriptionOptions
    ) -> tuple[str, float]:
        import whisper

        mel = whisper.log_mel_spectrogram(
            whisper.pad_or_trim(windows[0].audio), n_mels=self.model.dims.n_mels
        )
        _, probabilities = self.model.detect_language(mel.to(self.model.device))
        code = max(probabilities, key=probabilities.get)
        return code, float(probabilities[code])

    def transcribe(
        self, windows: Sequence[SpeechWindow], options: TranscriptionOptions
    ) -> list[list[Word]]:
        return [self.transcribe_window(window, options) for window in windows]

    def transcribe_window(self, window: SpeechWindow, options: TranscriptionOptions) -> list[Word]:
        """The words of one window."""
        result = self.model.transcribe(
            window.audio,
            language=options.language,
            task=options.task,
            initial_prompt=options.full_prompt or None,
            word_timestamps=True,
            condition_on_previous_text=False,
            fp16=self.description["device"] == "cuda",
            verbose=None,
        )
        return [
            Word(word["start"], word["end"], word["word"], word["probability"])
            for segment in result["segments"]
            for word in segment["words"]
        ]

"""Speech models: faster-whisper, openai-whisper and whisper.cpp behind one class."""

from __future__ import annotations

import bisect
import contextlib
import functools
import io
import itertools
import json
import math
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.errors import MissingDependencyError
from videolib.core.files import remove, scratch_name
from videolib.core.processes import installed_tools, run_tool
from videolib.core.text import finite_mean, printable
from videolib.media.audio import SAMPLE_RATE
from videolib.speech.segments import WINDOW, Word

if TYPE_CHECKING:
    from videolib.speech.segments import SpeechWindow


NO_SPEECH, LEAST_LOGPROB = 0.6, -1.0  # Whisper's own: both are passed where there is silence


UNSURE_WORDS = -0.7  # mean log probability below which greedy decoding is done again with a beam


class TranscriptionOptions(NamedTuple):
    """What a recognizer is to listen for."""

    language: str
    translate: bool = False
    prompt: str = ""
    hotwords: str = ""

    @property
    def task(self) -> str:
        return "translate" if self.translate else "transcribe"

    @property
    def hint(self) -> str:
        """Both, for a program that takes one text."""
        return ", ".join(filter(None, (self.hotwords, self.prompt)))


class Recognizer:
    """A speech model that was loaded, the same whichever program runs it.

    `facts` say which it is; `batch` is how many windows it is best given at a time.
    """

    batch: int = 1

    def __init__(self, facts: dict[str, Any], multilingual: bool) -> None:
        self.facts, self.multilingual = facts, multilingual
        self.scratch_dir = ""  # the folder where a scratch file may lie

    def language(self, group: Sequence[SpeechWindow]) -> tuple[str, float]:
        """The language that is spoken, and how sure that is, from 0 to 1."""
        raise NotImplementedError

    def words(self, group: Sequence[SpeechWindow], wish: TranscriptionOptions) -> list[list[Word]]:
        """What is said in each window, timed from the window's beginning."""
        raise NotImplementedError


def heard_in(
    group: Sequence[SpeechWindow], model: Recognizer, wish: TranscriptionOptions
) -> list[Word]:
    """The words in windows, timed as in the video.

    A model may stop in the middle of a window, at a change of voices for instance: what has a voice
    in it and got no words is listened to once more, alone.
    """
    spoken = model.words(group, wish)
    words = in_video(group, spoken)
    if unheard := [rest for window in group if (rest := window.without(words))]:
        group, spoken = [*group, *unheard], [*spoken, *model.words(unheard, wish)]
    words = in_video(group, map(without_loops, spoken))
    return sorted(words, key=lambda word: word[:2])


def in_video(group: Sequence[SpeechWindow], spoken: Iterable[Sequence[Word]]) -> list[Word]:
    """The words in each window, timed as in the video."""
    return [w.in_video(word) for w, heard in zip(group, spoken, strict=True) for word in heard]


class FasterWhisper(Recognizer):
    """Whisper run by CTranslate2: int8 on the CPU, windows in batches.

    Several small batches at a time, each with few threads, cost less than a large one with many,
    which wait for each other.
    """

    TEAM: ClassVar = 4  # batches at a time on a processor of many cores

    def __init__(self, model: str, threads: int) -> None:
        import ctranslate2
        from faster_whisper import WhisperModel
        from tqdm import tqdm

        # Its bars are off, yet each would make a lock that outlives a worker that is killed.
        tqdm.set_lock(threading.RLock())
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        kinds = ctranslate2.get_supported_compute_types(device)
        wanted = ("int8",) if device == "cpu" else ("int8_float16", "float16")
        kind = next((name for name in wanted if name in kinds), "default")
        folder = self.find(model)
        each = max(threads // self.TEAM, 1)
        self.team = 1 if device == "cuda" else max(threads // each, 1)
        self.batch = 16 if device == "cuda" else 2 * self.team
        try:
            self.model = WhisperModel(
                folder, device, compute_type=kind, cpu_threads=each, num_workers=self.team
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise MissingDependencyError(
                f"{printable(model)}: no model that faster-whisper can load ({error})"
            ) from None
        facts = {"backend": "faster-whisper", "model": Path(model).name}
        multilingual = bool(self.model.model.is_multilingual)
        super().__init__(facts | {"device": device, "compute_type": kind}, multilingual)

    @staticmethod
    def find(model: str) -> str:
        """The folder of a model by name or place, from the hub where it is not on this machine."""
        from faster_whisper import available_models, download_model
        from huggingface_hub.errors import LocalEntryNotFoundError

        names = available_models()
        if model not in names and Path(model).expanduser().is_dir():
            return str(Path(model).expanduser())
        if model not in names and not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", model):
            known = " ".join(names)
            raise MissingDependencyError(
                f"--model {printable(model)}: no folder and no known name; there are {known}"
            )
        with contextlib.suppress(LocalEntryNotFoundError):
            return str(download_model(model, local_files_only=True))
        try:
            return str(download_model(model))
        except Exception as error:  # noqa: BLE001 - whatever the hub's client raises
            why = str(error).partition("\n")[0].removeprefix("Got: ") or type(error).__name__
            code = f"from faster_whisper import download_model; download_model('{model}', 'model')"
            raise MissingDependencyError(
                f"the model {model} is not on this machine and cannot be downloaded ({why}): where "
                f'there is a network, python -c "{code}" makes a folder for --model ./model'
            ) from None

    def language(self, group: Sequence[SpeechWindow]) -> tuple[str, float]:
        import numpy as np

        sound = np.concatenate([window.sound for window in group[:4]])
        code, probability, _ = self.model.detect_language(
            sound, language_detection_segments=4, language_detection_threshold=0.7
        )
        return code, float(probability)

    def words(self, group: Sequence[SpeechWindow], wish: TranscriptionOptions) -> list[list[Word]]:
        """Greedy decoding first; where that looks wrong, a beam search that does not go round."""
        from concurrent.futures import ThreadPoolExecutor

        size = -(-len(group) // self.team)
        parts = [group[i : i + size] for i in range(0, len(group), size)]
        with ThreadPoolExecutor(len(parts)) as team:
            heard = list(itertools.chain(*team.map(lambda part: self.decode(part, wish), parts)))
        for i, segments in enumerate(heard):
            if any(s.avg_logprob < UNSURE_WORDS or is_loop(s.text) for s in segments):
                again = self.decode([group[i]], wish, beam_size=5)[0]
                if any(is_loop(s.text) for s in again):
                    again = self.decode([group[i]], wish, beam_size=5, no_repeat_ngram_size=4)[0]
                heard[i] = again
        return [
            [
                Word(w.start, w.end, w.word, float(w.probability))
                for s in segments
                if s.no_speech_prob < NO_SPEECH or s.avg_logprob > LEAST_LOGPROB
                for w in s.words or ()
            ]
            for segments in heard
        ]

    def decode(
        self,
        group: Sequence[SpeechWindow],
        wish: TranscriptionOptions,
        beam_size: int = 1,
        **more: Any,
    ) -> list[list[Any]]:
        """faster-whisper's segments of each window, their words timed from its beginning."""
        import dataclasses

        import numpy as np
        from faster_whisper import BatchedInferencePipeline

        sounds = [window.sound[:WINDOW] for window in group]
        ends = list(itertools.accumulate(map(len, sounds)))
        starts = [0, *ends[:-1]]
        clips = [
            {"start": a / SAMPLE_RATE, "end": b / SAMPLE_RATE}
            for a, b in zip(starts, ends, strict=True)
        ]
        found, _ = BatchedInferencePipeline(self.model).transcribe(
            np.concatenate(sounds),
            language=wish.language if self.multilingual else "en",
            task=wish.task,
            initial_prompt=wish.prompt or None,
            hotwords=wish.hotwords or None,
            clip_timestamps=clips,
            batch_size=len(group),
            word_timestamps=True,
            beam_size=beam_size,
            **more,
        )
        heard: list[list[Any]] = [[] for _ in group]
        for segment in found:
            sample = (segment.seek + 1) * SAMPLE_RATE / 100  # `seek` is in hundredths of a second
            i = bisect.bisect_right(starts, sample) - 1
            shift = starts[i] / SAMPLE_RATE
            words = [
                dataclasses.replace(w, start=w.start - shift, end=w.end - shift)
                for w in segment.words or ()
            ]
            heard[i].append(dataclasses.replace(segment, words=words))
        return heard


class OpenaiWhisper(Recognizer):
    """Whisper run by PyTorch, the reference program (package openai-whisper)."""

    def __init__(self, model: str, threads: int) -> None:
        import torch
        import whisper

        torch.set_num_threads(threads)
        device, kind = ("cuda", "float16") if torch.cuda.is_available() else ("cpu", "float32")
        try:
            self.model = whisper.load_model(model, device=device)
        except (RuntimeError, OSError) as error:
            raise MissingDependencyError(
                f"the model {printable(model)} cannot be loaded or downloaded ({error}): where "
                "there is a network, "
                "python -c \"import whisper; whisper.load_model('small')\" fetches "
                "~/.cache/whisper/small.pt; --model takes its path"
            ) from None
        facts = {"backend": "whisper", "model": Path(model).name}
        facts |= {"device": device, "compute_type": kind}
        super().__init__(facts, bool(self.model.is_multilingual))

    def language(self, group: Sequence[SpeechWindow]) -> tuple[str, float]:
        import whisper

        mel = whisper.log_mel_spectrogram(
            whisper.pad_or_trim(group[0].sound), n_mels=self.model.dims.n_mels
        )
        _, probabilities = self.model.detect_language(mel.to(self.model.device))
        code = max(probabilities, key=probabilities.get)
        return code, float(probabilities[code])

    def words(self, group: Sequence[SpeechWindow], wish: TranscriptionOptions) -> list[list[Word]]:
        heard = []
        for window in group:
            answer = self.model.transcribe(
                window.sound,
                language=wish.language,
                task=wish.task,
                initial_prompt=wish.hint or None,
                word_timestamps=True,
                condition_on_previous_text=False,
                fp16=self.facts["device"] == "cuda",
                verbose=None,
            )
            heard.append(
                [
                    Word(w["start"], w["end"], w["word"], w["probability"])
                    for segment in answer["segments"]
                    for w in segment["words"]
                ]
            )
        return heard


class WhisperCpp(Recognizer):
    """whisper.cpp's program, which is given the windows as a WAV file and answers in JSON."""

    batch = 20

    def __init__(self, program: str, model: str, threads: int) -> None:
        if not Path(model).is_file():
            raise MissingDependencyError(
                "whisper.cpp needs a model in its own format: --whisper-cpp-model ggml-small.bin, "
                "from https://huggingface.co/ggerganov/whisper.cpp"
            )
        self.program, self.path, self.threads = program, model, threads
        facts = {"backend": "whisper.cpp", "model": Path(model).name, "device": "cpu"}
        super().__init__(facts, ".en" not in Path(model).name)

    def language(self, group: Sequence[SpeechWindow]) -> tuple[str, float]:
        lines: list[str] = []

        def hear(line: str) -> bool:
            lines.append(line)
            return True

        self.run(group[:1], ["-l", "auto", "-dl"], hear)
        found = re.search(r"auto-detected language: (\w+) \(p = ([\d.]+)", "\n".join(lines))
        return (found[1], float(found[2])) if found else ("en", 0.0)

    def words(self, group: Sequence[SpeechWindow], wish: TranscriptionOptions) -> list[list[Word]]:
        flags = ["-l", wish.language, *(["-tr"] if wish.translate else [])]
        if wish.hint:
            flags += ["--prompt", wish.hint]
        spoken = self.run(group, [*flags, "-ojf"])
        heard: list[list[Word]] = [[] for _ in group]
        ends = list(itertools.accumulate(len(window.sound) / SAMPLE_RATE for window in group))
        for word in spoken:
            i = min(bisect.bisect_right(ends, (word.start + word.end) / 2), len(ends) - 1)
            shift = ends[i - 1] if i else 0.0
            heard[i].append(word._replace(start=max(word.start - shift, 0.0), end=word.end - shift))
        return heard

    def run(
        self,
        group: Sequence[SpeechWindow],
        flags: Sequence[str],
        hear: Callable[[str], bool] | None = None,
    ) -> list[Word]:
        """Run the program on the windows in a row, in a folder that is removed afterwards."""
        folder = Path(self.scratch_dir) / scratch_name()
        folder.mkdir(parents=True)
        try:
            sound, answer = folder / "sound.wav", folder / "answer.json"
            sound.write_bytes(wave_file(group))
            files = ["-m", self.path, "-f", str(sound), "-of", str(answer.with_suffix(""))]
            argv = [self.program, *files, "-t", str(self.threads), *flags]
            run_tool(argv, timeout=math.inf, hear=hear)
            return words_of_json(answer.read_bytes()) if answer.exists() else []
        finally:
            remove(folder)


def wave_file(group: Sequence[SpeechWindow]) -> bytes:
    """Windows in a row as a WAV file, 16 kHz, mono, 16 bits."""
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for stretch in (stretch for window in group for stretch in window.stretches):
            file.writeframesraw(stretch.sound.astype("<i2").tobytes())
    return buffer.getvalue()


def words_of_json(answer: bytes) -> list[Word]:
    """The words in whisper.cpp's full JSON.

    It times tokens, which may be parts of words and even of letters: a token that begins with a
    space begins a word, and bytes are put together before they are read as UTF-8.
    """
    data = json.loads(answer.decode("utf-8", "surrogateescape"))
    words: list[Word] = []
    for segment in data.get("transcription", []):
        begun = False
        for token in segment.get("tokens", []):
            text, offsets = token.get("text", ""), token.get("offsets", {})
            if re.fullmatch(r"\[_.*\]|<\|.*\|>|", text) or not offsets:
                continue
            start, end = offsets["from"] / 1000, offsets["to"] / 1000
            if begun and not text.startswith(" "):
                last = words[-1]
                probability = min(last.probability or 1.0, token.get("p", 1.0))
                words[-1] = Word(last.start, max(end, last.end), last.text + text, probability)
            else:
                words.append(Word(start, max(end, start), text, token.get("p")))
            begun = True
    return [
        w._replace(text=w.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        for w in words
    ]


def is_loop(text: str) -> bool:
    """Whether a text says the same over and over, as a model does that has lost its way.

    How well it packs, which Whisper's own program goes by, would take rhetoric for a loop.
    """
    plain = [re.sub(r"\W+", "", word).lower() for word in text.split()]
    return bool(STUTTER.search(text)) or any(repeats(plain, at)[0] for at in range(len(plain)))


def without_loops(words: Sequence[Word], apart: bool = False) -> list[Word]:
    """Words without what a model that lost its way said over and over: a phrase that comes three
    times or more in a row (a word six times, two words four) is kept once.

    Repeats with long pauses between them may be real, such as thanks, and so may those that were
    heard `apart`, in several windows, such as a chorus: they go if they are unsure. Of letters that
    are repeated within a word three times are kept.
    """
    words = [word._replace(text=STUTTER.sub(r"\1\1\1", word.text)) for word in words]
    plain = [re.sub(r"\W+", "", word.text).lower() for word in words]
    kept: list[Word] = []
    at = 0
    while at < len(words):
        length, times = repeats(plain, at)
        again = words[at + length : at + length * times]
        hurried = not apart and is_hurried(words[at : at + length * times])
        if times > 1 and (hurried or is_unsure(again)):
            kept += words[at : at + length]
            at += length * times
        else:
            kept.append(words[at])
            at += 1
    return kept


STUTTER = re.compile(r"([^\W\d]{1,6}?)\1{7,}")  # letters over and over in a word: Hmmmmmmmm


LONGEST_PHRASE = 24  # words in a phrase that is looked for again right after it


def repeats(plain: Sequence[str], at: int) -> tuple[int, int]:
    """The length in words of the phrase that is repeated too often from here, and how often."""
    for length in range(1, min(LONGEST_PHRASE, (len(plain) - at) // 3) + 1):
        phrase, times = plain[at : at + length], 1
        while plain[at + length * times : at + length * (times + 1)] == phrase:
            times += 1
        if times >= {1: 6, 2: 4}.get(length, 3) and any(phrase):
            return length, times
    return 0, 1


def is_hurried(words: Sequence[Word]) -> bool:
    """Whether no breath is taken between words."""
    return all(b.start - a.end < 2.0 for a, b in itertools.pairwise(words))


def is_unsure(words: Sequence[Word]) -> bool:
    known = [word.probability for word in words if word.probability is not None]
    return bool(known) and finite_mean(known) < 0.6


WHISPER_CPP = ("whisper-cli", "whisper-cpp")  # what its program is and was called


@functools.cache
def recognizer(backend: str, model: str, threads: int, program: str, ggml: str) -> Recognizer:
    """The loaded model, kept by this worker for all the videos to come.

    Raises LackError where a package, a program or the model is missing.
    """
    from importlib.util import find_spec

    makers = {"faster-whisper": FasterWhisper, "whisper": OpenaiWhisper}
    for name, maker in makers.items():
        if backend in ("auto", name) and find_spec(name.replace("-", "_")):
            return maker(model, threads)
    found = program or next((p.path for n in WHISPER_CPP for p in installed_tools(n)), "")
    if backend in ("auto", "whisper.cpp") and found:
        return WhisperCpp(found, ggml, threads)
    need = {
        "whisper": "pip install openai-whisper",
        "whisper.cpp": "build whisper.cpp and put whisper-cli on PATH, or --whisper-cpp-bin",
    }
    raise MissingDependencyError(
        f"no {backend} here: {need.get(backend, 'pip install faster-whisper')}"
    )

"""whisper.cpp: a program of its own, which reads a WAV file and writes a JSON file."""

from __future__ import annotations

import bisect
import contextlib
import io
import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.confinement import opened_parent, path_for_child
from videolib.core.errors import MissingDependencyError
from videolib.core.files import make_folder, remove, scratch_name
from videolib.core.processes import installed_tools, run_tool
from videolib.media.downmix import SAMPLE_RATE
from videolib.speech.recognizers import Recognizer
from videolib.speech.segments import Word

if TYPE_CHECKING:
    from videolib.speech.recognizers import TranscriptionOptions
    from videolib.speech.segments import SpeechWindow

PROGRAM_NAMES = ("whisper-cli", "whisper-cpp")  # the program's name, and its former one
DETECTED_LANGUAGE = re.compile(r"auto-detected language: (\w+) \(p = ([\d.]+)")
SPECIAL_TOKEN = re.compile(r"\[_.*\]|<\|.*\|>|")


def find_program() -> str:
    """The path of whisper.cpp's program; "" where it is not on PATH."""
    return next((tool.path for name in PROGRAM_NAMES for tool in installed_tools(name)), "")


class WhisperCpp(Recognizer):
    """Whisper run by whisper.cpp on the CPU, with a model in its own format, ggml."""

    batch_size = 20

    def __init__(self, program: str, model: Path | None, threads: int) -> None:
        if not model or not model.expanduser().is_file():
            raise MissingDependencyError(
                "whisper.cpp needs a model in its own format: --whisper-cpp-model ggml-small.bin, "
                "from https://huggingface.co/ggerganov/whisper.cpp"
            )
        self.program, self.model, self.threads = program, str(model.expanduser()), threads
        description = {"backend": "whisper.cpp", "model": model.name, "device": "cpu"}
        super().__init__(description, ".en" not in model.name)

    def detect_language(
        self, windows: Sequence[SpeechWindow], options: TranscriptionOptions
    ) -> tuple[str, float]:
        lines: list[str] = []

        def collect(line: str) -> bool:
            lines.append(line)
            return True

        self.run(windows[:1], ["-l", "auto", "-dl"], options.scratch_dir, collect)
        detected = DETECTED_LANGUAGE.search("\n".join(lines))
        return (detected[1], float(detected[2])) if detected else ("en", 0.0)

    def transcribe(
        self, windows: Sequence[SpeechWindow], options: TranscriptionOptions
    ) -> list[list[Word]]:
        flags = ["-l", options.language, *(["-tr"] if options.translate else [])]
        if options.full_prompt:
            flags += ["--prompt", options.full_prompt]
        words = self.run(windows, [*flags, "-ojf"], options.scratch_dir)
        by_window: list[list[Word]] = [[] for _ in windows]
        ends = list(itertools.accumulate(len(window.audio) / SAMPLE_RATE for window in windows))
        for word in words:
            i = min(bisect.bisect_right(ends, (word.start + word.end) / 2), len(ends) - 1)
            shift = ends[i - 1] if i else 0.0
            start, end = max(word.start - shift, 0.0), word.end - shift
            by_window[i].append(word._replace(start=start, end=end))
        return by_window

    def run(
        self,
        windows: Sequence[SpeechWindow],
        flags: Sequence[str],
        scratch_dir: str,
        on_line: Callable[[str], bool] | None = None,
    ) -> list[Word]:
        """Run the program on windows in a row; the words in the JSON file it writes, if any.

        Their times are those in the audio of all windows in a row. `on_line`: called with every
        line that the program prints, see `run_tool`.
        """
        names = ("sound.wav", "answer.json")
        with (
            scratch_folder(scratch_dir) as folder,
            opened_parent(folder / names[0]) as (_, descriptor),
        ):
            audio, output = (Path(path_for_child(folder / name, descriptor)) for name in names)
            audio.write_bytes(wav_file(windows))
            files = ["-m", self.model, "-f", str(audio), "-of", str(output.with_suffix(""))]
            argv = [self.program, *files, "-t", str(self.threads), *flags]
            run_tool(argv, timeout=math.inf, on_line=on_line, pass_fds=[descriptor])
            return parse_output(output.read_bytes()) if output.exists() else []


@contextlib.contextmanager
def scratch_folder(parent: str) -> Iterator[Path]:
    """A new folder that is removed afterwards."""
    folder = Path(parent) / scratch_name()
    make_folder(folder)
    try:
        yield folder
    finally:
        remove(folder)


def wav_file(windows: Sequence[SpeechWindow]) -> bytes:
    """Windows in a row as a WAV file: 16 kHz, mono, 16 bits."""
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for segment in (segment for window in windows for segment in window.segments):
            file.writeframesraw(segment.samples.astype("<i2").tobytes())
    return buffer.getvalue()


def parse_output(output: bytes) -> list[Word]:
    """The words in whisper.cpp's full JSON (flag -ojf).

    It gives the times of tokens, which may be parts of words and even of the UTF-8 bytes of a
    letter: a token that begins with a space begins a word, and bytes are decoded once the word is
    complete. Raises ValueError where it is not valid JSON.
    """
    data = json.loads(output.decode("utf-8", "surrogateescape"))
    words: list[Word] = []
    for segment in data.get("transcription", []):
        words += join_tokens(segment.get("tokens", []))
    return [
        word._replace(text=word.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        for word in words
    ]


def join_tokens(tokens: Sequence[dict[str, Any]]) -> list[Word]:
    """The words made of the tokens of a segment, with undecodable bytes as surrogates."""
    words: list[Word] = []
    for token in tokens:
        text, offsets = token.get("text", ""), token.get("offsets", {})
        if SPECIAL_TOKEN.fullmatch(text) or not offsets:
            continue
        start, end = offsets["from"] / 1000, offsets["to"] / 1000
        if words and not text.startswith(" "):
            last = words[-1]
            probability = min(last.probability or 1.0, token.get("p", 1.0))
            words[-1] = Word(last.start, max(end, last.end), last.text + text, probability)
        else:
            words.append(Word(start, max(end, start), text, token.get("p")))
    return words

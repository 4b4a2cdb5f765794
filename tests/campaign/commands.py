"""The commands that the campaign disturbs: each with a small folder to run it in.

To those of tests/support/disturbance.py, which open no video, come those that do, with a film of
two scenes with sound and a text track, and those that write the cache alone.
"""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from support import disturbance, media, run_process
from support.disturbance import Fill, Words

TEXT = "1\n00:00:00,200 --> 00:00:01,400\nWords of the track.\n"
SPOKEN = {"text": " Words", "offsets": {"from": 200, "to": 900}, "p": 0.9}


class AnyCommand(NamedTuple):
    """How to fill the folder, the words of the command, and whether it only answers."""

    fill: Fill
    words: Words
    answers: bool = False


@functools.cache
def clip_folder() -> Path:
    """A folder for the clips of this process, each made once."""
    folder = tempfile.TemporaryDirectory(prefix="campaign-clips-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def film(root: Path) -> None:
    put_film(root / "a.mp4")


def put_film(path: Path) -> None:
    """Put a film somewhere: two scenes of a second with sound and a text track."""
    made = clip_folder() / path.name
    if not made.exists():
        silent, text = made.with_name(f"silent-{path.name}"), made.with_name("text.srt")
        scenes = [media.texture(number, (120, 160, 90)) for number in (1, 2)]
        media.encode(silent, [scenes[i // 10] for i in range(20)], *media.H264, "-g", 10, fps=10)
        text.write_text(TEXT)
        sound = ("-f", "lavfi", "-i", "sine=frequency=440:duration=2")
        words = ("-c:s", "mov_text" if made.suffix == ".mp4" else "srt", "-metadata:s:s:0")
        coded = ("-c:v", "copy", "-c:a", "aac", *words, "language=eng")
        media.ffmpeg("-i", silent, *sound, "-i", text, "-map", "0:v", "-map", "1:a", "-map", "2:s",
                     *coded, made)  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    shutil.copy2(made, path)


def films(root: Path) -> None:
    film(root)
    shutil.copy2(root / "a.mp4", root / "b.mp4")


def film_and_speech(root: Path) -> None:
    """A film and a stand-in for whisper.cpp, beside the folder, which says one word."""
    film(root)
    answer, program = root.parent / "answer.json", root.parent / "whisper-cli"
    spoken = {"result": {"language": "en"}, "transcription": [{"tokens": [SPOKEN]}]}
    answer.write_text(json.dumps(spoken))
    program.write_text(f'#!/bin/sh\ncp {answer} "$6.json"\n')
    program.chmod(0o755)
    (root.parent / "ggml.en.bin").write_bytes(b"a model")


def other_container(root: Path) -> None:
    put_film(root / "in" / "a.mkv")


def people_film(root: Path) -> None:
    """Two people who are beside each other for two seconds."""
    from support import faces

    made = clip_folder() / "people.mp4"
    if not made.exists():
        names = list(faces.PEOPLE)[:2]
        media.encode(made, faces.frames([(2, names)]), *media.H264, "-g", 10, fps=faces.FPS)
    shutil.copy2(made, root / "people.mp4")


def listed_people(root: Path) -> None:
    people_film(root)
    done("listing", root)


def subtitled(root: Path) -> None:
    disturbance.two_videos(root)
    cue = "WEBVTT\n\n00:01.000 --> 00:02.000\nThe words of c.\n"
    disturbance.artifact(root / "c.mp4", ".vtt", cue)


def hashed(root: Path) -> None:
    films(root)
    done("phash", root)


def done(*words: object) -> None:
    run = run_process(*words)
    assert run.code == 0, run.err


def speech_words(root: Path) -> list[object]:
    place = root.parent
    tools = ("--whisper-cpp-bin", place / "whisper-cli", "--whisper-cpp-model",
             place / "ggml.en.bin")  # fmt: skip
    formats = ("--no-vad", "--force", "--format", "vtt,srt,json")
    return ["subtitles", root, "--backend", "whisper.cpp", *tools, *formats]


def on_folder(*words: str) -> Words:
    """The words of a command, then the folder."""
    return lambda root: [words[0], root, *words[1:]]


PREVIEWS = ("previews", "--segments", "2", "--duration", "0.4", "--width", "64")

OF_VIDEOS = {
    "metadata": AnyCommand(films, on_folder("metadata")),
    "thumbs": AnyCommand(films, on_folder("thumbs")),
    "sprites": AnyCommand(film, on_folder("sprites", "--interval", "1", "--cols", "1",
                                          "--rows", "1")),
    "previews": AnyCommand(film, on_folder(*PREVIEWS, "--join", "--image", "webp")),
    "subtitles": AnyCommand(film_and_speech, speech_words),
    "from-stream": AnyCommand(film, on_folder("subtitles", "--from-stream", "--format", "vtt,srt")),
    "phash": AnyCommand(film, on_folder("phash", "--deep")),
    "stash": AnyCommand(film, on_folder("phash", "--algo", "stash")),
    "heatmaps": AnyCommand(film, on_folder("heatmaps", "--interval", "1", "--png")),
    "scenes": AnyCommand(film, on_folder("scenes", "--thumbs", "--clips", "--clip-duration", "0.5",
                                         "--chapters")),
    "embed": AnyCommand(people_film, on_folder("embed", "--thumbnails")),
    "listing": AnyCommand(people_film, on_folder("listing")),
    "people": AnyCommand(listed_people, on_folder("people", "--rename", "1", "Ann")),
    "performers": AnyCommand(listed_people, on_folder("people", "--merge", "1", "2")),
    "forget": AnyCommand(listed_people, on_folder("people", "--forget", "1")),
    "purge": AnyCommand(listed_people, on_folder("embed", "--purge")),
    "transcode": AnyCommand(other_container,
                            lambda root: ["transcode", root / "in", root / "dest"]),
    "finish": AnyCommand(film, on_folder("finish", "--tasks", "metadata,thumbs,phash")),
    "batch": AnyCommand(films, on_folder("batch", "--tasks", "metadata,thumbs,heatmaps")),
    "exports": AnyCommand(film, on_folder("export", "--format", "nfo")),
    "dupes": AnyCommand(hashed, on_folder("dupes", "--apply", "trash")),
    "list": AnyCommand(disturbance.two_videos, on_folder("list", "-q", "tag:sea"), answers=True),
    "search": AnyCommand(subtitled, lambda root: ["search", "words", root], answers=True),
}  # fmt: skip

COMMANDS: dict[str, AnyCommand] = {
    **{name: AnyCommand(*command) for name, command in disturbance.COMMANDS.items()},
    **OF_VIDEOS,
}

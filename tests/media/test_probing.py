"""Metadata by libav in this process: ffprobe's own, key by key."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import Library

CLIPS = ["numbered.mp4", "turned_90.mp4", "anamorphic.mp4", "interlaced.mp4", "hdr10.mp4"]
CLIPS += ["full_range.mp4", "variable.mp4", "h264.mkv", "stream.ts", "mpeg2.mpg", "vp9.webm"]
CLIPS += ["prores.mov", "mpeg4.avi", "hevc.mp4", "covered.mp4", "sound_only.mp4", "offset.mkv"]
FIELDS = {"codec_name", "width", "coded_width", "has_b_frames", "pix_fmt", "r_frame_rate"}


@pytest.fixture
def stored(cli: Cli, library: Library, real_probe: None) -> Any:
    """Gives the metadata of all videos as a prober stores them, by name."""
    if not shutil.which("ffprobe"):
        pytest.skip("there is no ffprobe here")

    def store(prober: str) -> dict[str, Any]:
        run = cli("meta", library.root, "--ext", "all", "--prober", prober, "--force", "--json")
        assert run.code == 0, run.err
        names = [row["video"] for row in run.json["results"]]
        return {name: library.json(f"{name}.ffprobe.json") for name in names}

    return store


def differences(one: Any, other: Any, place: str) -> list[str]:
    """Where `other` has a key with another value than `one`. Flags that newer versions of libav
    have may be missing in ffprobe's."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [k for k in other if k in one or not place.endswith("disposition")]
        return [d for k in keys for d in differences(one.get(k), other[k], f"{place}.{k}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        rows = enumerate(zip(one, other, strict=True))
        return [d for i, (a, b) in rows for d in differences(a, b, f"{place}[{i}]")]
    return [] if one == other else [f"{place}: {one!r} is not {other!r}"]


def test_both_say_the_same(library: Library, stored: Any) -> None:
    for name in CLIPS:
        library.add(name)
    by_ffprobe, by_libav = stored("ffprobe"), stored("libav")
    assert set(by_ffprobe) == set(CLIPS)
    # ffprobe refuses a file for any codec off the list: then both are libav's.
    refused = {name for name, metadata in by_ffprobe.items() if metadata["prober"] != "ffprobe"}
    assert len(refused) <= 2
    for name in by_libav.keys() - refused:
        ours = by_libav[name]
        assert ours["prober"] == "pyav"
        theirs = {part: by_ffprobe[name][part] for part in ("streams", "format", "chapters")}
        assert differences(theirs, {part: ours[part] for part in theirs}, name) == []
        assert ours["duration"] == by_ffprobe[name]["duration"]
        for stream in ours["streams"]:
            assert stream["codec_type"] != "video" or stream.keys() >= FIELDS


def test_the_configuration_chooses(cli: Cli, library: Library, stored: Any) -> None:
    library.add("short.mp4")
    (library.root / "videorc.json").write_text(json.dumps({"metadata": {"prober": "libav"}}))
    cli("batch", library.root, "--tasks", "meta")
    assert library.json("short.mp4.ffprobe.json")["prober"] == "pyav"
    # Both say the same: nobody has to be told that it was the other one.
    again = cli("meta", library.root, "--prober", "ffprobe", "--json")
    assert again.counts == {"skipped": 1} and again.err == ""
    assert stored("ffprobe")["short.mp4"]["prober"] == "ffprobe"


def test_only_these_two(cli: Cli, library: Library) -> None:
    run = cli("meta", library.root, "--prober", "mediainfo")
    assert run.code == 2 and "--prober" in run.err


def test_libav_starts_no_program(
    cli: Cli, library: Library, real_probe: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "ffprobe"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    library.add("short.mp4")
    assert cli("meta", library.root, "--prober", "libav", "--json").counts == {"made": 1}
    assert not (tmp_path / "started").exists()

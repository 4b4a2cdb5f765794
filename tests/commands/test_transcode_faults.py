"""Transcode under bad input, killed, lied to and out of space: never a half file, never a lie."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from support import (
    Library,
    Run,
    Started,
    command,
    drop_privileges,
    media,
    modes_count,
    run_cli,
    run_process,
    run_unprivileged,
    started,
    wait_until,
)

from videolib.core.errors import VideoError
from videolib.core.processes import need_tool, run_tool
from videolib.media.ffmpeg import FfmpegProgress
from videolib.media.reader import Media
from videolib.media.verification import decode_tail, stream_summaries
from videolib.storage.videos import Video

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SLOW = ("--target-v", "vp9", "--preset", "veryslow")
QUICK_WEBM = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", 8, "-c:a", "libopus")


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    """The folder of the outputs; in the end no scratch file is in it."""
    folder = tmp_path / "out"
    yield folder
    assert list(folder.rglob(".tmp-*")) == []


def finals(folder: Path) -> list[str]:
    """Everything under a final name, the records included."""
    return sorted(
        path.name for path in folder.rglob("*") if path.is_file() and ".tmp-" not in path.name
    )


def reason(run: Run) -> str:
    """Why the only video failed."""
    (error,) = run.json["errors"]
    assert [action["status"] for action in run.json["actions"]] == ["failed"]
    assert run.code == 1
    return str(error["error"])


def transcode(library: Library, out: Path, *flags: object) -> Run:
    return run_cli("transcode", library.root, out, "--json", "--preset", "ultrafast", *flags)


@pytest.fixture
def long(library: Library) -> Path:
    """A source that takes long enough to be interrupted, as it is long, and nothing to make."""
    path = library.root / "long.mkv"
    source = media.clip("numbered.mp4", library.clips)
    media.ffmpeg("-stream_loop", 30, "-i", source, "-c", "copy", path)
    return library.keep(path)


@contextlib.contextmanager
def encoding(library: Library, out: Path) -> Iterator[tuple[Started, int]]:
    """A run in the middle of an encode, and the id of its ffmpeg."""
    with started(command("transcode", library.root, out, *SLOW)) as run:
        run.wait_for(lambda: any(p.stat().st_size for p in out.rglob(".tmp-*")))
        ffmpegs = [pid for pid in run.family() if program(pid) == "ffmpeg"]
        assert len(ffmpegs) == 1
        yield run, ffmpegs[0]


def program(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/exe").readlink().name.partition("-")[0]
    return ""


@pytest.mark.slow
class TestInterrupted:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_signals(self, library: Library, long: Path, out: Path, number: int, code: int) -> None:
        with encoding(library, out) as (run, _):
            run.process.send_signal(number)
            assert run.process.wait(5) == code
            assert wait_until(lambda: run.family() == [], 2)
        assert finals(out) == []
        assert list(out.rglob(".tmp-*")) == []

    def test_kill_of_the_program(self, library: Library, long: Path, out: Path) -> None:
        """Nothing lives on or has a final name; the next run sweeps and makes the output."""
        with encoding(library, out) as (run, _):
            run.process.kill()
            assert wait_until(lambda: run.family() == [], 2)
        assert finals(out) == []
        assert transcode(library, out).code == 0
        assert finals(out) == ["long.mkv.transcode.json", "long.mp4"]

    def test_kill_of_ffmpeg(self, library: Library, long: Path, out: Path) -> None:
        with encoding(library, out) as (run, ffmpeg):
            os.kill(ffmpeg, signal.SIGKILL)
            _, err = run.process.communicate(timeout=20)
            assert run.process.returncode == 1
        assert "long.mkv: ffmpeg was killed (SIGKILL)" in err.decode()
        assert finals(out) == []

    def test_ffmpeg_asked_to_end(self, library: Library, long: Path, out: Path) -> None:
        """It then closes a short but playable file, which must not pass for the whole."""
        with encoding(library, out) as (run, ffmpeg):
            os.kill(ffmpeg, signal.SIGTERM)
            run.process.wait(20)
            assert run.process.returncode == 1
        assert finals(out) == []

    def test_a_stalled_program_is_given_up(self) -> None:
        line = ["/bin/sh", "-c", "echo frame=1; echo progress=continue; sleep 60"]
        listener = FfmpegProgress(10)
        with pytest.raises(VideoError, match="made no headway for 1 s"):
            run_tool(line, timeout=30, on_line=listener, stall=1)


@pytest.mark.slow
class TestSpace:
    @pytest.mark.parametrize("flags", [(), ("--crf", 1)])
    def test_disk_full(self, library: Library, small_disk: Path, flags: tuple[object, ...]) -> None:
        """While the encoder writes, or already while it copies."""
        library.add("bikes.mp4", "film.mp4")
        codec = ("--target-v", "hevc") if flags else ("--force",)
        run = transcode(library, small_disk, *codec, *flags)
        assert "the disk is full" in reason(run)
        assert finals(small_disk) == []
        assert list(small_disk.rglob(".tmp-*")) == []

    def test_a_limit_on_file_sizes(self, library: Library, out: Path) -> None:
        library.add("bikes.mp4")
        run = run_process(
            *("transcode", library.root, out, "--force", "--json"),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
        )
        assert "ffmpeg" in reason(run)
        assert finals(out) == []

    def test_a_destination_that_cannot_be_written(
        self, library: Library, out: Path, tmp_path: Path
    ) -> None:
        if not modes_count(tmp_path):
            pytest.skip("root cannot give up its power over files here")
        library.add("h264.mkv")
        out.mkdir(mode=0o500)
        run = run_unprivileged("transcode", library.root, out, "--json")
        assert "cannot be written" in reason(run)


class TestSources:
    @pytest.mark.parametrize(
        ("clip", "told"),
        [
            ("empty.mp4", "is empty"),
            ("text.mp4", "not a readable video"),
            ("sound_only.mp4", "has no video stream"),
            ("cut_index.mp4", "not a readable video"),
        ],
    )
    def test_unusable(self, library: Library, out: Path, clip: str, told: str) -> None:
        library.add(clip)
        assert told in reason(transcode(library, out, "--accept-degraded"))
        assert finals(out) == []

    @pytest.mark.slow
    def test_unreadable(self, library: Library, out: Path, tmp_path: Path) -> None:
        if not modes_count(tmp_path):
            pytest.skip("root cannot give up its power over files here")
        library.add("h264.mkv").chmod(0)
        run = run_process(
            *("transcode", library.root, out, "--json"),
            preexec_fn=drop_privileges if os.geteuid() == 0 else None,
        )
        (library.root / "h264.mkv").chmod(0o644)
        assert "cannot be opened: Permission denied" in reason(run)

    def test_a_fifo(self, library: Library, out: Path) -> None:
        os.mkfifo(library.root / "a.mp4")
        assert "not a regular file" in reason(transcode(library, out))

    @pytest.mark.slow
    @pytest.mark.parametrize("container", ["mp4", "mkv", "webm", "mov", "avi", "flv"])
    @pytest.mark.parametrize("codec", ["vp9", "hevc"])
    def test_truncated(self, library: Library, out: Path, container: str, codec: str) -> None:
        """Cut off in the data: refused, and on demand what is there is saved."""
        path = library.root / f"cut.{container}"
        source = media.clip("numbered.mp4", library.clips)
        coded = QUICK_WEBM if container == "webm" else ("-c", "copy")
        front = ("-movflags", "+faststart") if container in ("mp4", "mov") else ()
        media.ffmpeg("-i", source, *coded, *front, path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 4 // 10])
        library.keep(path)
        flags = ("--target-v", codec, "--ext", container)
        run = transcode(library, out, *flags)
        assert "is cut off after" in reason(run)
        assert "--accept-degraded" in reason(run)
        assert finals(out) == []
        saved = transcode(library, out, *flags, "--accept-degraded")
        (action,) = saved.json["actions"]
        assert action["status"] == "made", saved.err
        assert "is cut off after" in action["degraded"]
        assert media.seconds_of(out / "cut.mp4") > 2

    @pytest.mark.slow
    def test_flipped_bits(self, library: Library, out: Path) -> None:
        content = bytearray(media.clip("numbered.mp4", library.clips).read_bytes())
        for place in range(len(content) // 3, len(content) * 2 // 3, 997):
            content[place] ^= 0x55
        library.add_bytes("bad.mp4", bytes(content))
        assert "is damaged" in reason(transcode(library, out, "--target-v", "hevc"))
        assert finals(out) == []
        saved = transcode(library, out, "--target-v", "hevc", "--accept-degraded")
        assert "is damaged" in saved.json["actions"][0]["degraded"], saved.err

    def test_one_bad_file_does_not_stop_the_others(self, library: Library, out: Path) -> None:
        library.add("text.mp4", "a.mkv")
        library.add("h264.mkv", "b.mkv")
        assert transcode(library, out).code == 1
        assert (out / "b.mp4").exists()


@pytest.mark.slow
class TestTools:
    """An ffmpeg that is not there, cannot do it, or lies."""

    @staticmethod
    def run_with(script: str, library: Library, out: Path, tmp_path: Path, *flags: str) -> Run:
        """A run with that shell script for ffmpeg; $REAL is the real one."""
        folder = tmp_path / "bin"
        folder.mkdir()
        real = need_tool("ffmpeg")
        (folder / "ffmpeg").write_text(f"#!/bin/sh\nREAL={real}\n{script}\n")
        (folder / "ffmpeg").chmod(0o755)
        environment = {**os.environ, "PATH": f"{folder}:/usr/bin:/bin"}
        line = ("transcode", library.root, out, "--json", *flags)
        return run_process(*line, env=environment)

    # What a run of the trial is told by: its input is made up.
    TRIAL = 'case "$*" in *lavfi*) exec $REAL "$@";; esac'

    def test_missing_encoder(self, library: Library, out: Path, tmp_path: Path) -> None:
        library.add("h264.mkv")
        script = (
            'case "$*" in *libx265*) echo "Unknown encoder" >&2; exit 1;; esac; exec $REAL "$@"'
        )
        run = self.run_with(script, library, out, tmp_path, "--target-v", "hevc")
        assert run.code == 1
        assert "cannot encode hevc with libx265" in run.err
        assert "Unknown encoder" in run.err
        assert finals(out) == []

    @pytest.mark.parametrize(
        ("lie", "told"),
        [
            ('exec $REAL "$@" -t 4', "ends at"),
            ('exec $REAL "$@" -an', "streams in place of"),
            ("exit 0", "vanished"),
            ('for last; do :; done; echo > "${last#file:}"', "not a readable video"),
        ],
    )
    def test_success_is_not_believed(
        self, library: Library, out: Path, tmp_path: Path, lie: str, told: str
    ) -> None:
        source = library.root / "film.mkv"
        media.ffmpeg("-i", media.clip("numbered.mp4", library.clips), "-c", "copy", source)
        library.keep(source)
        if "$REAL" in lie:
            extra = lie.partition('"$@" ')[2]
            source_args = f'-i "{source}" -map 0 -c copy'
            lie = f'for last; do :; done; exec $REAL {source_args} {extra} -f mp4 "$last"'
        run = self.run_with(f"{self.TRIAL}\n{lie}", library, out, tmp_path)
        assert told in reason(run)
        assert finals(out) == []

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ("echo more >> film.mkv", "unstable"),
            ("cp film.mkv new; mv new film.mkv", "unstable"),
            ("rm film.mkv", "vanished"),
        ],
    )
    def test_the_source_does_not_hold_still(
        self,
        library: Library,
        out: Path,
        tmp_path: Path,
        change: str,
        told: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What was made of it is complete and sound, and yet not of what is there now."""
        monkeypatch.setenv("SANDBOX_DISABLE", "1")  # the script stands for another program
        library.forget(library.add("h264.mkv", "film.mkv"))
        script = f'{self.TRIAL}\n$REAL "$@" || exit\ncd "{library.root}"; {change}'
        run = self.run_with(script, library, out, tmp_path)
        assert told in reason(run)
        assert finals(out) == []

    def test_no_ffmpeg_is_said_once(
        self, library: Library, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        library.add("h264.mkv")
        missing: Any = lambda name: None  # noqa: E731
        monkeypatch.setattr("videolib.core.processes.find_tool", missing)
        run = transcode(library, out)
        assert run.code == 1
        assert "pip install -r requirements.txt" in run.err


def test_a_damaged_tail_is_found(library: Library, tmp_path: Path) -> None:
    """The last seconds of an output are decoded, not only counted."""
    source = media.clip("numbered.mp4", library.clips)
    content = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        last = [p for p in container.demux(video=0) if p.size][-12:]
        places = [(int(p.pos or 0), p.size) for p in last]
    for start, size in places:
        content[start : start + size] = bytes(size)
    (tmp_path / "a.mp4").write_bytes(content)
    with Media(Video(str(tmp_path / "a.mp4"), "a.mp4", "")) as damaged:
        assert decode_tail(damaged, stream_summaries(damaged)) > 0

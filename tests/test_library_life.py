"""The life of a film in a watched library: copied, made, renamed, followed, rotten on the disk."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from conftest import Cli
from support import Library, command, started, wait_until


@pytest.mark.slow
def test_a_film_from_its_copy_to_a_byte_that_flips(cli: Cli, library: Library) -> None:
    library.add("numbered.mp4", "already.mp4")
    tasks = ("--tasks", "meta,thumbs,verify", "--export", "nfo,trickplay", "--settle", 0.3)

    def is_there(*names: str) -> bool:
        return all((library.root / name).exists() for name in names)

    with started(command("watch", library.root, "-r", *tasks)) as run:
        run.wait_for(lambda: is_there("already.nfo", "already.trickplay"))
        library.add("numbered.mp4", "films/new.mp4")
        made = [".artifacts/new.mp4.jpg", ".artifacts/new.mp4.verify.json", "new.nfo"]
        run.wait_for(lambda: is_there(*(f"films/{name}" for name in (*made, "new.trickplay"))))
        thumbnail = library.artifact("new.mp4.jpg", "films").read_bytes()

        video = library.root / "films" / "new.mp4"
        library.forget(video)
        moved = library.keep(video.rename(library.root / "films" / "night.mp4"))
        followed = [name.replace("new", "night") for name in (*made, "new.trickplay")]
        run.wait_for(lambda: is_there(*(f"films/{name}" for name in followed)))
        assert not is_there("films/new.nfo") and not is_there("films/.artifacts/new.mp4.jpg")
        assert library.artifact("night.mp4.jpg", "films").read_bytes() == thumbnail
        os.kill(run.process.pid, signal.SIGTERM)
        assert wait_until(lambda: run.process.poll() is not None, 5)
        assert run.process.returncode == 143

    assert cli("verify", library.root, "-r").code == 0
    library.forget(moved)
    flip_byte(moved, 0.6)
    run_after = cli("verify", library.root, "-r", "--json")
    assert (run_after.code, run_after.counts) == (1, {"checked": 1, "rotten": 1})
    assert "films/night.mp4: rotten at 0:0" in run_after.err
    listed = cli("list", library.root, "-r", "-q", "rotten:", "--json").json
    assert [row["name"] for row in listed] == ["night.mp4"]


def flip_byte(path: Path, share: float) -> None:
    """Change one byte on the disk, at a share of the file, and leave its times."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(int(share * status.st_size))
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0x40]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

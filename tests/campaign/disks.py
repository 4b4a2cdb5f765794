"""The part `disks`: disks that are full, out of inodes, read-only or gone, odd times, and clocks.

What happens midway happens at the Nth change of a file: the process that makes it waits meanwhile
(preload.c). All is named, nothing is lost, and once the disk is mended the next run completes it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from support import Run, drop_privileges, modes_count, run_process, stamps

from campaign.mounts import AMPLE, MemoryDisk, image, memory_disk
from campaign.preload import WAIT, Preload
from campaign.preloaded import BROKEN, PreloadedTrial, broken_rule, build, same_way_again
from campaign.trials import Trials
from videolib.core.processes import environment

COMMANDS = (
    *("batch", "rename-tag", "swap", "transcode", "previews", "import", "scenes", "hardlink"),
    *("undo of trash", "subtitles", "list", "relink", "from-stream", "tags of one"),
)
# What makes artifacts: run again it makes none.
MAKERS = ("batch", "previews", "scenes", "subtitles", "from-stream")
REMADE = frozenset({"subtitles"})  # with --force
# Seconds: before 1970, its first, FAT's first, the ends of 31 and 32 bits, 2286 and 3000.
TIMES = (-(10**7), -1, 0, 315_532_800, 2**31, 2**32 + 5, 10**10, 32_503_680_000)
SHIFTS = (-20 * 365 * 86_400, -3600, 3600, 100 * 365 * 86_400)  # seconds by which a clock jumps


class Scene(NamedTuple):
    """A disk with a command that is ready to be run on it."""

    trials: Trials
    trial: PreloadedTrial
    disk: MemoryDisk | None
    growth: tuple[int, int]  # bytes and inodes that the command takes

    def judge(self, run: Run, what: str) -> None:
        """Judge a run on a disk that is mended by now."""
        self.trial.judge(run, [what], lasting=True)
        if self.trial.found(lasting=True) != self.trial.found():
            self.trial.run_next(False, what)

    def run_with(self, event: Callable[[], bool]) -> tuple[Run, bool]:
        """Run the command and let something happen at one of its changes; whether it did."""
        trial, state = self.trial, self.trial.preload.state
        at, happened = self.trials.rng.randrange(len(trial.changes)), False
        trial.reset()
        trial.preload.arm(trial.place, at, WAIT)
        with ThreadPoolExecutor(1) as thread:
            run = thread.submit(trial.run_here, *trial.words(trial.root))
            while not run.done():
                if state.waiting == 1:
                    happened = event()
                    state.waiting = 2
                time.sleep(0.002)
        trial.preload.disarm()
        return run.result(), happened


# === What happens =================================================================================


def small(scene: Scene, disk: MemoryDisk, option: str, which: int) -> bool:
    """The disk has room for a part only of what the command writes."""
    scene.trial.reset()
    room = disk.used()[which] + scene.trials.rng.randrange(1, max(scene.growth[which], 2))
    disk.limit(f"{option}={room}")
    try:
        run = scene.trial.run_here(*scene.trial.words(scene.trial.root))
    finally:
        disk.limit(AMPLE)
    scene.judge(run, f"{option} {room}")
    return True


def full(scene: Scene, disk: MemoryDisk) -> bool:
    return small(scene, disk, "size", 0)


def out_of_inodes(scene: Scene, disk: MemoryDisk) -> bool:
    return small(scene, disk, "nr_inodes", 1)


def read_only_midway(scene: Scene, disk: MemoryDisk) -> bool:
    run, happened = scene.run_with(lambda: disk.limit("ro"))
    disk.limit("rw")
    scene.judge(run, "read-only")
    return happened


def filled_midway(scene: Scene, disk: MemoryDisk) -> bool:
    def event() -> bool:
        disk.fill()
        return True

    run, happened = scene.run_with(event)
    disk.empty()
    scene.judge(run, "filled")
    return happened


def unwritable_midway(scene: Scene) -> bool:
    root = scene.trial.root

    def folders() -> list[Path]:
        return [root, *(path for path in root.rglob("*") if path.is_dir())]

    def event() -> bool:
        for folder in reversed(folders()):
            folder.chmod(0o555)
        return True

    with unprivileged(scene.trial):
        run, happened = scene.run_with(event)
    for folder in folders():
        folder.chmod(0o755)
    scene.judge(run, "unwritable")
    return happened


@contextlib.contextmanager
def unprivileged(trial: PreloadedTrial) -> Iterator[None]:
    """Modes of files count for the command, though this process may be root's."""
    trial.options = {"preexec_fn": drop_privileges} if os.geteuid() == 0 else {}
    try:
        yield
    finally:
        trial.options = {}


def replaced_midway(scene: Scene) -> bool:
    """The folder is moved away, and another copy of it stands in its place."""
    trial, moved = scene.trial, scene.trial.place / "moved"

    def event() -> bool:
        trial.root.rename(moved)
        shutil.copytree(trial.template, trial.root)
        return True

    run, happened = scene.run_with(event)
    what = f"replaced: {run.code} {run.err}{run.out}"
    assert run.code in (0, 1, 2), what
    assert "Traceback" not in run.err and "unexpectedly" not in run.err + run.out, what
    if happened:
        assert trial.video_digests(moved) == trial.videos, what
        shutil.rmtree(moved)
    trial.judge_killed(what)
    return happened


def odd_times(scene: Scene) -> bool:
    """Videos that were changed before 1970, or will be after 2262."""
    trial = scene.trial
    trial.reset()
    videos = [path for path in trial.root.rglob("a.*") if path.suffix in (".mp4", ".mkv")]
    times = [scene.trials.rng.choice(TIMES) for _ in videos]
    for video, seconds in zip(videos, times, strict=True):
        os.utime(video, ns=(seconds * 10**9, seconds * 10**9 + scene.trials.rng.randrange(10**9)))
    run = trial.run_here(*trial.words(trial.root))
    what = f"times {times}: {run.code} {run.err}"
    assert run.code == 0, what
    assert trial.video_digests(trial.root) == trial.videos, what
    check_fresh(trial, what)
    return True


def coarse_times(scene: Scene) -> bool:
    """All is copied to a disk that keeps every other second, as FAT does."""
    trial = scene.trial
    trial.reset()
    run = trial.run_here(*trial.words(trial.root))
    for path in trial.root.rglob("*"):
        seconds = path.lstat().st_mtime_ns // (2 * 10**9) * 2
        os.utime(path, (seconds, seconds), follow_symlinks=False)
    assert run.code == 0, run.err
    check_fresh(trial, "coarse times")
    return True


def clock_jumps(scene: Scene) -> bool:
    """The clock is put forward or back while the command runs."""
    trial, rng = scene.trial, scene.trials.rng
    trial.reset()
    shift = rng.choice(SHIFTS)
    trial.preload.arm_clock(shift, rng.randrange(200))
    run = trial.run_here(*trial.words(trial.root))
    trial.preload.disarm()
    what = f"clock by {shift} s: {run.code} {run.err}"
    assert run.code == 0 and trial.found() == trial.after, what
    check_fresh(trial, what)
    return True


def check_fresh(trial: PreloadedTrial, what: str) -> None:
    """Fails where the next run makes again what is there."""
    if trial.name not in MAKERS or trial.name in REMADE:
        return
    before = stamps(trial.root)
    again = trial.run_here(*trial.words(trial.root))
    assert again.code == 0, what + again.err
    assert stamps(trial.root) == before, f"{what}: made again: {again.out}"


def longest_names(scene: Scene) -> bool:
    """A video whose name is as long as names may be; False where the command names videos."""
    trial, rng = scene.trial, scene.trials.rng
    if trial.name not in (*MAKERS, "transcode"):
        return False  # the words, or a file that they name, have the name of the video
    trial.reset()
    video = next(path for path in sorted(trial.root.rglob("a.*")) if ".artifacts" not in path.parts)
    letter = rng.choice("nä日🎬")
    name = letter * ((255 - len(video.suffix) - rng.randrange(12)) // len(letter.encode()))
    video.rename(video.with_name(name + video.suffix))
    run = trial.run_here(*trial.words(trial.root))
    what = f"a name of {len(os.fsencode(name))} bytes: {run.code} {run.err}{run.out}"
    assert run.code in (0, 1) and "Traceback" not in run.err, what
    assert run.code == 0 or name[:20] in run.err + run.out, what
    assert trial.video_digests(trial.root) == trial.videos, what
    check_fresh(trial, what)
    return True


ON_MEMORY_DISKS = (full, out_of_inodes, read_only_midway, filled_midway)
ANYWHERE = (
    *(unwritable_midway, replaced_midway, odd_times, coarse_times, clock_jumps, longest_names),
)


# === The part =====================================================================================


def try_scene(scene: Scene, happening: Callable[[Scene], bool], name: str) -> None:
    """Try one, count it, and note it where something is wrong."""
    words = name.replace("_", " ")
    try:
        if happening(scene):
            scene.trials.count(words)
    except BROKEN as problem:
        what = f"{scene.trial.name}, {words}"
        message = f"{what}: {broken_rule(problem)}"
        scene.trials.fail(message, same_way_again(scene.trials, what), scene.trial.root)


def scene_of(
    trials: Trials, preload: Preload, place: Path, name: str, disk: MemoryDisk | None
) -> Scene:
    """The command, ready in a folder, with what it takes of the disk."""
    trial = PreloadedTrial(preload, place / name.replace(" ", "-"), name)
    after = disk.used() if disk else (0, 0)
    trial.reset()
    before = disk.used() if disk else (0, 0)
    return Scene(trials, trial, disk, (after[0] - before[0], after[1] - before[1]))


def try_images(trials: Trials) -> None:
    """A rename that changes the case of a name alone, where the disk takes both for one."""
    for kind in ("vfat", "casefold"):
        try:
            with image(trials.folder, kind) as root:
                (root / "a.mp4").write_bytes(b"a" * 9000)
                run_process("tags", root / "a.mp4", "--set", "sea")
                run = run_process("rename", root / "a.mp4", root / "A.mp4")
                names = [path.name for path in root.iterdir() if path.is_file()]
                trials.count(f"renames on {kind}")
                if run.code or names != ["A.mp4"]:
                    trials.fail(f"{kind}: {names} {run.err}", same_way_again(trials, kind))
        except OSError as error:
            trials.skip(kind, str(error))


def run(trials: Trials) -> None:
    preload = build(trials)
    if preload is None:
        return
    try_images(trials)
    if not modes_count(trials.folder):
        trials.skip("unwritable midway", "modes of files do not count here")
    with contextlib.ExitStack() as stack, environment({"XDG_CACHE_HOME": str(trials.folder)}):
        disk, place = None, trials.folder / "disk"
        try:
            disk = stack.enter_context(memory_disk(place))
        except OSError as error:
            trials.skip("memory disks", str(error))
        names = list(COMMANDS)
        trials.rng.shuffle(names)
        while trials.go_on():
            for name in names:
                if trials.go_on():
                    try_command(trials, preload, place, name, disk)


def try_command(
    trials: Trials, preload: Preload, place: Path, name: str, disk: MemoryDisk | None
) -> None:
    """Each of the things that can happen, with one command."""
    scene = scene_of(trials, preload, place, name, disk)
    happenings = [h for h in ANYWHERE if h.__name__.replace("_", " ") not in trials.skipped]
    for happening in trials.rng.sample(happenings, len(happenings)):
        if trials.go_on():
            try_scene(scene, happening, happening.__name__)
    for on_disk in trials.rng.sample(ON_MEMORY_DISKS, len(ON_MEMORY_DISKS)):
        if disk and trials.go_on():
            try_scene(scene, functools.partial(on_disk, disk=disk), on_disk.__name__)
    shutil.rmtree(scene.trial.place)

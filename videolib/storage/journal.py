"""The journal: changes of a library that are written down before the first is made."""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import itertools
import json
import os
import re
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from videolib.core.errors import CancelledError, VideoError
from videolib.core.files import (
    blocks_of,
    content_of,
    flush_to_disk,
    is_folder,
    remove,
    rename_new,
    replace_file,
    stat_of,
)
from videolib.core.locks import locked
from videolib.core.runs import Job
from videolib.core.text import folded, shown
from videolib.storage.names import SIDECARS
from videolib.storage.sidecars import SidecarDir, sweep

JOURNALS, TRASH = ".journal", ".trash"  # folders in `.artifacts`


PASSING = ".moving-"  # how names begin that moves only pass through


KEPT_JOURNALS = 50  # finished ones, for `--undo`


class Move(NamedTuple):
    """A file or folder to get another name, never over another; `inode` tells it from a stranger.

    In phase 0 names that are both left and taken are cleared by way of scratch names, in phase 1
    all else moves: so within a phase every path is used once, and being there says what is done.
    """

    phase: int
    source: str
    target: str
    inode: int

    def as_json(self, place: LibraryPaths) -> dict[str, Any]:
        names = {"from": place.told(self.source), "to": place.told(self.target)}
        return {"phase": self.phase, **names, "inode": self.inode}

    def put(self, *, back: bool = False, again: bool = False, job: Job | None = None) -> str:
        """Do it, or take it back; `again`: it may have been done before. Returns why it can't be.

        Raises OSError, FileExistsError where a stranger has the name.
        """
        source, target = (self.target, self.source) if back else (self.source, self.target)
        there, done = os.path.lexists(source), os.path.lexists(target)
        if again and done and (not there or os.lstat(target).st_ino == self.inode):
            if there and os.lstat(source).st_ino == self.inode:
                remove(source)  # killed between the two halves of a rename: both are one file
            return ""
        if not there:
            return f"{shown(source)} is not there any more"
        rename_new(Path(source), Path(target))
        return ""


class Rewrite(NamedTuple):
    """A small file to get other content; None stands for no file. `mtime_ns` is kept if not 0."""

    phase: int
    path: str
    old: bytes | None
    new: bytes | None
    mtime_ns: int

    def as_json(self, place: LibraryPaths) -> dict[str, Any]:
        old, new = (c and c.decode("utf-8", "surrogateescape") for c in (self.old, self.new))
        content = {"file": place.told(self.path), "old": old, "new": new, "mtime_ns": self.mtime_ns}
        return {"phase": self.phase} | content

    def put(self, *, back: bool = False, again: bool = False, job: Job | None = None) -> str:
        """Do it, or take it back, unless somebody changed the file: then the reason comes back."""
        before, after = (self.new, self.old) if back else (self.old, self.new)
        try:
            current: bytes | None = content_of(self.path)
        except FileNotFoundError:
            current = None
        if current == after:
            return ""
        if current != before:
            return f"{shown(self.path)} was changed meanwhile and is left as it is"
        if after is None:
            remove(self.path)
            return ""
        replace_file(Path(self.path), after)
        if self.mtime_ns:
            os.utime(self.path, ns=(self.mtime_ns, self.mtime_ns))
        return ""


class Transfer(NamedTuple):
    """A file or folder to be on another disk, too, never over another; its source goes to the trash
    when all else is done. It is filled under the name `scratch` there, and compared."""

    phase: int
    source: str
    target: str
    scratch: str

    def as_json(self, place: LibraryPaths) -> dict[str, Any]:
        names = {"copy": self.source, "to": self.target, "scratch": self.scratch}
        return {"phase": self.phase} | {name: place.told(path) for name, path in names.items()}

    def put(self, *, back: bool = False, again: bool = False, job: Job | None = None) -> str:
        """Do it, or take it back as long as the source is there; what a killed run left of it goes.

        Returns why it can't be. Raises OSError and CancelledError.
        """
        source, target, scratch = map(Path, (self.source, self.target, self.scratch))
        job = job or Job()
        if again:
            remove(scratch)
        if not os.path.lexists(source):
            return f"{shown(self.source)} is not there any more"
        if again and os.path.lexists(target):
            one_file = os.path.samestat(os.lstat(source), os.lstat(target))
            if one_file or not same_content(source, target, job):
                return f"{shown(self.target)} is another by now and is left as it is"
            if back:
                remove(target)
        elif not back:
            try:
                copy_to_disk(source, scratch, job)
                if not same_content(source, scratch, job):
                    raise OSError(errno.EIO, "the copy differs", str(scratch))
                Journal.watch("copied")
                rename_new(scratch, target)
            except (OSError, CancelledError):
                remove(scratch)
                raise
        return ""


def copy_to_disk(source: Path, target: Path, job: Job) -> None:
    """Copy a file, folder or link with its times; on return the disk has it.

    Raises OSError, also for what is none of these, and CancelledError.
    """
    import shutil

    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    if source.is_dir():
        target.mkdir()
        for path in source.iterdir():
            copy_to_disk(path, target / path.name, job)
    else:
        with target.open("xb") as file:
            for block in blocks_of(source):
                job.check()
                file.write(block)
    shutil.copystat(source, target)
    flush_to_disk(target)


def same_content(one: Path, other: Path, job: Job) -> bool:
    """Whether two files, folders or links hold the same. Raises OSError, CancelledError."""
    if not os.path.lexists(other) or one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    if one.is_dir() or other.is_dir():
        names = [{path.name for path in place.iterdir()} for place in (one, other)]
        return names[0] == names[1] and all(same_content(one / n, other / n, job) for n in names[0])
    for blocks in itertools.zip_longest(blocks_of(one), blocks_of(other)):
        job.check()
        if blocks[0] != blocks[1]:
            return False
    return True


Step = Move | Transfer | Rewrite


class LibraryPaths(NamedTuple):
    """The folders that a journal may speak of: the library, and where its sidecars are kept."""

    root: str
    artifacts_root: str

    @classmethod
    def of(cls, root: Path, artifacts_dir: Path | None = None) -> LibraryPaths:
        return cls(os.path.realpath(root), os.path.realpath(artifacts_dir or root))

    @property
    def sidecar_dir(self) -> Path:
        return Path(self.artifacts_root, SIDECARS)

    def told(self, path: str) -> str:
        """A path as a journal has it: below the library, or with a slash below the shelves."""
        for base, mark in ((self.root, ""), (self.artifacts_root, "/")):
            if path.startswith(base.rstrip("/") + "/"):
                return mark + path[len(base.rstrip("/")) + 1 :]
        raise VideoError(f"{shown(path)}: is outside of {shown(self.root)}")

    def path(self, told: Any) -> str:
        """The path that a journal speaks of. Raises ValueError for one that leads elsewhere."""
        if not isinstance(told, str) or {"", ".", ".."} & set(told.removeprefix("/").split("/")):
            raise ValueError(f"names {told!r}")
        within = (self.artifacts_root if told.startswith("/") else self.root).rstrip("/") + "/"
        path = within + told.removeprefix("/")
        if not (os.path.realpath(path.rpartition("/")[0] or "/") + "/").startswith(within):
            raise ValueError(f"names {told!r}, which leads elsewhere")
        return path


class JournalFile(NamedTuple):
    """A journal on disk: its name says its number, whose it is and how far that came."""

    number: int
    command: str
    state: str  # forward-N or backward-N while phase N runs; done or undone
    path: Path

    @property
    def pending(self) -> bool:
        return "-" in self.state

    def become(self, state: str) -> JournalFile:
        """Note durably what is going on now."""
        target = self.path.with_name(f"{self.number:06}.{self.command}.{state}")
        self.path.rename(target)
        flush_to_disk(target.parent)
        return self._replace(state=state, path=target)


def journals(places: LibraryPaths) -> list[JournalFile]:
    """The journals of a library, oldest first."""
    form = re.compile(r"(\d{6,})\.([a-z-]+)\.(forward-[012]|backward-[012]|done|undone)")
    sidecars = SidecarDir(f"{places.sidecar_dir}/{JOURNALS}")
    found = [(form.fullmatch(name), entry.path) for name, entry in sidecars.items()]
    return sorted(JournalFile(int(m[1]), m[2], m[3], Path(path)) for m, path in found if m)


def refuse_interrupted(places: LibraryPaths, sidecar_dirs: Iterable[str] = ()) -> None:
    """Raise VideoError where a change here, around here or in `sidecar_dirs` was interrupted."""
    starts = [Path(folder) for folder in (places.artifacts_root, *sidecar_dirs)]
    for folder in dict.fromkeys(f for start in starts for f in (start, *start.parents)):
        if any(entry.pending for entry in journals(LibraryPaths(str(folder), str(folder)))):
            place = shown(str(folder))
            raise VideoError(
                f"{place}: an interrupted run waits to be finished: rename --recover -d {place}, "
                "or --undo to take it back"
            )


class Journal:
    """The changes of one command to a library, written down before the first of them is made.

    Whatever ends the run, `recover` can finish the changes or take them back, and `undo` takes back
    finished ones. Nothing is ever overwritten or deleted: what goes is moved to the trash. Used as
    a context it keeps other journals, and updates of tags in the folders `sidecar_dirs`, waiting.

        with Journal(places, "dupes", {"why": "..."}, homes) as journal:
            journal.trash(path)
            journal.replace(tags_path, old_bytes, new_bytes)
            journal.carry_out(job)
    """

    # Told each step before and after it is done; tests let it fail there.
    watch: ClassVar[Callable[[str], None]] = staticmethod(lambda step: None)

    def __init__(
        self,
        places: LibraryPaths,
        command: str,
        facts: Mapping[str, Any] | None = None,
        sidecar_dirs: Iterable[str] = (),
    ) -> None:
        self.places, self.command, self.facts = places, command, dict(facts or {})
        self.sidecar_dirs = sorted(set(map(os.path.realpath, sidecar_dirs)))
        self.moves: list[tuple[str, str]] = []
        self.rewrites: list[Rewrite] = []
        self.real_folders: dict[str, str] = {}
        self.stack = contextlib.ExitStack()
        self.number, self.stamp = 0, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())

    def __enter__(self) -> Journal:
        folder = self.places.sidecar_dir / JOURNALS
        with self.stack:
            folder.mkdir(parents=True, exist_ok=True)
            allow_descriptors(len(self.sidecar_dirs))
            for place in (str(folder), *filter(os.path.isdir, self.sidecar_dirs)):
                self.stack.enter_context(locked(place))
            refuse_interrupted(self.places, self.sidecar_dirs)
            sweep(str(folder))
            self.number = max((entry.number for entry in journals(self.places)), default=0) + 1
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def real(self, path: str) -> str:
        """An absolute path without links in its folder."""
        folder, _, name = path.rpartition("/")
        if folder not in self.real_folders:
            self.real_folders[folder] = os.path.realpath(folder or "/")
        return f"{self.real_folders[folder].rstrip('/')}/{name}"

    def move(self, source: str, target: str) -> None:
        """A file or folder is to get another name; both are absolute paths.

        On another disk there will be a copy, and what was copied goes to the trash.
        """
        self.moves.append((self.real(source), self.real(target)))

    def trash(self, path: str) -> str:
        """A file or folder is to go to the trash of its folder, where it gets the name returned."""
        target = self.in_trash(path)
        self.move(path, target)
        return target

    def in_trash(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        sidecar_dir = folder if folder.endswith(f"/{SIDECARS}") else f"{folder}/{SIDECARS}"
        return f"{sidecar_dir}/{TRASH}/{self.number:06}-{self.stamp}/{name}"

    def replace(self, path: str, old: bytes | None, new: bytes | None, keep_time: str = "") -> None:
        """A small file that holds `old`, or is moved there and does, is to hold `new`.

        `keep_time` names the file, as it is called now, whose time of change it is to have.
        """
        mtime_ns = stat_of(keep_time).st_mtime_ns if keep_time else 0
        self.rewrites.append(Rewrite(2, self.real(path), old, new, mtime_ns))

    def planned(self) -> list[Step]:
        """All steps in the order in which they are made. Raises OSError where a file is gone."""
        left = {folded(source) for source, _ in self.moves}
        taken = {folded(target) for _, target in self.moves}
        first: list[Move] = []
        then: list[Move | Transfer] = []
        last: list[Move] = []
        disk, trashed = functools.cache(disk_of), set[str]()
        for number, (source, target) in enumerate(self.moves):
            inode, trash = os.lstat(source).st_ino, self.in_trash(source)
            folders = [path.rpartition("/")[0] for path in (source, target)]
            far = disk(folders[0]) != disk(folders[1])
            scratch, copy = (f"{f}/{PASSING}{self.number}-{number}" for f in folders)
            if folded(source) in taken or folded(target) in left:
                first.append(Move(0, source, scratch, inode))
                source = scratch
            if far:
                then.append(Transfer(1, source, target, copy))
                while trash in trashed:  # beside a video and among its sidecars names may be equal
                    trash += "~"
                trashed.add(trash)
                last.append(Move(2, source, trash, inode))
            else:
                then.append(Move(1, source, target, inode))
        return [*first, *then, *self.rewrites, *last]

    def carry_out(self, job: Job | None = None) -> None:
        """Make all the changes, or none: whatever fails, those made before are taken back.

        Raises VideoError that says what failed, CancelledError when the job was.
        """
        if not self.moves and not self.rewrites:
            return
        try:
            steps = self.planned()
        except FileNotFoundError as error:
            name = shown(str(error.filename))
            raise VideoError(f"{name} vanished: nothing was changed") from None
        folders = new_folders(steps)
        head = {"schema": 1, "command": self.command, "facts": self.facts}
        head["folders"] = list(map(self.places.told, folders))
        lines = [head, *(step.as_json(self.places) for step in steps)]
        path = self.places.sidecar_dir / JOURNALS / f"{self.number:06}.{self.command}.forward-0"
        replace_file(path, packed(lines))
        flush_to_disk(path.parent)
        account = JournalReplay(
            self.places, JournalFile(self.number, self.command, "forward-0", path)
        )
        try:
            account.go_on(job)
        except (OSError, VideoError, CancelledError) as error:
            problems = account.go_back()
            if isinstance(error, CancelledError):
                raise
            message = "; ".join([failed_step(error), "nothing was changed", *problems])
            raise VideoError(message) from None


def failed_step(error: OSError | VideoError) -> str:
    """Why a change could not be made, with the name of the file."""
    if isinstance(error, VideoError):
        return str(error)
    names = [shown(str(name)) for name in (error.filename, error.filename2) if name]
    if isinstance(error, FileExistsError):
        return f"{''.join(names[-1:])} appeared meanwhile"
    return f"{' -> '.join(names)}: {error.strerror}"


def packed(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """A journal's content: JSON by line, compressed since it holds what files said before."""
    import gzip

    return gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode(), 1)


def disk_of(folder: str) -> int:
    """The file system of a folder, or of the one in which it would be made."""
    there = next(p for p in (Path(folder), *Path(folder).parents) if p.exists())
    return there.stat().st_dev


def new_folders(steps: Iterable[Step]) -> list[str]:
    """The folders that steps need and that are not there yet, outer ones first."""
    needed: dict[str, None] = {}
    targets = [step.path if isinstance(step, Rewrite) else step.target for step in steps]
    for parent in dict.fromkeys(target.rpartition("/")[0] for target in targets):
        missing = []
        while not is_folder(parent or "/"):
            missing.append(parent)
            parent = parent.rpartition("/")[0]
        needed |= dict.fromkeys(reversed(missing))
    return list(needed)


def allow_descriptors(count: int) -> None:
    """Raise this process's limit of open files as far as a journal's locks need and may be."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 256:
        wanted = count + 256 if hard == resource.RLIM_INFINITY else min(count + 256, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class JournalReplay:
    """A journal read back, to go on with it or to take it back; its caller has the locks."""

    DAMAGED: ClassVar = (
        *(OSError, EOFError, ValueError, KeyError, TypeError, AttributeError),
        *(OverflowError, RecursionError, zlib.error),
    )

    def __init__(self, places: LibraryPaths, entry: JournalFile) -> None:
        self.places, self.entry = places, entry
        try:
            self.read()
        except self.DAMAGED as error:
            why = (isinstance(error, OSError) and error.strerror) or error
            told = f"is no readable journal ({why}): move it away"
            raise VideoError(f"{shown(str(entry.path))}: {told}") from None

    def read(self) -> None:
        """Raises one of DAMAGED for a journal that was not written here."""
        import gzip

        with gzip.open(io.BytesIO(content_of(self.entry.path))) as file:
            head = json.loads(file.readline())
            self.facts: dict[str, Any] = dict(head["facts"])
            self.folders = [self.places.path(told) for told in head["folders"]]
            self.steps = [self.step(json.loads(line)) for line in file]

    def step(self, line: Mapping[str, Any]) -> Step:
        """A step of a line, whoever wrote that: it can neither remove a video nor rewrite it."""
        if "copy" in line:
            paths = (line[name] for name in ("copy", "to", "scratch"))
            step = Transfer(1, *map(self.places.path, paths))
            if not step.scratch.rpartition("/")[2].startswith(PASSING):
                raise ValueError(f"takes {line['scratch']!r} for a scratch name")
            return step
        if "from" in line:
            source, target = self.places.path(line["from"]), self.places.path(line["to"])
            return Move(int(line["phase"]), source, target, int(line["inode"]))
        contents = [line["old"], line["new"]]
        old, new = (c if c is None else c.encode("utf-8", "surrogateescape") for c in contents)
        path, mtime_ns = self.places.path(line["file"]), int(line["mtime_ns"])
        if not path.endswith((".json", ".vtt")) or abs(mtime_ns) >= 1 << 63:
            raise ValueError(f"would rewrite {line['file']!r}")
        return Rewrite(2, path, old, new, mtime_ns)

    def pairs(self) -> list[tuple[str, str]]:
        """The (old, new) paths of the videos that it renamed. Raises VideoError."""
        try:
            return [
                (self.places.path(old), self.places.path(new)) for old, new in self.facts["videos"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise VideoError(f"{shown(str(self.entry.path))}: {error}") from None

    @property
    def sidecar_dirs(self) -> list[str]:
        """The folders whose files it changes."""
        paths = [s.path if isinstance(s, Rewrite) else s.source for s in self.steps]
        sidecar_dirs = {path.rpartition("/")[0] for path in paths}
        return sorted(sidecar_dir for sidecar_dir in sidecar_dirs if Path(sidecar_dir).is_dir())

    def lock(self, stack: contextlib.ExitStack) -> None:
        """Let nobody change sidecars in those folders meanwhile."""
        allow_descriptors(len(self.sidecar_dirs))
        for sidecar_dir in self.sidecar_dirs:
            stack.enter_context(locked(sidecar_dir))

    def go_on(self, job: Job | None = None, again: bool = False) -> list[str]:
        """Make the changes, from the phase on that was begun. Raises OSError or VideoError.

        Where it is done `again`, files that were changed since are left as they are, and told.
        """
        begun = int(self.entry.state[-1])
        problems = []
        for folder in self.folders:
            Path(folder).mkdir(exist_ok=True)
        for phase in range(begun, 3):
            if phase > begun:
                self.entry = self.entry.become(f"forward-{phase}")
            for step in [s for s in self.steps if s.phase == phase]:
                if job:
                    job.check()
                Journal.watch("before")
                if problem := step.put(again=again and phase == begun, job=job):
                    if not again or not isinstance(step, Rewrite):
                        raise VideoError(problem)
                    problems.append(problem)
                Journal.watch("after")
            self.flush(phase)
        self.close("done")
        return problems

    def go_back(self) -> list[str]:
        """Take the changes back, as far as they were made; what could not be is returned."""
        state = self.entry.state
        begun = 2 if state == "done" else int(state[-1])
        problems = []
        for phase in range(begun, -1, -1):
            self.entry = self.entry.become(f"backward-{phase}")
            for step in reversed([s for s in self.steps if s.phase == phase]):
                Journal.watch("before")
                if problem := self.put_back(step):
                    problems.append(problem)
                Journal.watch("after")
            self.flush(phase)
        self.drop_folders()
        self.close("undone")
        return problems

    def drop_folders(self) -> None:
        """Remove the folders that it made, as far as they are empty."""
        for folder in reversed(self.folders):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()

    @staticmethod
    def put_back(step: Step) -> str:
        try:
            return step.put(back=True, again=True)
        except OSError as error:
            return f"{failed_step(error)}: left as it is"

    def flush(self, phase: int) -> None:
        """Wait until the disk has a phase's renames, so that the next mark is not there before."""
        paths: set[str] = set()
        for step in self.steps:
            if step.phase == phase:
                paths |= {step.path} if isinstance(step, Rewrite) else {step.source, step.target}
        for folder in {path.rpartition("/")[0] for path in paths}:
            if Path(folder).is_dir():
                flush_to_disk(Path(folder))

    def close(self, state: str) -> None:
        """Note that all is done, and what this journal takes back is undone."""
        known = journals(self.places)
        for entry in known:
            if entry.number == self.facts.get("undoes") and state == "done":
                entry.become("undone")
        self.entry = self.entry.become(state)
        for entry in [e for e in known if not e.pending][:-KEPT_JOURNALS]:
            remove(entry.path)

"""What is checked of each machine before it gets any work.

A run leaves a token in the folders that it will write in, and says how some videos begin. A worker
has to find both at those paths, to write beside the tokens, and to be what the run is: of the same
versions, by a clock that shows the same time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.cluster.facts import difference, machine_facts, machine_name
from videolib.core.cluster.models import ModelFiles, model_marks
from videolib.core.confinement import inheriting
from videolib.core.errors import Params, Returned, VideoError, os_error_message
from videolib.core.files import (
    abandoned_in,
    reading,
    remove,
    remove_where_possible,
    replace_file,
    scratch_name,
    stat_if_any,
)
from videolib.core.text import printable

if TYPE_CHECKING:
    from videolib.core.cluster.paths import PathMap

SAMPLED = 1000  # folders that are looked at for whether they are on other disks
HEAD = 65536  # bytes by which a video is known
LARGEST_DRIFT = 2.0  # seconds that clocks may be apart
NFS_DELAY = 3.0  # seconds after which a new file shows on every machine
CHECK_TIME = 20.0  # seconds within which a share has to answer


class Sample(NamedTuple):
    """A video by which its folder is known: its path, its size, and how it begins."""

    path: str
    size: int
    digest: str

    @classmethod
    def of(cls, path: str) -> Sample:
        """Raises OSError."""
        with reading(path) as descriptor:
            head = os.read(descriptor, HEAD)
            return cls(path, os.fstat(descriptor).st_size, hashlib.sha256(head).hexdigest())


class Places(NamedTuple):
    """Where a run reads and writes: tokens, which are files that hold their own names, and samples;
    of each at least one on every disk."""

    tokens: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()


@contextlib.contextmanager
def marked_places(videos: Iterable[str], folders: Iterable[str]) -> Iterator[Places]:
    """The Places of a run on these videos that writes in these folders; the tokens go at its end.

    A folder that this machine cannot write in has no token: no other machine is better off.
    """
    tokens, samples = [], []
    for folder in one_per_disk(map(existing_folder, folders)):
        for place in (folder, folder.rpartition("/")[0]):  # of a run that was killed
            remove_where_possible(abandoned_in(place))
        token = f"{folder}/{scratch_name()}"
        with contextlib.suppress(OSError):
            replace_file(Path(token), token.rpartition("/")[2].encode())
            tokens.append(token)
    for path in one_per_disk(videos):
        with contextlib.suppress(OSError):
            samples.append(Sample.of(path))
    try:
        yield Places(tuple(tokens), tuple(samples))
    finally:
        for token in tokens:
            with contextlib.suppress(OSError):  # the share is gone
                remove(token)


def existing_folder(folder: str) -> str:
    """A folder, or the nearest around it that is there."""
    path = Path(folder)
    return str(next((p for p in (path, *path.parents) if p.is_dir()), path))


def one_per_disk(paths: Iterable[str]) -> list[str]:
    """The first of the paths on every disk, among those that are looked at."""
    distinct = list(dict.fromkeys(paths))
    step = max(len(distinct) // SAMPLED, 1)
    first: dict[int, str] = {}
    for path in distinct[::step]:
        if status := stat_if_any(path):
            first.setdefault(status.st_dev, path)
    return list(first.values())


# === On a worker ==================================================================================


def look_at_places(places: Places, paths: PathMap, patience: float) -> str:
    """The same as `place_problem`, which may take for ever."""
    deadline = time.monotonic() + patience
    for token in places.tokens:
        here = paths.apply(token)
        while not is_token(here):
            if time.monotonic() > deadline:
                return not_the_same(token.rpartition("/")[0], paths)
            time.sleep(0.05)
        if problem := writing_problem(here.rpartition("/")[0]):
            return problem
    for sample in places.samples:
        here = paths.apply(sample.path)
        try:
            is_same = Sample.of(here) == sample._replace(path=here)
        except OSError:
            is_same = False
        if not is_same:
            return not_the_same(sample.path.rpartition("/")[0], paths)
    return ""


def find_tokens(places: Places, paths: PathMap) -> bool:
    """Whether all tokens of a run are there."""
    return all(is_token(paths.apply(token)) for token in places.tokens)


def is_token(path: str) -> bool:
    """Whether the token of that path is there."""
    try:
        return Path(path).read_bytes() == path.rpartition("/")[2].encode()
    except OSError:
        return False


def not_the_same(folder: str, paths: PathMap) -> str:
    """The problem where a folder is another than for the run, or is not there."""
    here = paths.apply(folder)
    reason = f"has at {printable(here)} " + ("another folder" if Path(here).is_dir() else "nothing")
    what = "than the run" if Path(here).is_dir() else f"of the run's {printable(folder)}"
    return f"{reason} {what}: mount the share there, or say --map {printable(folder)}=FOLDER"


def writing_problem(folder: str) -> str:
    """Why this machine cannot write in a folder; "" where it can."""
    probe = Path(folder, scratch_name())
    try:
        replace_file(probe, b"")
        remove(probe)
    except OSError as error:
        return f"cannot write in {printable(folder)} ({error.strerror or os_error_message(error)})"
    return ""


def call_timely(
    places: Places,
    paths: PathMap,
    function: Callable[Params, Returned],
    *args: Params.args,
    **named: Params.kwargs,
) -> Returned:
    """What a function returns that looks at the places of a run. Raises VideoError where that takes
    too long.

    A share that is gone may hang, and so does what looks at it: here that is a thread which neither
    the caller nor the end of the process waits for.
    """
    future = Future[Returned]()

    def look() -> None:
        try:
            future.set_result(function(*args, **named))
        except BaseException as error:  # noqa: BLE001 - which the caller gets
            future.set_exception(error)

    threading.Thread(target=inheriting(look), daemon=True).start()
    try:
        return future.result(CHECK_TIME)
    except TimeoutError:
        folder = next((t.rpartition("/")[0] for t in places.tokens), "the folders of the run")
        here = printable(paths.apply(folder))
        reason = f"has had no answer from {here} for {CHECK_TIME:.0f} s: see to the share there"
        raise VideoError(reason) from None


def place_problem(places: Places, paths: PathMap, patience: float = NFS_DELAY) -> str:
    """What keeps this machine from working in the places of a run; "" where nothing does. Tokens
    may take seconds of patience to show."""
    try:
        return call_timely(places, paths, look_at_places, places, paths, patience)
    except VideoError as error:
        return str(error)


def hanging_problem(places: Places, paths: PathMap) -> str:
    """The problem where the places of a run do not answer in time, whatever they answer."""
    try:
        call_timely(places, paths, find_tokens, places, paths)
    except VideoError as error:
        return str(error)
    return ""


def credentials(places: Places, paths: PathMap, models: Mapping[str, ModelFiles]) -> dict[str, Any]:
    """What a worker says of its machine, as plain values."""
    import multiprocessing

    problem = place_problem(places, paths)
    if multiprocessing.current_process().daemon:
        setting = "DASK_DISTRIBUTED__WORKER__DAEMON=False"
        problem = f"may start no processes: set {setting} where it is started"
    facts = dict(machine_facts())
    marks = model_marks(models)
    return {
        "name": machine_name(),
        "time": time.time(),
        "facts": facts,
        "models": marks,
        "problem": problem,
    }


# === On the machine of the run ====================================================================


def refusal(answer: Mapping[str, Any], asked: float, answered: float) -> str:
    """Why a machine gets no work after what it said between two times (s since 1970); "" where it
    does."""
    if other := difference(machine_facts(), answer["facts"]):
        return other
    drift = max(asked - answer["time"], answer["time"] - answered)
    if drift > LARGEST_DRIFT:
        return f"has a clock that is {drift:.0f} s off: synchronize it (NTP)"
    return str(answer["problem"])

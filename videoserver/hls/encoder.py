"""Encoding of films while they are watched: one ffmpeg for each viewer, no further ahead than
needed, and stopped soon after the viewer is gone.

An `EncodingSession` hands out the segments of one film to one viewer. What is not in the cache
comes from its `EncoderRun`, which goes on from segment to segment; a seek ends it, and another
begins there. A run that is ahead stops reading, and ffmpeg waits, since its pipe is full.
"""

from __future__ import annotations

import os
import selectors
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.confinement import inheriting
from videolib.core.errors import BusyError, VideoError, exit_name, reason_of
from videolib.core.files import file_identity
from videolib.core.processes import cores, error_reason, need_tool, walled_tool
from videolib.core.workers import WORKER_MEMORY
from videolib.storage.videos import open_regular
from videoserver.hls.boxes import (
    FragmentReader,
    decode_times,
    run_durations,
    shifted,
    timescales,
)
from videoserver.hls.command import OFFSET, SECONDS, encoding_arguments, segment_count

if TYPE_CHECKING:
    import subprocess

    from videolib.core.runs import Job
    from videolib.storage.videos import Video
    from videoserver.hls.command import EncodingProfile
    from videoserver.hls.examine import FilmFacts
    from videoserver.hls.segment_cache import SegmentCache

LEAD = 12  # segments that are made ahead of the one that was asked for last
REACH = 4  # segments from the newest on for which one waits; beyond that a new run is sooner there
IDLE = 4.0  # seconds without a request after which a run ends
PATIENCE = 30.0  # seconds that one waits for a segment
QUEUE = 8.0  # seconds that one waits for an encoder
TICK = 0.05  # seconds between two looks at whether a run is still wanted
PICTURES = 1  # number of the track
LONGEST_STDERR = 1 << 16
INIT = -1  # in place of a segment's number: the initialization segment


class EncoderLimit:
    """At most `count` encoders that run at a time."""

    def __init__(self, count: int) -> None:
        self.count, self.places = count, threading.BoundedSemaphore(count)

    def take(self, job: Job) -> None:
        """Wait for a place. Raises BusyError where none comes free soon, CancelledError."""
        deadline = time.monotonic() + QUEUE
        while not self.places.acquire(timeout=0.1):
            job.check()
            if time.monotonic() > deadline:
                films = f"{self.count} films are" if self.count > 1 else "another film is"
                raise BusyError(f"{films} being encoded already: stop watching one, or try later")

    def free(self) -> None:
        """Give a place back."""
        self.places.release()


class EncodedFilm(NamedTuple):
    """A film as one profile encodes it; `identity` is that of the file that was looked at."""

    video: Video
    identity: tuple[int, int, int]
    facts: FilmFacts
    profile: EncodingProfile

    def key(self, number: int) -> tuple[object, ...]:
        """The key of a segment in the cache."""
        return (self.video.path, self.identity, self.profile._replace(steady=False), number)


class GapError(Exception):
    """A film shows a picture for longer than a segment, which then has none."""


class EncoderRun:
    """One ffmpeg that encodes a film from segment `begin` on, and the thread that reads it.

    `on_change` is called when there is another segment, and at the end, when `is_over` is true;
    `error` then says why it failed, if it did.
    """

    def __init__(
        self, film: EncodedFilm, begin: int, cache: SegmentCache, on_change: Callable[[], None]
    ) -> None:
        self.film, self.begin, self.cache, self.on_change = film, begin, cache, on_change
        self.newest, self.wanted = begin - 1, begin
        self.asked = time.monotonic()  # when a segment was asked for last
        self.is_over = self.is_stopped = self.has_gaps = False
        self.error = ""
        self.scales = dict[int, int]()
        self.errors = bytearray()  # the last of ffmpeg's standard error

    def start(self, on_end: Callable[[], None]) -> None:
        """Begin; `on_end` is called when ffmpeg has ended."""

        def run() -> None:
            try:
                self._encode()
            except GapError:
                self.has_gaps = not self.film.profile.steady
                self.error = "has a part without pictures, which cannot be encoded"
            except Exception as error:  # noqa: BLE001 - its reason goes to those who wait
                self.error = reason_of(error)
            finally:
                on_end()
                self.is_over = True
                self.on_change()

        threading.Thread(target=inheriting(run), daemon=True, name="encoder").start()

    def ask(self, number: int) -> None:
        """Note that a segment is wanted now."""
        self.wanted, self.asked = max(number, self.begin), time.monotonic()

    def stop(self) -> None:
        """End it soon."""
        self.is_stopped = True

    def covers(self, number: int) -> bool:
        """Whether a segment is among those that it has made, or will make sooner than a new run."""
        return not self.is_over and self.begin <= number <= self.newest + REACH

    def _encode(self) -> None:
        """Run ffmpeg until it ends or nobody wants its segments. Raises VideoError, GapError."""
        ffmpeg, film = need_tool("ffmpeg"), self.film
        descriptor = open_regular(film.video.path)
        try:
            if file_identity(os.fstat(descriptor)) != film.identity:
                raise VideoError("changed since it was opened: open it again")
            url, threads = f"file:/dev/fd/{descriptor}", min(cores(), 16)
            argv = encoding_arguments(film.facts, film.profile, self.begin, url, threads)
            with walled_tool([ffmpeg, *argv], descriptor, WORKER_MEMORY) as child:
                if self._read(child):
                    self._check_end(child)
        finally:
            os.close(descriptor)

    def _read(self, child: subprocess.Popen[bytes]) -> bool:
        """Take the segments that ffmpeg writes; whether it came to its end."""
        reader = FragmentReader()
        with pipes_of(child) as (output, errors):
            while not self.is_stopped and time.monotonic() - self.asked < IDLE:
                self.errors += read_some(errors, 0.0) or b""
                del self.errors[:-LONGEST_STDERR]
                if self.newest >= self.wanted + LEAD:
                    time.sleep(TICK)
                elif (chunk := read_some(output, TICK)) == b"":
                    self.errors += read_some(errors, 0.0) or b""
                    return True
                else:
                    for segment in reader.feed(chunk or b""):
                        self._take(segment)
        return False

    def _take(self, segment: bytes) -> None:
        """Keep a segment. Raises GapError."""
        if not self.scales:
            self.scales = timescales(segment)
            self.cache.put(self.film.key(INIT), segment)
        else:
            moved = shifted(segment, self.begin * SECONDS - OFFSET, self.scales)
            self._check_place(moved)
            self.cache.put(self.film.key(self.newest + 1), moved)
            self.newest += 1
        self.on_change()

    def _check_place(self, segment: bytes) -> None:
        """Raise GapError where a segment is not the next one, or the one behind it will not be."""
        scale, last = self.scales[PICTURES], segment_count(self.film.facts.duration) - 1
        _, begin = decode_times(segment)[PICTURES]
        following = begin + run_durations(segment)[PICTURES]
        expected = self.newest + 1
        numbers = (int((time / scale + 0.001) // SECONDS) for time in (begin, following))
        if [min(number, last) for number in numbers] != [expected, min(expected + 1, last)]:
            raise GapError

    def _check_end(self, child: subprocess.Popen[bytes]) -> None:
        """Raise VideoError where ffmpeg failed, or made nothing."""
        code = child.wait()
        reason = error_reason(bytes(self.errors))
        if code < 0:
            raise VideoError(f"ffmpeg was killed ({exit_name(code)})")
        if code:
            raise VideoError(f"cannot be encoded: {reason or f'ffmpeg ended with {code}'}")
        if self.newest < self.begin:
            raise VideoError(f"cannot be encoded: {reason or 'nothing is shown from there on'}")


@contextmanager
def pipes_of(child: subprocess.Popen[bytes]) -> Iterator[tuple[int, int]]:
    """The descriptors of both outputs of a child, which do not block."""
    assert child.stdout and child.stderr
    descriptors = child.stdout.fileno(), child.stderr.fileno()
    for descriptor in descriptors:
        os.set_blocking(descriptor, False)
    yield descriptors


def read_some(descriptor: int, patience: float) -> bytes | None:
    """What is in a pipe, after `patience` seconds at most; None: nothing yet, b"": it ended."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        if not selector.select(patience):
            return None
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return None


class EncodingSession:
    """The segments of one encoded film for one viewer."""

    def __init__(self, film: EncodedFilm, cache: SegmentCache, limit: EncoderLimit) -> None:
        self.film, self.cache, self.limit = film, cache, limit
        self.changed = threading.Condition()
        self.run: EncoderRun | None = None
        self.used = time.monotonic()

    @property
    def is_encoding(self) -> bool:
        """Whether it has an encoder that runs."""
        return self.run is not None and not self.run.is_over

    def segment(self, number: int, job: Job, kind: int | None = None) -> bytes:
        """A segment; with `kind` INIT the initialization segment, where `number` will be next.

        Raises VideoError where it cannot be made, BusyError where it takes too long, CancelledError
        when `job` is cancelled.
        """
        deadline = time.monotonic() + PATIENCE
        wanted = number if kind is None else kind
        with self.changed:
            while (content := self.cache.get(self.film.key(wanted))) is None:
                job.check()
                self._run_for(number, wanted, job).ask(number)
                if time.monotonic() > deadline:
                    raise BusyError("this machine is too busy to encode it: try later")
                self.changed.wait(0.2)
            self.used = time.monotonic()
            if self.run and self.run.covers(number):
                self.run.ask(number)
        return content

    def begin(self, number: int, job: Job) -> None:
        """Start to encode from a segment on, which will be asked for in a moment.

        Raises BusyError, VideoError and CancelledError like `segment`.
        """
        with self.changed:
            if not self._is_kept(number):
                self._run_for(number, number, job).ask(number)

    def _is_kept(self, number: int) -> bool:
        """Whether a segment is in the cache, and not yet replaced by newer ones."""
        return self.cache.get(self.film.key(number)) is not None

    def _run_for(self, number: int, wanted: int, job: Job) -> EncoderRun:
        """The run that makes a segment, begun now where none does; `wanted` is it or INIT.

        Called in the lock.
        """
        run = self.run
        if run and run.covers(number) and (number > run.newest or self._is_kept(wanted)):
            return run
        if run and run.has_gaps:
            profile = self.film.profile._replace(steady=True)
            self.film = self.film._replace(profile=profile)
        elif run and run.error and number >= run.begin:
            self.run = None
            raise VideoError(run.error)
        while run and not run.is_over:
            run.stop()
            self.changed.wait(0.2)
            job.check()
        self.limit.take(job)
        self.run = EncoderRun(self.film, number, self.cache, self._notify)
        self.run.start(self.limit.free)
        return self.run

    def _notify(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def stop(self) -> None:
        """End its encoder."""
        if self.run:
            self.run.stop()

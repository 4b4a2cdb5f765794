"""External programs: finding ffmpeg and ffprobe, and `start_tool`, the one place that starts any.

`run_tool` runs one to its end, `walled_tool` one whose output is read while it runs.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import re
import signal
import sys
import time
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from videolib.core.errors import (
    MissingDependencyError,
    VideoError,
    exit_name,
    libav_words,
    uncommon_codec,
    uncommon_container,
)
from videolib.core.program import install_command
from videolib.core.sandbox import Access, advice_on, enter, obstacle

if TYPE_CHECKING:
    import subprocess


class Tool(NamedTuple):
    """An external program: its name, its path, and what supplied it (PATH or a package)."""

    name: str
    path: str
    origin: str


def installed_tools(name: str) -> Iterator[Tool]:
    """The programs of that name, best first: on PATH; for ffmpeg also imageio-ffmpeg's."""
    import shutil

    if path := shutil.which(name):
        yield Tool(name, path, "PATH")
    if name == "ffmpeg":
        with contextlib.suppress(ImportError, RuntimeError):
            import imageio_ffmpeg

            yield Tool(name, imageio_ffmpeg.get_ffmpeg_exe(), "imageio-ffmpeg")


def find_tool(name: str) -> Tool | None:
    """The best program of that name, or None."""
    return next(installed_tools(name), None)


def need_tool(name: str) -> str:
    """The path of a program. Raises MissingDependencyError that says how to install it."""
    if tool := find_tool(name):
        return tool.path
    advice = f"{install_command('imageio-ffmpeg')}, or put {name} on PATH"
    raise MissingDependencyError(f"{name} is not installed: {advice}")


def die_with_parent(parent: int) -> None:
    """In a child before exec: be killed when the process that started it, `parent`, ends (Linux);
    now, where that has ended already."""
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


def start_tool(
    argv: Sequence[str], pass_fds: Sequence[int], prepare: Callable[[], None] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program, in a session of its own and with pipes for both outputs, that dies with this
    thread (Linux); `prepare` is called in the child before. Raises VideoError where it cannot be
    started."""
    import subprocess

    parent = os.getpid()

    def begin() -> None:
        die_with_parent(parent)
        if prepare:
            prepare()

    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
            start_new_session=True,
            preexec_fn=begin,
        )
    except OSError as error:
        advice = advice_on(error.strerror or "")
        raise VideoError(f"{argv[0]} cannot be started: {error.strerror}{advice}") from None


@contextlib.contextmanager
def walled_tool(
    argv: Sequence[str], descriptor: int, memory: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs while the body does, on a file that is open as `descriptor`.

    It has at most `memory` bytes and, where the system has it, stands behind the wall of workers,
    with nothing to read but that file. Its group is killed at the end of the body.

    Raises VideoError where it cannot be started.
    """
    access = Access((f"/dev/fd/{descriptor}",), (), (argv[0],))
    is_walled = not obstacle()

    def prepare() -> None:
        limit_memory(memory)
        if is_walled:
            enter(access)

    with start_tool(argv, [descriptor], prepare) as child:
        try:
            yield child
        finally:
            kill_group(child)


def limit_memory(size: int) -> None:
    """Let this process have at most `size` bytes of address space (Linux), and leave no core."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def run_tool(
    argv: Sequence[str],
    *,
    timeout: float,
    pass_fds: Sequence[int] = (),
    on_line: Callable[[str], bool] | None = None,
    stall: float = math.inf,
) -> bytes:
    """Run a program to its end and return its standard output.

    The child has its own session, dies with this process, and is killed with its process group on
    any exception. `on_line` is called with each line of both outputs as it comes and returns
    whether that shows headway; without headway for `stall` seconds the child is killed, as it is
    after `timeout` seconds. Raises VideoError with the program's own reason.
    """
    name = Path(argv[0]).name
    child = start_tool(argv, pass_fds)
    with child:
        try:
            out, err = read_pipes(child, Deadline(name, timeout, stall), on_line)
            child.wait()
        except BaseException:
            kill_group(child)
            raise
    if child.returncode < 0:
        raise VideoError(f"{name} was killed ({exit_name(child.returncode)})")
    if child.returncode:
        reason = error_reason(err) or f"exit code {child.returncode}"
        raise VideoError(f"{name}: {reason}{advice_on(reason)}")
    return out


# Lines that ffmpeg writes after the one that says what went wrong.
CONSEQUENCE = re.compile(
    r"(\[.*\] )?(Conversion failed|Failed to inject|Nothing was written|Task finished with error"
    r"|\s*Last message repeated \d+ times"
    r"|Error (initializing|opening|reinitializing|while opening|while processing|marking|sending))"
)

REFUSED_CODEC = re.compile(r"Codec \((\S+)\) not on whitelist")


def error_reason(stderr: bytes) -> str:
    """The line of an error output that says what went wrong, "" where there is none."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    if any("No space left on device" in line for line in lines):
        return "the disk is full: nothing was stored"
    if refused := re.search(rb"\[([^\s,]+)\S* @ \S+\] Format not on whitelist", stderr):
        return uncommon_container(refused[1].decode())
    # Of a stream that is not used a refusal is a remark, and something else went wrong.
    refusals = [line for line in lines if REFUSED_CODEC.search(line)]
    causes = [line for line in lines if line not in refusals and not CONSEQUENCE.match(line)]
    if not causes and refusals and (match := REFUSED_CODEC.search(refusals[0])):
        return uncommon_codec(match[1])
    origin = r"^\[[^]]* @ 0x[0-9a-f]+\] |^file:/dev/fd/\d+: "
    return libav_words(re.sub(origin, "", (causes or lines or [""])[-1]))


class Deadline:
    """How long a program may take, and how long it may show no headway, both in seconds."""

    def __init__(self, name: str, timeout: float, stall: float) -> None:
        self.name, self.timeout, self.stall = name, timeout, stall
        self.started = self.advanced = time.monotonic()

    def check(self) -> None:
        """Raise VideoError when either is over."""
        now = time.monotonic()
        if now - self.started > self.timeout:
            raise VideoError(f"{self.name} took longer than {self.timeout:g} s")
        if now - self.advanced > self.stall:
            raise VideoError(f"{self.name} made no headway for {self.stall:.0f} s and was stopped")


LONGEST_STDERR = 1 << 20  # bytes of standard error to keep: a damaged video fills gigabytes


def read_pipes(
    child: subprocess.Popen[bytes], deadline: Deadline, on_line: Callable[[str], bool] | None
) -> tuple[bytes, bytes]:
    """Standard output and the last of standard error, read until the child closes both pipes."""
    import selectors

    output, unfinished = {1: bytearray(), 2: bytearray()}, {1: b"", 2: b""}
    with selectors.DefaultSelector() as selector:
        selector.register(typing.cast("int", child.stdout), selectors.EVENT_READ, 1)
        selector.register(typing.cast("int", child.stderr), selectors.EVENT_READ, 2)
        while selector.get_map():
            for key, _ in selector.select(0.5):
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fileobj)
                output[key.data] += chunk
                if on_line:
                    *lines, unfinished[key.data] = (unfinished[key.data] + chunk).split(b"\n")
                    headway = [on_line(line.decode("utf-8", "replace")) for line in lines]
                    if any(headway):
                        deadline.advanced = time.monotonic()
            del output[2][:-LONGEST_STDERR]
            deadline.check()
    return bytes(output[1]), bytes(output[2])


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill a child and whatever it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while: programs that are started afterwards do not inherit
    what is secret in them."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def cores() -> int:
    """The processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def ffmpeg_features(ffmpeg: str, kind: Literal["encoder", "filter"]) -> frozenset[str]:
    """The names of the encoders or filters that a build of ffmpeg has."""
    listing = run_tool([ffmpeg, "-hide_banner", f"-{kind}s"], timeout=30).decode("utf-8", "replace")
    return frozenset(words[1] for line in listing.splitlines() if len(words := line.split()) > 1)

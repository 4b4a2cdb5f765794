"""The exceptions of the program; Failure, an exception as data; and its reason in plain words."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Callable, Sequence
from typing import NamedTuple, ParamSpec, TypeVar

from videolib.core.program import install_command
from videolib.core.sandbox import ADVICE, wall
from videolib.core.text import printable

Params = ParamSpec("Params")  # the parameters of a function
Returned = TypeVar("Returned")  # what it returns


class UsageError(ValueError):
    """The request itself is wrong: a flag, a value, a folder, a configuration file."""


class ParameterError(UsageError):
    """Parameters are wrong; `fields` are pairs of a name and what is wrong with its value."""

    def __init__(self, fields: Sequence[tuple[str, str]], text: str = "") -> None:
        super().__init__(text or "; ".join(f"{name}: {message}" for name, message in fields))
        self.fields = list(fields)


class NotFoundError(UsageError):
    """What a request names does not exist."""


class OutsideError(UsageError):
    """A request names something outside the folders that the server was given."""


class CorruptError(UsageError):
    """A sidecar cannot be read."""


class ConflictError(UsageError):
    """What a request asks for contradicts what is on disk."""


class BusyError(UsageError):
    """The server's queue is full."""


class VideoError(Exception):
    """One video could not be processed; the message is the reason, in words for its owner."""


class BrokenVideoError(VideoError):
    """The video itself is why: while its bytes are the same, no later run could process it."""


class MissingDependencyError(VideoError):
    """A program, a package or a model is missing: no video of the run can be processed."""


class CancelledError(Exception):
    """The run was asked to stop."""


UNCOMMON_CODEC = "is not among the common codecs"


def uncommon_codec(codec: str) -> str:
    """Why a decoder is not used: hostile files find their bugs in rarely used ones."""
    return f"{codec} {UNCOMMON_CODEC}: --allow-codecs {codec} allows it"


# Demuxers of lists of other files, which a hostile file would choose: nobody can allow them.
LISTS_OF_FILES = frozenset(
    {"concat", "concatf", "dash", "hls", "image2", "image2pipe", "imf", "rtsp", "sdp", "vobsub"}
    | {"webm_dash_manifest"}
)


def uncommon_container(name: str) -> str:
    """Why a demuxer is not used, as with decoders; `name` is libav's."""
    if name in LISTS_OF_FILES:
        return f"is a list of other files ({name}), no video: it is not opened"
    return f"its container {name} is not among the common ones: --allow-codecs {name} allows it"


def exit_name(code: int) -> str:
    """A process's exit code in words: the signal's name, or the number."""
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"exit code {code}"


class Failure(NamedTuple):
    """An exception as data: its reason in words for the owner of the video.

    `lacking`: a program, a package or a model is missing, which no other video will have either.
    `broken`: the video itself is why, as with BrokenVideoError.
    """

    reason: str
    lacking: bool = False
    broken: bool = False


def attempt(
    function: Callable[Params, Returned], *args: Params.args, **named: Params.kwargs
) -> Returned | Failure:
    """What the function returns, or a Failure for what it raises; only CancelledError passes.

    This is the one place where an exception becomes data.
    """
    try:
        return function(*args, **named)
    except CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - libav raises nearly anything on a damaged file
        lacking = isinstance(error, MissingDependencyError | ModuleNotFoundError)
        return Failure(reason_of(error), lacking, is_damage(error))


def is_damage(error: Exception) -> bool:
    """Whether an exception is due to the bytes of a video, not to the machine or the request.

    Of libav's only those that say so, and EPERM (see `libav_words`): its other system errors may
    come from a disk or a network.
    """
    from_libav = type(error).__module__.startswith("av.")
    is_named = type(error).__name__ in ("InvalidDataError", "EOFError")
    damage = from_libav and (is_named or getattr(error, "errno", 0) == errno.EPERM)
    return damage or isinstance(error, BrokenVideoError)


FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}


def reason_of(error: BaseException) -> str:
    """One line that says what went wrong and, where something can be done, what to do.

    Where something was stored before an OSError, what raises it says so in a VideoError.
    """
    if isinstance(error, VideoError | UsageError):
        return str(error)
    if isinstance(error, OSError) and wall.refused(error):
        names = filter(None, (error.filename, error.filename2))
        paths = ", ".join(printable(os.fsdecode(name)) for name in names)
        return f"the sandbox keeps a worker from {paths}: {ADVICE}"
    if isinstance(error, OSError) and error.errno in FULL:
        return f"{FULL[error.errno]}: nothing was stored"
    # libav's errors are OSErrors too, and say nothing of the file system.
    if type(error).__module__.startswith("av.") or isinstance(error, UnicodeError):
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return unreadable_video(libav_words(text))
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"cannot write here ({os.strerror(error.errno)}): see --artifacts-dir"
    if isinstance(error, OSError) and error.strerror:
        return os_error_message(error)
    if isinstance(error, MemoryError):
        return "needs more memory than a worker may take: it is damaged or far too large"
    if isinstance(error, ModuleNotFoundError):
        return f"needs the package {error.name}: {install_command()}"
    return f"failed unexpectedly ({type(error).__name__}: {str(error).partition(chr(10))[0]})"


def os_error_message(error: OSError) -> str:
    """The file's name, the system's message and, where something else is in its place, advice."""
    occupied = (errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENOTEMPTY)
    advice = "move away what is in its place" if error.errno in occupied else ""
    name = printable(str(error.filename2 or error.filename or ""))
    return ": ".join(filter(None, (name, error.strerror or str(error), advice)))


def libav_words(message: str) -> str:
    """What libav says went wrong, without the words of EPERM: its older demuxers return -1 for what
    they cannot parse, which is the number of that error, and no file system refused anything."""
    return message.replace(os.strerror(errno.EPERM), "Invalid data found when processing input")


def unreadable_video(message: str) -> str:
    """The reason for a file that libav or ffprobe refuses with this message."""
    damage = f"is not a readable video, or damaged ({message.rstrip('.').lower()})"
    return f"{damage}: copy it again or move it away"

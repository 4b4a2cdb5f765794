"""Running ffmpeg over a video that is open: its decoders obey the same limits as those in here."""

from __future__ import annotations

import contextlib
import functools
import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from videolib.core.errors import Failure, attempt
from videolib.core.processes import need_tool, run_tool
from videolib.core.progress import parent_link
from videolib.core.text import clock

if TYPE_CHECKING:
    from videolib.media.reader import Media


def run_ffmpeg(
    media: Media,
    arguments: Sequence[str],
    *,
    before: Sequence[str] = (),
    timeout: float = 0.0,
    on_line: Callable[[str], bool] | None = None,
    stall: float = math.inf,
    pass_fds: Sequence[int] = (),
) -> bytes:
    """Run ffmpeg with a video as its only input, and give its standard output.

    `arguments` follow the input, `before` precede it. `timeout`: seconds, 0: none; for `on_line`,
    `stall` and `pass_fds` see run_tool. Raises VideoError with what ffmpeg says where it fails.
    """
    ffmpeg = need_tool("ffmpeg")
    argv = [ffmpeg, "-v", "error", "-nostdin", "-nostats", *before]
    argv += [*media.input_flags, *decoding_flags(media, ffmpeg), "-i", media.url, *arguments]
    descriptors = [media.descriptor, *pass_fds]
    return run_tool(
        argv, timeout=timeout or math.inf, pass_fds=descriptors, on_line=on_line, stall=stall
    )


def decoding_flags(media: Media, ffmpeg: str) -> list[str]:
    """ffmpeg's flags before an input for the pictures that are shown: the decoder that has their
    alpha, and no cropping by ffmpeg itself.

    That is left to `Frame.ffmpeg_filters`, since only versions from 7.1 on crop as the container
    says, and they move odd edges by a pixel.
    """
    stream = attempt(lambda: media.stream)
    if isinstance(stream, Failure):
        return []
    native, decoder = stream.codec_context.name, media.decoder.name
    flags = [] if decoder == native else [f"-c:{stream.index}", decoder]
    if media.cropping and crops_by_container(ffmpeg):
        flags += ["-apply_cropping", "codec"]
    return flags


@functools.cache
def crops_by_container(ffmpeg: str) -> bool:
    """Whether an ffmpeg crops pictures as their container says, and has a flag for it."""
    return b"-apply_cropping[" in run_tool([ffmpeg, "-hide_banner", "-h", "long"], timeout=30)


class FfmpegProgress:
    """Reads what ffmpeg prints while it runs: how far it is, and complaints of its decoders.

    `-progress` gives blocks of `key=value` lines, each ended by the key `progress`.
    """

    FLAGS = ("-progress", "pipe:1")  # of the run that is followed
    DAMAGE = re.compile(
        r"error while decoding|error submitting packet|invalid data found|corrupt|truncat"
        r"|concealing|invalid nal|missing reference|non-existing [ps]ps|damaged|partial file",
        re.IGNORECASE,
    )

    def __init__(self, duration: float) -> None:
        self.duration = max(duration, 0.001)  # seconds
        self.values: dict[str, str] = {}
        self.position = ""  # as of the last block
        self.damage = 0  # complaints
        self.disk_full = False

    def __call__(self, line: str) -> bool:
        """Take a line of output; whether it shows progress since the last block."""
        key, equals, value = line.strip().partition("=")
        if not equals or " " in key:
            self.damage += bool(self.DAMAGE.search(line))
            self.disk_full |= "No space left on device" in line
            return False
        self.values[key] = value
        if key != "progress":
            return False
        position = "/".join(self.values.get(k, "") for k in ("frame", "out_time_us", "total_size"))
        moved, self.position = position != self.position, position
        parent_link.report(self.share, self.note)
        return moved

    @property
    def share(self) -> float:
        """How much is done, 0 to 1; the checks that follow are the rest."""
        out_time = self.values.get("out_time_us", "")
        seconds = int(out_time) / 1e6 if out_time.lstrip("-").isdigit() else 0.0
        return min(max(seconds / self.duration, 0.0), 0.99)

    @property
    def note(self) -> str:
        """Share, speed and time left, for the progress line."""
        note = f"{self.share:.0%}"
        with contextlib.suppress(ValueError):
            speed = float(self.values.get("speed", "").strip().removesuffix("x"))
            left = self.duration * (1 - self.share) / max(speed, 1e-3)
            note += f" {speed:.3g}x ETA {clock(left)}"
        return note

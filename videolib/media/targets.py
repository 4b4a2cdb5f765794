"""What can be asked of a transcode: target codecs, bit rates, effort, hardware, dynamic range.

Light to import, since options of commands have these types and patterns. Whether a file already
fits a target is in codecs; the encoders that produce one are in encoders.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

VideoCodec = Literal["h264", "hevc", "vp9", "av1"]
AudioCodec = Literal["aac", "mp3", "opus", "ac3", "eac3", "alac"]
Hardware = Literal["none", "auto", "videotoolbox", "nvenc", "qsv", "vaapi"]
HdrPolicy = Literal["auto", "keep", "tonemap"]
Preset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
]

PRESETS: tuple[str, ...] = typing.get_args(Preset)  # x264's, from the fastest on
ACCELERATORS: tuple[str, ...] = ("videotoolbox", "nvenc", "qsv", "vaapi")  # in order of preference

BIT_RATE = r"^(\d+(\.\d+)?[kKmM]?)?$"  # bits per second, such as 3000k or 2.5M
SAVING = r"^(\d+(\.\d+)?%)?$"  # a share of the source's size, such as 10%

HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})  # PQ and HLG


def is_hdr(stream: Mapping[str, Any]) -> bool:
    """Whether a stream is HDR, by the transfer function in its metadata."""
    return stream.get("color_transfer") in HDR_TRANSFERS


def parse_bit_rate(text: str) -> int | None:
    """Bits per second of a text that matches BIT_RATE; None for an empty one."""
    if not text:
        return None
    unit = {"k": 1000, "m": 1_000_000}.get(text[-1].lower())
    return round(float(text[:-1]) * unit) if unit else round(float(text))


def parse_saving(text: str) -> float | None:
    """The share, from 0 to 1, of a text that matches SAVING; None for an empty one."""
    return float(text[:-1]) / 100 if text else None


class TranscodeTarget(NamedTuple):
    """What every output of a transcode has: codecs and dynamic range.

    `copy_fitting`: streams that already have the target codecs are copied, not encoded.
    `drop_subtitles`: the output gets none.
    """

    video_codec: VideoCodec = "h264"
    audio_codec: AudioCodec = "aac"
    hdr: HdrPolicy = "auto"
    copy_fitting: bool = True
    drop_subtitles: bool = False

    @property
    def allows_10_bits(self) -> bool:
        """Whether ten bits per sample may stay: not in H.264, where few players decode them,
        unless HDR is to be kept."""
        return self.video_codec != "h264" or self.hdr == "keep"

    def tone_maps(self, stream: Mapping[str, Any]) -> bool:
        """Whether a stream is HDR and to be converted to SDR."""
        wanted = self.hdr == "tonemap" or (self.hdr == "auto" and self.video_codec == "h264")
        return wanted and is_hdr(stream)

"""Packets of elementary streams as MP4 has them.

MPEG-TS holds H.264 and HEVC as their standards write them to a wire: NAL units behind start
codes (Annex B of ITU-T H.264 and H.265), and AAC with a header before each frame (ADTS, ISO/IEC
13818-7). In MP4 units have their lengths before them, and frames of AAC no headers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

LENGTH_PLACES = {"h264": 4, "hevc": 21}  # byte of avcC and hvcC with the size of lengths
START_CODE = re.compile(b"\0\0\1")

# By their numbers in an ADTS header: samples per second, and layouts of channels.
SAMPLE_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def has_start_codes(codec: str, extradata: bytes) -> bool:
    """Whether the NAL units of a stream stand behind start codes."""
    return codec in LENGTH_PLACES and extradata[:1] != b"\1"


def nal_units(packet: bytes, codec: str, extradata: bytes) -> Iterator[bytes]:
    """The NAL units of a packet; none where the codec has no such units."""
    if has_start_codes(codec, extradata):
        yield from units_behind_start_codes(packet)
    elif codec in LENGTH_PLACES and len(extradata) > LENGTH_PLACES[codec]:
        size, at = (extradata[LENGTH_PLACES[codec]] & 3) + 1, 0
        while at + size < len(packet):
            length = int.from_bytes(packet[at : at + size])
            yield packet[at + size : at + size + length]
            at += size + length


def units_behind_start_codes(packet: bytes) -> Iterator[bytes]:
    """The NAL units of a packet that has start codes. Zeros behind a unit are no part of it."""
    starts = [match.end() for match in START_CODE.finditer(packet)]
    ends = [start - 3 for start in starts[1:]] + [len(packet)]
    units = (packet[a:b].rstrip(b"\0") for a, b in zip(starts, ends, strict=True))
    return filter(None, units)


def with_lengths(packet: bytes) -> bytes:
    """A packet whose units have their lengths, of four bytes, in place of start codes."""
    units = units_behind_start_codes(packet)
    return b"".join(part for unit in units for part in (len(unit).to_bytes(4), unit))


class AdtsHeader(NamedTuple):
    """What the header of a frame of AAC says; `size` is its own, in bytes."""

    size: int
    rate: int
    layout: str

    @classmethod
    def of(cls, frame: bytes) -> AdtsHeader | None:
        """The header of a frame; None where it has none, or one of a kind that is seldom: no low
        complexity, several blocks, other channels."""
        if len(frame) < 7 or frame[0] != 0xFF or frame[1] & 0xF6 != 0xF0:
            return None
        profile, rate = frame[2] >> 6, frame[2] >> 2 & 0xF
        layout = LAYOUTS.get((frame[2] & 1) << 2 | frame[3] >> 6)
        if profile != 1 or rate >= len(SAMPLE_RATES) or not layout or frame[6] & 3:
            return None
        return cls(7 if frame[1] & 1 else 9, SAMPLE_RATES[rate], layout)


def first_header(stream: Any, read: Callable[[Any], Iterator[Any]]) -> AdtsHeader | None:
    """The header of the first frame of a stream of AAC; `read` gives packets of streams."""
    return next((AdtsHeader.of(bytes(packet)) for packet in read(stream) if packet.size), None)


def without_header(frame: bytes) -> bytes:
    """A frame of AAC without its ADTS header, if it has one."""
    header = AdtsHeader.of(frame)
    return frame[header.size :] if header else frame

"""Where the segments of a film begin whose packets are copied: at keyframes that need none before.

Found by the container's index, and checked at a few of them, since indices and key flags mislead:
of an H.264 stream with open GOPs all keyframes but the first are no IDR pictures, and Chromium ends
with a decode error at the first seek (hls.js 7774).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from videolib.core.errors import VideoError
from videolib.media.keyframes import ROUNDING, KeyframeFinder
from videolib.media.packets import timestamp_of
from videoserver.hls.elementary import nal_units

if TYPE_CHECKING:
    from videolib.media.reader import Media

COPIED_CODECS = frozenset({"h264", "hevc", "vp9", "av1"})
# Demuxers that say when pictures are shown. AVI does not: libav's times of H.264 in it are guesses.
COPIED_FROM = frozenset({"matroska", "mov", "flv", "mpegts"})
SHORTEST, LONGEST = 4.0, 30.0  # seconds of a segment
SHORTEST_TAIL = 1.0  # seconds of the last: with a shorter one Firefox never gets to the end
LATEST_BEGIN = 1.0  # seconds after which a player would wait for a first picture
READ_WHOLE = 200 << 20  # bytes of the largest file that is read whole where it has no index
SEEK_LEAD = 2.0  # seconds by which a picture may be shown after it is decoded, and more
CHECKED = 8  # keyframes, spread over the film, that are looked at

H264_IDR, H264_SPS = 5, 7  # types of NAL units: ITU-T H.264, table 7-1, and H.265, table 7-1
HEVC_RANDOM_ACCESS, HEVC_SPS = range(16, 22), 33


def find_cuts(media: Media) -> list[int]:
    """The timestamps of the keyframes at which segments begin, the first of the film among them.

    Raises VideoError with the reason why its packets cannot be copied.
    """
    codec = str(media.stream_facts[media.stream.index].get("codec_name"))
    if codec not in COPIED_CODECS:
        raise VideoError(f"{codec} is not copied into segments")
    if not COPIED_FROM & set(media.container.format.name.split(",")) or media.clock:
        raise VideoError(f"packets of {media.container.format.name} are not copied into segments")
    keyframes = media.keyframes or keyframes_by_reading(media, codec)
    if not keyframes or media.seconds(keyframes[0]) > LATEST_BEGIN:
        raise VideoError("its index does not say where pictures begin")
    cuts = spaced(keyframes, SHORTEST / media.tick)
    end = media.pts(media.duration)
    if len(cuts) > 1 and (end - cuts[-1]) * media.tick < SHORTEST_TAIL:
        del cuts[-1]
    lengths = (b - a for a, b in zip(cuts, [*cuts[1:], end], strict=True))
    if max(lengths) * media.tick > LONGEST:
        raise VideoError("its keyframes are too far apart")
    if not needs_lead(media):
        check_keyframes(media, cuts, codec)
    return cuts


def spaced(keyframes: Sequence[int], shortest: float) -> list[int]:
    """The first keyframe, and each that is at least `shortest` after the last one taken."""
    cuts = [keyframes[0]]
    for keyframe in keyframes[1:]:
        if keyframe - cuts[-1] >= shortest:
            cuts.append(keyframe)
    return cuts


def keyframes_by_reading(media: Media, codec: str) -> list[int]:
    """The keyframes of a file without an index at which decoding may begin, by all its packets.
    Raises VideoError where that would take long, or where pictures have no times or change."""
    if media.stat.st_size > READ_WHOLE:
        raise VideoError("it has no index and is too large to be read for one")
    extradata = media.stream.codec_context.extradata or b""
    keyframes, parameters = list[int](), set[bytes]()
    for packet in media.packets(media.start):
        if packet.pts is None:
            raise VideoError("it does not say when each picture is shown")
        if packet.is_keyframe and may_begin(codec, content := bytes(packet), extradata):
            keyframes.append(packet.pts)
            parameters |= parameter_sets(codec, content, extradata)
    if len(parameters) > 1:
        raise VideoError("its pictures change in size or kind")
    return sorted(keyframes)


def parameter_sets(codec: str, packet: bytes, extradata: bytes) -> set[bytes]:
    """The sequence parameter sets in a packet."""
    units = nal_units(packet, codec, extradata)
    if codec == "h264":
        return {unit for unit in units if unit[0] & 0x1F == H264_SPS}
    return {unit for unit in units if unit[0] >> 1 & 0x3F == HEVC_SPS}


def needs_lead(media: Media) -> bool:
    """Whether a seek may pass a keyframe, as it goes by decode times: see `packets_from`."""
    return "mpegts" in media.container.format.name


def packets_from(media: Media, keyframe: int) -> Iterator[Any]:
    """The packets of pictures from a keyframe on, by its timestamp."""
    lead = round(SEEK_LEAD / media.tick) if needs_lead(media) else 0
    packets = media.packets(keyframe - lead)
    return itertools.dropwhile(lambda packet: not is_keyframe_at(media, packet, keyframe), packets)


def is_keyframe_at(media: Media, packet: Any, pts: int) -> bool:
    """Whether a packet is the keyframe of a timestamp."""
    shown = timestamp_of(packet)
    return packet.is_keyframe and shown is not None and abs(shown - pts) * media.tick < ROUNDING


def check_keyframes(media: Media, cuts: Sequence[int], codec: str) -> None:
    """Look at some of the cuts. Raises VideoError where one is not where the index says, or
    decoding cannot begin there."""
    finder, step = KeyframeFinder(media), max(len(cuts) // CHECKED, 1)
    for cut in (*cuts[:2], *cuts[2::step]):
        packet = finder.packet(cut)
        if packet is None or packet.pts is None or abs(packet.pts - cut) * media.tick > ROUNDING:
            raise VideoError("its index is not exact")
        if not may_begin(codec, bytes(packet), media.stream.codec_context.extradata or b""):
            raise VideoError("its keyframes need pictures before them (open GOP)")


def may_begin(codec: str, packet: bytes, extradata: bytes) -> bool:
    """Whether decoding may begin with a key packet: by its NAL units, where the codec has any."""
    units = nal_units(packet, codec, extradata)
    if codec == "h264":
        return any(unit[0] & 0x1F == H264_IDR for unit in units)
    if codec == "hevc":
        return any(unit[0] >> 1 & 0x3F in HEVC_RANDOM_ACCESS for unit in units)
    return True

"""Where the segments of a film begin whose packets are copied: at keyframes that need none before.

Found by the container's index, and checked at a few of them, since indices and key flags mislead:
of an H.264 stream with open GOPs all keyframes but the first are no IDR pictures, and Chromium ends
with a decode error at the first seek (hls.js 7774).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from videolib.core.errors import VideoError
from videolib.media.keyframes import ROUNDING, KeyframeFinder

if TYPE_CHECKING:
    from videolib.media.reader import Media

COPIED_CODECS = frozenset({"h264", "hevc", "vp9", "av1"})
COPIED_FROM = frozenset({"matroska", "mov", "flv"})  # demuxers whose packets are as MP4 has them
SHORTEST, LONGEST = 4.0, 30.0  # seconds of a segment
SHORTEST_TAIL = 1.0  # seconds of the last: with a shorter one Firefox never gets to the end
LATEST_BEGIN = 1.0  # seconds after which a player would wait for a first picture
READ_WHOLE = 200 << 20  # bytes of the largest file that is read whole where it has no index
CHECKED = 8  # keyframes, spread over the film, that are looked at

H264_IDR = 5  # types of NAL units: ITU-T H.264, table 7-1, and H.265, table 7-1
HEVC_RANDOM_ACCESS = range(16, 22)


def find_cuts(media: Media) -> list[int]:
    """The timestamps of the keyframes at which segments begin, the first of the film among them.

    Raises VideoError with the reason why its packets cannot be copied.
    """
    codec = str(media.stream_facts[media.stream.index].get("codec_name"))
    if codec not in COPIED_CODECS:
        raise VideoError(f"{codec} is not copied into segments")
    if not COPIED_FROM & set(media.container.format.name.split(",")) or media.clock:
        raise VideoError(f"packets of {media.container.format.name} are not copied into segments")
    keyframes = media.keyframes or keyframes_by_reading(media)
    if not keyframes or media.seconds(keyframes[0]) > LATEST_BEGIN:
        raise VideoError("its index does not say where pictures begin")
    cuts = spaced(keyframes, SHORTEST / media.tick)
    end = media.pts(media.duration)
    if len(cuts) > 1 and (end - cuts[-1]) * media.tick < SHORTEST_TAIL:
        del cuts[-1]
    lengths = (b - a for a, b in zip(cuts, [*cuts[1:], end], strict=True))
    if max(lengths) * media.tick > LONGEST:
        raise VideoError("its keyframes are too far apart")
    check_keyframes(media, cuts, codec)
    return cuts


def spaced(keyframes: Sequence[int], shortest: float) -> list[int]:
    """The first keyframe, and each that is at least `shortest` after the last one taken."""
    cuts = [keyframes[0]]
    for keyframe in keyframes[1:]:
        if keyframe - cuts[-1] >= shortest:
            cuts.append(keyframe)
    return cuts


def keyframes_by_reading(media: Media) -> list[int]:
    """The keyframes of a file without an index, by all its packets. Raises VideoError where that
    would take long."""
    if media.stat.st_size > READ_WHOLE:
        raise VideoError("it has no index")
    return sorted(p.pts for p in media.packets(media.start) if p.is_keyframe and p.pts is not None)


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
    if codec == "h264":
        return any(unit[0] & 0x1F == H264_IDR for unit in nal_units(packet, extradata, 4))
    if codec == "hevc":
        units = nal_units(packet, extradata, 21)
        return any(unit[0] >> 1 & 0x3F in HEVC_RANDOM_ACCESS for unit in units)
    return True


def nal_units(packet: bytes, extradata: bytes, place: int) -> Iterator[bytes]:
    """The first bytes of each NAL unit of a packet whose units have their lengths before them; the
    size of these stands at `place` of the extradata. Nothing for units behind start codes."""
    if extradata[:1] != b"\x01" or len(extradata) <= place:
        return
    size, at = (extradata[place] & 3) + 1, 0
    while at + size < len(packet):
        length = int.from_bytes(packet[at : at + size])
        yield packet[at + size : at + size + 2]
        at += size + length

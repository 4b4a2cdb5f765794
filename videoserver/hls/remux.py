"""Segments of a film whose packets are copied, each made from the file alone. Runs in a worker.

Decode times are the sorted times of showing, so that a segment begins exactly at its keyframe and
ends where the next one begins; the offsets of pictures that are shown before others that were
decoded earlier are negative, which version 1 of trun allows.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import BrokenVideoError, VideoError
from videolib.media.reader import Media
from videoserver.hls.boxes import CodedSample, FragmentReader, TrackRun, fragment, timescales
from videoserver.hls.cuts import is_keyframe_at, may_begin, packets_from
from videoserver.hls.elementary import (
    first_header,
    has_start_codes,
    with_lengths,
    without_header,
)
from videoserver.hls.sound import LAYOUT, RATE, encoded_run

if TYPE_CHECKING:
    from videolib.media.geometry import DisplayMatrix
    from videolib.storage.videos import Video

PICTURES, SOUND = 1, 2  # numbers of the tracks
TIMESCALE = 90_000  # of the pictures
LEAD = 2.0  # seconds by which sound may stand before the pictures it belongs to in a file
JITTER = 0.003  # seconds by which containers round times: Matroska's and FLV's have milliseconds


class CopiedPart(NamedTuple):
    """A part of a film to copy: its number among the segments, the timestamp of the keyframe it
    begins with and of that after it, None at the end."""

    number: int
    begin: int
    end: int | None


class PartSound(NamedTuple):
    """The sound of copied pictures: the index of its stream, and whether it is encoded anew."""

    stream: int
    is_encoded: bool


class TimedPacket(NamedTuple):
    """A packet's bytes, and when it is shown, in seconds of the film."""

    content: bytes
    time: float
    is_sync: bool


def copied_init(video: Video, sound: PartSound | None, matrix: DisplayMatrix | None) -> bytes:
    """The initialization segment of copied streams; `matrix` turns the pictures."""
    import av

    options = {"movflags": "empty_moov+default_base_moof", "use_editlist": "0"}
    options |= {"video_track_timescale": str(TIMESCALE)}
    output = io.BytesIO()
    with Media(video) as media, av.open(output, "w", format="mp4", options=options) as copy:
        pictures = copy.add_stream_from_template(media.stream, opaque=True)
        if matrix:
            pictures.set_display_matrix(matrix)
        if sound and sound.is_encoded:
            copy.add_stream("aac", rate=RATE, layout=LAYOUT)
        elif sound:
            add_copied_sound(copy, media, media.container.streams[sound.stream])
        copy.start_encoding()
        head = next(FragmentReader().feed(output.getvalue()))
    # Safari plays HEVC only under the name that says that its parameters are all in the head.
    return head.replace(b"hev1", b"hvc1", 1)


def add_copied_sound(copy: Any, media: Media, stream: Any) -> None:
    """Add a stream of sound to a copy. AAC whose frames have headers gets the stream of an encoder
    for what these say, which writes the same into the head."""
    is_aac = stream.codec_context.name == "aac"
    if is_aac and (header := first_header(stream, media.read)):
        copy.add_stream("aac", rate=header.rate, layout=header.layout)
    else:
        copy.add_stream_from_template(stream, opaque=True)


def copied_segment(video: Video, part: CopiedPart, sound: PartSound | None, init: bytes) -> bytes:
    """One segment. Raises VideoError where the keyframe that begins it is not in its place."""
    scales = timescales(init)
    with Media(video) as media:
        pictures, end = read_pictures(media, part)
        runs = [picture_run(pictures, end, scales[PICTURES])]
        run = sound and sound_of_part(media, part, sound, scales[SOUND])
        runs += [run] if run else []
    return fragment(part.number, runs)


def sound_of_part(media: Media, part: CopiedPart, sound: PartSound, scale: int) -> TrackRun | None:
    """The samples of sound of a part; None where it has none."""
    stream: Any = media.container.streams[sound.stream]
    begin = media.seconds(part.begin) if part.number else 0.0
    end = None if part.end is None else media.seconds(part.end)
    if sound.is_encoded:
        return encoded_run(media, stream, begin, media.duration if end is None else end, SOUND)
    heard = list(read_sound(media, stream, begin, end))
    return sound_run(heard, end, scale) if heard else None


def read_pictures(media: Media, part: CopiedPart) -> tuple[list[TimedPacket], float | None]:
    """The pictures of a part in the order they are decoded, and when the first is shown that does
    not belong to it; None at the end."""
    started, pictures, end = packets_from(media, part.begin), list[TimedPacket](), None
    codec, extradata = media.stream.codec_context.name, media.stream.codec_context.extradata or b""
    convert = with_lengths if has_start_codes(codec, extradata) else bytes
    for packet in started:
        if part.end is not None and is_keyframe_at(media, packet, part.end):
            end = min(media.seconds(pts) for pts in leading(packet, started))
            break
        if packet.pts is None:
            raise BrokenVideoError("a picture in it has no time: it is damaged")
        content = bytes(packet)
        is_sync = packet.is_keyframe and may_begin(codec, content, extradata)
        pictures.append(TimedPacket(convert(content), media.seconds(packet.pts), is_sync))
    if not pictures:
        raise VideoError("its pictures are not where its index says")
    return pictures, end


def leading(keyframe: Any, following: Iterator[Any]) -> Iterator[int]:
    """The timestamps of a keyframe, and of the pictures that are decoded after it and shown before
    it, as in open GOPs."""
    yield keyframe.pts
    for packet in following:
        if packet.pts is None or packet.pts > keyframe.pts:
            return
        yield packet.pts


def picture_run(pictures: Sequence[TimedPacket], end: float | None, scale: int) -> TrackRun:
    """The samples of pictures, the last of which is shown until `end`; None: as long as the one
    before it."""
    shown = [round(picture.time * scale) for picture in pictures]
    decoded = sorted(shown)
    last = decoded[-1] + (decoded[-1] - decoded[-2] if len(decoded) > 1 else scale // 25)
    ends = [*decoded[1:], last if end is None else max(round(end * scale), decoded[-1] + 1)]
    samples = [
        CodedSample(picture.content, until - time, show - time, picture.is_sync)
        for picture, time, until, show in zip(pictures, decoded, ends, shown, strict=True)
    ]
    # A decode time below 0 cannot be written: the film then begins with what is shown at 0.
    return TrackRun(PICTURES, max(decoded[0], 0), samples)


def read_sound(media: Media, stream: Any, begin: float, end: float | None) -> Iterator[TimedPacket]:
    """The packets of a stream of sound that begin in a part of the film, from `begin` until before
    `end`, and one more where there is any."""
    start = media.file.start
    target = round((begin - LEAD + start) / stream.time_base)
    if not media.try_seek(target, stream):
        media.try_seek(0, stream, unsupported_byte_offset=True)
    content = without_header if stream.codec_context.name == "aac" else bytes
    for packet in media.read(stream):
        if not packet.size or packet.pts is None:
            continue
        time = float(packet.pts * packet.time_base) - start
        # Rounded times must not put a packet into two segments, or into none: `begin` of one is
        # `end` of the one before.
        if time >= begin:
            yield TimedPacket(content(bytes(packet)), time, True)
        if end is not None and time >= end:
            return


def sound_run(heard: Sequence[TimedPacket], end: float | None, scale: int) -> TrackRun:
    """The samples of sound that begin before `end`; one that follows says how long the last is."""
    times = [round(time * scale) for time in steady_times([packet.time for packet in heard])]
    until = times[-1] + (times[-1] - times[-2] if len(times) > 1 else scale // 50)
    ends = [*times[1:], until]
    samples = [
        CodedSample(packet.content, max(stop - time, 1))
        for packet, time, stop in zip(heard, times, ends, strict=True)
        if end is None or packet.time < end
    ]
    return TrackRun(SOUND, times[0], samples)


def steady_times(times: Sequence[float]) -> list[float]:
    """The times of packets as they are, or, where each is so by its container's rounding alone, in
    equal steps."""
    if len(times) < 3:
        return list(times)
    step = (times[-1] - times[0]) / (len(times) - 1)
    even = [times[0] + number * step for number in range(len(times))]
    is_steady = all(abs(a - b) < JITTER for a, b in zip(times, even, strict=True))
    return even if is_steady else list(times)

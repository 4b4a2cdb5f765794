"""Whether an output is complete: packets, ends of streams, and whether its tail decodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import VideoError
from videolib.core.text import plural
from videolib.media.duration import cut_off_message, declared_end, is_cut_off
from videolib.media.reader import timestamp_of

if TYPE_CHECKING:
    from videolib.media.reader import Media
    from videolib.media.transcode import TranscodePlan


class StreamSummary(NamedTuple):
    """What reading a stream to its end showed; times are seconds from the container's start."""

    type: str
    packets: int
    end: float
    step: float
    declared_end: float | None


def read_tracks(media: Media) -> dict[int, StreamSummary]:
    """Read every packet of a file: what its streams hold and where they end."""
    container, start = media.container, media.container_start or 0.0
    packets, ends, steps = Counter[int](), dict[int, float](), dict[int, float]()
    for packet in every_packet(media):
        index, tick = packet.stream_index, float(packet.time_base or 0)
        packets[index] += 1
        shown_at = timestamp_of(packet)
        if shown_at is not None:
            end = (shown_at + (packet.duration or 0)) * tick - start
            ends[index] = max(ends.get(index, 0.0), end)
            steps[index] = max(steps.get(index, 0.0), (packet.duration or 0) * tick)
    return {
        stream.index: StreamSummary(
            stream.type,
            packets[stream.index],
            ends.get(stream.index, 0.0),
            steps.get(stream.index, 0.0),
            declared_end(container, stream, start),
        )
        for stream in container.streams
    }


def every_packet(media: Media) -> Iterator[Any]:
    """The packets of all streams that are played; those that are corrupt count as damage, too."""
    for packet in media.read():
        if packet.size and not packet.is_discard:
            yield packet
        media.note_damage(bool(packet.size and packet.is_corrupt))


PLAYED = ("video", "audio")


def shortage(media: Media, tracks: Mapping[int, StreamSummary]) -> str:
    """How a source falls short of what it promises, or an empty string."""
    end = max((track.end for track in tracks.values()), default=0.0)
    # MPEG streams promise nothing: their length is libav's guess.
    keeps_word = not {"mpeg", "mpegts"} & set(media.container.format.name.split(","))
    whole = (media.container_duration if keeps_word else None) or 0.0
    short = [(end, whole)] + [
        (track.end, track.declared_end)
        for track in tracks.values()
        if track.type in PLAYED and track.declared_end and keeps_word
    ]
    for last, declared in short:
        if is_cut_off(declared - last):
            return f"is {cut_off_message(last, declared)}"
    if media.damage:
        return f"{plural(media.damage, 'packet')} could not be read"
    return ""


def compare_tracks(
    plan: TranscodePlan, source: Mapping[int, StreamSummary], output: Mapping[int, StreamSummary]
) -> None:
    """Raise VideoError where an output has not all that its source has."""
    made = [track for track in output.values() if track.type != "data"]
    wanted = [source[route.stream["index"]] for route in plan.kept]
    if [track.type for track in made] != [track.type for track in wanted]:
        there, due = Counter(t.type for t in made), Counter(t.type for t in wanted)
        raise VideoError(f"the output has {dict(there)} streams in place of {dict(due)}")
    for route, old, new in zip(plan.kept, wanted, made, strict=True):
        slack = 0.5 + max(old.step, new.step)
        if old.packets and not new.packets:
            raise VideoError(f"the output's {old.type} is empty")
        if old.type in PLAYED and new.end < old.end - slack:
            raise VideoError(
                f"the output's {old.type} ends at {new.end:.1f} s, the source's at {old.end:.1f} s"
            )
        if route.action == "copy" and old.type == "video" and new.packets < old.packets:
            raise VideoError(f"the output has {new.packets} of {old.packets} video packets")


TAIL = 3.0  # seconds at the end of an output that are decoded before it is published


def decode_tail(media: Media, tracks: Mapping[int, StreamSummary]) -> int:
    """Decode the last seconds of every stream that is played; how many packets failed.

    Raises VideoError where one gives nothing at all.
    """
    import av

    failed = 0
    for stream in (*media.container.streams.video, *media.container.streams.audio):
        track, frames = tracks[stream.index], 0
        tick = float(stream.time_base or 1)
        target = round(max(track.end - TAIL, 0.0) / tick)
        media.container.seek(target, stream=stream, backward=True)
        for packet in media.container.demux(stream):
            try:
                frames += len(packet.decode())
            except (av.FFmpegError, OSError, ValueError):
                failed += 1
        if track.packets and not frames:
            raise VideoError(f"the last seconds of the output's {track.type} cannot be decoded")
    return failed

"""Verification of transcodes: whether a source is complete, and whether its output has all of it.

`stream_summaries` reads both files to the end; `shortage` judges the source by what it declares,
`check_streams` the output by the source, and `decode_tail` decodes the output's last seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import VideoError
from videolib.core.text import plural
from videolib.media.duration import (
    cut_off_message,
    declared_duration,
    declared_end,
    is_cut_off,
    is_too_small,
)
from videolib.media.packets import packet_end

if TYPE_CHECKING:
    from videolib.media.reader import Media
    from videolib.media.transcode_plan import TranscodePlan


class StreamSummary(NamedTuple):
    """A stream as it was read to its end; times are seconds from the container's start.

    `packets`: their number; `end`: when the last one ends; `longest`: the duration of the longest
    one; `declared_end`: when the stream ends by its header, None: unknown.
    """

    type: str
    packets: int
    end: float
    longest: float
    declared_end: float | None

    @property
    def is_played(self) -> bool:
        """Whether it is of a type that lasts as long as the film."""
        return self.type in ("video", "audio")

    @property
    def is_whole(self) -> bool:
        """Whether it has data up to its declared end."""
        return self.declared_end is not None and not is_cut_off(self.declared_end - self.end)


class StreamCounter:
    """Sums up the streams of a file while its packets are read."""

    def __init__(self, media: Media) -> None:
        self.media, self.start = media, media.file.start
        self.packets = Counter[int]()
        self.ends, self.durations = dict[int, float](), dict[int, float]()

    def add(self, packet: Any) -> None:
        """Count a packet."""
        index, end = packet.stream_index, packet_end(packet)
        self.packets[index] += 1
        if end is not None:
            self.ends[index] = max(self.ends.get(index, 0.0), end - self.start)
            duration = (packet.duration or 0) * float(packet.time_base or 0)
            self.durations[index] = max(self.durations.get(index, 0.0), duration)

    def summaries(self) -> dict[int, StreamSummary]:
        """The summaries of all streams, by index, of the packets so far."""
        return {
            stream.index: StreamSummary(
                stream.type,
                self.packets[stream.index],
                self.ends.get(stream.index, 0.0),
                self.durations.get(stream.index, 0.0),
                declared_end(self.media.file, stream),
            )
            for stream in self.media.container.streams
        }


def stream_summaries(media: Media) -> dict[int, StreamSummary]:
    """Summaries of all streams, by index, for which every packet of the file is read."""
    counter = StreamCounter(media)
    for packet in played_packets(media):
        counter.add(packet)
    return counter.summaries()


def played_packets(media: Media) -> Iterator[Any]:
    """The packets of a file that players use.

    Corrupt ones are counted as damage of `media`, except where recordings were joined.
    """
    for packet in media.read():
        if packet.size and not packet.is_discard:
            yield packet
        if packet.size and packet.is_corrupt and not media.is_at_joint(packet):
            media.note_damage()


def shortage(media: Media, streams: Mapping[int, StreamSummary]) -> str:
    """Message for a source that ends before its declared end or is damaged, or an empty string."""
    if ends := early_end(media, streams):
        return f"is {cut_off_message(*ends)}"
    if media.damage:
        return f"{plural(media.damage, 'packet')} could not be read"
    return ""


def early_end(media: Media, streams: Mapping[int, StreamSummary]) -> tuple[float, float] | None:
    """Where a file, or one of its streams, ends before its declared end, and that end (s); None:
    all is there.

    MPEG files declare nothing. A declared end that a file is far too small for is not believed
    where all its pictures are there: some headers count sound wrongly.
    """
    is_mpeg = "mpeg" in media.container.format.name
    film = max((stream.end for stream in streams.values()), default=0.0)
    ends = [(film, None if is_mpeg else declared_duration(media.file))]
    ends += [(stream.end, stream.declared_end) for stream in streams.values() if stream.is_played]
    has_all_pictures = any(s.type == "video" and s.is_whole for s in streams.values())
    for actual, declared in ends:
        if declared is None or not is_cut_off(declared - actual):
            continue
        if not (has_all_pictures and is_too_small(media.stat.st_size, declared)):
            return actual, declared
    return None


def check_streams(
    plan: TranscodePlan, source: Mapping[int, StreamSummary], output: Mapping[int, StreamSummary]
) -> None:
    """Raise VideoError where an output does not have all that it should have of its source."""
    actual = [stream for stream in output.values() if stream.type != "data"]
    expected = [source[stream_plan.stream["index"]] for stream_plan in plan.kept]
    if [stream.type for stream in actual] != [stream.type for stream in expected]:
        counts, expected_counts = (Counter(s.type for s in part) for part in (actual, expected))
        raise VideoError(
            f"the output has {dict(counts)} streams in place of {dict(expected_counts)}"
        )
    for stream_plan, old, new in zip(plan.kept, expected, actual, strict=True):
        tolerance = 0.5 + max(old.longest, new.longest)
        if old.packets and not new.packets:
            raise VideoError(f"the output's {old.type} is empty")
        if old.is_played and new.end < old.end - tolerance:
            raise VideoError(
                f"the output's {old.type} ends at {new.end:.1f} s, the source's at {old.end:.1f} s"
            )
        copied = stream_plan.action == "copy"
        if copied and old.type == "video" and new.packets < old.packets:
            raise VideoError(f"the output has {new.packets} of {old.packets} video packets")


TAIL = 3.0  # seconds at the end of an output that are decoded before it is published


def decode_tail(media: Media, streams: Mapping[int, StreamSummary]) -> int:
    """The number of packets that fail to decode in the last TAIL seconds of each played stream.

    Raises VideoError where nothing of a stream can be decoded.
    """
    damage = media.damage
    for stream in list[Any]((*media.container.streams.video, *media.container.streams.audio)):
        summary, frames = streams[stream.index], 0
        tick = float(stream.time_base or 1)
        target = round(max(summary.end - TAIL, 0.0) / tick)
        media.try_seek(target, stream)
        for packet in media.read(stream):
            frames += len(media.decoded(stream.decode, packet))
        if summary.packets and not frames:
            raise VideoError(f"the last seconds of the output's {summary.type} cannot be decoded")
    return media.damage - damage

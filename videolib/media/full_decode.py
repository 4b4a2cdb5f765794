"""A file read and decoded from its first packet to its last, all streams of it, and the errors that
show on the way: what `ffmpeg -v error` would report, each with its time.

`FullDecode.run` reads; an `ErrorLog` gathers the errors. What is a fault: whatever libav's demuxer,
parsers and decoders report as an error, packets and frames that they mark as corrupt, and data that
end before the declared end. A stream that may not be decoded, or that nothing can decode, is only
read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import Failure, attempt
from videolib.core.processes import cores
from videolib.media.duration import cut_off_message
from videolib.media.messages import libav_messages
from videolib.media.packets import damage_errors, timestamp_of
from videolib.media.streams import is_cover
from videolib.media.verification import StreamCounter, early_end

if TYPE_CHECKING:
    from videolib.media.messages import Message
    from videolib.media.reader import Media

MOST_ERRORS = 500  # places that are kept; the others are only counted
SAME_PLACE = 1.0  # seconds: errors of a stream that are nearer to each other are one place
MOST_THREADS = 16  # of one decoder, as in libav
FEWEST_PACKETS = 3  # of which at least one should decode: the first may be only what is skipped


class ErrorPlace(NamedTuple):
    """Errors near each other in one stream (None: in the file as a whole), from `time` to `end` in
    seconds; `total`: how many, `message`: the first of them."""

    time: float
    end: float
    stream: int | None
    total: int
    message: str

    def as_json(self) -> dict[str, Any]:
        place = {"time": round(self.time, 3), "end": round(self.end, 3), "stream": self.stream}
        return place | {"count": self.total, "message": self.message}


class ErrorLog:
    """The errors of a file, those near each other as one place."""

    def __init__(self) -> None:
        self.count = 0  # of all errors
        self.places: list[ErrorPlace] = []
        self.open: dict[int | None, int] = {}  # by stream, the number of its last place

    def note(
        self, stream: int | None, time: float, end: float, message: str, *, prevails: bool = False
    ) -> None:
        """Add an error that is between two times. Its place is named by the first message, or by
        one that `prevails`."""
        self.count += 1
        number = self.open.get(stream)
        last = None if number is None else self.places[number]
        if last and number is not None and time <= last.end + SAME_PLACE:
            first, end = min(time, last.time), max(end, last.end)
            message = message if prevails else last.message
            self.places[number] = ErrorPlace(first, end, stream, last.total + 1, message)
        elif len(self.places) < MOST_ERRORS:
            self.open[stream] = len(self.places)
            self.places.append(ErrorPlace(time, end, stream, 1, message))

    @property
    def in_order(self) -> list[ErrorPlace]:
        """The places by time."""
        return sorted(self.places, key=lambda place: place.time)


class DecodedStream:
    """One stream while it is decoded, and how far it is.

    `reason` says why it is only read; empty: it is decoded. A decoder with threads is up to `delay`
    packets behind: `times` has those of the packets that it may be at, in seconds.
    """

    def __init__(self, media: Media, stream: Any, threads: int) -> None:
        facts = media.stream_facts[stream.index]
        self.stream, self.index, self.type = stream, stream.index, stream.type
        self.codec, self.packets, self.frames = facts.get("codec_name"), 0, 0
        self.corrupt: float | None = None  # time of the last packet where it is marked as corrupt
        is_decodable = self.type in ("video", "audio", "subtitle")
        self.reason = media.refusal(stream) if is_decodable else f"{self.type} is not decoded"
        self.is_cover = is_cover(facts)
        is_film = self.type == "video" and not self.reason and not self.is_cover
        self.delay = threads - 1 if is_film else 0
        self.times = deque([0.0], self.delay + 1)
        if is_film:
            stream.codec_context.thread_count, stream.codec_context.thread_type = threads, "AUTO"

    @property
    def decoder(self) -> str:
        """The name of its decoder, by which libav's messages know it."""
        return "" if self.reason else str(self.stream.codec_context.name)

    def as_json(self) -> dict[str, Any]:
        head = {"index": self.index, "type": self.type, "codec": self.codec}
        row = head | {"packets": self.packets, "frames": self.frames}
        row |= {"cover": True} if self.is_cover else {}
        return row | ({"only_read": self.reason} if self.reason else {})


class FullDecode:
    """All of a file, decoded once. `threads`: of a video decoder, 0: as many as libav takes.

    `on_position` gets the byte position of each packet, as far as it is known.
    """

    def __init__(self, media: Media, threads: int, on_position: Callable[[int], None]) -> None:
        self.media, self.on_position = media, on_position
        self.threads = threads or libav_threads()
        self.errors, self.streams = ErrorLog(), list[dict[str, Any]]()
        self.tracks: dict[int, DecodedStream] = {}
        self.time = 0.0  # of the last packet of any stream

    def run(self) -> None:
        """Read and decode the file. What keeps it from being opened is an error of it, where it is
        damaged; raises VideoError where it may not be read."""
        if not self._open():
            return
        self.counter = StreamCounter(self.media)
        self.tracks = {
            s.index: DecodedStream(self.media, s, self.threads)
            for s in self.media.container.streams
        }
        _ = self.media.clock  # which may read the file, and reports what is reported again below
        with libav_messages("ERROR", all_threads=True) as messages:
            self._decode(messages)
        self._judge()
        self.streams = [track.as_json() for track in self.tracks.values()]

    def _open(self) -> bool:
        """Open the file; whether it could be. Of the beginning, which libav looks at here, decoders
        will report again."""
        with libav_messages("ERROR") as messages:
            container = attempt(lambda: self.media.container)
        if isinstance(container, Failure):
            if not container.broken:
                _ = self.media.container  # raises why
            self.errors.note(None, 0.0, 0.0, container.reason)
            return False
        if not self.media.stream_facts:
            self.errors.note(None, 0.0, 0.0, "has no streams: it is truncated or damaged")
            return False
        for _, name, text in messages:
            if name == container.format.name:
                self.errors.note(None, 0.0, 0.0, text.strip())
        return True

    def _decode(self, messages: list[Message]) -> None:
        """Read all packets and decode each. What the demuxer reports is about what is between two
        packets, the one before and the one that it gives."""
        damage, size = self.media.damage, self.media.stat.st_size
        for packet in self.media.read():
            before, track = self.time, self.tracks.get(packet.stream.index)
            if track is None:
                continue  # a stream that appeared on the way: nothing is known of it
            if packet.size:
                self._follow(track, packet)
                self.media.progress.at(packet.pos or 0, size)
            if messages:
                self._note_messages(messages, track, before)
            if self.media.damage > damage:
                damage = self.media.damage
                self.errors.note(None, before, self.time, "a part of it cannot be read")
            if not track.reason:
                self._decode_packet(track, packet, messages)
                if messages:
                    self._note_messages(messages, track, before)
        self._note_messages(messages, None, self.time)

    def _follow(self, track: DecodedStream, packet: Any) -> None:
        """Count a packet, and keep its time."""
        track.packets += 1
        if not packet.is_discard:
            self.counter.add(packet)
        stamp = timestamp_of(packet)
        if stamp is not None:
            self.time = self.media.film_time(stamp * packet.time_base)
        track.times.append(self.time)
        if track.corrupt is not None:  # one more follows: it is not just where a recording ends
            self.errors.note(track.index, track.corrupt, track.corrupt, "a packet is incomplete")
        is_corrupt = packet.is_corrupt and not self.media.is_at_joint(packet)
        track.corrupt = self.time if is_corrupt else None
        if packet.pos is not None:
            self.on_position(packet.pos)

    def _decode_packet(self, track: DecodedStream, packet: Any, messages: list[Message]) -> None:
        """Decode a packet, or at the end what the decoder still has. What libav reports by the way
        is in `messages`; where that is nothing, its marks count."""
        if track.type == "subtitle" and not packet.size:
            return
        try:
            frames: Sequence[Any] = track.stream.decode(packet)
        except damage_errors() as error:
            is_end = not packet.size and type(error).__name__ != "InvalidDataError"
            if not messages and not is_end:
                first, last = track.times[0], track.times[-1]
                self.errors.note(track.index, first, last, "a packet cannot be decoded")
            return
        track.frames += len(frames)
        for frame in frames if track.type == "video" and not messages else ():
            if frame.is_corrupt:
                time = track.times[0]
                if frame.pts is not None:
                    time = self.media.film_time(frame.pts * frame.time_base)
                self.errors.note(track.index, time, time, "a picture is damaged")

    def _note_messages(
        self, messages: list[Message], track: DecodedStream | None, before: float
    ) -> None:
        """Take what libav reported since, and put it where it belongs."""
        demuxer = self.media.container.format.name
        for _, name, text in messages:
            message = text.strip()
            if name == demuxer or track is None:
                self.errors.note(None, before, self.time, message)
            elif not (decoder := self._decoder_of(name, track)).reason:
                times = decoder.times
                self.errors.note(decoder.index, times[0], times[-1], message)
        messages.clear()

    def _decoder_of(self, name: str, track: DecodedStream) -> DecodedStream:
        """The stream whose decoder has that name: that of the current packet, or another whose
        threads go on meanwhile."""
        others = (t for t in self.tracks.values() if t.delay and t.decoder == name)
        return track if track.decoder == name else next(others, track)

    def _judge(self) -> None:
        """Note what shows only at the end: streams that gave nothing, and missing data."""
        faulty = {place.stream for place in self.errors.places}
        for index, track in self.tracks.items():
            is_silent = not (track.frames or track.reason or index in faulty)
            if is_silent and track.packets >= FEWEST_PACKETS and track.type != "subtitle":
                self.errors.note(index, 0.0, 0.0, f"none of its {track.type} can be decoded")
        summaries = self.counter.summaries()
        played = {index: summaries[index] for index, t in self.tracks.items() if not t.is_cover}
        if ends := early_end(self.media, played):
            message = f"is {cut_off_message(*ends)}"
            self.errors.note(None, ends[0], ends[0], message, prevails=True)


def libav_threads() -> int:
    """How many threads libav, and so ffmpeg, gives a decoder by itself."""
    return min(cores() + 1, MOST_THREADS) if cores() > 1 else 1

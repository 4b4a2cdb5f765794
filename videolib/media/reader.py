"""One video file, opened safely in a worker: its container, its stream, packets and frames.

Every module of this folder reads a file through a `Media`, which also records what reading shows:
damage, where a truncated file ends, the display matrix.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import os
import re
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from videolib.core.errors import BrokenVideoError, VideoError, uncommon_container
from videolib.core.files import file_identity, stat_of
from videolib.core.progress import ProgressReporter
from videolib.core.text import plural
from videolib.media.clock import TICKS, MpegClock, find_clock
from videolib.media.duration import (
    OpenFile,
    container_duration,
    container_start,
    declared_end,
    film_duration,
    is_cut_off,
    may_end_early,
)
from videolib.media.encryption import mark_encrypted
from videolib.media.geometry import FrameFilter, container_croppings, display_matrix
from videolib.media.messages import libav_messages
from videolib.media.packets import damage_errors, demux
from videolib.media.probing import NO_TIMESTAMP, container_streams
from videolib.media.streams import DecoderLimits, film_of, undecodable
from videolib.storage.videos import open_regular, oshash

if TYPE_CHECKING:
    from fractions import Fraction

    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from videolib.media.geometry import Cropping, DisplayMatrix
    from videolib.storage.videos import Video


Decoded = TypeVar("Decoded")  # a frame or a subtitle

INDEX_TOLERANCE = 3.0  # seconds before the end that the last frame of a whole index may begin

# Of codecs whose alpha is a second picture beside the first: the decoders that combine them.
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


class Media:
    """One video file opened for reading, in a worker process only.

    libav gets a descriptor, not the path: no path can be taken for a protocol, and nobody can swap
    the file meanwhile. The container is opened when first used. Times are seconds from the start of
    the container, as players count them; timestamps (`pts`) are in the stream's time base.

    `allow_codecs` names decoders and demuxers beside the common ones, see DecoderLimits. A `draft`
    is decoded faster, without the loop filter.
    """

    def __init__(self, video: Video, allow_codecs: str = "", *, draft: bool = False) -> None:
        self.video, self.allow_codecs, self.draft = video, allow_codecs, draft
        self.limits = DecoderLimits(allow_codecs)
        self.progress = ProgressReporter()
        self.descriptor = open_regular(video.path)
        self.stat = os.fstat(self.descriptor)
        # What reading the file shows; other modules add to it by the note_ methods.
        self.damage = 0  # packets that could not be read or decoded
        self.has_keyframe = False  # whether one was decoded
        self.display_matrix: DisplayMatrix | None = None  # of the keyframe decoded last
        self.cut_off: float | None = None  # seconds after which a truncated file has no more data
        self.read_end = NO_TIMESTAMP  # where the last packet read so far ends, as a timestamp

    def __enter__(self) -> Media:
        return self

    def __exit__(self, *_: object) -> None:
        if "_opened" in vars(self):
            self.container.close()
        os.close(self.descriptor)

    @functools.cached_property
    def oshash(self) -> str:
        """The hash by which OpenSubtitles and Stash know the file, see `videos.oshash`."""
        return oshash(self.descriptor)

    @property
    def url(self) -> str:
        """The file as libav and a child that inherits the descriptor open it."""
        return f"file:/dev/fd/{self.descriptor}"

    @property
    def input_flags(self) -> list[str]:
        """The limits as ffmpeg and ffprobe take them before an input."""
        return [part for name, value in self.limits.options.items() for part in (f"-{name}", value)]

    def source_change(self) -> str:
        """Message about a file that changed or vanished since it was opened, or an empty string."""
        try:
            now = stat_of(self.video.path)
        except FileNotFoundError:
            return "vanished during the run: nothing was stored"
        if file_identity(now) == file_identity(self.stat):
            return ""
        return "unstable: it changed during the run, nothing was stored; run again later"

    @property
    def container(self) -> InputContainer:
        """The container as libav opens it, with the limits set on every decoder, too.

        Raises VideoError where it is not of a kind that may be opened.
        """
        return self._opened[0]

    @property
    def stream_facts(self) -> Sequence[dict[str, Any]]:
        """ffprobe's descriptions of all streams, by their index, with `encrypted` where they are
        (see `mark_encrypted`)."""
        return self._opened[1]

    @functools.cached_property
    def _opened(self) -> tuple[InputContainer, Sequence[dict[str, Any]]]:
        """The container, and its streams as they are before packets are read: a table further on
        in a damaged transport stream can give one another type."""
        import av

        try:
            container = self._open()
        except av.error.ArgumentError:
            if name := refused_container(self._open):
                raise VideoError(uncommon_container(name)) from None
            raise
        for stream in container.streams:
            if stream.codec_context:  # a data stream, such as a camera's time code, has none
                stream.codec_context.options = self.limits.decoder_options
        return container, self._described(container)

    def _open(self) -> InputContainer:
        import av

        return av.open(self.url, container_options=self.limits.options, metadata_errors="replace")

    def _described(self, container: InputContainer) -> Sequence[dict[str, Any]]:
        streams = container_streams(container)
        return mark_encrypted(self.descriptor, container.format.name, streams)

    def look_longer(self) -> Sequence[dict[str, Any]]:
        """`stream_facts` by a longer look at the file, for streams that begin late; ffmpeg and
        ffprobe take it as well from now on."""
        self.limits = self.limits._replace(long_look=True)
        with self._open() as container:
            return self._described(container)

    def refusal(self, stream: Any) -> str:
        """Why a stream cannot or may not be decoded, or an empty string."""
        reason = undecodable(self.stream_facts[stream.index])
        return reason or self.limits.refusal(stream.codec_context.name)

    @functools.cached_property
    def stream(self) -> VideoStream:
        """The video stream that players show, see `moving_pictures`.

        Raises VideoError where there is none, it cannot or may not be decoded, or its size is
        unknown.
        """
        film = film_of(self.stream_facts)
        if film is None:
            raise BrokenVideoError("has no video stream")
        stream: Any = self.container.streams[film["index"]]
        if reason := undecodable(self.stream_facts[film["index"]]):
            raise BrokenVideoError(reason)
        if reason := self.refusal(stream):
            raise VideoError(reason)
        if not stream.width:
            raise BrokenVideoError(
                "has no readable picture size: it is damaged, or its codec is unknown"
            )
        context = stream.codec_context
        context.thread_count = 1
        if self.draft:
            context.options = context.options | {"skip_loop_filter": "all"}
        return typing.cast("VideoStream", stream)

    @functools.cached_property
    def decoder(self) -> VideoCodecContext:
        """The decoder of the stream: libvpx where the stream has alpha that only libvpx decodes."""
        from av.codec.context import CodecContext

        context = self.stream.codec_context
        name = ALPHA_DECODERS.get(context.name)
        if not name or self.stream.metadata.get("alpha_mode") != "1":
            return context
        decoder: Any = CodecContext.create(name, "r")
        decoder.options, decoder.thread_count = context.options, 1
        return typing.cast("VideoCodecContext", decoder)

    @functools.cached_property
    def cropping(self) -> Cropping | None:
        """What the container cuts off the stored pictures of the stream; None: nothing."""
        return container_croppings(self.container).get(self.stream.index)

    @functools.cached_property
    def frame_filter(self) -> FrameFilter:
        """What decoded frames go through before anything else."""
        # In AVI the fourth byte of uncompressed RGB, which libav takes for alpha, is padding.
        padded = self.decoder.name == "rawvideo" and self.container.format.name == "avi"
        return FrameFilter(self.cropping, alpha_is_padding=padded)

    @functools.cached_property
    def start(self) -> int:
        """The presentation timestamp, in the stream's time base, that a player calls 0."""
        seconds = container_start(self.container)
        return self.stream.start_time or 0 if seconds is None else round(seconds / self.tick)

    @property
    def origin(self) -> float:
        """The time on the container's own clock (s) from which sound and subtitles are timed: its
        start, at least 0."""
        return max(self.file.start, 0.0)

    def film_time(self, time: Fraction | float) -> float:
        """Seconds from the start of the film to a time (s) on the container's own clock; 0 for what
        is before."""
        return max(float(time) - self.file.start, 0.0)

    @functools.cached_property
    def tick(self) -> float:
        """Seconds per unit of the stream's time base."""
        if not self.stream.time_base:
            raise BrokenVideoError("has no time base: it is damaged")
        return float(self.stream.time_base)

    @property
    def container_duration(self) -> float | None:
        """Seconds that the container declares, as it counts them; None where it declares none."""
        return container_duration(self.container)

    @functools.cached_property
    def file(self) -> OpenFile:
        """The file as the functions of duration and clock take it."""
        return OpenFile(self.container, self.stat.st_size, self._open)

    @functools.cached_property
    def clock(self) -> MpegClock | None:
        """The clock that puts an MPEG stream with jumps on one timeline; None: it has no jumps."""
        return find_clock(self.file)

    def is_at_joint(self, packet: Any) -> bool:
        """Whether a packet is within a second of where MPEG recordings were joined."""
        return self.clock is not None and self.clock.is_at_joint(packet)

    @functools.cached_property
    def duration(self) -> float:
        """Length of the film in seconds, see `film_duration`.

        `container_duration` is what other programs take, whose hashes are to be reproduced.
        """
        if self.clock:
            return self.clock.end / TICKS - self.file.start
        return film_duration(self.file)

    def sample_count(self, interval: float) -> int:
        """How many multiples of `interval` seconds, from 0 on, are before the end; 1 to 10^9."""
        count = min(self.duration / interval, 1e9)
        return max(math.ceil(count - 1e-6), 1)  # containers round durations

    def seconds(self, pts: int) -> float:
        """The time of a presentation timestamp, in seconds from the start."""
        return (pts - self.start) * self.tick

    @property
    def damage_note(self) -> str:
        """Message about the packets that could not be read or decoded, or an empty string."""
        return f"{plural(self.damage, 'packet')} could not be decoded" if self.damage else ""

    def is_cut_off_before(self, pts: int, end: int) -> bool:
        """Whether the file declares a picture at `pts` though its data end before, at `end`.

        Where the sound goes on after the last picture, that one stands.
        """
        if not is_cut_off((pts - end) * self.tick) or pts >= self.declared_end:
            return False
        return not self.pictures_may_end_early

    @functools.cached_property
    def declared_end(self) -> int:
        """The timestamp up to which the file declares pictures: the stream's end or the film's."""
        end = declared_end(self.file, self.stream)
        return self.pts(self.duration if end is None else min(end, self.duration))

    @functools.cached_property
    def pictures_may_end_early(self) -> bool:
        """Whether pictures that end before the film may be complete, see `may_end_early`."""
        return may_end_early(self.file, self.stream)

    def note_damage(self, packets: int = 1) -> None:
        """Count packets that could not be read or decoded."""
        self.damage += packets

    def note_cut_off(self, seconds: float) -> None:
        """Record the time after which nothing follows, though more is declared."""
        self.cut_off = seconds

    def note_reading(self, other: Media) -> None:
        """Add what another reading of the same file showed: its damage, and where it ended."""
        self.note_damage(other.damage)
        self.read_end = max(self.read_end, other.read_end)

    def pts(self, seconds: float) -> int:
        """The presentation timestamp at a time, with half a microsecond of grace for rounding."""
        return self.start + math.floor((seconds + 5e-7) / self.tick)

    def read(self, *streams: Any) -> Iterator[Any]:
        """Packets of these streams (none: of all), to the end, on one timeline.

        Damage is noted, also where libav gets over it, see `demux`.
        """
        clock = self.clock
        packets = demux(self.container, *streams, on_damage=self.note_damage)
        return map(clock.correct, packets) if clock else packets

    def packets(self, pts: int) -> Iterator[Packet[VideoStream]]:
        """Compressed frames of the stream from a keyframe at or before `pts`."""
        for packet in self._read_from(pts):
            if packet.size:
                if packet.pts is not None:
                    self.read_end = max(self.read_end, packet.pts + (packet.duration or 0))
                yield packet

    def _read_from(self, pts: int) -> Iterator[Packet[VideoStream]]:
        """Packets of the stream from a keyframe at or before `pts`, with empty ones among them."""
        if not self.clock:
            self._seek(pts)
            return self.read(self.stream)
        keyframe, position = self.clock.keyframe_before(self.stream, pts)
        self.container.seek(position, unsupported_byte_offset=True)
        packets = self.read(self.stream)
        return itertools.dropwhile(lambda p: p.pts is None or p.pts < keyframe, packets)

    def _seek(self, pts: int) -> None:
        """Go to a keyframe at or before `pts`, else to the beginning. Raises VideoError where
        neither is found."""
        if pts <= self.start and re.search("mpeg|mov", self.container.format.name):
            # These are searched by decoding times, and the first may be before the start.
            pts -= round(10 / self.tick)
        if self.try_seek(pts, self.stream):
            return
        # Some demuxers find nothing beyond the first or the last entry, and where sound comes
        # first, the first is after the start: begin again, at the latest with the first byte.
        first = self.start if self.stream.start_time is None else self.stream.start_time
        if not (
            self.try_seek(first, self.stream)
            or self.try_seek(self.start, self.stream, backward=False)
            or self.try_seek(0, self.stream, unsupported_byte_offset=True)
        ):
            raise BrokenVideoError("no picture in it can be found: it is truncated or damaged")

    def try_seek(self, offset: int, stream: Stream, **options: bool) -> bool:
        """Whether libav could go to a place in a stream, a keyframe at or before this timestamp."""
        try:
            self.container.seek(offset, stream=stream, **options)
        except damage_errors():
            return False
        return True

    def may_turn(self, frame: VideoFrame) -> bool:
        """Whether a frame may have a display matrix: the first keyframe or the last one had one, or
        the frame has an angle, which vertical mirroring alone has not.

        PyAV's side data and their frame keep each other alive until Python looks for cycles: to
        look at those of every frame took a quarter more memory and time.
        """
        return not self.has_keyframe or bool(self.display_matrix) or bool(frame.rotation)

    def decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        """Frames that the decoder gives for a packet; for None the last ones, after which it is
        reset.

        A packet that fails to decode counts as damage.
        """
        context = self.decoder
        frames = self.decoded(context.decode, packet)
        if packet is None:
            context.flush_buffers()
        for frame in frames:
            if frame.key_frame:
                # In H.264 it holds for the frames up to the next keyframe, which may not repeat it.
                self.display_matrix = display_matrix(frame) if self.may_turn(frame) else None
                self.has_keyframe = True
        return [self.frame_filter.apply(frame) for frame in frames]

    def decoded(
        self, decode: Callable[[Any], Sequence[Decoded]], packet: Packet[Any] | None
    ) -> list[Decoded]:
        """What `decode`, a decoder's function, gives for a packet; one that fails counts as
        damage, and gives nothing."""
        try:
            return list(decode(packet))
        except damage_errors():
            self.note_damage(packet is None or bool(packet.size))
            return []

    @functools.cached_property
    def keyframes(self) -> list[int]:
        """Presentation timestamps of the keyframes that the container's index lists, in order.

        Empty without an index. MP4's has decoding timestamps: these are off where the delay of a
        keyframe is another than `index_delay`. For MPEG streams libav makes entries as it reads,
        and calls every frame a keyframe: that is no index.
        """
        if self.clock:
            return self.clock.keyframes(self.stream)
        entries = [timestamp for timestamp, is_discard in self._index if not is_discard]
        return sorted(timestamp + self.index_delay for timestamp in entries)

    @functools.cached_property
    def index_delay(self) -> int:
        """How much later than its index entry the first keyframe is presented."""
        timestamps, first = {timestamp for timestamp, _ in self._index}, self.first_keyframe
        if first and first.pts is not None and first.dts in timestamps:
            return first.pts - first.dts
        return 0

    @functools.cached_property
    def first_keyframe(self) -> Packet[VideoStream] | None:
        """The packet of the first keyframe, also of one that an edit list hides; None: none."""
        return next((p for p in self.packets(self.start) if p.is_keyframe), None)

    @functools.cached_property
    def _index(self) -> list[tuple[int, bool]]:
        """Timestamps of the index's keyframes, each with whether an edit list hides it."""
        if "mpeg" in self.container.format.name:
            return []
        if re.search("matroska|flv", self.container.format.name):
            # Matroska's cues are read at the first seek that needs them; a file without an index
            # gets one as far as it is read.
            self._seek(self.pts(self.duration))
        entries = self.stream.index_entries
        lists_all_frames = re.search("mov|avi", self.container.format.name)
        if lists_all_frames and len(entries):
            missing = (self.declared_end - entries[-1].timestamp) * self.tick
            if missing > INDEX_TOLERANCE:
                return []  # libav knows the fragments, or the frames, that it has read so far
        # Copied at once: entries point into memory that libav moves as it reads on.
        return [(entry.timestamp, entry.is_discard) for entry in entries if entry.is_keyframe]


def refused_container(open_container: Callable[[], Any]) -> str:
    """libav's name of the container that it refuses to open, as it is off the list; empty where
    that is not why it fails."""
    import av

    with libav_messages("ERROR") as messages, contextlib.suppress(av.FFmpegError):
        open_container()
    refused = (name for _, name, text in messages if "not on whitelist" in text)
    return next(refused, "").partition(",")[0]

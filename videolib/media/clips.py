"""Short clips without sound, encoded in memory.

An `Excerpt` chooses and decodes the frames of a part of a video; `encode_clip` scales them and
hands them to a `ClipEncoder`; `join_clips` puts finished clips behind each other. Nothing is
written to disk.
"""

from __future__ import annotations

import bisect
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.errors import BrokenVideoError, VideoError
from videolib.core.text import clock
from videolib.media.duration import cut_off_message
from videolib.media.frames import decode_forward, timestamps_around
from videolib.media.pictures import RANGE_LIMITED

if TYPE_CHECKING:
    from videolib.core.arrays import Pixels
    from videolib.media.frames import Frame
    from videolib.media.reader import Media


LONGEST_SIDE = 16_382  # pixels of a clip: even, and what H.264 and WebP can have


class ClipFormat(NamedTuple):
    """How a clip is encoded: libav's names of container and encoder, and the encoder's options."""

    container: str
    encoder: str
    options: Mapping[str, str]


class ExcerptFrame(NamedTuple):
    """A frame of an excerpt: when it is shown in the video, and for how long, in seconds."""

    frame: Frame
    time: float
    duration: float


class Excerpt:
    """The frames that begin in the `length` seconds from `start` on; where none does, the one that
    is shown then.

    Frames beyond MAX_FPS are left out. Raises VideoError where a truncated file has no data there.
    """

    MAX_FPS: ClassVar = 30.0  # more costs more and shows nothing more in a small picture

    def __init__(self, media: Media, start: float, length: float) -> None:
        first, last = media.pts(start), media.pts(start + length)
        self.media = media
        self.begin, timestamps, end, _ = timestamps_around(media, first, last)
        if not timestamps or media.is_cut_off_before(first, end):
            message = cut_off_message(media.seconds(end), media.duration)
            raise BrokenVideoError(f"is {message}: copy it again")
        left, right = (bisect.bisect_left(timestamps, pts) for pts in (first, last))
        within = timestamps[left:right] or timestamps[max(left - 1, 0) : max(left, 1)]
        # 0.9: containers round timestamps, Matroska to milliseconds.
        self.timestamps = thin_timestamps(within, round(0.9 / self.MAX_FPS / media.tick))
        self.start = max(self.timestamps[0], first)
        # Where the sound is longer, the last picture stands.
        self.end = last if first >= end else max(min(last, end), self.timestamps[-1] + 1)

    def __len__(self) -> int:
        return len(self.timestamps)

    def __iter__(self) -> Iterator[ExcerptFrame]:
        requests: dict[int, list[int]] = {pts: [] for pts in self.timestamps}
        frames = decode_forward(self.media, self.begin, requests)
        bounds = [self.start, *self.timestamps[1:], self.end]
        for (start, end), (frame, _) in zip(itertools.pairwise(bounds), frames, strict=False):
            yield ExcerptFrame(frame, self.media.seconds(start), (end - start) * self.media.tick)


def thin_timestamps(timestamps: Iterable[int], gap: int) -> list[int]:
    """Sorted timestamps without those that are less than `gap` after the last one kept."""
    chosen: list[int] = []
    for pts in timestamps:
        if not chosen or pts - chosen[-1] >= gap:
            chosen.append(pts)
    return chosen


class ClipEncoder:
    """Encoder of one clip into memory: 4:2:0, BT.709, limited range, without sound.

    `size` is (width, height) in pixels, both even; `frame_count` is how many frames the index in
    front of an MP4 has room for. Raises VideoError where PyAV comes without the encoder.
    """

    TICKS_PER_SECOND: ClassVar = 90_000  # of the time base
    BT709: ClassVar = 1  # matrix, primaries and transfer (ITU-T H.273) of what Frame.rgb gives

    def __init__(
        self, clip_format: ClipFormat, size: tuple[int, int], fps: float, frame_count: int = 0
    ) -> None:
        from fractions import Fraction

        import av
        from av.video.reformatter import VideoReformatter

        encoder = clip_format.encoder
        if encoder not in av.codecs_available:
            raise VideoError(
                f"the package av has no {encoder} here: pip install --force-reinstall av"
            )
        self.buffer, self.time_base = io.BytesIO(), Fraction(1, self.TICKS_PER_SECOND)
        self.container = open_output(self.buffer, clip_format, frame_count)
        rate, options = Fraction(fps).limit_denominator(1001), dict(clip_format.options)
        self.stream = self.container.add_stream(encoder, rate=rate, options=options)
        self.stream.width, self.stream.height, self.stream.pix_fmt = *size, "yuv420p"
        self.reformatter = VideoReformatter()
        context = self.stream.codec_context
        context.time_base, context.thread_count = self.time_base, 1
        context.colorspace = context.color_primaries = context.color_trc = self.BT709
        context.color_range = RANGE_LIMITED

    def add(self, pixels: Pixels, time: float, duration: float) -> None:
        """Encode RGB pixels as the frame shown for `duration` seconds, `time` into the clip."""
        import av

        frame: Any = self.reformatter.reformat(
            av.VideoFrame.from_ndarray(pixels, format="rgb24"),
            format="yuv420p",
            dst_colorspace=self.BT709,
            dst_color_range=RANGE_LIMITED,
        )
        frame.pts = round(time * self.TICKS_PER_SECOND)
        frame.duration = round(duration * self.TICKS_PER_SECOND)
        frame.time_base = self.time_base
        self.container.mux(self.stream.encode(frame))

    def close(self) -> bytes:
        """End the clip and give the content of its file."""
        self.container.mux(self.stream.encode(None))
        self.container.close()
        return self.buffer.getvalue()


def open_output(buffer: Any, clip_format: ClipFormat, frame_count: int) -> Any:
    """A container to write to: MP4 with its index in front, WebP that plays for ever."""
    import av

    # Room for MP4's index is kept free, so that nothing needs to be moved in a second pass.
    options = {"mp4": {"moov_size": str(1000 + 24 * frame_count)}, "webp": {"loop": "0"}}
    name = clip_format.container
    return av.open(buffer, "w", format=name, container_options=options.get(name, {}))


class Clip(NamedTuple):
    """The file of a clip, and which part of the video it shows, in seconds."""

    content: bytes
    size: tuple[int, int]  # width and height, in pixels
    frame_count: int
    start: float
    duration: float


def encode_clip(
    excerpt: Excerpt,
    size: tuple[int, int | None],
    clip_format: ClipFormat,
    on_frame: Callable[[ExcerptFrame, Pixels], None] | None = None,
) -> Clip:
    """Encode an excerpt. `size` is an even width and a height, None: by the aspect ratio of the
    first frame, and narrower where that would be too tall.

    `on_frame` is called with every frame and its scaled RGB pixels. Raises VideoError where no
    frame can be decoded.
    """
    width, height = size
    encoder, start, end = None, 0.0, 0.0
    for excerpt_frame in excerpt:
        if height is None:
            width, height = excerpt_frame.frame.fitting_size(width, LONGEST_SIDE)
        pixels = excerpt_frame.frame.rgb(width, height)
        if encoder is None:
            start = excerpt_frame.time
            fps = 1 / min(max(excerpt_frame.duration, 0.5 / excerpt.MAX_FPS), 1.0)
            encoder = ClipEncoder(clip_format, (width, height), fps, len(excerpt))
        encoder.add(pixels, excerpt_frame.time - start, excerpt_frame.duration)
        end = excerpt_frame.time + excerpt_frame.duration
        if on_frame:
            on_frame(excerpt_frame, pixels)
    if encoder is None or height is None:
        at = clock(excerpt.media.seconds(excerpt.start))
        raise BrokenVideoError(f"no picture at {at} could be decoded: it is damaged")
    return Clip(encoder.close(), (width, height), len(excerpt), start, end - start)


def join_clips(clips: Sequence[Clip], clip_format: ClipFormat) -> bytes:
    """One file of clips of the same format and size, without encoding them again."""
    import av

    output, offset, stream = io.BytesIO(), 0.0, None
    with open_output(output, clip_format, sum(clip.frame_count for clip in clips)) as target:
        for clip in clips:
            with av.open(io.BytesIO(clip.content), "r") as source:
                stream = stream or target.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.pts is None or packet.dts is None or not packet.time_base:
                        continue  # the empty packet that ends a stream
                    shift = round(offset / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    target.mux(packet)
            offset += clip.duration
    return output.getvalue()

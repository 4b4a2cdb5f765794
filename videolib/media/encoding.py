"""Short films without sound, encoded in memory."""

from __future__ import annotations

import bisect
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.errors import VideoError
from videolib.core.text import clock
from videolib.media.duration import cut_off_message
from videolib.media.frames import decode_forward, timestamps_around
from videolib.media.pictures import RANGE_LIMITED

if TYPE_CHECKING:
    from videolib.core.arrays import Pixels
    from videolib.media.frames import Frame
    from videolib.media.reader import Media


class ClipFormat(NamedTuple):
    """How a film is encoded in this process: container, encoder and the encoder's options."""

    container: str
    encoder: str
    options: Mapping[str, str]


class ExcerptFrame(NamedTuple):
    """A frame of an excerpt: from when on it is shown, in seconds of the video, and how long."""

    frame: Frame
    time: float
    duration: float


class Excerpt:
    """The frames that begin within some seconds of a video; where none does, the one shown there.

    Raises VideoError where a truncated file has no data any more. Films of a high frame rate are
    thinned.
    """

    MAX_FPS: ClassVar = 30.0  # more costs more and shows a viewer of a small picture nothing

    def __init__(self, media: Media, start: float, length: float) -> None:
        first, last = media.pts(start), media.pts(start + length)
        self.media = media
        self.begin, timestamps, end = timestamps_around(media, first, last)
        if not timestamps or media.is_cut_off_before(first, end):
            message = cut_off_message(media.seconds(end), media.duration)
            raise VideoError(f"is {message}: copy it again")
        left, right = (bisect.bisect_left(timestamps, pts) for pts in (first, last))
        within = timestamps[left:right] or timestamps[max(left - 1, 0) : max(left, 1)]
        self.timestamps = thin_timestamps(within, round(0.9 / self.MAX_FPS / media.tick))
        self.start = max(self.timestamps[0], first)
        self.end = max(min(last, end), self.timestamps[-1] + 1)

    def __len__(self) -> int:
        return len(self.timestamps)

    def __iter__(self) -> Iterator[ExcerptFrame]:
        wanted: dict[int, list[int]] = {pts: [] for pts in self.timestamps}
        frames = decode_forward(self.media, self.begin, wanted)
        starts = [self.start, *self.timestamps[1:], self.end]
        for (pts, until), (frame, _) in zip(itertools.pairwise(starts), frames, strict=False):
            yield ExcerptFrame(frame, self.media.seconds(pts), (until - pts) * self.media.tick)


def thin_timestamps(timestamps: Iterable[int], gap: int) -> list[int]:
    """The first of some sorted timestamps and those that keep a distance from the one before."""
    kept: list[int] = []
    for pts in timestamps:
        if not kept or pts - kept[-1] >= gap:
            kept.append(pts)
    return kept


class ClipEncoder:
    """A film without sound, encoded in memory; times are seconds from its beginning."""

    TICKS: ClassVar = 90_000  # per second
    BT709: ClassVar = 1  # matrix, primaries and transfer, of what Frame.rgb gives

    def __init__(
        self, recipe: ClipFormat, size: tuple[int, int], fps: float, count: int = 0
    ) -> None:
        from fractions import Fraction

        import av
        from av.video.reformatter import VideoReformatter

        if recipe.encoder not in av.codecs_available:
            raise VideoError(
                f"the package av has no {recipe.encoder} here: pip install --force-reinstall av"
            )
        self.buffer, self.tick = io.BytesIO(), Fraction(1, self.TICKS)
        self.container = open_output(self.buffer, recipe, count)
        rate = Fraction(fps).limit_denominator(1001)
        self.stream = self.container.add_stream(
            recipe.encoder, rate=rate, options=dict(recipe.options)
        )
        self.stream.width, self.stream.height, self.stream.pix_fmt = *size, "yuv420p"
        self.reformatter = VideoReformatter()
        context = self.stream.codec_context
        context.time_base, context.thread_count = self.tick, 1
        context.colorspace = context.color_primaries = context.color_trc = self.BT709
        context.color_range = RANGE_LIMITED

    def add(self, pixels: Pixels, seconds: float, duration: float) -> None:
        """Encode RGB pixels as the picture shown at a time."""
        import av

        frame: Any = self.reformatter.reformat(
            av.VideoFrame.from_ndarray(pixels, format="rgb24"),
            format="yuv420p",
            dst_colorspace=self.BT709,
            dst_color_range=RANGE_LIMITED,
        )
        frame.pts, frame.duration = round(seconds * self.TICKS), round(duration * self.TICKS)
        frame.time_base = self.tick
        self.container.mux(self.stream.encode(frame))

    def close(self) -> bytes:
        """The finished file."""
        self.container.mux(self.stream.encode(None))
        self.container.close()
        return self.buffer.getvalue()


def open_output(buffer: Any, recipe: ClipFormat, pictures: int) -> Any:
    """A container to write to: MP4 with its index in front, WebP that plays for ever."""
    import av

    # Room for MP4's index is kept free, so that nothing needs to be moved in a second pass.
    options = {"mp4": {"moov_size": str(1000 + 24 * pictures)}, "webp": {"loop": "0"}}
    return av.open(
        buffer, "w", format=recipe.container, container_options=options.get(recipe.container, {})
    )


class Clip(NamedTuple):
    """A short film in memory, and which part of the video it shows, in seconds."""

    content: bytes
    height: int  # pixels
    pictures: int
    start: float
    duration: float


def encode_clip(
    shots: Excerpt,
    size: tuple[int, int | None],
    recipe: ClipFormat,
    also: Callable[[ExcerptFrame, Pixels], None] | None = None,
) -> Clip:
    """Encode an excerpt at an even width, and a height or that of its first picture, and show each
    shot to `also`. Raises VideoError where nothing of it can be decoded."""
    width, height = size
    movie, start, end = None, 0.0, 0.0
    for shot in shots:
        height = height or shot.frame.height_for(width)
        pixels = shot.frame.rgb(width, height)
        if movie is None:
            start, fps = shot.time, 1 / min(max(shot.duration, 0.5 / shots.MAX_FPS), 1.0)
            movie = ClipEncoder(recipe, (width, height), fps, len(shots))
        movie.add(pixels, shot.time - start, shot.duration)
        end = shot.time + shot.duration
        if also:
            also(shot, pixels)
    if movie is None or height is None:
        at = clock(shots.media.seconds(shots.start))
        raise VideoError(f"no picture at {at} could be decoded: it is damaged")
    return Clip(movie.close(), height, len(shots), start, end - start)


def join_clips(clips: Sequence[Clip], recipe: ClipFormat) -> bytes:
    """Clips of one recipe and size behind each other in one film, without encoding them again."""
    import av

    joined, offset, stream = io.BytesIO(), 0.0, None
    with open_output(joined, recipe, sum(clip.pictures for clip in clips)) as target:
        for clip in clips:
            with av.open(io.BytesIO(clip.content), "r") as part:
                stream = stream or target.add_stream_from_template(part.streams.video[0])
                for packet in part.demux(video=0):
                    if packet.pts is None or packet.dts is None or not packet.time_base:
                        continue  # the end of the part
                    shift = round(offset / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    target.mux(packet)
            offset += clip.duration
    return joined.getvalue()

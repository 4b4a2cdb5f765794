"""Preview clips of a video, an animation of them, and all of them in one file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from videolib.media.clips import Clip, ClipEncoder, ClipFormat, Excerpt, encode_clip, join_clips
from videolib.media.reader import Media
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from videolib.core.arrays import Pixels
    from videolib.media.clips import ExcerptFrame


def preview_format(container: str, crf: int, bitrate: str) -> ClipFormat:
    """The format of clips, fast to encode: VP9's settings for live video, or for mp4 H.264's.

    `crf` is on VP9's scale (0 to 63), converted to H.264's (0 to 51); `bitrate` is a limit as
    ffmpeg reads it.
    """
    if container == "webm":
        speed = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1"}
        return ClipFormat("webm", "libvpx-vp9", speed | {"crf": str(crf), "b": bitrate})
    cap = {"maxrate": bitrate, "bufsize": bitrate}
    h264_crf = round(crf * 51 / 63)
    return ClipFormat("mp4", "libx264", {"preset": "veryfast", "crf": str(h264_crf)} | cap)


class Previewer:
    """The preview clips of one video: `segments` of them, each `duration` seconds long and `width`
    pixels wide (made even), evenly spread."""

    def __init__(
        self, media: Media, clip_format: ClipFormat, segments: int, duration: float, width: int
    ) -> None:
        self.media, self.format, self.duration = media, clip_format, duration
        self.segments, self.width = segments, width // 2 * 2

    def make(self, *, index: bool, join: bool, animate: bool) -> ArtifactOutput:
        """The artifact: the clips, with `index` also their times as JSON, with `join` also one file
        of all, with `animate` also an animation.

        Raises VideoError where a part cannot be decoded.
        """
        animation = AnimatedPreview() if animate else None
        clips = self.encode(animation)
        suffix = self.format.container
        names = [f"seg_{number:02}.{suffix}" for number in range(1, len(clips) + 1)]
        contents = {name: clip.content for name, clip in zip(names, clips, strict=True)}
        output = ArtifactOutput(files={".{}.previews/": contents})
        if join:
            output.files[f"{{}}.previews.{suffix}"] = join_clips(clips, self.format)
        if animation:
            output.files["{}.previews.webp"] = animation.close()
        if index:
            output.data = {"segments": self.segment_rows(names, clips)}
        output.mark_degraded(self.media.damage_note)
        return output

    def encode(self, animation: AnimatedPreview | None) -> list[Clip]:
        """All clips, of the same size; their frames are added to the animation, too."""
        clips = list[Clip]()
        for start in clip_starts(self.media.duration, self.segments, self.duration):
            self.media.progress.at(len(clips), self.segments)
            excerpt = Excerpt(self.media, start, min(self.duration, self.media.duration))
            size = clips[0].size if clips else (self.width, None)
            clips.append(
                encode_clip(excerpt, size, self.format, animation.add if animation else None)
            )
        return clips

    def segment_rows(self, names: Sequence[str], clips: Sequence[Clip]) -> list[dict[str, Any]]:
        """Every clip as the index has it: its file, times in seconds, and size in bytes."""
        folder = f".{self.media.video.key}.previews"
        return [
            {"file": f"{folder}/{name}", "start": round(clip.start, 6)}
            | {"duration": round(clip.duration, 6), "size": len(clip.content)}
            for name, clip in zip(names, clips, strict=True)
        ]


class AnimatedPreview:
    """An animated WebP of clips, with ten pictures a second."""

    FORMAT: ClassVar = ClipFormat(
        "webp", "libwebp_anim", {"quality": "60", "compression_level": "2"}
    )
    FPS: ClassVar = 10

    def __init__(self) -> None:
        self.encoder: ClipEncoder | None = None
        self.count = 0  # pictures that were added
        self.latest = -math.inf  # when the last of them is shown in the video, in seconds

    def add(self, frame: ExcerptFrame, pixels: Pixels) -> None:
        """Add the pixels of a frame, unless the last one added is too near."""
        if abs(frame.time - self.latest) < 0.9 / self.FPS:
            return
        self.latest = frame.time
        if not self.encoder:
            self.encoder = ClipEncoder(self.FORMAT, (pixels.shape[1], pixels.shape[0]), self.FPS)
        self.encoder.add(pixels, self.count / self.FPS, 1 / self.FPS)
        self.count += 1

    def close(self) -> bytes:
        """The file; empty where no frame was added."""
        return self.encoder.close() if self.encoder else b""


def clip_starts(duration: float, segments: int, length: float) -> list[float]:
    """When clips of `length` seconds begin: evenly spread, none before the end of another.

    Where `segments` of them do not fit, there are fewer, at least one.
    """
    # 0.01: containers round their duration, which must not cost a clip.
    count = segments if segments * length <= duration + 0.01 else int(duration / length + 0.01) - 1
    count = max(count, 1)
    step = duration / (count + 1)
    return [max(min(step * (i + 1), duration - (count - i) * length), 0.0) for i in range(count)]

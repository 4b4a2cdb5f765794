"""Preview clips: where they begin, and the animation of all of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from videolib.media.encoding import ClipEncoder, ClipFormat

if TYPE_CHECKING:
    from videolib.core.arrays import Pixels
    from videolib.media.encoding import ExcerptFrame


class AnimatedPreview:
    """An animated WebP of clips, with ten pictures a second."""

    RECIPE: ClassVar = ClipFormat(
        "webp", "libwebp_anim", {"quality": "60", "compression_level": "2"}
    )
    FPS: ClassVar = 10

    def __init__(self) -> None:
        self.movie: ClipEncoder | None = None
        self.pictures, self.latest = 0, -math.inf

    def add(self, shot: ExcerptFrame, pixels: Pixels) -> None:
        """Take a shot, unless the latest one taken is too near."""
        if abs(shot.time - self.latest) < 0.9 / self.FPS:
            return
        self.latest = shot.time
        if not self.movie:
            self.movie = ClipEncoder(self.RECIPE, (pixels.shape[1], pixels.shape[0]), self.FPS)
        self.movie.add(pixels, self.pictures / self.FPS, 1 / self.FPS)
        self.pictures += 1

    def close(self) -> bytes:
        return self.movie.close() if self.movie else b""


def clip_starts(duration: float, segments: int, length: float) -> list[float]:
    """Where clips begin, in seconds: evenly spread, and never one before the end of another."""
    # Rounding of the container's duration shall not cost a clip.
    count = segments if segments * length <= duration + 0.01 else int(duration / length + 0.01) - 1
    count = max(count, 1)
    step = duration / (count + 1)
    return [max(min(step * (i + 1), duration - (count - i) * length), 0.0) for i in range(count)]

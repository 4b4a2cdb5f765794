"""Stills: small pictures for pages, of a stored JPEG or of a moment of a video, as WebP or JPEG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.errors import BrokenVideoError, VideoError
from videolib.media.frames import FrameRequest, read_frames
from videolib.media.reader import Media

if TYPE_CHECKING:
    from PIL.Image import Image

    from videolib.storage.videos import Video

QUALITIES = {"WEBP": 70, "JPEG": 78}  # of Pillow, 0 to 100: alike to the eye at the size of cards


class StillForm(NamedTuple):
    """Width of a still in pixels, which its height does not exceed either, and Pillow's name of its
    format, one of QUALITIES."""

    width: int
    format: str


def scale_picture(content: bytes, form: StillForm) -> bytes:
    """A JPEG as a still. Runs in a worker; raises VideoError for what is no JPEG.

    The decoder leaves out what it can of a larger picture (`draft`), which takes an eighth.
    """
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(content), formats=["JPEG"])
        picture.draft("RGB", (form.width, form.width))
        return encode_still(picture.convert("RGB"), form)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise VideoError("its thumbnail is no readable JPEG: make it again") from None


def frame_still(video: Video, request: FrameRequest, form: StillForm) -> bytes:
    """A moment of a video as a still. Runs in a worker; raises VideoError."""
    from PIL import Image

    with Media(video) as media:
        for frame, _ in read_frames(media, [request]):
            size = frame.fitting_size(min(form.width, frame.size[0]), form.width)
            return encode_still(Image.fromarray(frame.rgb(*size)), form)
    raise BrokenVideoError("its picture at that time cannot be decoded")


def encode_still(picture: Image, form: StillForm) -> bytes:
    """An RGB picture, scaled down where it is larger, in the format of stills."""
    picture.thumbnail((form.width, form.width))
    encoded = io.BytesIO()
    picture.save(encoded, form.format, quality=QUALITIES[form.format])
    return encoded.getvalue()

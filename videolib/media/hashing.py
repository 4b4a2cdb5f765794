"""Perceptual hashes, and the small pictures by which duplicates are found."""

from __future__ import annotations

import base64
import bisect
import math
import typing
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.errors import VideoError
from videolib.media.choices import HashAlgorithm, HashCombination, Seek
from videolib.media.duration import position_seconds
from videolib.media.frames import FrameRequest, timestamps_around
from videolib.media.pictures import SWSCALE_MATRICES, reformatter
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.core.arrays import Bits, Pixels
    from videolib.media.frames import Frame
    from videolib.media.reader import Media


class HashSettings(NamedTuple):
    """How a video is hashed: the hash of a frame, how those of several frames become one, how many
    frames there are, where a single one is (see frames.position), and whether a timeline for
    shifted copies is made, too."""

    algorithm: HashAlgorithm
    combine: HashCombination
    frames: int
    time: str
    deep: bool


class PerceptualHash:
    """The perceptual hash of one video, with the hashes of its frames and the signature and the
    timeline by which duplicates are found.

    Its requests are, in this order: the frames to hash, those of the signature, those of the
    timeline.
    """

    def __init__(self, media: Media, settings: HashSettings, seek: Seek) -> None:
        self.media, self.settings = media, settings
        self.tolerance = math.inf if seek == "keyframe" else 0.0
        self.hashes: dict[int, FrameHash] = {}
        self.stash_pictures: dict[int, Pixels] = {}
        self.signature, self.timeline = SignatureRecorder(), TimelineRecorder(media.duration)
        self.times = self.hashed_times()

    def hashed_times(self) -> list[float]:
        """When the frames to hash are shown, in seconds."""
        duration, count = self.media.duration, self.settings.frames
        if self.settings.algorithm == "stash":
            return stash_times(self.media)
        if count == 1:
            return [min(position_seconds(self.settings.time, duration), duration)]
        return [duration * (i + 0.5) / count for i in range(count)]

    def requests(self) -> list[FrameRequest]:
        times = self.times + [self.media.duration * share for share in SIGNATURE_SHARES]
        times += self.timeline.times if self.settings.deep else []
        return [FrameRequest(seconds, self.tolerance) for seconds in times]

    def take(self, frame: Frame, index: int) -> None:
        beyond = index - len(self.times)
        if beyond >= len(SIGNATURE_SHARES):
            self.timeline.take(frame, beyond - len(SIGNATURE_SHARES))
        elif beyond >= 0:
            self.signature.take(frame, beyond)
        else:
            self.hashes[index] = self.hash_frame(frame, index)

    def hash_frame(self, frame: Frame, index: int) -> FrameHash:
        grey = frame.luma(32, 32)
        flat = bool(grey.std() < FLAT)
        if self.settings.algorithm != "stash":
            return FrameHash(frame.time, HASHES[self.settings.algorithm](grey), flat)
        self.stash_pictures[index] = picture_for_stash(frame)
        return FrameHash(frame.time, stash_hash(self.stash_pictures[index]), flat)

    def combined(self) -> str | None:
        """The hash of the whole video, in hexadecimal; None where every frame is flat."""
        if self.settings.algorithm == "stash":
            pictures = [self.stash_pictures[i] for i in sorted(self.stash_pictures)]
            bits = stash_hash(montage(pictures))
            # Stash's databases have hashes without leading zeros, and 0 for none.
            return f"{int(hexadecimal(bits), 16):x}" if bits.any() else None
        informative = [frame.bits for frame in self.hashes.values() if not frame.flat]
        if not informative:
            return None
        return hexadecimal(combine_bits(informative, self.settings.combine))

    def finish(self) -> ArtifactOutput:
        algorithm = self.settings.algorithm
        if algorithm == "stash" and len(self.hashes) < STASH_FRAMES:
            raise VideoError("not every frame that Stash's hash needs could be decoded")
        if not self.hashes:
            raise VideoError("none of the frames to hash could be decoded")
        data: dict[str, Any] = {
            "phash": self.combined(),
            "algorithm": algorithm,
            "combine": "montage" if algorithm == "stash" else self.settings.combine,
            "bits": 1024 if algorithm == "ahash" else 64,
            "frames": [frame.as_json() for _, frame in sorted(self.hashes.items())],
            "duration": self.media.duration,
        } | self.signature.as_json()
        if algorithm == "stash":
            data["oshash"] = self.media.oshash
        if not data["phash"]:
            data["reason"] = "every frame is flat (one colour): there is nothing to tell it by"
        output = ArtifactOutput(data, note="" if data["phash"] else "no hash: every frame is flat")
        if self.settings.deep:
            output.documents["{}.phash.deep.json"] = self.timeline.as_json()
        return output


class FrameHash(NamedTuple):
    """The hash of one frame: when it is shown, in seconds, its bits in row-major order, and whether
    the frame is of one colour, which tells nothing."""

    time: float
    bits: Bits
    flat: bool

    def as_json(self) -> dict[str, Any]:
        return {"time": round(self.time, 6), "hash": hexadecimal(self.bits), "flat": self.flat}


SIGNATURE_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the length: where a signature's frames are


class SignatureRecorder:
    """What duplicates are found by, whatever the hash: five small pictures, luma and colour.

    Luma is 32x32, chroma (Cb and Cr of BT.601, signed) 8x8; on disk both are base64. Its read side
    is `Fingerprint` in duplicates/fingerprints.
    """

    def __init__(self) -> None:
        self.frames: dict[int, dict[str, Any]] = {}
        self.size = (0, 0)

    def take(self, frame: Frame, index: int) -> None:
        import numpy as np

        rgb = frame.rgb(32, 32).astype(np.float32)
        luma = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
        colour = (rgb[..., [2, 0]] - luma[..., None]) * np.array([0.564, 0.713], np.float32)
        chroma = colour.reshape(8, 4, 8, 4, 2).mean((1, 3)).round().clip(-128, 127)
        parts = {"luma": frame.luma(32, 32), "chroma": chroma.astype(np.int8)}
        self.size = frame.size
        encoded = {name: base64_text(part) for name, part in parts.items()}
        self.frames[index] = {"time": round(frame.time, 6)} | encoded

    def as_json(self) -> dict[str, Any]:
        """The signature with the displayed size; nothing where a frame could not be decoded."""
        size = {"width": self.size[0], "height": self.size[1]}
        if len(self.frames) < len(SIGNATURE_SHARES):
            return size
        return size | {"signature": [self.frames[i] for i in sorted(self.frames)]}


class TimelineRecorder:
    """Small pictures all along a video, 16x16 luma, by which shifted copies are found.

    The interval is 0.25 s, doubled until at most 3600 pictures are needed. Its read side is
    `VideoTimeline` in duplicates/timelines.
    """

    SIDE: ClassVar = 16
    MOST: ClassVar = 3600

    def __init__(self, duration: float) -> None:
        doublings = max(math.ceil(math.log2(max(duration, 1e-3) / 0.25 / self.MOST)), 0)
        self.interval = 0.25 * 2**doublings
        count = max(int(duration / self.interval), 1)
        self.times = [self.interval * (i + 0.5) for i in range(count)]
        self.pictures: dict[int, Pixels] = {}

    def take(self, frame: Frame, index: int) -> None:
        self.pictures[index] = frame.luma(self.SIDE, self.SIDE)

    def as_json(self) -> dict[str, Any]:
        """Pictures that could not be decoded are black."""
        import numpy as np

        blank = np.zeros((self.SIDE, self.SIDE), np.uint8)
        rows = [self.pictures.get(i, blank) for i in range(len(self.times))]
        return {"interval": self.interval, "side": self.SIDE, "luma": base64_text(np.array(rows))}


def base64_text(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()


FLAT = 4.0  # standard deviation of luma, of 255, below which a picture is one colour with noise


def average_hash(grey: Pixels) -> Bits:
    """1024 bits of a 32x32 picture: brighter than its mean (N. Krawetz, "Looks Like It", 2011)."""
    bits: Bits = grey > grey.mean()
    return bits.ravel()


def dct_hash(grey: Pixels | NDArray[np.float64]) -> Bits:
    """64 bits of a square picture: its 8x8 lowest DCT-II coefficients above their median.

    C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, with the
    block that includes the mean, as the imagehash package takes it.
    """
    import numpy as np

    size = len(grey)
    k, n = np.arange(8)[:, None], np.arange(size)[None, :]
    basis = np.cos(np.pi * k * (2 * n + 1) / (2 * size))
    low = basis @ grey.astype(np.float64) @ basis.T
    bits: Bits = low > np.median(low)
    return bits.ravel()


STASH_FRAMES, STASH_WIDTH = 25, 160


def stash_times(media: Media) -> list[float]:
    """When the frames of Stash's hash are shown: of each moment the first frame from it on."""
    length = round(media.container_duration or media.duration, 2)
    moments = [0.05 * length + i * 0.9 * length / STASH_FRAMES for i in range(STASH_FRAMES)]
    return [first_frame_from(media, moment) for moment in moments]


def first_frame_from(media: Media, moment: float) -> float:
    """When the first frame at or after a moment is shown, as `ffmpeg -ss` finds it."""
    target = media.start + round(moment / media.tick)
    _, timestamps, _ = timestamps_around(media, target, target + round(1 / media.tick))
    later = bisect.bisect_left(timestamps, target)
    return media.seconds(timestamps[later]) if later < len(timestamps) else moment


def picture_for_stash(frame: Frame) -> Pixels:
    """RGB of 160 pixels' width and an even height: stored aspect, no deinterlacing, no tone map."""
    import numpy as np

    raw, turned = frame.raw, frame.turns % 2
    stored = (raw.height, raw.width) if turned else (raw.width, raw.height)
    size = (STASH_WIDTH, 2 * ((STASH_WIDTH * stored[1] + stored[0]) // (2 * stored[0])))
    scaled = reformatter().reformat(
        raw,
        *(size[::-1] if turned else size),
        "rgb24",
        src_colorspace=SWSCALE_MATRICES.get(raw.colorspace, 5),
        interpolation="BICUBIC",
    )
    return np.ascontiguousarray(np.rot90(scaled.to_ndarray(), frame.turns))


def montage(pictures: Sequence[Pixels]) -> Pixels:
    """Pictures side by side, five in a row, each in a field of the first one's size."""
    import numpy as np

    height, width, _ = pictures[0].shape
    sheet = np.zeros((height * 5, width * 5, 3), np.uint8)
    for number, picture in enumerate(pictures):
        y, x = number // 5 * height, number % 5 * width
        part = picture[:height, :width]
        sheet[y : y + part.shape[0], x : x + part.shape[1]] = part
    return sheet


def stash_hash(pixels: Pixels) -> Bits:
    """64 bits of an RGB picture, bit by bit as goimagehash 1.1.0 has them after nfnt/resize."""
    import numpy as np

    square = shrink_like_nfnt(shrink_like_nfnt(pixels.swapaxes(0, 1)).swapaxes(0, 1))
    return dct_hash(square.astype(np.float64) @ np.array([0.299, 0.587, 0.114]))


def shrink_like_nfnt(pixels: Pixels, size: int = 64) -> Pixels:
    """An array (n, ...) stretched to `size` along its first axis: nfnt/resize's integer bilinear.

    The weights are 1/256 steps of a triangle as wide as the scale, cut off, as is the sum.
    """
    import numpy as np

    scale = len(pixels) / size
    taps = np.arange(2 * max(math.ceil(scale), 1))
    center = scale * (np.arange(size) + 0.5) - 0.5
    start = np.trunc(center).astype(int) - len(taps) // 2 + 1
    away = np.abs((center - start)[:, None] - taps) * min(1 / scale, 1.0)
    weights = np.trunc(256 * np.maximum(0.0, 1 - away)).astype(np.int64)
    places = np.clip(start[:, None] + taps, 0, len(pixels) - 1)
    sums = np.einsum("yk,yk...->y...", weights, pixels[places].astype(np.int64))
    total = weights.sum(axis=1).reshape(-1, *[1] * (pixels.ndim - 1))
    return typing.cast("Pixels", (sums // total).astype(np.uint8))


HASHES: dict[str, Callable[[Pixels], Bits]] = {"ahash": average_hash, "dct": dct_hash}


def combine_bits(hashes: Sequence[Bits], how: str) -> Bits:
    """One hash of several: their exclusive or, or the bits that more than half of them have set."""
    import numpy as np

    stacked = np.array(hashes)
    combined: Bits = np.bitwise_xor.reduce(stacked) if how == "xor" else stacked.mean(axis=0) > 0.5
    return combined


def hexadecimal(bits: Bits) -> str:
    import numpy as np

    return bytes(np.packbits(bits)).hex()

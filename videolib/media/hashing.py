"""The phash artifact of a video: its perceptual hash, and the small pictures beside it.

`PerceptualHash` chooses the frames and makes the artifact; picture_hashes and stash have the
algorithms. `SignatureRecorder` and `TimelineRecorder` keep what duplicates are found by, which the
folder duplicates reads.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.errors import BrokenVideoError
from videolib.media.audio import audio_languages
from videolib.media.choices import HashAlgorithm, HashCombination, Seek
from videolib.media.duration import position_within
from videolib.media.frames import FrameRequest
from videolib.media.picture_hashes import FLAT, HASHES, combine_bits, hexadecimal
from videolib.media.stash import STASH_FRAMES, montage, picture_for_stash, stash_hash, stash_times
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from videolib.core.arrays import Bits, Pixels
    from videolib.media.frames import Frame
    from videolib.media.reader import Media

SIGNATURE_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the length: where a signature's frames are


class HashSettings(NamedTuple):
    """How a video is hashed.

    `algorithm`: the hash of a frame; `combine`: how those of several frames become one; `frames`:
    their number; `time`: where a single one is, see duration.position_within; `deep`: whether a
    timeline is made, too, by which shifted copies are found.
    """

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
        self.hashes: dict[int, FrameHash] = {}  # by number of the request
        self.stash_pictures: dict[int, Pixels] = {}  # likewise, for Stash's hash only
        self.signature, self.timeline = SignatureRecorder(), TimelineRecorder(media.duration)
        self.note = ""  # what is said of a time that is past the end
        self.times = self.hashed_times()

    def hashed_times(self) -> list[float]:
        """When the frames to hash are shown, in seconds."""
        duration, count = self.media.duration, self.settings.frames
        if self.settings.algorithm == "stash":
            return stash_times(self.media)
        if count == 1:
            seconds, self.note = position_within(self.settings.time, duration)
            return [seconds]
        return [duration * (i + 0.5) / count for i in range(count)]

    def requests(self) -> list[FrameRequest]:
        times = self.times + [self.media.duration * share for share in SIGNATURE_SHARES]
        times += self.timeline.times if self.settings.deep else []
        return [FrameRequest(seconds, self.tolerance) for seconds in times]

    def take(self, frame: Frame, index: int) -> None:
        first_of_signature = len(self.times)
        first_of_timeline = first_of_signature + len(SIGNATURE_SHARES)
        if index < first_of_signature:
            self.hashes[index] = self.hash_frame(frame, index)
        elif index < first_of_timeline:
            self.signature.take(frame, index - first_of_signature)
        else:
            self.timeline.take(frame, index - first_of_timeline)

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
            raise BrokenVideoError("not every frame that Stash's hash needs could be decoded")
        if not self.hashes:
            raise BrokenVideoError("none of the frames to hash could be decoded")
        data: dict[str, Any] = {
            "phash": self.combined(),
            "algorithm": algorithm,
            "combine": "montage" if algorithm == "stash" else self.settings.combine,
            "bits": 1024 if algorithm == "ahash" else 64,
            "frames": [frame.as_json() for _, frame in sorted(self.hashes.items())],
            "duration": self.media.duration,
            "sound": audio_languages(self.media),
        } | self.signature.as_json()
        if algorithm == "stash":
            data["oshash"] = self.media.oshash
        if not data["phash"]:
            data["reason"] = "every frame is flat (one colour): there is nothing to tell it by"
        output = ArtifactOutput(data, note=self.note)
        if not data["phash"]:
            output.note = "no hash: every frame is flat"
        if self.settings.deep:
            output.documents["{}.phash.deep.json"] = self.timeline.as_json()
        return output


class FrameHash(NamedTuple):
    """The hash of one frame: when it is shown, in seconds, its bits in row-major order, and whether
    the frame is flat (of one colour), so that its hash carries no information."""

    time: float
    bits: Bits
    flat: bool

    def as_json(self) -> dict[str, Any]:
        return {"time": round(self.time, 6), "hash": hexadecimal(self.bits), "flat": self.flat}


class SignatureRecorder:
    """Records five small pictures of a video, by which duplicates are found, whatever the hash.

    Luma is 32x32, chroma (Cb and Cr of BT.601, signed) 8x8; on disk both are base64. Its read side
    is `Fingerprint` in duplicates/fingerprints.
    """

    def __init__(self) -> None:
        self.frames: dict[int, dict[str, Any]] = {}  # their JSON, by number
        self.size = (0, 0)  # width and height as displayed, of the last frame

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
    """Records small pictures all along a video, 16x16 luma, by which shifted copies are found.

    The interval is 0.25 s, doubled until at most 3600 pictures are needed. Its read side is
    `VideoTimeline` in duplicates/timelines.
    """

    SIDE: ClassVar = 16  # pixels
    MOST: ClassVar = 3600  # pictures

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
    """The bytes of an array, row by row, as base64 for JSON."""
    return base64.b64encode(array.tobytes()).decode()

"""Which of several copies to keep, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import read_json
from videolib.core.errors import Failure, attempt
from videolib.core.text import clock, human_date, human_size, to_float
from videolib.duplicates.fingerprints import read_fingerprint
from videolib.duplicates.matching import content_share
from videolib.media.metadata import bit_depth, is_picture, summarize
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.sidecars import read_record

if TYPE_CHECKING:
    from videolib.duplicates.copies import VideoCopy


def number_in(value: Any) -> float:
    """A number that makes sense, of whatever a sidecar says, or 0."""
    number = to_float(value) or 0.0
    return number if 0 < number < 1e15 else 0.0


def extent_in(told: Mapping[str, Any]) -> dict[str, Any]:
    """Duration, width and height as a sidecar tells them."""
    width, height = (int(number_in(told.get(side))) for side in ("width", "height"))
    return {"duration": number_in(told.get("duration")), "width": width, "height": height}


# How much of H.264's bit rate a codec needs for the same picture, about.
EFFORT = {
    "hevc": 0.6,
    "av1": 0.5,
    "vp9": 0.65,
    "vp8": 1.1,
    "mpeg4": 1.5,
    "msmpeg4v3": 1.7,
    "mpeg2video": 2.0,
    "mpeg1video": 2.5,
    "mjpeg": 5.0,
    "cinepak": 6.0,
    "wmv3": 1.3,
}


class CopyQuality(NamedTuple):
    """What decides which of several copies to keep; 0 or empty where it is not known."""

    size: int
    mtime: float
    duration: float = 0.0
    width: int = 0
    height: int = 0
    vcodec: str = ""
    acodec: str = ""
    rate: float = 0.0  # frames a second
    depth: int = 0  # bits a sample
    sounds: int = 0  # audio tracks
    content: float = 1.0  # share of the picture that is not black bars

    @classmethod
    def of(cls, copy: VideoCopy) -> CopyQuality:
        """From the metadata sidecar where it is fresh, else from the phash artifact."""
        marks = copy.marks()
        found = read_fingerprint(marks)
        known = cls(
            copy.size,
            copy.mtime_ns / 1e9,
            content=content_share(found) if found else 1.0,
            **extent_in(marks),
        )
        path = f"{copy.video.sidecar_dir}/{ARTIFACTS['metadata'].record_name(copy.video)}"
        metadata, record = read_json(path), read_record(path)
        if not metadata or not record or record.size != copy.size:
            return known
        told = attempt(cls.from_metadata, known, metadata)
        return known if isinstance(told, Failure) else told

    @staticmethod
    def from_metadata(known: CopyQuality, metadata: dict[str, Any]) -> CopyQuality:
        told = summarize(metadata)
        streams = [s for s in metadata.get("streams", []) if isinstance(s, dict)]
        pictures = [s for s in streams if is_picture(s)]
        best = max(pictures, key=lambda s: number_in(s.get("width")), default=None)
        return known._replace(
            vcodec=str(told.get("vcodec") or ""),
            acodec=str(told.get("acodec") or ""),
            rate=number_in(told.get("fps")),
            depth=bit_depth(best) if best else 0,
            sounds=sum(s.get("codec_type") == "audio" for s in streams),
            **extent_in(told),
        )

    @property
    def density(self) -> float:
        """Bits per second and pixel, as many of H.264 would be worth; a byte count where nothing is
        known. Not per frame: having fewer of them makes no copy the better.
        """
        if not self.duration:
            return self.size
        bits = self.size * 8 / self.duration / (self.width * self.height or 1e6)
        return bits / EFFORT.get(self.vcodec, 1.0)

    @property
    def rank(self) -> tuple[float, ...]:
        """The higher, the better; what differs by a few percent counts as the same."""
        steps = round(math.log2(max(self.density, 1e-9)) * 4)
        length = round(math.log2(max(self.duration, 1e-3)) * 20)
        pixels = round(math.log2(max(self.width * self.height * self.content, 1)) * 20)
        return (pixels, steps, self.depth, length, self.sounds, -round(self.mtime))

    def reason(self, rival: CopyQuality) -> str:
        """Why this one is kept and not the best of the others."""
        rates = f"{self.density:.3g} against {rival.density:.3g}"
        densest = f"most bits per second and pixel for its codec: {rates}"
        reasons = (
            f"highest resolution: {self.resolution()} against {rival.resolution()}",
            densest if self.duration else "largest file",
            f"bit depth: {self.depth or 'unknown'} against {rival.depth or 'unknown'}",
            f"longest: {clock(self.duration)} against {clock(rival.duration)}",
            f"most audio tracks: {self.sounds} against {rival.sounds}",
            f"oldest: {human_date(self.mtime, True)}, the next {human_date(rival.mtime, True)}",
        )
        both = zip(reasons, self.rank, rival.rank, strict=True)
        return next((r for r, mine, theirs in both if mine != theirs), "first: the next is as good")

    def resolution(self) -> str:
        bars = " with black bars" if self.content < 1 else ""
        return f"{self.width}x{self.height}{bars}"

    @property
    def bit_rate(self) -> int:
        """Bits a second; 0 where the duration is not known."""
        return round(self.size * 8 / self.duration) if self.duration else 0

    def as_json(self) -> dict[str, Any]:
        return self._asdict() | {"bit_rate": self.bit_rate}

    def told(self) -> str:
        """The facts as people read them."""
        told = [human_size(self.size)]
        told += [clock(self.duration)] if self.duration else []
        told += [f"{self.width}x{self.height}"] if self.width else []
        told += [self.vcodec] if self.vcodec else []
        told += [f"{self.rate:.4g} fps"] if self.rate else []
        told += [f"{self.depth} bit"] if self.depth > 8 else []
        told += [f"{self.sounds} audio"] if self.sounds > 1 else []
        return "  ".join([*told, human_date(self.mtime)])

"""The quality of a copy: what is known of its picture, its sound and its file.

Which of several copies is kept by it is decided in keepers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import read_json
from videolib.core.errors import Failure, attempt
from videolib.core.text import clock, human_date, human_size, positive_number
from videolib.duplicates.alignment import content_share
from videolib.duplicates.fingerprints import read_fingerprint
from videolib.duplicates.sound import languages_of, recorded_languages, sound_text
from videolib.media.metadata import bit_depth, summarize
from videolib.media.streams import film_of, streams_of_type
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.sidecars import read_record

if TYPE_CHECKING:
    from videolib.duplicates.copies import VideoCopy

# The bit rate that a codec needs for a picture, as a share of H.264's; rough figures.
RELATIVE_BIT_RATE = {
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
    """What decides which of several copies to keep; 0 or "" for what is not known.

    The names of the fields are those in JSON.
    """

    size: int  # bytes
    mtime: float  # seconds since the epoch
    duration: float = 0.0  # seconds
    width: int = 0
    height: int = 0
    vcodec: str = ""
    acodec: str = ""
    rate: float = 0.0  # frames a second
    depth: int = 0  # bits a sample
    sounds: int = 0  # audio tracks
    content: float = 1.0  # share of the picture that is not black bars
    languages: tuple[str, ...] | None = None  # of the audio tracks, see sound; None: not known

    @classmethod
    def of(cls, copy: VideoCopy) -> CopyQuality:
        """From the metadata sidecar where it is fresh, else from the phash artifact."""
        hash_record = copy.hash_record()
        fingerprint, languages = read_fingerprint(hash_record), recorded_languages(hash_record)
        quality = cls(
            copy.size,
            copy.mtime_ns / 1e9,
            content=content_share(fingerprint) if fingerprint else 1.0,
            languages=languages,
            sounds=len(languages or ()),
            **extent(hash_record),
        )
        path = f"{copy.video.sidecar_dir}/{ARTIFACTS['metadata'].record_name(copy.video)}"
        metadata, record = read_json(path), read_record(path)
        if not metadata or metadata.get("stub") or not record or record.size != copy.size:
            return quality
        refined = attempt(quality.with_metadata, metadata)
        return quality if isinstance(refined, Failure) else refined

    def with_metadata(self, metadata: dict[str, Any]) -> CopyQuality:
        """This quality with the codecs, frames, sound and size of a metadata sidecar."""
        summary, languages = summarize(metadata), languages_of(metadata)
        film = film_of(streams_of_type(metadata, "video"))
        return self._replace(
            vcodec=str(summary.get("vcodec") or ""),
            acodec=str(summary.get("acodec") or ""),
            rate=positive_number(summary.get("fps")),
            depth=bit_depth(film) if film else 0,
            sounds=len(languages or ()),
            languages=languages,
            **extent(summary),
        )

    @property
    def density(self) -> float:
        """Bits per second and pixel, converted to those of H.264.

        Not per frame: a copy is not better for having fewer frames. Where the duration is not known
        it is the size in bytes.
        """
        if not self.duration:
            return self.size
        bits = self.size * 8 / self.duration / (self.width * self.height or 1e6)
        return bits / RELATIVE_BIT_RATE.get(self.vcodec, 1.0)

    def resolution(self) -> str:
        bars = " with black bars" if self.content < 1 else ""
        return f"{self.width}x{self.height}{bars}"

    @property
    def bit_rate(self) -> int:
        """Bits a second; 0 where the duration is not known."""
        return round(self.size * 8 / self.duration) if self.duration else 0

    def as_json(self) -> dict[str, Any]:
        return self._asdict() | {"bit_rate": self.bit_rate}

    def description(self) -> str:
        """Size, duration, resolution and so on, and the date, as people read them."""
        parts = [human_size(self.size)]
        parts += [clock(self.duration)] if self.duration else []
        parts += [f"{self.width}x{self.height}"] if self.width else []
        parts += [self.vcodec] if self.vcodec else []
        parts += [f"{self.rate:.4g} fps"] if self.rate else []
        parts += [f"{self.depth} bit"] if self.depth > 8 else []
        parts += filter(None, [sound_text(self.languages)])
        return "  ".join([*parts, human_date(self.mtime)])


def extent(record: Mapping[str, Any]) -> dict[str, Any]:
    """Duration (seconds), width and height (pixels) from a sidecar, as fields of CopyQuality; 0 for
    what it lacks."""
    width, height = (int(positive_number(record.get(side))) for side in ("width", "height"))
    return {"duration": positive_number(record.get("duration")), "width": width, "height": height}

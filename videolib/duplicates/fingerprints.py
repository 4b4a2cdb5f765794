"""What a video is compared by: small pictures at the same shares of its length."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.media.duration import MAX_DURATION
from videolib.media.hashing import SIGNATURE_SHARES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


SIDE = 32  # of a signature's luma


MOVING = 0.5  # rms of what changes from frame to frame, of 255, below which a video shows a still


COARSE_STILL, COARSE_MOVING = 0.45, 0.15  # cosines that make a pair a candidate


COLOURED, SAME_COLOURS = 6.0, 0.6  # rms of chroma that counts as colour; cosine of the same colours


SMOOTH, EQUAL_COLOURS = 8.0, 0.9  # rms of the Laplacian below which only colours tell apart


CAPTION = 13  # pixels: what is on fewer is not enough to tell a picture by


class Fingerprint(NamedTuple):
    """What a video is compared by: pictures at the same shares of every video's length.

    `luma` is (frames, side, side) of 0 to 255; bits of a hash are pictures of 0 and 255, and those
    of a DCT are no picture, but are compared as if. Only videos of one `kind` are comparable.
    """

    kind: str
    duration: float
    luma: NDArray[np.uint8]
    chroma: NDArray[np.int8] | None


class DurationTolerance(NamedTuple):
    """How far durations may be apart: seconds, or a share of the longer one."""

    share: float
    seconds: float

    @classmethod
    def of(cls, text: str) -> DurationTolerance:
        """From `5%` or `2.5`; 0.1 s is always tolerated, as containers round."""
        value = float(text.rstrip("%"))
        return cls(value / 100, 0.1) if text.endswith("%") else cls(0.0, max(value, 0.1))

    def longest(self, durations: NDArray[Any]) -> NDArray[Any]:
        """The longest duration that is compatible with each."""
        import numpy as np

        return np.maximum(durations / max(1 - self.share, 1e-9), durations + self.seconds) + 1e-9


def read_fingerprint(record: Mapping[str, Any]) -> Fingerprint | None:
    """A video's fingerprint from its phash artifact; None where that holds nothing of the kind."""
    try:
        length = record.get("duration")
        if length is None:  # evenly spaced frames are as far from the end as from the beginning
            times = [float(frame["time"]) for frame in record["frames"]]
            length = min(times) + max(times)
        length = float(length)
        if not 0 <= length < MAX_DURATION:
            return None
        signature = record.get("signature")
        return of_signature(signature, length) if signature else of_hashes(record, length)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def of_signature(signature: Sequence[Mapping[str, Any]], length: float) -> Fingerprint | None:
    """A fingerprint from a signature. Raises ValueError and others for what is none."""
    import numpy as np

    if len(signature) != len(SIGNATURE_SHARES):
        return None
    luma = b"".join(base64.b64decode(frame["luma"]) for frame in signature)
    chroma = b"".join(base64.b64decode(frame["chroma"]) for frame in signature)
    pictures = np.frombuffer(luma, np.uint8).reshape(len(signature), SIDE, SIDE)
    colours = np.frombuffer(chroma, np.int8).reshape(len(pictures), 8, 8, 2)
    return Fingerprint("signature", length, pictures, colours)


def of_hashes(record: Mapping[str, Any], length: float) -> Fingerprint | None:
    """A fingerprint from the frames' hashes alone. Raises ValueError and others for what is none.

    Flat frames become black ones, which say nothing.
    """
    import numpy as np

    side = {"ahash": 32, "dct": 8, "stash": 8}[record["algorithm"]]
    rows = [
        b"\0" * (side * side // 8) if frame.get("flat") else bytes.fromhex(frame["hash"])
        for frame in record["frames"]
    ]
    if not rows:
        return None
    bits = np.unpackbits(np.frombuffer(b"".join(rows), np.uint8)).reshape(len(rows), side, side)
    return Fingerprint(f"{record['algorithm']} of {len(rows)}", length, bits * np.uint8(255), None)

"""Fingerprints: small pictures at the same shares of every video's length, to compare videos by.

They are read from phash artifacts, which `SignatureRecorder` in media/hashing makes.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.media.duration import MAX_DURATION
from videolib.media.hashing import SIGNATURE_SHARES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNATURE_SIDE = 32  # pixels of a signature's luma pictures
CHROMA_SIDE = 8  # pixels of its chroma pictures
HASH_SIDES = {"ahash": 32, "dct": 8, "stash": 8}  # algorithm -> side of its bits as a square


class Fingerprint(NamedTuple):
    """Small pictures of a video at the same shares of every video's length.

    `kind` is `signature`, or the algorithm and the number of hashes where there are only hashes;
    only videos of one kind are comparable. `luma` is (frames, side, side), 0 to 255; the bits of a
    hash become pixels of 0 and 255. Those of a DCT are no picture, but can be compared like one.
    `chroma` is (frames, 8, 8, 2), Cb and Cr; None where there are only hashes.
    """

    kind: str
    duration: float  # seconds
    luma: NDArray[np.uint8]
    chroma: NDArray[np.int8] | None


class DurationTolerance(NamedTuple):
    """How far two durations may be apart: a share of the longer one, or seconds."""

    share: float
    seconds: float

    @classmethod
    def of(cls, text: str) -> DurationTolerance:
        """The tolerance in a text such as `5%` or `2.5`; at least 0.1 s, as containers round."""
        value = float(text.rstrip("%"))
        return cls(value / 100, 0.1) if text.endswith("%") else cls(0.0, max(value, 0.1))

    def longest(self, durations: NDArray[Any]) -> NDArray[Any]:
        """The longest duration that is compatible with each of these, in seconds."""
        import numpy as np

        return np.maximum(durations / max(1 - self.share, 1e-9), durations + self.seconds) + 1e-9


def read_fingerprint(record: Mapping[str, Any]) -> Fingerprint | None:
    """A video's fingerprint from its phash artifact; None where that is not readable as one."""
    try:
        duration = record.get("duration")
        if duration is None:  # evenly spaced frames are as far from the end as from the beginning
            times = [float(frame["time"]) for frame in record["frames"]]
            duration = min(times) + max(times)
        duration = float(duration)
        if not 0 <= duration < MAX_DURATION:
            return None
        if signature := record.get("signature"):
            return fingerprint_of_signature(signature, duration)
        return fingerprint_of_hashes(record, duration)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def fingerprint_of_signature(
    signature: Sequence[Mapping[str, Any]], duration: float
) -> Fingerprint | None:
    """A fingerprint from the entries of a signature; None where there are not as many as expected.

    Raises KeyError, TypeError or ValueError for malformed ones.
    """
    import numpy as np

    if len(signature) != len(SIGNATURE_SHARES):
        return None
    luma = b"".join(base64.b64decode(frame["luma"]) for frame in signature)
    chroma = b"".join(base64.b64decode(frame["chroma"]) for frame in signature)
    luma_shape = (len(signature), SIGNATURE_SIDE, SIGNATURE_SIDE)
    chroma_shape = (len(signature), CHROMA_SIDE, CHROMA_SIDE, 2)
    return Fingerprint(
        "signature",
        duration,
        np.frombuffer(luma, np.uint8).reshape(luma_shape),
        np.frombuffer(chroma, np.int8).reshape(chroma_shape),
    )


def fingerprint_of_hashes(record: Mapping[str, Any], duration: float) -> Fingerprint | None:
    """A fingerprint from the frames' hashes alone; None where there are none.

    Flat frames become black ones, which count for nothing. Raises KeyError, TypeError or ValueError
    for a malformed record.
    """
    import numpy as np

    algorithm = record["algorithm"]
    side = HASH_SIDES[algorithm]
    hashes = [
        b"\0" * (side * side // 8) if frame.get("flat") else bytes.fromhex(frame["hash"])
        for frame in record["frames"]
    ]
    if not hashes:
        return None
    bits = np.unpackbits(np.frombuffer(b"".join(hashes), np.uint8))
    luma = bits.reshape(len(hashes), side, side) * np.uint8(255)
    return Fingerprint(f"{algorithm} of {len(hashes)}", duration, luma, None)

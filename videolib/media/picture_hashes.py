"""Perceptual hashes of single pictures as arrays of bits, and what is made of several of them.

`HASHES` names the functions by algorithm; Stash's hash, which needs a video, is in stash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.core.arrays import Bits, Pixels

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


HASHES: dict[str, Callable[[Pixels], Bits]] = {"ahash": average_hash, "dct": dct_hash}


def combine_bits(hashes: Sequence[Bits], how: str) -> Bits:
    """One hash of several: for `xor` their exclusive or, else the bits that more than half of them
    have set."""
    import numpy as np

    stacked = np.array(hashes)
    combined: Bits = np.bitwise_xor.reduce(stacked) if how == "xor" else stacked.mean(axis=0) > 0.5
    return combined


def hexadecimal(bits: Bits) -> str:
    """Bits as hexadecimal digits, the first bit highest; a last byte is filled up with zeros."""
    import numpy as np

    return bytes(np.packbits(bits)).hex()

"""Thumbnails: which frame stands best for a video."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videolib.core.arrays import Pixels


def appeal(luma: Pixels) -> float:
    """How well a picture stands for its video: contrast and sharpness, nothing for black or flat
    ones.

    Sharpness is the mean absolute Laplacian, whose logarithm keeps noise and text from winning
    outright.
    """
    import numpy as np

    grey = luma.astype(np.float32)
    if not 16 < grey.mean() < 240 or grey.std() < 8:
        return float(grey.std()) / 1000
    inner = grey[1:-1, 1:-1]
    laplacian = 4 * inner - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    return float(grey.std() * np.log1p(np.abs(laplacian).mean()))

"""Vectors of faces: of unit length, and as text in JSON."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from videolib.media.hashing import base64_text

if TYPE_CHECKING:
    from videolib.core.arrays import Vector


def finite(value: Any) -> float:
    """A number of a file. Raises ValueError or TypeError for what is none."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number")
    return number


def unit(vector: Vector) -> Vector:
    """The vector of that direction with a length of 1."""
    import numpy as np

    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


def sum_of(vectors: Sequence[Vector]) -> Vector:
    import numpy as np

    total: Vector = np.sum(vectors, axis=0, dtype=np.float32)
    return total


def base64_vector(vector: Vector) -> str:
    """Little-endian float32, in base64."""
    return base64_text(vector.astype("<f4"))


def decoded_bytes(code: str) -> bytes:
    """The bytes of `base64_vector`. Raises TypeError or ValueError for what is none."""
    content = base64.b64decode(code, validate=True)
    if len(content) % 4:
        raise ValueError("a vector is none of a face")
    return content


def decoded_vector(code: str) -> Vector:
    """The vector of `base64_vector`. Raises TypeError or ValueError for what is none."""
    import numpy as np

    return np.frombuffer(decoded_bytes(code), "<f4").astype(np.float32)

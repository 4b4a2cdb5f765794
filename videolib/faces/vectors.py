"""Vectors of faces: means of unit length, and base64 text of them in JSON."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

from videolib.media.hashing import base64_text

if TYPE_CHECKING:
    from videolib.core.arrays import Vector


def unit(vector: Vector) -> Vector:
    """The vector of the same direction and length 1."""
    import numpy as np

    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


def sum_of(vectors: Sequence[Vector]) -> Vector:
    """The sum of vectors of one dimension, float32."""
    import numpy as np

    total: Vector = np.sum(vectors, axis=0, dtype=np.float32)
    return total


def base64_vector(vector: Vector) -> str:
    """A vector, or the rows of a matrix, as little-endian float32 in base64."""
    return base64_text(vector.astype("<f4"))


def decoded_bytes(text: str) -> bytes:
    """The bytes of `base64_vector`. Raises TypeError or ValueError for anything else."""
    content = base64.b64decode(text, validate=True)
    if len(content) % 4:
        raise ValueError("a vector is none of a face")
    return content


def decoded_vector(text: str) -> Vector:
    """The numbers of `base64_vector`. Raises TypeError or ValueError for anything else."""
    import numpy as np

    return np.frombuffer(decoded_bytes(text), "<f4").astype(np.float32)

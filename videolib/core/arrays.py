"""Names for the arrays that rooms hand each other; for annotations only.

Nothing imports this at run time: numpy stays out of commands that look at no pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]  # (height, width, 3) RGB, or (height, width) luma
    Bits = NDArray[np.bool_]
    Samples = NDArray[np.int16]  # sound in mono
    Vector = NDArray[np.float32]  # what a face looks like to a model
    Vectors = NDArray[np.float32]  # one in each row
    RowNumbers = NDArray[np.int64]

"""The one array type of this folder, and the two divisions that never warn.

A figure that can't be measured is NaN; it is never zero and never an exception.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]


def floats(values: ArrayLike) -> Floats:
    """`values` as float64, any shape; no copy when it already is."""
    return np.asarray(values, dtype=np.float64)


def divide(above: ArrayLike, below: ArrayLike) -> Floats:
    """above / below, broadcast; NaN wherever `below` is not positive (zero, negative, NaN)."""
    top, bottom = floats(above), floats(below)
    # Not np.broadcast_arrays, which is Python and takes longer than the division of a window.
    quotient = np.full(np.broadcast(top, bottom).shape, np.nan)
    with np.errstate(invalid="ignore"):
        return floats(np.divide(top, bottom, out=quotient, where=bottom > 0))


def shares(counts: ArrayLike) -> Floats:
    """Counts (..., B) as shares of their row; a row without counts becomes NaN."""
    cells = floats(counts)
    return divide(cells, cells.sum(axis=-1, keepdims=True))

"""One figure per window: what a series needs before anything may be said of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkdrift.measures.arrays import Floats, floats

LEAST_WINDOWS = 8


@dataclass(frozen=True)
class NotMeasured:
    """The answer where a series says too little: not zero and not NaN, with the reason."""

    reason: str


@dataclass(frozen=True, eq=False)
class Series:
    """The measured windows of a series, in time order.

    at: positions in the series as given, ascending, int (N,); values: float64 (N,), finite.
    """

    at: NDArray[np.int_]
    values: Floats


def measured(values: ArrayLike) -> Series | NotMeasured:
    """The finite ones of `values` (W,), with their positions; at least LEAST_WINDOWS of them.

    NaN and infinities are windows that were not measured: they keep their place in time.
    Raises ValueError unless `values` has one dimension.
    """
    given = floats(values)
    if given.ndim != 1:
        raise ValueError(
            f"a series has shape {given.shape}; accepted is one figure per window, (W,): "
            "call once per feature and slice"
        )
    at = np.flatnonzero(np.isfinite(given))
    if len(at) < LEAST_WINDOWS:
        return NotMeasured(
            f"{len(at)} of {len(given)} windows were measured, {LEAST_WINDOWS} are needed"
        )
    return Series(at, given[at])

"""Errors of numeric predictions from sums that merge by addition: MAE, RMSE, MAPE, with intervals.

The state is one row of COLUMNS per (window, slice): what a single SQL aggregate gives. Rows
without a finite target and prediction are not in it, they are counted as `unusable`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.intervals import Figure, plain_interval

# e = prediction - target. relative, relative_square: sums of |e / target| and its square over the
# `nonzero` rows whose target is not 0. The fourth power is for the interval of the RMSE.
COLUMNS = (
    *("rows", "unusable", "absolute", "square", "fourth", "signed"),
    *("nonzero", "relative", "relative_square"),
)
_AT = {name: i for i, name in enumerate(COLUMNS)}


def count(predictions: ArrayLike, targets: ArrayLike) -> Floats:
    """The state (9,) of n rows, as COLUMNS; NULL is NaN. States are merged by adding them."""
    made, true = np.broadcast_arrays(floats(predictions), floats(targets))
    usable = np.isfinite(made) & np.isfinite(true)
    y = true[usable]
    # An infinity less another is a warning, so only now.
    e = made[usable] - y
    part = np.abs(e[y != 0] / y[y != 0])
    return floats(
        [
            *(len(e), len(made) - len(e), np.abs(e).sum(), (e**2).sum(), (e**4).sum(), e.sum()),
            *(len(part), part.sum(), (part**2).sum()),
        ]
    )


def mean_absolute_error(state: ArrayLike) -> Figure:
    """Mean of |e|, in the target's unit; states (..., 9), NaN without rows."""
    return _mean(state, "absolute", "square", "rows")


def bias(state: ArrayLike) -> Figure:
    """Mean of e, in the target's unit: above 0 for predictions that are too high."""
    return _mean(state, "signed", "square", "rows")


def mean_absolute_percentage_error(state: ArrayLike) -> Figure:
    """Mean of |e / target| as a share, 0.1 for 10 %, over rows whose target is not 0.

    How many it leaves out is rows - nonzero. NaN where no target differs from 0.
    """
    return _mean(state, "relative", "relative_square", "nonzero")


def root_mean_squared_error(state: ArrayLike) -> Figure:
    """sqrt of the mean of e^2, in the target's unit, the square root of the mean's interval."""
    squared = _mean(state, "square", "fourth", "rows")
    return Figure(*(np.sqrt(np.maximum(part, 0.0)) for part in squared))


def _mean(state: ArrayLike, total: str, squares: str, rows: str) -> Figure:
    """Mean and interval from a sum, a sum of squares and a number of rows; no interval for one."""
    sums = floats(state)
    n = sums[..., _AT[rows]]
    mean = divide(sums[..., _AT[total]], n)
    variance = np.maximum(divide(sums[..., _AT[squares]], n) - mean**2, 0.0)
    around = plain_interval(mean, np.sqrt(divide(variance, n - 1)))
    return Figure(mean, around.low, around.high)

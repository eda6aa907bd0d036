"""Errors of numeric predictions without targets: what the evaluation set had per prediction bin.

To be looked at, not to be relied upon: two rows of one prediction may be as far apart in what
moves their errors as any two rows, and prediction bins don't see it. Loss that depends on the
prediction alone is estimated as well as in `estimated_performance`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.measures.arrays import Floats, divide, floats, shares
from sparkdrift.measures.intervals import Figure, plain_interval
from sparkdrift.measures.regression_error import COLUMNS

_AT = {name: i for i, name in enumerate(COLUMNS)}


class EstimatedErrors(NamedTuple):
    """Each a Figure of shape (...), as the functions of `regression_error`."""

    mae: Figure
    rmse: Figure
    mape: Figure
    bias: Figure


def estimate(known: ArrayLike, rows: ArrayLike) -> EstimatedErrors:
    """Expected errors of a window with 95 % intervals for what its targets will show.

    known (..., B, 9): the evaluation set's states per prediction bin; rows (..., B): of the
    window. Leading axes broadcast. Bins that the evaluation set has no row in are left out:
    `density_ratio.coverage` tells them. NaN where no bin is common. Delta method:
    SE^2 = sum w_b^2 var_b / n_b + sum w_b var_b / rows.
    """
    sums, seen = floats(known), floats(rows)
    n, total = sums[..., _AT["rows"]], np.where(sums[..., _AT["rows"]] > 0, seen, 0.0)
    nonzero = sums[..., _AT["nonzero"]]
    squared = _mean(sums, "square", "fourth", n, total)
    return EstimatedErrors(
        mae=_mean(sums, "absolute", "square", n, total),
        rmse=Figure(*(np.sqrt(np.maximum(part, 0.0)) for part in squared)),
        mape=_mean(
            sums,
            "relative",
            "relative_square",
            nonzero,
            floats(total * np.nan_to_num(divide(nonzero, n))),
        ),
        bias=_mean(sums, "signed", "square", n, total),
    )


def _mean(sums: Floats, of: str, squares: str, n: Floats, rows: Floats) -> Figure:
    return mean_by_bin(n, sums[..., _AT[of]], sums[..., _AT[squares]], rows)


def mean_by_bin(n: Floats, total: Floats, squares: Floats, rows: Floats) -> Figure:
    """The mean of a window with `rows` per bin of what sums to `total` in each bin's n rows, (...).

    All (..., B); squares: the sum of squares. 95 % interval for what the window's own rows will
    show, as `estimate`. NaN where no bin is common.
    """
    w = shares(np.where(n > 0, rows, 0.0))
    mean = np.nan_to_num(divide(total, n))
    spread = np.nan_to_num(divide(squares, n)) - mean**2
    # From the sample to the source; one row shows no spread.
    variance = np.maximum(spread, 0.0) * np.nan_to_num(divide(n, n - 1), nan=1.0)
    unsure = (w**2 * np.nan_to_num(divide(variance, n))).sum(-1)
    noise = divide((w * variance).sum(-1), np.where(n > 0, rows, 0.0).sum(-1))
    return plain_interval((w * mean).sum(-1), np.sqrt(unsure + noise))

"""How far an evaluation set stands for one window: figures with the interval that chance leaves.

v: rows of the evaluation set per score bin, x: rows of the window, both (B,). `density_ratio` has
the figures themselves; here is what a window of few rows adds to them, and takes off again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.measures.arrays import divide, floats, shares
from sparkdrift.measures.density_ratio import THIN
from sparkdrift.measures.intervals import Figure, Z, wilson

# Neighbouring score bins are one group until it holds this part of the window's rows.
GROUP_SHARE = 0.05
_NOTHING = Figure(*(floats(np.nan) for _ in range(3)))


def ess_ratio(evaluation: ArrayLike, window: ArrayLike) -> Figure:
    """Kish's effective share of the evaluation set on the window's mix, freed of chance, (...).

    v and x are (..., B) here and broadcast. 1 / S, S = sum w^2 / v over the bins that the set has.
    Taken from counts as they are, S grows by about B / n by chance alone: 300 rows in 128 bins
    would warn without any change. So w^2 is x (x - 1) / (n (n - 1)), which is right on average, and
    the interval is that of a U-statistic of degree 2. At most 1. NaN with fewer than two rows in
    bins of the set, or without a set. The one figure of performance, staleness and sample-eval.
    Source: Kish 1965; Hoeffding 1948.
    """
    v, counts = np.broadcast_arrays(floats(evaluation), floats(window))
    x = np.where(v > 0, counts, 0.0)
    n = x.sum(axis=-1)
    gone = np.where((v.sum(axis=-1) > 0) & (n >= 2), 0.0, np.nan)
    rows = np.where(n >= 2, n, 2.0)
    p = shares(v)
    inverse = np.where(v > 0, divide(1.0, p), 0.0)
    twice = x * (x - 1) / (rows * (rows - 1))[..., None]
    thrice = twice * (x - 2) / np.maximum(rows - 2, 1)[..., None]
    found = (twice * inverse).sum(axis=-1)
    single = np.maximum((thrice * inverse**2).sum(axis=-1) - found**2, 0.0)
    pairs = np.maximum((twice * inverse**2).sum(axis=-1) - found**2, 0.0)
    around = Z * np.sqrt(4 * single / rows + 2 * pairs / (rows * (rows - 1)))
    # By Cauchy and Schwarz S is 1 at least.
    middle, least, most = (np.maximum(one, 1.0) for one in (found, found - around, found + around))
    return Figure(*(floats(1 / one + gone) for one in (middle, most, least)))


def thin_share(evaluation: ArrayLike, window: ArrayLike) -> Figure:
    """Share of the window's rows where the evaluation set has fewer than THIN rows, ().

    Bins in which the set has no row are thin, and those with fewer than THIN that hold more than
    GROUP_SHARE of the window by themselves: no neighbour speaks for them. The others are taken by
    groups of neighbours that hold about GROUP_SHARE of the window each: single bins are quantiles
    of the evaluation set, so that in a small one all of them would be thin, wherever production
    is. Wilson's interval; NaN where a side has no rows.
    """
    v, x = floats(evaluation), floats(window)
    n = x.sum()
    if v.sum() <= 0 or n <= 0:
        return _NOTHING
    alone = (v <= 0) | ((v < THIN) & (x > GROUP_SHARE * n))
    thin = float(x[alone].sum())
    if thin < n:
        v, x = v[~alone], x[~alone]
        at = neighbours(x, GROUP_SHARE * n / x.sum())
        held, rows = (np.bincount(at, weights=part) for part in (v, x))
        thin += float(rows[held < THIN].sum())
    return wilson(thin, n)


def neighbours(counts: ArrayLike, share: float) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The group (B,), from 0, of each bin: a new one begins after each `share` of all counts."""
    cells = floats(counts)
    before = divide(cells.cumsum() - cells, cells.sum())
    # A bin that begins at 0.15 of all rows is no matter of rounding.
    _, at = np.unique(np.floor(np.nan_to_num(before) / share + 1e-9), return_inverse=True)
    return np.asarray(at, dtype=np.intp)


def lacking_share(evaluation: ArrayLike, window: ArrayLike) -> Figure:
    """Share of the window's rows in cells, such as slices, without a row of the set, ()."""
    v, x = floats(evaluation), floats(window)
    if v.sum() <= 0:
        return _NOTHING
    return wilson(x[v <= 0].sum(), x.sum())

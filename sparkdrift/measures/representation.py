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
    """Kish's effective share of the evaluation set on the window's mix, freed of chance, ().

    1 / S, S = sum w^2 / v over the bins that the set has. Taken from counts as they are, S grows
    by about B / n by chance alone: 300 rows in 128 bins would warn without any change. So w^2 is
    x (x - 1) / (n (n - 1)), which is right on average, and the interval is that of a U-statistic
    of degree 2. At most 1. NaN with fewer than two rows in bins of the set, or without a set.
    Source: Kish 1965; Hoeffding 1948.
    """
    v, x = floats(evaluation), np.where(floats(evaluation) > 0, floats(window), 0.0)
    n = x.sum()
    if v.sum() <= 0 or n < 2:
        return _NOTHING
    p = shares(v)
    inverse = np.where(p > 0, 1 / np.where(p > 0, p, 1.0), 0.0)
    twice = x * (x - 1) / (n * (n - 1))
    thrice = twice * (x - 2) / max(n - 2, 1)
    found = float((twice * inverse).sum())
    single = max(float((thrice * inverse**2).sum()) - found**2, 0.0)
    pairs = max(float((twice * inverse**2).sum()) - found**2, 0.0)
    around = Z * np.sqrt(4 * single / n + 2 * pairs / (n * (n - 1)))
    # By Cauchy and Schwarz S is 1 at least.
    middle, least, most = (max(one, 1.0) for one in (found, found - around, found + around))
    return Figure(floats(1 / middle), floats(1 / most), floats(1 / least))


def thin_share(evaluation: ArrayLike, window: ArrayLike) -> Figure:
    """Share of the window's rows where the evaluation set has fewer than THIN rows, ().

    By groups of neighbouring score bins that hold about GROUP_SHARE of the window each: single
    bins are quantiles of the evaluation set, so that in a small one all of them would be thin,
    wherever production is. Wilson's interval; NaN where a side has no rows.
    """
    v, x = floats(evaluation), floats(window)
    n = x.sum()
    if v.sum() <= 0 or n <= 0:
        return _NOTHING
    at = neighbours(x, GROUP_SHARE)
    held, rows = (np.bincount(at, weights=part) for part in (v, x))
    return wilson(rows[held < THIN].sum(), n)


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

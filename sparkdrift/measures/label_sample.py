"""Which rows to label next: so many per stratum that the evaluation set stands best for production.

A stratum is a cell of score bins and slices. With w_c the share of production in stratum c and
m_c its labelled rows, a mean reweighted to production has the variance sum w_c^2 S_c^2 / m_c;
with one S for all strata that is 1 / ESS up to a factor, so what makes the ESS largest is the
optimal allocation of Neyman with what is labelled already taken into account: m_c is raised to
one level of m_c / w_c, from below, until the rows are used up.
Source: Neyman 1934; Cochran, Sampling Techniques, 1977, section 5.5; Kish 1965 for the ESS.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkdrift.measures.arrays import Floats, floats, shares

Ints = NDArray[np.int64]
# Groups of score bins that strata are made of: finer ones hold too few rows of a window.
SCORE_GROUPS = 20


def score_groups(rows: ArrayLike, groups: int = SCORE_GROUPS) -> Ints:
    """The group of each score bin (B,), from 0: neighbours with about equal parts of `rows`.

    A bin with more than a part stays whole. Without rows all bins are one group.
    """
    counts = floats(rows)
    total = counts.sum()
    if total <= 0:
        return np.zeros(len(counts), np.int64)
    middle = (counts.cumsum() - counts / 2) / total
    found = np.minimum(np.floor(middle * groups), groups - 1)
    return np.unique(found, return_inverse=True)[1].astype(np.int64).reshape(-1)


def allocate(labelled: ArrayLike, production: ArrayLike, available: ArrayLike, rows: int) -> Ints:
    """Rows to label per stratum, (C,): the whole numbers that minimise sum w^2 / (m + x).

    labelled: the evaluation set's rows per stratum, production: the window's, available: those
    of them that could be labelled; all (C,). A stratum without any labelled row counts as half
    a one, so that a rare one does not come before a common one that is thin. Fewer than `rows`
    where no more are available, or production has rows in no stratum.
    ValueError for a negative number of rows, or shapes that differ.
    """
    m, seen, free = (floats(part) for part in (labelled, production, available))
    if not m.shape == seen.shape == free.shape or m.ndim != 1:
        raise ValueError(
            f"strata of shapes {m.shape}, {seen.shape} and {free.shape} given, accepted are "
            "three lists of the same length"
        )
    if rows < 0:
        raise ValueError(f"{rows} rows given, accepted are 0 or more")
    w = np.nan_to_num(shares(seen))
    free = np.where(w > 0, np.floor(free), 0.0)
    wanted = min(float(rows), float(free.sum()))
    # Rounded down and one less, the even level is below the best whole numbers everywhere.
    x = np.maximum(np.floor(_level(m, w, free, wanted)) - 1, 0.0)
    left = int(wanted - x.sum())
    gains = [(-_gain(m[c] + x[c], w[c]), c) for c in np.flatnonzero(x < free)]
    heapq.heapify(gains)
    for _ in range(left):
        _, c = heapq.heappop(gains)
        x[c] += 1
        if x[c] < free[c]:
            heapq.heappush(gains, (-_gain(m[c] + x[c], w[c]), c))
    return np.asarray(x, np.int64)


def _gain(m: float, w: float) -> float:
    """By how much one more row lowers w^2 / max(m, 1/2)."""
    return float(w**2 * (1 / max(m, 0.5) - 1 / max(m + 1, 0.5)))


def _level(m: Floats, w: Floats, free: Floats, wanted: float) -> Floats:
    """x with m + x at one multiple of w where it can be, and sum x = wanted; by bisection."""
    if wanted <= 0:
        return np.zeros(m.shape)

    def filled(level: float) -> Floats:
        return np.clip(level * w - m, 0.0, free)

    high = float(((m + free)[w > 0] / w[w > 0]).max())
    low = 0.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if filled(middle).sum() < wanted else (low, middle)
    return filled(low)

"""How much a share varies from window to window anyway: a day of storms cancels flights.

A test of two shares knows only the chance that is in the rows. Where whole windows differ, the
reference's own windows say by how much, as they do for distributions (`variation.Benign`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.window_evidence import LEAST_WINDOWS, Usual, usual_variation

# A share lies in [0, 1], so a few windows say more of it than of a number without ends: of a
# sensor that falls silent a Student of one degree of freedom would never be sure.
_LEAST_FREE = 3.0


def share_variation(x_windows: ArrayLike, n_windows: ArrayLike) -> Usual | None:
    """What x of n rows (W,), in time order, say of the share of a window to come.

    None where windows differ by no more than chance, or fewer than 5 have rows. In the answer
    `sd` is of the windows' shares, `noise` the binomial variance that is a part of it.
    Source: moments of an overdispersed proportion, Kleinman 1973.
    """
    x, n = floats(x_windows), floats(n_windows)
    used = n > 0
    x, n = x[used], n[used]
    if len(x) < LEAST_WINDOWS:
        return None
    share = float(x.sum() / n.sum())
    usual = usual_variation(x / n, share * (1 - share) / n)
    return usual if usual.sd**2 > usual.noise * (1 + 1e-9) else None


def p_apart(delta: ArrayLike, rows: ArrayLike, usual: Usual | None, sides: int = 1) -> Floats:
    """How often windows' shares differ by delta (W,) or more, by how they vary anyway.

    rows (W,): of each window. sides: 2 where it is held against another window, which varies as
    well. A Student's t with w_eff - 1 degrees of freedom, 3 at least; NaN where delta is, or
    without variation: then chance is all there is, and `share_test` knows it.
    """
    change = floats(delta)
    if usual is None:
        return np.full(change.shape, np.nan)
    share = np.clip(usual.mean, 0.0, 1.0)
    extra = np.maximum(0.0, divide(share * (1 - share), rows) - usual.noise)
    beside = 1.0 if sides == 2 else 1 / usual.w_eff
    spread = np.sqrt(usual.sd**2 * (1 + beside) + extra)
    free = max(usual.w_eff - 1, _LEAST_FREE)
    return floats(2 * special.stdtr(free, -np.abs(change) / spread))


def wandering(usual: Usual | None, sides: int = 1) -> float:
    """By how much two shares differ beyond chance, as a standard deviation; sides: as above."""
    if usual is None:
        return 0.0
    beside = 1.0 if sides == 2 else 1 / usual.w_eff
    return float(np.sqrt(max(0.0, usual.sd**2 - usual.noise) * (1 + beside)))


def p_silent(rows: ArrayLike, missing_windows: ArrayLike, rows_windows: ArrayLike) -> Floats:
    """How often a window of `rows` (N,) has no value at all, if values are as rare as ever.

    missing_windows of rows_windows (W,): the reference's windows, or one of them all. As rare as
    in the window that lacked most, one row in two added to either side: an upper bound whatever
    the shares' distribution is. 1 where a window of the reference had no value either: then
    silence is nothing new.
    """
    missing, total = floats(missing_windows), floats(rows_windows)
    used = total > 0
    missing, total = missing[used], total[used]
    n = floats(rows)
    if not used.any() or (missing >= total).any():
        return np.ones(n.shape)
    worst = float(((missing + 0.5) / (total + 1)).max())
    return floats(worst**n)

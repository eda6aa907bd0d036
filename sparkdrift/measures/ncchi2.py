"""The noncentral chi-square distribution for every noncentrality that drift produces.

x = D / s runs from 0 to beyond 1e7 (millions of rows). SciPy's series is exact but slows
down and finally fails out there, so above `SWITCH` (of x or of the noncentrality) Sankaran's
normal approximation takes over: a power of x is normal. Its error in the distribution
function there is below 2e-7.
Source: Sankaran, Approximations to the Non-central Chi-square Distribution, 1963;
Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2, 29.8.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, floats

SWITCH = 1e4
_STEPS = 60


def distribution(x: ArrayLike, free: ArrayLike, noncentrality: ArrayLike) -> Floats:
    """P(X <= x), broadcast; NaN for NaN, negative x, free <= 0 or negative noncentrality."""
    at, df, nc = np.broadcast_arrays(floats(x), floats(free), floats(noncentrality))
    with np.errstate(invalid="ignore"):
        valid = (at >= 0) & (df > 0) & (nc >= 0)
    at, df, nc = (np.where(valid, part, 1.0) for part in (at, df, nc))
    near = np.maximum(at, nc) <= SWITCH
    if near.all():
        return floats(np.where(valid, special.chndtr(at, df, nc), np.nan))
    exact = special.chndtr(np.where(near, at, 1.0), df, np.where(near, nc, 1.0))
    power, mean, deviation = _sankaran(df, nc)
    normal = special.ndtr(((at / (df + nc)) ** power - mean) / deviation)
    return floats(np.where(valid, np.where(near, exact, normal), np.nan))


def quantile(q: ArrayLike, free: ArrayLike, noncentrality: ArrayLike) -> Floats:
    """The x with P(X <= x) = q, broadcast; NaN as `distribution`, and for q outside (0, 1)."""
    level, df, nc = np.broadcast_arrays(floats(q), floats(free), floats(noncentrality))
    with np.errstate(invalid="ignore"):
        valid = (level > 0) & (level < 1) & (df > 0) & (nc >= 0)
    level, df, nc = (
        np.where(valid, part, safe) for part, safe in ((level, 0.5), (df, 1.0), (nc, 1.0))
    )
    near = nc <= SWITCH / 2
    exact = special.chndtrix(level, df, np.where(near, nc, 1.0))
    power, mean, deviation = _sankaran(df, nc)
    root = np.maximum(mean + deviation * special.ndtri(level), 0.0)
    normal = (df + nc) * root ** (1 / power)
    return floats(np.where(valid, np.where(near, exact, normal), np.nan))


def noncentrality(x: ArrayLike, free: ArrayLike, level: ArrayLike) -> Floats:
    """The noncentrality under which P(X <= x) = level, broadcast; 0 when none is that small.

    sqrt(X) is about normal around sqrt(free + noncentrality) with deviation 1. So the normal
    score of P(X <= x) is nearly linear in that root, and a secant finds the level in about
    six steps; bisection helps where it would leave its bracket. Relative error below 1e-9.
    """
    at, df, level = np.broadcast_arrays(floats(x), floats(free), floats(level))
    z = special.ndtri(level)
    reachable = distribution(at, df, np.zeros(at.shape))
    low = np.zeros(at.shape)
    wide = np.abs(z) + 2.0
    spread = np.sqrt(np.maximum(at, 0.0))
    high = at + 2 * wide * spread + 4 * wide**2
    found = np.clip((spread - z) ** 2 - df, low, high)
    sought = reachable > level
    slope, root, score = np.full(at.shape, -1.0), np.full(at.shape, np.nan), low
    for _ in range(_STEPS):
        root_before, score_before = root, score
        root, score = np.sqrt(found + df), special.ndtri(distribution(at, df, found)) - z
        low, high = np.where(score > 0, found, low), np.where(score > 0, high, found)
        with np.errstate(all="ignore"):
            secant = (score - score_before) / (root - root_before)
            slope = np.where(np.isfinite(secant) & (secant < 0), secant, slope)
            guess = (root - score / slope) ** 2 - df
        after = np.where((guess >= low) & (guess <= high), guess, (low + high) / 2)
        moved = np.abs(after - found) > 1e-9 * (1 + found)
        # Found once, found for good: no figure is to depend on those beside it.
        found = np.where(sought, after, found)
        sought = sought & moved
        if not sought.any():
            break
    return floats(np.where(np.isnan(reachable), np.nan, np.where(reachable > level, found, 0.0)))


def _sankaran(df: Floats, nc: Floats) -> tuple[Floats, Floats, Floats]:
    """(h, mean, deviation): (X / (df + nc))^h is about normal with that mean and deviation."""
    first, second, third = df + nc, df + 2 * nc, df + 3 * nc
    h = 1 - 2 * first * third / (3 * second**2)
    p = second / first**2
    m = (h - 1) * (1 - 3 * h)
    mean = 1 + h * p * (h - 1 - 0.5 * (2 - h) * m * p)
    return h, mean, h * np.sqrt(2 * p) * (1 + 0.5 * m * p)

"""One positive figure of a window, judged by what the reference's own windows show.

For figures whose distribution no formula gives: sums over features that move together, or
distances over projections that share a vector. The reference's windows, each against the
others, are the sample. Used by `multivariate` and `sliced_wasserstein`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.window_evidence import usual_variation

LEAST_WINDOWS = 8
CAUTION = 1.5  # standard errors added to the variance, as in `variation`


@dataclass(frozen=True)
class OwnWindows:
    """How a figure varies over the reference's windows.

    mean: of it; free: degrees of freedom of the scaled chi-square with its mean and variance;
    w_eff: independent windows they are known from; windows: how many there were.
    reason: why nothing can be judged, else "" (then mean, free and w_eff are NaN).
    """

    mean: float
    free: float
    w_eff: float
    windows: int
    reason: str = ""


def own_windows(figures: ArrayLike, most_free: float = np.inf) -> OwnWindows:
    """Mean and spread of `figures` (V,), in time order; those that are not finite are left out.

    most_free: the degrees of freedom if every part of the figure were independent; more are
    never assumed, however alike the windows happen to be. At least LEAST_WINDOWS are needed.

    The variance enters with CAUTION of its standard errors added, sqrt((2 + kurtosis) / w_eff)
    of it, 12 / free being the excess kurtosis of a chi-square: a handful of windows says
    little of a tail. Neighbours that resemble each other count as fewer: see `usual_variation`.
    """
    seen = floats(figures)
    seen = seen[np.isfinite(seen)]
    if len(seen) < LEAST_WINDOWS:
        reason = f"{len(seen)} reference windows to compare, {LEAST_WINDOWS} needed"
        return OwnWindows(np.nan, np.nan, np.nan, len(seen), reason)
    usual = usual_variation(seen)
    if not usual.mean > 0:
        return OwnWindows(
            np.nan, np.nan, np.nan, len(seen), "the reference's windows do not differ at all"
        )
    square = (usual.sd / usual.mean) ** 2
    square *= 1 + CAUTION * float(np.sqrt((2 + 6 * square) / usual.w_eff))
    free = min(most_free, 2 / square if square > 0 else np.inf)
    return OwnWindows(usual.mean, free, usual.w_eff, len(seen))


def p_unusual(figures: ArrayLike, own: OwnWindows) -> Floats:
    """How often a window without drift shows this figure or more, same shape; NaN where unknown.

    figure / mean ~ F(free, free w_eff): a scaled chi-square with the windows' mean and variance
    (Satterthwaite 1946), over a mean that is itself an average of w_eff such figures.
    """
    ratio = divide(figures, own.mean)
    if not np.isfinite(own.free):
        return np.where(np.isnan(ratio), np.nan, np.where(ratio > 1, 0.0, 1.0))
    return floats(special.fdtrc(own.free, own.free * own.w_eff, np.maximum(ratio, 0.0)))


def critical(own: OwnWindows, level: float) -> float:
    """The figure at which `p_unusual` is `level`; NaN where nothing can be judged."""
    if not np.isfinite(own.free):
        return own.mean
    return float(own.mean * special.fdtri(own.free, own.free * own.w_eff, 1 - level))

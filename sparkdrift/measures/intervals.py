"""A figure with its interval, and the intervals that performance figures share.

All are vectorised: leading axes are windows and slices. What can't be measured is NaN in all
three parts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, divide, floats

# A 95 % interval. Pages may show three standard errors; what is called 95 % is this.
Z = 1.959963984540054


class Figure(NamedTuple):
    """value, low, high: float64 of one shape, in the figure's own unit; NaN where not measured."""

    value: Floats
    low: Floats
    high: Floats


def plain_interval(value: ArrayLike, se: ArrayLike, z: float = Z) -> Figure:
    """value +- z se; NaN wherever either is."""
    middle, around = np.broadcast_arrays(floats(value), z * floats(se))
    middle = np.where(np.isnan(around), np.nan, middle)
    return Figure(middle, middle - around, middle + around)


def standard_error(figure: Figure) -> Floats:
    """Half the width of a 95 % interval in standard errors of a normal one; NaN where unknown."""
    return floats((figure.high - figure.low) / (2 * Z))


def power_to_tell(figure: Figure, limit: float) -> float:
    """The chance to tell a change of `limit` from none, by the width of the interval, ()."""
    error = float(standard_error(figure))
    if np.isnan(error):
        return np.nan
    return float(special.ndtr(limit / error - Z)) if error > 0 else 1.0


def widened(figure: Figure, factor: float) -> Figure:
    """The interval `factor` times as wide on either side: of 95 % to 3 standard errors by 3 / Z."""
    value, low, high = figure
    return Figure(value, value - factor * (value - low), value + factor * (high - value))


def widened_share(figure: Figure, factor: float) -> Figure:
    """The same of a share that is to be met by rows, as of so many as its standard error says.

    What few rows show is skew and comes in whole rows: of 8 expected positives none is no news,
    of 0.4 expected errors three may be. So to z standard errors come half a row, M = v (1 - v) /
    SE^2 of them being what the share rests on, and (z^2 - 1) (1 - 2 v) / 6 M, away from the nearer
    of 0 and 1. Within [0, 1], and never narrower than the interval itself.
    Source: Cornish and Fisher 1938, the expansion's first term, of a binomial share.
    """
    value, low, high = figure
    z = factor * Z
    error = _error_of_share(figure)
    with np.errstate(divide="ignore", invalid="ignore"):
        one = error**2 / (value * (1 - value))
    one = np.where(np.isfinite(one), one, 0.0)
    middle = value + (z**2 - 1) / 6 * (1 - 2 * value) * one
    around = z * error + one / 2
    return Figure(
        value,
        floats(np.clip(np.minimum(middle - around, low), 0, 1)),
        floats(np.clip(np.maximum(middle + around, high), 0, 1)),
    )


def _error_of_share(figure: Figure) -> Floats:
    """The standard error behind a 95 % interval of a share, on the logit scale where it has room
    there; else of the side that is not cut off."""
    value, low, high = figure
    with np.errstate(invalid="ignore"):
        inside = (low > 0) & (high < 1)
    down, up = (special.logit(np.where(inside, part, 0.5)) for part in (low, high))
    beside = value * (1 - value) * (up - down) / 2
    return floats(np.where(inside, beside, np.maximum(high - value, value - low)) / Z)


def logit_interval(value: ArrayLike, se: ArrayLike, z: float = Z) -> Figure:
    """value +- z se on the logit scale, so that it stays in [0, 1].

    Nearer to 0 or 1 than se that scale would stretch it to nearly all of [0, 1]: there it is
    value +- z se, cut off at 0 and 1.

    For shares, AUC and average precision: se (same shape) is the standard error of the value
    itself, the delta method carries it over. NaN outside [0, 1] or where either is NaN.
    Source: Pepe, The Statistical Evaluation of Medical Tests, 2003, section 5.2.
    """
    middle, error = np.broadcast_arrays(floats(value), floats(se))
    with np.errstate(invalid="ignore"):
        valid = (middle >= 0) & (middle <= 1) & (error >= 0)
        inside = valid & (np.minimum(middle, 1 - middle) > error)
    safe = np.where(inside, middle, 0.5)
    around = np.where(inside, z * error / (safe * (1 - safe)), 0.0)
    at = special.logit(safe)
    low = np.where(inside, special.expit(at - around), np.clip(middle - z * error, 0, 1))
    high = np.where(inside, special.expit(at + around), np.clip(middle + z * error, 0, 1))
    gone = np.where(valid, 0.0, np.nan)
    return Figure(middle + gone, low + gone, high + gone)


def wilson(x: ArrayLike, n: ArrayLike, z: float = Z) -> Figure:
    """The share x / n with Wilson's interval; NaN without rows or for x outside [0, n].

    Stays in [0, 1] and has a width at 0 and n as well, where the normal interval has none.
    x and n may be fractions (weighted rows, scaled to their effective number).
    Source: Wilson 1927; recommended by Brown, Cai and DasGupta 2001.
    """
    seen, rows = np.broadcast_arrays(floats(x), floats(n))
    with np.errstate(invalid="ignore"):
        valid = (rows > 0) & (seen >= 0) & (seen <= rows * (1 + 1e-12))
    rows = np.where(valid, rows, np.nan)
    share = np.minimum(divide(seen, rows), 1.0)
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    around = z / (1 + z**2 / rows) * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return Figure(
        share,
        np.minimum(share, np.maximum(middle - around, 0.0)),
        np.maximum(share, np.minimum(middle + around, 1.0)),
    )

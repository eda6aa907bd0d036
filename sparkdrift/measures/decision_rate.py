"""How far the share of positive decisions has moved since a threshold was set."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.measures.arrays import floats
from sparkdrift.measures.intervals import Figure, wilson


def relative_change(x: ArrayLike, n: ArrayLike, x_then: ArrayLike, n_then: ArrayLike) -> Figure:
    """(x / n) / (x_then / n_then) - 1 with its 95 % interval, all (...): 0.2 is a fifth more.

    From exact counts; both shares bring their uncertainty. NaN where no row was decided positive
    then, or so few that the interval of that share says nothing of its size (its upper end is
    twice the share or more: about 15 rows are needed).
    Source: Donner and Zou, Closed-form confidence intervals for functions of the normal mean and
    standard deviation, 2012 (MOVER-R), with Wilson's intervals.
    """
    now, then = wilson(x, n), wilson(x_then, n_then)
    p, q = now.value, then.value
    with np.errstate(invalid="ignore", divide="ignore"):
        known = (q > 0) & (2 * q > then.high)
        bottom_low = np.where(known, then.high * (2 * q - then.high), np.nan)
        bottom_high = np.where(known, then.low * (2 * q - then.low), np.nan)
        middle = p * q
        down = np.sqrt(np.maximum(middle**2 - now.low * (2 * p - now.low) * bottom_low, 0.0))
        up = np.sqrt(np.maximum(middle**2 - now.high * (2 * p - now.high) * bottom_high, 0.0))
        ratio = np.where(known, p / np.where(known, q, 1.0), np.nan)
        low, high = (middle - down) / bottom_low, (middle + up) / bottom_high
    return Figure(floats(ratio - 1), floats(np.maximum(low, 0.0) - 1), floats(high - 1))

"""Has a metric become worse than what the evaluation set shows, by more than is tolerated?

`better` of a metric: 1 where more is better, -1 where less is, 0 where what is nearer to 0 is.
All figures (...), all in the metric's unit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.confusion import share_difference
from sparkdrift.measures.intervals import Figure, Z, standard_error

LEAST_POWER = 0.8
DEGRADED, UNDETERMINED, OK = 2, 1, 0


def lost(evaluated: Figure, now: Figure, better: int) -> Figure:
    """How much worse `now` is, above 0: worse. Newcombe's interval of a difference.

    NaN where either is, the ends alone where either has no interval.
    Source: Newcombe 1998, method 10; of means it is the usual interval.
    """
    if better > 0:
        return share_difference(evaluated, now)
    if better < 0:
        return share_difference(now, evaluated)
    return share_difference(_distance(now), _distance(evaluated))


def _distance(figure: Figure) -> Figure:
    """|value| with the interval of all that |x| may be for x inside the interval."""
    value, low, high = figure
    nearest = np.maximum(np.maximum(low, -high), 0.0)
    return Figure(np.abs(value), nearest, np.maximum(np.abs(low), np.abs(high)))


def power(loss: Figure, tolerated: ArrayLike) -> Floats:
    """Chance that a loss of twice `tolerated` would have been seen to be more than it.

    From the width of the interval, taken for that of a normal. NaN without an interval.
    """
    se = standard_error(loss)
    exact = np.where(se <= 0, 1.0, np.nan)
    return floats(np.where(se > 0, special.ndtr(divide(tolerated, se) - Z), exact))


def judge(loss: Figure, tolerated: ArrayLike) -> Floats:
    """DEGRADED, UNDETERMINED or OK, (...); NaN without an interval.

    DEGRADED: the interval lies wholly beyond what is tolerated. OK: it lies wholly within, or the
    loss does and `power` is at least LEAST_POWER: never without the rows to see it. Without any
    loss, 2.5 % of rows or less are called degraded; of a true loss of just `tolerated` 2.5 %.
    """
    limit = floats(tolerated)
    with np.errstate(invalid="ignore"):
        beyond, within = loss.low > limit, loss.high <= limit
        seen = (loss.value <= limit) & (power(loss, limit) >= LEAST_POWER)
    status = np.where(beyond, DEGRADED, np.where(within | seen, OK, UNDETERMINED))
    return floats(np.where(np.isfinite(loss.low) & np.isfinite(loss.high), status, np.nan))

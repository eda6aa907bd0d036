"""How often good windows would have raised an alert, by effect size.

Counted, not modelled: what a replay of W windows raised, with the interval that so few
windows allow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.persistence import raised, standing

# Effect sizes that are tried, in sd of the reference: no finer than anyone would choose.
EFFECTS = np.round(np.arange(0.05, 1.001, 0.01), 2)


@dataclass(frozen=True)
class Rate:
    """Alerts raised in so many months, and per month: the figure and its 95 % interval.

    standing: windows, over all series, in which one of them stood.
    """

    alerts: int
    standing: int
    months: float
    per_month: float
    low: float
    high: float


def alerts_raised(
    counts_up_to: ArrayLike, effects: ArrayLike, windows: int, of: int
) -> tuple[Floats, Floats]:
    """(alerts raised, windows in which one stands) at each of `effects` (E,): counts (E,) each.

    counts_up_to (S, W): per series of a slice and feature, and window in time order, the largest
    effect size at which the window counts; 0 or NaN where it counts at none. An alert is
    raised when `windows` of the last `of` count, and stands until they don't.
    """
    seen = floats(counts_up_to)
    stands = [
        standing(np.where(seen >= effect, 1.0, 0.0), windows, of) for effect in floats(effects)
    ]
    return floats([raised(one).sum() for one in stands]), floats([one.sum() for one in stands])


def rate(alerts: int, standing: int, months: float) -> Rate:
    """Alerts per month with an exact Poisson interval (Garwood 1936). months > 0."""
    low = stats.chi2.ppf(0.025, 2 * alerts) / 2 if alerts else 0.0
    high = stats.chi2.ppf(0.975, 2 * alerts + 2) / 2
    return Rate(
        alerts, standing, months, alerts / months, float(low) / months, float(high) / months
    )


def smallest_effect(
    counts_up_to: ArrayLike, months: float, wanted: float, windows: int, of: int
) -> float | None:
    """The smallest of EFFECTS from which on all raise at most `wanted` alerts a month; None: none.

    An alert that stands on counts once for every `of` windows in which it stands: these are other
    windows than those that raised it, and one alert that never ends is not a low rate.
    """
    alerts, stands = alerts_raised(counts_up_to, EFFECTS, windows, of)
    quiet = np.maximum(alerts, stands / of) <= wanted * months
    # Alerts are no falling function of the effect: a larger one may cut a long alert into several.
    fitting = np.flatnonzero(np.logical_and.accumulate(quiet[::-1])[::-1])
    return float(EFFECTS[fitting[0]]) if len(fitting) else None

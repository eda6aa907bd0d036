"""How often good windows would have raised an alert, by effect size.

Counted, not modelled: what a replay of W windows raised, with the interval that so few
windows allow. A window in which a shift of that size would not have been found has said nothing:
it is no quiet one, and its time is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.persistence import raised, standing

# Effect sizes that are tried, in sd of the reference: no finer than anyone would choose.
EFFECTS = np.round(np.arange(0.05, 1.001, 0.01), 2)
LEAST_JUDGED = 4
"""Judged windows that a feature needs on average: of fewer no rate is told."""


@dataclass(frozen=True)
class Rate:
    """Alerts raised in so many months, and per month: the figure and its 95 % interval.

    months: of judged windows. standing: windows, over all series, in which one of them stood.
    """

    alerts: int
    standing: int
    months: float
    per_month: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Tally:
    """What `series` of a slice and feature showed at each effect size tried, (E,): alerts raised,
    windows in which one stands, and windows that were judged."""

    alerts: Floats
    standing: Floats
    judged: Floats
    series: int

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.alerts + other.alerts,
            self.standing + other.standing,
            self.judged + other.judged,
            self.series + other.series,
        )

    @property
    def tried(self) -> Tally:
        """Without the first effect size, where that is the present one."""
        return Tally(self.alerts[1:], self.standing[1:], self.judged[1:], self.series)

    @property
    def windows(self) -> Floats:
        """Judged windows of a series, on average; 0 without any series."""
        return self.judged / max(self.series, 1)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Whether enough was judged to tell a rate, (E,)."""
        return np.asarray(self.windows >= LEAST_JUDGED)


def tally(
    counts_up_to: ArrayLike, judged_from: ArrayLike, effects: ArrayLike, windows: int, of: int
) -> Tally:
    """What S series of W windows in time order would have raised at each of `effects` (E,).

    counts_up_to (S, W): the largest effect size at which a window counts, 0 where at none.
    judged_from (S, W): the smallest at which a window that does not count would have shown it, so
    that it is quiet; infinite where at none. NaN in either: it was not measured. An alert is raised
    when `windows` of the last `of` judged ones count, and stands until they don't.
    """
    up_to, least = np.broadcast_arrays(floats(counts_up_to), floats(judged_from))
    found = []
    for effect in floats(effects):
        counts, quiet = up_to >= effect, least <= effect
        stands = standing(np.where(counts, 1.0, np.where(quiet, 0.0, np.nan)), windows, of)
        found.append((raised(stands).sum(), stands.sum(), (counts | quiet).sum()))
    alerts, stood, judged = floats(found).reshape(-1, 3).T
    return Tally(alerts, stood, judged, len(up_to))


def rate(alerts: int, standing: int, months: float) -> Rate:
    """Alerts per month with an exact Poisson interval (Garwood 1936). months > 0."""
    low = stats.chi2.ppf(0.025, 2 * alerts) / 2 if alerts else 0.0
    high = stats.chi2.ppf(0.975, 2 * alerts + 2) / 2
    return Rate(
        alerts, standing, months, alerts / months, float(low) / months, float(high) / months
    )


def rate_at(found: Tally, i: int, months: float) -> Rate | None:
    """The rate at the i-th effect size; months: of one window. None: too little was judged."""
    if not found.measured[i]:
        return None
    time = float(found.windows[i]) * months
    return rate(int(found.alerts[i]), int(found.standing[i]), time)


def smallest_effect(found: Tally, months: float, wanted: float, of: int) -> float | None:
    """The smallest of EFFECTS from which on all raise at most `wanted` alerts a month; None: none.

    found: at EFFECTS. months: of one window. An effect size at which too little was judged is not
    known to fit. An alert that stands on counts once for every `of` windows in which it stands:
    these are other windows than those that raised it, and one alert that never ends is not a low
    rate.
    """
    time = found.windows * months
    quiet = found.measured & (np.maximum(found.alerts, found.standing / of) <= wanted * time)
    # Alerts are no falling function of the effect: a larger one may cut a long alert into several.
    fitting = np.flatnonzero(np.logical_and.accumulate(quiet[::-1])[::-1])
    return float(EFFECTS[fitting[0]]) if len(fitting) else None

"""How often good windows would have raised an alert, by effect size.

Counted, not modelled: what a replay of W windows raised, with the interval that so few
windows allow. A window in which a shift of that size would not have been found has said nothing:
it is no quiet one, and its time is not counted. A monitor's rate is the sum of its features' rates,
each over the time that it was itself judged: alerts of some over the average time of all would be
told as more, the less the others were judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.persistence import raised, standing

# Effect sizes that are tried, in sd of the reference: no finer than anyone would choose.
EFFECTS = np.round(np.arange(0.05, 1.001, 0.01), 2)
LEAST_JUDGED = 4
"""Judged windows that a feature needs: of fewer it has no rate. Its alerts, where it raised any,
count over that many."""


@dataclass(frozen=True)
class Rate:
    """Alerts raised, and how many a month all features together raise: figure and 95 % interval.

    months: of judged windows, of a feature that has a rate on average; series: how many have one.
    standing: windows, over all series, in which an alert stood.
    """

    alerts: int
    standing: int
    months: float
    per_month: float
    low: float
    high: float
    series: int = 1


@dataclass(frozen=True, eq=False)
class Tally:
    """What `series` of a slice and feature showed at each effect size tried, (E,).

    alerts: raised; standing: windows in which one stands; judged: windows that were; known: series
    that have a rate, and `held` their judged windows. per_window, stood: alerts and standing
    windows, each series' over its own judged windows, summed; square: alerts over their squares;
    widest: the most that one alert adds to per_window.
    """

    alerts: Floats
    standing: Floats
    judged: Floats
    known: Floats
    held: Floats
    per_window: Floats
    stood: Floats
    square: Floats
    widest: Floats
    series: int = field(kw_only=True)

    def __add__(self, other: Tally) -> Tally:
        mine, its = self.figures, other.figures
        added = mine + its
        added[-1] = np.maximum(mine[-1], its[-1])
        return Tally(*added, series=self.series + other.series)

    @property
    def figures(self) -> Floats:
        """All but `series`, in their order: (9, E)."""
        return floats([getattr(self, one.name) for one in fields(self)[:-1]])

    @property
    def tried(self) -> Tally:
        """Without the first effect size, where that is the present one."""
        return Tally(*self.figures[:, 1:], series=self.series)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Whether any series was judged enough to tell a rate, (E,)."""
        return np.asarray(self.known > 0)


def no_tally(effects: int) -> Tally:
    """Of no series, at so many effect sizes."""
    return Tally(*np.zeros((len(fields(Tally)) - 1, effects)), series=0)


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
        judged = (counts | quiet).sum(axis=-1)
        alerts, stood = raised(stands).sum(axis=-1), stands.sum(axis=-1)
        known, each = judged >= LEAST_JUDGED, 1 / np.maximum(judged, LEAST_JUDGED)
        sums = [alerts, stood, judged, known, judged * known]
        sums += [alerts * each, stood * each, alerts * each**2]
        part = np.where(known | (alerts > 0), each, 0.0)
        found.append([*(one.sum() for one in sums), part.max(initial=0.0)])
    figures = floats(found).reshape(-1, len(fields(Tally)) - 1).T
    return Tally(*figures, series=len(up_to))


def rate_at(found: Tally, i: int, months: float) -> Rate | None:
    """The rate at the i-th effect size; months: of one window. None: too little was judged.

    A sum of Poisson counts over times of their own, with the interval of Fay and Feuer (1997): that
    of one count (Garwood 1936) where the times are equal. It takes alerts for independent.
    """
    if not found.measured[i]:
        return None
    total, square, widest = (
        float(one[i]) for one in (found.per_window, found.square, found.widest)
    )
    low = square / (2 * total) * stats.chi2.ppf(0.025, 2 * total**2 / square) if total else 0.0
    wide, far = square + widest**2, total + widest
    high = wide / (2 * far) * stats.chi2.ppf(0.975, 2 * far**2 / wide)
    return Rate(
        alerts=int(found.alerts[i]),
        standing=int(found.standing[i]),
        months=float(found.held[i] / found.known[i]) * months,
        per_month=total / months,
        low=float(low) / months,
        high=float(high) / months,
        series=int(found.known[i]),
    )


def smallest_effect(found: Tally, months: float, wanted: float, of: int) -> float | None:
    """The smallest of EFFECTS from which on all raise at most `wanted` alerts a month; None: none.

    found: at EFFECTS. months: of one window. An effect size at which too little was judged is not
    known to fit. An alert that stands on counts once for every `of` windows in which it stands:
    these are other windows than those that raised it, and one alert that never ends is not a low
    rate.
    """
    # Sums of fractions: an exact bound must not fail by their rounding.
    most = wanted * months * (1 + 1e-9)
    quiet = found.measured & (np.maximum(found.per_window, found.stood / of) <= most)
    # Alerts are no falling function of the effect: a larger one may cut a long alert into several.
    fitting = np.flatnonzero(np.logical_and.accumulate(quiet[::-1])[::-1])
    return float(EFFECTS[fitting[0]]) if len(fitting) else None

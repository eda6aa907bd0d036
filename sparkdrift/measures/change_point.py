"""When a shift began: the window, with an interval, from one figure per window.

Weighted least squares on a level that moves once: at once or along a straight rise, for
good or until it ends. Windows have errors of their own (few rows: a large one), and beyond
them a spread that all share, which is estimated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import floats
from sparkdrift.measures.level_fit import Fit
from sparkdrift.measures.series import NotMeasured, measured

FALSE_ALARMS = 0.01
LEVEL = 0.95
_EXPLAINED = 0.05


@dataclass(frozen=True)
class NoChange:
    """No shift inside the series: `statistic` stayed below `limit`. windows: measured ones.

    The series may still be far from 0 in all of its windows: then it began before them.
    level: its mean, weighted.
    """

    statistic: float
    limit: float
    level: float
    windows: int


@dataclass(frozen=True)
class ChangePoint:
    """A shift; windows are positions in the series as given, NaN ones counted.

    start: the first window that shows it, with start_low and start_high, inclusive: the hull
    of a 95 % confidence set. A window that was not measured can be inside that, never `start`.
    gradual: it came along a rise over at least 3 windows; full: the first window at its full
    height (`start` for a sudden one). end: the first window after it; None: it lasts.
    before, after: levels outside and inside; error: standard error of their difference.
    spread: sd between windows beyond their own errors. statistic, limit: of the test.
    """

    start: int
    start_low: int
    start_high: int
    gradual: bool
    full: int
    end: int | None
    before: float
    after: float
    error: float
    spread: float
    statistic: float
    limit: float
    windows: int

    @property
    def size(self) -> float:
        """after - before, in the figure's unit, signed."""
        return self.after - self.before


def change_point(
    effects: ArrayLike, errors: ArrayLike = 0.0
) -> ChangePoint | NoChange | NotMeasured:
    """The one shift that explains `effects` (W,) best, or that there is none.

    effects: signed, in time order, NaN where not measured. errors: standard error of each,
    or one for all; 0 leaves all the noise to be estimated. A window without a finite error is
    taken as not measured. A series without a shift is called shifted in at most FALSE_ALARMS
    of cases, if what its windows vary by is independent (see `critical`); in up to 10 % where
    neighbours correlate by 0.5, 21 % by 0.7 [sim]. Of several shifts the one that explains most is
    told: cut the series there and ask again. `start` is exact in 98 % of cases at a shift of
    5 errors a window, the interval covers 99 % [sim].
    Needs LEAST_WINDOWS measured windows. Raises ValueError for negative errors.
    Source: likelihood ratios over all cuts, Hinkley 1970; segments that end, Olshen, Levin
    and Naus 1985 (epidemic alternatives, Levin and Kline 1985); spread: Paule and Mandel 1982.
    """
    given = floats(effects)
    known = np.broadcast_to(floats(errors), given.shape)
    if (known < 0).any():
        raise ValueError(
            f"errors hold {known.min():g}; accepted are standard errors, 0 or more: "
            "give 0 where a window's error is not known"
        )
    series = measured(np.where(np.isfinite(known), given, np.nan))
    if isinstance(series, NotMeasured):
        return series
    fit = Fit.of(series.at, series.values, known[series.at] ** 2)
    limit = critical(fit.windows) * _correlated(fit)
    if not fit.gain > limit:
        return NoChange(fit.gain, limit, fit.level, fit.windows)
    return _told(fit, limit)


def critical(windows: int) -> float:
    """What the statistic exceeds in FALSE_ALARMS of series without a shift.

    10.5 + 1.4 ln W + 140 / W: fitted to simulations of 8 to 60 independent windows whose whole
    noise is estimated; known errors only lower the rate [sim: tests/simulation].
    """
    return float(10.5 + 1.4 * np.log(windows) + 140 / windows)


def _correlated(fit: Fit) -> float:
    """By how much neighbours that resemble each other raise the statistic; at least 1.

    (1 + rho) / (1 - rho) (Bartlett 1946), rho: lag-1 autocorrelation of the residuals, plus the
    3 / N that the fitted levels and cut took, at most 0.9. 1 where it is within 1.5 / sqrt(N), and
    where the windows' own errors explain the residuals: these come from rows of their own
    and are independent, so only the spread's part of the noise counts.
    """
    before, after, _ = fit.line()
    rest = fit.values - before - (after - before) * fit.shape
    n = fit.windows
    with np.errstate(divide="ignore", invalid="ignore"):
        own = float(np.nansum(rest**2 / fit.variance))
    scaled = rest * np.sqrt(fit.weights)
    power = float(scaled @ scaled)
    if power == 0 or special.chdtrc(n - 3, own) > _EXPLAINED:
        return 1.0
    rho = min(0.9, float(scaled[1:] @ scaled[:-1]) / power + 3 / n)
    if rho <= 1.5 / np.sqrt(n):
        return 1.0
    return 1 + float(np.median(fit.spread * fit.weights)) * 2 * rho / (1 - rho)


def _told(fit: Fit, limit: float) -> ChangePoint:
    before, after, error = fit.line()
    inside = np.flatnonzero(fit.starts >= fit.starts.max() - _width(fit))
    first, last = int(inside[0]), int(inside[-1])
    return ChangePoint(
        start=int(fit.at[fit.a]),
        # What was not measured just before may have been the first window of the shift.
        start_low=int(fit.at[first - 1]) + 1,
        start_high=int(fit.at[last]),
        gradual=bool(fit.at[fit.r] - fit.at[fit.a] >= 2),
        full=int(fit.at[fit.r]),
        end=int(fit.at[fit.b]) if fit.b < fit.windows else None,
        before=before,
        after=after,
        error=error,
        spread=float(np.sqrt(fit.spread)),
        statistic=fit.gain,
        limit=limit,
        windows=fit.windows,
    )


def _width(fit: Fit) -> float:
    """How much less a start may save and still be in the confidence set.

    -2 ln(1 - sqrt(0.95)) = 7.35, widened as an F quantile is against a chi-square since the
    noise is estimated. Source: Hansen, Econometrica 68, 2000, theorem 1.
    """
    plain = -2 * np.log(1 - np.sqrt(LEVEL))
    free = fit.windows - 3
    return float(plain * special.fdtri(1, free, LEVEL) / special.chdtri(1, 1 - LEVEL))

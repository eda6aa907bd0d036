"""When a shift began: the window, with an interval, from one figure per window.

Weighted least squares on a level that moves once: at once or along a straight rise, for
good or until it ends. Windows have errors of their own (few rows: a large one), and beyond
them a spread that all share, which is estimated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.series import NotMeasured, measured

FALSE_ALARMS = 0.01
LEVEL = 0.95
# How much better a rise or an end must fit (in chi-square) than doing without: at most 1 % of
# shifts that are sudden and last are called otherwise [sim].
RISE_MARGIN, END_MARGIN = 7.0, 16.0
_EXPLAINED = 0.05
_ROUNDS = 2
_HALVINGS = 24


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
    fit = _Fit.of(series.at, series.values, known[series.at] ** 2)
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


@dataclass(frozen=True, eq=False)
class _Fit:
    """The best model of a series of N measured windows; a, r, b: start, full, end in them.

    at, values, variance: as given; variance is that of a window's own error. spread: variance
    that all windows share. weights: 1 / (variance + spread). gain: chi-square that the best
    cut saves. starts (N,): chi-square that each start saves with the rise that suits it best,
    -inf where there can be none: where a rise is too weak to be told from a step, the
    interval of its start still knows of it. level: weighted mean.
    """

    at: NDArray[np.int_]
    values: Floats
    variance: Floats
    weights: Floats
    spread: float
    gain: float
    starts: Floats
    a: int
    r: int
    b: int
    level: float

    @property
    def windows(self) -> int:
        return len(self.at)

    @classmethod
    def of(cls, at: NDArray[np.int_], values: Floats, variance: Floats) -> _Fit:
        # Weights stay finite without any noise; a constant series has no scale of its own.
        floor = (1e-9 * float(np.ptp(values))) ** 2 or 1.0
        spread = max(floor, _first_spread(values, variance))
        for _ in range(_ROUNDS):
            fit = cls._with(at, values, variance, spread)
            shape = _shape(at, fit.a, fit.r, fit.b)
            spread = max(floor, _paule_mandel(values, variance, shape))
        return cls._with(at, values, variance, spread)

    @classmethod
    def _with(cls, at: NDArray[np.int_], values: Floats, variance: Floats, spread: float) -> _Fit:
        weights = 1 / (variance + spread)
        level = float(weights @ values / weights.sum())
        steps = _steps(weights, values - level)
        last = len(at)
        lasting, a, b = steps[:, last], int(steps[:, last].argmax()), last
        gain = float(lasting[a])
        ended_a, ended_b = np.unravel_index(int(steps.argmax()), steps.shape)
        if steps[ended_a, ended_b] > gain + END_MARGIN:
            a, b, gain = int(ended_a), int(ended_b), float(steps[ended_a, ended_b])
        r = a
        rises = _rises(at, weights, values - level, b)
        rise_a, rise_r = np.unravel_index(int(rises.argmax()), rises.shape)
        if rises[rise_a, rise_r] > gain + RISE_MARGIN:
            a, r = int(rise_a), int(rise_r)
        best = max(gain, float(steps.max()))
        return cls(at, values, variance, weights, spread, best, rises.max(axis=1), a, r, b, level)


def _steps(weights: Floats, centred: Floats) -> Floats:
    """(N, N + 1): chi-square saved by another level in [a, b); -inf where no such cut is."""
    mass = np.concatenate([[0.0], np.cumsum(weights)])
    moment = np.concatenate([[0.0], np.cumsum(weights * centred)])
    inside = mass[None, :] - mass[:-1, None]
    sums = moment[None, :] - moment[:-1, None]
    n = len(weights)
    # A shift that is there from the first window on has no start in this series.
    possible = (np.arange(n + 1) > np.arange(n)[:, None]) & (np.arange(n) > 0)[:, None]
    below = np.where(possible, inside * (1 - inside / mass[-1]), 1.0)
    return floats(np.where(possible, sums**2 / below, -np.inf))


def _rises(at: NDArray[np.int_], weights: Floats, centred: Floats, b: int) -> Floats:
    """(N, N): chi-square saved by a rise from just before a, full at r, back at b (r < b).

    The rise is 0 in the measured window before a and linear in time up to r; r = a is a step.
    """
    n = len(at)
    time = floats(at - at[0])
    sums = [
        np.concatenate([[0.0], np.cumsum(part)])
        for part in (weights, weights * time, weights * time**2, weights * centred)
    ]
    sums.append(np.concatenate([[0.0], np.cumsum(weights * centred * time)]))
    # Over [a, r), the rise, as (N, N): differences of running sums.
    mass, first, second, moment, product = (one[None, :-1] - one[:-1, None] for one in sums)
    origin = np.concatenate([[np.nan], time[:-1]])[:, None]
    length = time[None, :] - origin
    full_mass = sums[0][b] - sums[0][None, :-1]
    full_moment = sums[3][b] - sums[3][None, :-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        f = (first - origin * mass) / length + full_mass
        ff = (second - 2 * origin * first + origin**2 * mass) / length**2 + full_mass
        fy = (product - origin * moment) / length + full_moment
        saved = fy**2 / (ff - f**2 / sums[0][-1])
    index = np.arange(n)
    possible = (index[:, None] > 0) & (index[None, :] >= index[:, None]) & (index[None, :] < b)
    return floats(np.where(possible & np.isfinite(saved), saved, -np.inf))


def _shape(at: NDArray[np.int_], a: int, r: int, b: int) -> Floats:
    """(N,): 0 before a, rising to 1 at r, 0 again from b on."""
    start = at[a - 1]
    shape = np.clip((at - start) / (at[r] - start), 0.0, 1.0)
    shape[b:] = 0.0
    return floats(shape)


def _line(values: Floats, weights: Floats, shape: Floats) -> tuple[float, float, float]:
    """(before, after, standard error of the difference) by weighted least squares."""
    mass = weights.sum()
    middle = weights @ shape / mass
    about = float(weights @ (shape - middle) ** 2)
    slope = float(weights @ ((shape - middle) * values)) / about
    before = float(weights @ values / mass - slope * middle)
    return before, before + slope, float(about**-0.5)


def _first_spread(values: Floats, variance: Floats) -> float:
    """Spread from differences of neighbours, of which a shift touches few: their median."""
    squares, both = np.diff(values) ** 2, variance[1:] + variance[:-1]
    return max(0.0, float(np.median(squares - both * special.chdtri(1, 0.5)))) / (
        2 * float(special.chdtri(1, 0.5))
    )


def _paule_mandel(values: Floats, variance: Floats, shape: Floats) -> float:
    """The variance to add to every window that makes the residuals as large as expected.

    Chi-square of the residuals = N - 3: two levels and a cut were fitted. 0 where the
    windows' own errors explain them. Bisected: chi-square falls as the variance grows.
    """

    def over(spread: float) -> bool:
        weights = 1 / (variance + spread)
        before, after, _ = _line(values, weights, shape)
        rest = values - before - (after - before) * shape
        return float(weights @ rest**2) > len(values) - 3

    low, high = 0.0, float(np.ptp(values)) ** 2
    if high == 0 or not over(1e-18 * high):
        return 0.0
    low = 1e-18 * high
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if over(middle) else (low, middle)
    return float(high)


def _correlated(fit: _Fit) -> float:
    """By how much neighbours that resemble each other raise the statistic; at least 1.

    (1 + rho) / (1 - rho) (Bartlett 1946), rho: lag-1 autocorrelation of the residuals, plus the
    3 / N that the fitted levels and cut took, at most 0.9. 1 where it is within 1.5 / sqrt(N), and
    where the windows' own errors explain the residuals: these come from rows of their own
    and are independent, so only the spread's part of the noise counts.
    """
    shape = _shape(fit.at, fit.a, fit.r, fit.b)
    before, after, _ = _line(fit.values, fit.weights, shape)
    rest = fit.values - before - (after - before) * shape
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


def _told(fit: _Fit, limit: float) -> ChangePoint:
    shape = _shape(fit.at, fit.a, fit.r, fit.b)
    before, after, error = _line(fit.values, fit.weights, shape)
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


def _width(fit: _Fit) -> float:
    """How much less a start may save and still be in the confidence set.

    -2 ln(1 - sqrt(0.95)) = 7.35, widened as an F quantile is against a chi-square since the
    noise is estimated. Source: Hansen, Econometrica 68, 2000, theorem 1.
    """
    plain = -2 * np.log(1 - np.sqrt(LEVEL))
    free = fit.windows - 3
    return float(plain * special.fdtri(1, free, LEVEL) / special.chdtri(1, 1 - LEVEL))

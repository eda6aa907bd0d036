"""Whether a drift is creeping, quickening or adding up: section 7 of the statistics.

Everything takes one figure per window, (W,), in time order, NaN where a window was not
measured: signed effects for `trend` (an unsigned one can't fall below zero, so it turns
noise into a slope), p-values for `cusum`. Slopes are per window, in the figure's unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.series import NotMeasured, Series, measured

LEVEL = 0.95
REPLICATES = 400
_ROUNDING = 1e-9
SLACK, LIMIT = 0.5, 5.0
ARL0 = 938.0  # Siegmund's approximation for SLACK and LIMIT, see `siegmund_arl`
# p-values are floats: 0 says "below what can be told", not "infinitely unlikely".
_LEAST_P = 1e-16
# Numbers held at once while bootstrapping: 8 MB.
_HELD = 1_000_000


@dataclass(frozen=True)
class Trend:
    """What `trend` found; every interval is a 95 % one.

    slope, with slope_low and slope_high: Theil-Sen, per window. p_value: Mann-Kendall, two
    sided; tau: Kendall's, in [-1, 1]; inflation: the Hamed-Rao factor on its variance, >= 1.
    acceleration, with its interval: slope of the second half minus that of the first.
    windows: those that were measured.
    """

    slope: float
    slope_low: float
    slope_high: float
    tau: float
    p_value: float
    inflation: float
    acceleration: float
    acceleration_low: float
    acceleration_high: float
    windows: int

    @property
    def quickens(self) -> bool | None:
        """Whether it moved faster in the second half of the windows than in the first; False:
        slower; None: the interval allows both."""
        if self.acceleration_low <= 0 <= self.acceleration_high:
            return None
        # Of a straight line, as ages are, the bootstrap has nothing to draw but rounding errors.
        if abs(self.acceleration) <= _ROUNDING * abs(self.slope):
            return None
        return self.acceleration * self.slope > 0


class Slope(NamedTuple):
    """slope, per window, with its 95 % interval; p_value: Mann-Kendall, two sided."""

    slope: float
    low: float
    high: float
    p_value: float


def slope(effects: ArrayLike) -> Slope | NotMeasured:
    """What `trend` says of the slope alone, a hundredth of its work: no acceleration.

    effects (W,), NaN for not measured. Needs LEAST_WINDOWS measured windows.
    """
    series = measured(effects)
    if isinstance(series, NotMeasured):
        return series
    fitted = stats.theilslopes(series.values, series.at, alpha=LEVEL)
    return Slope(
        float(fitted.slope),
        float(fitted.low_slope),
        float(fitted.high_slope),
        mann_kendall(series).p_value,
    )


def trend(effects: ArrayLike, seed: int = 0, tested: Kendall | None = None) -> Trend | NotMeasured:
    """Slope, its significance and its change, of `effects` (W,), NaN for not measured.

    A gap keeps its length: a window that was not measured still took its time. `seed` is of
    the bootstrap behind the acceleration's interval. tested: what `mann_kendall` says of the
    series, where that was asked before. The slope's interval takes windows for independent; the
    p-value does not. Needs LEAST_WINDOWS measured windows.
    Source: Theil 1950; Sen 1968 (the interval); `mann_kendall`, `acceleration`.
    """
    series = measured(effects)
    if isinstance(series, NotMeasured):
        return series
    fitted = stats.theilslopes(series.values, series.at, alpha=LEVEL)
    tau, p_value, inflation = mann_kendall(series) if tested is None else tested
    change, low, high = acceleration(series, seed)
    return Trend(
        slope=float(fitted.slope),
        slope_low=float(fitted.low_slope),
        slope_high=float(fitted.high_slope),
        tau=tau,
        p_value=p_value,
        inflation=inflation,
        acceleration=change,
        acceleration_low=low,
        acceleration_high=high,
        windows=len(series.at),
    )


class Kendall(NamedTuple):
    """What `mann_kendall` finds; inflation: the Hamed-Rao factor on the variance, >= 1."""

    tau: float
    p_value: float
    inflation: float


def mann_kendall(series: Series) -> Kendall:
    """Mann-Kendall's test for a trend, two-sided, its variance by `hamed_rao`.

    S = sum of sign(x_j - x_i) over i < j; its variance, corrected for ties (Kendall 1970), is
    multiplied by the factor of `hamed_rao`; one is taken off |S| for continuity. A series
    that never changes has p = 1. tau = S / (n (n - 1) / 2).
    """
    n = len(series.values)
    upper = np.triu_indices(n, 1)
    score = float(np.sign(series.values[upper[1]] - series.values[upper[0]]).sum())
    pairs = n * (n - 1) / 2
    factor = hamed_rao(series)
    _, ties = np.unique(series.values, return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
    if variance <= 0:
        return Kendall(0.0, 1.0, factor)
    z = max(abs(score) - 1, 0.0) / np.sqrt(variance * factor)
    return Kendall(score / pairs, float(2 * special.ndtr(-z)), factor)


def hamed_rao(series: Series) -> float:
    """How much autocorrelation inflates the variance of Mann-Kendall's S; at least 1.

    1 + 2 / (n (n-1) (n-2)) sum over lags i of (n-i)(n-i-1)(n-i-2) r(i), r(i) being the
    autocorrelation of the ranks of the detrended series where it leaves its 95 % bound
    +-1.96 / sqrt(n), else 0. A factor below 1 (values that alternate) is not taken: it
    would call trends on the strength of a handful of correlations. Over gaps a lag is the
    distance in time. Source: Hamed and Rao, Journal of Hydrology 204, 1998, equation 10.
    """
    n = len(series.values)
    slope = stats.theilslopes(series.values, series.at).slope
    ranks = stats.rankdata(series.values - slope * series.at)
    span = int(series.at[-1] - series.at[0]) + 1
    placed = np.full(span, np.nan)
    placed[series.at - series.at[0]] = ranks - ranks.mean()
    power = float(np.nansum(placed**2))
    if power <= 0:
        return 1.0
    total = 0.0
    for lag in range(1, min(n - 2, span)):
        r = float(np.nansum(placed[lag:] * placed[:-lag])) / power
        if abs(r) > 1.96 / np.sqrt(n):
            total += (n - lag) * (n - lag - 1) * (n - lag - 2) * r
    return max(1.0, 1 + 2 * total / (n * (n - 1) * (n - 2)))


def acceleration(series: Series, seed: int = 0) -> tuple[float, float, float]:
    """(slope of the second half minus the first, low, high), per window and window.

    Halves of the measured windows; the middle one of an odd number belongs to the second. The
    95 % interval is that of Student's t, n - 4 degrees of freedom, about it, with the error
    found by REPLICATES draws: residuals of both lines, in blocks of l = n^(1/3) neighbours, so
    that what keeps windows alike is kept, widened by sqrt(n / (n - 4 - 3 (l - 1))): the two
    lines took their part of the noise, the smooth one first, which is what blocks keep. It
    covers 91 to 96 % of independent windows, 78 to 85 % at an autocorrelation of 0.5; plain
    quantiles of the draws cover 75 % of independent ones [sim].
    Source: circular blocks, Politis and Romano 1992; their length, Hall, Horowitz and Jing
    1995.
    """
    n = len(series.at)
    halves = (slice(0, n // 2), slice(n // 2, n))
    slopes, residuals = [], []
    for half in halves:
        at, values = series.at[half], series.values[half]
        slope = float(stats.theilslopes(values, at).slope)
        rest = values - slope * at
        slopes.append(slope)
        residuals.append(rest - rest.mean())
    length = round(n ** (1 / 3))
    left = max(n - 4 - 3 * (length - 1), n / 3)
    noise = _blocks(np.concatenate(residuals) * np.sqrt(n / left), length, seed)
    # Theil-Sen is equivariant: a line under the noise would only add its own slope.
    first, second = (_slopes(series.at[half], noise[:, half]) for half in halves)
    error = float((second - first).std() * special.stdtrit(n - 4, (1 + LEVEL) / 2))
    change = slopes[1] - slopes[0]
    return change, change - error, change + error


def _blocks(residuals: Floats, length: int, seed: int) -> Floats:
    """(REPLICATES, n): runs of neighbours put together, the last one's neighbour the first."""
    n = len(residuals)
    starts = np.random.default_rng(seed).integers(0, n, size=(REPLICATES, -(-n // length)))
    index = (starts[:, :, None] + np.arange(length)).reshape(REPLICATES, -1)[:, :n]
    return floats(residuals[index % n])


def _slopes(at: NDArray[np.int_], rows: Floats) -> Floats:
    """Theil-Sen slope of each row (R, n), a few rows at a time, since pairs grow with n^2."""
    first, second = np.triu_indices(len(at), 1)
    apart = floats(at[second] - at[first])
    step = max(1, _HELD // len(first))
    parts = [rows[i : i + step] for i in range(0, len(rows), step)]
    return np.concatenate(
        [np.median((part[:, second] - part[:, first]) / apart, axis=1) for part in parts]
    )


@dataclass(frozen=True, eq=False)
class Cusum:
    """sums: S of each window, float64 (W,), >= 0. alarm: the first window with S >= LIMIT."""

    sums: Floats
    alarm: int | None


def cusum(p_values: ArrayLike) -> Cusum | NotMeasured:
    """Add up weak evidence over windows: S = max(0, S + z - 1/2), alarm at S >= 5.

    p_values (W,): `p_unusual` of each window; z = -ndtri(p), standard normal without drift.
    NaN leaves S as it is. Without drift the first alarm takes 938 windows on average
    (`siegmund_arl`); a lasting shift worth z = 1 a window takes about 10. S is not reset after
    an alarm. Needs LEAST_WINDOWS measured windows.
    Source: Page 1954; the constants, Montgomery, Statistical Quality Control, 9.1.
    """
    series = measured(p_values)
    if isinstance(series, NotMeasured):
        return series
    given = floats(p_values)
    steps = -special.ndtri(np.clip(given, _LEAST_P, 1 - _LEAST_P)) - SLACK
    steps = np.where(np.isfinite(given), steps, 0.0)
    # S = walk - lowest point so far: the recursion without a loop (Page 1954, section 2.2).
    walk = np.cumsum(steps)
    sums = walk - np.minimum(np.minimum.accumulate(walk), 0.0)
    over = np.flatnonzero(sums >= LIMIT)
    return Cusum(floats(sums), int(over[0]) if len(over) else None)


def siegmund_arl(shift: float = 0.0, slack: float = SLACK, limit: float = LIMIT) -> float:
    """Windows to the first alarm on average, if z has mean `shift` and sd 1.

    (exp(-2 d b) + 2 d b - 1) / (2 d^2), d = shift - slack, b = limit + 1.166; b^2 for d = 0.
    938 without a shift. Source: Siegmund, Sequential Analysis, 1985, section 2.4.
    """
    d, b = shift - slack, limit + 1.166
    if abs(d) < 1e-9:
        return b**2
    return float((np.exp(-2 * d * b) + 2 * d * b - 1) / (2 * d**2))

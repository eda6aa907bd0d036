"""Fitting a level that moves once to a series: where, how fast, for how long, and the noise.

Weighted least squares over all cuts. What windows vary by beyond their own errors is estimated
along, and enters the weights. `change_point` asks whether the best cut is any better than none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sparkdrift.measures.arrays import Floats, floats

# How much better a rise or an end must fit (in chi-square) than doing without: at most 1 % of
# shifts that are sudden and last are called otherwise [sim].
RISE_MARGIN, END_MARGIN = 7.0, 16.0
_ROUNDS = 2
_HALVINGS = 24


@dataclass(frozen=True, eq=False)
class Fit:
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
        """How many were measured, N."""
        return len(self.at)

    @property
    def shape(self) -> Floats:
        """(N,): 0 before the start, rising to 1 at the full height, 0 again from the end on."""
        return _shape(self.at, self.a, self.r, self.b)

    def line(self) -> tuple[float, float, float]:
        """(before, after, standard error of the difference), by the weights of the fit."""
        return _line(self.values, self.weights, self.shape)

    @classmethod
    def of(cls, at: NDArray[np.int_], values: Floats, variance: Floats) -> Fit:
        """The fit of `values` (N,) at positions `at`, with the variance of each, 0 or more."""
        # Weights stay finite without any noise; a constant series has no scale of its own.
        floor = (1e-9 * float(np.ptp(values))) ** 2 or 1.0
        spread = max(floor, _first_spread(values, variance))
        for _ in range(_ROUNDS):
            fit = cls._with(at, values, variance, spread)
            spread = max(floor, _paule_mandel(values, variance, fit.shape))
        return cls._with(at, values, variance, spread)

    @classmethod
    def _with(cls, at: NDArray[np.int_], values: Floats, variance: Floats, spread: float) -> Fit:
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

"""How closely a feature goes with the label, from moments and counts that merge.

Four forms, by what the two are. A number and classes: rows, mean and sum of squared deviations of
each class, from which come the point-biserial r of two classes and the correlation ratio eta of
more. A category and classes: counts, from which comes Cramer's V. A number and a number: the state
of a pair (`dependence`), Pearson's r. A category and a number: moments of the number by category,
eta. r has a sign; V and eta lie in [0, 1] and are corrected for what chance alone gives them.

Associations are compared by their intervals, so that one rule holds for all four.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures import ncchi2
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.dependence import correlation
from sparkdrift.measures.intervals import Z

LEAST_ROWS = 30
"""Labelled rows below which no association is told."""
LEAST_IN_CATEGORY = 5.0
"""Rows of a category at least; rarer ones are pooled."""
SURE = 2.3263478740408408
"""Of an interval that is left at either end in 1 % of cases."""
_LEAST_WINDOWS = 3
"""Fewer say nothing of how much windows vary."""
_NEAREST = 1.0 - 1e-12
_NAN = float("nan")


class Association(NamedTuple):
    """value in [-1, 1] where `signed`, else in [0, 1]; NaN where not measured, with the reason.

    rows: those in which both are known. inflation: of a signed one, by which the variance of
    atanh r exceeds 1 / (n - 3). statistic, degrees: of an unsigned one, what is about noncentral
    chi-square with so many degrees of freedom; its noncentrality over rows and `scale` is the
    square of the value, or f^2 = eta^2 / (1 - eta^2) where it is a `ratio`.
    """

    value: float
    rows: float
    signed: bool
    statistic: float = _NAN
    degrees: float = 0.0
    scale: float = 1.0
    ratio: bool = False
    inflation: float = 1.0
    reason: str = ""


class Change(NamedTuple):
    """The difference of two associations, with its 95 % interval, and a wider one that is left at
    either end in 1 % of cases; p_value: two sided, of no difference; NaN where not measured."""

    value: float
    low: float
    high: float
    surely_low: float
    surely_high: float
    p_value: float


def merged_moments(first: ArrayLike, second: ArrayLike) -> Floats:
    """(rows, mean, sum of squared deviations) of the rows of both, (..., 3); inputs unchanged.

    Source: Chan, Golub and LeVeque 1983.
    """
    a, b = np.broadcast_arrays(floats(first), floats(second))
    n = a[..., 0] + b[..., 0]
    part = np.divide(b[..., 0], n, out=np.zeros(n.shape), where=n > 0)
    gap = b[..., 1] - a[..., 1]
    mean = a[..., 1] + gap * part
    squares = a[..., 2] + b[..., 2] + gap**2 * a[..., 0] * part
    both = np.stack([n, mean, squares], axis=-1)
    one_sided = (a[..., :1] <= 0) | (b[..., :1] <= 0)
    return floats(np.where(one_sided, np.where(a[..., :1] > 0, a, b), both))


def point_biserial(moments: ArrayLike) -> Association:
    """r of a number with two classes, from their moments (2, 3), the class that counts as 1 last.

    r = (mean1 - mean0) sqrt(pi (1 - pi)) / sd, pi being the share of class 1 and sd that of all
    rows, divided by n. The variance of atanh r is 1 - 1.5 r^2 + r^2 / (4 pi (1 - pi)) times that
    of two normal numbers: of a rare class several times as much. Source: Tate 1954.
    """
    groups = floats(moments)
    n = float(groups[:, 0].sum())
    lacking = _lacking(groups[:, 0], n)
    if lacking:
        return Association(_NAN, n, signed=True, reason=lacking)
    whole = merged_moments(groups[0], groups[1])
    share = groups[1, 0] / n
    if _is_constant(whole):
        return Association(_NAN, n, signed=True, reason="all values are equal")
    apart = (groups[1, 1] - groups[0, 1]) * np.sqrt(share * (1 - share))
    r = float(np.clip(apart / np.sqrt(whole[2] / n), -1.0, 1.0))
    inflation = 1 - 1.5 * r**2 + r**2 / (4 * share * (1 - share))
    return Association(r, n, signed=True, inflation=float(inflation))


def pearson(state: ArrayLike) -> Association:
    """r of two numbers, from the state of their pair (6,), see `dependence`."""
    cells = floats(state)
    n = float(cells[0])
    if n < LEAST_ROWS:
        return Association(_NAN, n, signed=True, reason=_too_few(n))
    r = float(correlation(cells))
    if np.isnan(r):
        return Association(_NAN, n, signed=True, reason="all values of one of both are equal")
    return Association(r, n, signed=True)


def correlation_ratio(moments: ArrayLike) -> Association:
    """eta of a number with groups, from the moments of each (G, 3).

    eta^2 = the part of the sum of squares that lies between the groups, less what chance alone
    puts there: epsilon^2 = (SSB - (G - 1) MSW) / SST. Source: Kelley 1935; Okada 2013.
    """
    groups = floats(moments)
    groups = groups[groups[:, 0] > 0]
    n, count = float(groups[:, 0].sum()), len(groups)
    lacking = _lacking(groups[:, 0], n)
    if lacking:
        return Association(_NAN, n, signed=False, reason=lacking)
    whole = groups[0]
    for one in groups[1:]:
        whole = merged_moments(whole, one)
    if _is_constant(whole) or n <= count:
        return Association(_NAN, n, signed=False, reason="all values are equal")
    within = min(float(groups[:, 2].sum()), float(whole[2]))
    between = float(whole[2]) - within
    left = max(0.0, between - (count - 1) * within / (n - count)) / float(whole[2])
    # Without any spread within groups the statistic is as good as endless.
    statistic = between / within * (n - count) if within > 0 else n / (1 - _NEAREST)
    return Association(
        float(np.sqrt(left)), n, signed=False, statistic=statistic, degrees=count - 1.0, ratio=True
    )


def cramers_v(counts: ArrayLike) -> Association:
    """V of two categories, from their counts (C, K), less what chance alone gives.

    Rare rows and columns are to be pooled before. Source: Cramer 1946; the correction, Bergsma
    2013: chi-square / n less its expectation (C - 1) (K - 1) / (n - 1), over a size that shrinks
    alike.
    """
    cells = floats(counts)
    cells = cells[cells.sum(axis=1) > 0][:, cells.sum(axis=0) > 0]
    n = float(cells.sum())
    if n < LEAST_ROWS:
        return Association(_NAN, n, signed=False, reason=_too_few(n))
    if cells.shape[0] < 2:
        return Association(_NAN, n, signed=False, reason="all labels are of one class")
    if cells.shape[1] < 2:
        return Association(_NAN, n, signed=False, reason="all values are equal")
    expected = np.outer(cells.sum(axis=1), cells.sum(axis=0)) / n
    statistic = float(((cells - expected) ** 2 / expected).sum())
    sides = floats(cells.shape)
    free = float((sides - 1).prod())
    left = max(0.0, statistic / n - free / (n - 1))
    shrunk = sides - (sides - 1) ** 2 / (n - 1)
    value = float(np.sqrt(min(1.0, left / (shrunk.min() - 1))))
    scale = float(sides.min() - 1)
    return Association(value, n, signed=False, statistic=statistic, degrees=free, scale=scale)


def interval(one: Association, z: float = Z, beyond: float = 0.0) -> tuple[float, float]:
    """(low, high) of an association, z standard errors to either side; NaN where not measured.

    Of r by Fisher's transformation: tanh(atanh r +- z sqrt(inflation / (n - 3) + beyond)),
    `beyond` being variance of atanh r besides that of sampling. Of V and eta by those
    noncentralities of chi-square under which the statistic is at its `z` quantiles (Steiger and
    Fouladi 1997), of eta with the residual variance taken as known; `beyond` widens them by as
    much.
    """
    if np.isnan(one.value):
        return _NAN, _NAN
    if one.signed:
        at = float(np.arctanh(np.clip(one.value, -_NEAREST, _NEAREST)))
        around = z * np.sqrt(_variance(one) + beyond)
        return float(np.tanh(at - around)), float(np.tanh(at + around))
    tail = float(special.ndtr(z))
    ends = [
        float(ncchi2.noncentrality(one.statistic, one.degrees, level)) for level in (tail, 1 - tail)
    ]
    low, high = (_from_noncentrality(one, nc) for nc in ends)
    more = z * np.sqrt(beyond)
    return (max(0.0, min(low, one.value) - more), min(1.0, max(high, one.value) + more))


def change(now: Association, before: Association, beyond: float = 0.0, windows: int = 0) -> Change:
    """now - before, with intervals that join those of both; NaN where one was not measured.

    beyond: variance of atanh r between the windows of `before` besides sampling, `windows` of
    them: it counts in full for the one window and divided by their number for their mean.
    low = d - sqrt((now - low_now)^2 + (high_before - before)^2), high alike. p_value: of r by
    z = (atanh a - atanh b) / sqrt(1 / (n_a - 3) + 1 / (n_b - 3) + beyond (1 + 1 / windows)), with
    their inflation, else by the interval. What the variance of one window is, beyond sampling or
    not, was learned from few of them, so of r Student's t takes the place of the normal quantiles,
    with Satterthwaite's degrees of freedom. Source: Zou, Psychological Methods 12, 2007; Fisher
    1921; Satterthwaite 1946.
    """
    if np.isnan(now.value) or np.isnan(before.value):
        return Change(_NAN, _NAN, _NAN, _NAN, _NAN, _NAN)
    difference = now.value - before.value
    shared = beyond / windows if windows else 0.0
    free = _freedom(now, before, beyond, windows)
    ends: list[tuple[float, float]] = []
    for normal in (Z, SURE):
        z = _quantile(normal, free)
        a, b = interval(now, z, beyond), interval(before, z, shared)
        down = float(np.hypot(now.value - a[0], b[1] - before.value))
        up = float(np.hypot(a[1] - now.value, before.value - b[0]))
        ends.append((difference - down, difference + up))
    if now.signed:
        gap = _atanh(now.value) - _atanh(before.value)
        score = gap / np.sqrt(_variance(now) + _variance(before) + beyond + shared)
    else:
        low, high = ends[0]
        width = (difference - low) if difference > 0 else (high - difference)
        score = difference * Z / width if width > 0 else 0.0
    tail = special.ndtr(-abs(score)) if np.isinf(free) else special.stdtr(free, -abs(score))
    return Change(difference, *ends[0], *ends[1], float(2 * tail))


def _freedom(now: Association, before: Association, beyond: float, windows: int) -> float:
    """Degrees of freedom of the variance of a change; endless where no windows told it.

    That windows vary by no more than sampling has been learned from them as well: of skewed numbers
    sampling varies by more than moments by class tell, and a few windows often hide it.
    """
    if not now.signed or windows < _LEAST_WINDOWS:
        return float("inf")
    learned = _variance(now) + beyond * (1 + 1 / windows)
    return float((windows - 1) * ((learned + _variance(before)) / learned) ** 2)


def _quantile(normal: float, free: float) -> float:
    """Where Student's t has as much above it as the normal distribution has above `normal`."""
    return normal if np.isinf(free) else float(special.stdtrit(free, special.ndtr(normal)))


def between_windows(windows: Sequence[Association]) -> float:
    """How much atanh r varies between windows besides sampling, as a variance; >= 0.

    What was not measured, or has no sign, is left out. 0 for less than three windows.
    The moment estimator (Q - (W - 1)) / (sum w - sum w^2 / sum w), w = 1 / the variance of
    atanh r by sampling. Source: DerSimonian and Laird 1986.
    """
    known = [one for one in windows if one.signed and not np.isnan(one.value)]
    if len(known) < _LEAST_WINDOWS:
        return 0.0
    at = floats([_atanh(one.value) for one in known])
    weight = floats([1 / _variance(one) for one in known])
    spread = float((weight * (at - np.average(at, weights=weight)) ** 2).sum())
    size = float(weight.sum() - (weight**2).sum() / weight.sum())
    return max(0.0, (spread - (len(at) - 1)) / size) if size > 0 else 0.0


def _variance(one: Association) -> float:
    return max(one.inflation, 0.0) / max(one.rows - 3, 1.0)


def _from_noncentrality(one: Association, noncentrality: float) -> float:
    part = noncentrality / one.rows
    part = part / (1 + part) if one.ratio else part / one.scale
    return float(np.sqrt(min(1.0, part)))


def _lacking(rows: Floats, n: float) -> str:
    if n < LEAST_ROWS:
        return _too_few(n)
    return "" if (rows > 0).sum() > 1 else "all rows are of one class or value"


def _too_few(n: float) -> str:
    return f"{n:,.0f} labelled rows have a value, {LEAST_ROWS} are needed"


def _is_constant(whole: Floats) -> bool:
    # Rounding may leave a trace of squares where all values are one.
    return bool(whole[2] <= 1e-28 * whole[0] * whole[1] ** 2)


def _atanh(r: float) -> float:
    return float(np.arctanh(np.clip(r, -_NEAREST, _NEAREST)))

"""Distances between two numeric distributions, evaluated on the points of their sketches.

One reference against one window at a time: sketches hold different numbers of points.
Infinite values are left out on both sides. Every figure is NaN when a side is empty.
`gap` merges the two sides once; `ks` and `wasserstein` read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.kll import Points, finite, quantile
from sparkdrift.measures.sketch_error import rank_error, supremum_rows

NORMAL_IQR = 1.349  # the quartiles of a normal distribution lie 1.349 sd apart
_RANKS = np.array([0.001, 0.25, 0.5, 0.75, 0.999])
ROBUST_SD = "robust sd"
"""The unit IQR/1.349: the sd of a normal distribution, and hardly moved by tails (Tukey 1960)."""


@dataclass(frozen=True, eq=False)
class Gap:
    """F - G of a reference and a window, as a step function: `steps[i]` holds from at[i] on.

    at, steps: float64 (m,), `at` ascending; at repeated values only the last step counts.
    Before at[0] it is 0, and so is the last step.
    """

    at: Floats
    steps: Floats


def gap(reference: Points | None, window: Points | None) -> Gap | None:
    """The difference of the two distribution functions; None when a side is empty."""
    known, seen = finite(reference), finite(window)
    if known is None or seen is None:
        return None
    at = np.concatenate([known.values, seen.values])
    order = at.argsort(kind="stable")
    # How many entries of either side are among the first; rows are whole numbers, so their
    # shares are exact, and equal sides differ by exactly 0.
    of_known = (order < len(known.values)).cumsum()
    of_seen = np.arange(1, len(at) + 1) - of_known
    return Gap(at.take(order), known.below.take(of_known) - seen.below.take(of_seen))


def ks(found: Gap | None) -> float:
    """Kolmogorov-Smirnov statistic, max |F - G|, in [0, 1].

    Inclusive ranks at the union of both sides' values are enough: both are step
    functions, so the exclusive rank at one value is the inclusive rank at the one
    before. Source: Smirnov 1948. Not DataSketches' `ks_test`, which fails on repeats.
    """
    if found is None:
        return float("nan")
    # The last step of all is 0.
    last = found.at[1:] != found.at[:-1]
    return float(np.abs(found.steps[:-1][last]).max(initial=0.0))


def ks_error(*ks_sizes: ArrayLike) -> Floats:
    """Bar on `ks`: the sum of eps1 over the `error_k` given; a share (99 % for each sketch)."""
    return floats(sum((rank_error(k) for k in ks_sizes), start=np.zeros(())))


def ks_pvalue(statistic: ArrayLike, n: ArrayLike, m: ArrayLike, *ks_sizes: ArrayLike) -> Floats:
    """P(KS >= statistic) under no drift, broadcast; conservative on repeated values.

    n, m: effective rows; ks_sizes: `error_k` of the sketches. The effective size is
    1 / (1/n + 1/m + sum of 1/`supremum_rows`). NaN without rows.
    Source: Kolmogorov 1933, small samples by Stephens 1970 (sqrt(n) + 0.12 + 0.11/sqrt(n)).
    """
    noise = divide(1.0, n) + divide(1.0, m)
    for k in ks_sizes:
        noise = noise + divide(1.0, supremum_rows(k))
    root = np.sqrt(divide(1.0, noise))
    scaled = (root + 0.12 + divide(0.11, root)) * floats(statistic)
    return floats(special.kolmogorov(scaled))


@dataclass(frozen=True)
class Span:
    """Where the reference lives: [low, high] = its P0.1 to P99.9, and the unit of distance.

    unit: what `scale` is, in words. The extremes and the median serve `tails` alone. lows,
    highs: where the ends may truly be, and slack: by which share of itself the unit may be off;
    None and 0 where they are exact.
    """

    low: float
    high: float
    scale: float
    minimum: float = float("nan")
    median: float = float("nan")
    maximum: float = float("nan")
    lows: tuple[float, float] | None = None
    highs: tuple[float, float] | None = None
    slack: float = 0.0
    unit: str = ROBUST_SD


def span(reference: Points | None, sd: float = float("nan")) -> Span:
    """The interval and unit by which `wasserstein` measures; all NaN without points.

    The unit is IQR/1.349, else sd, else high - low, whichever is first positive; NaN when
    none is, and never an absolute floor. sd: from stored moments; without it, that of the points.
    """
    held = finite(reference)
    if held is None:
        return Span(float("nan"), float("nan"), float("nan"))
    eps = float(rank_error(held.error_k))
    lower, upper = np.maximum(0.0, _RANKS - eps), np.minimum(1.0, _RANKS + eps)
    at, under, over = quantile(held, np.stack([_RANKS, lower, upper])).tolist()
    low, first, median, third, high = at
    if not np.isfinite(sd):
        sd = _deviation(held)
    candidates = {ROBUST_SD: (third - first) / NORMAL_IQR, "sd": sd, "ranges": high - low}
    positive = ((name, one) for name, one in candidates.items() if np.isfinite(one) and one > 0)
    unit, scale = next(positive, (ROBUST_SD, float("nan")))
    known = Span(low, high, scale, held.minimum, median, held.maximum, unit=unit)
    if not held.estimating:
        return known
    # The quantiles at ranks eps1 lower and higher. Without a width the unit is the standard
    # deviation, which comes from exact moments.
    iqr = third - first
    slack = max(over[3] - under[1] - iqr, iqr - (under[3] - over[1])) / iqr if iqr > 0 else 0.0
    return replace(known, lows=(under[0], over[0]), highs=(under[4], over[4]), slack=slack)


def ending_at(within: Span, window: Points | None) -> Span:
    """`within` with the P0.1 and P99.9 of an earlier window, for `tails` against it."""
    held = finite(window)
    if held is None:
        return within
    low, _, high = held.landmarks
    ends = held.tail_ends
    return replace(within, low=low, high=high, lows=ends[:2], highs=ends[2:])


def moved_to(within: Span, window: Points | None) -> Span:
    """`within` with the extremes and the median of an earlier window, for `tails` against it."""
    held = finite(window)
    if held is None:
        nothing = float("nan")
        return replace(within, minimum=nothing, median=nothing, maximum=nothing)
    _, median, _ = held.landmarks
    return replace(within, minimum=held.minimum, median=median, maximum=held.maximum)


def _deviation(points: Points) -> float:
    """Standard deviation of the rows behind `points`, in the feature's unit; 0 if constant."""
    if points.minimum == points.maximum:
        return 0.0
    weights = points.weights / points.n
    centred = points.values - points.values[len(points.values) // 2]
    mean = float(weights @ centred)
    return float(np.sqrt(weights @ (centred - mean) ** 2))


def wasserstein(found: Gap | None, within: Span) -> float:
    """W1: integral of |F - G| over [low, high] of the reference, divided by its scale.

    within: `span(reference)`. The clip hides what happens in the tails: report `tails`
    beside it. NaN when a side is empty, and without a positive scale.
    Source: Vallender 1974 (W1 on the line is the area between the distribution functions).
    """
    if found is None or not within.scale > 0:
        return float("nan")
    return _area(found, within.low, within.high) / within.scale


def _area(found: Gap, low: float, high: float) -> float:
    """Integral of |F - G| over [low, high]."""
    begin = max(0, int(found.at.searchsorted(low)) - 1)
    end = int(found.at.searchsorted(high, side="right")) + 1
    at = np.minimum(np.maximum(found.at[begin:end], low), high)
    return float(np.abs(found.steps[begin : begin + len(at) - 1]) @ (at[1:] - at[:-1]))


def wasserstein_error(found: Gap | None, within: Span, eps: float, distance: float) -> float:
    """Bar on `wasserstein`, in units of the scale; NaN where that is.

    eps: the bar on `ks`; distance: what `wasserstein` says of the two, which the unit may be off.
    eps x (high - low) / scale for the curves; and for the reference's own quantiles,
    which a sketch knows by their rank only: the area between the places where an end may be,
    and W1 times the share by which the unit may be off. The latter two matter for windows that
    leave the reference's range, where the curves are far apart at its end.
    """
    if found is None or not within.scale > 0:
        return float("nan")
    bar = eps * (within.high - within.low)
    for ends in (within.lows, within.highs):
        bar += _area(found, *ends) if ends is not None else 0.0
    return bar / within.scale + within.slack * distance


@dataclass(frozen=True)
class Tails:
    """What the clip of `wasserstein` hides, for a window. NaN when a side is empty.

    maximum, p999, p001, minimum: how far that point of the window lies above the
    reference's own, in units of the reference's scale (negative: below).
    out_of_range: share of the window's rows outside the reference's [minimum, maximum];
    below: the part of them below its minimum, a share of the window's rows too.
    weight: rows that an entry of the sketch stands for out there, 1 where none is.
    p001_error, p999_error: how far off the sketches of both sides may put these (99 %); the
    extremes have no error but that of the unit.
    median: signed shift of the median in the same unit; its sign is the sign of a drift.
    """

    minimum: float
    p001: float
    median: float
    p999: float
    maximum: float
    out_of_range: float
    below: float
    weight: float
    p001_error: float
    p999_error: float


def tails(window: Points | None, within: Span) -> Tails:
    """Signed shifts of extremes, P0.1, P99.9 and median, and the out-of-range share.

    within: `span(reference)`. The minimum and maximum of a sketch are exact, so a single
    row out of range counts as one even when the sketch no longer holds it. Section 2 of the
    project's statistics.
    """
    seen = finite(window)
    if seen is None or np.isnan(within.minimum):
        return Tails(*[float("nan")] * 10)
    first, median, last = seen.landmarks
    apart = (
        seen.minimum - within.minimum,
        first - within.low,
        median - within.median,
        last - within.high,
        seen.maximum - within.maximum,
    )
    scale = within.scale if within.scale > 0 else float("nan")
    low, p001, middle, p999, high = (one / scale for one in apart)
    ends = seen.tail_ends
    lows, highs = _farthest(ends[:2], first), _farthest(ends[2:], last)
    if within.lows is not None and within.highs is not None:
        lows += _farthest(within.lows, within.low)
        highs += _farthest(within.highs, within.high)
    outside = _outside(seen, within)
    # The unit is known by rank as well, as for the distance.
    errors = lows / scale + within.slack * abs(p001), highs / scale + within.slack * abs(p999)
    return Tails(low, p001, middle, p999, high, *outside, *errors)


def tail_figures(found: Sequence[Tails]) -> dict[str, Floats]:
    """The signed shifts of extremes and outermost quantiles of windows, (W,) each, by column."""
    columns = {"min_shift": "minimum", "max_shift": "maximum", "p001_shift": "p001"}
    columns |= {"p999_shift": "p999", "p001_error": "p001_error", "p999_error": "p999_error"}
    return {name: floats([getattr(one, of) for one in found]) for name, of in columns.items()}


def _farthest(ends: tuple[float, float], value: float) -> float:
    """How far `value` may be off where it lies between these ends."""
    return max(value - ends[0], ends[1] - value, 0.0)


def _outside(seen: Points, within: Span) -> tuple[float, float, float]:
    """(share of the rows outside, share below, rows behind each entry outside)."""
    below = above = 0.0
    entries = 0
    if seen.minimum < within.minimum:
        upto = int(seen.values.searchsorted(within.minimum, side="left"))
        below = max(1.0, seen.cumulative[upto - 1]) if upto else 1.0
        entries += max(1, upto)
    if seen.maximum > within.maximum:
        upto = int(seen.values.searchsorted(within.maximum, side="right"))
        above = max(1.0, seen.n - (seen.cumulative[upto - 1] if upto else 0.0))
        entries += max(1, len(seen.values) - upto)
    weight = (below + above) / entries if entries else 1.0
    return min(1.0, (below + above) / seen.n), min(1.0, below / seen.n), weight

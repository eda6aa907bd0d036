"""Does the metric go with the business outcome, and does it still? Correlation over windows."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.intervals import Figure, Z

LEAST_EFFECTIVE = 10.0
"""With fewer independent windows no correlation is told."""


class Link(NamedTuple):
    """r: Pearson's with Fisher's interval, NaN where refused; windows: pairs that are known;
    effective: independent ones that they are worth."""

    r: Figure
    windows: int
    effective: float


class Decay(NamedTuple):
    """change: r of the second half less r of the first, each half's own Link beside it.

    power: the chance to notice that the link of the first half is gone; NaN where refused.
    """

    change: Figure
    first: Link
    second: Link
    power: float


def link(metric: ArrayLike, outcome: ArrayLike) -> Link:
    """The correlation of two series (W,), in order of time; NaN in either leaves a window out.

    W_eff = W (1 - r1 r2) / (1 + r1 r2), r1 and r2 the lag-1 autocorrelations: two trends go with
    each other by chance alone. At most W. Refused below LEAST_EFFECTIVE, and where a series does
    not vary.
    Source: Fisher 1921; Bartlett 1935 (effective number).
    """
    x, y = floats(metric), floats(outcome)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    size = len(x)
    if size < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Link(_nothing(), size, math.nan)
    both = _lag_one(x) * _lag_one(y)
    effective = min(float(size), size * (1 - both) / (1 + both)) if both > -1 else float(size)
    if effective < LEAST_EFFECTIVE:
        return Link(_nothing(), size, effective)
    r = float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))
    at, around = math.atanh(min(max(r, -1 + 1e-12), 1 - 1e-12)), Z / math.sqrt(effective - 3)
    return Link(
        Figure(floats(r), floats(math.tanh(at - around)), floats(math.tanh(at + around))),
        size,
        effective,
    )


def decay(metric: ArrayLike, outcome: ArrayLike) -> Decay:
    """Whether the second half of the windows (W,) is linked as the first one is.

    The interval of the difference is that of two separate correlations. Refused where either
    half is. Source: Zou, Toward using confidence intervals to compare correlations, 2007.
    """
    x, y = floats(metric), floats(outcome)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    half = len(x) // 2
    one, two = link(x[:half], y[:half]), link(x[half:], y[half:])
    gap = two.r.value - one.r.value
    down = np.hypot(two.r.value - two.r.low, one.r.high - one.r.value)
    up = np.hypot(two.r.high - two.r.value, one.r.value - one.r.low)
    power = math.nan
    if np.isfinite(gap):
        se = math.sqrt(1 / (one.effective - 3) + 1 / (two.effective - 3))
        size = abs(math.atanh(float(np.clip(one.r.value, -1 + 1e-12, 1 - 1e-12))))
        power = float(special.ndtr(size / se - Z))
    return Decay(Figure(floats(gap), floats(gap - down), floats(gap + up)), one, two, power)


def _lag_one(values: Floats) -> float:
    """Autocorrelation at lag 1."""
    centred = values - values.mean()
    return float((centred[1:] * centred[:-1]).sum() / (centred**2).sum())


def _nothing() -> Figure:
    return Figure(*(floats(np.nan) for _ in range(3)))

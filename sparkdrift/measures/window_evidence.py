"""Evidence on one number per window: a custom metric against the reference's own windows.

A metric has no distribution inside a window, only a value. So the reference's windows are
the sample: a new window is one more draw from what they vary by, and the unit of every
shift is their standard deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, floats

LEAST_WINDOWS = 5
LEVEL = 0.01
# A shift of effect_size / MATERIAL_PART is what must be exceeded for certain. One window
# can't prove more: against 14 windows and 1 sd, 6 sd are proved in four cases out of five [sim].
MATERIAL_PART = 6.0
# A constant reference has no sd to measure by; this is said instead of infinity.
LARGEST_EFFECT = 1000.0
# Below this part of the mean, a difference is the rounding of a sum of doubles.
_ROUNDING = 1e-9
_HALVINGS = 50


@dataclass(frozen=True)
class Usual:
    """How a metric varies from window to window of its reference.

    sd: between windows, sampling noise included; never below that noise. noise: the mean
    variance that sampling alone adds to a window, 0 where unknown. rho: lag-1
    autocorrelation, in [0, 0.9]. w_eff: how many independent windows they are worth, >= 2.
    """

    mean: float
    sd: float
    noise: float
    rho: float
    w_eff: float
    windows: int


def usual_variation(values: ArrayLike, noise: ArrayLike = 0.0) -> Usual:
    """What `values` (W,), in time order, say of a window to come; needs LEAST_WINDOWS.

    noise (W,): variance of each by sampling alone, NaN or 0 where unknown. Raises
    ValueError for fewer windows or values that are not finite.

    The lag-1 autocorrelation is corrected for its bias, -(1 + 4 rho) / W (Kendall 1954;
    Marriott and Pope 1954); the variance of W correlated values about their mean is short by
    1 - 1 / w_eff, w_eff = W (1 - rho) / (1 + rho) (Bartlett 1946).

    Windows have other rows, so what sampling adds to one says nothing of the next: rho is at most
    the part of the variance that sampling does not explain. Nine windows that vary by sampling
    alone would show a rho of 0.4 and more in every third case, and then no shift would be seen.
    """
    seen = floats(values)
    windows = len(seen)
    if windows < LEAST_WINDOWS or not np.isfinite(seen).all():
        raise ValueError(f"needs {LEAST_WINDOWS} finite values, got {windows}")
    mean = float(seen.mean())
    apart = seen - mean
    square = float(apart @ apart)
    small = (_ROUNDING * float(np.abs(seen).max())) ** 2 * windows
    known = np.broadcast_to(floats(noise), seen.shape)
    sampling = float(np.where(np.isfinite(known), known, 0.0).mean())
    rho = 0.0
    if square > small:
        lag = float(apart[1:] @ apart[:-1]) / square
        unexplained = max(0.0, 1 - sampling * (windows - 1) / square)
        rho = float(np.clip((lag * windows + 1) / (windows - 4), 0.0, min(0.9, unexplained)))
    w_eff = max(2.0, windows * (1 - rho) / (1 + rho))
    variance = square / (windows * (1 - 1 / w_eff)) if square > small else 0.0
    return Usual(mean, float(np.sqrt(max(variance, sampling))), sampling, rho, w_eff, windows)


@dataclass(frozen=True)
class Evidence:
    """Of each window, (N,): the effect in `Usual.sd`, two chances, and what `shift_power` needs:
    `Usual.sd` as a part of what the window varies by, infinite for a constant reference."""

    effect: Floats
    p_unusual: Floats
    p_material: Floats
    unit: Floats


def window_evidence(
    values: ArrayLike, usual: Usual, effect_size: float, noise: ArrayLike = 0.0
) -> Evidence:
    """Hold the values (N,) of windows against the reference; NaN where a value is NaN.

    noise (N,): variance by sampling alone. A window with more of it than the reference's
    windows had (fewer rows) is given the difference; one with less is given nothing for it.

    p_unusual: two-sided t test of one more value, w_eff - 1 degrees of freedom (a prediction
    interval; Hahn and Meeker 1991). p_material: the same deviation if the true shift were
    effect_size / MATERIAL_PART, noncentral t. effect: sqrt(max(0, deviation^2 - its noise)) / sd,
    at most LARGEST_EFFECT.
    """
    deviation, spread, free = _deviation(values, usual, noise)
    if usual.sd == 0.0:
        return _constant(deviation, usual, spread)
    t, unit = deviation / spread, usual.sd / spread
    limit = effect_size / MATERIAL_PART * unit
    return Evidence(
        effect=_effect(deviation, spread, usual),
        p_unusual=2 * special.stdtr(free, -t),
        p_material=1 - special.nctdtr(free, limit, t),
        unit=unit,
    )


def shift_power(
    w_eff: ArrayLike, unit: ArrayLike, effect_size: ArrayLike, level: float = LEVEL
) -> Floats:
    """Chance that a shift of effect_size sd is unusual at `level` and material at LEVEL; broadcast.

    unit: `Evidence.unit`; infinite for a constant reference, where the chance is 1. NaN where an
    input is. A window that moved varies as the others do: noncentral t.
    """
    windows, size = floats(w_eff), floats(unit)
    finite = np.where(np.isfinite(size), size, 0.0)
    free = np.maximum(windows - 1, 1.0)
    wanted = floats(effect_size) * finite
    needed = np.maximum(
        special.stdtrit(free, 1 - level / 2),
        special.nctdtrit(free, wanted / MATERIAL_PART, 1 - LEVEL),
    )
    chance = np.where(np.isposinf(size), 1.0, 1 - special.nctdtr(free, wanted, needed))
    return floats(np.where(np.isnan(size) | np.isnan(windows), np.nan, chance))


def effect_interval(
    values: ArrayLike, usual: Usual, noise: ArrayLike = 0.0
) -> tuple[Floats, Floats]:
    """(low, high), each (N,): 95 % interval of the true shift in `Usual.sd`, about the effect.

    By inverting the noncentral t in its noncentrality, bisected: SciPy's inverse fails for
    large t. NaN where a value is; for a constant reference the effect itself.
    """
    deviation, spread, free = _deviation(values, usual, noise)
    if usual.sd == 0.0:
        effect = _constant(deviation, usual, spread).effect
        return effect, effect
    t, effect = deviation / spread, _effect(deviation, spread, usual)
    ends = []
    for share in (0.975, 0.025):
        low, high = np.zeros(t.shape), np.minimum(3 * t + 20, 3 * LARGEST_EFFECT)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            above = special.nctdtr(free, middle, t) > share
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        ends.append((low + high) / 2 * spread / usual.sd)
    return np.minimum(ends[0], effect), np.clip(ends[1], effect, LARGEST_EFFECT)


def _deviation(values: ArrayLike, usual: Usual, noise: ArrayLike) -> tuple[Floats, Floats, float]:
    """(distance from the mean, its sd without drift, degrees of freedom)."""
    seen = floats(values)
    extra = np.broadcast_to(floats(noise), seen.shape) - usual.noise
    extra = np.where(extra > 0, extra, 0.0)
    spread = np.sqrt(usual.sd**2 * (1 + 1 / usual.w_eff) + extra)
    return np.abs(seen - usual.mean), spread, max(usual.w_eff - 1, 1.0)


def _effect(deviation: Floats, spread: Floats, usual: Usual) -> Floats:
    size = np.sqrt(np.maximum(0.0, deviation**2 - spread**2)) / usual.sd
    return floats(np.minimum(size, LARGEST_EFFECT))


def _constant(deviation: Floats, usual: Usual, spread: Floats) -> Evidence:
    """A reference whose windows all agree: any other value is certain, the same one is none.

    `spread`: what a window's own few rows add, which 3 sd of are nothing.
    """
    same = deviation <= np.maximum(_ROUNDING * abs(usual.mean), 3 * spread)
    unknown = np.where(np.isnan(deviation), np.nan, 0.0)
    effect = np.where(same, 0.0, LARGEST_EFFECT) + unknown
    chance = np.where(same, 1.0, 0.0) + unknown
    return Evidence(effect, chance, chance, np.inf + unknown)

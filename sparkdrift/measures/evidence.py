"""From a distance to a verdict with a stated false-alarm rate: section 4 of the statistics.

D: `binned.d_statistic`; s: `sketch_error.noise_scale`; B: bins. All broadcast, typically (W,).
Under no drift D / s ~ chi-square(B - 1), so E[D] = (B - 1) s. Two questions are asked:
*unusual*: is D larger than this feature's windows show anyway (`variation.benign_variation`)?
*material*: is it larger than a difference that matters (delta0)? Both must say yes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sparkdrift.measures import ncchi2
from sparkdrift.measures.arrays import Floats, divide, floats

DELTA_STAR = 0.32  # the effect to alert on, in standard deviations of a shift: PSI 0.1
DELTA_WARN = 0.2
MATERIAL_LEVEL = 0.01
FAMILY_LEVEL = 0.1
# Alone, a test would be asked at the family's level, a tenth; a family of ten asks its
# smallest p at 1 %, which is the level of `power` and `critical_d` unless another is given.
LEAST_FAMILY = 10
LEAST_POWER = 0.8


def material_limit(delta: float = DELTA_STAR) -> float:
    """delta0 = delta^2 / 2: half the D that a shift by `delta` causes, 0.051 for 0.32."""
    return delta**2 / 2


DELTA0 = material_limit()


def _expected(
    s: ArrayLike, B: ArrayLike, tau2: ArrayLike, square: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """(least, scale, nu): without drift D is distributed as least + scale chi-square(nu).

    Noise and benign variation have the variance l_i = s + v_i in direction i, sum v_i = tau2 and
    sum v_i^2 = square; sum v_i^3 is taken for square^2 / tau2, which it is when all v_i that are
    not 0 are equal. The three figures give D its mean, variance and skewness.
    """
    noise, excess = floats(s), floats(tau2)
    free = np.where(floats(B) >= 2, floats(B) - 1, np.nan)
    second = divide(excess**2, free) if square is None else floats(square)
    even = np.where(excess > 0, divide(second**2, excess), np.inf)
    third = np.minimum(even, second**1.5)  # a cautious `square` may exceed tau2^2
    squares = free * noise**2 + 2 * noise * excess + second
    cubes = free * noise**3 + 3 * noise**2 * excess + 3 * noise * second + third
    scale = divide(cubes, squares)
    nu = np.clip(divide(squares**3, cubes**2), 1.0, free)
    return free * noise + excess - scale * nu, scale, nu


def p_unusual(
    D: ArrayLike,
    s: ArrayLike,
    B: ArrayLike,
    tau2: ArrayLike = 0.0,
    w_eff: ArrayLike = np.inf,
    square: ArrayLike | None = None,
) -> Floats:
    """p1: how often a window without drift shows this D or more. NaN where D, s or B < 2 is.

    D is distributed as least + scale chi-square(nu) with the mean, variance and skewness that
    noise and benign variation give it (`_expected`; Hall 1983, Buckley and Eagleson 1988), and
    (D - least) / (scale nu) ~ F(nu, `_freedom`) where the variation was estimated. Without benign
    variation or when it is spread evenly (square = None) nu = B - 1 and least = 0; nu goes down to
    1 when all windows move along one direction, as the mean of a feature does. There nu = B - 1
    rejects 12-15 % of drift-free windows at a nominal 1 %; and a match of mean and variance alone
    rejects 0.5 % at 0.1 % and 0.2 % at 0.01 %, which is where a large family asks [sim].
    """
    least, scale, nu = _expected(s, B, tau2, square)
    ratio = divide(np.maximum(floats(D) - least, 0.0), scale * nu)
    known = np.isposinf(floats(w_eff))
    with np.errstate(invalid="ignore"):
        estimated = special.fdtrc(nu, _freedom(nu, w_eff, square), ratio)
    return floats(np.where(known, special.chdtrc(nu, nu * ratio), estimated))


def _freedom(nu: Floats, w_eff: ArrayLike, square: ArrayLike | None) -> Floats:
    """Degrees of freedom of the estimated variation; any number where nothing was estimated.

    w_eff where all varies one way (nu = 1), nu w_eff where it is spread evenly (square = None).
    Else most of nu may be noise, which is known, beside one direction that w_eff windows tell of.
    So the geometric mean: with nu w_eff, 1.6 to 2.2 times as many windows as 0.01 % pass at 0.01 %
    where a mean wanders half as much as the noise or as much, with w_eff a tenth [sim].
    """
    windows = floats(w_eff)
    known = np.where(np.isfinite(windows), windows, 2.0)
    return floats((nu if square is None else np.sqrt(nu)) * known)


def p_material(D: ArrayLike, s: ArrayLike, B: ArrayLike, delta0: ArrayLike = DELTA0) -> Floats:
    """p2 = 1 - ncchi2(D / s; B - 1, delta0 / s): how often a true D of delta0 shows this or more.

    NaN where an input is, or B < 2. Source: Patnaik 1949 (Pearson's statistic when it is not
    zero that is true).
    """
    free = np.where(floats(B) >= 2, floats(B) - 1, np.nan)
    return 1.0 - ncchi2.distribution(divide(D, s), free, divide(delta0, s))


def material_up_to(
    D: ArrayLike, s: ArrayLike, B: ArrayLike, level: float = MATERIAL_LEVEL
) -> Floats:
    """The largest effect size of which D is still material: p_material = `level` there.

    In standard deviations of a shift; 0 where D is material at none. Inverts ncchi2 in its
    noncentrality. NaN where an input is, or B < 2.
    """
    noise = floats(s)
    free = np.where(floats(B) >= 2, floats(B) - 1, np.nan)
    delta0 = ncchi2.noncentrality(divide(D, noise), free, 1 - level) * noise
    return floats(np.sqrt(2 * delta0))


def effect(D: ArrayLike, s: ArrayLike, B: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """(effect, low, high) in standard deviations of a shift: sqrt(max(0, D - (B - 1) s)).

    The 95 % interval inverts ncchi2(D / s; B - 1, effect^2 / s) in its noncentrality. It
    covers sampling and sketch noise, not benign variation. NaN where an input is, or B < 2.
    """
    noise = floats(s)
    free = np.where(floats(B) >= 2, floats(B) - 1, np.nan)
    ratio = divide(D, noise)
    value = np.sqrt(np.maximum(0.0, (ratio - free) * noise))
    # Both ends at once: the search takes as many steps for two as for one.
    ends = np.array([0.975, 0.025]).reshape(2, *np.ones(value.ndim, dtype=int))
    low, high = np.sqrt(ncchi2.noncentrality(ratio, free, ends) * noise)
    return value, np.minimum(low, value), np.maximum(high, value)


def critical_d(
    s: ArrayLike,
    B: ArrayLike,
    delta0: ArrayLike = DELTA0,
    tau2: ArrayLike = 0.0,
    w_eff: ArrayLike = np.inf,
    square: ArrayLike | None = None,
    level: float = MATERIAL_LEVEL,
) -> Floats:
    """The smallest D with p_unusual below `level` and p_material below MATERIAL_LEVEL."""
    noise = floats(s)
    least, scale, nu = _expected(noise, B, tau2, square)
    free = np.where(floats(B) >= 2, floats(B) - 1, np.nan)
    material = noise * ncchi2.quantile(1 - MATERIAL_LEVEL, free, divide(delta0, noise))
    known = np.isposinf(floats(w_eff))
    with np.errstate(invalid="ignore"):
        estimated = special.fdtri(nu, _freedom(nu, w_eff, square), 1 - level)
    times = np.where(known, special.chdtri(nu, level) / nu, estimated)
    unusual = least + scale * nu * times
    return floats(np.maximum(material, unusual))


def power(
    s: ArrayLike,
    B: ArrayLike,
    delta: ArrayLike = DELTA_STAR,
    delta0: ArrayLike = DELTA0,
    tau2: ArrayLike = 0.0,
    w_eff: ArrayLike = np.inf,
    square: ArrayLike | None = None,
    level: float = MATERIAL_LEVEL,
) -> Floats:
    """Chance that a true shift by `delta` standard deviations exceeds `critical_d`.

    level: what p_unusual is asked at, `family_level` in a family. The shifted window wanders as
    any other does, so its D is least + scale ncchi2(nu, delta^2 / scale), by `_expected`. That
    takes the shift to go the way in which windows vary most, where it is hardest to tell.
    """
    limit = critical_d(s, B, delta0, tau2, w_eff, square, level)
    least, scale, nu = _expected(s, B, tau2, square)
    above = divide(np.maximum(limit - least, 0.0), scale)
    return 1.0 - ncchi2.distribution(above, nu, divide(floats(delta) ** 2, scale))


def family_level(tests: int) -> float:
    """The level at which a family of so many tests asks the only one that is unusual."""
    return FAMILY_LEVEL / max(LEAST_FAMILY, tests)


def benjamini_hochberg(p: ArrayLike, least: int = 1) -> Floats:
    """q-values of a family of p-values, any shape; NaN stays NaN and does not count.

    Rejecting q <= 0.1 keeps the expected share of false alerts among alerts below 10 %.
    A family of fewer than `least` tests is taken for one of `least`, the others with p = 1.
    Source: Benjamini and Hochberg 1995.
    """
    given = floats(p)
    result = np.full(given.shape, np.nan)
    tested = np.isfinite(given)
    values = given[tested]
    order = np.argsort(values, kind="stable")[::-1]
    scaled = values[order] * max(least, len(values)) / np.arange(len(values), 0, -1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    result[tested] = adjusted
    return result


def decide(
    q_value: ArrayLike,
    p_material: ArrayLike,
    effect: ArrayLike,
    power: ArrayLike,
    *,
    warn: ArrayLike = DELTA_WARN,
    limit: ArrayLike = DELTA_STAR,
    family: float = FAMILY_LEVEL,
    material: float = MATERIAL_LEVEL,
    least_power: float = LEAST_POWER,
) -> NDArray[np.str_]:
    """The status of each window on its own: step 4 of section 4, broadcast.

    'drifted': q <= family and p_material < material; 'warning': q <= family and
    effect >= warn; 'ok': neither, effect below `limit`, and power >= least_power; else
    'insufficient_data', also where q_value, p_material or effect is NaN. So a large shift alerts
    in a small window, but a small window is never ok; nor is a shift as large as what is to be
    found: that it is no more than usual is no proof that nothing moved.
    """
    q, p2, size, chance = np.broadcast_arrays(
        floats(q_value), floats(p_material), floats(effect), floats(power)
    )
    with np.errstate(invalid="ignore"):
        measured = ~(np.isnan(q) | np.isnan(p2) | np.isnan(size))
        unusual = measured & (q <= family)
        choices = [unusual & (p2 < material), unusual & (size >= warn)]
        choices.append(measured & (size < floats(limit)) & (chance >= least_power))
    return np.asarray(np.select(choices, ["drifted", "warning", "ok"], "insufficient_data"))

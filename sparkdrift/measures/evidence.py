"""From a distance to a verdict with a stated false-alarm rate: section 4 of the statistics.

D: `binned.d_statistic`; s: `sketch_error.noise_scale`; B: bins. All broadcast, typically (W,).
Under no drift D / s ~ chi-square(B - 1), so E[D] = (B - 1) s. Two questions are asked:
*unusual*: is D larger than this feature's windows show anyway (`benign_variation`)?
*material*: is it larger than a difference that matters (delta0)? Both must say yes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sparkdrift.measures import ncchi2
from sparkdrift.measures.arrays import Floats, divide, floats, shares
from sparkdrift.measures.binned import d_statistic

DELTA_STAR = 0.32  # the effect to alert on, in standard deviations of a shift: PSI 0.1
DELTA_WARN = 0.2
MATERIAL_LEVEL = 0.01
FAMILY_LEVEL = 0.1
# Alone, a test would be asked at the family's level, a tenth; a family of ten asks its
# smallest p at 1 %, which is the level of `power` and `critical_d` unless another is given.
LEAST_FAMILY = 10
LEAST_POWER = 0.8
LEAST_WINDOWS = 3
NO_WINDOWS = "the reference was not made of windows"
_ONE_BIN = "all values of the reference are in one bin"
# Lag-1 correlation of (x_i - x_(i-1))^2 for independent normal x: (-1/2)^2.
_SHARED = 0.25
# Standard errors added in `_square`: with 1, 0.8 % pass at 1 % and 0.2 % at 0.1 % in the hardest
# cell, a mean that wanders as much as the noise; more would cost power [sim].
CAUTION = 1.0


def material_limit(delta: float = DELTA_STAR) -> float:
    """delta0 = delta^2 / 2: half the D that a shift by `delta` causes, 0.051 for 0.32."""
    return delta**2 / 2


DELTA0 = material_limit()


@dataclass(frozen=True)
class Benign:
    """How much the reference's own windows vary beyond sampling noise.

    tau2: mean excess of D. square: a cautious sum of the squared variances of that
    variation over its directions; tau2^2 when it all moves one way, tau2^2 / (B - 1) when
    evenly. rho: lag-1 autocorrelation of D, in [0, 0.9]. w_eff: independent windows it is
    known from, at least 2; infinite when nothing was estimated. windows: windows used.
    reason: why nothing was estimated, else "".
    """

    tau2: float
    square: float
    w_eff: float
    rho: float
    windows: int
    reason: str = ""


def benign_variation(
    window_counts: ArrayLike, noise: ArrayLike | None = None, h: int = 0
) -> Benign:
    """tau^2 of a reference from its windows' bin counts (W, B), in time order.

    Each window w meets the merge of the windows further away than h (h > 0 when
    neighbours resemble each other); tau^2 = max(0, mean(D_w - (B - 1) s_w)).
    noise (W,): 1/n_w plus 1/n_k of each window alone, `noise_scale(n_w, inf, B, k_w)`;
    by default 1 / its rows. Windows without rows are left out.
    With fewer than 3 comparisons: tau2 = 0, w_eff = infinity, and the reason.
    """
    counts = np.atleast_2d(floats(window_counts))
    rows = counts.sum(axis=-1)
    if not len(rows):
        return Benign(0.0, 0.0, np.inf, 0.0, 0, NO_WINDOWS)
    if not (rows > 0).any():
        return Benign(0.0, 0.0, np.inf, 0.0, 0, "no window of the reference has values")
    alone = divide(1.0, rows) if noise is None else np.broadcast_to(floats(noise), rows.shape)
    used = (rows > 0) & np.isfinite(alone)
    counts, alone = counts[used][:, counts[used].sum(axis=0) > 0], alone[used]
    windows, bins = counts.shape
    if bins < 2:
        return Benign(0.0, 0.0, np.inf, 0.0, windows, _ONE_BIN)
    d, s = left_out(counts, alone, h)
    d, s = d[np.isfinite(d)], s[np.isfinite(d)]
    if len(d) < LEAST_WINDOWS:
        reason = f"{len(d)} reference windows to compare, {LEAST_WINDOWS} needed"
        return Benign(0.0, 0.0, np.inf, 0.0, windows, reason)
    tau2 = max(0.0, float((d - (bins - 1) * s).mean()))
    rho = _autocorrelation(d)
    w_eff = max(2.0, len(d) * (1 - rho) / (1 + rho))
    square = _square(_apart(counts), float(d.mean()), float(s.mean()), tau2, w_eff)
    return Benign(tau2, square, w_eff, rho, windows)


def pair_variation(window_counts: ArrayLike, earlier: ArrayLike, noise: ArrayLike) -> Benign:
    """tau^2 between two windows of a reference, from its windows' bin counts (W, B).

    earlier (W,): the position of the window that each is held against; negative: none.
    noise (W,): as for `benign_variation`; a pair has that of both. tau^2 = max(0,
    mean(D - (B - 1) s)) over the pairs: for windows that vary independently twice that of
    `benign_variation`, for neighbours that resemble each other less. Pairs that share a window
    are correlated: rho is at least the 1/4 that squared differences of independent normal
    values have. windows: pairs used. With fewer than 3: tau2 = 0, w_eff = infinity, and the
    reason.
    """
    counts = np.atleast_2d(floats(window_counts))
    alone = np.broadcast_to(floats(noise), counts.shape[:1])
    before = np.asarray(earlier, dtype=np.intp)
    full = (counts.sum(axis=-1) > 0) & np.isfinite(alone)
    used = (before >= 0) & full & full[before]
    live = counts[full].sum(axis=0) > 0
    pairs, bins = int(used.sum()), int(live.sum())
    if pairs < LEAST_WINDOWS or bins < 2:
        reason = f"the reference has {pairs} pairs of windows like this, {LEAST_WINDOWS} needed"
        if pairs >= LEAST_WINDOWS:
            reason = _ONE_BIN
        return Benign(0.0, 0.0, np.inf, 0.0, pairs, reason)
    a, b = counts[before[used]][:, live], counts[used][:, live]
    d, s = d_statistic(a, b), alone[before[used]] + alone[used]
    tau2 = max(0.0, float((d - (bins - 1) * s).mean()))
    rho = max(_SHARED, _autocorrelation(d))
    w_eff = max(2.0, pairs * (1 - rho) / (1 + rho))
    middle = shares(counts[full][:, live].sum(axis=0))
    moved = (shares(b) - shares(a)) / np.sqrt(middle)
    square = _square(moved, float(d.mean()), float(s.mean()), tau2, w_eff)
    return Benign(tau2, square, w_eff, rho, pairs)


def left_out(counts: Floats, alone: Floats, h: int) -> tuple[Floats, Floats]:
    """(D_w, s_w), each (W,): every window against the merge of those more than h away."""
    windows = len(counts)
    rows = counts.sum(axis=-1)
    start = np.maximum(np.arange(windows) - h, 0)
    stop = np.minimum(np.arange(windows) + h + 1, windows)

    def others(values: Floats) -> Floats:
        running = np.concatenate([np.zeros((1, *values.shape[1:])), values.cumsum(axis=0)])
        return floats(running[start] + running[-1] - running[stop])

    # subtracting counts is exact; a merge of none leaves 0 rows, hence NaN
    rest = np.maximum(others(counts), 0.0)
    total = np.round(others(rows), 6)
    s = alone + divide(others(rows**2 * alone), total**2)
    return np.where(total > 0, d_statistic(rest, counts), np.nan), s


def _autocorrelation(d: Floats) -> float:
    centred = d - d.mean()
    power = float(centred @ centred)
    if power <= 0:
        return 0.0
    return float(np.clip(centred[1:] @ centred[:-1] / power, 0.0, 0.9))


def _apart(counts: Floats) -> Floats:
    """How far each window's shares lie from all windows', by the root of these: (W, B)."""
    middle = counts.sum(axis=0) / counts.sum()
    return floats((counts / counts.sum(axis=-1, keepdims=True) - middle) / np.sqrt(middle))


def _square(deviations: Floats, mean: float, s: float, tau2: float, w_eff: float) -> float:
    """Cautious estimate of the sum of squared variances of the benign variation.

    deviations (W, B): of windows from all, or of windows from earlier ones.
    The mean squared product of two windows' deviations estimates the sum of squared variances
    of noise and benign variation together, whatever their directions (Chen and Qin 2010). It
    enters relative to the squared mean: 1 when all windows move along one direction, 1/(B - 1)
    when in all alike. Means enter with CAUTION standard errors added: too small a sum sets too
    low a threshold, too large a one costs little power.
    """
    bins = deviations.shape[1]
    gram = deviations @ deviations.T
    length = float(np.diag(gram).mean())
    if length <= 0:
        return 0.0
    pairs = ~np.eye(len(deviations), dtype=bool)
    cosine = min(1.0, float((gram[pairs] ** 2).mean()) / length**2)
    error = CAUTION * float(np.sqrt(2 * cosine / w_eff)) * mean
    upper = tau2 + error
    together = cosine * (mean + error) ** 2 - (bins - 1) * s**2 - 2 * s * tau2
    return float(np.clip(together, upper**2 / (bins - 1), upper**2))


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
    low = np.sqrt(ncchi2.noncentrality(ratio, free, 0.975) * noise)
    high = np.sqrt(ncchi2.noncentrality(ratio, free, 0.025) * noise)
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
    family: float = FAMILY_LEVEL,
    material: float = MATERIAL_LEVEL,
    least_power: float = LEAST_POWER,
) -> NDArray[np.str_]:
    """The status of each window on its own: step 4 of section 4, broadcast.

    'drifted': q <= family and p_material < material; 'warning': q <= family and
    effect >= warn; 'ok': neither, and power >= least_power; else 'insufficient_data', also
    where q_value, p_material or effect is NaN. So a large shift alerts in a small window,
    but a small window is never ok.
    """
    q, p2, size, chance = np.broadcast_arrays(
        floats(q_value), floats(p_material), floats(effect), floats(power)
    )
    with np.errstate(invalid="ignore"):
        measured = ~(np.isnan(q) | np.isnan(p2) | np.isnan(size))
        unusual = measured & (q <= family)
        choices = [unusual & (p2 < material), unusual & (size >= warn)]
        choices.append(measured & (chance >= least_power))
    return np.asarray(np.select(choices, ["drifted", "warning", "ok"], "insufficient_data"))

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
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.binned import d_statistic

DELTA_STAR = 0.32  # the effect to alert on, in standard deviations of a shift: PSI 0.1
DELTA_WARN = 0.2
MATERIAL_LEVEL = 0.01
FAMILY_LEVEL = 0.1
LEAST_POWER = 0.8
LEAST_WINDOWS = 3
CAUTION = 1.5  # standard errors added in `_square`; 1 lets 3.0 % through in its worst cell [sim]


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
    alone = divide(1.0, rows) if noise is None else np.broadcast_to(floats(noise), rows.shape)
    used = (rows > 0) & np.isfinite(alone)
    counts, alone = counts[used][:, counts[used].sum(axis=0) > 0], alone[used]
    windows, bins = counts.shape
    if bins < 2:
        return Benign(0.0, 0.0, np.inf, 0.0, windows, "the reference has fewer than 2 bins")
    d, s = left_out(counts, alone, h)
    d, s = d[np.isfinite(d)], s[np.isfinite(d)]
    if len(d) < LEAST_WINDOWS:
        reason = f"{len(d)} reference windows to compare, {LEAST_WINDOWS} needed"
        return Benign(0.0, 0.0, np.inf, 0.0, windows, reason)
    tau2 = max(0.0, float((d - (bins - 1) * s).mean()))
    rho = _autocorrelation(d)
    w_eff = max(2.0, len(d) * (1 - rho) / (1 + rho))
    square = _square(counts, float(d.mean()), float(s.mean()), tau2, w_eff)
    return Benign(tau2, square, w_eff, rho, windows)


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


def _square(counts: Floats, mean: float, s: float, tau2: float, w_eff: float) -> float:
    """Cautious estimate of the sum of squared variances of the benign variation.

    The mean squared cosine between two windows' deviations is 1 when all windows move
    along one direction and 1/(B - 1) when in all alike, so mean(D)^2 times it estimates the
    sum for noise and benign variation together. Means enter with CAUTION standard errors
    added: too small a sum sets too low a threshold, too large a one costs little power.
    """
    bins = counts.shape[1]
    middle = counts.sum(axis=0) / counts.sum()
    deviations = (counts / counts.sum(axis=-1, keepdims=True) - middle) / np.sqrt(middle)
    gram = deviations @ deviations.T
    lengths = np.diag(gram)
    pairs = ~np.eye(len(counts), dtype=bool) & (np.outer(lengths, lengths) > 0)
    if not pairs.any():
        return 0.0
    cosine = float((gram[pairs] ** 2 / np.outer(lengths, lengths)[pairs]).mean())
    error = CAUTION * float(np.sqrt(2 * cosine / w_eff)) * mean
    upper = tau2 + error
    together = cosine * (mean + error) ** 2 - (bins - 1) * s**2 - 2 * s * tau2
    return float(np.clip(together, upper**2 / (bins - 1), upper**2))


def _expected(
    s: ArrayLike, B: ArrayLike, tau2: ArrayLike, square: ArrayLike | None
) -> tuple[Floats, Floats]:
    """(mu, nu): mean of D without drift, and its degrees of freedom, clamped to [1, B - 1]."""
    noise, excess = floats(s), floats(tau2)
    free = np.where(floats(B) >= 2, floats(B) - 1, np.nan)
    mu = free * noise + excess
    squares = divide(excess**2, free) if square is None else floats(square)
    total = free * noise**2 + 2 * noise * excess + squares
    return mu, np.clip(divide(mu**2, total), 1.0, free)


def p_unusual(
    D: ArrayLike,
    s: ArrayLike,
    B: ArrayLike,
    tau2: ArrayLike = 0.0,
    w_eff: ArrayLike = np.inf,
    square: ArrayLike | None = None,
) -> Floats:
    """p1: how often a window without drift shows this D or more. NaN where D, s or B < 2 is.

    mu = (B - 1) s + tau^2; D / mu ~ F(nu, nu w_eff), chi-square(nu) / nu for infinite w_eff.
    nu = mu^2 / ((B - 1) s^2 + 2 s tau^2 + square) matches the variance of D (Satterthwaite
    1946): B - 1 without benign variation or when it is spread evenly (square = None), down to
    1 when all windows move along one direction, as the mean of a feature does. There
    nu = B - 1 rejects 12-15 % of drift-free windows at a nominal 1 % [sim].
    """
    mu, nu = _expected(s, B, tau2, square)
    ratio = divide(D, mu)
    known = floats(w_eff)
    with np.errstate(invalid="ignore"):
        estimated = special.fdtrc(nu, nu * np.where(np.isfinite(known), known, 2.0), ratio)
    return floats(np.where(np.isposinf(known), special.chdtrc(nu, nu * ratio), estimated))


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
    """The smallest D with both p_unusual and p_material below `level`."""
    noise = floats(s)
    mu, nu = _expected(noise, B, tau2, square)
    free = np.where(floats(B) >= 2, floats(B) - 1, np.nan)
    material = noise * ncchi2.quantile(1 - level, free, divide(delta0, noise))
    known = floats(w_eff)
    with np.errstate(invalid="ignore"):
        estimated = special.fdtri(nu, nu * np.where(np.isfinite(known), known, 2.0), 1 - level)
    unusual = mu * np.where(np.isposinf(known), special.chdtri(nu, level) / nu, estimated)
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

    For one feature alone: a large family moves the threshold on p_unusual.
    """
    limit = critical_d(s, B, delta0, tau2, w_eff, square, level)
    free = np.where(floats(B) >= 2, floats(B) - 1, np.nan)
    return 1.0 - ncchi2.distribution(divide(limit, s), free, divide(floats(delta) ** 2, s))


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """q-values of a family of p-values, any shape; NaN stays NaN and does not count.

    Rejecting q <= 0.1 keeps the expected share of false alerts among alerts below 10 %.
    Source: Benjamini and Hochberg 1995.
    """
    given = floats(p)
    result = np.full(given.shape, np.nan)
    tested = np.isfinite(given)
    values = given[tested]
    order = np.argsort(values, kind="stable")[::-1]
    scaled = values[order] * len(values) / np.arange(len(values), 0, -1)
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

"""One figure for the joint shift of all inputs of a window, from what is stored of each alone.

Many small shifts, each too small to alert, add up. They are told by `Terms`: a distance D, its
noise s and its degrees of freedom, for each feature (`marginal_terms`; D of
`binned.d_statistic`, B - 1).

**joint** = the average over features of -ln p, p the feature's `p_unusual`; 1 without drift,
whatever the features' bins. Features depend on each other, so no formula gives its
distribution: it is taken from the reference's own windows, each against the others.
Source: Fisher 1932 (the sum of logarithms); Brown 1975 (a scaled chi-square when the p's are
dependent).

What it can't see: a shift that keeps every marginal, such as features that begin to move
together. It also can't tell such a shift from its absence, so a quiet figure says nothing
about them: `dependence` compares correlations, and `domain_classifier` looks at rows and finds
most. A shift in few of many features drowns in the average of the others: those features alert
by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkdrift.measures import evidence, own_windows, variation
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.own_windows import OwnWindows

SMALLEST = 1e-300  # below it a double's logarithm ends
LEAST_PART = 0.5  # of the features that the reference's windows measure


@dataclass(frozen=True, eq=False)
class Terms:
    """Windows against the reference, float64 (W, F) each, for F features.

    d: distance; s: its noise; free: its degrees of freedom; p: `p_unusual`. NaN where a
    feature was not measured in a window.
    """

    d: Floats
    s: Floats
    free: Floats
    p: Floats


@dataclass(frozen=True, eq=False)
class Joint:
    """The joint shift of windows, float64 (W,) each; NaN where it could not be measured.

    joint: 1 without drift. p_unusual: from the reference's own windows. distance: the sum of
    all D, of which noise explains degrees x noise. effect, low, high: length of the
    shift over all features, in sd, counted as if they were independent. used: how many
    features were measured. own: what the reference's windows show.
    """

    joint: Floats
    p_unusual: Floats
    distance: Floats
    noise: Floats
    degrees: Floats
    effect: Floats
    low: Floats
    high: Floats
    p_material: Floats
    power: Floats
    used: Floats
    own: OwnWindows


def marginal_terms(window_counts: ArrayLike, noise: ArrayLike | None = None) -> Terms:
    """Each of a reference's windows (V, B) against the others, for one feature: (V, 1).

    noise (V,): as for `variation.benign_variation`. The usual variation that a window is held
    against leaves that window out, as it does for a window to come. A window without rows
    and a feature with fewer than two bins are NaN. For windows to come, `Terms` is what
    their drift rows hold.
    """
    counts = np.atleast_2d(floats(window_counts))
    rows = counts.sum(axis=-1)
    alone = divide(1.0, rows) if noise is None else np.broadcast_to(floats(noise), rows.shape)
    varies = variation.benign_variation(counts, alone)
    used = (rows > 0) & np.isfinite(alone)
    live = counts[used].sum(axis=0) > 0
    d, s, p = (np.full((len(counts), 1), np.nan) for _ in range(3))
    bins = int(live.sum())
    if bins >= 2 and used.any():
        d[used, 0], s[used, 0] = variation.left_out(counts[used][:, live], alone[used], 0)
        tau2 = _without_own(d - (bins - 1) * s)
        p = evidence.p_unusual(d, s, bins, tau2, varies.w_eff, varies.square)
    return Terms(d, s, np.where(np.isnan(d), np.nan, bins - 1.0), p)


def _without_own(excess: Floats) -> Floats:
    """max(0, mean of the other windows' excess), same shape (V, F)."""
    known = np.isfinite(excess)
    others = np.nansum(excess, axis=0) - np.where(known, excess, 0.0)
    return np.maximum(0.0, np.nan_to_num(divide(others, known.sum(axis=0) - known)))


def together(parts: Sequence[Terms]) -> Terms:
    """Terms of several features, (W, F_1 + F_2 + ...), of the same windows."""
    names = ("d", "s", "free", "p")
    return Terms(*(np.concatenate([getattr(one, name) for one in parts], axis=1) for name in names))


@dataclass(frozen=True, eq=False)
class Usual:
    """What a reference's own windows show, each against the others; see `usual_joint`.

    average: of -ln p, (V,); held: which features they measure, (F,). total, noise, free (V,):
    the sum of all D, which without drift and if all were independent is noise times a chi-square
    with `free` degrees of freedom.
    """

    average: Floats
    held: NDArray[np.bool_]
    total: Floats
    noise: Floats
    free: Floats


def usual_joint(own: Terms) -> Usual:
    """own: Terms of the reference's windows, (V, F)."""
    held = np.asarray(np.isfinite(own.p).any(axis=0), dtype=bool)
    return Usual(_surprise(held, own), held, *_sum(own))


def joint_shift(own: Terms, seen: Terms, effect_size: float = evidence.DELTA_STAR) -> Joint:
    """The joint shift of windows.

    own: of the reference's windows, (V, F), from `marginal_terms`; seen: of the windows, (W, F),
    columns alike. See `judge_joint`.
    """
    return judge_joint(usual_joint(own), seen, effect_size)


def judge_joint(
    usual: Usual,
    seen: Terms,
    effect_size: float = evidence.DELTA_STAR,
    level: float = evidence.MATERIAL_LEVEL,
) -> Joint:
    """The joint shift of windows; seen: Terms of the features of `usual`, (W, F).

    Needs `own_windows.LEAST_WINDOWS`; with fewer all is NaN and `own.reason` says why, and so is
    a window in which fewer than LEAST_PART of the features, or none, were measured.
    level: at which p_unusual is asked, for the power.

    p_material, power, low and high are those of `evidence` for the sum of all D, as one
    chi-square of matching mean and variance (Satterthwaite 1946). Where the reference's
    windows vary more than independent features would, it has that much fewer degrees of freedom.
    """
    known = own_windows.own_windows(usual.average, 2.0 * int(usual.held.sum()))
    figures = _surprise(usual.held, seen)
    figures = np.full(figures.shape, np.nan) if known.reason else figures
    unknown = np.isnan(figures)
    total, noise, free = (np.where(unknown, np.nan, one) for one in _sum(seen))
    spread = _spread(usual.total, usual.noise, usual.free)
    ratio = np.minimum(spread.ratio, free)
    scale, size = noise * ratio, 1 + free / ratio
    effect, low, high = evidence.effect(total, scale, size)
    limit = evidence.material_limit(effect_size)
    return Joint(
        joint=figures,
        p_unusual=own_windows.p_unusual(figures, known),
        distance=total,
        noise=scale,
        degrees=size - 1,
        effect=effect,
        low=low,
        high=high,
        p_material=evidence.p_material(total, scale, size, limit),
        power=evidence.power(
            scale, size, effect_size, limit, spread.tau2, known.w_eff, spread.square, level
        ),
        used=floats(np.isfinite(seen.p).sum(axis=1)),
        own=known,
    )


def _surprise(held: NDArray[np.bool_], seen: Terms) -> Floats:
    """Average of -ln p over the features that the reference's windows measure, (W,)."""
    p = seen.p[:, held]
    values = -np.log(np.maximum(p, SMALLEST))
    known = np.isfinite(values)
    enough = known.sum(axis=1) >= max(1.0, LEAST_PART * p.shape[1])
    return np.where(enough, divide(np.nansum(values, axis=1), known.sum(axis=1)), np.nan)


def _sum(terms: Terms) -> tuple[Floats, Floats, Floats]:
    """(T, s, h), each (W,): T = sum of D; without drift T / s ~ chi-square(h) if independent."""
    held = np.isfinite(terms.d) & np.isfinite(terms.s)
    d, s, free = (np.where(held, one, 0.0) for one in (terms.d, terms.s, terms.free))
    noise = divide((free * s**2).sum(axis=1), (free * s).sum(axis=1))
    return d.sum(axis=1), noise, divide((free * s).sum(axis=1), noise)


@dataclass(frozen=True)
class _Spread:
    """ratio: variance of T over that of independent features, >= 1; tau2, square: as `Benign`."""

    ratio: float
    tau2: float
    square: float


def _spread(total: Floats, noise: Floats, free: Floats) -> _Spread:
    held = np.isfinite(noise)
    if held.sum() < 2:
        return _Spread(1.0, 0.0, 0.0)
    total, noise, free = total[held], noise[held], free[held]
    variance, expected = float(total.var(ddof=1)), float((2 * free * noise**2).mean())
    ratio = max(1.0, variance / expected)
    tau2 = max(0.0, float((total - free * noise).mean()))
    told = ratio * expected / 2 + 2 * min(ratio, float(free.mean())) * float(noise.mean()) * tau2
    return _Spread(ratio, tau2, max(0.0, variance / 2 - told))

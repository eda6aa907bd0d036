"""One figure for the joint shift of all inputs of a window, from what is stored of each alone.

Many small shifts, each too small to alert, add up; and features that begin to move together
show in no marginal. Both are told by `Terms`: a distance D, its noise s and its degrees of
freedom, for each feature (`marginal_terms`; D of `binned.d_statistic`, B - 1) and for each
pair of numeric features (`correlation_terms`; D = the squared change of Fisher's z, 1: to
first order a change of z by x is as easily seen as a shift by x sd, both have Fisher
information 1 per row).

**joint** = the average over features of -ln p, p the feature's `p_unusual`; 1 without drift,
whatever the features' bins. With correlations it is the average of both averages, each
weighed by one over its spread. Features depend on each other, so no formula gives its
distribution: it is taken from the reference's own windows, each against the others.
Source: Fisher 1932 (the sum of logarithms); Brown 1975 (a scaled chi-square when the p's are
dependent); Fisher 1921 (z).

What it can't see: a shift that keeps every marginal and every pairwise correlation. A
dependence that is not monotone (y follows |x|), one between categories, one of three features
that no two of them show. It also can't tell such a shift from its absence, so a quiet figure
says nothing about them: `domain_classifier` looks at rows and finds most. A shift in few of
many features drowns in the average of the others: those features alert by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkdrift.measures import evidence, own_windows
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.own_windows import OwnWindows

SMALLEST = 1e-300  # below it a double's logarithm ends
LEAST_PART = 0.5  # of the features that the reference's windows measure


@dataclass(frozen=True, eq=False)
class Terms:
    """Windows against the reference, float64 (W, F) each, for F features or F pairs.

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
    shift over all features and pairs, in sd, counted as if they were independent. used: how
    many features and pairs were measured. own: what the reference's windows show.
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

    noise (V,): as for `evidence.benign_variation`. The usual variation that a window is held
    against leaves that window out, as it does for a window to come. A window without rows
    and a feature with fewer than two bins are NaN. For windows to come, `Terms` is what
    their drift rows hold.
    """
    counts = np.atleast_2d(floats(window_counts))
    rows = counts.sum(axis=-1)
    alone = divide(1.0, rows) if noise is None else np.broadcast_to(floats(noise), rows.shape)
    varies = evidence.benign_variation(counts, alone)
    used = (rows > 0) & np.isfinite(alone)
    live = counts[used].sum(axis=0) > 0
    d, s, p = (np.full((len(counts), 1), np.nan) for _ in range(3))
    bins = int(live.sum())
    if bins >= 2 and used.any():
        d[used, 0], s[used, 0] = evidence.left_out(counts[used][:, live], alone[used], 0)
        tau2 = _without_own(d - (bins - 1) * s)
        p = evidence.p_unusual(d, s, bins, tau2, varies.w_eff, varies.square)
    return Terms(d, s, np.where(np.isnan(d), np.nan, bins - 1.0), p)


def _without_own(excess: Floats) -> Floats:
    """max(0, mean of the other windows' excess), same shape (V, F)."""
    known = np.isfinite(excess)
    others = np.nansum(excess, axis=0) - np.where(known, excess, 0.0)
    return np.maximum(0.0, np.nan_to_num(divide(others, known.sum(axis=0) - known)))


def correlation_terms(
    known_r: ArrayLike, known_n: ArrayLike, r: ArrayLike, n: ArrayLike
) -> tuple[Terms, Terms]:
    """(the reference's windows, each against the others; windows), for P pairs: (V, P), (W, P).

    known_r, known_n (V, P): Pearson correlation and rows (both present) of each pair in each
    of the reference's windows; r, n (W, P): in the windows. The reference is the average of
    its windows' z, weighed by n - 3, less the bias r / (2 (n - 1)): so what moves between
    windows is not taken for correlation inside them. s = 1/(n - 3) + 1/sum of the others';
    what the windows vary beyond that is tau^2, which also holds what heavy tails add, as far
    as windows have alike rows. n <= 3, NaN, and a feature that is constant (r NaN): NaN.
    Source: Fisher 1921; Hotelling 1953 (the bias).
    """
    z, weight = _fisher(known_r, known_n)
    total = weight.sum(axis=0)
    rest = total - weight
    others = divide((weight * np.nan_to_num(z)).sum(axis=0) - weight * np.nan_to_num(z), rest)
    own_d = (z - others) ** 2
    own_s = divide(1.0, weight) + divide(1.0, rest)
    excess = own_d - own_s
    windows = np.maximum(np.isfinite(excess).sum(axis=0), 2.0)
    own = _of_pairs(own_d, own_s, _without_own(excess), windows - 1)
    seen, rows = _fisher(r, n)
    middle = divide((weight * np.nan_to_num(z)).sum(axis=0), total)
    tau2 = np.maximum(0.0, divide(np.nansum(excess, axis=0), np.isfinite(excess).sum(axis=0)))
    s = divide(1.0, rows) + divide(1.0, total)
    return own, _of_pairs((seen - middle) ** 2, s, tau2, windows)


def _fisher(r: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """(z without its bias, n - 3), at least 2-d; weight 0 and z NaN where there is no z."""
    found, rows = np.broadcast_arrays(np.atleast_2d(floats(r)), np.atleast_2d(floats(n)))
    with np.errstate(invalid="ignore"):
        usable = (rows > 3) & (np.abs(found) <= 1)
    held = np.clip(np.where(usable, found, np.nan), -1 + 1e-9, 1 - 1e-9)
    z = np.arctanh(held) - divide(held, 2 * (rows - 1))
    return z, np.where(usable, rows - 3, 0.0)


def _of_pairs(d: Floats, s: Floats, tau2: Floats, w_eff: Floats) -> Terms:
    p = evidence.p_unusual(d, s, 2, tau2, w_eff, tau2**2)
    return Terms(d, s, np.where(np.isnan(d), np.nan, 1.0), p)


def together(parts: Sequence[Terms]) -> Terms:
    """Terms of several features, (W, F_1 + F_2 + ...), of the same windows."""
    names = ("d", "s", "free", "p")
    return Terms(*(np.concatenate([getattr(one, name) for one in parts], axis=1) for name in names))


@dataclass(frozen=True, eq=False)
class Usual:
    """What a reference's own windows show, each against the others; see `usual_joint`.

    averages: of each kind of terms, the average of -ln p, (V,); held: which of its features they
    measure, (F,). total, noise, free (V,): the sum of all D, which without drift and if all were
    independent is noise times a chi-square with `free` degrees of freedom.
    """

    averages: tuple[Floats, ...]
    held: tuple[NDArray[np.bool_], ...]
    total: Floats
    noise: Floats
    free: Floats


def usual_joint(own: Sequence[Terms]) -> Usual:
    """own: Terms of each kind (marginals, correlations) of the reference's windows, (V, F)."""
    held = tuple(np.asarray(np.isfinite(one.p).any(axis=0), dtype=bool) for one in own)
    averages = tuple(_surprise(one, seen) for one, seen in zip(held, own, strict=True))
    return Usual(averages, held, *_sum(together(own)))


def joint_shift(
    own: Sequence[Terms], seen: Sequence[Terms], effect_size: float = evidence.DELTA_STAR
) -> Joint:
    """The joint shift of windows; own, seen: Terms of each kind (marginals, correlations).

    own: of the reference's windows, (V, F), from `marginal_terms` and `correlation_terms`;
    seen: of the windows, (W, F), columns alike. See `judge_joint`.
    """
    return judge_joint(usual_joint(own), seen, effect_size)


def judge_joint(
    usual: Usual,
    seen: Sequence[Terms],
    effect_size: float = evidence.DELTA_STAR,
    level: float = evidence.MATERIAL_LEVEL,
) -> Joint:
    """The joint shift of windows; seen: Terms of the kinds of `usual`, (W, F), columns alike.

    Needs `own_windows.LEAST_WINDOWS`; with fewer all is NaN and `own.reason` says why, and so is
    a window in which fewer than LEAST_PART of the features, or none of a kind, were measured.
    level: at which p_unusual is asked, for the power.

    p_material, power, low and high are those of `evidence` for the sum of all D, as one
    chi-square of matching mean and variance (Satterthwaite 1946). Where the reference's
    windows vary more than independent features would, it has that much fewer degrees of freedom.
    """
    kinds = [k for k, held in enumerate(usual.held) if held.any()]
    averages = [usual.averages[k] for k in kinds]
    weights = [_precision(one) for one in averages]
    most = 2.0 * sum(int(usual.held[k].sum()) for k in kinds)
    known = own_windows.own_windows(_weighed(averages, weights, len(usual.total)), most)
    new = [_surprise(usual.held[k], seen[k]) for k in kinds]
    figures = _weighed(new, weights, len(seen[0].p))
    figures = np.full(figures.shape, np.nan) if known.reason else figures
    unknown = np.isnan(figures)
    total, noise, free = (np.where(unknown, np.nan, one) for one in _sum(together(seen)))
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
        used=floats(np.isfinite(together(seen).p).sum(axis=1)),
        own=known,
    )


def _surprise(held: NDArray[np.bool_], seen: Terms) -> Floats:
    """Average of -ln p over the features that the reference's windows measure, (W,)."""
    p = seen.p[:, held]
    values = -np.log(np.maximum(p, SMALLEST))
    known = np.isfinite(values)
    enough = known.sum(axis=1) >= max(1.0, LEAST_PART * p.shape[1])
    return np.where(enough, divide(np.nansum(values, axis=1), known.sum(axis=1)), np.nan)


def _precision(averages: Floats) -> float:
    """1 / spread over the reference's windows: the weight of one kind beside another."""
    held = averages[np.isfinite(averages)]
    sd = float(held.std(ddof=1)) if len(held) > 1 else 0.0
    return 1 / sd if sd > 0 else 1.0


def _weighed(averages: Sequence[Floats], weights: Sequence[float], windows: int) -> Floats:
    if not averages:
        return np.full(windows, np.nan)
    shares = floats(weights) / sum(weights)
    return floats(sum(w * one for w, one in zip(shares, averages, strict=True)))


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

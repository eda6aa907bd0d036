"""Distances between binned distributions, numeric or categorical, for many windows at once.

Counts in: reference (B,) or, after `bins.pool`, (W, B); window (W, B); the leading axes
broadcast, and one figure per window comes out, shape (W,). A cell empty on both sides is
no bin: it adds nothing anywhere. A side without rows gives NaN.
p, m = the reference's shares and rows; q, n = the window's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sparkdrift.measures.arrays import Floats, divide, floats, shares
from sparkdrift.measures.sketch_error import mass_error


def d_statistic(reference: ArrayLike, window: ArrayLike) -> Floats:
    """D = sum (p - q)^2 / pool, pool = (m p + n q) / (m + n): the test statistic.

    From 0 to (m + n)^2 / (m n), reached when the sides share no bin: 4 for equal sizes.
    Under no drift D / s ~ chi-square(B - 1), s = `sketch_error.noise_scale`; with exact
    counts, s = 1/n + 1/m, this is Pearson's two-sample chi-square. For a shift by a small
    delta standard deviations D is about delta^2. Source: Pearson 1900; section 2.
    """
    a, b = np.broadcast_arrays(floats(reference), floats(window))
    gap = (shares(a) - shares(b)) ** 2
    pooled = shares(a + b)
    return _sum(gap, pooled, a + b)


def _sum(gap: Floats, by: Floats, cells: Floats) -> Floats:
    """sum over the last axis of gap / by where a cell holds rows; NaN if a side has none."""
    missing = np.isnan(gap).any(axis=-1)
    with np.errstate(invalid="ignore"):
        terms = np.divide(gap, by, out=np.zeros(gap.shape), where=cells > 0)
    return floats(np.where(missing, np.nan, terms.sum(axis=-1)))


def live_bins(reference: ArrayLike, window: ArrayLike) -> Floats:
    """How many cells hold rows on either side: the B of a test, float64 (W,)."""
    a, b = np.broadcast_arrays(floats(reference), floats(window))
    return floats(((a + b) > 0).sum(axis=-1))


def chi2(
    reference: ArrayLike, window: ArrayLike, s: ArrayLike | None = None
) -> tuple[Floats, Floats]:
    """(statistic, p-value) of D / s against chi-square(live bins - 1), each (W,).

    s: noise scale (W,); by default 1/n + 1/m from the counts, which gives Pearson's test
    without correction. Pool first (`bins.pool`): unpooled at n = 30 it rejects 2.9 % at
    a nominal 1 % [sim]. NaN with fewer than two live bins.
    """
    a, b = np.broadcast_arrays(floats(reference), floats(window))
    noise = divide(1.0, a.sum(axis=-1)) + divide(1.0, b.sum(axis=-1)) if s is None else floats(s)
    free = live_bins(a, b) - 1
    statistic = np.where(free >= 1, divide(d_statistic(a, b), noise), np.nan)
    return statistic, floats(special.chdtrc(np.where(free >= 1, free, np.nan), statistic))


def _smoothed(counts: Floats, live: NDArray[np.bool_]) -> Floats:
    """(c + 1/2) / (N + B/2) over the live cells, NaN for a row without counts."""
    total = counts.sum(axis=-1, keepdims=True)
    below = np.where(total > 0, total + live.sum(axis=-1, keepdims=True) / 2, np.nan)
    return floats((counts + 0.5) / below)


def psi(reference: ArrayLike, window: ArrayLike) -> Floats:
    """Population stability index: sum (p - q) ln(p / q), p = (c + 1/2) / (N + B/2); >= 0.

    The half rows keep it finite on empty cells. It is the reported size; D decides: a fixed
    PSI > 0.1 fires on 93-98 % of windows of 30 rows without any drift [sim].
    Source: Siddiqi, Credit Risk Scorecards, 2006; Jeffreys 1946 (the divergence);
    Krichevsky and Trofimov 1981 (the half).
    """
    a, b = np.broadcast_arrays(floats(reference), floats(window))
    live = (a + b) > 0
    p, q = _smoothed(a, live), _smoothed(b, live)
    terms = np.where(live, (p - q) * np.log(p / q), 0.0)
    return floats(terms.sum(axis=-1) + _gaps(a, b))


def _gaps(a: Floats, b: Floats) -> Floats:
    """0 where both sides have rows, NaN where one has none."""
    return np.where((a.sum(axis=-1) > 0) & (b.sum(axis=-1) > 0), 0.0, np.nan)


def psi_error(
    reference: ArrayLike, window: ArrayLike, reference_k: ArrayLike, window_k: ArrayLike
) -> Floats:
    """First-order bar on `psi` from the sketches, (W,); 0 when both are exact (k = infinity).

    `psi_bar` of the mass error that each sketch can make in every bin. Section 2.
    """
    return psi_bar(reference, window, *_of_every_bin(reference_k, window_k))


def _of_every_bin(reference_k: ArrayLike, window_k: ArrayLike) -> tuple[Floats, Floats]:
    """The mass error of either sketch, (W, 1): the same in each of its bins."""
    return floats(mass_error(reference_k))[..., None], floats(mass_error(window_k))[..., None]


def psi_bar(
    reference: ArrayLike, window: ArrayLike, reference_error: ArrayLike, window_error: ArrayLike
) -> Floats:
    """First-order bar on `psi`, (W,), from errors of the bins' shares that broadcast to (W, B).

    sum |ln(q/p) + 1 - p/q| window_error + |ln(p/q) + 1 - q/p| reference_error: the partial
    derivatives of PSI times the errors.
    """
    a, b = np.broadcast_arrays(floats(reference), floats(window))
    live = (a + b) > 0
    p, q = _smoothed(a, live), _smoothed(b, live)
    by_window = np.where(live, np.abs(np.log(q / p) + 1 - p / q), 0.0) * floats(window_error)
    by_reference = np.where(live, np.abs(np.log(p / q) + 1 - q / p), 0.0) * floats(reference_error)
    return floats((by_window + by_reference).sum(axis=-1) + _gaps(a, b))


def rank_shift(reference: ArrayLike, window: ArrayLike) -> Floats:
    """How far the window lies above the reference (negative: below), in sd, for ordered bins, (W,).

    sqrt(2) ndtri(A), A = P(window > reference) + P(same bin) / 2 (Mann-Whitney): exactly delta
    for a normal shift by delta and fine bins. Signed and near linear, so that slices and
    windows may be averaged, as the unsigned distances may not. Its standard error without
    drift is at most 1.023 sqrt(1/n + 1/m). Half a row is added on either side, so it stays
    finite; ten bins bound it to +-2.3. NaN when a side has no rows.
    Source: Mann and Whitney 1947; as a normal shift, Wolfe and Hogg 1971.
    """
    a, b = np.broadcast_arrays(floats(reference), floats(window))
    p, q = shares(a), shares(b)
    above = (q * (p.cumsum(axis=-1) - p / 2)).sum(axis=-1)
    n = b.sum(axis=-1)
    return floats(np.sqrt(2) * special.ndtri((above * n + 0.5) / (n + 1)))


def js_distance(reference: ArrayLike, window: ArrayLike) -> Floats:
    """Jensen-Shannon distance, base 2, in [0, 1]: sqrt(JSD / ln 2).

    Source: Lin, Divergence Measures Based on the Shannon Entropy, 1991; its square root
    is a metric: Endres and Schindelin 2003.
    """
    p, q = np.broadcast_arrays(shares(reference), shares(window))
    return _js_root(_js_terms(p, q))


def _js_terms(p: Floats, q: Floats) -> Floats:
    """What each bin adds to the divergence, in nats: 0 where p = q, positive elsewhere."""
    middle = (p + q) / 2
    return floats((special.rel_entr(p, middle) + special.rel_entr(q, middle)) / 2)


def _js_root(terms: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return floats(np.sqrt(np.clip(terms.sum(axis=-1) / np.log(2), 0.0, 1.0)))


def js_error(
    reference: ArrayLike, window: ArrayLike, reference_k: ArrayLike, window_k: ArrayLike
) -> Floats:
    """Bar on `js_distance` from the sketches, (W,); 0 when both are exact (k = infinity).

    `js_bar` of the mass error that each sketch can make in every bin. Section 1.
    """
    return js_bar(reference, window, *_of_every_bin(reference_k, window_k))


def js_bar(
    reference: ArrayLike, window: ArrayLike, reference_error: ArrayLike, window_error: ArrayLike
) -> Floats:
    """How far `js_distance` may be off, (W,), given errors of the shares that broadcast to (W, B).

    Not to first order, as `psi_bar` is: a square root has no derivative at 0, which is where
    windows without drift are. What a bin adds is convex in both shares and 0 where they are equal,
    so it is least where they come as close as the errors allow, and largest where these take
    them apart: the sums of both enclose the divergence, and their roots the distance. With
    equal shares the bar is about (e1 + e2) sqrt(sum 1/p / (8 ln 2)), 0.047 for ten bins and
    sketches of 400 and 1600. An empty bin counts too: a sketch may have lost what was in it.
    """
    found = js_distance(reference, window)
    first, second = floats(reference_error), floats(window_error)
    if not (first.any() or second.any()):
        return found - found  # exact counts on both sides, which most categories are
    p, q = np.broadcast_arrays(shares(reference), shares(window))
    closer_if_more = _js_terms(np.maximum(p - first, 0.0), np.minimum(q + second, 1.0))
    closer_if_less = _js_terms(np.minimum(p + first, 1.0), np.maximum(q - second, 0.0))
    meet = np.abs(p - q) <= first + second
    least = np.where(meet, 0.0, np.minimum(closer_if_more, closer_if_less))
    most = np.maximum(closer_if_more, closer_if_less)
    return floats(np.maximum(_js_root(most) - found, found - _js_root(least)))


def total_variation(reference: ArrayLike, window: ArrayLike) -> Floats:
    """1/2 sum |p - q|, in [0, 1]. `categorical.total_variation_bounds` adds truncation's part."""
    return floats(np.abs(shares(reference) - shares(window)).sum(axis=-1) / 2)


def l_infinity(reference: ArrayLike, window: ArrayLike) -> Floats:
    """max |p - q|, in [0, 1]: the distance to judge by above about 200 categories."""
    return floats(np.abs(shares(reference) - shares(window)).max(axis=-1))

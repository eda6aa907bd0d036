"""How much a reference's own windows vary beyond sampling noise: section 4 of the statistics.

D: `binned.d_statistic`; noise: 1/n and 1/n_k of a window alone; B: bins. What is found here is
what `evidence.p_unusual` takes for usual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.measures.arrays import Floats, divide, floats, shares
from sparkdrift.measures.binned import d_statistic

LEAST_WINDOWS = 3
NO_WINDOWS = "the reference was not made of windows"
_ONE_BIN = "all values of the reference are in one bin"
# Lag-1 correlation of (x_i - x_(i-1))^2 for independent normal x: (-1/2)^2.
_SHARED = 0.25
# Standard errors added in `_square`: with 1, 0.8 % pass at 1 % and 0.2 % at 0.1 % in the hardest
# cell, a mean that wanders as much as the noise; more would cost power [sim].
CAUTION = 1.0


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


def autocorrelation(window_counts: ArrayLike) -> float:
    """Lag-1 autocorrelation of the bins' shares of windows (W, B) in time order, all bins together.

    Of the shares as they are seen, their sampling noise included; windows without rows are left
    out. NaN with fewer than 3, or of windows that are all alike. Short by about 1 / W (Kendall
    1954).
    """
    counts = np.atleast_2d(floats(window_counts))
    counts = counts[counts.sum(axis=-1) > 0]
    counts = counts[:, counts.sum(axis=0) > 0] if len(counts) else counts
    if len(counts) < LEAST_WINDOWS:
        return float("nan")
    apart = _apart(counts)
    power = float((apart**2).sum())
    return float((apart[1:] * apart[:-1]).sum()) / power if power > 0 else float("nan")


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

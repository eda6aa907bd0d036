"""Performance without labels: what the evaluation set's calibration says of a window's scores.

Binned CBPE: each score bin keeps the rate of positives that the evaluation set had, the window
gives the rows per bin. It assumes that what a score means has not changed (no concept drift):
with labels flipped and scores unchanged the estimate does not move. Then realised metrics leave
its interval, and that is what tells concept drift.

n_b, k_b: labelled rows and positives per bin of the evaluation set, (..., B); rows: of the
window, (..., B); decided: share of the bin's rows with a positive decision, (..., B), which is
`score_bins.above` for a threshold. Leading axes broadcast. NaN where either side has no rows.
Source: NannyML's confidence-based performance estimation, from a histogram instead of rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.measures.arrays import Floats, divide, floats, shares
from sparkdrift.measures.calibration_quality import calibrated_probability, nearby_rate
from sparkdrift.measures.intervals import Figure, logit_interval, plain_interval


class EstimatedMetrics(NamedTuple):
    """Each a Figure of shape (...)."""

    prevalence: Figure
    accuracy: Figure
    precision: Figure
    recall: Figure
    specificity: Figure
    f1: Figure
    roc_auc: Figure
    average_precision: Figure
    brier: Figure
    payoff: Figure


class _Bins(NamedTuple):
    """w: shares of the window's rows; pi: rate of positives; d: decided; unsure, chance: variances.

    unsure: of pi, the evaluation set being finite; chance: of a single row's label.
    """

    w: Floats
    pi: Floats
    d: Floats
    unsure: Floats
    chance: Floats
    rows: Floats


def estimate(
    labelled: ArrayLike,
    positives: ArrayLike,
    rows: ArrayLike,
    decided: ArrayLike,
    scores: ArrayLike,
    values: ArrayLike = (0.0, 0.0, 0.0, 0.0),
) -> EstimatedMetrics:
    """Expected metrics of a window with 95 % intervals for what its labels will show.

    scores: mean score per bin of the window (..., B), for the Brier score, NaN in empty bins;
    values (4,): worth of a TP, FP, FN and TN, for the payoff per row.
    The intervals hold the evaluation set's own error and the chance in the window's labels:
    realised metrics of a window without concept drift lie inside in 95 % of windows. They do
    not hold what the scores' bins can't see, `ranking.auc_bar`.
    Delta method throughout: SE^2 = sum (d/dpi)^2 (c (1 - c) / (n_b + 1) + label noise), c the rate
    of the bin and its neighbours: a bin of few rows whose labels are all alike knows nothing of how
    far its own rate may be off.
    """
    bins = _bins(labelled, positives, rows, decided)
    w, pi, d = bins.w, bins.pi, bins.d
    tp, pos, dec = (w * d * pi).sum(-1), (w * pi).sum(-1), (w * d).sum(-1)
    rest = 1 - pos
    ones, nil = np.ones(tp.shape), np.zeros(tp.shape)
    a, b, c, e = (float(one) for one in floats(values))

    def share(value: Floats, by_tp: Floats, by_pos: Floats) -> Figure:
        return logit_interval(np.clip(value, 0, 1), _error(bins, by_tp, by_pos))

    tn = 1 - dec - pos + tp
    return EstimatedMetrics(
        prevalence=share(pos, nil, ones),
        accuracy=share(tp + tn, 2 * ones, -ones),
        precision=share(divide(tp, dec), divide(1.0, dec), nil),
        recall=share(divide(tp, pos), divide(1.0, pos), -divide(tp, pos**2)),
        specificity=share(divide(tn, rest), divide(1.0, rest), divide(tp - dec, rest**2)),
        f1=share(
            divide(2 * tp, dec + pos), divide(2.0, dec + pos), -divide(2 * tp, (dec + pos) ** 2)
        ),
        roc_auc=_auc(bins),
        average_precision=_average_precision(bins),
        brier=_brier(bins, floats(scores)),
        payoff=plain_interval(
            a * tp + b * (dec - tp) + c * (pos - tp) + e * tn,
            _error(bins, (a - b - c + e) * ones, (c - e) * ones),
        ),
    )


def _bins(labelled: ArrayLike, positives: ArrayLike, rows: ArrayLike, decided: ArrayLike) -> _Bins:
    n, k, seen, d = np.broadcast_arrays(
        floats(labelled), floats(positives), floats(rows), floats(decided)
    )
    pi = np.where(n.sum(axis=-1, keepdims=True) > 0, calibrated_probability(n, k), np.nan)
    w, c = shares(seen), nearby_rate(n, k)
    unsure, chance = floats(c * (1 - c) / (n + 1)), floats(pi * (1 - pi))
    # An empty bin of the window has no decisions: 0 / 0 of nothing is nothing.
    return _Bins(w, pi, np.where(seen > 0, d, 0.0), unsure, chance, seen.sum(axis=-1))


def _error(bins: _Bins, by_tp: Floats, by_pos: Floats) -> Floats:
    """Standard error of a function of TP and positives (shares of rows), from its derivatives.

    A bin's rate moves both at once; a decided row's label moves both, another's the positives.
    """
    w, d = bins.w, bins.d
    one, two = by_tp[..., None], by_pos[..., None]
    unsure = (w * (d * one + two)) ** 2 * bins.unsure
    labels = w * (d * (one + two) ** 2 + (1 - d) * two**2) * bins.chance
    return floats(np.sqrt(unsure.sum(-1) + divide(labels.sum(-1), bins.rows)))


def _by_rate(bins: _Bins, slope: Floats) -> Floats:
    """Standard error of a function of the bins' rates, from its derivative per unit of w pi."""
    unsure = ((bins.w * slope) ** 2 * bins.unsure).sum(-1)
    labels = (bins.w * slope**2 * bins.chance).sum(-1)
    return floats(np.sqrt(unsure + divide(labels, bins.rows)))


def _auc(bins: _Bins) -> Figure:
    """AUC = sum P_b (N_{<b} + N_b / 2) / (sum P sum N), P_b = w pi, N_b = w (1 - pi)."""
    yes, no = bins.w * bins.pi, bins.w * (1 - bins.pi)
    P, N = yes.sum(-1), no.sum(-1)
    below = no.cumsum(-1) - no / 2
    beyond = P[..., None] - (yes.cumsum(-1) - yes / 2)
    auc = divide((yes * below).sum(-1), P * N)
    slope = divide(below - beyond, (P * N)[..., None])
    slope = slope - (auc * (divide(1.0, P) - divide(1.0, N)))[..., None]
    return logit_interval(np.clip(auc, 0, 1), _by_rate(bins, slope))


def _average_precision(bins: _Bins) -> Figure:
    """`ranking.average_precision` of the expected labels.

    From the greatest score down, a bin of w rows with the rate s, after a positives in c rows,
    adds the integral s^2 w + s (a - c s) log(1 + w / c); the slope is its derivative by s.
    """
    w, s = bins.w[..., ::-1], bins.pi[..., ::-1]
    a, c = (w * s).cumsum(-1) - w * s, w.cumsum(-1) - w
    P = (w * s).sum(-1)[..., None]
    log = np.log1p(np.divide(w, c, out=np.zeros(w.shape), where=c > 0))
    value = divide((s**2 * w + s * (a - c * s) * log).sum(-1), P[..., 0])
    after = (s * log).sum(-1)[..., None] - (s * log).cumsum(-1)
    own = 2 * s + (a - 2 * c * s) * np.nan_to_num(divide(log, w))
    slope = divide(own + after - value[..., None], P)[..., ::-1]
    return logit_interval(np.clip(value, 0, 1), _by_rate(bins, floats(slope)))


def _brier(bins: _Bins, scores: Floats) -> Figure:
    """sum w (pi (1 - s)^2 + (1 - pi) s^2), s the mean score of the window's bin."""
    s = np.where(bins.w > 0, scores, 0.5)
    value = (bins.w * (bins.pi * (1 - s) ** 2 + (1 - bins.pi) * s**2)).sum(-1)
    return plain_interval(value, _by_rate(bins, 1 - 2 * s))


def concept_drift(estimated: Figure, realised: Figure) -> Floats:
    """1 where a realised metric lies outside its estimate's interval, 0 inside, NaN unknown.

    By chance 5 % of windows do: raise an alert by persistence or over a family of metrics.
    """
    outside = (realised.value < estimated.low) | (realised.value > estimated.high)
    known = np.isfinite(estimated.low) & np.isfinite(realised.value)
    return np.where(known, outside.astype(np.float64), np.nan)

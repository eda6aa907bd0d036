"""Do scores mean what they say? Brier score, expected calibration error, slope and intercept.

All from a labelled `ScoreBins` state; rows without a label say nothing here. NaN without them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.intervals import Figure, plain_interval
from sparkdrift.measures.score_bins import ScoreBins, mean_score

# Bins on either side whose rate a bin with few rows is drawn towards.
NEIGHBOURS = 2
_STEPS = 60


def calibrated_probability(labelled: ArrayLike, positives: ArrayLike) -> Floats:
    """P(positive) per score bin, (..., B): (k + c) / (n + 1), c = the rate of the bins around.

    c = (K + 1/2) / (N + 1) over the bin and its NEIGHBOURS on either side. One row's weight, as
    Jeffreys' k + 1/2, but not drawn towards one half: with bins of 40 rows that alone adds 1.2
    points to a rate of 1 %. A bin without labelled rows gets c; 1/2 if there are none around
    either: it is `density_ratio.coverage` that tells whether a window may rest on it.
    Source: beta-binomial shrinkage; Jeffreys 1946 (the half).
    """
    n, k = np.broadcast_arrays(floats(labelled), floats(positives))
    return floats((k + nearby_rate(n, k)) / (n + 1))


def nearby_rate(labelled: Floats, positives: Floats) -> Floats:
    """c of `calibrated_probability`: the rate of each bin and its NEIGHBOURS, (..., B)."""
    return floats((around(positives) + 0.5) / (around(labelled) + 1))


def around(counts: Floats) -> Floats:
    """Sums over each bin and its NEIGHBOURS on either side, same shape (..., B)."""
    ends = [(0, 0)] * (counts.ndim - 1)
    total = np.pad(counts, [*ends, (NEIGHBOURS + 1, NEIGHBOURS)]).cumsum(axis=-1)
    width = 2 * NEIGHBOURS + 1
    return floats(total[..., width:] - total[..., :-width])


def brier(state: ScoreBins) -> Figure:
    """Mean squared loss of the labelled rows, exact; (...).

    Its interval takes each row's score for its bin's mean: the spread of (score - label)^2 within
    a bin is that between its two labels. Half a row more, with the label that its score least
    expects, keeps it from being certain where all labels are as expected. Source: Brier 1950.
    """
    n, k = state.column("labelled"), state.column("positives")
    rows = n.sum(axis=-1)
    value = divide(state.column("squared_loss").sum(axis=-1), rows)
    s = np.nan_to_num(mean_score(state, labelled=True))
    fourth = (k * (1 - s) ** 4 + (n - k) * s**4).sum(axis=-1)
    worst = divide((n * np.maximum(s, 1 - s) ** 4).sum(axis=-1), rows)
    variance = np.maximum(divide(fourth + worst / 2, rows + 0.5) - value**2, 0.0)
    return plain_interval(value, np.sqrt(divide(variance, rows)))


def expected_calibration_error(state: ScoreBins) -> tuple[Floats, Floats]:
    """(ECE, what it would be of a perfectly calibrated score), each (...), in probability.

    ECE = sum n_b |k_b / n_b - mean score_b| / n. Chance alone makes it positive, the more the
    more bins and the fewer rows: the second figure is that expectation, sum of
    sqrt(2 / pi) sqrt(n_b s (1 - s)) / n. Calibration has drifted when the first exceeds the second
    by more than matters; neither is a test, see `calibration_line`.
    Source: Naeini, Cooper and Hauskrecht 2015; the mean of a half-normal.
    """
    n, k = state.column("labelled"), state.column("positives")
    rows = n.sum(axis=-1)
    s = np.nan_to_num(mean_score(state, labelled=True))
    gap = np.abs(k - n * s).sum(axis=-1)
    # Nearly empty bins are no normal; there the mean is 2 s (1 - s) for one row.
    single = 2 * n * s * (1 - s)
    chance = np.minimum(np.sqrt(2 / np.pi * n * s * (1 - s)), single).sum(axis=-1)
    return divide(gap, rows), divide(chance, rows)


class CalibrationLine(NamedTuple):
    """logit P(positive) = intercept + slope * logit(score); perfect: 0 and 1. Each part (...).

    in_the_large: the intercept with the slope held at 1, below 0 for scores that promise too much.
    """

    slope: Figure
    intercept: Figure
    in_the_large: Figure


def calibration_line(state: ScoreBins) -> CalibrationLine:
    """Slope and intercept of recalibration by logistic regression on bins, with Wald intervals.

    A bin's rows count as having its mean score, kept 1e-6 away from 0 and 1. A slope below 1:
    scores too extreme (overfitting); above 1: too timid. NaN with one class only, or fewer than
    two bins with labelled rows (slope and intercept), or where the classes are separated.
    Source: Cox 1958; Van Calster et al., Calibration: the Achilles heel, 2019.
    """
    n, k = state.column("labelled"), state.column("positives")
    s = np.where(n > 0, mean_score(state, labelled=True), 0.5)
    x = special.logit(np.clip(s, 1e-6, 1 - 1e-6))
    total, yes = n.sum(axis=-1), k.sum(axis=-1)
    usable = (yes > 0) & (yes < total)
    line = usable & ((n > 0).sum(axis=-1) >= 2)
    zero = np.zeros(total.shape)
    b, a, vb, va = _fit(n, k, x, zero, zero + 1.0, both=True)
    _, a1, _, va1 = _fit(n, k, x, zero, zero + 1.0, both=False)
    return CalibrationLine(
        plain_interval(b, np.sqrt(np.where(line, vb, np.nan))),
        plain_interval(a, np.sqrt(np.where(line, va, np.nan))),
        plain_interval(a1, np.sqrt(np.where(usable, va1, np.nan))),
    )


def _fit(
    n: Floats, k: Floats, x: Floats, a: Floats, b: Floats, *, both: bool
) -> tuple[Floats, Floats, Floats, Floats]:
    """(slope, intercept, their variances) by Newton's steps, each bounded; NaN if not converged."""
    step = np.full((2, *a.shape), np.inf)
    va = vb = np.full(a.shape, np.nan)
    for _ in range(_STEPS):
        p = special.expit(a[..., None] + b[..., None] * x)
        weight = n * p * (1 - p)
        ga, gb = (k - n * p).sum(axis=-1), ((k - n * p) * x).sum(axis=-1)
        haa, hab, hbb = weight.sum(-1), (weight * x).sum(-1), (weight * x * x).sum(-1)
        if both:
            det = haa * hbb - hab**2
            va, vb = divide(hbb, det), divide(haa, det)
            step = np.stack([divide(hbb * ga - hab * gb, det), divide(haa * gb - hab * ga, det)])
        else:
            va = divide(1.0, haa)
            step = np.stack([divide(ga, haa), np.zeros(a.shape)])
        step = np.clip(step, -2.0, 2.0)
        a, b = a + step[0], b + step[1]
        if np.nanmax(np.abs(step), initial=0.0) < 1e-10:
            break
    found = (np.abs(step) < 1e-6).all(axis=0)
    return (
        floats(np.where(found, b, np.nan)),
        floats(np.where(found, a, np.nan)),
        floats(np.where(found, vb, np.nan)),
        floats(np.where(found, va, np.nan)),
    )

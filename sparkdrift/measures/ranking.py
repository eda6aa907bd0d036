"""How well scores rank: ROC AUC and average precision from counts per score bin.

positives, negatives: (..., B), rows per bin in the order of the score; fractions allowed.
Rows of one bin are ties. NaN without a positive or without a negative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.intervals import Figure, logit_interval, wilson

# With so few rows of a class their spread says little of what another sample would show.
LEAST_OF_A_CLASS = 10


def roc_auc(positives: ArrayLike, negatives: ArrayLike) -> Figure:
    """P(score of a positive > of a negative) + P(same bin) / 2, DeLong's interval, logit scale.

    With bins as ties this is Mann-Whitney's statistic; within `auc_bar` of that of the rows.
    Source: DeLong, DeLong and Clarke-Pearson 1988; Bamber 1975.
    """
    p, n, below, beyond = _placements(positives, negatives)
    P, N = p.sum(axis=-1), n.sum(axis=-1)
    auc = divide((p * below).sum(axis=-1), P)
    of_positives = divide((p * (below - auc[..., None]) ** 2).sum(axis=-1), P * (P - 1))
    of_negatives = divide((n * (beyond - auc[..., None]) ** 2).sum(axis=-1), N * (N - 1))
    # One row of a class alone shows no variance: the figure stands, its interval does not.
    se = np.sqrt(of_positives + of_negatives)
    known = _never_certain(logit_interval(auc, np.where(np.isnan(se), 0.0, se)), P, N)
    gone = np.where(np.isnan(se), np.nan, 0.0)
    return Figure(auc, known.low + gone, known.high + gone)


def _never_certain(figure: Figure, P: Floats, N: Floats) -> Figure:
    """Wilson's interval for as many rows as the smaller class has, where that is LEAST_OF_A_CLASS
    or less, or where the rows show no spread at all, as those of a perfect ranking do.

    It is as wide as the largest variance that an AUC can have asks for, A (1 - A) / min(P, N).
    Source: Birnbaum and Klose 1957.
    """
    rows = np.minimum(P, N)
    wide = wilson(figure.value * rows, rows)
    with np.errstate(invalid="ignore"):
        unsure = (rows <= LEAST_OF_A_CLASS) | ~(figure.high > figure.low)
    low, high = (
        np.where(unsure, one, other) for one, other in zip(wide[1:], figure[1:], strict=True)
    )
    return Figure(figure.value, floats(low), floats(high))


def _placements(
    positives: ArrayLike, negatives: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats]:
    """(positives, negatives, share of negatives below each bin, of positives above), ties half."""
    p, n = np.broadcast_arrays(floats(positives), floats(negatives))
    below = divide(n.cumsum(axis=-1) - n / 2, n.sum(axis=-1, keepdims=True))
    beyond = 1 - divide(p.cumsum(axis=-1) - p / 2, p.sum(axis=-1, keepdims=True))
    return p, n, below, beyond


def auc_bar(positives: ArrayLike, negatives: ArrayLike) -> Floats:
    """How far `roc_auc` can be from that of the rows at most, (...): half the tied pairs.

    Reached only if every bin were ranked perfectly, or perfectly wrong; a bin of one single
    score is exact and counted all the same.
    """
    p, n = np.broadcast_arrays(floats(positives), floats(negatives))
    pairs = p.sum(axis=-1) * n.sum(axis=-1)
    return divide((p * n).sum(axis=-1) / 2, pairs)


def average_precision(positives: ArrayLike, negatives: ArrayLike) -> Figure:
    """Mean precision at each positive, rows of a bin being mixed evenly; (...).

    Within a bin with P positives of T rows, after a positives in c rows, the precision is that
    of an even mixture, (a + x) / (c + x T / P). scikit-learn takes the end of a tie instead, so
    for scores with many ties its figure is lower: by 0.003 for scores of two decimals. The
    interval is the binomial one on the logit scale. Within `average_precision_bounds`.
    Source: Davis and Goadrich 2006 (interpolation); Boyd, Eng and Page 2013 (interval).
    """
    p, n = (part[..., ::-1] for part in np.broadcast_arrays(floats(positives), floats(negatives)))
    rows = p + n
    a, c = p.cumsum(axis=-1) - p, rows.cumsum(axis=-1) - rows
    pace = divide(rows, p)
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.where(c > 0, (a - c / pace) / pace * np.log1p(pace * p / c), 0.0)
    area = np.where(p > 0, p / pace + growth, 0.0)
    P = p.sum(axis=-1)
    value = np.clip(divide(area.sum(axis=-1), np.where(n.sum(axis=-1) > 0, P, 0.0)), 0.0, 1.0)
    around = logit_interval(value, np.sqrt(divide(value * (1 - value), P)))
    return _never_certain(around, P, P)


def average_precision_bounds(positives: ArrayLike, negatives: ArrayLike) -> tuple[Floats, Floats]:
    """(least, most) that the average precision of the rows can be, for whole counts, each (...).

    Least: within each bin all negatives rank first; most: all positives do. The sum over the
    bin's positives of (a + i) / (c + i) is P - (c - a)(psi(c + P + 1) - psi(c + 1)).
    """
    p, n = (part[..., ::-1] for part in np.broadcast_arrays(floats(positives), floats(negatives)))
    a, false = p.cumsum(axis=-1) - p, n.cumsum(axis=-1) - n
    total = np.where(n.sum(axis=-1) > 0, p.sum(axis=-1), 0.0)

    def mean_precision(wrong: Floats) -> Floats:
        seen = a + wrong
        harmonic = special.digamma(seen + p + 1) - special.digamma(seen + 1)
        return divide((p - wrong * harmonic).sum(axis=-1), total)

    return mean_precision(floats(false + n)), mean_precision(floats(false))

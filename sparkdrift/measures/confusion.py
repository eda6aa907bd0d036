"""Metrics of the confusion matrix with intervals: accuracy to F1, and what decisions are worth.

tp, fp, fn, tn: rows per cell, (...), fractions allowed (weighted rows scaled to their effective
number). A metric whose denominator is empty, such as the precision of no positive decision, is
NaN: not measured, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.intervals import Figure, plain_interval, wilson
from sparkdrift.measures.score_bins import ScoreBins, above


@dataclass(frozen=True)
class Confusion:
    """Rows per cell, each (...)."""

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats


def at_decision(state: ScoreBins) -> Confusion:
    """The cells by the decisions that were recorded, of rows with decision and label."""
    return Confusion(*(state.total(name) for name in ("tp", "fp", "fn", "tn")))


def at_threshold(state: ScoreBins, threshold: float) -> Confusion:
    """The cells had all labelled rows been decided by `score >= threshold`, an edge."""
    taken = above(state.edges, threshold)
    yes = state.column("positives")
    no = state.column("labelled") - yes
    return Confusion(
        floats((yes * taken).sum(axis=-1)),
        floats((no * taken).sum(axis=-1)),
        floats((yes * (1 - taken)).sum(axis=-1)),
        floats((no * (1 - taken)).sum(axis=-1)),
    )


def accuracy(cells: Confusion) -> Figure:
    """(TP + TN) / all, Wilson's interval."""
    return wilson(cells.tp + cells.tn, cells.tp + cells.fp + cells.fn + cells.tn)


def precision(cells: Confusion) -> Figure:
    """TP / (TP + FP), Wilson's interval."""
    return wilson(cells.tp, cells.tp + cells.fp)


def recall(cells: Confusion) -> Figure:
    """TP / (TP + FN), Wilson's interval."""
    return wilson(cells.tp, cells.tp + cells.fn)


def specificity(cells: Confusion) -> Figure:
    """TN / (TN + FP), Wilson's interval."""
    return wilson(cells.tn, cells.tn + cells.fp)


def f1(cells: Confusion) -> Figure:
    """2 TP / (2 TP + FP + FN), an interval by way of the share TP / (TP + FP + FN).

    F1 = 2 J / (1 + J) rises with Jaccard's J, which is a share of the rows that are positive or
    decided so: Wilson's interval of J, carried over, is one of F1.
    """
    share = wilson(cells.tp, cells.tp + cells.fp + cells.fn)
    return Figure(*(2 * part / (1 + part) for part in share))


def payoff(cells: Confusion, values: ArrayLike) -> Figure:
    """Mean value per row of decisions, in the unit of `values` (4,): of a TP, FP, FN and TN.

    The interval is the mean's, the cells being multinomial; costs are negative values. NaN
    without rows. Source: Elkan, The Foundations of Cost-Sensitive Learning, 2001.
    """
    worth = floats(values)
    if worth.shape != (4,) or not np.isfinite(worth).all():
        raise ValueError(
            f"payoff values of shape {worth.shape} given, accepted are four finite numbers: "
            "of a true positive, false positive, false negative and true negative"
        )
    counts = np.stack([cells.tp, cells.fp, cells.fn, cells.tn], axis=-1)
    n = counts.sum(axis=-1)
    mean = divide((counts * worth).sum(axis=-1), n)
    variance = divide((counts * (worth - mean[..., None]) ** 2).sum(axis=-1), n)
    return plain_interval(mean, np.sqrt(divide(variance, n)))


def skill(value: ArrayLike, baseline: ArrayLike, perfect: ArrayLike) -> Floats:
    """(value - baseline) / (perfect - baseline), broadcast: 1 perfect, 0 no better than baseline.

    For losses perfect is 0, for accuracy and AUC 1. Negative: worse than the baseline. NaN where
    the baseline is perfect already. Source: Murphy, Skill Scores, 1988.
    """
    gained, best, base = np.broadcast_arrays(floats(value), floats(perfect), floats(baseline))
    room = best - base
    sign = np.sign(room)
    return divide(sign * (gained - base), np.abs(room))


def share_difference(one: Figure, other: Figure) -> Figure:
    """one - other with an interval, for two shares of separate groups of rows: fairness gaps.

    Of decision rates: statistical parity; of recalls: equal opportunity; of precisions:
    predictive parity. NaN where either is. Source: Newcombe 1998, method 10, which keeps its
    level where a share is near 0 or 1.
    """
    gap = one.value - other.value
    down = np.hypot(one.value - one.low, other.high - other.value)
    up = np.hypot(one.high - one.value, other.value - other.low)
    return Figure(floats(gap), floats(gap - down), floats(gap + up))

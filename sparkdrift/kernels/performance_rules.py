"""What executors are told of a spec's evaluation, and what one metric of many rows is.

Arrays of a chunk are (N,): one entry per window and slice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.intervals import Figure, Z, plain_interval

ALL = "*"
"""class_name of all classes together, or of the positive one."""
NO_SET = ":none"
"""evaluation_set of windows for which none is in force."""
FAIRNESS = ("statistical_parity", "equal_opportunity", "predictive_parity")
# 1: more is better, -1: less, 0: nearer to 0; what is not here is shown and not judged.
BETTER: Mapping[str, int] = {
    **dict.fromkeys(("accuracy", "precision", "recall", "f1", "specificity"), 1),
    **dict.fromkeys(("roc_auc", "average_precision", "business_value"), 1),
    **dict.fromkeys(("brier", "mae", "rmse", "mape"), -1),
    **dict.fromkeys(("bias", *FAIRNESS), 0),
}
ERRORS = ("mae", "rmse", "mape")
"""Of numeric predictions; a constant's are told by no state, so a baseline must be declared."""
# What needs no label, and so is the same before and after the labels arrive.
WITHOUT_LABELS = ("decision_rate", "statistical_parity")
SHARES = frozenset(
    (
        *("accuracy", "precision", "recall", "f1", "specificity", "roc_auc"),
        *("average_precision", "brier", "prevalence", "decision_rate", "mape", *FAIRNESS),
    )
)
"""Metrics whose points are shares; the others have the unit of the target or of the business."""


LEAST_LABELLED = 30
"""With fewer labels nothing is judged by them: intervals of few rows are not what they are called.
"""
DEFAULT_LOSS = 0.05
"""What may be lost where `degraded` does not say, of a share; of an amount such a part of it."""


@dataclass(frozen=True)
class Rules:
    """task: binary, multiclass or regression; metrics: those of the spec, empty: all.

    recorded: whether decisions were recorded; else they are `score >= threshold`, None: there is
    none. unedged: a threshold that the bins are not cut by. edges: of states without an evaluation
    set. groups: slice keys for fairness. metric: that of `degraded`, None without that section;
    tolerated: its loss, in its unit; worth: of a loss by 1 in the whole table, in business units,
    None where there is no such price. payoff: worth of a TP, FP, FN and TN. ruled: whether a rule
    or value is declared as baseline; valued: whether the spec has `evaluation.value`. delayed:
    whether it says how late labels arrive.
    """

    task: str = "binary"
    metrics: frozenset[str] = frozenset()
    recorded: bool = False
    threshold: float | None = None
    unedged: float | None = None
    edges: tuple[float, ...] = ()
    groups: frozenset[str] = frozenset()
    metric: str | None = None
    tolerated: float = DEFAULT_LOSS
    worth: float | None = None
    payoff: tuple[float, float, float, float] | None = None
    ruled: bool = False
    valued: bool = False
    delayed: bool = True
    distrust_ess: float = 0.4
    outside: float = 0.01

    def wants(self, metric: str) -> bool:
        """Whether rows of it are written; what the spec can't name always is."""
        listed = metric in BETTER and metric not in (*FAIRNESS, "bias")
        return not self.metrics or not listed or metric in self.metrics

    def at_edges(self, edges: Floats) -> Rules:
        """The same where these edges know the threshold, else without it: no bin is cut by it."""
        known = self.threshold is None or self.threshold <= 0 or self.threshold in edges
        return self if known else replace(self, threshold=None, unedged=self.threshold)

    def declares(self, metric: str) -> bool:
        """Whether `tolerated` is in the unit of this metric: points of a share, an amount."""
        if self.metric is None or "business_value" in (metric, self.metric):
            return metric == self.metric
        return (self.metric in SHARES) == (metric in SHARES)

    def tolerance(self, metric: str, evaluated: Floats) -> Floats:
        """What may be lost, (N,): as declared, of metrics in the unit of the declared one.

        Of others DEFAULT_LOSS for shares, as much of what the evaluation set shows for amounts.
        """
        if self.declares(metric):
            return np.full(evaluated.shape, self.tolerated)
        part = np.ones(evaluated.shape) if metric in SHARES else np.abs(evaluated)
        return floats(DEFAULT_LOSS * part)


def nothing(size: int) -> Figure:
    """A figure that is not measured in any of `size` rows."""
    return Figure(*(np.full(size, np.nan) for _ in range(3)))


def blank(figure: Figure, gone: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Figure:
    """The figure, not measured where `gone`."""
    return Figure(*(floats(np.where(gone, np.nan, part)) for part in figure))


def taken(figure: Figure, at: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> Figure:
    """The entries at these positions; the last one, -1, is that of what is not there."""
    return Figure(*(part[at] for part in figure))


def mean_of_values(sums: Floats) -> Figure:
    """Mean of states (..., 3): rows, sum and sum of squares; the usual interval of a mean."""
    n, total, squares = (sums[..., i] for i in range(3))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(n > 0, total / n, np.nan)
        variance = np.maximum(squares / n - mean**2, 0.0)
        se = np.where(n > 1, np.sqrt(variance / (n - 1)), np.nan)
    around = plain_interval(mean, se, Z)
    return Figure(floats(mean), around.low, around.high)


@dataclass(frozen=True)
class Measured:
    """One metric of N rows. expected: the estimate for the labelled rows alone, which is what
    concept drift is told by; lacking: why it could not be measured, where that is known for all;
    sure: whether the estimate may be relied upon where the evaluation set covers the window.
    at: the rows that it is of, None: all N."""

    metric: str
    realised: Figure
    evaluated: Figure
    class_name: str = ALL
    estimated: Figure | None = None
    expected: Figure | None = None
    baseline: Floats | None = None
    perfect: Floats | float = 1.0
    lacking: str = ""
    sure: bool = True
    at: np.ndarray[tuple[int, ...], np.dtype[np.intp]] | None = field(default=None)

"""The mergeable state of a binary classifier: counts and sums per score bin.

One table per (window, slice), merged by addition, from which realised, estimated and
post-stratified metrics, calibration and prior shift are all derived: confusion.py, ranking.py,
calibration_quality.py, estimated_performance.py, density_ratio.py, prior_shift.py.

Bin b holds the scores in [edges[b-1], edges[b]), the ends being open, so a threshold that is
an edge cuts exactly as `score >= threshold` does. Edges come from the evaluation set and are
stored with its version: never from the window that is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkdrift.measures.arrays import Floats, divide, floats

# The columns of a state, all sums over rows. score_sum is of all rows, labelled_score_sum of those
# with a label; squared_loss is sum (score - label)^2. The four cells of the confusion matrix are
# of rows with label and decision; decided counts positive decisions, labelled or not, and decisions
# all that are known.
COLUMNS = (
    *("rows", "labelled", "positives", "score_sum", "labelled_score_sum", "squared_loss"),
    *("decisions", "decided", "tp", "fp", "fn", "tn"),
)
_AT = {name: i for i, name in enumerate(COLUMNS)}
# What `unusable` counts: rows without score, with one outside [0, 1], with an odd label.
UNUSABLE = ("missing", "outside", "odd")
CLASS_BINS = 64
PLAIN_BINS = 128
# Between two quantiles of a class lie so many of its rows at least, and a bin has so many rows of
# the set on average. Edges drawn at single rows say nothing but where these rows are: with
# 43 positives, each alone in a bin that no score of a window falls into, the estimate lost 91 % of
# a prevalence of 1 %.
LEAST_OF_CLASS = 3
LEAST_OF_SET = 10


@dataclass(frozen=True)
class ScoreBins:
    """edges (B - 1,), ascending; cells (..., B, 12), the last axis as COLUMNS.

    unusable (..., 3): rows left out because the score is missing (NULL or NaN), is outside
    [0, 1], or the label is neither 0, 1 nor missing (its row is binned, as one without label).
    """

    edges: Floats
    cells: Floats
    unusable: Floats

    def column(self, name: str) -> Floats:
        """One of COLUMNS, (..., B). KeyError for another name."""
        return self.cells[..., _AT[name]]

    def total(self, name: str) -> Floats:
        """That column over all bins, (...)."""
        return floats(self.column(name).sum(axis=-1))

    def __add__(self, other: ScoreBins) -> ScoreBins:
        """Both states as one; ValueError if their edges differ."""
        if not np.array_equal(self.edges, other.edges):
            raise ValueError(
                f"score bins with {len(self.edges)} and {len(other.edges)} edges, or with other "
                "ones, can't be merged: bin both by the edges of one evaluation set's version"
            )
        return ScoreBins(self.edges, self.cells + other.cells, self.unusable + other.unusable)


def flat(state: ScoreBins) -> Floats:
    """The numbers of a state as they are stored, (..., B * 12 + 3): cells bin by bin, unusable."""
    cells = state.cells.reshape(*state.cells.shape[:-2], -1)
    return floats(np.concatenate([cells, state.unusable], axis=-1))


def unflat(edges: ArrayLike, numbers: ArrayLike) -> ScoreBins:
    """The state of `flat` numbers (..., B * 12 + 3) with its edges (B - 1,).

    ValueError where their number is another one than the edges ask for.
    """
    cuts, stored = floats(edges), floats(numbers)
    size = (len(cuts) + 1) * len(COLUMNS)
    if stored.shape[-1:] != (size + 3,):
        raise ValueError(
            f"{stored.shape} numbers with {len(cuts)} edges are no state of score bins: "
            f"{size + 3} are due"
        )
    cells = stored[..., :size].reshape(*stored.shape[:-1], len(cuts) + 1, len(COLUMNS))
    return ScoreBins(cuts, cells, stored[..., size:])


def choose_edges(
    scores: ArrayLike,
    labels: ArrayLike,
    thresholds: ArrayLike = (),
    class_bins: int = CLASS_BINS,
) -> Floats:
    """Edges (B - 1,) from an evaluation set: quantiles of either class, and the thresholds.

    scores, labels (n,); rows without a score in [0, 1] or without a label 0 or 1 are left out.
    thresholds: operating thresholds in [0, 1], kept exactly. A score that holds 1 / class_bins
    of a class or more, and LEAST_OF_CLASS rows of it, gets a bin of its own. With fewer than two
    classes the quantiles are of all rows. ValueError without any usable row or for a threshold
    outside [0, 1].

    Quantiles of both classes rather than of all rows: no other bin holds more than
    1 / class_bins of a class that has rows enough, so on the evaluation set the binned AUC is
    within 1 / (2 class_bins) of the exact one, however rare the other class is; usually far closer.
    Of few rows there are fewer quantiles, see `kept_quantiles`.
    """
    score, label = np.broadcast_arrays(floats(scores), floats(labels))
    cuts = np.unique(floats(thresholds))
    if not ((cuts >= 0) & (cuts <= 1)).all():
        raise ValueError(f"thresholds {cuts.tolist()} given, accepted are numbers in [0, 1]")
    with np.errstate(invalid="ignore"):
        usable = (score >= 0) & (score <= 1)
        parts = [score[usable & (label == kind)] for kind in (0, 1)]
    if not any(len(part) for part in parts):
        raise ValueError(
            "no row has a score in [0, 1] and a label 0 or 1: score bins need an evaluation set "
            "with both"
        )
    if not all(len(part) for part in parts):
        parts = [np.concatenate(parts)]
    total = sum(len(part) for part in parts)
    quantiles, heavy = [], []
    for part in parts:
        steps = floats(kept_quantiles(len(part), total, class_bins)) / class_bins
        quantiles.append(np.quantile(part, steps, method="inverted_cdf"))
        values, times = np.unique(part, return_counts=True)
        own = [of_its_own(n, len(part), class_bins) for n in times.tolist()]
        heavy.append(values[np.array(own, dtype=bool)])
    return edges_of(np.concatenate(quantiles), np.concatenate(heavy), cuts)


def kept_quantiles(rows: int, total: int, bins: int = CLASS_BINS) -> tuple[int, ...]:
    """Which of the quantiles k / bins of a class of so many rows, in a set of `total`, are edges.

    All where that leaves LEAST_OF_CLASS rows between two of them and LEAST_OF_SET rows for a bin;
    of fewer rows as many as do, evenly spread; none where there is room for one part only.
    """
    classes = 1 if rows >= total else 2
    parts = min(bins, rows // LEAST_OF_CLASS, total // (classes * LEAST_OF_SET))
    return tuple(round(bins * step / parts) for step in range(1, parts))


def of_its_own(times: float, rows: float, bins: int = CLASS_BINS) -> bool:
    """Whether a score that so many of the rows of a class have gets a bin of its own."""
    return bool(times * bins >= rows and times >= LEAST_OF_CLASS)


def edges_of(quantiles: ArrayLike, heavy: ArrayLike, thresholds: ArrayLike = ()) -> Floats:
    """Edges (B - 1,) from quantiles of either class, scores that get a bin of their own, and
    operating thresholds; each of them any number, in any order."""
    alone = floats(heavy)
    found = (floats(quantiles), alone, np.nextafter(alone, np.inf), floats(thresholds))
    edges = np.unique(np.concatenate(found))
    # Below the least and above the greatest score that may occur there is nothing to cut off.
    return floats(edges[(edges > 0) & (edges <= 1)])


def plain_edges(thresholds: ArrayLike = ()) -> Floats:
    """Edges without an evaluation set to choose them from: k / PLAIN_BINS, and the thresholds."""
    even = np.arange(1, PLAIN_BINS) / PLAIN_BINS
    edges = np.unique(np.concatenate([even, floats(thresholds)]))
    return floats(edges[(edges > 0) & (edges <= 1)])


def count(
    edges: ArrayLike,
    scores: ArrayLike,
    labels: ArrayLike | None = None,
    decisions: ArrayLike | None = None,
) -> ScoreBins:
    """The state of n rows. scores in [0, 1]; labels and decisions 0, 1 or NaN for missing, (n,).

    Nothing is dropped in silence: see `ScoreBins.unusable`. A decision other than 0 and 1 counts
    as missing.
    """
    cuts, score = floats(edges), floats(scores)
    none = np.full(score.shape, np.nan)
    label = none if labels is None else floats(labels)
    made = none if decisions is None else floats(decisions)
    missing, known = np.isnan(score), np.isin(label, (0, 1))
    with np.errstate(invalid="ignore"):
        outside = (score < 0) | (score > 1)
    odd = ~known & ~np.isnan(label)
    used = ~(missing | outside)
    score, label, made, known = score[used], label[used], made[used], known[used]
    b = np.searchsorted(cuts, score, side="right")
    yes, taken = known & (label == 1), made == 1
    decided = np.isin(made, (0, 1))
    both = known & decided
    weights: list[NDArray[np.bool_] | Floats] = [
        *(np.ones(len(score)), known, yes, score, np.where(known, score, 0.0)),
        *(np.where(known, (score - yes) ** 2, 0.0), decided, taken),
        *(both & taken & yes, both & taken & ~yes, both & ~taken & yes, both & ~taken & ~yes),
    ]
    cells = [np.bincount(b, weights=w, minlength=len(cuts) + 1) for w in weights]
    return ScoreBins(
        cuts, np.stack(cells, axis=-1), floats([missing.sum(), outside.sum(), odd.sum()])
    )


def above(edges: ArrayLike, threshold: float) -> Floats:
    """1 for the bins at or above `threshold`, 0 below, (B,). ValueError if it is no edge."""
    cuts = floats(edges)
    at = int(np.searchsorted(cuts, threshold, side="left"))
    if threshold <= 0:
        return np.ones(len(cuts) + 1)
    if at == len(cuts) or cuts[at] != threshold:
        raise ValueError(
            f"the threshold {threshold} is not one of the {len(cuts)} edges: add it to "
            "`thresholds` when the edges are chosen"
        )
    return floats(np.arange(len(cuts) + 1) > at)


def mean_score(state: ScoreBins, *, labelled: bool = False) -> Floats:
    """Mean score per bin (..., B), of all rows or of the labelled; NaN in a bin without any."""
    above_, below = ("labelled_score_sum", "labelled") if labelled else ("score_sum", "rows")
    return divide(state.column(above_), state.column(below))

"""The operating threshold that restores a target on the present distribution of scores.

From score states alone: rows per bin, labelled or not, and the rate of positives per bin, which
labels of the same windows give (`realised`) or the evaluation set lends (`estimated`: no concept
drift assumed). Within a bin scores are taken to lie evenly and to have one rate, so what a
threshold decides is linear in the threshold there.

What a threshold t reaches is told by a mean over rows, g(t) = sum_b w_b m_b(t), that is 0 where
the target is met exactly: m = d (pi - precision), pi (d - recall) or d - capacity, d being the
share of the bin's rows that are decided positive; of a payoff, what t earns less than the best.
The interval of a threshold is those around it whose g is not told from 0 (test inversion, as
Fieller's): unlike the delta method it needs no density at the threshold.
Source: Casella and Berger, Statistical Inference, 2002, section 9.2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkdrift.measures.arrays import Floats, divide, floats, shares
from sparkdrift.measures.calibration_quality import around, calibrated_probability
from sparkdrift.measures.intervals import Figure, Z, plain_interval
from sparkdrift.measures.score_bins import ScoreBins

Goal = Literal["precision", "recall", "capacity", "cost"]
# Of fewer rows, or fewer positives where they count, no threshold is proposed.
LEAST_ROWS = 100.0
LEAST_POSITIVES = 30.0
# A precision of fewer rows decided positive is no target reached.
LEAST_DECIDED = 30.0
# Labels of so many of a bin's rows are those of all.
COMPLETE = 0.95
# With fewer labels in a bin and its neighbours its rate is a guess; so many rows may have one.
LEAST_AROUND = 10.0
UNSEEN = 0.05
# Points per bin at which the interval is looked for.
_PARTS = 8


@dataclass(frozen=True)
class Present:
    """The distribution that a threshold is proposed for; arrays (B,), edges (B - 1,).

    w: shares of the rows; pi: rate of positives, NaN where nothing is known of it; unsure: its
    variance; rows: how many rows w rests on.
    """

    edges: Floats
    w: Floats
    pi: Floats
    unsure: Floats
    rows: float


def realised(window: ScoreBins) -> Present:
    """By all rows of a state (B, 12) of mature windows, and the rates that their labels show.

    A bin whose rows nearly all have a label has its own rate, k / n. Of a bin with labels of some
    rows the others are unknown, so its rate is drawn towards that of its neighbours, as one lent
    by an evaluation set is. Whether such labels may stand for all is `lacking_labels`'s to say.
    """
    n, k, rows = (window.column(name) for name in ("labelled", "positives", "rows"))
    known = (n >= COMPLETE * rows) & (n > 0)
    rate = calibrated_probability(n, k) if n.sum() > 0 else np.full(n.shape, np.nan)
    pi = np.where(known, divide(k, n), rate)
    unsure = divide(pi * (1 - pi), np.where(known, n, n + 1))
    return Present(window.edges, shares(rows), floats(pi), floats(unsure), float(rows.sum()))


def lacking_labels(window: ScoreBins) -> str:
    """Why the labels of a state (B, 12) can't tell the rates of all its rows; "": they can.

    At least LEAST_ROWS of them, LEAST_POSITIVES positive, and no more than UNSEEN of the rows at
    scores where hardly any row has a label, such as where only what was decided positive has one.
    """
    n, rows = window.column("labelled"), window.column("rows")
    labelled, every = float(n.sum()), float(rows.sum())
    if labelled < LEAST_ROWS:
        return (
            f"{labelled:,.0f} of {every:,.0f} rows have a label, at least {LEAST_ROWS:.0f} needed"
        )
    positives = float(window.total("positives"))
    if positives < LEAST_POSITIVES:
        return (
            f"{positives:.0f} labels are positive, at least {LEAST_POSITIVES:.0f} needed for rates"
        )
    unseen = float(rows[(n < COMPLETE * rows) & (around(n) < LEAST_AROUND)].sum()) / every
    if unseen > UNSEEN:
        return (
            f"{100 * unseen:.0f} % of the rows have scores of which hardly any row has a label, "
            f"{100 * UNSEEN:g} % allowed"
        )
    return ""


def estimated(evaluation: ScoreBins, window: ScoreBins) -> Present:
    """By the evaluation set's rates on the window's rows, both states (B, 12).

    It assumes that scores still mean what they did. ValueError where the edges differ.
    """
    if not np.array_equal(evaluation.edges, window.edges):
        raise ValueError(
            f"an evaluation set with {len(evaluation.edges)} edges and a window with "
            f"{len(window.edges)}, or with other ones, given: count both by the same edges"
        )
    n, k = evaluation.column("labelled"), evaluation.column("positives")
    pi = calibrated_probability(n, k) if n.sum() > 0 else np.full(n.shape, np.nan)
    w = shares(window.column("rows"))
    unsure = floats(pi * (1 - pi) / (n + 1))
    return Present(window.edges, w, floats(pi), unsure, float(window.total("rows")))


class Proposed(NamedTuple):
    """threshold and what it reaches of the target, () each, with 95 % intervals; NaN: none.

    reason: why none is proposed, or what is to be known of it; "" where it is plain.
    """

    threshold: Figure
    reached: Figure
    reason: str


def reaches(
    present: Present, goal: Goal, threshold: float, values: ArrayLike | None = None
) -> Figure:
    """What `score >= threshold` reaches, (): precision, recall, share positive, or payoff per row.

    values (4,): worth of a TP, FP, FN and TN, for `cost`. NaN where nothing is decided positive
    (precision), nothing is positive (recall), or there are no rows.
    """
    w, pi = present.w, present.pi
    d = _decided(present.edges, floats([threshold]))[0]
    total, by_rate, rest = 1.0, np.zeros(d.shape), d
    if goal == "capacity":
        value = floats((w * d).sum())
    elif goal == "cost":
        by_rate, rest = _worth(d, _four(values))
        value = floats((w * (by_rate * pi + rest)).sum())
    else:
        total = float((w * (d if goal == "precision" else pi)).sum())
        value = divide((w * d * pi).sum(), total)
        by_rate, rest = (d, -value * d) if goal == "precision" else (d - value, 0 * d)
    figure = plain_interval(value, divide(_error(present, by_rate, rest), total))
    if goal == "cost":
        return figure
    return Figure(figure.value, np.clip(figure.low, 0, 1), np.clip(figure.high, 0, 1))


def traded(
    present: Present, goal: Goal, before: float, after: float, values: ArrayLike | None = None
) -> dict[str, tuple[Figure, Figure]]:
    """What moving a threshold from `before` to `after` does to all but the goal, () each.

    By name: (reached before, reached after) of precision, recall, accuracy, capacity (the share
    decided positive), and cost (payoff per row) where `values` are given. NaN as in `reaches`.
    """
    asked: dict[str, tuple[Goal, ArrayLike | None]] = {
        "precision": ("precision", None),
        "recall": ("recall", None),
        # A row that is rightly decided is worth 1, whichever way.
        "accuracy": ("cost", (1.0, 0.0, 0.0, 1.0)),
        "capacity": ("capacity", None),
    }
    if values is not None:
        asked["cost"] = ("cost", values)
    asked.pop(goal, None)
    return {
        name: (reaches(present, of, before, worth), reaches(present, of, after, worth))
        for name, (of, worth) in asked.items()
    }


def propose(
    present: Present, goal: Goal, level: float = np.nan, values: ArrayLike | None = None
) -> Proposed:
    """The threshold that reaches `level` of the goal; of `cost`, that with the greatest payoff.

    precision: the lowest that does, which keeps most recall; recall: the highest, which keeps
    most precision; capacity: the one that decides that share positive. NaN, with the reason,
    where there are too few rows or none reaches it.
    ValueError for a level not in (0, 1], or values that are not four numbers.
    """
    if goal != "cost" and not 0 < level <= 1:
        raise ValueError(f"a {goal} of {level} given, accepted are numbers above 0 and up to 1")
    lacking = _lacking(present, goal)
    grid = _grid(present.edges)
    if lacking:
        return _none(lacking)
    if goal == "cost":
        found, inside = _best(present, grid, _four(values))
        # That one was the best of many by chance as well, so the set may have gaps: its ends
        # count. Of the run around it alone 78 % held the true threshold, of the ends 98 %.
        inside = _filled(inside)
    else:
        g, se = _distance(present, goal, level, grid)
        reached = g >= 0 if goal != "capacity" else g <= 0
        if goal == "precision":
            reached &= _taken(present, grid) >= LEAST_DECIDED
        if not reached.any():
            return _none(_out_of_reach(present, goal, level, grid))
        found = _crossing(grid, g, reached, last=goal == "recall")
        inside = np.abs(g) <= Z * se
    low, high = _around(grid, inside, found)
    threshold = Figure(floats(found), floats(low), floats(high))
    return Proposed(threshold, reaches(present, goal, found, values), _remark(goal, found))


def _lacking(present: Present, goal: Goal) -> str:
    if not present.rows >= LEAST_ROWS:
        return f"{present.rows:.0f} rows to rest on, at least {LEAST_ROWS:.0f} needed"
    if goal == "capacity":
        return ""
    if np.isnan(present.pi[present.w > 0]).any():
        return "no row has a label, and the evaluation set lends no rates"
    positives = present.rows * float((present.w * present.pi).sum())
    if goal == "recall" and positives < LEAST_POSITIVES:
        return f"{positives:.0f} positives to rest on, at least {LEAST_POSITIVES:.0f} needed"
    return ""


def _none(reason: str) -> Proposed:
    nothing = Figure(*(floats(np.nan) for _ in range(3)))
    return Proposed(nothing, nothing, reason)


def _taken(present: Present, thresholds: Floats) -> Floats:
    """How many rows each threshold decides positive, (T,)."""
    share = (present.w * _decided(present.edges, thresholds)).sum(-1)
    return floats(present.rows * share)


def _remark(goal: Goal, found: float) -> str:
    if found <= 0:
        return "every row is decided positive"
    if found >= 1:
        return "no row is decided positive" if goal == "cost" else ""
    return ""


def _out_of_reach(present: Present, goal: Goal, level: float, grid: Floats) -> str:
    taken = _taken(present, grid)
    right = present.rows * (present.w * _decided(present.edges, grid) * present.pi).sum(-1)
    most = divide(right, taken)[taken >= LEAST_DECIDED]
    return (
        f"no threshold that decides {LEAST_DECIDED:.0f} rows or more positive reaches a {goal} of "
        f"{level:g}; the highest is {most.max(initial=0.0):.3f}"
    )


def _four(values: ArrayLike | None) -> Floats:
    worth = floats([] if values is None else values)
    if worth.shape != (4,) or not np.isfinite(worth).all():
        raise ValueError(
            f"payoff values of shape {worth.shape} given, accepted are four finite numbers: "
            "of a true positive, false positive, false negative and true negative"
        )
    return worth


def _bounds(edges: Floats) -> Floats:
    """Where the bins begin and end, (B + 1,): from 0 to 1."""
    return np.concatenate([[0.0], edges, [max(1.0, float(edges[-1])) if len(edges) else 1.0]])


def _grid(edges: Floats) -> Floats:
    """Thresholds to look at: every edge, and points between."""
    bounds = np.unique(_bounds(edges))
    parts = np.arange(_PARTS) / _PARTS
    inner = bounds[:-1, None] + np.diff(bounds)[:, None] * parts
    return np.concatenate([inner.ravel(), bounds[-1:]])


def _decided(edges: Floats, thresholds: Floats) -> Floats:
    """Share of each bin's rows at or above each threshold, (T, B)."""
    bounds = _bounds(edges)
    begin, end = bounds[:-1], bounds[1:]
    # A bin may be the single score 0, as narrow as numbers can be.
    with np.errstate(over="ignore"):
        part = (end - thresholds[:, None]) / np.where(end > begin, end - begin, 1.0)
    # The last bin may be the single score 1, which any threshold up to 1 decides.
    part = np.where(end > begin, part, thresholds[:, None] <= begin)
    return floats(np.clip(part, 0.0, 1.0))


def _error(present: Present, by_rate: Floats, rest: Floats) -> Floats:
    """Standard error of sum w (by_rate pi + rest), arrays (..., B), over the last axis.

    What the rows' mix leaves open, and what the rates do: with rates of the same rows it is the
    error of a plain mean over them.
    """
    w = present.w
    m = by_rate * np.nan_to_num(present.pi) + rest
    spread = (w * m**2).sum(-1) - (w * m).sum(-1) ** 2
    rates = (w**2 * by_rate**2 * np.nan_to_num(present.unsure)).sum(-1)
    return floats(np.sqrt(np.maximum(spread, 0.0) / present.rows + rates))


def _distance(
    present: Present, goal: Goal, level: float, thresholds: Floats
) -> tuple[Floats, Floats]:
    """g and its standard error at each threshold, (T,)."""
    d = _decided(present.edges, thresholds)
    if goal == "precision":
        by_rate, rest = d, -level * d
    elif goal == "recall":
        by_rate, rest = d - level, 0 * d
    else:
        by_rate, rest = 0 * d, d - level
    g = (present.w * (by_rate * np.nan_to_num(present.pi) + rest)).sum(-1)
    return floats(g), _error(present, by_rate, rest)


def _crossing(grid: Floats, g: Floats, reached: NDArray[np.bool_], *, last: bool) -> float:
    """The first threshold that reaches the target, or the last, between points linearly."""
    at = np.flatnonzero(reached)
    i = int(at[-1] if last else at[0])
    j = i + 1 if last else i - 1
    if not 0 <= j < len(grid) or reached[j] or g[i] == g[j]:
        return float(grid[i])
    part = np.clip(g[i] / (g[i] - g[j]), 0.0, 1.0)
    return float(grid[i] + part * (grid[j] - grid[i]))


def _worth(d: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Payoff per row as by_rate * pi + rest, for decided shares d."""
    tp, fp, fn, tn = values
    return d * (tp - fp) + (1 - d) * (fn - tn), d * fp + (1 - d) * tn


def _filled(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    at = np.flatnonzero(inside)
    everywhere = np.arange(len(inside))
    return np.asarray((everywhere >= at[0]) & (everywhere <= at[-1]), np.bool_)


def _best(present: Present, grid: Floats, values: Floats) -> tuple[float, NDArray[np.bool_]]:
    """The threshold of the greatest payoff, and those that are not told to earn less."""
    by_rate, rest = _worth(_decided(present.edges, grid), values)
    earned = (present.w * (by_rate * present.pi + rest)).sum(-1)
    i = int(earned.argmax())
    se = _error(present, by_rate[i] - by_rate, rest[i] - rest)
    return float(grid[i]), earned[i] - earned <= Z * se


def _around(grid: Floats, inside: NDArray[np.bool_], found: float) -> tuple[float, float]:
    """Ends of the run of thresholds around `found` that are inside, a point beyond each end."""
    below, above = np.flatnonzero(grid <= found), np.flatnonzero(grid >= found)
    outside = np.flatnonzero(~inside)
    low = outside[outside < below[-1]].max(initial=0) if len(outside) else 0
    high = outside[outside > above[0]].min(initial=len(grid) - 1) if len(outside) else -1
    return float(grid[low]), float(grid[high])

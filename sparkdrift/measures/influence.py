"""What a shift of one feature can cost: from the loss of labelled rows to an effect size.

A metric's influence function psi says how much the metric rises per share of rows added
at a point. Moving rows between the bins of a feature by q - p changes the metric, to first
order, by sum (q - p) m_b, m_b the mean of psi in bin b. Among all shifts of size
sum (q - p)^2 / p = delta^2 the worst changes it by delta times the sd of m_b between bins
(Cauchy and Schwarz). So a tolerated loss is first reached at delta = loss / sd. It holds what
the feature alone explains, rows within a bin being as good as before: no concept drift.

Source of the influence functions: Hampel 1974; of the AUC: Hoeffding's (1948) projection of
the U-statistic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from sparkdrift.measures.arrays import Floats, floats

LARGEST_EFFECT = 3.0
_LEAST_ROWS = 30


@dataclass(frozen=True)
class Labelled:
    """Rows with their outcome, all (N,).

    label: 0 or 1, or the outcome of a regression; score: a probability, or the prediction of a
    regression; decision: 0 or 1. None where the model has none.
    """

    label: Floats
    score: Floats | None = None
    decision: Floats | None = None


def influence(metric: str, rows: Labelled) -> Floats | None:
    """psi (N,) of `metric` at each row, mean 0; None where the rows lack what it needs.

    Of brier, mae and rmse the sign is turned, so that less is worse for all.
    """
    parts = _METRICS.get(metric)
    return None if parts is None else parts(rows)


def _accuracy(rows: Labelled) -> Floats | None:
    if rows.decision is None:
        return None
    return _centred((rows.decision == rows.label).astype(float))


def _ratio(above: Floats, below: Floats) -> Floats | None:
    """psi of mean(above) / mean(below)."""
    if not below.mean():
        return None
    return floats((above - above.mean() / below.mean() * below) / below.mean())


def _precision(rows: Labelled) -> Floats | None:
    if rows.decision is None:
        return None
    return _ratio(rows.decision * rows.label, rows.decision)


def _recall(rows: Labelled) -> Floats | None:
    return None if rows.decision is None else _ratio(rows.decision * rows.label, rows.label)


def _specificity(rows: Labelled) -> Floats | None:
    if rows.decision is None:
        return None
    return _ratio((1 - rows.decision) * (1 - rows.label), 1 - rows.label)


def _f1(rows: Labelled) -> Floats | None:
    if rows.decision is None:
        return None
    return _ratio(2 * rows.decision * rows.label, rows.decision + rows.label)


def _roc_auc(rows: Labelled) -> Floats | None:
    if rows.score is None:
        return None
    positive = rows.label == 1
    share = float(positive.mean())
    if share in (0.0, 1.0):
        return None
    above = _share_below(rows.score[~positive], rows.score)
    below = 1 - _share_below(rows.score[positive], rows.score)
    auc = float(above[positive].mean())
    return floats(np.where(positive, (above - auc) / share, (below - auc) / (1 - share)))


def _share_below(among: Floats, values: Floats) -> Floats:
    """The share of `among` below each of `values`, half of the equal ones counted."""
    ordered = np.sort(among)
    left, right = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return floats((left + right) / 2 / len(ordered))


def _loss(of: Callable[[Floats], Floats]) -> Callable[[Labelled], Floats | None]:
    def psi(rows: Labelled) -> Floats | None:
        return None if rows.score is None else -_centred(of(rows.score - rows.label))

    return psi


def _rmse(rows: Labelled) -> Floats | None:
    if rows.score is None:
        return None
    squares = (rows.score - rows.label) ** 2
    size = float(np.sqrt(squares.mean()))
    return None if size == 0 else -_centred(squares) / (2 * size)


def _centred(values: Floats) -> Floats:
    return floats(values - values.mean())


_METRICS: Mapping[str, Callable[[Labelled], Floats | None]] = {
    "accuracy": _accuracy,
    "precision": _precision,
    "recall": _recall,
    "specificity": _specificity,
    "f1": _f1,
    "roc_auc": _roc_auc,
    "brier": _loss(np.square),
    "mae": _loss(np.abs),
    "rmse": _rmse,
}
METRICS = tuple(_METRICS)


@dataclass(frozen=True)
class Cost:
    """effect: the effect size at which `tolerated` is lost, at most LARGEST_EFFECT, with its
    low end by what so few rows can tell; sd: metric points per sd of shift, low to high."""

    effect: float
    low: float
    sd: float
    sd_high: float


def cost_of_shift(psi: ArrayLike, bins: NDArray[np.intp], tolerated: float) -> Cost | None:
    """From which effect size on a shift between `bins` (N,) costs `tolerated` points.

    psi (N,): `influence`. The variance between bins is freed of what chance puts there, as in an
    analysis of variance; its 95 % upper end is by the noncentral chi-square of so many
    bins, taking psi as normal within bins. None with fewer than 2 bins of 30 rows.
    """
    values = floats(psi)
    rows = np.bincount(bins).astype(float)
    used = rows >= _LEAST_ROWS
    if used.sum() < 2:
        return None
    sums = np.bincount(bins, values)[used]
    squares = np.bincount(bins, values**2)[used]
    rows = rows[used]
    means = sums / rows
    total = rows.sum()
    centre = sums.sum() / total
    within = float((squares - rows * means**2).sum()) / max(total - len(rows), 1.0)
    between = float((rows * (means - centre) ** 2).sum()) / total
    free = len(rows) - 1
    noise = within / total
    sd = float(np.sqrt(max(0.0, between - free * noise)))
    sd_high = float(np.sqrt(_upper(between / noise, free) * noise)) if noise > 0 else sd
    return Cost(
        effect=_capped(tolerated, sd),
        low=_capped(tolerated, max(sd, sd_high)),
        sd=sd,
        sd_high=max(sd, sd_high),
    )


def _upper(ratio: float, free: int) -> float:
    """The noncentrality of which so small a `ratio` is a chance of 2.5 % only."""
    low, high = 0.0, ratio + 10 * np.sqrt(ratio + free) + 50
    for _ in range(80):
        middle = (low + high) / 2
        if stats.ncx2.cdf(ratio, free, middle) > 0.025:
            low = middle
        else:
            high = middle
    return float(high)


def _capped(tolerated: float, sd: float) -> float:
    return LARGEST_EFFECT if sd * LARGEST_EFFECT <= tolerated else tolerated / sd

"""A metric of the evaluation set on production's mix: how much of it was the set's own mix.

A limit such as 94 % was set on the mix that the evaluation set has. Weighted by `rake` to that of
a window, the same rows and labels give another figure; the gap between the two is what the limit
should have moved by. Both rest on the same rows, so the gap is far better known than either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.density_ratio import Raked
from sparkdrift.measures.intervals import Figure, Z
from sparkdrift.measures.ranking import average_precision, roc_auc
from sparkdrift.measures.regression_error import COLUMNS as ERRORS
from sparkdrift.measures.score_bins import ScoreBins, mean_score

_AT = {name: i for i, name in enumerate(ERRORS)}
# (numerator, denominator) of a row in each cell of the confusion matrix: tp, fp, fn, tn.
_RATIOS: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "accuracy": ((1, 0, 0, 1), (1, 1, 1, 1)),
    "precision": ((1, 0, 0, 0), (1, 1, 0, 0)),
    "recall": ((1, 0, 0, 0), (1, 0, 1, 0)),
    "specificity": ((0, 0, 0, 1), (0, 1, 0, 1)),
    "f1": ((2, 0, 0, 0), (2, 1, 1, 0)),
}
_RANKING: Mapping[str, Callable[[ArrayLike, ArrayLike], Figure]] = {
    "roc_auc": roc_auc,
    "average_precision": average_precision,
}
_STEP = 1e-4


@dataclass(frozen=True)
class Mixed:
    """evaluated: the metric of the set as it is; reweighted: on production's mix; gap: the second
    less the first, with its interval. NaN where it can't be measured."""

    evaluated: float
    reweighted: float
    gap: Figure


@dataclass(frozen=True)
class _Sums:
    """Of rows per cell (S, B): n, and sums of a, b, a^2, ab, b^2 for a metric sum a / sum b."""

    n: Floats
    a: Floats
    b: Floats
    aa: Floats
    ab: Floats
    bb: Floats


def of_scores(
    metric: str,
    cells: ScoreBins,
    raked: Raked,
    window: ArrayLike,
    values: ArrayLike | None = None,
) -> Mixed | None:
    """The gap of a metric of a classifier; None for one that is not measured so.

    cells: the evaluation set by slice value and score bin (S, B, 12), raked: weights of the same
    (S, B); window (B,): its rows. Confusion metrics rest on recorded decisions, `values` (4,) is
    the payoff of business_value. Delta method: a row's influence is what it has on the one less
    what it has on the other, and the window's own shares are uncertain as well.
    """
    if metric in _RANKING:
        return _ranked(_RANKING[metric], cells, raked, floats(window))
    if metric == "brier":
        return _mixed(_squared(cells), raked, floats(window))
    if metric in _RATIOS:
        return _mixed(_confusion(cells, *_RATIOS[metric]), raked, floats(window))
    if metric == "business_value" and values is not None:
        return _mixed(_confusion(cells, floats(values), np.ones(4)), raked, floats(window))
    return None


def of_errors(metric: str, cells: ArrayLike, raked: Raked, window: ArrayLike) -> Mixed | None:
    """The same of mae, rmse, mape and bias: cells (S, B, 9), sums as regression_error has them."""
    sums = floats(cells)
    names = {
        "mae": ("absolute", "square", "rows"),
        "rmse": ("square", "fourth", "rows"),
        "mape": ("relative", "relative_square", "nonzero"),
        "bias": ("signed", "square", "rows"),
    }
    if metric not in names:
        return None
    a, aa, b = (sums[..., _AT[name]] for name in names[metric])
    found = _mixed(_Sums(sums[..., _AT["rows"]], a, b, aa, a, b), raked, floats(window))
    return _rooted(found) if metric == "rmse" else found


def _rooted(squared: Mixed) -> Mixed:
    """The roots of mean squares; the gap's interval by the slope of the root between them."""
    one, other = np.sqrt(squared.evaluated), np.sqrt(squared.reweighted)
    total = one + other
    slope = 1 / total if total > 0 else np.nan
    return Mixed(one, other, Figure(*(floats(part * slope) for part in squared.gap)))


def _confusion(cells: ScoreBins, a: ArrayLike, b: ArrayLike) -> _Sums:
    counts = np.stack([cells.column(name) for name in ("tp", "fp", "fn", "tn")], axis=-1)
    x, y = floats(a), floats(b)
    return _Sums(
        counts.sum(axis=-1), counts @ x, counts @ y, counts @ x**2, counts @ (x * y), counts @ y**2
    )


def _squared(cells: ScoreBins) -> _Sums:
    """Squared loss; its square within a bin by the bin's mean score, as calibration_quality."""
    n, k = cells.column("labelled"), cells.column("positives")
    s = np.nan_to_num(mean_score(cells, labelled=True))
    loss = cells.column("squared_loss")
    return _Sums(n, loss, n, k * (1 - s) ** 4 + (n - k) * s**4, loss, n)


def _mixed(sums: _Sums, raked: Raked, window: Floats) -> Mixed:
    weights = raked.weights
    A, B = (sums.a * weights).sum(), (sums.b * weights).sum()
    A1, B1 = sums.a.sum(), sums.b.sum()
    if not (B > 0 and B1 > 0):
        return _unknown()
    m, m1 = float(A / B), float(A1 / B1)
    alpha, beta = weights / B - 1 / B1, weights * m / B - m1 / B1
    parts = (_spread(sums.n, *pair) for pair in _moments(sums))
    aa, ab, bb = parts
    variance = (sums.n * (alpha**2 * aa - 2 * alpha * beta * ab + beta**2 * bb)).sum()
    # How much a row of the window in a bin moves the figure: the bin's own mean influence.
    slope = ((sums.a - m * sums.b) * weights / B).sum(axis=0)
    return _with_window(m1, m, float(variance), slope, sums.n, weights, window)


def _moments(sums: _Sums) -> tuple[tuple[Floats, Floats, Floats], ...]:
    return (
        (sums.aa, sums.a, sums.a),
        (sums.ab, sums.a, sums.b),
        (sums.bb, sums.b, sums.b),
    )


def _spread(n: Floats, product: Floats, one: Floats, other: Floats) -> Floats:
    """Covariance of a row within its score bin, (B,), whatever its slice.

    A bin of few rows is drawn, by one row's weight, towards itself and its two neighbours on
    either side: a single row would show no spread at all.
    """
    rows, p, a, b = (part.sum(axis=0) for part in (n, product, one, other))
    near = [_near(part) for part in (rows, p, a, b)]
    means = [
        divide(part + np.nan_to_num(divide(around, near[0])), rows + 1)
        for part, around in zip((p, a, b), near[1:], strict=True)
    ]
    return floats(np.nan_to_num(means[0] - means[1] * means[2]))


def _near(counts: Floats) -> Floats:
    return np.convolve(counts, np.ones(5), mode="full")[2:-2]


def _ranked(
    figure: Callable[[ArrayLike, ArrayLike], Figure],
    cells: ScoreBins,
    raked: Raked,
    window: Floats,
) -> Mixed:
    """A metric of positives and negatives per bin, its influence by small steps of each."""
    yes = cells.column("positives")
    no = cells.column("labelled") - yes
    weights = raked.weights
    p, n = (yes * weights).sum(axis=0), (no * weights).sum(axis=0)
    m, of_yes, of_no = _influence(figure, p, n)
    m1, of_yes1, of_no1 = _influence(figure, yes.sum(axis=0), no.sum(axis=0))
    if not (np.isfinite(m) and np.isfinite(m1)):
        return _unknown()
    rows = (yes + no).sum(axis=0)
    near = divide(_near(yes.sum(axis=0)) + 0.5, _near(rows) + 1)
    pi = divide(yes.sum(axis=0) + near, rows + 1)
    gap = weights * (of_yes - of_no) - (of_yes1 - of_no1)
    variance = ((yes + no) * pi * (1 - pi) * gap**2).sum()
    slope = p * of_yes + n * of_no
    return _with_window(m1, m, float(variance), slope, yes + no, weights, window)


def _influence(
    figure: Callable[[ArrayLike, ArrayLike], Figure], p: Floats, n: Floats
) -> tuple[float, Floats, Floats]:
    """(the metric, its slopes by the positives and by the negatives of each bin)."""
    value = float(figure(p, n).value)
    step = _STEP * max(float(p.sum() + n.sum()), 1e-300)
    moved = np.eye(len(p)) * step
    of_yes = (figure(p + moved, n).value - value) / step
    of_no = (figure(p, n + moved).value - value) / step
    return value, floats(of_yes), floats(of_no)


def _with_window(
    evaluated: float,
    reweighted: float,
    variance: float,
    slope: Floats,
    rows: Floats,
    weights: Floats,
    window: Floats,
) -> Mixed:
    """slope (B,): influence of a bin as a whole, which the window's own rows scatter."""
    mass = (rows * weights).sum(axis=0)
    each = np.nan_to_num(divide(slope, mass / mass.sum()))
    share = np.where(mass > 0, window, 0.0)
    total = share.sum()
    if total > 0:
        q = share / total
        variance += float((q * (each - (q * each).sum()) ** 2).sum() / total)
    gap, around = reweighted - evaluated, Z * np.sqrt(variance)
    return Mixed(
        evaluated, reweighted, Figure(floats(gap), floats(gap - around), floats(gap + around))
    )


def _unknown() -> Mixed:
    return Mixed(np.nan, np.nan, Figure(*(floats(np.nan) for _ in range(3))))

"""How far an evaluation set still stands for production, and its metrics reweighted to it.

v_b: rows of the evaluation set per score bin, w_b: rows of the window; (..., B) both. The ratio
w / v of their shares is the weight that makes the one stand for the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.measures.arrays import Floats, divide, floats, shares
from sparkdrift.measures.score_bins import COLUMNS, ScoreBins

WARN_ESS = 0.7
DISTRUST_ESS = 0.4
# Below so many rows of the evaluation set a bin is thin.
THIN = 30.0
_STEPS = 500
_CLOSE = 1e-9


def ess_ratio(evaluation: ArrayLike, window: ArrayLike) -> Floats:
    """Kish's effective share of the evaluation set once weighted to the window, (...), in (0, 1].

    1 / sum(w_b^2 / v_b) over shares, of the bins that the evaluation set has: the others are
    `coverage`'s, and the window's shares are taken without them. Below WARN_ESS a warning, below
    DISTRUST_ESS no metric should rest on it. NaN where a side has no rows, or share no bin.
    Source: Kish, Survey Sampling, 1965.
    """
    v, w = np.broadcast_arrays(floats(evaluation), floats(window))
    known = v > 0
    p, q = shares(v), shares(np.where(known, w, 0.0))
    terms = np.divide(q**2, p, out=np.zeros(p.shape), where=known)
    # Rows missing on either side are NaN in the shares, not 0.
    return divide(1.0, terms.sum(axis=-1) + np.where(v.sum(axis=-1) > 0, 0.0, np.nan))


class Coverage(NamedTuple):
    """Shares of the window's rows, (...); NaN where a side has no rows."""

    outside: Floats  # in bins without any row of the evaluation set
    thin: Floats  # in bins with fewer than THIN of them, those without included


def coverage(evaluation: ArrayLike, window: ArrayLike) -> Coverage:
    """How much of production the evaluation set hardly knows, by score bins or any other cells."""
    v, w = np.broadcast_arrays(floats(evaluation), floats(window))
    q = shares(w)
    gone = np.where((v.sum(axis=-1) > 0) & (w.sum(axis=-1) > 0), 0.0, np.nan)
    outside = np.where(v <= 0, q, 0.0).sum(axis=-1) + gone
    thin = np.where(v < THIN, q, 0.0).sum(axis=-1) + gone
    return Coverage(floats(outside), floats(thin))


class Margin(NamedTuple):
    """The window's rows by one slice key, and where the cells of the evaluation set stand in it."""

    of: ArrayLike  # (S,) int: the value, by its place in `rows`, that a row of cells belongs to
    rows: ArrayLike  # (G,) the window's rows by value; values without any cell are `outside`


class Raked(NamedTuple):
    """What raking gives; see `rake`."""

    weights: Floats  # (S, B), per row of each cell of the evaluation set; 0 in empty cells
    ess_ratio: float
    outside: float  # largest share of a margin that the evaluation set has no row for
    reason: str  # why the weights may not be used, else ""


def rake(
    cells: ArrayLike, margins: Sequence[Margin], by_bin: ArrayLike, least: float = DISTRUST_ESS
) -> Raked:
    """Weights under which the evaluation set has the window's slices, by every key, and score bins.

    cells (S, B): rows of the evaluation set per slice and score bin, where a slice is a value of
    one key, or a combination of values of several; margins: one for each key, none is plain
    post-stratification; by_bin (B,): the window's rows. The weights average 1 over the evaluation
    set's rows. What of a margin it has no row for is left out and its share told in `outside`.
    Refused (reason, weights NaN): a side without rows, an ESS ratio below `least`, or margins
    that no weights reach.
    Source: Deming and Stephan 1940; Deville and Saerndal 1992; ESS: Kish 1965.
    """
    v, bins = floats(cells), floats(by_bin)
    places = [np.asarray(one.of, dtype=int) for one in margins]
    wanted = [floats(one.rows) for one in margins]
    if v.sum() <= 0 or any(one.sum() <= 0 for one in (bins, *wanted)):
        return _refused(v, "no rows in the evaluation set or in the window")
    known = [
        np.bincount(at, v.sum(axis=1), len(w)) > 0 for at, w in zip(places, wanted, strict=True)
    ]
    c = np.where(v.sum(axis=0) > 0, bins, 0.0)
    inside = [np.where(has, w, 0.0) for has, w in zip(known, wanted, strict=True)]
    # The largest share, because a row may be missing in several margins at once.
    outside = max(
        1 - float(part.sum() / all_rows.sum())
        for part, all_rows in zip((c, *inside), (bins, *wanted), strict=True)
    )
    if any(part.sum() <= 0 for part in (c, *inside)):
        return _refused(v, "the evaluation set has no row in any slice or bin of the window", 1.0)
    targets = [part / part.sum() for part in inside]
    fitted, gap = _fitted(v / v.sum(), places, targets, c / c.sum())
    if gap > 1e-6:
        return _refused(
            v,
            f"no weights give the evaluation set the window's slices and bins (off by {gap:.2g}): "
            "some of their combinations have no row in it",
            outside,
        )
    weights = np.nan_to_num(divide(fitted * v.sum(), v))
    ratio = float((weights * v).sum() ** 2 / (v.sum() * (weights**2 * v).sum()))
    if ratio < least:
        return _refused(
            v,
            f"the evaluation set counts as {100 * ratio:.0f} % of its rows once weighted to the "
            f"window, at least {100 * least:.0f} % needed",
            outside,
            ratio,
        )
    return Raked(weights, ratio, outside, "")


def _fitted(
    cells: Floats, places: Sequence[np.ndarray], targets: Sequence[Floats], by_bin: Floats
) -> tuple[Floats, float]:
    """Shares (S, B) with the margins wanted, one after the other in turn; how far off they end."""
    fitted, gap = cells, np.inf
    for _ in range(_STEPS):
        gap = 0.0
        for at, target in zip(places, targets, strict=True):
            have = np.bincount(at, fitted.sum(axis=1), len(target))
            gap = max(gap, float(np.abs(have - target).max()))
            fitted = fitted * np.nan_to_num(divide(target, have))[at, None]
        have = fitted.sum(axis=0)
        gap = max(gap, float(np.abs(have - by_bin).max()))
        fitted = fitted * np.nan_to_num(divide(by_bin, have))
        if gap < _CLOSE:
            break
    return fitted, gap


def _refused(v: Floats, reason: str, outside: float = np.nan, ratio: float = np.nan) -> Raked:
    return Raked(np.full(v.shape, np.nan), ratio, outside, reason)


def reweighted(evaluation: ScoreBins, raked: Raked) -> ScoreBins:
    """The evaluation set (S, B, columns) as one state (B, columns) on the window's mix.

    Every column is weighted and scaled to the effective number of rows, so that the metrics of
    confusion.py, ranking.py and calibration_quality.py come with intervals of that size. NaN
    throughout where the weights were refused.
    """
    if evaluation.cells.shape != (*raked.weights.shape, len(COLUMNS)):
        raise ValueError(
            f"an evaluation set of shape {evaluation.cells.shape} and weights of "
            f"{raked.weights.shape} given: rake the same slices and score bins"
        )
    cells = (evaluation.cells * raked.weights[..., None]).sum(axis=0) * raked.ess_ratio
    return ScoreBins(evaluation.edges, floats(cells), floats(evaluation.unusable.sum(axis=0)))

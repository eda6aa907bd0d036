"""Can a classifier tell the rows of two samples apart? For shifts that no marginal shows.

Rows of reference and window get the labels 0 and 1; small boosted trees (`boosting`) learn to
tell them apart on some folds and are scored on the others. Their AUC is the chance that a row
of the window looks more like the window than one of the reference does: 0.5 where the
samples are alike. For a shift by delta sd of one normal feature, or of length delta over
several, the best possible is Phi(delta / sqrt 2): 0.59 for 0.32, hence the same effect size.
Source: Friedman 2003 (two-sample tests by classifiers); Lopez-Paz and Oquab 2017.

Its p-value knows sampling noise alone: of large samples it finds differences between any two
Mondays. So it is held to a material limit as well, and `own_windows` can judge its AUC by
those of the reference's windows. It can't see a dependence of three features that no two of
them show, and little of a change that concerns few rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sparkdrift.measures import boosting, evidence
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.boosting import BINS, Features

MOST_ROWS = 5_000
LEAST_ROWS = 200
MOST_FEATURES = 100
FOLDS = 5
TOP = 5
LEVEL = 0.01
# Any two folds meet twice, each learning what the other is scored on: a chance difference
# between them counts in both, so the variance of the average is up to twice that of
# independent folds. Measured: 1.3 to 1.5 times the standard deviation where little is found,
# 1.1 for an AUC of 0.75 [sim]. No estimate without bias exists (Bengio and Grandvalet 2004).
SHARED = float(np.sqrt(2))
_Z95 = 1.959964


@dataclass(frozen=True)
class Told:
    """What a classifier makes of two samples; figures are NaN where `reason` is not "".

    auc: cross-fitted, with its standard error and 95 % interval. p_unusual: of an AUC of 0.5 to
    show this or more. p_material: of one as small as half the D of `effect_size` causes. power:
    chance to pass both at 1 % if the best AUC that effect_size allows is reached, which the
    trees do not quite. features: (name, loss of AUC when its values are shuffled), largest
    first, at most TOP. rows: of reference and window used.
    """

    auc: float
    error: float
    low: float
    high: float
    p_unusual: float
    p_material: float
    power: float
    features: tuple[tuple[str, float], ...]
    rows: tuple[int, int]
    reason: str = ""


def tell_apart(
    reference: Mapping[str, ArrayLike],
    window: Mapping[str, ArrayLike],
    *,
    effect_size: float = evidence.DELTA_STAR,
    seed: int = 0,
    most_rows: int = MOST_ROWS,
) -> Told:
    """Tell the rows of two samples apart; both map a feature to its values, (n,) and (m,).

    Numbers and booleans are ordered, NaN and None are NULL; any other type is a category. NULL
    is a value of its own, so a changed share of NULLs counts. Of more than most_rows a seeded
    draw is used. A feature that only one side has, or more than MOST_FEATURES, is a ValueError;
    fewer than LEAST_ROWS on a side give the reason instead of figures.
    """
    names = _names(reference, window)
    rng = np.random.default_rng(seed)
    sides = [_drawn(one, names, most_rows, rng) for one in (reference, window)]
    sizes = [len(one[names[0]]) for one in sides]
    if min(sizes) < LEAST_ROWS:
        reason = f"{min(sizes)} rows on one side, {LEAST_ROWS} needed to learn from"
        nan = float("nan")
        return Told(nan, nan, nan, nan, nan, nan, nan, (), (sizes[0], sizes[1]), reason)
    features = _encoded(sides, names)
    labels = np.repeat([0.0, 1.0], sizes)
    auc, error, losses = cross_fitted(features, labels, rng)
    limit, wanted = (best_auc(size) for size in (effect_size / np.sqrt(2), effect_size))
    null = SHARED * null_error(*(size // FOLDS for size in sizes)) / np.sqrt(FOLDS)
    needed = max(special.ndtri(1 - LEVEL) * null + 0.5, special.ndtri(1 - LEVEL) * error + limit)
    order = np.argsort(-losses, kind="stable")[:TOP]
    return Told(
        auc=auc,
        error=error,
        low=max(0.0, auc - _Z95 * error),
        high=min(1.0, auc + _Z95 * error),
        p_unusual=float(special.ndtr((0.5 - auc) / null)),
        p_material=float(special.ndtr((limit - auc) / max(error, 1e-12))),
        power=float(special.ndtr((wanted - needed) / max(error, 1e-12))),
        features=tuple((names[i], float(losses[i])) for i in order if losses[i] > 0),
        rows=(sizes[0], sizes[1]),
    )


def best_auc(delta: float) -> float:
    """Phi(delta / sqrt 2): what the best classifier reaches for a normal shift by delta sd."""
    return float(special.ndtr(delta / np.sqrt(2)))


def shift_of(auc: float) -> float:
    """The inverse: the least normal shift (sd) for which this AUC is reached; 0 up to 0.5."""
    return float(np.sqrt(2) * special.ndtri(min(max(auc, 0.5), 1 - 1e-12)))


def cross_fitted(
    features: Features, labels: Floats, rng: np.random.Generator
) -> tuple[float, float, Floats]:
    """(AUC, its standard error, loss of AUC when a feature is shuffled (d,)).

    The average over FOLDS of the AUC on rows that the trees did not learn from; scores of
    different folds are never compared, which would bias it. The error is that of independent
    folds (DeLong) times SHARED. Shuffling is among the fold's rows.
    """
    folds = _folds(labels, rng)
    found, errors = np.empty(FOLDS), np.empty(FOLDS)
    losses = np.zeros(len(features.ordered))
    for fold in range(FOLDS):
        learn, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        trees = boosting.fit(features.take(learn), labels[learn])
        codes, own = features.codes[test], labels[test]
        found[fold], errors[fold] = auc_with_error(boosting.scores(trees, codes), own)
        for j in range(codes.shape[1]):
            mixed = codes.copy()
            mixed[:, j] = rng.permutation(mixed[:, j])
            shuffled, _ = auc_with_error(boosting.scores(trees, mixed), own)
            losses[j] += (found[fold] - shuffled) / FOLDS
    error = SHARED * float(np.sqrt((errors**2).sum())) / FOLDS
    return float(found.mean()), error, losses


def auc_with_error(scores: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """(area under the ROC curve, its standard error); ties count half.

    Source: Mann and Whitney 1947; DeLong et al. 1988, by ranks as in Sun and Xu 2014. The error
    is 0 where the samples are told apart without fault. NaN when a side has fewer than 2 rows.
    """
    values, own = floats(scores), floats(labels)
    above, below = values[own == 1], values[own == 0]
    if min(len(above), len(below)) < 2:
        return float("nan"), float("nan")
    of_above = _share_below(below, above)
    of_below = 1 - _share_below(above, below)
    variance = of_above.var(ddof=1) / len(above) + of_below.var(ddof=1) / len(below)
    return float(of_above.mean()), float(np.sqrt(variance))


def _share_below(known: Floats, values: Floats) -> Floats:
    """Share of `known` below each value, ties half, (len(values),)."""
    ordered = np.sort(known)
    left, right = (ordered.searchsorted(values, side) for side in ("left", "right"))
    return floats((left + right) / (2 * len(known)))


def null_error(n: int, m: int) -> float:
    """Standard error of an AUC of 0.5 without ties: sqrt((n + m + 1) / (12 n m))."""
    return float(np.sqrt((n + m + 1) / (12 * n * m)))


def _names(reference: Mapping[str, ArrayLike], window: Mapping[str, ArrayLike]) -> list[str]:
    if set(reference) != set(window):
        odd = sorted(set(reference) ^ set(window))
        raise ValueError(f"features on one side only: {', '.join(odd)}; give both the same")
    if not 1 <= len(reference) <= MOST_FEATURES:
        raise ValueError(f"{len(reference)} features, 1 to {MOST_FEATURES} accepted: choose fewer")
    return sorted(reference)


def _drawn(
    side: Mapping[str, ArrayLike], names: list[str], most: int, rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    columns = {name: np.asarray(side[name]) for name in names}
    sizes = {len(one) for one in columns.values()}
    if len(sizes) > 1:
        raise ValueError(f"features of {min(sizes)} to {max(sizes)} rows; give rows of one table")
    size = sizes.pop()
    if size <= most:
        return columns
    kept = np.sort(rng.choice(size, most, replace=False))
    return {name: one[kept] for name, one in columns.items()}


def _encoded(sides: list[dict[str, NDArray[np.generic]]], names: list[str]) -> Features:
    return coded(
        [np.concatenate([np.asarray(side[name], dtype=object) for side in sides]) for name in names]
    )


def coded(columns: Sequence[NDArray[Any]]) -> Features:
    """Columns (n,) as small whole numbers: numbers by quantiles, categories by frequency.

    NaN and None are NULL, code 0.
    """
    codes, ordered = [], []
    for given in columns:
        values = np.asarray(given, dtype=object)
        held = np.array([one is not None and one == one for one in values], dtype=bool)
        numbers = all(isinstance(one, float | int | np.number | np.bool_) for one in values[held])
        own = np.zeros(len(values), dtype=np.int64)
        if held.any():
            found = _numbers(floats(values[held])) if numbers else _categories(values[held])
            own[held] = 1 + found
        codes.append(own)
        ordered.append(numbers)
    return Features(np.stack(codes, axis=1), np.array(ordered, dtype=bool))


def _numbers(values: Floats) -> NDArray[np.int64]:
    """Codes below BINS - 1 by quantiles of both samples; infinities are in the end bins."""
    ranks = np.arange(1, BINS - 1) / (BINS - 1)
    edges = np.unique(np.sort(values)[(ranks * (len(values) - 1)).astype(np.int64)])
    return np.searchsorted(edges, values, side="left").astype(np.int64)


def _categories(values: NDArray[np.object_]) -> NDArray[np.int64]:
    """Codes of the BINS - 2 most frequent values; the others share one."""
    texts = np.array([str(one) for one in values])
    items, inverse, counts = np.unique(texts, return_inverse=True, return_counts=True)
    place = np.empty(len(items), dtype=np.int64)
    place[np.argsort(-counts, kind="stable")] = np.arange(len(items))
    return np.minimum(place, BINS - 2)[inverse.reshape(-1)]


def _folds(labels: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """The fold of each row, so that every fold has the same share of each label."""
    folds = np.empty(len(labels), dtype=np.int64)
    for label in (0.0, 1.0):
        rows = np.flatnonzero(labels == label)
        folds[rng.permutation(rows)] = np.arange(len(rows)) % FOLDS
    return folds

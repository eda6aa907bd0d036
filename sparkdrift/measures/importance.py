"""How much each feature counts for a model's score, and how far that is concentrated.

An importance is a share: of all that the features contribute, what one of them does. It is given
by the model's makers, or estimated from rows: `linear`, by what each feature adds to a linear
prediction of the score, or `permutation`, by what small boosted trees that predict it lose when a
feature is shuffled. Both describe a stand-in for the model, not the model, and a feature that goes
with another shares with it.

Concentration is H = sum I^2 (Herfindahl 1950; Hirschman 1945): 1 / H features of equal importance
have the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkdrift.measures import boosting
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.boosting import Features
from sparkdrift.measures.domain_classifier import auc_with_error, coded

LEAST_ROWS = 200
MOST_FEATURES = 500
GROUPS = 10
"""Parts of the rows, of which each is left out once: the delete-a-group jackknife."""
FOLDS, TREES = 5, 20
_COMMON = 14
_RIDGE = 1e-3
_NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Importances:
    """values, errors (d,): the share of each feature and its standard error, NaN where not
    estimated. concentration: H, with its standard error. rows: those it rests on. reason: why
    nothing was estimated, or ''."""

    values: Floats
    errors: Floats
    concentration: float
    error: float
    rows: int
    reason: str = ""


def shares(values: ArrayLike) -> Floats:
    """Importances (..., d) as parts of their sum; NaN counts for nothing and stays NaN.

    Negative ones are a ValueError: they are no part of anything. All NaN without a positive one.
    """
    given = floats(values)
    if (given < 0).any():
        raise ValueError("an importance is negative; give absolute values, 0 or more")
    total = np.nansum(given, axis=-1, keepdims=True)
    return floats(np.divide(given, total, out=np.full(given.shape, np.nan), where=total > 0))


def concentration(values: ArrayLike) -> Floats:
    """H = sum I^2 of shares (..., d), in [1/d, 1]; NaN where no share is known."""
    given = floats(values)
    known = np.isfinite(given).any(axis=-1)
    return floats(np.where(known, np.nansum(given**2, axis=-1), np.nan))


def linear(columns: Sequence[ArrayLike], target: ArrayLike, seed: int = 0) -> Importances:
    """Importances of `columns` (d arrays of (n,)) for `target` (n,), by a linear prediction.

    Numbers as they are, NULL (NaN, None) and infinite ones as their mean beside an indicator;
    categories by an indicator for each of the 14 most frequent values and one for the rest. Ridge
    regression on standardised columns. A feature counts by the standard deviation, over the rows,
    of what its columns add to the prediction, less the noise in it: sqrt(max(0, v^2 - se^2)). The
    errors are those of the delete-a-group jackknife, GROUPS parts drawn by `seed`.
    Source: Hoerl and Kennard 1970; Kott, Journal of Official Statistics 17, 2001.
    """
    y, usable, reason = _target(columns, target)
    if reason:
        return _nothing(len(columns), len(y), reason)
    blocks = [_block(np.asarray(one)[usable]) for one in columns]
    places = np.repeat(np.arange(len(blocks)), [one.shape[1] for one in blocks])
    matrix = np.concatenate(blocks, axis=1)
    groups = np.random.default_rng(seed).permutation(np.arange(len(y)) % GROUPS)
    sums = np.stack([_sums(matrix[groups == g], y[groups == g]) for g in range(GROUPS)])
    whole = sums.sum(axis=0)
    raw = _contributions(whole, places, len(blocks))
    parts = np.stack([_contributions(whole - one, places, len(blocks)) for one in sums])
    noise = (GROUPS - 1) / GROUPS * ((parts - parts.mean(axis=0)) ** 2).sum(axis=0)
    return _told(raw, parts, noise, len(y))


def permutation(columns: Sequence[ArrayLike], target: ArrayLike, seed: int = 0) -> Importances:
    """Importances of `columns` for whether `target` is above its median, by shuffling.

    Boosted trees (`boosting`) learn on all folds but one; on that one a feature counts by the
    loss of AUC when its values are shuffled among the rows. Losses below 0 count as 0. The errors
    are those over the FOLDS folds, widened by sqrt 2, since any two folds share what was learnt.
    Source: Breiman 2001; Fisher, Rudin and Dominici 2019; the widening, `domain_classifier`.
    """
    y, usable, reason = _target(columns, target)
    if reason:
        return _nothing(len(columns), len(y), reason)
    above = (y > np.median(y)).astype(np.float64)
    if not 0 < above.mean() < 1:
        above = (y >= np.median(y)).astype(np.float64)
    features = coded([np.asarray(one)[usable] for one in columns])
    rng = np.random.default_rng(seed)
    folds = rng.permutation(np.arange(len(y)) % FOLDS)
    losses = np.stack([_losses(features, above, folds == one, rng) for one in range(FOLDS)])
    mean = losses.mean(axis=0)
    # Leaving out one fold's loss moves the mean by what a jackknife would.
    parts = (losses.sum(axis=0) - losses) / (FOLDS - 1)
    noise = 2 * (FOLDS - 1) / FOLDS * ((parts - mean) ** 2).sum(axis=0)
    return _told(np.maximum(mean, 0.0), np.maximum(parts, 0.0), noise, len(y), widened=2.0)


def _target(
    columns: Sequence[ArrayLike], target: ArrayLike
) -> tuple[Floats, NDArray[np.bool_], str]:
    y = floats(target)
    usable = np.isfinite(y)
    y = y[usable]
    if not 1 <= len(columns) <= MOST_FEATURES:
        return y, usable, f"{len(columns)} features, 1 to {MOST_FEATURES} are accepted"
    if len(y) < LEAST_ROWS:
        return y, usable, f"{len(y):,} rows to estimate from, {LEAST_ROWS} are needed"
    if y.min() == y.max():
        return y, usable, "the score is the same in all rows"
    return y, usable, ""


def _nothing(size: int, rows: int, reason: str) -> Importances:
    none = np.full(size, np.nan)
    return Importances(none, none.copy(), _NAN, _NAN, rows, reason)


def _told(
    raw: Floats, parts: Floats, noise: Floats, rows: int, widened: float = 1.0
) -> Importances:
    """From contributions (d,), those without each group (G, d), and their variance, to shares."""
    left = np.sqrt(np.maximum(raw**2 - noise, 0.0))
    if not left.any():
        return _nothing(len(raw), rows, "no feature counts for the score beyond noise")
    own = shares(left)
    # The noise is taken off all of them alike, so that it does not count as variation.
    each = [np.sqrt(np.maximum(one**2 - noise, 0.0)) for one in parts]
    known = shares(np.stack([one for one in each if one.any()] or [left]))
    factor = widened * (len(known) - 1) / max(len(known), 1)

    def error(values: Floats) -> Floats:
        return floats(np.sqrt(factor * ((values - values.mean(axis=0)) ** 2).sum(axis=0)))

    h = concentration(known)
    return Importances(own, error(known), float(concentration(own)), float(error(h)), rows)


def _block(values: NDArray[np.generic]) -> Floats:
    """The columns that a feature is in a linear prediction, standardised, (n, c)."""
    if values.dtype.kind in "fiub":
        numbers = values.astype(np.float64)
        there = np.isfinite(numbers)
        middle = numbers[there].mean() if there.any() else 0.0
        columns = [np.where(there, numbers, middle), (~there).astype(np.float64)]
    else:
        texts = np.array([":null" if one is None else f"v{one}" for one in values])
        _, inverse, counts = np.unique(texts, return_inverse=True, return_counts=True)
        common = np.argsort(-counts, kind="stable")[:_COMMON]
        columns = [(inverse.reshape(-1) == one).astype(np.float64) for one in common]
    stacked = np.stack(columns, axis=1)
    sd = stacked.std(axis=0)
    kept = sd > 1e-12 * np.maximum(1.0, np.abs(stacked).max(axis=0))
    if not kept.any():
        return np.zeros((len(values), 1))
    return floats((stacked[:, kept] - stacked[:, kept].mean(axis=0)) / sd[kept])


def _sums(matrix: Floats, y: Floats) -> Floats:
    """Sums of products of (1, columns, y), which add, (c + 2, c + 2)."""
    rows = np.column_stack([np.ones(len(y)), matrix, y])
    return floats(rows.T @ rows)


def _contributions(sums: Floats, places: NDArray[np.intp], size: int) -> Floats:
    """Standard deviation of what each feature adds to the ridge regression's prediction, (d,)."""
    n, means = sums[0, 0], sums[0, 1:] / sums[0, 0]
    spread = sums[1:, 1:] / n - np.outer(means, means)
    inner, cross = spread[:-1, :-1], spread[:-1, -1]
    slopes = np.linalg.solve(inner + _RIDGE * np.eye(len(inner)), cross)
    found = np.zeros(size)
    for one in range(size):
        own = places == one
        found[one] = slopes[own] @ inner[np.ix_(own, own)] @ slopes[own]
    return floats(np.sqrt(np.maximum(found, 0.0)))


def _losses(
    features: Features, above: Floats, held: NDArray[np.bool_], rng: np.random.Generator
) -> Floats:
    """The loss of AUC on the held rows when each feature is shuffled, (d,)."""
    learn, test = np.flatnonzero(~held), np.flatnonzero(held)
    trees = boosting.fit(features.take(learn), above[learn], TREES)
    codes, own = features.codes[test], above[test]
    plain, _ = auc_with_error(boosting.scores(trees, codes), own)
    found = np.zeros(codes.shape[1])
    for j in range(codes.shape[1]):
        mixed = codes.copy()
        mixed[:, j] = rng.permutation(mixed[:, j])
        found[j] = plain - auc_with_error(boosting.scores(trees, mixed), own)[0]
    return np.nan_to_num(found)

"""Small boosted trees that look at pairs of features, for `domain_classifier`.

A tree has a root and one split on either side of it: four leaves. Ordinary trees choose the
root by its own gain, and a dependence between two features with the same marginals gives no
root any gain (exclusive or). So each root is tried with the best splits below it, which is a
product of matrices here: roots x rows times rows x bins.

Source: Friedman 2001 (gradient boosting); Chen and Guestrin 2016 (second-order gains);
Fisher 1958 (categories sorted by their mean are split best between two neighbours); Lou et al.
2013 (trees over pairs of features find interactions). Written here because executors have
numpy and scipy only; held against scikit-learn's trees in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparkdrift.measures.arrays import Floats, floats

BINS = 16
TREES = 40
RATE = 0.2
RIDGE = 5.0  # rows' worth of doubt in each leaf, in units of the hessian
LEAST_LEAF = 10  # rows of each leaf at least

Codes = NDArray[np.int64]
Singles = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Features:
    """Rows as small whole numbers, int64 (n, d); `ordered` (d,): false for categories.

    Each code is below BINS; NULL has code 0 and is a category beside the others.
    """

    codes: Codes
    ordered: NDArray[np.bool_]

    def take(self, rows: NDArray[np.int64]) -> Features:
        return Features(self.codes[rows], self.ordered)


@dataclass(frozen=True, eq=False)
class Tree:
    """right (BINS,): the codes of feature `root` that go right; below: for left and right a
    feature and its codes (2, BINS) that go right again; leaves (2, 2)."""

    root: int
    right: NDArray[np.bool_]
    below: tuple[int, int]
    side: NDArray[np.bool_]
    leaves: Floats

    def values(self, codes: Codes) -> Floats:
        """The leaf of each row, (n,)."""
        first = self.right[codes[:, self.root]].astype(np.int64)
        second = np.where(
            first == 0,
            self.side[0][codes[:, self.below[0]]],
            self.side[1][codes[:, self.below[1]]],
        )
        return floats(self.leaves[first, second.astype(np.int64)])


def fit(features: Features, labels: Floats, trees: int = TREES) -> tuple[Tree, ...]:
    """Trees whose sum is the log odds that a row's label is 1, up to a constant.

    labels (n,): 0 or 1. Deterministic. A row's hessian is taken for that of the first step, c
    (1 - c), which for samples that are hard to tell apart it stays: so the rows of every split
    are counted once, not once per tree.
    """
    codes, ordered = features.codes, features.ordered
    roots = _roots(features)
    if not roots:
        return ()
    spread = _indicators(codes)
    sides = np.stack([right[codes[:, j]] for j, right in roots], axis=1).astype(np.float32)
    share = float(labels.mean())
    weight = share * (1 - share)
    rows = _halves(np.ones(len(labels)), sides, spread)
    score = np.full(len(labels), np.log(share / (1 - share)))
    found: list[Tree] = []
    for _ in range(trees):
        slopes = 1 / (1 + np.exp(-score)) - labels
        tree = _grow(ordered, roots, _halves(slopes, sides, spread), rows, weight)
        found.append(tree)
        score += tree.values(codes)
    return tuple(found)


def scores(trees: tuple[Tree, ...], codes: Codes) -> Floats:
    """The sum of the trees for each row, (n,); 0 without trees."""
    total = np.zeros(len(codes))
    for tree in trees:
        total += tree.values(codes)
    return total


def _roots(features: Features) -> list[tuple[int, NDArray[np.bool_]]]:
    """(feature, its codes that go right): quartiles of a number, single categories, NULL."""
    found = []
    for j, ordered in enumerate(features.ordered):
        counts = np.bincount(features.codes[:, j], minlength=BINS)
        common = [int(c) for c in np.argsort(-counts, kind="stable")[:4] if counts[c] > 0]
        cuts: list[NDArray[np.bool_]] = [np.arange(BINS) == c for c in common]
        if ordered:
            upto = counts[1:].cumsum() / max(1, counts[1:].sum())
            edges = sorted({int(np.searchsorted(upto, q)) + 1 for q in (0.25, 0.5, 0.75)})
            cuts = [np.arange(BINS) > edge for edge in edges]
            cuts += [np.arange(BINS) == 0] if counts[0] else []
        found += [(j, one) for one in cuts if 0 < counts[one].sum() < counts.sum()]
    return found


def _indicators(codes: Codes) -> Singles:
    """(n, d x BINS): 1 where a row has the code."""
    n, d = codes.shape
    dense = np.zeros((n, d * BINS), dtype=np.float32)
    dense[np.arange(n)[:, None], codes + np.arange(d) * BINS] = 1
    return dense


def _halves(values: Floats, sides: Singles, spread: Singles) -> Floats:
    """Sums of `values` (n,) by half of each root and code: (2, R, d, BINS)."""
    weights = values.astype(np.float32)[:, None]
    right = (sides * weights).T @ spread
    both = np.stack([weights.T @ spread - right, right])
    return floats(both.reshape(2, sides.shape[1], -1, BINS))


def _grow(
    ordered: NDArray[np.bool_],
    roots: list[tuple[int, NDArray[np.bool_]]],
    slopes: Floats,
    rows: Floats,
    weight: float,
) -> Tree:
    """The tree with the largest gain; a half that nothing splits is one leaf."""
    gains, order = _gains(ordered, slopes, weight, rows)
    cut = gains.argmax(axis=-1)
    largest = gains.max(axis=-1)
    feature = largest.argmax(axis=-1)
    best = int(largest.max(axis=-1).sum(axis=0).argmax())
    chosen, right = roots[best]
    below = (int(feature[0, best]), int(feature[1, best]))
    side = np.zeros((2, BINS), dtype=np.bool_)
    leaves = np.empty((2, 2))
    for half, j in enumerate(below):
        side[half, order[half, best, j, cut[half, best, j] + 1 :]] = True
        for leaf in (0, 1):
            inside = side[half] == bool(leaf)
            total = slopes[half, best, j][inside].sum()
            curvature = weight * rows[half, best, j][inside].sum() + RIDGE
            leaves[half, leaf] = -RATE * total / curvature
    return Tree(chosen, right, below, side, leaves)


def _gains(
    ordered: NDArray[np.bool_], slopes: Floats, weight: float, rows: Floats
) -> tuple[Floats, NDArray[np.int64]]:
    """(gain of each feature's cuts (2, R, d, BINS), codes in the order they are cut).

    Numbers are cut in their order, categories in that of their mean slope. The last cut is
    none: all codes stay together.
    """
    means = slopes / (weight * rows + RIDGE)
    order = np.broadcast_to(np.arange(BINS), means.shape).copy()
    order[:, :, ~ordered] = np.argsort(means[:, :, ~ordered], axis=-1, kind="stable")
    g, n = (np.take_along_axis(one, order, -1).cumsum(axis=-1) for one in (slopes, rows))
    gain = np.zeros(g.shape)
    enough = np.ones(gain.shape, dtype=np.bool_)
    for total, count in ((g, n), (g[..., -1:] - g, n[..., -1:] - n)):
        gain += total**2 / (weight * count + RIDGE)
        enough &= count >= LEAST_LEAF
    enough[..., -1] = True
    return np.where(enough, gain, -np.inf), order

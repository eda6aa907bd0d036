"""Distances of categories that are not all listed, against SciPy on the rows of all of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from sparkdrift.kernels.many_categories import Unlisted, old_counts
from sparkdrift.measures import binned
from sparkdrift.measures.bins import categorical_bins
from sparkdrift.measures.categorical import Categories, merge_all

LIMIT = 60
NAMES = [f"c{i:03}" for i in range(400)]
ZIPF = 1 / np.arange(1, 401)
ZIPF /= ZIPF.sum()


def listed(counts: np.ndarray) -> Categories:
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda i: (-counts[i], i))
    held = counts[order].astype(np.int64)
    return Categories(tuple(NAMES[i] for i in order), held, 0, int(held.sum()), exact=True)


def drawn(shares: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Categories]:
    """The rows of every category of ten days, and their state, truncated day by day."""
    days = rng.multinomial(1000, shares, size=10)
    return days.sum(axis=0), merge_all([merge_all([listed(day)], LIMIT) for day in days], LIMIT)


@pytest.mark.parametrize("seed", range(8))
def test_unlisted_categories_are_within_the_error_of_jensen_shannon(seed):
    rng = np.random.default_rng(seed)
    (known_rows, known), (rows, seen) = (
        drawn(shares, rng) for shares in (ZIPF, ZIPF if seed < 4 else rng.permutation(ZIPF))
    )
    assert known.offset > 0, seed
    items = categorical_bins(known.items, known.counts, known.total)
    named = [NAMES.index(item) for item in items]
    width = len(items) + 1
    counts, before = (old_counts(known, one, items, width, only=False) for one in (seen, known))
    true, true_before = (
        np.append(every[named], every.sum() - every[named].sum()) for every in (rows, known_rows)
    )
    off = Unlisted.of([known], [seen], [len(items)])
    (bar,) = off.js_error(before, counts[None])
    exact = jensenshannon(true_before, true, base=2)
    (found,) = binned.js_distance(before, counts[None])
    assert abs(found - exact) <= bar, (seed, found, exact, bar)
    assert 0 < bar < 1, (seed, bar)


def test_what_is_listed_in_full_has_no_error():
    rng = np.random.default_rng(1)
    known, seen = (listed(rng.multinomial(500, ZIPF)) for _ in range(2))
    items = categorical_bins(known.items, known.counts, known.total)
    width = len(items) + 1
    both = (old_counts(known, one, items, width, only=False) for one in (known, seen))
    before, counts = both
    assert Unlisted.of([known], [seen], [len(items)]).js_error(before, counts[None]) == [0]

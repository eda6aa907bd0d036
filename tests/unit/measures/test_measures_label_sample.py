"""Which rows to label: against trying every allocation, and the ratio that comes of it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from sparkdrift.measures.density_ratio import coverage, ess_ratio
from sparkdrift.measures.label_sample import allocate, score_groups


def loss(m, w):
    return (w**2 / np.maximum(m, 0.5)).sum()


@pytest.mark.parametrize("seed", range(30))
def test_no_other_allocation_is_better(seed):
    rng = np.random.default_rng(seed)
    labelled, production = rng.integers(0, 6, 4), rng.integers(0, 40, 4)
    available = np.minimum(production, rng.integers(0, 6, 4))
    rows = int(rng.integers(0, 9))
    found = allocate(labelled, production, available, rows)
    w = production / max(production.sum(), 1)
    free = np.where(production > 0, available, 0)
    tries = [
        x
        for x in itertools.product(*(range(one + 1) for one in free))
        if sum(x) == min(rows, free.sum())
    ]
    best = min(loss(labelled + np.array(x), w) for x in tries)
    assert found.sum() == min(rows, free.sum()), seed
    assert (found <= free).all(), seed
    assert loss(labelled + found, w) == pytest.approx(best, rel=1e-12), seed


def test_it_is_the_optimum_of_a_solver_that_knows_nothing_of_it():
    rng = np.random.default_rng(7)
    labelled, production = rng.integers(20, 200, 12), rng.integers(50, 900, 12)
    w = production / production.sum()
    solved = minimize(
        lambda x: 1e3 * (w**2 / (labelled + x)).sum(),
        np.full(12, 50.0),
        bounds=[(0, n) for n in production],
        constraints={"type": "eq", "fun": lambda x: x.sum() - 600},
        options={"maxiter": 500, "ftol": 1e-12},
    )
    assert solved.success
    np.testing.assert_allclose(allocate(labelled, production, production, 600), solved.x, atol=2)


def test_with_nothing_labelled_it_is_proportional():
    found = allocate(np.zeros(4), [400, 300, 200, 100], [400, 300, 200, 100], 100)
    np.testing.assert_array_equal(found, [40, 30, 20, 10])


def test_the_effective_share_is_what_comes_out_and_above_a_plain_sample():
    rng = np.random.default_rng(11)
    labelled = np.array([900, 600, 300, 100, 20, 0])
    production = np.array([1000, 1000, 1500, 3000, 3000, 500])
    found = allocate(labelled, production, production, 1000)
    chosen = ess_ratio(labelled + found, production)
    plain = [
        ess_ratio(labelled + rng.multinomial(1000, production / production.sum()), production)
        for _ in range(200)
    ]
    assert chosen > np.max(plain) > ess_ratio(labelled, production)
    assert coverage(labelled + found, production).outside == 0


def test_a_common_thin_stratum_comes_before_a_rare_one_that_is_missing():
    found = allocate([0, 10], [5, 5000], [5, 5000], 50)
    np.testing.assert_array_equal(found, [0, 50])


def test_no_rows_of_production_and_nothing_free_allocate_nothing():
    np.testing.assert_array_equal(allocate([5, 5], [0, 0], [9, 9], 10), [0, 0])
    np.testing.assert_array_equal(allocate([5, 5], [7, 7], [0, 3], 10), [0, 3])
    np.testing.assert_array_equal(allocate([5, 5], [7, 7], [7, 7], 0), [0, 0])


def test_large_numbers_are_quick_to_allocate():
    rng = np.random.default_rng(3)
    production = rng.integers(0, 10_000, 4000)
    found = allocate(rng.integers(0, 50, 4000), production, production, 1_000_000)
    assert found.sum() == 1_000_000


def test_what_is_not_accepted_is_said():
    with pytest.raises(ValueError, match="three lists of the same length"):
        allocate([1], [1, 2], [1, 2], 3)
    with pytest.raises(ValueError, match="-1 rows given"):
        allocate([1], [1], [1], -1)


def test_groups_are_neighbours_of_about_equal_parts():
    rng = np.random.default_rng(5)
    rows = rng.integers(0, 30, 130)
    groups = score_groups(rows, 10)
    assert (np.diff(groups) >= 0).all()
    assert set(np.diff(groups)) <= {0, 1}
    assert groups[0] == 0
    np.testing.assert_allclose(np.bincount(groups, rows), rows.sum() / 10, atol=30)
    np.testing.assert_array_equal(score_groups(np.zeros(4)), [0, 0, 0, 0])
    heavy = score_groups([1, 1, 1000, 1, 1], 10)
    assert heavy[1] != heavy[2] != heavy[3]

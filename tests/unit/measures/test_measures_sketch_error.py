from __future__ import annotations

import datasketches
import numpy as np
import pytest

from sparkdrift.measures.sketch_error import (
    effective_rows,
    equivalent_rows,
    frequent_items_error,
    mass_error,
    noise_scale,
    rank_error,
    supremum_rows,
)


@pytest.mark.parametrize(
    ("k", "eps1", "eps2"), [(200, 1.33, 1.65), (800, 0.345, 0.447), (1600, 0.176, 0.232)]
)
def test_published_errors(k, eps1, eps2):
    assert rank_error(k) * 100 == pytest.approx(eps1, rel=5e-3)
    assert mass_error(k) * 100 == pytest.approx(eps2, rel=5e-3)


@pytest.mark.parametrize("k", [8, 200, 400, 1600, 65535])
def test_errors_are_those_of_datasketches(k):
    oracle = datasketches.kll_doubles_sketch(k)
    assert rank_error(k) == pytest.approx(oracle.normalized_rank_error(False), rel=1e-12)
    assert mass_error(k) == pytest.approx(oracle.normalized_rank_error(True), rel=1e-12)


def test_an_exact_sketch_adds_nothing():
    assert rank_error(np.inf) == 0
    assert mass_error(np.inf) == 0
    assert noise_scale(100, 400, 10, np.inf, np.inf) == 0.0125
    assert equivalent_rows(np.inf, 10) == supremum_rows(np.inf) == np.inf


def test_noise_scale_adds_up():
    n = np.array([30.0, 1000.0, 0.0])
    s = noise_scale(n, 10**6, 10, 400, np.inf)
    np.testing.assert_allclose(s[:2], 1 / n[:2] + 1e-6 + 10 / (2.7 * 400**2))
    assert np.isnan(s[2])
    assert np.isnan(noise_scale(10, 0, 10))
    assert noise_scale(10, np.inf, 10) == 0.1
    # against a material effect of 0.05 even k = 200 adds next to nothing
    assert 9 * noise_scale(np.inf, np.inf, 10, 200) < 0.001


def test_missing_sketch_sizes_are_not_measured():
    assert np.isnan(rank_error([0, -1, np.nan])).all()
    assert np.isnan(mass_error(0))


def test_effective_rows():
    assert effective_rows([1, 1], [100, 50]) == 150
    assert effective_rows([16, 1], [100, 1600]) == pytest.approx(3200**2 / (256 * 100 + 1600))
    assert effective_rows([[4, 4], [1, 1]], [[10, 20], [0, 0]]) == pytest.approx(
        [30, np.nan], nan_ok=True
    )


def test_frequent_items_error():
    assert frequent_items_error(10**6, 1000) == 3500
    assert np.isnan(frequent_items_error(10, 0))

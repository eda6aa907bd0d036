"""Rows that a window needs: against SciPy's own chi-squares, and by windows that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures import evidence, multivariate
from sparkdrift.measures.sample_size import rows_needed

SEED = 20


@pytest.mark.parametrize("features", [1, 12])
@pytest.mark.parametrize("size", [0.1, 0.32])
def test_the_power_there_is_what_is_wanted(size, features):
    """One sum of distances, known exactly: a chi-square that is central or not, by SciPy."""
    rows, free = rows_needed(size, 10, features=features), 9 * features
    material = stats.ncx2.ppf(1 - evidence.MATERIAL_LEVEL, free, rows * size**2 / 2)
    unusual = stats.chi2.ppf(1 - evidence.FAMILY_LEVEL / evidence.LEAST_FAMILY, free)
    found = stats.ncx2.sf(max(material, unusual), free, rows * size**2)
    assert found == pytest.approx(evidence.LEAST_POWER, abs=0.005)


def test_it_grows_with_all_that_is_asked_at_a_time_and_with_what_is_not_known():
    least = rows_needed(0.32, 10)
    assert 1.5 * least < rows_needed(0.2, 10)
    assert 1.01 * least < rows_needed(0.32, 10, (400, 400))
    assert 1.01 * least < rows_needed(0.32, 10, windows=20)
    assert 1.9 * least < rows_needed(0.32, 10, windows=1)
    assert 1.05 * least < rows_needed(0.32, 10, features=5)


def test_a_coarse_sketch_hides_a_small_shift_however_many_rows_there_are():
    assert rows_needed(0.05, 10, (400, 400)) == np.inf
    assert np.isfinite(rows_needed(0.05, 10, (4_000, 4_000)))
    assert rows_needed(0.07, 10, (400, 400)) == np.inf
    assert np.isfinite(rows_needed(0.07, 10, (400, 1_600)))


@pytest.mark.parametrize(("times", "least", "most"), [(0.5, 0.0, 0.05), (2.0, 0.9, 1.0)])
def test_of_windows_that_are_drawn(times, least, most):
    """20 windows as a reference and one more, 5 inputs: how often the power is reached."""
    print("seed", SEED)
    rng = np.random.default_rng(SEED)
    rows = round(times * rows_needed(0.32, 10, windows=20, features=5))

    def terms(windows: int) -> multivariate.Terms:
        drawn = (rng.multinomial(rows, [0.1] * 10, size=windows) for _ in range(5))
        return multivariate.together([multivariate.marginal_terms(one) for one in drawn])

    reached = []
    for _ in range(60):
        usual = multivariate.usual_joint(terms(20))
        found = multivariate.judge_joint(usual, terms(3), 0.32, evidence.family_level(6))
        reached.append(found.power[0] >= evidence.LEAST_POWER)
    assert least <= np.mean(reached) <= most, np.mean(reached)

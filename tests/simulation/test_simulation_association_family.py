"""How many windows of a hundred features call a change of association where there is none.

docs/statistics.md, The debt of features. Prints seed, setting and rates; what is asserted is that
the family is needed, and that its rate is that of Benjamini and Hochberg within chance.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.kernels.feature_rows import judged_change
from sparkdrift.measures.association import (
    between_windows,
    change,
    cramers_v,
    merged_moments,
    point_biserial,
)
from sparkdrift.measures.evidence import FAMILY_LEVEL, benjamini_hochberg

SEED = 11
FEATURES, REFERENCE, LIMIT = 100, 14, 0.1


def moments(x, y):
    """(2, 3) of a number by class."""
    parts = (x[y == one] for one in (0, 1))
    return np.array([[len(p), p.mean(), p.var() * len(p)] if len(p) else [0, 0, 0] for p in parts])


def of_number(rng, n, share, shift, scale=np.asarray):
    def window():
        y = (rng.random(n) < share).astype(int)
        return moments(scale(rng.normal(size=n) + shift * y), y)

    before = [window() for _ in range(REFERENCE)]
    merged = before[0]
    for one in before[1:]:
        merged = merged_moments(merged, one)
    beyond = between_windows([point_biserial(one) for one in before])
    return change(point_biserial(window()), point_biserial(merged), beyond, REFERENCE)


def of_amount(rng, n, share, shift):
    """Lognormal: of few rows of a rare class a single one may make r."""
    return of_number(rng, n, share, shift, np.exp)


def of_category(rng, n, share, strength):
    tilt = np.tile([1, -1], 3) * np.array([[1], [-1]]) * share * (1 - share) / 6 * strength
    cells = (np.outer([1 - share, share], np.full(6, 1 / 6)) + tilt).ravel()

    def counts(rows):
        return cramers_v(rng.multinomial(rows, cells).reshape(2, 6))

    return change(counts(n), counts(REFERENCE * n))


@pytest.mark.parametrize(
    ("draw", "n", "share", "strength"),
    [
        pytest.param(of_number, 100, 0.3, 0.8, marks=pytest.mark.slow),
        pytest.param(of_number, 300, 0.05, 1.0, marks=pytest.mark.slow),
        pytest.param(of_amount, 300, 0.05, 1.0, marks=pytest.mark.slow),
        pytest.param(of_amount, 300, 0.3, 1.0, marks=pytest.mark.slow),
        pytest.param(of_amount, 1000, 0.3, 1.0, marks=pytest.mark.slow),
        pytest.param(of_category, 200, 0.3, 1.0, marks=pytest.mark.slow),
        (of_number, 100, 0.3, 0.0),
    ],
)
def test_a_window_of_a_hundred_features_rarely_calls_what_is_not_there(draw, n, share, strength):
    rng = np.random.default_rng(SEED)
    windows = 40
    alone, called = [], []
    for _ in range(windows):
        found = [draw(rng, n, share, strength) for _ in range(FEATURES)]
        status = np.array([judged_change(one, LIMIT) for one in found])
        moved = np.isin(status, ["warning", "drifted"])
        q = benjamini_hochberg([one.p_value for one in found])
        alone.append(moved.any())
        called.append((moved & (q <= FAMILY_LEVEL)).any())
    told = f"seed={SEED} {draw.__name__} n={n} {share=} {strength=}: of {windows} windows "
    told += f"{np.mean(alone):.2f} call one alone, {np.mean(called):.2f} among the family"
    print(told)
    highest = stats.binom.ppf(0.999, windows, FAMILY_LEVEL) / windows
    assert np.mean(called) <= highest, told
    if n == 100:
        assert np.mean(alone) > 0.8, told

"""Associations against SciPy and scikit-learn, their intervals against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.feature_selection import f_classif

from sparkdrift.measures.association import (
    LEAST_ROWS,
    Association,
    between_windows,
    change,
    correlation_ratio,
    cramers_v,
    interval,
    merged_moments,
    pearson,
    point_biserial,
)

SEED = 7


def moments(values, groups, count=None):
    """(G, 3) of values by the number of their group."""
    found = []
    for g in range(count or int(groups.max()) + 1):
        own = values[groups == g]
        mean = own.mean() if len(own) else 0.0
        found.append([len(own), mean, ((own - mean) ** 2).sum()])
    return np.array(found)


def labelled(rng, n, share, shift, sd=1.0, offset=0.0):
    y = (rng.random(n) < share).astype(int)
    return y, offset + sd * (rng.normal(size=n) + shift * y)


@pytest.mark.parametrize(("share", "shift", "offset"), [(0.5, 0.4, 0), (0.02, 2, 1e9), (0.9, 0, 3)])
def test_point_biserial_is_scipys(share, shift, offset):
    rng = np.random.default_rng(SEED)
    y, x = labelled(rng, 4000, share, shift, 5.0, offset)
    found = point_biserial(moments(x, y))
    assert found.value == pytest.approx(stats.pointbiserialr(y, x).statistic, abs=1e-7)
    assert (found.rows, found.signed, found.reason) == (4000, True, "")


def test_moments_merge_to_those_of_all_rows():
    rng = np.random.default_rng(SEED)
    y, x = labelled(rng, 500, 0.3, 1.0, offset=1e8)
    parts = [moments(x[i::3], y[i::3]) for i in range(3)]
    merged = merged_moments(merged_moments(parts[0], parts[1]), parts[2])
    np.testing.assert_allclose(merged, moments(x, y), rtol=1e-9)
    empty = np.zeros((2, 3))
    np.testing.assert_array_equal(merged_moments(empty, parts[0]), parts[0])
    np.testing.assert_array_equal(merged_moments(parts[0], empty), parts[0])


def test_the_correlation_ratio_is_that_of_the_analysis_of_variance():
    rng = np.random.default_rng(SEED)
    g = rng.integers(0, 4, 900)
    x = rng.normal(size=900) + 0.3 * g
    found = correlation_ratio(moments(x, g))
    f = f_classif(x[:, None], g)[0][0]
    assert found.statistic == pytest.approx(f * 3, rel=1e-9)
    eta2 = f * 3 / (f * 3 + 896)
    assert found.value == pytest.approx(np.sqrt(1 - (1 - eta2) * 899 / 896), rel=1e-9)
    low, high = interval(found)
    assert 0 < low < found.value < high < 1


def test_cramers_v_is_scipys_but_for_what_chance_gives():
    rng = np.random.default_rng(SEED)
    y, c = rng.integers(0, 2, 3000), rng.integers(0, 6, 3000)
    c = np.where(y & (rng.random(3000) < 0.3), 0, c)
    counts = np.array([[((y == i) & (c == j)).sum() for j in range(6)] for i in range(2)])
    found = cramers_v(counts)
    plain = stats.contingency.association(counts, method="cramer")
    assert found.statistic == pytest.approx(stats.chi2_contingency(counts, correction=False)[0])
    phi2, n = plain**2 - 5 / 2999, 3000
    assert found.value == pytest.approx(np.sqrt(phi2 / (2 - 1 / (n - 1) - 1)), rel=1e-9)
    assert 0 < plain - found.value < 0.02
    chance = np.array([[500, 300, 200], [250, 150, 100]])
    assert cramers_v(chance).value == 0.0
    assert cramers_v(np.diag([60, 80, 50])).value == pytest.approx(1.0, abs=1e-6)


def test_pearson_takes_the_state_of_a_pair():
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=200)
    y = x + rng.normal(size=200)
    u, v = x - x.mean(), y - y.mean()
    state = [200, x.mean(), y.mean(), u @ u, v @ v, u @ v]
    assert pearson(state).value == pytest.approx(stats.pearsonr(x, y).statistic)
    assert "equal" in pearson([200, 1, 1, 0, 3, 0]).reason


def test_what_can_not_be_measured_has_a_reason_and_no_figure():
    cases = {
        "30 are needed": point_biserial([[10, 0, 1], [10, 1, 1]]),
        "all rows are of one class": point_biserial([[500, 0, 10], [0, 0, 0]]),
        "all values are equal": point_biserial([[50, 7.3, 0], [50, 7.3, 1e-26]]),
        "all labels are of one class": cramers_v([[50, 60], [0, 0]]),
        "equal": cramers_v([[50, 0], [60, 0]]),
        "one class or value": correlation_ratio([[500, 3, 1]]),
    }
    for reason, one in cases.items():
        assert np.isnan(one.value)
        assert reason in one.reason
        assert np.isnan(interval(one)).all()
        assert np.isnan(change(one, point_biserial([[500, 0, 300], [500, 1, 300]]))).all()
    assert cramers_v([[LEAST_ROWS, 1], [1, LEAST_ROWS]]).reason == ""


@pytest.mark.parametrize("share", [0.5, 0.1, 0.03])
@pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
def test_intervals_of_r_cover_in_95_of_100(share, shift):
    rng = np.random.default_rng(SEED)
    sd = np.sqrt(1 + share * (1 - share) * shift**2)
    true = shift * np.sqrt(share * (1 - share)) / sd
    hits = []
    for _ in range(600):
        y, x = labelled(rng, 800, share, shift)
        low, high = interval(point_biserial(moments(x, y, 2)))
        hits.append(low <= true <= high)
    assert 0.925 <= np.mean(hits) <= 0.975, (np.mean(hits), SEED)


@pytest.mark.parametrize("strength", [0.0, 0.05, 0.3])
def test_intervals_of_v_cover_in_95_of_100(strength):
    rng = np.random.default_rng(SEED)
    base = np.outer([0.3, 0.7], np.full(8, 1 / 8))
    tilt = np.tile([1, -1], 4) * np.array([[1], [-1]]) * np.sqrt(0.21) / 8
    cells = base + strength * tilt
    true = np.sqrt(((cells - base) ** 2 / base).sum())
    assert true == pytest.approx(strength)
    hits = []
    for _ in range(500):
        counts = rng.multinomial(1500, cells.ravel()).reshape(2, 8)
        low, high = interval(cramers_v(counts))
        hits.append(low <= true <= high)
    assert np.mean(hits) >= 0.93, (np.mean(hits), SEED)


@pytest.mark.parametrize("strength", [0.0, 0.1, 0.5])
def test_intervals_of_eta_cover_in_95_of_100(strength):
    rng = np.random.default_rng(SEED)
    effects = strength / np.sqrt(1 - strength**2) * np.array([-1, 1, -1, 1])
    hits = []
    for _ in range(500):
        g = rng.integers(0, 4, 600)
        low, high = interval(correlation_ratio(moments(rng.normal(size=600) + effects[g], g)))
        hits.append(low <= strength <= high)
    assert np.mean(hits) >= 0.92, (np.mean(hits), SEED)


def test_no_change_is_found_in_5_of_100_and_a_real_one_is():
    rng = np.random.default_rng(SEED)
    apart = []
    for _ in range(600):
        one, other = (point_biserial(moments(*labelled(rng, 500, 0.3, 0.6)[::-1])) for _ in "ab")
        found = change(one, other)
        apart.append((not found.low <= 0 <= found.high, found.p_value < 0.05))
    for share in np.mean(apart, axis=0):
        assert 0.03 <= share <= 0.07, (share, SEED)
    weak, strong = (point_biserial([[500, 0, 500], [500, m, 500]]) for m in (0.0, 0.8))
    found = change(weak, strong)
    assert found.surely_high < -0.1
    assert found.p_value < 1e-6
    assert found.surely_low < found.low < found.value < found.high < found.surely_high


def test_what_windows_vary_by_themselves_widens_the_change():
    rng = np.random.default_rng(SEED)
    tau = 0.1
    apart, narrow = [], []
    for _ in range(400):
        true = np.tanh(0.4 + tau * rng.normal(size=15))
        n = 2000
        seen = np.tanh(np.arctanh(true) + rng.normal(size=15) / np.sqrt(n - 3))
        windows = [Association(r, n, signed=True) for r in seen]
        whole = Association(float(np.tanh(np.arctanh(seen[:14]).mean())), 14 * n, signed=True)
        beyond = between_windows(windows[:14])
        apart.append(change(windows[14], whole, beyond, 14).p_value < 0.05)
        narrow.append(change(windows[14], whole).p_value < 0.05)
    assert np.mean(apart) <= 0.1, (np.mean(apart), SEED)
    assert np.mean(narrow) >= 0.4
    assert between_windows(windows[:2]) == 0.0

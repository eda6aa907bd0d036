"""Trends on one figure per window, against plain loops and by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures.series import NotMeasured, measured
from sparkdrift.measures.trend import (
    LIMIT,
    Trend,
    cusum,
    hamed_rao,
    mann_kendall,
    siegmund_arl,
    slope,
    trend,
)


def autocorrelated(n: int, rho: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n)
    for i in range(1, n):
        values[i] = rho * values[i - 1] + np.sqrt(1 - rho**2) * values[i]
    return values


def slow_mann_kendall(values: list[float]) -> tuple[float, float]:
    """(p-value, factor), as the paper says it, in loops over a series without gaps."""
    n = len(values)
    score = sum(
        (values[j] > values[i]) - (values[j] < values[i])
        for i, j in itertools.combinations(range(n), 2)
    )
    slope = np.median(
        [(values[j] - values[i]) / (j - i) for i, j in itertools.combinations(range(n), 2)]
    )
    rest = [value - slope * i for i, value in enumerate(values)]
    ranks = [sum((other < x) + 0.5 * (other == x) for other in rest) + 0.5 for x in rest]
    middle = sum(ranks) / n
    power = sum((r - middle) ** 2 for r in ranks)
    total = 0.0
    for lag in range(1, n - 2):
        r = sum((ranks[i] - middle) * (ranks[i + lag] - middle) for i in range(n - lag)) / power
        if abs(r) > 1.96 / n**0.5:
            total += (n - lag) * (n - lag - 1) * (n - lag - 2) * r
    factor = max(1.0, 1 + 2 * total / (n * (n - 1) * (n - 2)))
    variance = n * (n - 1) * (2 * n + 5)
    for value in set(values):
        t = values.count(value)
        variance -= t * (t - 1) * (2 * t + 5)
    z = max(abs(score) - 1, 0) / (variance / 18 * factor) ** 0.5
    return 2 * stats.norm.sf(z), factor


@pytest.mark.parametrize(("rho", "seed"), [(0.0, 1), (0.6, 2), (0.9, 3), (-0.6, 4)])
@pytest.mark.parametrize("digits", [8, 0])
def test_mann_kendall_against_loops(rho, seed, digits):
    values = np.round(autocorrelated(25, rho, seed), digits)
    expected, factor = slow_mann_kendall(values.tolist())
    _, p_value, inflation = mann_kendall(measured(values))
    assert inflation == pytest.approx(factor)
    assert p_value == pytest.approx(expected)


def test_mann_kendall_is_near_kendall_where_windows_are_independent():
    values = autocorrelated(40, 0.0, 5) + 0.03 * np.arange(40)
    series = measured(values)
    assert hamed_rao(series) == 1.0
    tau, p_value, _ = mann_kendall(series)
    known = stats.kendalltau(np.arange(40), values, method="asymptotic")
    assert tau == pytest.approx(known.statistic)
    assert p_value == pytest.approx(known.pvalue, rel=0.1)  # scipy has no continuity correction


def test_a_line_is_found_through_gaps():
    values = 0.02 * np.arange(20.0) - 0.1
    values[[0, 3, 4, 11]] = np.nan
    found = trend(values)
    assert isinstance(found, Trend)
    assert (found.slope, found.slope_low, found.slope_high) == pytest.approx([0.02] * 3)
    assert found.tau == pytest.approx(1.0)
    assert found.p_value < 1e-4
    assert found.acceleration == pytest.approx(0.0)
    assert found.windows == 16


def test_a_trend_that_quickens():
    days = np.arange(40.0)
    noise = 0.01 * autocorrelated(40, 0.0, 6)
    found = trend(0.002 * np.maximum(days - 20, 0) + noise)
    assert found.acceleration == pytest.approx(0.002, abs=0.001)
    assert found.acceleration_low > 0
    assert found.acceleration_low < found.acceleration < found.acceleration_high
    assert found == trend(0.002 * np.maximum(days - 20, 0) + noise)
    other = trend(0.002 * np.maximum(days - 20, 0) + noise, seed=1)
    assert other.acceleration == found.acceleration
    assert other.acceleration_low != found.acceleration_low


def test_a_series_that_never_changes_has_no_trend():
    found = trend(np.zeros(10))
    assert (found.slope, found.slope_low, found.slope_high) == (0, 0, 0)
    assert (found.tau, found.p_value, found.inflation) == (0, 1, 1)
    assert (found.acceleration_low, found.acceleration_high) == (0, 0)


@pytest.mark.parametrize("given", [[], [0.1] * 7, [0.1] * 7 + [np.nan] * 9 + [np.inf]])
def test_too_few_windows_are_not_measured(given):
    for found in (trend(given), cusum(given)):
        assert isinstance(found, NotMeasured)
        assert f"of {len(given)} windows were measured, 8 are needed" in found.reason


def test_a_table_of_series_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 9\).*call once per feature"):
        trend(np.zeros((3, 9)))


def test_cusum_is_its_recursion():
    p_values = np.random.default_rng(7).uniform(size=60) ** 1.5
    p_values[[4, 17]] = np.nan
    expected, s = [], 0.0
    for p in p_values:
        if not np.isnan(p):
            s = max(0.0, s + stats.norm.isf(p) - 0.5)
        expected.append(s)
    found = cusum(p_values)
    np.testing.assert_allclose(found.sums, expected, atol=1e-9)
    assert (found.sums >= 0).all()
    assert found.alarm == next((i for i, s in enumerate(expected) if s >= LIMIT), None)


def test_weak_evidence_adds_up():
    found = cusum([0.5] * 5 + [0.08] * 12)  # never below 1 %
    assert found.alarm == 10
    assert cusum([0.5] * 20).alarm is None
    certain = cusum([0.5] * 8 + [0.0])
    assert certain.alarm == 8
    assert np.isfinite(certain.sums).all()


def test_siegmund():
    assert siegmund_arl() == pytest.approx(938, abs=0.5)
    assert siegmund_arl(1.0) == pytest.approx(10.3, abs=0.05)
    assert siegmund_arl(0.5) == pytest.approx(siegmund_arl(0.5001), rel=0.01)


def test_a_trend_is_plain_numbers_which_a_row_of_a_table_takes():
    found = trend(np.arange(12.0) + np.random.default_rng(3).normal(size=12))
    assert {type(one) for one in vars(found).values()} == {float, int}


def test_the_slope_alone_is_that_of_the_trend():
    values = np.concatenate([[np.nan], np.random.default_rng(4).normal(size=11), [np.nan]])
    whole, alone = trend(values), slope(values)
    assert alone == (whole.slope, whole.slope_low, whole.slope_high, whole.p_value)
    assert slope(values[:6]).reason == trend(values[:6]).reason

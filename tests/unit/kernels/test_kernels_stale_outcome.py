"""Rows of the link with the outcome: statuses, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.kernels.stale_outcome import outcome_rows, without_outcome

SEED = 89


def rows(values, outcome, metric="recall", better="up"):
    return {row.figure: row for row in outcome_rows(metric, values, outcome, "week", better)}


@pytest.mark.parametrize(
    ("metric", "better", "sign"),
    [("recall", "up", 1), ("recall", "down", -1), ("brier", "up", -1), ("brier", "down", 1)],
)
def test_a_link_holds_where_the_better_goes_with_the_better(metric, better, sign):
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=80)
    found = rows(x, sign * x + 0.3 * rng.normal(size=80), metric, better)
    assert {row.status for row in found.values()} == {"ok"}, SEED
    one = found["outcome_link"]
    assert 0 < one.low < one.value < one.high
    assert (one.subject, one.threshold) == (metric, 0)
    assert ("outcome (less is better)" in one.reason) == (better == "down")
    assert ("brier (less is better)" in one.reason) == (metric == "brier")
    wrong = rows(x, -sign * x + 0.3 * rng.normal(size=80), metric, better)["outcome_link"]
    assert wrong.high < 0
    assert wrong.status == "warning"
    assert wrong.reason.endswith(": the better the one, the worse the other")


def test_another_direction_is_refused():
    with pytest.raises(ValueError, match=r"better 'left' given, accepted are 'up', 'down'"):
        rows([1.0], [1.0], better="left")


def test_no_link_warns_and_is_pearsons():
    rng = np.random.default_rng(SEED + 1)
    x, y = rng.normal(size=80), rng.normal(size=80)
    one = rows(x, y)["outcome_link"]
    assert one.value == pytest.approx(stats.pearsonr(x, y).statistic)
    assert (one.status, one.low < 0 < one.high) == ("warning", True)
    assert "not shown" in one.reason


def test_a_link_that_went_away_warns_and_one_that_grew_does_not():
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=120)
    noise = 0.3 * rng.normal(size=120)
    gone = np.concatenate([x[:60], rng.normal(size=60)]) + noise
    assert rows(x, gone)["outcome_decay"].status == "warning"
    grown = np.concatenate([x[:60] + 2 * rng.normal(size=60), x[60:]]) + noise
    assert rows(x, grown)["outcome_decay"].status in ("ok", "undetermined")


def test_a_weak_link_that_could_not_be_missed_is_undetermined():
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=30)
    one = rows(x, 0.3 * x + rng.normal(size=30))["outcome_decay"]
    assert one.status == "undetermined"
    assert "too few windows" in one.reason


def test_few_windows_are_refused_with_a_reason():
    for size in (0, 2, 8):
        for row in rows(np.arange(size) ** 2.0, np.arange(size)).values():
            assert row.status == "insufficient_data"
            assert np.isnan(row.value)
            assert row.reason.startswith("not measured: ")
    assert [row.status for row in without_outcome("none")] == ["insufficient_data"] * 2

"""Where events are on the score: against SciPy, brute force, and what chance does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures.concentration import (
    LEAST_EXPECTED,
    LEVEL,
    MOST_GROUPS,
    Concentration,
    concentration,
)
from sparkdrift.measures.series import NotMeasured

EDGES = np.arange(1, 20) / 20
SEED = 83


def found(rows, events, edges=EDGES) -> Concentration:
    answer = concentration(edges, rows, events)
    assert isinstance(answer, Concentration), answer
    return answer


def test_overrides_in_the_middle_are_found_there() -> None:
    rows = np.full(20, 500.0)
    events = np.where((EDGES.searchsorted(np.arange(20) / 20 + 0.01, "right") // 4) == 2, 100, 10.0)
    one = found(rows, events)
    assert (one.low, one.high) == (0.4, 0.6)
    assert one.row_share == pytest.approx(0.2)
    assert one.event_share == pytest.approx(400 / 560)
    assert one.event_low < one.event_share < one.event_high
    assert one.event_low > one.row_share
    assert one.found
    # Each end is open where nothing is beyond.
    assert found(rows, events[np.argsort(events)]).high == np.inf
    assert found(rows, events[np.argsort(-events)]).low == -np.inf


def test_the_test_is_chi_square_of_homogeneity() -> None:
    rng = np.random.default_rng(SEED)
    rows, share = np.full(MOST_GROUPS, 400.0), rng.uniform(0.05, 0.2, MOST_GROUPS)
    events = rng.binomial(400, share).astype(float)
    one = found(rows, events, np.arange(1, MOST_GROUPS) / MOST_GROUPS)
    theirs = stats.chi2_contingency([events, rows - events], correction=False)
    assert one.groups == MOST_GROUPS, SEED
    assert one.chi2 == pytest.approx(theirs.statistic), SEED
    assert one.p_value == pytest.approx(theirs.pvalue), SEED


def test_the_run_is_the_one_that_brute_force_finds() -> None:
    rng = np.random.default_rng(SEED + 1)
    edges = np.arange(1, MOST_GROUPS) / MOST_GROUPS
    for _ in range(50):
        events = rng.integers(6, 60, MOST_GROUPS).astype(float)
        rows = np.full(MOST_GROUPS, 300.0)
        one = found(rows, events, edges)
        excess = events / events.sum() - rows / rows.sum()
        sums = {
            (a, b): excess[a:b].sum()
            for a in range(MOST_GROUPS)
            for b in range(a + 1, MOST_GROUPS + 1)
        }
        assert one.event_share - one.row_share == pytest.approx(max(sums.values())), SEED + 1


def test_chance_alone_is_called_concentrated_at_the_level_and_the_interval_holds() -> None:
    """Events drawn alike at all scores: 1 % found; the chosen run's share of all events covered."""
    rng = np.random.default_rng(SEED + 2)
    rows = rng.integers(20, 200, 20).astype(float)
    runs = [found(rows, rng.binomial(rows.astype(int), 0.1).astype(float)) for _ in range(4000)]
    false = sum(one.found for one in runs)
    low, high = stats.binom.ppf([0.0005, 0.9995], len(runs), LEVEL)
    assert low <= false <= high, (SEED + 2, false)
    missed = sum(not one.event_low <= one.row_share <= one.event_high for one in runs)
    print(f"seed {SEED + 2}: {false} of {len(runs)} found, {missed} intervals missed")
    assert missed <= 0.05 * len(runs), (SEED + 2, missed)


@pytest.mark.parametrize(
    ("rows", "events", "reason"),
    [
        ([0, 0, 0], [0, 0, 0], "too few"),
        ([100, 100, 100], [0, 0, 0], "0 events in 300 rows"),
        ([100, 100, 100], [3, 3, 3], "too few"),
        ([100, 100, 100], [100, 100, 97], "too few"),
        ([300, 0, 0], [40, 0, 0], "the same score"),
    ],
)
def test_what_is_too_little_is_not_measured(rows, events, reason) -> None:
    answer = concentration([0.3, 0.6], rows, events)
    assert isinstance(answer, NotMeasured)
    assert reason in answer.reason


def test_groups_are_large_enough_for_the_test() -> None:
    rng = np.random.default_rng(SEED + 3)
    for _ in range(200):
        rows = rng.integers(0, 60, 60).astype(float) * rng.integers(0, 2, 60)
        events = rng.binomial(rows.astype(int), rng.uniform(0.02, 0.5)).astype(float)
        answer = concentration(np.arange(1, 60) / 60, rows, events)
        if isinstance(answer, NotMeasured):
            continue
        rarer = min(events.sum(), rows.sum() - events.sum())
        assert 2 <= answer.groups <= min(MOST_GROUPS, rarer // LEAST_EXPECTED), SEED + 3


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 edges"):
        concentration([0.3, 0.6], [1, 2], [0, 1])

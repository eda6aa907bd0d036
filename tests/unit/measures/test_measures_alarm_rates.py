from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures import evidence
from sparkdrift.measures.alarm_rates import (
    EFFECTS,
    LEAST_JUDGED,
    rate_at,
    smallest_effect,
    tally,
)

NAN, INF = np.nan, np.inf


def fitting(seen, months, wanted, judged_from=0.0):
    """`smallest_effect` of windows that make up so many months together, 2 of 3."""
    found = tally(seen, judged_from, EFFECTS, 2, 3)
    return smallest_effect(found, months / np.shape(seen)[1], wanted, 3)


def test_alerts_are_counted_when_they_are_raised():
    # Windows that count at 0.3: 2 of 3 twice, with a pause that ends the first.
    seen = [[0.4, 0.4, 0.4, 0, 0, 0, 0.35, 0, 0.35], [0, 0.2, 0.4, 0, 0, 0, 0, 0, 0]]
    found = tally(seen, 0.0, [0.3, 0.2, 0.5], windows=2, of=3)
    assert found.alerts.tolist() == [2, 3, 0]
    # At 0.3: windows 1 to 3 and 8; at 0.2 the second series has 2 and 3 as well.
    assert found.standing.tolist() == [4, 6, 0]
    assert found.judged.tolist() == [18, 18, 18]


def test_a_window_that_was_not_judged_is_no_quiet_one():
    """Without power up to 0.4 only what counts has said anything, and it alerts across the gap."""
    seen = [[0.0, 0.5, 0.0, 0.5, 0.0, NAN]]
    found = tally(seen, [[0.4, 0.4, 0.4, 0.4, INF, NAN]], [0.3, 0.4, 0.6], windows=2, of=2)
    assert found.judged.tolist() == [2, 4, 4]
    assert found.alerts.tolist() == [1, 0, 0]


def test_of_too_few_judged_windows_there_is_no_rate():
    seen = np.zeros((3, 60))
    blind = np.full(seen.shape, INF)
    blind[:, : LEAST_JUDGED - 1] = 0.2
    assert rate_at(tally(seen, blind, [0.32], 2, 3), 0, 1 / 30) is None
    assert rate_at(tally(np.zeros((0, 9)), 0.0, [0.32], 2, 3), 0, 1 / 30) is None
    blind[:, LEAST_JUDGED - 1] = 0.2
    found = rate_at(tally(seen, blind, [0.32], 2, 3), 0, 1 / 30)
    # Four windows that were judged, and not the 60 that there are.
    assert (found.alerts, found.months) == (0, pytest.approx(LEAST_JUDGED / 30))
    assert found.high > 20


def test_an_effect_size_at_which_nothing_is_judged_is_not_known_to_fit():
    seen = np.zeros((2, 60))
    assert fitting(seen, 2.0, 0) == EFFECTS[0]
    assert fitting(seen, 2.0, 0, judged_from=0.3) == 0.3
    assert fitting(seen, 2.0, 0, judged_from=INF) is None
    assert not tally(seen, INF, EFFECTS, 2, 3).measured.any()


def test_sums_of_partitions_are_those_of_all():
    rng = np.random.default_rng(8)
    seen, least = rng.gamma(1.0, 0.15, (6, 40)), rng.uniform(0, 0.8, (6, 40))
    whole = tally(seen, least, EFFECTS, 2, 3)
    parts = tally(seen[:2], least[:2], EFFECTS, 2, 3) + tally(seen[2:], least[2:], EFFECTS, 2, 3)
    assert whole.figures == pytest.approx(parts.figures, rel=1e-12)
    assert whole.series == parts.series == 6


def told(alerts: list[int], judged: list[int], windows: int = 60):
    """The rate of series with so many alerts in so many judged windows, a window being a month."""
    seen, least = np.zeros((len(alerts), windows)), np.full((len(alerts), windows), INF)
    for i, (many, until) in enumerate(zip(alerts, judged, strict=True)):
        least[i, :until] = 0.1
        seen[i, 2 : 2 + 4 * many : 4] = seen[i, 3 : 3 + 4 * many : 4] = 0.5
    return rate_at(tally(seen, least, [0.32], 2, 2), 0, 1.0)


def test_of_series_judged_alike_the_rate_has_the_exact_interval():
    found = told([2, 1, 0], [40, 40, 40])
    assert (found.alerts, found.months, found.per_month) == (3, 40.0, pytest.approx(3 / 40))
    assert stats.poisson.sf(2, found.low * 40) == pytest.approx(0.025)
    assert stats.poisson.cdf(3, found.high * 40) == pytest.approx(0.025)
    assert (told([0, 0], [40, 40]).low, told([0, 0], [40, 40]).per_month) == (0, 0)


def test_a_rate_is_the_sum_of_those_of_the_series_over_their_own_time():
    """20 features with an alert each in 60 windows, and 180 that were never judged."""
    found = told([1] * 20 + [0] * 180, [60] * 20 + [0] * 180)
    alone = told([1] * 20, [60] * 20)
    assert astuple(found) == pytest.approx(astuple(alone))
    assert (found.per_month, found.series) == (pytest.approx(20 / 60), 20)
    assert told([1, 2], [10, 40]).per_month == pytest.approx(1 / 10 + 2 / 40)


def test_the_effect_that_is_wanted_is_by_the_same_rate():
    seen, least = np.zeros((200, 60)), np.full((200, 60), INF)
    least[:20] = 0.05
    seen[:20, 10:13] = 0.5
    for wanted in (0.3, 0.34):
        some = smallest_effect(tally(seen, least, EFFECTS, 2, 3), 1.0, wanted, 3)
        alone = smallest_effect(tally(seen[:20], least[:20], EFFECTS, 2, 3), 1.0, wanted, 3)
        assert some == alone == (0.51 if wanted < 20 / 60 else EFFECTS[0])


def test_an_alert_of_a_series_that_was_hardly_judged_is_counted():
    """Two judged windows, both of them counting: no rate of its own, and no alert that is lost."""
    few, none = told([1, 0], [0, 60]), told([0, 0], [0, 60])
    assert (few.alerts, few.series) == (1, 1)
    assert few.per_month == pytest.approx(1 / LEAST_JUDGED)
    assert none.per_month == 0


def test_the_interval_holds_the_rate_of_unequal_series():
    rng = np.random.default_rng(9)
    true, times = np.array([0.02, 0.002, 0.05]), np.array([60, 600, 30])
    held = 0
    for _ in range(300):
        found = told(rng.poisson(true * times).tolist(), times.tolist(), 700)
        held += found.low <= true.sum() <= found.high
    assert held >= 0.94 * 300, held


def test_the_smallest_effect_is_the_first_that_is_quiet_enough():
    seen = np.zeros((2, 30))
    seen[0, 3:6] = 0.24
    seen[1, 20:23] = 0.41
    assert fitting(seen, 1.0, 1) == 0.25
    assert fitting(seen, 1.0, 0) == 0.42
    assert fitting(seen, 1.0, 2) == EFFECTS[0]
    assert fitting(seen + 2, 1.0, 0) is None


def test_an_alert_that_never_ends_is_no_low_rate():
    always = np.full((1, 60), 0.5)
    assert fitting(always, 2.0, 1.0) == 0.51
    assert fitting(always, 2.0, 9.5) == 0.51
    assert fitting(always, 2.0, 10.0) == EFFECTS[0]  # 59 windows are 20 alerts of 3


def test_an_effect_fits_only_if_all_larger_ones_do():
    """Up to 0.3 one alert stands all the time; up to 0.5 it is cut into ten."""
    cut = np.where(np.arange(60) % 6 < 3, 0.5, 0.3)[None]
    found = tally(cut, 0.0, [0.3, 0.5], 2, 3)
    assert found.alerts.tolist() == [1, 10]
    assert found.standing[0] > found.standing[1]
    assert fitting(cut, 2.0, 1.0) == 0.51
    assert fitting(cut, 2.0, 5.0) == 0.31


@pytest.mark.parametrize("seed", range(5))
def test_what_is_proposed_fits_and_so_does_every_larger_effect(seed):
    up_to = np.random.default_rng(seed).gamma(1.0, 0.15, (20, 40))
    for wanted in (0.5, 3, 20):
        found = fitting(up_to, 1.3, wanted)
        at = tally(up_to, 0.0, EFFECTS, 2, 3)
        fits = (at.alerts <= 1.3 * wanted) & (at.standing / 3 <= 1.3 * wanted)
        if found is None:
            assert not fits[-1], seed
            continue
        assert fits[found <= EFFECTS].all(), seed
        assert found == EFFECTS[0] or not fits[found > EFFECTS][-1], seed


@pytest.mark.parametrize("d", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("n", [100, 10**5])
def test_material_up_to_is_where_p_material_meets_its_level(d, n):
    limit = evidence.material_up_to(d, 1 / n, 10)
    if limit == 0:
        assert evidence.p_material(d, 1 / n, 10, 0.0) >= 0.01
    else:
        found = evidence.p_material(d, 1 / n, 10, evidence.material_limit(float(limit)))
        assert found == pytest.approx(0.01, abs=1e-4)

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures import evidence
from sparkdrift.measures.alarm_rates import (
    EFFECTS,
    LEAST_JUDGED,
    rate,
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
    for name in ("alerts", "standing", "judged"):
        assert getattr(whole, name).tolist() == getattr(parts, name).tolist()
    assert whole.series == parts.series == 6


def test_the_rate_has_an_exact_interval():
    found = rate(3, 9, 2.0)
    assert (found.per_month, found.standing) == (1.5, 9)
    assert stats.poisson.sf(2, found.low * 2) == pytest.approx(0.025)
    assert stats.poisson.cdf(3, found.high * 2) == pytest.approx(0.025)
    assert rate(0, 0, 1.0).low == 0


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

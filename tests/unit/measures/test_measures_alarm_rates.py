from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures import evidence
from sparkdrift.measures.alarm_rates import EFFECTS, alerts_raised, rate, smallest_effect


def test_alerts_are_counted_when_they_are_raised():
    # Windows that count at 0.3: 2 of 3 twice, with a pause that ends the first.
    seen = [[0.4, 0.4, 0.4, 0, 0, 0, 0.35, 0, 0.35], [np.nan, 0.2, 0.4, 0, 0, 0, 0, 0, 0]]
    alerts, standing = alerts_raised(seen, [0.3, 0.2, 0.5], windows=2, of=3)
    assert alerts.tolist() == [2, 3, 0]
    # At 0.3: windows 1 to 3 and 8; at 0.2 the second series has 2 and 3 as well.
    assert standing.tolist() == [4, 6, 0]


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
    assert smallest_effect(seen, 1.0, 1, 2, 3) == 0.25
    assert smallest_effect(seen, 1.0, 0, 2, 3) == 0.42
    assert smallest_effect(seen, 1.0, 2, 2, 3) == EFFECTS[0]
    assert smallest_effect(seen + 2, 1.0, 0, 2, 3) is None


def test_an_alert_that_never_ends_is_no_low_rate():
    always = np.full((1, 60), 0.5)
    assert smallest_effect(always, 2.0, 1.0, 2, 3) == 0.51
    assert smallest_effect(always, 2.0, 9.5, 2, 3) == 0.51
    assert smallest_effect(always, 2.0, 10.0, 2, 3) == EFFECTS[0]  # 59 windows are 20 alerts of 3


def test_an_effect_fits_only_if_all_larger_ones_do():
    """Up to 0.3 one alert stands all the time; up to 0.5 it is cut into ten."""
    cut = np.where(np.arange(60) % 6 < 3, 0.5, 0.3)[None]
    alerts, standing = alerts_raised(cut, [0.3, 0.5], 2, 3)
    assert alerts.tolist() == [1, 10]
    assert standing[0] > standing[1]
    assert smallest_effect(cut, 2.0, 1.0, 2, 3) == 0.51
    assert smallest_effect(cut, 2.0, 5.0, 2, 3) == 0.31


@pytest.mark.parametrize("seed", range(5))
def test_what_is_proposed_fits_and_so_does_every_larger_effect(seed):
    up_to = np.random.default_rng(seed).gamma(1.0, 0.15, (20, 40))
    for wanted in (0.5, 3, 20):
        found = smallest_effect(up_to, 1.3, wanted, 2, 3)
        alerts, standing = alerts_raised(up_to, EFFECTS, 2, 3)
        fits = (alerts <= 1.3 * wanted) & (standing / 3 <= 1.3 * wanted)
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

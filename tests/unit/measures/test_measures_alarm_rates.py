from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures import evidence
from sparkdrift.measures.alarm_rates import EFFECTS, alerts_raised, rate, smallest_effect


def test_alerts_are_counted_when_they_are_raised():
    # Windows that count at 0.3: 2 of 3 twice, with a pause that ends the first.
    seen = [[0.4, 0.4, 0.4, 0, 0, 0, 0.35, 0, 0.35], [np.nan, 0.2, 0.4, 0, 0, 0, 0, 0, 0]]
    assert alerts_raised(seen, [0.3, 0.2, 0.5], windows=2, of=3).tolist() == [2, 3, 0]


def test_the_rate_has_an_exact_interval():
    found = rate(3, 2.0)
    assert found.per_month == 1.5
    assert stats.poisson.sf(2, found.low * 2) == pytest.approx(0.025)
    assert stats.poisson.cdf(3, found.high * 2) == pytest.approx(0.025)
    assert rate(0, 1.0).low == 0


def test_the_smallest_effect_is_the_first_that_is_quiet_enough():
    seen = np.zeros((2, 30))
    seen[0, 3:6] = 0.24
    seen[1, 20:23] = 0.41
    assert smallest_effect(seen, 1.0, 1, 2, 3) == 0.25
    assert smallest_effect(seen, 1.0, 0, 2, 3) == 0.42
    assert smallest_effect(seen, 1.0, 2, 2, 3) == EFFECTS[0]
    assert smallest_effect(seen + 2, 1.0, 0, 2, 3) is None


@pytest.mark.parametrize("d", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("n", [100, 10**5])
def test_material_up_to_is_where_p_material_meets_its_level(d, n):
    limit = evidence.material_up_to(d, 1 / n, 10)
    if limit == 0:
        assert evidence.p_material(d, 1 / n, 10, 0.0) >= 0.01
    else:
        found = evidence.p_material(d, 1 / n, 10, evidence.material_limit(float(limit)))
        assert found == pytest.approx(0.01, abs=1e-4)

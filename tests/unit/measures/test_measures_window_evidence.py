"""One value per window: against SciPy, and at the ends where nothing can be estimated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures.window_evidence import (
    LARGEST_EFFECT,
    LEAST_WINDOWS,
    MATERIAL_PART,
    effect_interval,
    shift_power,
    usual_variation,
    window_evidence,
)

RNG = np.random.default_rng(7)
ALTERNATING = [10.0, 12.0] * 7  # correlated negatively, so worth all of its windows


def test_uncorrelated_windows_give_the_plain_prediction_interval():
    usual = usual_variation(ALTERNATING)
    assert (usual.rho, usual.w_eff, usual.windows) == (0.0, 14, 14)
    assert usual.mean == 11
    assert usual.sd == pytest.approx(np.std(ALTERNATING, ddof=1))
    found = window_evidence([11, 14, 20], usual, 6.0)
    spread = usual.sd * np.sqrt(1 + 1 / 14)
    t = np.array([0, 3, 9]) / spread
    np.testing.assert_allclose(found.p_unusual, 2 * stats.t.sf(t, 13))
    limit = 6 / MATERIAL_PART / np.sqrt(1 + 1 / 14)
    np.testing.assert_allclose(found.p_material, stats.nct.sf(t, 13, limit), atol=1e-10)
    needed = max(stats.t.isf(0.005, 13), stats.nct.isf(0.01, 13, limit))
    wanted = 6 / np.sqrt(1 + 1 / 14)
    np.testing.assert_allclose(shift_power(14, found.unit, 6.0), stats.nct.sf(needed, 13, wanted))
    in_a_thousand = stats.t.isf(0.5e-4, 13)
    np.testing.assert_allclose(
        shift_power(14, found.unit, 6.0, 1e-4), stats.nct.sf(in_a_thousand, 13, wanted)
    )
    np.testing.assert_allclose(found.effect[2], np.sqrt(81 - spread**2) / usual.sd)


def test_the_interval_inverts_the_noncentral_t():
    usual = usual_variation(ALTERNATING)
    low, high = effect_interval([20.0], usual)
    spread = usual.sd * np.sqrt(1 + 1 / 14)
    for bound, chance in ((low, 0.975), (high, 0.025)):
        shift = bound[0] * usual.sd / spread
        assert stats.nct.cdf(9 / spread, 13, shift) == pytest.approx(chance, abs=1e-6)


def test_correlated_windows_are_worth_fewer():
    rising = np.arange(20.0)
    usual = usual_variation(rising)
    assert usual.rho == 0.9
    assert usual.w_eff == 2
    assert usual.sd > np.std(rising, ddof=1)


def test_a_trend_or_outlier_makes_everything_less_unusual_never_more():
    calm = usual_variation(ALTERNATING)
    wild = usual_variation([*ALTERNATING[:-1], 60.0])
    assert wild.sd > calm.sd


def test_the_sd_is_never_below_what_sampling_alone_gives():
    usual = usual_variation([5.0] * 14, np.full(14, 4.0))
    assert (usual.sd, usual.noise) == (2.0, 4.0)
    assert usual_variation(ALTERNATING, np.full(14, np.nan)).noise == 0.0


def test_a_smaller_window_is_given_its_noise():
    usual = usual_variation(ALTERNATING, np.full(14, 0.5))
    same, smaller, larger = (window_evidence([15.0], usual, 6.0, [n]) for n in (0.5, 4.0, 0.01))
    assert smaller.p_unusual[0] > same.p_unusual[0]
    power = [shift_power(usual.w_eff, one.unit, 6.0)[0] for one in (smaller, same)]
    assert power[0] < power[1]
    assert larger.p_unusual[0] == same.p_unusual[0]


def test_a_constant_reference_notices_any_other_value():
    usual = usual_variation([3.0] * 10)
    found = window_evidence([3.0, 3.0 + 1e-12, 4.0, np.nan], usual, 6.0)
    np.testing.assert_array_equal(found.effect, [0, 0, LARGEST_EFFECT, np.nan])
    np.testing.assert_array_equal(found.p_unusual, [1, 1, 0, np.nan])
    power = shift_power(usual.w_eff, found.unit, 6.0)
    np.testing.assert_array_equal(power, [1, 1, 1, np.nan])
    np.testing.assert_array_equal(effect_interval([4.0], usual), [[LARGEST_EFFECT]] * 2)


def test_rounding_of_a_sum_is_no_variation():
    sums = [0.1 + 0.2, 0.3, 0.3, 0.2 + 0.1, 0.3, 0.3]
    assert usual_variation(sums).sd == 0.0


@pytest.mark.parametrize("values", [[], [1.0] * (LEAST_WINDOWS - 1), [1.0, 2, 3, 4, 5, np.nan]])
def test_too_few_or_unknown_values_are_refused(values):
    with pytest.raises(ValueError, match=f"needs {LEAST_WINDOWS} finite values"):
        usual_variation(values)


def test_figures_are_nan_where_the_value_is():
    found = window_evidence([np.nan], usual_variation(ALTERNATING), 6.0)
    ends = effect_interval([np.nan], usual_variation(ALTERNATING))
    for figure in (found.effect, *ends, found.p_unusual, found.p_material):
        assert np.isnan(figure).all()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_the_unit_does_not_matter(scale):
    values = RNG.normal(100, 3, 20)
    one = window_evidence([120.0], usual_variation(values), 6.0)
    other = window_evidence([120.0 * scale], usual_variation(values * scale), 6.0)
    np.testing.assert_allclose(one.effect, other.effect)
    np.testing.assert_allclose(one.p_unusual, other.p_unusual)
    assert one.effect[0] < LARGEST_EFFECT
    far = window_evidence([1e12 * scale], usual_variation(values * scale), 6.0)
    ends = effect_interval([1e12 * scale], usual_variation(values * scale))
    assert far.effect[0] == LARGEST_EFFECT
    np.testing.assert_array_equal(ends, [[LARGEST_EFFECT], [LARGEST_EFFECT]])

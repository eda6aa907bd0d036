"""What goes stale, each figure against brute force, and its interval against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats
from sklearn.calibration import calibration_curve

from sparkdrift.measures import calibration_drift, decision_rate, outcome_link, score_bins
from sparkdrift.measures.density_ratio import ess_ratio as plain_ess_ratio
from sparkdrift.measures.intervals import Figure, standard_error
from sparkdrift.measures.representation import (
    ess_ratio,
    lacking_share,
    neighbours,
    thin_share,
)

SEED = 73


def nothing(figure: Figure) -> bool:
    return bool(np.isnan([figure.value, figure.low, figure.high]).all())


def coverage(hits: int, runs: int) -> bool:
    low, high = stats.binom.interval(0.9999, runs, 0.95)
    return low <= hits <= high


def test_ess_ratio_of_many_rows_is_kishs():
    rng = np.random.default_rng(SEED)
    v, w = rng.integers(20, 60, 100), rng.integers(1000, 9000, 100) * 100
    assert ess_ratio(v, w).value == pytest.approx(float(plain_ess_ratio(v, w)), abs=1e-4)


def test_ess_ratio_of_few_rows_warns_by_chance_no_more():
    """300 rows in 128 bins: the plain figure falls below 0.7 half of the time, without a change."""
    rng = np.random.default_rng(SEED)
    v = np.full(128, 40)
    windows = rng.multinomial(300, v / v.sum(), 1000)
    plain = np.array([float(plain_ess_ratio(v, one)) for one in windows])
    ours = [ess_ratio(v, one) for one in windows]
    assert (plain < 0.72).mean() > 0.5
    assert np.mean([one.value for one in ours]) > 0.95
    assert np.mean([one.high < 0.7 for one in ours]) < 0.01


@pytest.mark.parametrize("rows", [400, 5000])
def test_ess_ratio_is_inside_its_interval_19_times_of_20(rows):
    rng = np.random.default_rng(SEED)
    v = rng.integers(20, 60, 100)
    w = v * np.linspace(0.2, 2.5, 100) ** 2
    true = float(plain_ess_ratio(v, w))
    runs = 2000
    found = [ess_ratio(v, one) for one in rng.multinomial(rows, w / w.sum(), runs)]
    hits = sum(bool(one.low <= true <= one.high) for one in found)
    assert coverage(hits, runs) or 0.93 < hits / runs < 0.97, (SEED, hits / runs)


def test_ess_ratio_of_many_windows_at_once_is_that_of_each():
    rng = np.random.default_rng(SEED)
    v, x = rng.integers(0, 60, (3, 1, 40)), rng.integers(0, 30, (3, 5, 40))
    x[0, 0] = 0
    found = ess_ratio(v, x)
    assert found.value.shape == (3, 5)
    for i in range(3):
        for j in range(5):
            alone = ess_ratio(v[i, 0], x[i, j])
            for part, one in zip(found, alone, strict=True):
                np.testing.assert_allclose(part[i, j], one, err_msg=f"seed {SEED}")
    assert np.isnan(found.value[0, 0])


def test_ess_ratio_without_rows_is_not_measured():
    assert nothing(ess_ratio([0, 0], [5, 5]))
    assert nothing(ess_ratio([5, 5], [0, 0]))
    assert nothing(ess_ratio([5, 0], [1, 9]))
    assert nothing(ess_ratio([], []))


def test_thin_share_is_of_parts_of_production():
    v, x = [1, 10, 15, 500, 500], [5, 5, 0, 45, 45]
    # The parts begin at 0, 5, 10 and 55 % of production; the empty bin goes with what follows.
    assert neighbours(x, 0.05).tolist() == [0, 1, 2, 2, 3]
    found = thin_share(v, x)
    assert found.value == pytest.approx(0.1)
    assert found.low < 0.1 < found.high
    assert thin_share(np.full(200, 10), np.ones(200)).value == 0  # 2,000 rows are enough
    assert thin_share(np.full(200, 1), np.ones(200)).value == 1


def test_holes_of_the_set_are_thin_whatever_its_neighbours_have():
    v, x = np.full(100, 40), np.full(100, 50.0)
    assert thin_share(v, x).value == 0
    # Every eighth bin: 12 % of the window where the set has nothing.
    hole = np.arange(100) % 8 == 7
    found = thin_share(np.where(hole, 0, v), x)
    assert found.value == pytest.approx(0.12)
    assert found.low < 0.12 < found.high
    # One bin with few rows of the set and a tenth of the window, between two full ones.
    heavy = np.where(np.arange(100) == 50, x.sum() / 9, x)
    assert thin_share(np.where(np.arange(100) == 50, 20, v), heavy).value > 0.09
    assert thin_share(np.where(hole, 0, v), np.where(hole, x, 0)).value == 1


def test_a_set_without_rows_is_not_measured():
    assert nothing(thin_share([0], [3]))
    assert nothing(thin_share([3], [0]))


def test_lacking_share():
    assert lacking_share([3, 0, 2], [6, 3, 1]).value == pytest.approx(0.3)
    assert nothing(lacking_share([0], [3]))
    assert nothing(lacking_share([3], [0]))


def test_relative_change_of_a_rate_by_simulation():
    rng = np.random.default_rng(SEED)
    runs, p, q = 4000, 0.012, 0.010
    found = decision_rate.relative_change(
        rng.binomial(20000, p, runs), 20000, rng.binomial(5000, q, runs), 5000
    )
    hits = ((found.low <= p / q - 1) & (p / q - 1 <= found.high)).sum()
    assert 0.93 < hits / runs < 0.98, (SEED, hits / runs)
    same = decision_rate.relative_change(300, 1000, 300, 1000)
    assert same.value == 0
    assert same.low < 0 < same.high


def test_relative_change_agrees_with_the_log_of_the_ratio_for_many_rows():
    found = decision_rate.relative_change(4000, 20000, 3000, 20000)
    se = np.sqrt(1 / 4000 - 1 / 20000 + 1 / 3000 - 1 / 20000)
    ends = np.exp(np.log(4 / 3) + np.array([-1.96, 1.96]) * se) - 1
    assert (found.low, found.high) == pytest.approx(tuple(ends), abs=1e-3)


def test_relative_change_from_nothing_is_not_measured():
    for x_then, n_then in ((0, 100), (2, 100), (0, 0)):
        assert nothing(decision_rate.relative_change(5, 100, x_then, n_then)), x_then
    assert nothing(decision_rate.relative_change(0, 0, 50, 100))
    gone = decision_rate.relative_change(0, 1000, 500, 1000)
    assert (gone.value, gone.low) == (-1, -1)
    assert gone.high < -0.95


def labelled(rng, n, twist=0.0):
    score = special.expit(rng.normal(0, 1.5, n))
    label = rng.random(n) < special.expit(special.logit(score) * (1 - twist))
    return score, label.astype(float)


def test_calibration_error_is_that_of_scikit_learns_bins():
    rng = np.random.default_rng(SEED)
    score, label = labelled(rng, 6000, 0.3)
    edges = np.quantile(score, np.arange(1, 15) / 15)
    state = score_bins.count(edges, score, label)
    true, mean = calibration_curve(label, score, n_bins=15, strategy="quantile")
    found = calibration_drift.calibration_error(state)
    assert found.value == pytest.approx(np.abs(true - mean).mean(), abs=2e-3)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("twist", [0.0, 0.5])
@pytest.mark.parametrize("rows", [500, 5000])
def test_calibration_errors_interval_holds_the_true_one(twist, rows):
    """The truth by the rates of a million rows; chance is no excuse and no alarm."""
    rng = np.random.default_rng(SEED)
    edges = score_bins.choose_edges(*labelled(rng, 4000))
    large = calibration_drift.calibration_error(
        score_bins.count(edges, *labelled(rng, 1_000_000, twist))
    ).value
    runs, hits = 300, 0
    for _ in range(runs):
        found = calibration_drift.calibration_error(
            score_bins.count(edges, *labelled(rng, rows, twist))
        )
        hits += found.low <= large + 2e-3 and large - 2e-3 <= found.high
    assert hits / runs >= 0.93, (SEED, hits / runs)


def test_calibration_error_without_labels_is_not_measured():
    state = score_bins.count([0.5], [0.1, 0.9])
    assert nothing(calibration_drift.calibration_error(state))


def test_difference_of_two_figures():
    one, other = Figure(0.5, 0.4, 0.6), Figure(0.2, 0.1, 0.3)
    found = calibration_drift.difference(one, other)
    assert (found.value, found.high) == pytest.approx((0.3, 0.3 + np.hypot(0.1, 0.1)))
    assert float(standard_error(one)) == pytest.approx(0.2 / 2 / 1.96, abs=1e-5)


def test_link_is_pearsons_with_fishers_interval():
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=60)
    y = 0.6 * x + rng.normal(size=60)
    found = outcome_link.link([*x, np.nan, 3.0], [*y, 1.0, np.nan])
    expected = stats.pearsonr(x, y)
    assert found.windows == 60
    assert found.r.value == pytest.approx(expected.statistic)
    centred = [one - one.mean() for one in (x, y)]
    r1, r2 = ((one[1:] * one[:-1]).sum() / (one**2).sum() for one in centred)
    effective = min(60, 60 * (1 - r1 * r2) / (1 + r1 * r2))
    assert found.effective == pytest.approx(effective)
    if effective == 60:
        ends = expected.confidence_interval(0.95)
        assert (found.r.low, found.r.high) == pytest.approx((ends.low, ends.high))


def test_two_trends_are_few_independent_windows():
    rng = np.random.default_rng(SEED)
    trend = np.arange(40.0)
    found = outcome_link.link(trend + rng.normal(size=40), trend + rng.normal(size=40))
    assert found.effective < outcome_link.LEAST_EFFECTIVE
    assert nothing(found.r)


def test_false_links_of_autocorrelated_series_are_rare():
    """Without W_eff a fifth of AR(1) series of 0.6 would be linked."""
    rng = np.random.default_rng(SEED)
    runs, plain, ours = 1000, 0, 0
    for _ in range(runs):
        x, y = np.zeros(80), np.zeros(80)
        for t in range(1, 80):
            x[t], y[t] = 0.6 * x[t - 1] + rng.normal(), 0.6 * y[t - 1] + rng.normal()
        plain += stats.pearsonr(x, y).pvalue < 0.05
        found = outcome_link.link(x, y).r
        ours += bool(found.low > 0 or found.high < 0)
    assert plain / runs > 0.12
    assert ours / runs < 0.08, (SEED, ours / runs)


@pytest.mark.parametrize("series", [([], []), ([1, 2], [1, 2]), (np.ones(30), np.arange(30))])
def test_no_link_without_enough_windows_that_vary(series):
    assert nothing(outcome_link.link(*series).r)
    assert nothing(outcome_link.decay(*series).change)


def test_decay_of_a_link():
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=120)
    y = np.concatenate([x[:60], rng.normal(size=60)]) + 0.3 * rng.normal(size=120)
    gone = outcome_link.decay(x, y)
    assert gone.change.high < 0
    assert gone.power > 0.99
    assert gone.first.r.value > 0.8 > gone.second.r.value
    same = outcome_link.decay(x, x + 0.3 * rng.normal(size=120)).change
    assert same.low < 0 < same.high
    runs, false = 400, 0
    for _ in range(runs):
        x = rng.normal(size=60)
        found = outcome_link.decay(x, 0.7 * x + rng.normal(size=60)).change
        false += bool(found.low > 0 or found.high < 0)
    assert coverage(runs - false, runs), (SEED, false / runs)

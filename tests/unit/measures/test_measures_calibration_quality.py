"""Calibration figures against SciPy and scikit-learn, their intervals against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from sparkdrift.measures.calibration_quality import (
    brier,
    calibrated_probability,
    calibration_line,
    expected_calibration_error,
)
from sparkdrift.measures.score_bins import ScoreBins, choose_edges, count

SEED = 31


def draw(n, slope=1.0, intercept=0.0, seed=SEED):
    rng = np.random.default_rng(seed)
    scores = rng.beta(2, 3, n)
    truth = special.expit(intercept + slope * special.logit(scores))
    return scores, (rng.random(n) < truth).astype(float)


def state(n, *args, **kwargs):
    edges = choose_edges(*draw(20_000, seed=99))
    return count(edges, *draw(n, *args, **kwargs))


def test_brier_is_scikit_learns_and_its_error_the_means():
    scores, labels = draw(5000)
    found = brier(state(5000))
    assert found.value == pytest.approx(brier_score_loss(labels, scores), abs=1e-12)
    error = stats.sem((scores - labels) ** 2)
    assert found.high - found.value == pytest.approx(1.95996 * error, rel=0.01)


def test_slope_and_intercept_are_those_of_logistic_regression_on_rows():
    scores, labels = draw(20_000, 0.6, 0.4)
    line = calibration_line(state(20_000, 0.6, 0.4))
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(special.logit(scores)[:, None], labels)
    assert line.slope.value == pytest.approx(fit.coef_[0, 0], abs=0.01)
    assert line.intercept.value == pytest.approx(fit.intercept_[0], abs=0.01)
    # Held at slope 1, the mean of the moved scores is the rate.
    moved = special.expit(special.logit(scores) + line.in_the_large.value)
    assert moved.mean() == pytest.approx(labels.mean(), abs=0.001)


def test_intervals_cover_the_line_that_made_the_labels():
    hits = np.zeros(3)
    runs = 400
    for seed in range(runs):
        line = calibration_line(state(1500, 0.8, 0.0, seed=seed))
        hits[0] += line.slope.low <= 0.8 <= line.slope.high
        hits[1] += line.intercept.low <= 0 <= line.intercept.high
        found = brier(state(1500, seed=seed))
        hits[2] += found.low <= 0.2 <= found.high  # E p (1 - p) of Beta(2, 3)
    assert ((hits / runs > 0.92) & (hits / runs < 0.98)).all(), hits / runs


def test_perfect_scores_have_the_error_that_chance_alone_gives():
    found = np.array([expected_calibration_error(state(4000, seed=s)) for s in range(50)])
    assert found[:, 0].mean() == pytest.approx(found[:, 1].mean(), rel=0.03)
    off = expected_calibration_error(state(40_000, 1.0, 1.0))
    scores, labels = draw(40_000, 1.0, 1.0)
    assert off[0] == pytest.approx((labels - scores).mean(), abs=0.003)
    assert off[0] > 10 * off[1]


def test_nothing_labelled_or_one_class_is_not_measured():
    none = count([0.5], [0.2, 0.7])
    assert np.isnan(brier(none)).all()
    assert np.isnan(expected_calibration_error(none)).all()
    assert np.isnan(calibration_line(none)).all()
    assert np.isnan(calibration_line(count([0.5], [0.2, 0.7], [1, 1]))).all()
    one_bin = calibration_line(count([0.5], [0.2, 0.3], [1, 0]))
    assert np.isnan(one_bin.slope).all()
    assert np.isfinite(one_bin.in_the_large).all()
    apart = calibration_line(count([0.5], [0.2, 0.7], [0, 1]))
    assert np.isnan(apart.slope.low)


def test_windows_at_once_are_each_alone():
    states = [state(2000, slope, seed=i) for i, slope in enumerate((0.7, 1.0, 1.4))]
    cells = np.stack([one.cells for one in states])
    whole = calibration_line(ScoreBins(states[0].edges, cells, np.zeros((3, 3))))
    for i, one in enumerate(states):
        alone = calibration_line(one)
        np.testing.assert_allclose(whole.slope.value[i], alone.slope.value, rtol=1e-9)
        np.testing.assert_allclose(whole.intercept.high[i], alone.intercept.high, rtol=1e-9)


def test_bins_without_rows_take_the_rate_around_them():
    pi = calibrated_probability(
        [100, 100, 0, 100, 100, 0, 0, 0, 0, 0], [50] * 2 + [0] + [50] * 2 + [0] * 5
    )
    assert pi[2] == pytest.approx(0.5)
    assert ((pi > 0) & (pi < 1)).all()
    assert pi[-1] == 0.5


def test_rates_of_many_small_bins_are_not_drawn_to_one_half():
    rng = np.random.default_rng(SEED)
    n, true = np.full(128, 40.0), 0.01
    k = rng.binomial(40, true, (500, 128))
    assert calibrated_probability(n, k).mean() == pytest.approx(true, abs=0.0006)
    assert ((k + 0.5) / (n + 1)).mean() > true + 0.01

"""The confusion matrix's metrics against scikit-learn, their intervals against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats
from sklearn import metrics

from sparkdrift.measures import confusion, intervals
from sparkdrift.measures.confusion import Confusion
from sparkdrift.measures.score_bins import choose_edges, count

SEED = 20


def rows(n=4000):
    rng = np.random.default_rng(SEED)
    scores = np.round(rng.beta(1, 2, n), 2)
    labels = (rng.random(n) < scores).astype(float)
    return scores, labels, (rng.random(n) < scores).astype(float)


@pytest.mark.parametrize("by", ["decision", "threshold"])
def test_metrics_are_scikit_learns(by):
    scores, labels, decisions = rows()
    state = count(choose_edges(scores, labels, [0.35]), scores, labels, decisions)
    if by == "threshold":
        decisions = scores >= 0.35
        cells = confusion.at_threshold(state, 0.35)
    else:
        cells = confusion.at_decision(state)
    expected = {
        confusion.accuracy: metrics.accuracy_score(labels, decisions),
        confusion.precision: metrics.precision_score(labels, decisions),
        confusion.recall: metrics.recall_score(labels, decisions),
        confusion.specificity: metrics.recall_score(1 - labels, 1 - decisions),
        confusion.f1: metrics.f1_score(labels, decisions),
    }
    for metric, value in expected.items():
        found = metric(cells)
        assert found.value == pytest.approx(value, abs=1e-12), metric.__name__
        assert 0 < found.low < found.value < found.high < 1, metric.__name__


def test_nothing_decided_is_no_precision_and_nothing_at_all_no_accuracy():
    none = Confusion(*np.zeros(3), np.float64(9))
    assert confusion.accuracy(none).value == 1
    for metric in (confusion.precision, confusion.recall, confusion.f1):
        assert np.isnan(metric(none)).all(), metric.__name__
    empty = Confusion(*np.zeros((4, 2)))
    assert np.isnan(confusion.accuracy(empty)).all()
    assert np.isnan(confusion.payoff(empty, [1, 2, 3, 4])).all()


def test_wilson_is_scipys():
    for x, n in ((0, 10), (3, 10), (10, 10), (499, 1000)):
        theirs = stats.binomtest(x, n).proportion_ci(method="wilson")
        ours = intervals.wilson(x, n)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert np.isnan(intervals.wilson([5, -1, 1], [4, 4, 0])).all()


def test_the_logit_interval_stays_inside_and_never_stretches_to_everything():
    found = intervals.logit_interval([0.5, 0.9, 1e-12, 1 - 1e-12, 0.0, 1.5], [0.1] + [0.01] * 5)
    theirs = special.expit(special.logit(0.9) + np.array([-1, 1]) * 1.959964 * 0.01 / 0.09)
    assert (found.low[1], found.high[1]) == pytest.approx(theirs, rel=1e-6)
    np.testing.assert_allclose(found.low[2:5], [0, 1 - 0.0196, 0], atol=1e-4)
    np.testing.assert_allclose(found.high[2:5], [0.0196, 1, 0.0196], atol=1e-4)
    assert np.isnan(np.array(found)[:, 5]).all()


def test_payoff_is_the_mean_over_rows():
    _, labels, decisions = rows()
    state = count([0.5], np.zeros(len(labels)), labels, decisions)
    worth = np.where(decisions == 1, np.where(labels == 1, 50, -400), np.where(labels == 1, -20, 0))
    found = confusion.payoff(confusion.at_decision(state), [50, -400, -20, 0])
    assert found.value == pytest.approx(worth.mean())
    assert found.high - found.value == pytest.approx(
        1.95996 * worth.std() / np.sqrt(len(worth)), rel=1e-4
    )
    with pytest.raises(ValueError, match="four finite numbers"):
        confusion.payoff(confusion.at_decision(state), [1, 2])


def test_intervals_cover_the_true_value():
    p = np.array([0.2, 0.1, 0.15, 0.55])
    drawn = np.random.default_rng(SEED).multinomial(300, p, size=4000).T.astype(float)
    cells = Confusion(*drawn)
    tp, fp, fn, tn = p
    truth = {
        confusion.accuracy: tp + tn,
        confusion.precision: tp / (tp + fp),
        confusion.recall: tp / (tp + fn),
        confusion.f1: 2 * tp / (2 * tp + fp + fn),
    }
    for metric, value in truth.items():
        found = metric(cells)
        covered = np.mean((found.low <= value) & (value <= found.high))
        assert 0.935 <= covered <= 0.965, (metric.__name__, covered, SEED)
    value = (p * [5, -9, -2, 0]).sum()
    found = confusion.payoff(cells, [5, -9, -2, 0])
    assert 0.935 <= np.mean((found.low <= value) & (value <= found.high)) <= 0.965, SEED


def test_fairness_gaps_cover_the_true_gap():
    rng = np.random.default_rng(SEED)
    one, other = rng.binomial(80, 0.9, 4000), rng.binomial(400, 0.8, 4000)
    gap = confusion.share_difference(intervals.wilson(one, 80), intervals.wilson(other, 400))
    assert 0.935 <= np.mean((gap.low <= 0.1) & (gap.high >= 0.1)) <= 0.97, SEED


def test_skill_has_one_scale_for_losses_and_gains():
    np.testing.assert_allclose(confusion.skill([2.0, 0, 4, 8], 4.0, 0.0), [0.5, 1, 0, -1])
    np.testing.assert_allclose(confusion.skill([0.9, 0.5], 0.8, 1.0), [0.5, -1.5])
    assert np.isnan(confusion.skill(0.9, 1.0, 1.0))

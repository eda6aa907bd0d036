"""The gap between a metric on the evaluation set's mix and on production's, and its interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats
from sklearn import metrics

from sparkdrift.measures import production_mix, regression_error, score_bins
from sparkdrift.measures.density_ratio import Margin, rake

SEED = 71
RUNS = 300
SETTING = {"evaluation": 3000, "window": 1500}
VALUES = (5.0, -1.0, -3.0, 0.5)


def drawn(rng, n, shift):
    """(slice, score, label, decision): slice b has worse labels; shift moves slices and scores."""
    b = rng.random(n) < special.expit(-1 + shift)
    score = special.expit(rng.normal(-0.4 + 0.6 * shift + 0.5 * b, 1.2))
    label = rng.random(n) < chance(b, score)
    return b.astype(int), score, label.astype(float), (score >= 0.5).astype(float)


def chance(b, score):
    """P(label) of rows."""
    return special.expit(special.logit(score) * (1 - 0.3 * b))


def expected(metric, b, score):
    """The metric of rows whose labels are not drawn: each row counts as both, by its chance."""
    p, twice = chance(b, score), np.tile(score, 2)
    label = np.repeat([1.0, 0.0], len(score))
    weight = np.concatenate([p, 1 - p])
    return exact(metric, twice, label, (twice >= 0.5).astype(float), weight)


def exact(metric, score, label, decision, weight=None):
    kept = {"sample_weight": weight}
    if metric in ("accuracy", "precision", "recall", "f1"):
        return getattr(metrics, f"{metric}_score")(label, decision, **kept)
    if metric == "specificity":
        return metrics.recall_score(1 - label, 1 - decision, **kept)
    if metric == "roc_auc":
        return metrics.roc_auc_score(label, score, **kept)
    if metric == "average_precision":
        return metrics.average_precision_score(label, score, **kept)
    if metric == "brier":
        return metrics.brier_score_loss(label, score, **kept)
    worth = np.select(
        [(decision == 1) & (label == 1), decision == 1, label == 1], VALUES[:3], VALUES[3]
    )
    return np.average(worth, weights=weight)


METRICS = (
    *("accuracy", "precision", "recall", "specificity", "f1", "roc_auc", "average_precision"),
    *("brier", "business_value"),
)


def of_key(rows):
    return [Margin(range(len(rows)), rows)]


def states(rng, shift=1.0):
    s, score, label, decision = drawn(rng, SETTING["evaluation"], 0.0)
    edges = score_bins.choose_edges(score, label, (0.5,))
    parts = [
        score_bins.count(edges, score[s == i], label[s == i], decision[s == i]) for i in (0, 1)
    ]
    cells = score_bins.ScoreBins(edges, np.stack([one.cells for one in parts]), np.zeros((2, 3)))
    ws, wscore, *_ = drawn(rng, SETTING["window"], shift)
    window = score_bins.count(edges, wscore).column("rows")
    raked = rake(cells.column("rows"), of_key(np.bincount(ws, minlength=2)), window)
    return cells, raked, window, (s, score, label, decision)


@pytest.mark.parametrize("metric", METRICS)
def test_both_figures_are_those_of_weighted_rows(metric):
    cells, raked, window, (s, score, label, decision) = states(np.random.default_rng(SEED))
    assert raked.reason == "", SEED
    found = production_mix.of_scores(metric, cells, raked, window, VALUES)
    weight = raked.weights[s, np.searchsorted(cells.edges, score, side="right")]
    close = 0.003 if metric in ("roc_auc", "average_precision") else 1e-9
    assert found.evaluated == pytest.approx(exact(metric, score, label, decision), abs=close)
    expected = exact(metric, score, label, decision, weight)
    assert found.reweighted == pytest.approx(expected, abs=close), SEED
    assert found.gap.value == pytest.approx(found.reweighted - found.evaluated)


@pytest.mark.slow
def test_the_interval_holds_what_production_would_show_19_times_of_20():
    """The truth: the metric on a million rows of production, less that of this set's rows with
    labels drawn over and over: the limit was set on its very mix."""
    rng = np.random.default_rng(SEED)
    b, score, *_ = drawn(rng, 1_000_000, 1.0)
    production = {metric: expected(metric, b, score) for metric in METRICS}
    inside = dict.fromkeys(METRICS, 0)
    for _ in range(RUNS):
        cells, raked, window, (s, score, *_) = states(rng)
        assert raked.reason == "", SEED
        for metric in METRICS:
            gap = production_mix.of_scores(metric, cells, raked, window, VALUES).gap
            truth = production[metric] - expected(metric, s, score)
            inside[metric] += gap.low <= truth <= gap.high
    low, _ = stats.binom.interval(0.999, RUNS, 0.95)
    print({m: n / RUNS for m, n in inside.items()})
    for metric, hits in inside.items():
        assert low <= hits, (SEED, metric, hits / RUNS)


def test_without_a_change_of_mix_there_is_no_gap():
    cells, *_ = states(np.random.default_rng(SEED))
    rows = cells.column("rows")
    same = rake(rows, of_key(rows.sum(axis=1)), rows.sum(axis=0))
    for metric in METRICS:
        found = production_mix.of_scores(metric, cells, same, rows.sum(axis=0), VALUES)
        assert found.gap.value == pytest.approx(0, abs=1e-6)
        assert found.gap.low < 0 < found.gap.high


@pytest.mark.parametrize("metric", ["mae", "rmse", "mape", "bias"])
def test_errors_of_numbers_are_weighted_by_prediction(metric):
    rng = np.random.default_rng(SEED)
    made = rng.gamma(3, 10, 2000)
    true = made * rng.lognormal(0, 0.2, 2000)
    edges = np.quantile(made, np.arange(1, 20) / 20)
    at = np.searchsorted(edges, made, side="right")
    cells = np.stack([regression_error.count(made[at == b], true[at == b]) for b in range(20)])
    window = np.bincount(np.searchsorted(edges, rng.gamma(5, 9, 1500), side="right"), minlength=20)
    raked = rake(cells[None, :, 0], [], window)
    assert raked.reason == "", SEED
    weight = raked.weights[0, at]
    error = made - true
    expected = {
        "mae": lambda w: np.average(abs(error), weights=w),
        "rmse": lambda w: np.sqrt(np.average(error**2, weights=w)),
        "mape": lambda w: np.average(abs(error / true), weights=w),
        "bias": lambda w: np.average(error, weights=w),
    }[metric]
    found = production_mix.of_errors(metric, cells[None], raked, window)
    assert found.evaluated == pytest.approx(expected(None))
    assert found.reweighted == pytest.approx(expected(weight))
    gap = found.gap
    assert gap.value == pytest.approx(found.reweighted - found.evaluated)
    assert gap.low < gap.value < gap.high


def test_what_cant_be_weighed_is_not_measured():
    cells, raked, window, _ = states(np.random.default_rng(SEED))
    assert production_mix.of_scores("mae", cells, raked, window) is None
    assert production_mix.of_scores("business_value", cells, raked, window) is None
    assert production_mix.of_errors("accuracy", np.ones((1, 2, 9)), raked, window) is None
    refused = rake(cells.column("rows"), of_key([0, 0]), window)
    assert np.isnan(production_mix.of_scores("accuracy", cells, refused, window).gap.value)
    blank = score_bins.ScoreBins(cells.edges, cells.cells * 0, cells.unusable)
    for metric in METRICS:
        found = production_mix.of_scores(metric, blank, raked, window, VALUES)
        assert np.isnan(found.gap.value), metric

"""Influence functions against scikit-learn on reweighted rows, effect sizes against shifts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from sparkdrift.measures.influence import (
    LARGEST_EFFECT,
    METRICS,
    Labelled,
    cost_of_shift,
    influence,
)

SEED = 20251


def rows(n=4000, seed=SEED) -> tuple[Labelled, np.ndarray]:
    """Rows whose outcome is harder to tell where x is large; (rows, x)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    score = np.clip(rng.beta(2, 2, size=n), 0.01, 0.99)
    clear = rng.random(n) < 1 / (1 + np.exp(x))
    label = np.where(clear, score > rng.random(n), rng.random(n) < 0.5).astype(float)
    return Labelled(label, score, (score >= 0.5).astype(float)), x


def measured(metric, given: Labelled, weight) -> float:
    """The metric with row weights, by scikit-learn; the sign of losses turned."""
    label, score, decision = given.label, given.score, given.decision
    by = {"sample_weight": weight}
    return {
        "accuracy": lambda: metrics.accuracy_score(label, decision, **by),
        "precision": lambda: metrics.precision_score(label, decision, **by),
        "recall": lambda: metrics.recall_score(label, decision, **by),
        "specificity": lambda: metrics.recall_score(label, decision, pos_label=0, **by),
        "f1": lambda: metrics.f1_score(label, decision, **by),
        "roc_auc": lambda: metrics.roc_auc_score(label, score, **by),
        "brier": lambda: -metrics.mean_squared_error(label, score, **by),
        "mae": lambda: -metrics.mean_absolute_error(label, score, **by),
        "rmse": lambda: -np.sqrt(metrics.mean_squared_error(label, score, **by)),
    }[metric]()


@pytest.mark.parametrize("metric", METRICS)
def test_a_small_reweighting_changes_the_metric_as_the_influence_says(metric):
    given, x = rows()
    psi = influence(metric, given)
    assert psi is not None
    assert abs(psi.mean()) < 1e-9
    tilt = (x - x.mean()) / x.std()
    for size in (0.02, -0.02):
        weight = 1 + size * tilt
        change = measured(metric, given, weight) - measured(metric, given, np.ones(len(x)))
        assert change == pytest.approx((psi * size * tilt).mean(), rel=0.05, abs=2e-5)


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "brier"])
def test_no_shift_of_that_size_costs_more(metric):
    """The worst of many random shifts between deciles stays within, and one comes near."""
    given, x = rows()
    bins = np.searchsorted(np.quantile(x, np.arange(0.1, 1, 0.1)), x)
    cost = cost_of_shift(influence(metric, given), bins, 0.001)
    assert cost is not None
    rng = np.random.default_rng(SEED)
    p = np.bincount(bins) / len(bins)
    worst = 0.0
    for _ in range(200):
        move = rng.normal(size=len(p))
        move -= (p * move).sum()
        move *= cost.effect / np.sqrt((p * move**2).sum())  # sum (q - p)^2 / p = effect^2
        weight = (1 + move)[bins]
        if weight.min() > 0:
            change = measured(metric, given, weight) - measured(metric, given, np.ones(len(x)))
            worst = max(worst, -change)
    # The debiased sd is a little below that of these very rows.
    assert 0.0005 < worst < 0.0013, f"seed={SEED}"


def test_a_feature_that_explains_no_loss_has_no_effect_size():
    given, _ = rows()
    noise = np.random.default_rng(SEED).integers(0, 10, size=4000)
    cost = cost_of_shift(influence("accuracy", given), noise, 0.05)
    assert cost is not None
    assert cost.effect == LARGEST_EFFECT
    assert cost.sd < 0.02
    assert cost.sd <= cost.sd_high < 0.06


def test_the_interval_covers_the_true_cost():
    """95 % upper ends of the sd between bins, over many draws; the true one by a large sample."""
    many, x = rows(400_000, seed=1)
    edges = np.quantile(x, np.arange(0.1, 1, 0.1))
    true = cost_of_shift(influence("accuracy", many), np.searchsorted(edges, x), 0.01)
    assert true is not None
    covered = 0
    for seed in range(200):
        given, own = rows(1000, seed=seed + 2)
        cost = cost_of_shift(influence("accuracy", given), np.searchsorted(edges, own), 0.01)
        assert cost is not None
        covered += cost.sd_high >= true.sd
    assert covered >= 185  # nominal 195; the chance of fewer than 185 is below 1e-4


@pytest.mark.parametrize(
    ("metric", "given"),
    [
        ("accuracy", Labelled(np.ones(5), np.ones(5))),
        ("roc_auc", Labelled(np.ones(5), np.linspace(0, 1, 5))),
        ("precision", Labelled(np.ones(5), None, np.zeros(5))),
        ("business_value", Labelled(np.ones(5), np.ones(5), np.ones(5))),
    ],
)
def test_what_the_rows_can_not_tell_is_none(metric, given):
    assert influence(metric, given) is None


def test_too_few_rows_per_bin_are_no_answer():
    assert cost_of_shift(np.arange(40.0), np.arange(40) % 2, 0.1) is None

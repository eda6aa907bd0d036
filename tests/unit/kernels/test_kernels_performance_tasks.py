"""Rows of `performance` for more than two classes and for numbers, against raw rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from score_states import START, Rows, States, by_metric, errors, performed
from sklearn import metrics

from sparkdrift.kernels.performance import KNOWN, WINDOW
from sparkdrift.kernels.performance_rules import Rules
from sparkdrift.kernels.performance_words import SELECTED
from sparkdrift.measures.estimated_error import estimate

SEED = 72
CLASSES = ("a", "b", "c")
MULTI = Rules(task="multiclass", recorded=True)
AVERAGED = {
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "f1": metrics.f1_score,
}


def draw(rng, n, shift=0.0):
    """(probabilities (n, 3), classes (n,)); the classes follow the probabilities."""
    scores = special.softmax(rng.normal([0.5 + shift, 0, -0.5], 1.4, (n, 3)), axis=1)
    truth = (rng.random((n, 1)) > scores.cumsum(axis=1)[:, :2]).sum(axis=1)
    return scores, truth


def of_class(scores, truth, c):
    made = scores.argmax(axis=1)
    label = np.where(truth < 0, np.nan, truth == c)
    return Rows(scores[:, c], label, (made == c).astype(float))


def classes_of(known, *windows):
    states = States()
    for c, name in enumerate(CLASSES):
        states.know(of_class(*known, c), class_name=name)
        for i, window in enumerate(windows):
            states.see(i, of_class(*window, c), class_name=name)
    return states


def test_classes_against_the_rest_and_their_averages():
    rng = np.random.default_rng(SEED)
    known, seen = draw(rng, 30_000), draw(rng, 6000, 0.4)
    found = performed(classes_of(known, seen), MULTI)
    scores, truth = seen
    made = scores.argmax(axis=1)
    whole = by_metric(found)
    accuracy = whole["accuracy"]
    assert accuracy["realised"] == pytest.approx(metrics.accuracy_score(truth, made))
    assert accuracy["evaluated"] == pytest.approx(
        metrics.accuracy_score(known[1], known[0].argmax(axis=1))
    )
    assert accuracy["estimated_low"] < accuracy["realised"] < accuracy["estimated_high"]
    assert accuracy["baseline"] == pytest.approx((truth == 0).mean())
    for name, score in AVERAGED.items():
        assert whole[name]["realised"] == pytest.approx(score(truth, made, average="macro"))
        each = score(truth, made, average=None)
        for c, one in enumerate(CLASSES):
            row = by_metric(found, class_name=one)[name]
            assert row["realised"] == pytest.approx(each[c]), (name, one)
    auc = metrics.roc_auc_score(truth, scores, multi_class="ovr", average="macro")
    assert whole["roc_auc"]["realised"] == pytest.approx(auc, abs=0.002)
    brier = np.mean([metrics.brier_score_loss(truth == c, scores[:, c]) for c in range(3)])
    assert whole["brier"]["realised"] == pytest.approx(brier)
    assert not any(row["concept_drift"] for row in found)
    assert {row["status"] for row in whole.values()} <= {"ok", "undetermined"}
    assert "prevalence" not in whole


def test_labels_that_turn_into_another_class_are_concept_drift():
    rng = np.random.default_rng(SEED)
    scores, truth = draw(rng, 6000)
    turned = np.where(rng.random(6000) < 0.4, (truth + 1) % 3, truth)
    found = performed(classes_of(draw(rng, 30_000), (scores, truth), (scores, turned)), MULTI)
    calm, drifted = (by_metric(found, i) for i in range(2))
    assert calm["accuracy"]["estimated"] == drifted["accuracy"]["estimated"]
    assert not calm["accuracy"]["concept_drift"]
    assert drifted["accuracy"]["concept_drift"]
    assert drifted["accuracy"]["status"] == "degraded"


def test_a_class_that_does_not_occur_leaves_the_averages_unmeasured():
    rng = np.random.default_rng(SEED)
    scores, truth = draw(rng, 3000)
    found = performed(classes_of(draw(rng, 30_000), (scores, np.minimum(truth, 1))), MULTI)
    row = by_metric(found)["recall"]
    assert row["realised"] is None
    assert row["status"] == "insufficient_data"
    assert "it is not known of every class" in row["reason"]
    assert by_metric(found, class_name="c")["recall"]["realised"] is None


def test_expected_accuracy_holds_what_labels_show():
    rng = np.random.default_rng(SEED)
    known = draw(rng, 20_000)
    windows = [draw(rng, 1500, rng.uniform(-0.5, 0.5)) for _ in range(150)]
    found = performed(classes_of(known, *windows), MULTI)
    rows = [by_metric(found, i)["accuracy"] for i in range(150)]
    inside = np.mean([r["estimated_low"] <= r["realised"] <= r["estimated_high"] for r in rows])
    print(f"seed={SEED}: {100 * inside:.1f} % inside")
    assert inside >= 0.89


def numbers(rng, n, shift=0.0):
    """Predictions and targets whose spread grows with the prediction."""
    made = np.exp(rng.normal(3 + shift, 0.5, n))
    return made, made * (1 + rng.normal(0.02, 0.1, n)) + rng.normal(0, 1, n)


def regressions(known, window, edges):
    states = States(edges={"*": edges})
    states._add(KNOWN, None, "*", "*", "errors", "*", errors(edges, *known))
    states._add(WINDOW, START, "*", "*", "errors", "*", errors(edges, *window), mature=True)
    return states


def test_errors_of_numbers():
    rng = np.random.default_rng(SEED)
    known, seen = numbers(rng, 20_000), numbers(rng, 4000, 0.3)
    edges = np.quantile(known[0], np.arange(1, 40) / 40)
    states = regressions(known, seen, edges)
    last = seen[1] * 1.3  # the last known value: worse
    off = last - seen[1]
    part = np.abs(off / seen[1])
    states.beside(
        0,
        "baseline",
        [
            *(4000, 0, np.abs(off).sum(), (off**2).sum(), (off**4).sum(), off.sum()),
            *(4000, part.sum(), (part**2).sum()),
        ],
    )
    found = by_metric(performed(states, Rules(task="regression", ruled=True)))
    expected = {
        "mae": metrics.mean_absolute_error,
        "rmse": metrics.root_mean_squared_error,
        "mape": metrics.mean_absolute_percentage_error,
        "bias": lambda y, made: (made - y).mean(),
    }
    assert set(found) == set(expected)
    for name, score in expected.items():
        row = found[name]
        assert row["realised"] == pytest.approx(score(seen[1], seen[0])), name
        assert row["evaluated"] == pytest.approx(score(known[1], known[0])), name
        assert row["estimated"] is not None
        assert "not to be relied upon: no errors by feature are kept" in row["reason"]
        assert row["concept_drift"] is None
    base = expected["mae"](seen[1], last)
    assert found["mae"]["baseline"] == pytest.approx(base)
    assert found["mae"]["skill"] == pytest.approx(1 - found["mae"]["realised"] / base)
    square = expected["rmse"](seen[1], last)
    assert found["rmse"]["skill"] == pytest.approx(1 - found["rmse"]["realised"] / square)
    assert "no skill is measured" not in found["rmse"]["reason"]
    bare = by_metric(performed(states, Rules(task="regression")))
    assert bare["rmse"]["skill"] is None
    assert "no skill is measured" not in bare["bias"]["reason"]
    assert "no skill is measured" in bare["rmse"]["reason"]
    # Larger predictions, larger errors, by more than the 5 % of the default.
    assert found["mae"]["status"] == "degraded"
    assert "tolerated by default" in found["mae"]["reason"]


def test_expected_errors_hold_what_targets_show_where_predictions_tell_them():
    rng = np.random.default_rng(SEED)
    hits = dict.fromkeys(("mae", "rmse", "mape", "bias"), 0.0)
    runs = 200
    for _ in range(runs):
        known, seen = numbers(rng, 10_000), numbers(rng, 1500, rng.uniform(-0.2, 0.2))
        edges = np.quantile(known[0], np.arange(1, 40) / 40)
        of_set, window = errors(edges, *known), errors(edges, *seen)
        found = estimate(of_set, window[:, 0])
        e = seen[0] - seen[1]
        shown = {
            "mae": np.abs(e).mean(),
            "rmse": np.sqrt((e**2).mean()),
            "mape": np.abs(e / seen[1]).mean(),
            "bias": e.mean(),
        }
        for name, value in shown.items():
            figure = getattr(found, name)
            hits[name] += float(figure.low <= value <= figure.high) / runs
    print(f"seed={SEED}", hits)
    for name, share in hits.items():
        assert 0.89 <= share <= 0.99, (name, share)


def test_without_targets_an_estimate_of_errors_says_nothing():
    rng = np.random.default_rng(SEED)
    known = numbers(rng, 20_000)
    made, target = numbers(rng, 2000)
    edges = np.quantile(known[0], np.arange(1, 40) / 40)
    states = regressions(known, (made, np.full(2000, np.nan)), edges)
    row = by_metric(performed(states, Rules(task="regression")))["mae"]
    assert (row["labelled"], row["rows"]) == (0, 2000)
    assert row["estimated"] == pytest.approx(np.abs(made - target).mean(), rel=0.05)
    assert row["status"] == "undetermined"


def test_predictions_that_are_not_finite_are_told_as_unusable():
    rng = np.random.default_rng(SEED)
    known, seen = numbers(rng, 20_000), numbers(rng, 2000)
    edges = np.quantile(known[0], np.arange(1, 40) / 40)
    states = regressions(known, seen, edges)
    states.beside(0, "left_out", [17])
    row = by_metric(performed(states, Rules(task="regression")))["mae"]
    assert (row["rows"], row["labelled"], row["unusable"]) == (2000, 2000, 17)


def test_targets_of_high_predictions_only_judge_no_window():
    rng = np.random.default_rng(SEED)
    known, (made, target) = numbers(rng, 20_000), numbers(rng, 4000)
    edges = np.quantile(known[0], np.arange(1, 40) / 40)
    high = made > np.median(made)
    states = regressions(known, (made, np.where(high, target, np.nan)), edges)
    row = by_metric(performed(states, Rules(task="regression")))["mae"]
    assert row["labelled"] == high.sum()
    assert row["realised"] == pytest.approx(np.abs(made - target)[high].mean())
    assert row["status"] == "undetermined", (SEED, row)
    assert SELECTED in row["reason"]


def test_labels_of_one_likely_class_only_judge_no_window():
    rng = np.random.default_rng(SEED)
    known, (scores, truth) = draw(rng, 30_000), draw(rng, 6000)
    labelled = np.where(scores[:, 0] > 0.5, truth, -1)
    whole = by_metric(performed(classes_of(known, (scores, labelled)), MULTI))
    for name in ("accuracy", "recall"):
        assert whole[name]["status"] == "undetermined", (SEED, name, whole[name])
        assert SELECTED in whole[name]["reason"], name

"""Rows of `performance` against raw rows (scikit-learn), published estimates, and simulation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet
from scipy import special
from score_states import Rows, States, by_metric, performed
from sklearn import metrics

from sparkdrift.kernels.performance_rules import Rules
from sparkdrift.kernels.performance_words import SELECTED

CAR_LOAN = Path(__file__).parents[2] / "data" / "car_loan.parquet"
SEED = 71
THRESHOLD = 0.4
PAYOFF = (60.0, -100.0, -20.0, 1.0)
RULES = Rules(threshold=THRESHOLD, payoff=PAYOFF, metric="accuracy", tolerated=0.03)


def draw(rng, n, shift=0.0, groups=None, bent=0.8):
    """Scores that are not quite calibrated, with labels and decisions."""
    x = rng.normal(-0.5 + shift, 1.3, n)
    label = (rng.random(n) < special.expit(bent * x - 0.2)).astype(float)
    score = special.expit(x)
    group = None if groups is None else rng.choice(groups, n)
    return Rows(score, label, (score >= THRESHOLD).astype(float), group)


def states_of(rng, *windows, n_eval=20_000, groups=None, mature=True):
    states = States()
    states.know(draw(rng, n_eval, groups=groups), [THRESHOLD])
    for i, window in enumerate(windows):
        states.see(i, window, mature)
    return states


def oracle(rows, decided):
    """scikit-learn on raw rows."""
    y, s = rows.label, rows.score
    tn, fp, fn, tp = metrics.confusion_matrix(y, decided, labels=[0, 1]).ravel()
    return {
        "accuracy": metrics.accuracy_score(y, decided),
        "precision": metrics.precision_score(y, decided, zero_division=0),
        "recall": metrics.recall_score(y, decided),
        "f1": metrics.f1_score(y, decided),
        "specificity": metrics.recall_score(y, decided, pos_label=0),
        "roc_auc": metrics.roc_auc_score(y, s),
        "average_precision": metrics.average_precision_score(y, s),
        "brier": metrics.brier_score_loss(y, s),
        "prevalence": y.mean(),
        "decision_rate": decided.mean(),
        "business_value": np.dot([tp, fp, fn, tn], PAYOFF) / len(y),
    }


BINNED = {"roc_auc": 0.002, "average_precision": 0.004}


@pytest.mark.parametrize("recorded", [False, True])
def test_realised_and_evaluated_are_those_of_the_rows(recorded):
    rng = np.random.default_rng(SEED)
    known, seen = draw(rng, 20_000), draw(rng, 4000, 0.5)
    if recorded:  # by people, who don't follow the score
        for rows in (known, seen):
            other = rng.random(len(rows.score)) < 0.1
            rows.decision = np.where(other, 1 - rows.decision, rows.decision)
    states = States()
    states.know(known, [THRESHOLD])
    states.see(0, seen)
    rules = Rules(recorded=recorded, threshold=THRESHOLD, payoff=PAYOFF)
    found = by_metric(performed(states, rules))
    assert len(found) == 11
    for column, rows in (("realised", seen), ("evaluated", known)):
        for name, value in oracle(rows, rows.decision).items():
            row = found[name]
            bar = BINNED.get(name, 1e-9)
            assert row[column] == pytest.approx(value, abs=bar), (column, name, SEED)
            assert row[f"{column}_low"] < row[column] < row[f"{column}_high"], name
    assert (found["f1"]["rows"], found["f1"]["labelled"], found["f1"]["unusable"]) == (
        4000,
    ) * 2 + (0,)


def test_skill_is_over_the_baseline_on_the_same_rows():
    rng = np.random.default_rng(SEED)
    seen = draw(rng, 4000, 0.5)
    rule = rng.random(4000) < 0.2 + 0.5 * seen.label
    states = states_of(rng, seen)
    constant = by_metric(performed(states, RULES))
    # The evaluation set is mostly negative.
    nobody = oracle(seen, np.zeros(4000))
    assert constant["accuracy"]["baseline"] == pytest.approx(nobody["accuracy"])
    assert constant["roc_auc"]["baseline"] == 0.5
    assert constant["average_precision"]["baseline"] == pytest.approx(seen.label.mean())
    assert constant["precision"]["baseline"] is None
    assert constant["precision"]["skill"] is None
    reached, base = constant["accuracy"]["realised"], constant["accuracy"]["baseline"]
    assert constant["accuracy"]["skill"] == pytest.approx((reached - base) / (1 - base))
    cells = metrics.confusion_matrix(seen.label, rule).ravel()[[3, 1, 2, 0]]
    states.beside(0, "baseline", cells)
    found = by_metric(performed(states, Rules(threshold=THRESHOLD, payoff=PAYOFF, ruled=True)))
    expected = oracle(Rows(rule.astype(float), seen.label), rule)
    # Rows of one decision in a random order, not all at the end of their tie.
    expected["average_precision"] = np.mean(
        [
            metrics.average_precision_score(seen.label, rule + 0.5 * rng.random(4000))
            for _ in range(40)
        ]
    )
    for name, value in expected.items():
        if name in ("prevalence", "decision_rate"):
            assert found[name]["skill"] is None
            continue
        off = 0.005 if name == "average_precision" else 1e-9
        assert found[name]["baseline"] == pytest.approx(value, abs=off), name
        best = {"brier": 0.0, "business_value": 60 * seen.label.mean() + 1 - seen.label.mean()}
        top, own = best.get(name, 1.0), found[name]["realised"]
        skill = (own - value) / (top - value)
        assert found[name]["skill"] == pytest.approx(skill, abs=4 * off), name


def test_published_estimates_end_to_end():
    table = parquet.read_table(CAR_LOAN, columns=["chunk", "y_pred_proba", "repaid"])
    chunk, scores, labels = (column.to_numpy().astype(float) for column in table.columns)
    decided_at = 0.65
    states = States()
    states.know(Rows(scores[chunk == -1], labels[chunk == -1]), [decided_at])
    for one in range(10):
        states.see(one, Rows(scores[chunk == one], labels[chunk == one]))
    found = performed(states, Rules(threshold=decided_at), size=7)
    published = (0.9707, 0.9710, 0.9714, 0.9711, 0.9711, 0.9611, 0.9618, 0.9611, 0.9625, 0.9613)
    ours = [by_metric(found, one)["roc_auc"] for one in range(10)]
    np.testing.assert_allclose([row["estimated"] for row in ours], published, atol=0.003)
    truth = [metrics.roc_auc_score(labels[chunk == i], scores[chunk == i]) for i in range(10)]
    np.testing.assert_allclose([row["realised"] for row in ours], truth, atol=0.003)


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 500, 2000, 20_000])
@pytest.mark.parametrize("n_eval", [2000, 10_000, 50_000])
def test_rate_of_false_flags_over_many_evaluation_sets(n, n_eval):
    """About 1 % of windows by design; a set's own error is shared by its windows."""
    rates = [flags(np.random.default_rng([SEED, i]), 50, n, n_eval=n_eval)[0] for i in range(40)]
    print(f"seed={SEED} n={n} n_eval={n_eval}: {100 * np.mean(rates):.2f} % of windows")
    assert np.mean(rates) <= 0.02


def flags(rng, windows, n, *, flipped=0.0, n_eval=20_000, shift=0.4):
    """Share of windows with any flag of concept drift, and the rows."""
    seen = []
    for _ in range(windows):
        rows = draw(rng, n, rng.uniform(-shift, shift))
        turn = rng.random(n) < flipped
        rows.label = np.where(turn, 1 - rows.label, rows.label)
        seen.append(rows)
    found = performed(states_of(rng, *seen, n_eval=n_eval), RULES)
    drifted = [
        any(row["concept_drift"] for row in by_metric(found, i).values()) for i in range(windows)
    ]
    return float(np.mean(drifted)), found


@pytest.mark.parametrize(("n", "n_eval"), [(200, 5000), (1000, 20_000), (5000, 20_000)])
def test_false_flags_of_concept_drift_are_rare(n, n_eval):
    rate, _ = flags(np.random.default_rng(SEED), 300, n, n_eval=n_eval)
    print(f"seed={SEED} n={n} n_eval={n_eval}: {100 * rate:.1f} % of windows with a false flag")
    # One evaluation set for all windows: its own error is shared by them.
    assert rate <= 0.03


@pytest.mark.parametrize(
    ("middle", "n_eval", "n", "threshold"), [(0, 5000, 300, 0.9), (-5.4, 10_000, 1000, 0.05)]
)
def test_few_expected_events_are_no_concept_drift(middle, n_eval, n, threshold):
    """Hardly a row decided positive, or hardly a positive: what few rows show is skew.

    By intervals of a normal figure 20 % and 13 % of the windows had a false flag.
    """
    rng, windows, sets = np.random.default_rng(SEED), 40, 12
    found = []
    for _ in range(sets):
        states = States()
        for number, size in enumerate([n_eval] + [n] * windows):
            x = rng.normal(middle, 1.3, size)
            label = (rng.random(size) < special.expit(x)).astype(float)
            rows = Rows(special.expit(x), label)
            states.see(number, rows) if number else states.know(rows, [threshold])
        seen = performed(states, Rules(threshold=threshold))
        for number in range(1, windows + 1):
            asked = [row["concept_drift"] for row in by_metric(seen, number).values()]
            assert any(one is not None for one in asked), (SEED, number)
            found.append(any(asked))
    print(f"seed={SEED}: {100 * np.mean(found):.2f} % of {len(found)} windows")
    assert np.mean(found) <= 0.035


def test_labels_that_flip_are_concept_drift_and_leave_the_estimate():
    calm, before = flags(np.random.default_rng(SEED), 20, 3000)
    rate, after = flags(np.random.default_rng(SEED), 20, 3000, flipped=0.1)
    assert calm <= 0.1
    assert rate == 1.0
    # The same scores: not a digit of an estimate moves.
    for one, other in zip(before, after, strict=True):
        assert one["estimated"] == other["estimated"]
    _, worse = flags(np.random.default_rng(SEED), 1, 3000, flipped=0.3)
    accuracy = by_metric(worse)["accuracy"]
    assert accuracy["concept_drift"] is True
    assert "concept drift: realised" in accuracy["reason"]
    assert accuracy["status"] == "degraded"


def test_labels_of_some_scores_only_are_no_concept_drift():
    """Labels that are known for high scores alone: other metrics, the same meaning of a score."""
    rng = np.random.default_rng(SEED)
    rows = draw(rng, 5000)
    rows.label = np.where(rows.score > 0.5, rows.label, np.nan)
    found = by_metric(performed(states_of(rng, rows), RULES))
    row = found["prevalence"]
    assert row["realised"] > row["estimated_high"]
    assert not any(row["concept_drift"] for row in found.values())
    assert row["labelled"] == np.isfinite(rows.label).sum()


def test_windows_that_are_not_mature_say_neither_ok_nor_degraded_by_labels():
    rng = np.random.default_rng(SEED)
    worse = draw(rng, 4000)
    worse.label = 1 - worse.label
    worse.label[1000:] = np.nan
    found = by_metric(performed(states_of(rng, worse, mature=False), RULES))
    for name in ("accuracy", "roc_auc", "recall", "brier"):
        row = found[name]
        assert row["mature"] is False
        assert row["status"] == "insufficient_data", name
        assert "labels of 25 % of the rows so far" in row["reason"]
        assert row["realised"] is not None
        assert row["concept_drift"] is None
        assert row["basis"] == "estimated"
        assert (row["loss"], row["loss_value"]) == (None, None)
        lost = row["evaluated"] - row["estimated"]
        assert row["estimated_loss"] == pytest.approx(-lost if name == "brier" else lost)
        assert row["estimated_loss_low"] < row["estimated_loss"] < row["estimated_loss_high"]


def test_an_estimate_may_say_degraded_before_the_labels_do():
    rng = np.random.default_rng(SEED)
    # Scores near the threshold, where the model can't tell.
    near = Rows(rng.uniform(0.35, 0.5, 4000), np.full(4000, np.nan))
    row = by_metric(performed(states_of(rng, near, mature=False), RULES))["accuracy"]
    assert row["status"] == "undetermined"  # all in few bins: most of the set says nothing
    assert "not to be relied upon" in row["reason"]
    mixed = draw(rng, 4000)
    middle = rng.random(4000) < 0.5
    mixed.score = np.where(middle, rng.uniform(0.25, 0.6, 4000), mixed.score)
    mixed.label = np.full(4000, np.nan)
    row = by_metric(performed(states_of(rng, mixed, mature=False), RULES))["accuracy"]
    assert row["status"] == "degraded"
    assert row["reason"].startswith("estimated, no labels yet: ")
    assert row["realised"] is None
    assert (row["basis"], row["loss"]) == ("estimated", None)
    assert row["estimated_loss"] > RULES.tolerated


def test_status_by_rows_and_loss():
    """ok only with the rows to see a loss; degraded only beyond what is tolerated."""
    rng = np.random.default_rng(SEED)
    many, few, tiny = draw(rng, 20_000), draw(rng, 300), draw(rng, 20)
    worse = draw(rng, 5000)
    turn = rng.random(5000) < 0.2
    worse.label = np.where(turn, 1 - worse.label, worse.label)
    found = performed(states_of(rng, many, few, tiny, worse), RULES)
    status = [by_metric(found, i)["accuracy"]["status"] for i in range(4)]
    assert status == ["ok", "undetermined", "insufficient_data", "degraded"]
    row = by_metric(found, 3)["accuracy"]
    assert row["loss"] == pytest.approx(row["evaluated"] - row["realised"])
    assert (row["basis"], row["estimated_loss"]) == ("realised", None)
    assert "0.03 tolerated)" in row["reason"]
    assert (
        "0.05 tolerated by default)"
        in by_metric(performed(states_of(rng, worse), Rules(threshold=THRESHOLD)))["accuracy"][
            "reason"
        ]
    )


def test_no_evaluation_set_shows_what_labels_show():
    rng = np.random.default_rng(SEED)
    rows = draw(rng, 3000)
    states = States(edges={"*": np.unique([*np.arange(1, 128) / 128, THRESHOLD])})
    states.named = (":none", 0)
    states.see(0, rows)
    rules = Rules(threshold=THRESHOLD, edges=tuple(states.edges["*"]))
    found = by_metric(performed(states, rules))
    assert found["roc_auc"]["realised"] == pytest.approx(
        metrics.roc_auc_score(rows.label, rows.score), abs=0.003
    )
    assert found["accuracy"]["status"] == "no_reference"
    assert found["accuracy"]["estimated"] is None
    assert found["accuracy"]["evaluation_version"] == 0


def test_slices_missing_or_thin_in_the_set_are_estimated_by_the_whole():
    rng = np.random.default_rng(SEED)
    states = States()
    known = draw(rng, 20_000, groups=["big"])
    known.group = np.where(np.arange(20_000) < 60, "thin", known.group)
    states.know(known, [THRESHOLD])
    states.see(0, draw(rng, 3000, groups=["big", "thin", "new"]))
    found = performed(states, RULES)
    big, thin, new = (
        by_metric(found, slice_value=one)["accuracy"] for one in ("big", "thin", "new")
    )
    assert big["status"] == "ok" or big["status"] == "undetermined"
    assert "estimated by the whole evaluation set" not in big["reason"]
    for row in (thin, new):
        assert row["estimated"] is not None
        assert "estimated by the whole evaluation set" in row["reason"]
    assert thin["evaluated"] is not None
    assert new["status"] == "no_reference"
    assert new["evaluated"] is None


def test_metrics_that_can_not_be_measured_say_why():
    rng = np.random.default_rng(SEED)
    rows = draw(rng, 1000)
    undecided = by_metric(performed(states_of(rng, rows), Rules()))
    assert undecided["accuracy"]["realised"] is None
    assert undecided["accuracy"]["status"] == "insufficient_data"
    assert "name prediction.decision" in undecided["accuracy"]["reason"]
    assert undecided["roc_auc"]["status"] in ("ok", "undetermined")
    rows.label = np.full(1000, np.nan)
    found = by_metric(performed(states_of(rng, rows), RULES))
    assert found["accuracy"]["realised"] is None
    assert found["accuracy"]["status"] == "insufficient_data"
    assert "no label is known" in found["accuracy"]["reason"]
    assert found["decision_rate"]["realised"] == pytest.approx(rows.decision.mean())
    assert found["decision_rate"]["status"] is None
    chosen = performed(states_of(rng, rows), Rules(metrics=frozenset({"recall"})))
    assert {row["metric"] for row in chosen} == {"recall", "prevalence", "decision_rate"}


def test_money_by_points_by_payoff_and_by_an_expression():
    rng = np.random.default_rng(SEED)
    rows = draw(rng, 4000)
    states = states_of(rng, rows)
    rules = Rules(threshold=THRESHOLD, metric="accuracy", tolerated=0.03, worth=900_000.0)
    row = by_metric(performed(states, rules))["accuracy"]
    assert row["loss_value"] == pytest.approx(9000 * 100 * row["loss"])
    row = by_metric(performed(states, RULES))["business_value"]
    assert row["loss_value"] == pytest.approx(4000 * row["loss"])
    waiting = by_metric(performed(states_of(rng, rows, mature=False), RULES))["business_value"]
    assert waiting["loss_value"] is None
    assert waiting["estimated_loss_value"] == pytest.approx(4000 * waiting["estimated_loss"])
    worth = rng.normal(3, 2, 4000)
    states.beside(0, "value", [4000, worth.sum(), (worth**2).sum()])
    row = by_metric(performed(states, Rules(threshold=THRESHOLD, valued=True)))["business_value"]
    assert row["realised"] == pytest.approx(worth.mean())
    around = 1.96 * worth.std(ddof=1) / np.sqrt(4000)
    assert row["realised_high"] == pytest.approx(worth.mean() + around, rel=1e-4)
    assert row["status"] == "no_reference"


def test_a_point_has_a_price_in_the_whole_table_alone():
    rng = np.random.default_rng(SEED)
    states = states_of(rng, draw(rng, 9000, groups=["a", "b"]), groups=["a", "b"])
    rules = Rules(threshold=THRESHOLD, metric="accuracy", tolerated=0.03, worth=900_000.0)
    found = performed(states, rules)
    assert by_metric(found)["accuracy"]["loss_value"] is not None
    assert by_metric(found)["recall"]["loss_value"] is None
    part = by_metric(found, slice_value="a")["accuracy"]
    assert part["loss"] is not None
    assert part["loss_value"] is None


def test_fairness_is_a_slice_against_all_others():
    rng = np.random.default_rng(SEED)
    rows = draw(rng, 9000, groups=["a", "b", "c"])
    # Of group a some positives are turned down.
    down = (rows.group == "a") & (rng.random(9000) < 0.3)
    rows.decision = np.where(down, 0.0, rows.decision)
    states = states_of(rng, rows, groups=["a", "b", "c"])
    rules = Rules(recorded=True, groups=frozenset({"region"}))
    row = by_metric(performed(states, rules), slice_value="a")
    mine, rest = rows.of(rows.group == "a"), rows.of(rows.group != "a")
    for name, of in (
        ("statistical_parity", "decision_rate"),
        ("equal_opportunity", "recall"),
        ("predictive_parity", "precision"),
    ):
        expected = oracle(mine, mine.decision)[of] - oracle(rest, rest.decision)[of]
        assert row[name]["realised"] == pytest.approx(expected), name
        assert row[name]["realised_low"] < expected < row[name]["realised_high"]
        assert abs(row[name]["evaluated"]) < 0.05
    for name in ("equal_opportunity", "predictive_parity"):
        assert row[name]["estimated_low"] < row[name]["realised"] < row[name]["estimated_high"], (
            name
        )
    assert row["equal_opportunity"]["status"] == "degraded"
    assert "statistical_parity" not in by_metric(performed(states, rules))


def test_states_of_other_edges_are_not_taken_for_these():
    rng = np.random.default_rng(SEED)
    states = states_of(rng, draw(rng, 500))
    states.rows[-1]["cells"] = states.rows[-1]["cells"][:-12]
    row = by_metric(performed(states, RULES))["accuracy"]
    assert row["realised"] is None
    assert row["status"] == "insufficient_data"


def test_a_threshold_that_is_no_edge_is_said_and_stops_nothing():
    rng = np.random.default_rng(SEED)
    found = by_metric(performed(states_of(rng, draw(rng, 2000)), Rules(threshold=0.123456)))
    assert found["recall"]["status"] == "insufficient_data"
    assert "the threshold 0.123456 is younger than this version" in found["recall"]["reason"]
    assert found["roc_auc"]["realised"] is not None


def test_labels_of_some_rows_are_said():
    rng = np.random.default_rng(SEED)
    rows = draw(rng, 4000)
    rows.label[::2] = np.nan
    states = states_of(rng, rows)
    reason = by_metric(performed(states, RULES))["accuracy"]["reason"]
    assert reason.endswith("; by labels of 50 % of the rows")
    undeclared = Rules(threshold=THRESHOLD, delayed=False)
    reason = by_metric(performed(states, undeclared))["accuracy"]["reason"]
    assert "prediction.label_delay is not declared" in reason


def test_labels_of_some_scores_judge_no_window():
    """Nothing has drifted; or recall is 1.0 by the labels, because only what was found has one."""
    rng = np.random.default_rng(SEED)
    rows = draw(rng, 8000)
    rows.label = np.where(rows.decision > 0, rows.label, np.nan)
    found = by_metric(performed(states_of(rng, rows), RULES))
    assert found["recall"]["realised"] == 1
    for name in ("accuracy", "recall", "roc_auc", "brier"):
        row = found[name]
        assert row["status"] == "undetermined", (SEED, name, row)
        assert "the labelled rows have other scores than all: " in row["reason"], name
        assert row["realised"] is not None
    # Of the rows that are decided positive every one has its label.
    assert found["precision"]["status"] == "ok", found["precision"]
    assert SELECTED not in found["precision"]["reason"]
    recorded = by_metric(performed(states_of(rng, rows), replace(RULES, recorded=True)))
    assert recorded["accuracy"]["status"] == "undetermined"
    assert recorded["precision"]["status"] == "ok"


def test_what_is_tolerated_has_the_unit_of_the_metric():
    mae = Rules(metric="mae", tolerated=12.0)
    evaluated = np.array([0.8, 100.0])
    assert mae.tolerance("rmse", evaluated).tolist() == [12.0, 12.0]
    assert mae.tolerance("mape", evaluated).tolist() == [0.05, 0.05]
    accuracy = Rules(metric="accuracy", tolerated=0.03)
    assert accuracy.tolerance("recall", evaluated).tolist() == [0.03, 0.03]
    assert accuracy.tolerance("business_value", evaluated).tolist() == pytest.approx([0.04, 5.0])
    assert not Rules().declares("accuracy")


def test_batches_may_end_anywhere():
    rng = np.random.default_rng(SEED)
    states = states_of(
        rng, *(draw(rng, 300, groups=["a", "b"]) for _ in range(5)), groups=["a", "b"]
    )
    rules = Rules(threshold=THRESHOLD, groups=frozenset({"region"}))

    def key(row):
        return row["window_start"], row["slice_value"], row["metric"]

    whole = sorted(performed(states, rules), key=key)
    assert len(whole) == 5 * (3 * 10 + 2 * 3)
    assert sorted(performed(states, rules, size=1), key=key) == whole


def test_a_value_by_expression_is_evaluated_and_estimated_too():
    rng = np.random.default_rng(SEED)

    def worth(rows):
        return rng.normal(100 * rows.score, 20)

    known, moved = draw(rng, 20_000), draw(rng, 8000, 0.8)
    states = States()
    states.know(known, [THRESHOLD])
    held = worth(known)
    states.worth(known, held)
    unlabelled = Rows(moved.score, np.full(8000, np.nan))
    states.see(0, moved)
    states.see(1, unlabelled, mature=False)
    true = worth(moved)
    states.beside(0, "value", [8000, true.sum(), (true**2).sum()])
    states.beside(1, "value", [0, 0, 0], mature=False)
    found = performed(states, Rules(threshold=THRESHOLD, valued=True))
    row, waiting = (by_metric(found, i)["business_value"] for i in range(2))
    assert row["evaluated"] == pytest.approx(held.mean())
    assert row["realised"] == pytest.approx(true.mean())
    # Rows of higher scores are worth more: the window's mix lets expect it.
    for one in (row, waiting):
        assert one["estimated_low"] < true.mean() < one["estimated_high"], SEED
        assert one["estimated"] > one["evaluated"] + 10
    assert (row["basis"], row["status"]) == ("realised", "ok")
    assert row["loss"] == pytest.approx(row["evaluated"] - row["realised"])
    assert (waiting["basis"], waiting["status"]) == ("estimated", "undetermined")
    assert waiting["estimated_loss"] == pytest.approx(waiting["evaluated"] - waiting["estimated"])
    assert "don't see what else moves the value of a row" in waiting["reason"]
    assert waiting["estimated_loss_value"] is None

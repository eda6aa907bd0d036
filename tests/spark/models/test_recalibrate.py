"""Proposed thresholds from stored states: which windows they rest on, and what is written."""

from __future__ import annotations

import numpy as np
import pytest
from monitors import context_of, new_store, rows_of, spec_of, utc
from scipy import special
from score_rows import RUN, put_set, put_states, put_success

from sparkdrift import api
from sparkdrift.errors import SnapshotError, UsageError
from sparkdrift.measures.operating_threshold import estimated, propose, realised, traded
from sparkdrift.measures.score_bins import choose_edges, count
from sparkdrift.spark.evaluation_tables import PERFORMANCE
from sparkdrift.spark.writer import insert_rows
from sparkdrift.steps.recalibrate import recalibrate

pytestmark = pytest.mark.spark

SEED, DAYS, ROWS = 92, 6, 1500
EVALUATION = {
    "sets": {"launch": {"path": "/nowhere"}},
    "thresholds": {
        "inspect": {"value": 0.5, "target": {"precision": 0.7}},
        "review": {"value": 0.3, "target": {"capacity": 0.2}},
        "plain": {"value": 0.8},
    },
}


def a_spec(**evaluation):
    prediction = {"key": "id", "score": "score", "label": "label", "label_delay": "2 days"}
    return spec_of(
        "/nowhere/at/all",
        features={"numeric": ["amount"]},
        prediction=prediction,
        evaluation={**EVALUATION, **evaluation},
    )


def day(rng, shift):
    x = rng.normal(-0.5 + shift, 1.3, ROWS)
    return special.expit(x), (rng.random(ROWS) < special.expit(0.8 * x - 0.2)).astype(float)


@pytest.fixture
def counted(spark, tmp_path):
    """(store, spec, the set's state, the days' states); labels of the last two days are missing."""
    rng = np.random.default_rng(SEED)
    known = day(rng, 0.0)
    edges = choose_edges(*known, [0.3, 0.5, 0.8])
    states = []
    for number in range(DAYS):
        scores, labels = day(rng, 0.1 * number)
        states.append(count(edges, scores, np.where(number >= DAYS - 2, np.nan, labels)))
    store, spec = new_store(spark, tmp_path / "store"), a_spec()
    evaluation = count(edges, *known)
    put_set(spark, store, spec, "launch", 1, evaluation)
    put_states(spark, store, spec, "launch:1", utc(2025, 1, 1), states)
    put_success(spark, store, spec, "profile", as_of=utc(2025, 1, 1 + DAYS))
    return store, spec, evaluation, states


@pytest.mark.classic
def test_the_newest_windows_whose_labels_have_arrived_are_taken(spark, counted):
    store, spec, _, states = counted
    found = recalibrate(context_of(spark, store, "one"), spec, 2)
    assert [one.threshold for one in found] == ["inspect", "review"]
    # Labels of days 1 to 4 should have arrived: the newest two of these.
    present = realised(states[2] + states[3])
    expected = propose(present, "precision", 0.7)
    one = found[0]
    assert one.basis == "realised"
    assert one.proposed == tuple(map(float, expected.threshold)), SEED
    assert one.reached_then == tuple(map(float, expected.reached)), SEED
    assert (one.interval.start, one.interval.end) == (utc(2025, 1, 3), utc(2025, 1, 5))
    assert (one.rows, one.seq) == (2 * ROWS, 1)

    rows = rows_of(spark, store, "proposals").to_pylist()
    written = {row["name"]: row for row in rows}
    assert set(written) == {"inspect", "review"}
    row = written["inspect"]
    assert (row["kind"], row["seq"], row["target"], row["run_id"]) == (
        "threshold", 1, "precision: 0.7", "one",
    )  # fmt: skip
    assert (row["present"], row["proposed"]) == (0.5, one.proposed[0])
    assert (row["low"], row["high"]) == one.proposed[1:]
    assert row["reached_now"] == one.reached_now[0]
    assert row["reached_then"] == pytest.approx(0.7)
    assert row["evaluation_version"] == 1
    expected = traded(present, "precision", 0.5, one.proposed[0])
    assert set(one.traded) == {"recall", "accuracy", "capacity"}
    assert one.traded["recall"][1] == tuple(map(float, expected["recall"][1])), SEED
    now, then = (float(figure.value) for figure in expected["recall"])
    assert f"recall {now:.3g} before, {then:.3g} after" in row["reason"]
    assert one.doubt == ""

    again = recalibrate(context_of(spark, store, "two"), spec, 2, "inspect")
    assert [one.seq for one in again] == [2]
    (told,) = api.recalibrate(
        spec, str(store), threshold="inspect", windows=2, run_id="three", spark=spark
    ).dicts()
    assert (told["seq"], told["proposed"]) == (3, one.proposed)


@pytest.mark.classic
def test_without_labels_the_set_lends_its_rates_to_the_newest_windows(spark, counted, tmp_path):
    _, spec, evaluation, states = counted
    store = new_store(spark, tmp_path / "unlabelled")
    put_set(spark, store, spec, "launch", 1, evaluation)
    put_states(spark, store, spec, "launch:1", utc(2025, 1, 1), states[DAYS - 2 :])
    put_success(spark, store, spec, "profile", as_of=utc(2025, 1, 9))
    (one, capacity) = recalibrate(context_of(spark, store), spec, 4)
    expected = propose(estimated(evaluation, states[-2] + states[-1]), "precision", 0.7)
    assert one.basis == "estimated"
    assert one.proposed == tuple(map(float, expected.threshold)), SEED
    assert "taken from the evaluation set launch" in one.reason
    assert capacity.reached_then[0] == pytest.approx(0.2)
    assert one.doubt == ""
    # Labels of an earlier window have shown that scores mean something else now.
    row = {"granularity": "day", "slice_key": "*", "slice_value": "*", "evaluation_set": "launch"}
    row |= {"monitor": spec.monitor, "class_name": "*", "window_start": utc(2024, 12, 30)}
    flags = {"accuracy": True, "recall": False}
    rows = [row | {"metric": name, "concept_drift": flag, **RUN} for name, flag in flags.items()]
    insert_rows(spark, store, PERFORMANCE, rows)
    (one, _) = recalibrate(context_of(spark, store), spec, 4)
    assert one.doubt.startswith("concept drift (accuracy) in the window of 2024-12-30")
    assert "can't be trusted" in one.doubt
    written = rows_of(spark, store, "proposals").to_pylist()
    assert sum("can't be trusted" in row["reason"] for row in written) == 2


@pytest.mark.classic
def test_what_can_not_be_reached_is_said_and_not_written(spark, counted):
    store, _, _, _ = counted
    spec = a_spec(thresholds={"inspect": {"value": 0.5, "target": {"precision": 1.0}}})
    (one,) = recalibrate(context_of(spark, store), spec, 4)
    assert one.seq is None
    assert "reaches a precision of 1" in one.reason
    assert rows_of(spark, store, "proposals").num_rows == 0


@pytest.mark.classic
def test_what_is_not_declared_or_counted_is_said(spark, counted, tmp_path):
    store, spec, _, _ = counted
    with pytest.raises(UsageError, match=r"no threshold 'inspct'.*did you mean 'inspect'"):
        recalibrate(context_of(spark, store), spec, 4, "inspct")
    with pytest.raises(UsageError, match=r"declares what it is for"):
        recalibrate(context_of(spark, store), spec, 4, "plain")
    empty = new_store(spark, tmp_path / "empty")
    with pytest.raises(SnapshotError, match=r"no window of credit has its scores counted"):
        recalibrate(context_of(spark, empty), spec, 4)

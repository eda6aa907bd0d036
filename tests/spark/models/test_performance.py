"""The table `performance` from states in a store: what is due, what is written, and its figures.

States are put there by the test: counting them is another step's matter.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from monitors import asked_of, context_of, new_store, rows_of, spec_of, utc
from scipy import special
from sklearn import metrics
from stored_scores import Scored, freeze_set, store_states

from sparkdrift.report.performance import performance_lines
from sparkdrift.steps.context import Options
from sparkdrift.steps.performance import Performed, due_windows, measure_performance
from sparkdrift.windows import Window

pytestmark = pytest.mark.spark

SEED = 81
THRESHOLD = 0.4
START = utc(2024, 1, 1)
DAYS, DRIFTED = 8, 5
SECTIONS = {
    "prediction": {"score": "score", "label": "paid", "label_delay": "2 days"},
    "slices": ["region"],
    "windows": {"rollups": ["week"]},
    "evaluation": {
        "sets": {"holdout": {"path": "holdout"}},
        "thresholds": {"accept": {"value": THRESHOLD}},
        "groups": ["region"],
    },
    "degraded": {"metric": "accuracy", "tolerated_loss": 0.03, "value_per_point": 9000},
}


def spec(**changes):
    return spec_of("/nowhere", **{**SECTIONS, **changes})


def draw(rng, n, flipped=0.0):
    x = rng.normal(-0.5, 1.3, n)
    label = (rng.random(n) < special.expit(0.8 * x - 0.2)).astype(float)
    label = np.where(rng.random(n) < flipped, 1 - label, label)
    return Scored(special.expit(x), label, group=rng.choice(["north", None, "south"], n))


def at(day):
    return START + timedelta(days=day)


@pytest.fixture(scope="module")
def scored():
    """An evaluation set, and a day's rows each; labels turn on day DRIFTED."""
    rng = np.random.default_rng(SEED)
    days = [draw(rng, 3000, 0.2 * (day >= DRIFTED)) for day in range(DAYS)]
    return draw(rng, 20_000), days


def fill(spark, store, scored, days=range(DAYS), digest="a"):
    known, seen = scored
    edges = freeze_set(spark, store, "credit", "holdout", known, [THRESHOLD])
    for grain in ("day", "week"):
        if grain == "week":
            rows = {Window(at(0), at(7)): [seen[day] for day in range(7)]}
        else:
            rows = {Window(at(day), at(day + 1)): [seen[day]] for day in days}
        store_states(spark, store, "credit", grain, "holdout:1", edges, rows, digest)
    return edges


def step(spark, store, given=None, **options):
    context = context_of(spark, store)
    found = measure_performance(context, given or spec(), Options(**{"as_of": at(DAYS)} | options))
    context.journal.close()
    return found


@pytest.fixture(scope="module")
def store(spark, workspace, scored):
    made = new_store(spark, workspace / "store")
    fill(spark, made, scored)
    return made


@pytest.fixture(scope="module")
def first(spark, store):
    return step(spark, store)


@pytest.fixture(scope="module")
def rows(spark, store, first):
    found = rows_of(spark, store, "performance").to_pylist()
    return {(r["granularity"], r["window_start"], r["slice_value"], r["metric"]): r for r in found}


def test_every_window_and_roll_up_is_measured_once(spark, store, first, rows):
    assert [one.start for one in first.windows] == [at(day) for day in range(DAYS)]
    assert (first.merged, first.dropped) == (1, 0)
    # Ten metrics of the whole and of three slices, three gaps of each slice.
    assert len(rows) == (DAYS + 1) * (10 * 4 + 3 * 3)
    with asked_of(spark) as asked:
        again = step(spark, store)
    assert again == Performed(windows=())
    assert len(asked) <= 6


def test_figures_are_those_of_the_rows(scored, rows):
    for day, seen in enumerate(scored[1]):
        for value in ("*", "north", "south", None):
            own = seen if value == "*" else seen.of(value)
            row = rows["day", at(day), value, "roc_auc"]
            auc = metrics.roc_auc_score(own.label, own.score)
            assert row["realised"] == pytest.approx(auc, abs=0.004), (day, value, SEED)
            assert row["rows"] == len(own.score)
            accuracy = metrics.accuracy_score(own.label, own.score >= THRESHOLD)
            assert rows["day", at(day), value, "accuracy"]["realised"] == pytest.approx(accuracy)


def test_turned_labels_are_concept_drift_where_labels_are_due(rows):
    for day in range(DAYS):
        row = rows["day", at(day), "*", "accuracy"]
        mature = day + 1 + 2 <= DAYS
        assert row["mature"] == mature
        if not mature:
            assert (row["status"], row["concept_drift"]) == ("insufficient_data", None)
        elif day >= DRIFTED:
            assert (row["status"], row["concept_drift"]) == ("degraded", True)
            assert row["loss_value"] == pytest.approx(9000 * 100 * row["loss"])
        else:
            assert (row["status"], row["concept_drift"]) == ("ok", False)
        assert row["estimated_low"] < row["evaluated"] < row["estimated_high"]


def test_what_the_step_returns_is_what_it_wrote(first, rows):
    own = [row for key, row in rows.items() if key[0] == "day"]
    assert first.degraded == sum(row["status"] == "degraded" for row in own) > 0
    assert first.concept_drift == sum(bool(row["concept_drift"]) for row in own) > 0


def test_lines_for_a_terminal(rows):
    own = [row for key, row in rows.items() if key[0] == "day" and row["slice_key"] == "*"]
    newest = sorted({row["window_start"] for row in own})[-3:]
    found = sorted(
        (row for row in own if row["window_start"] in newest),
        key=lambda row: (-row["window_start"].timestamp(), row["metric"]),
    )
    lines = performance_lines(found, "UTC")
    assert lines[0] == ["2024-01-08", "accuracy", *lines[0][2:]]
    drifted = [line for line in lines if line[0] == "2024-01-06" and line[1] == "accuracy"]
    assert "concept drift" in drifted[0][-1]
    assert drifted[0][-1].startswith("degraded")


@pytest.mark.classic
def test_what_becomes_due(spark, workspace, scored):
    store = new_store(spark, workspace / "due")
    edges = fill(spark, store, scored)
    step(spark, store)
    context = context_of(spark, store)

    def due(given=None, **options):
        return due_windows(context, given or spec(), Options(**{"as_of": at(DAYS)} | options))

    assert due() == 0
    # Two more days: the labels of two windows are complete now.
    assert due(as_of=at(DAYS + 2)) == 2
    assert due(spec(degraded={"metric": "accuracy", "tolerated_loss": 0.1})) == DAYS
    assert due(begin=at(3), end=at(5)) == 2
    day = {Window(at(2), at(3)): [scored[1][2]]}
    store_states(spark, store, "credit", "day", "holdout:1", edges, day, "other")
    assert due() == 1
    assert [one.start for one in step(spark, store).windows] == [at(2)]
    assert due() == 0
    # A window that lost its states loses its rows, and no other does.
    store_states(spark, store, "credit", "day", "holdout:1", edges, {Window(at(2), at(3)): []}, "")
    assert step(spark, store).dropped == 1
    left = rows_of(spark, store, "performance", "granularity = 'day'").to_pylist()
    assert {row["window_start"] for row in left} == {at(d) for d in range(DAYS) if d != 2}


@pytest.mark.classic
def test_without_a_set_and_without_a_section(spark, workspace, scored):
    store = new_store(spark, workspace / "none")
    given = spec(evaluation={"thresholds": {"accept": {"value": THRESHOLD}}})
    edges = np.unique([*np.arange(1, 128) / 128, THRESHOLD])
    rows = {Window(at(0), at(1)): [scored[1][0]]}
    store_states(spark, store, "credit", "day", ":none:0", edges, rows, "a")
    assert len(step(spark, store, given).windows) == 1
    found = rows_of(spark, store, "performance", "metric = 'accuracy'").to_pylist()
    assert {row["status"] for row in found} == {"no_reference"}
    assert {(row["evaluation_set"], row["evaluation_version"]) for row in found} == {(":none", 0)}
    plain = spec(evaluation=None)
    assert step(spark, store, plain) == Performed()
    assert due_windows(context_of(spark, store), plain, Options()) == 0

"""References: frozen once, numbered, in force from a time on."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import planted as plan
import pytest
import source_tables
from monitors import context_of, rows_of, run
from source_tables import day_start

from sparkdrift.errors import SnapshotError
from sparkdrift.measures.kll import read_kll
from sparkdrift.spark.findings import newest_judged
from sparkdrift.spark.reference_events import write_event
from sparkdrift.spark.reference_life import own_name, stored_references
from sparkdrift.spark.views import registered
from sparkdrift.steps import snapshot as snapshot_step
from sparkdrift.steps.promotion import Decision
from sparkdrift.steps.reference import promote
from sparkdrift.steps.snapshot import Freeze, due_reference, snapshot_reference
from sparkdrift.windows import Window

pytestmark = pytest.mark.spark


def versions(spark, store) -> list[dict]:
    return sorted(
        rows_of(spark, store, "reference_snapshots").to_pylist(), key=lambda row: row["version"]
    )


def in_force(spark, store, spec) -> list[tuple]:
    return [
        (one.snapshot.version, one.start, one.end)
        for one in stored_references(spark, store, spec, spec.reference.name).active
    ]


def test_a_frozen_interval_holds_its_rows_exactly(spark, planted):
    (made,) = versions(spark, planted.store)
    assert (made["version"], made["rows"], made["windows"]) == (1, 6 * plan.ROWS, 6)
    assert (made["interval_start"], made["interval_end"]) == (day_start(0), day_start(6))
    assert (made["source"], made["parent"]) == (str(planted.path), None)
    for name in plan.NUMERIC:
        cell = planted.reference(name)
        values = planted.values(name, *plan.REFERENCE_DAYS)
        np.testing.assert_array_equal(read_kll(cell["kll"]).values, np.sort(values))
        assert cell["mean"] == pytest.approx(values.mean())
        assert cell["stddev"] == pytest.approx(values.std())
        assert (cell["min"], cell["max"]) == (values.min(), values.max())
    for name in plan.CATEGORICAL:
        texts = planted.texts(name, *plan.REFERENCE_DAYS)
        items = planted.reference(name)["categories"]["items"]
        assert {one["item"]: one["count"] for one in items} == {
            text: texts.count(text) for text in set(texts)
        }


@pytest.mark.classic
def test_a_reference_is_in_force_after_its_own_interval(spark, planted):
    assert in_force(spark, planted.store, planted.spec) == [(1, day_start(6), None)]


@pytest.mark.slow
@pytest.mark.classic
def test_another_interval_is_another_version_and_old_rows_stay(spark, planted, tmp_path):
    store = planted.copied(tmp_path / "store")
    before = rows_of(spark, store, "drift")
    references = rows_of(spark, store, "reference_profiles")
    spec = plan.planted_spec(planted.path, reference={"begin": "2024-01-02", "end": "2024-01-08"})
    outcome = run(spark, store, spec, "second")
    assert (outcome.reference.version, outcome.profiled.due, outcome.blocked) == (2, (), ())
    assert [row["parent"] for row in versions(spark, store)] == [None, 1]
    assert in_force(spark, store, spec) == [
        (1, day_start(6), day_start(7)),
        (2, day_start(7), None),
    ]
    after = rows_of(spark, store, "drift").to_pylist()
    assert [row for row in after if row["run_id"] == "first"] == before.to_pylist()
    fresh = [row for row in after if row["run_id"] == "second"]
    assert {row["reference_version"] for row in fresh} == {2}
    assert {row["window_start"] for row in fresh} == {
        day_start(day) for day in range(7, plan.CLOSING)
    }
    kept = [
        row
        for row in rows_of(spark, store, "reference_profiles").to_pylist()
        if row["version"] == 1
    ]
    assert kept == references.to_pylist()
    # What is counted, and said by --fail-on, is what the version in force says.
    assert sum(outcome.findings.statuses.values()) == len(fresh)
    again = run(spark, store, spec, "third")
    assert (again.reference, again.judged.windows) == (None, ())
    newest = newest_judged(spark, store, spec, again.judged.active)
    assert newest == Window(day_start(plan.CLOSING - 1), day_start(plan.CLOSING))


@pytest.mark.classic
def test_a_renamed_reference_leaves_only_its_own_verdicts_in_force(spark, planted, tmp_path):
    store = planted.copied(tmp_path / "store")
    renamed = {"name": "relaunch", "begin": "2024-01-03", "end": "2024-01-10"}
    spec = plan.planted_spec(planted.path, reference=renamed)
    # Days of it alerted under the first name: a new one is no way around the gate.
    blocked = run(spark, store, spec, "second").blocked
    assert [one for one in blocked if one.startswith("contamination: ")], blocked
    assert in_force(spark, store, spec) == []
    wanted = Decision("ada", "the relaunch", day_start(9))
    context = context_of(spark, store, "forced")
    promote(context, spec, own_name(spec), 1, wanted, force=True)
    run(spark, store, spec, "third")
    with registered(spark, store):
        shown = spark.table("current_drift").toArrow().to_pylist()
    keys = [(row["window_start"], row["column_name"]) for row in shown]
    assert len(keys) == len(set(keys)) == rows_of(spark, planted.store, "drift").num_rows
    assert {row["reference_name"] for row in shown} == {"relaunch"}
    assert {row["reference_version"] for row in shown if row["window_start"] < day_start(9)} == {0}
    assert {row["reference_version"] for row in shown if row["window_start"] >= day_start(9)} == {1}


@pytest.mark.classic
def test_an_interval_stored_under_another_definition_says_what_to_do(spark, planted, tmp_path):
    store = planted.copied(tmp_path / "store")
    spec = plan.planted_spec(planted.path, sketch={"k": 200})
    with pytest.raises(SnapshotError, match=r"another definition .* --begin 2024-01-01 --end"):
        snapshot_reference(context_of(spark, store, "forced"), spec, Freeze(force=True))
    assert due_reference(context_of(spark, store), planted.spec).make is False


@pytest.fixture(scope="module")
def other_table(spark, workspace):
    """Another table with the features of the source but one, and no timestamp."""
    rng = np.random.default_rng(31)
    rows = plan.day_table(plan.CALM, rng).drop_columns(["ts", "day", "steady"])
    source_tables.write(spark, workspace / "training", rows)
    return workspace / "training", rows


@pytest.mark.classic
def test_a_reference_from_another_table(spark, planted, other_table, tmp_path):
    path, rows = other_table
    store = planted.copied(tmp_path / "store")
    spec = plan.planted_spec(planted.path, reference={"name": "training", "path": str(path)})
    done = snapshot_reference(context_of(spark, store, "scan"), spec)
    made = done.version
    assert (made.version, made.rows, made.windows) == (1, plan.ROWS, 0)
    # It is held against the reference that was, under another name.
    assert done.blocked == ("schema: steady is in version 1 of baseline and not in this one",)
    wanted = Decision("ada", "steady is gone", snapshot_step.ALWAYS)
    promote(context_of(spark, store, "forced"), spec, own_name(spec), 1, wanted, force=True)
    assert in_force(spark, store, spec) == [(1, snapshot_step.ALWAYS, None)]
    frozen = {
        row["column_name"]: row
        for row in rows_of(spark, store, "reference_profiles", "name = 'training'").to_pylist()
    }
    sketched = read_kll(frozen["sensor"]["kll"])
    np.testing.assert_array_equal(sketched.values, np.sort(rows["sensor"].to_numpy()))
    assert frozen["sensor"]["window_bins"] == []
    assert frozen["steady"]["status"] == "schema_changed"
    assert "no column 'steady'" in frozen["steady"]["reason"]
    assert snapshot_reference(context_of(spark, store, "scan2"), spec).version is None
    narrow = {"name": "training", "path": str(path), "filter": "sensor < 2"}
    spec = plan.planted_spec(planted.path, reference=narrow)
    second = snapshot_reference(context_of(spark, store, "scan3"), spec).version
    assert second.version == 2
    assert second.rows < made.rows
    # What was judged by the first stays; the second is for what comes.
    assert in_force(spark, store, spec) == [
        (1, snapshot_step.ALWAYS, day_start(plan.CLOSING)),
        (2, day_start(plan.CLOSING), None),
    ]


@pytest.mark.classic
def test_an_interval_that_is_not_profiled_yet_waits(spark, planted, tmp_path):
    store = planted.copied(tmp_path / "store")
    spec = plan.planted_spec(
        planted.path, reference={"name": "later", "begin": "2024-01-10", "end": "2024-03-01"}
    )
    context = context_of(spark, store, "early")
    assert snapshot_reference(context, spec).version is None
    context.journal.close()
    (row,) = rows_of(spark, store, "runs", "run_id = 'early'").to_pylist()
    assert row["phase"] == "SUCCEEDED"
    assert "no reference yet: its interval ends 2024-03-01 00:00 UTC" in row["warnings"][0]
    with pytest.raises(SnapshotError, match=r"no reference was frozen: its interval ends"):
        snapshot_reference(context_of(spark, store, "forced"), spec, Freeze(force=True))
    assert len(versions(spark, store)) == 1


@pytest.mark.classic
def test_a_crash_before_the_event_is_made_good(spark, planted, tmp_path, monkeypatch):
    """The version exists, but no event says from when it counts: the next run adds it."""
    store = planted.copied(tmp_path / "store")
    spec = plan.planted_spec(planted.path, reference={"begin": "2024-01-02", "end": "2024-01-08"})

    def broken(*args, **kwargs):
        raise RuntimeError("pulled the plug")

    with monkeypatch.context() as patched:
        patched.setattr(snapshot_step, "enter", broken)
        with pytest.raises(RuntimeError, match="pulled the plug"):
            snapshot_reference(context_of(spark, store, "crashed"), spec)
    assert len(versions(spark, store)) == 2
    assert [one[0] for one in in_force(spark, store, spec)] == [1]
    snapshot_reference(context_of(spark, store, "again"), spec)
    assert len(versions(spark, store)) == 2
    assert [one[0] for one in in_force(spark, store, spec)] == [1, 2]


@pytest.mark.classic
def test_events_overrule_earlier_ones_from_their_own_start(spark, planted, tmp_path):
    """A later event that starts earlier leaves nothing of the ones it covers."""
    store = planted.copied(tmp_path / "store")
    context = context_of(spark, store, "forced")
    made = snapshot_reference(
        context, planted.spec, Freeze(force=True, note="asked", effective_from=day_start(10))
    ).version
    assert made.version == 2
    assert in_force(spark, store, planted.spec) == [
        (1, day_start(6), day_start(10)),
        (2, day_start(10), None),
    ]
    write_event(
        *(spark, store, own_name(planted.spec)),
        stored_references(spark, store, planted.spec, "baseline").own.events,
        "activate",
        1,
        day_start(6) - timedelta(days=2),
        by="tests",
        reason="roll back",
        run_id="rollback",
    )
    assert in_force(spark, store, planted.spec) == [(1, day_start(4), None)]


@pytest.mark.classic
def test_windows_within_the_error_bars_of_small_sketches(spark, planted, tmp_path):
    """The same source with k = 64: figures move, and their stated bars say how far."""
    from monitors import new_store

    spec = plan.planted_spec(
        planted.path,
        features={"numeric": ["amount", "steady"]},
        sketch={"k": 64},
    )
    store = new_store(spark, tmp_path / "store")
    run(spark, store, spec, "coarse")
    compared = 0
    for row in rows_of(spark, store, "drift").to_pylist():
        day = (row["window_start"] - day_start(0)).days
        exact = planted.verdict(day, row["column_name"])
        if exact["ks_statistic"] is None or day in plan.SIZES:
            continue
        for figure, bar in (
            ("ks_statistic", "ks_error"),
            ("wasserstein_distance", "wasserstein_error"),
            ("js_distance", "js_error"),
        ):
            # The bar holds 99 times of 100; twice the bar always, as far as a test can tell.
            assert abs(row[figure] - exact[figure]) <= 2 * row[bar]
            assert 0 < row[bar] < 1
        compared += 1
    assert compared >= 10

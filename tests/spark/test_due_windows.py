"""Which windows a run looks at: closed ones, asked ones, and what a changed spec makes due."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
import source_tables
from monitors import context_of, new_store, profile_only, rows_of, run, spec_of
from source_tables import START, day_start

from sparkdrift.errors import SourceError
from sparkdrift.steps.context import Options
from sparkdrift.steps.profile import plan_profile

pytestmark = [pytest.mark.spark, pytest.mark.classic]


@pytest.fixture(scope="module")
def log(spark, workspace):
    """Days 0, 1, 2 and 5 of 30 rows each, up to noon of day 6."""
    rng = np.random.default_rng(6)
    rows = [source_tables.day_rows(day, 30, rng) for day in (0, 1, 2, 5)]
    path = workspace / "log"
    for part in rows:
        source_tables.write(spark, path, part)
    source_tables.write(spark, path, source_tables.closing_row(6))
    return path


@pytest.fixture(scope="module")
def empty(spark, workspace):
    """A store without rows: what a plan on it says is due is all that is closed."""
    return new_store(spark, workspace / "empty")


def due_days(spark, store, spec, **options) -> list[int]:
    plan = plan_profile(context_of(spark, store), spec, Options(**options))
    return [(one.window.start - START).days for one in plan.due]


def test_windows_close_with_the_newest_event(spark, empty, log):
    assert due_days(spark, empty, spec_of(log)) == [0, 1, 2, 3, 4, 5]


def test_lateness_keeps_windows_open(spark, empty, log):
    spec = spec_of(log, windows={"lateness": "1 minute"})
    assert due_days(spark, empty, spec) == [0, 1, 2, 3, 4]
    spec = spec_of(log, windows={"lateness": "2 days"})
    assert due_days(spark, empty, spec) == [0, 1, 2, 3]


def test_as_of_says_when_data_is_complete(spark, empty, log):
    spec = spec_of(log)
    assert due_days(spark, empty, spec, as_of=day_start(2)) == [0, 1]
    assert due_days(spark, empty, spec, as_of=day_start(3) - timedelta(seconds=1)) == [0, 1]
    assert due_days(spark, empty, spec, as_of=day_start(8)) == list(range(8))
    with pytest.raises(SourceError, match=r"no day is closed yet.*closes at 2024-01-02 00:00"):
        due_days(spark, empty, spec, as_of=day_start(-1))


def test_windows_begin_where_the_spec_says(spark, empty, log):
    spec = spec_of(log, windows={"begin": "2024-01-03"})
    assert due_days(spark, empty, spec) == [2, 3, 4, 5]
    with pytest.raises(SourceError, match="no day is closed yet"):
        due_days(spark, empty, spec_of(log, windows={"begin": "2025-01-01"}))


def test_a_backfill_asks_for_an_interval(spark, empty, log):
    spec = spec_of(log)
    assert due_days(spark, empty, spec, begin=day_start(1), end=day_start(3)) == [1, 2]
    # Half a day is no window.
    noon = day_start(1) + timedelta(hours=12)
    assert due_days(spark, empty, spec, begin=noon, end=day_start(3)) == [2]


def test_windows_are_cut_in_the_monitors_zone(spark, empty, log):
    spec = spec_of(log, timestamp={"column": "ts", "zone": "America/New_York"})
    plan = plan_profile(context_of(spark, empty), spec, Options())
    assert [one.window.start.hour for one in plan.due] == [5] * 6
    assert plan.due[0].window.start == START - timedelta(hours=19)


def test_a_gap_that_is_too_long_is_a_wrong_timestamp(spark, empty, log, workspace):
    spec = spec_of(log, windows={"grain": "hour"})
    with pytest.raises(SourceError, match=r"no event between 2024-01-07 and 2099-01-01.*--as-of"):
        plan_profile(context_of(spark, empty), spec, Options(as_of=day_start(0).replace(year=2099)))


def test_a_plan_writes_nothing(spark, empty, log):
    plan_profile(context_of(spark, empty), spec_of(log), Options())
    for table in ("profiles", "runs"):
        assert rows_of(spark, empty, table).num_rows == 0


def by_day(spark, store, where: str = "true") -> dict[int, set[str]]:
    """Which run wrote each day, by the rows that match."""
    found: dict[int, set[str]] = {}
    for row in rows_of(spark, store, "profiles", where).to_pylist():
        found.setdefault((row["window_start"] - START).days, set()).add(row["run_id"])
    return found


def test_a_run_up_to_a_time_leaves_the_rest_for_the_next(spark, log, tmp_path):
    """Nothing changed in the source, but more of it is to be looked at now."""
    store, spec = (
        new_store(spark, tmp_path / "store"),
        spec_of(log, features={"numeric": ["amount"]}),
    )
    first = profile_only(spark, store, spec, "first", as_of=day_start(2))
    assert len(first.due) == 2
    profile_only(spark, store, spec, "second")
    assert by_day(spark, store) == {
        **{day: {"first"} for day in (0, 1)},
        **{day: {"second"} for day in (2, 3, 4, 5)},
    }


@pytest.mark.slow
def test_a_changed_definition_applies_to_new_windows_and_backfills(spark, tmp_path):
    """One story: a new feature, then an old window asked for by name, then nothing to do."""
    rng = np.random.default_rng(8)
    path = tmp_path / "log"
    for day in range(4):
        source_tables.write(spark, path, source_tables.day_rows(day, 30, rng))
    store = new_store(spark, tmp_path / "store")
    narrow = spec_of(path, features={"numeric": ["amount"]})
    wide = spec_of(path, features={"numeric": ["amount", "score"]})
    profile_only(spark, store, narrow, "narrow")
    assert by_day(spark, store) == {day: {"narrow"} for day in (0, 1, 2)}

    source_tables.write(spark, path, source_tables.day_rows(4, 30, rng))
    profile_only(spark, store, wide, "wide")
    assert by_day(spark, store, "column_name = 'score'") == {3: {"wide"}}
    assert by_day(spark, store, "column_name = 'amount'") == {
        **{day: {"narrow"} for day in (0, 1, 2)},
        3: {"wide"},
    }

    asked = {"begin": day_start(1), "end": day_start(2)}
    profile_only(spark, store, wide, "backfill", **asked)
    assert by_day(spark, store, "column_name = 'score'") == {1: {"backfill"}, 3: {"wide"}}
    assert by_day(spark, store, "column_name = 'amount'") == {
        0: {"narrow"},
        1: {"backfill"},
        2: {"narrow"},
        3: {"wide"},
    }

    # A backfill looked at one window only: what came meanwhile is still found.
    source_tables.write(spark, path, source_tables.day_rows(2, 5, rng))
    profile_only(spark, store, wide, "backfill2", **asked)
    profile_only(spark, store, wide, "late")
    assert by_day(spark, store, "column_name = 'score'") == {
        1: {"backfill2"},
        2: {"late"},
        3: {"wide"},
    }


@pytest.mark.parametrize("policy", ["keep"])
def test_vanished_rows_keep_their_profile_and_their_verdicts(spark, tmp_path, policy):
    rng = np.random.default_rng(9)
    path = tmp_path / "log"
    source_tables.write(spark, path, source_tables.days(0, 5, 30, rng))
    spec = spec_of(
        path,
        reference={"begin": "2024-01-01", "end": "2024-01-03"},
        windows={"on_vanished": policy},
    )
    store = new_store(spark, tmp_path / "store")
    run(spark, store, spec, "first")
    profiles, drift = (rows_of(spark, store, name) for name in ("profiles", "drift"))
    spark.sql(
        f"DELETE FROM delta.`{path}` WHERE ts >= timestamp'{day_start(3).isoformat()}'"
        f" AND ts < timestamp'{day_start(4).isoformat()}'"
    )
    outcome = run(spark, store, spec, "second")
    assert [window.start for window in outcome.profiled.vanished] == [day_start(3)]
    marked = rows_of(spark, store, "profiles", "status = 'source_unavailable'").to_pylist()
    assert {row["window_start"] for row in marked} == {day_start(3)}
    assert {row["reason"] for row in marked} == {"the rows of this window are gone from the source"}
    kept = [row for row in profiles.to_pylist() if row["window_start"] == day_start(3)]
    said = ("status", "reason", "run_id", "source_version")
    for row, before in zip(marked, kept, strict=True):
        assert {n: v for n, v in row.items() if n not in said} == {
            n: v for n, v in before.items() if n not in said
        }
    third = [row for row in drift.to_pylist() if row["window_start"] == day_start(3)]
    after = rows_of(spark, store, "drift").to_pylist()
    assert [row for row in after if row["window_start"] == day_start(3)] == third
    again = run(spark, store, spec, "third")
    assert (again.profiled.due, again.profiled.vanished) == ((), ())


@pytest.mark.slow
def test_a_changed_window_is_judged_again_where_slices_are_alike(spark, workspace):
    # Every row is of one region: each feature has two rows that were computed from the same.
    rng = np.random.default_rng(61)
    rows = source_tables.days(0, 3, 40, rng)
    rows = rows.set_column(rows.column_names.index("region"), "region", [["north"] * len(rows)])
    path = workspace / "alike"
    source_tables.write(spark, path, rows)
    source_tables.write(spark, path, source_tables.closing_row(4))
    store = new_store(spark, workspace / "alike-store")
    spec = spec_of(path, slices=["region"])
    assert len(run(spark, store, spec).judged.windows) == 4
    table = f"delta.`{path}`"
    spark.sql(f"UPDATE {table} SET amount = amount + 1 WHERE ts < TIMESTAMP'2024-01-02'")
    done = run(spark, store, spec)
    assert day_start(0) in [one.start for one in done.judged.windows]

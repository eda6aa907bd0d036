"""Longer windows merged from stored ones equal direct profiles of the long window."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import context_of, new_store, profile_only, rows_of, spec_of
from source_tables import TIMESTAMP

from sparkdrift.errors import UsageError
from sparkdrift.steps.context import Options
from sparkdrift.steps.profile import merge_windows

pytestmark = [pytest.mark.spark, pytest.mark.classic]

ZONE = "Europe/Berlin"
K = 4096
SECTIONS = {
    "timestamp": {"column": "ts", "zone": ZONE},
    "features": {"numeric": ["value", "empty"], "categorical": ["product"]},
    "slices": ["region"],
    "sketch": {"k": K},
}
# Figures of a merge that must be those of a direct profile.
FIGURES = (
    *("row_count", "null_count", "nan_count", "positive_infinity_count", "zeros", "kind"),
    *("mean", "stddev", "min", "max", "quantiles", "categories", "frequent_items", "moments"),
    *("min_length", "max_length", "avg_length", "status", "data_type", "definition_hash"),
    "window_end",
)


def rows_between(begin: datetime, end: datetime, count: int, rng) -> pa.Table:
    seconds = np.sort(rng.integers(0, int((end - begin).total_seconds()), count))
    value = rng.normal(5, 2, count)
    value[rng.random(count) < 0.1] = np.nan
    return pa.table(
        {
            "ts": pa.array([begin + timedelta(seconds=int(s)) for s in seconds], TIMESTAMP),
            "value": pa.array(value, mask=rng.random(count) < 0.1),
            "empty": pa.nulls(count, pa.float64()),
            "product": pa.array(rng.choice(["a", "bb", "ccc"], count).tolist(), pa.string()),
            "region": pa.array(rng.choice(["north", None], count).tolist(), pa.string()),
        }
    )


def profiled(spark, store, path, monitor: str, **windows) -> None:
    profile_only(spark, store, spec_of(path, monitor=monitor, **SECTIONS, windows=windows))


def figures(spark, store, monitor: str, granularity: str) -> dict:
    where = f"monitor = '{monitor}' AND granularity = '{granularity}'"
    rows = rows_of(spark, store, "profiles", where).to_pylist()
    return {
        (row["window_start"], row["slice_key"], row["slice_value"], row["column_name"]): {
            name: row[name] for name in FIGURES
        }
        for row in rows
    }


def close(one, two) -> bool:
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(close(one[k], two[k]) for k in one)
    if isinstance(one, list) and isinstance(two, list):
        pairs = zip(one, two, strict=False)
        return len(one) == len(two) and all(close(a, b) for a, b in pairs)
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=1e-9, abs_tol=1e-9)
    return one == two


def assert_close(merged: dict, direct: dict) -> None:
    assert set(merged) == set(direct)
    for key, row in direct.items():
        off = {
            name: (merged[key][name], row[name])
            for name in row
            if not close(merged[key][name], row[name])
        }
        assert not off, (key, off)


@pytest.fixture(scope="module")
def store(spark, workspace):
    return new_store(spark, workspace / "store")


@pytest.mark.parametrize("granularity", ["week", "month"])
def test_days_make_weeks_and_months(spark, workspace, store, granularity):
    path = workspace / "days"
    if not path.exists():
        rng = np.random.default_rng(21)
        begin = datetime(2024, 2, 20, tzinfo=timezone.utc)
        source_tables.write(spark, path, rows_between(begin, begin + timedelta(days=45), 900, rng))
        profiled(spark, store, path, "daily", grain="day", rollups=["week", "month"])
    profiled(spark, store, path, granularity, grain=granularity)
    merged = figures(spark, store, "daily", granularity)
    # The first window of a long grain began before the first row; days do not know that.
    assert len({key[0] for key in merged}) >= 1
    assert_close(merged, figures(spark, store, granularity, granularity))


def test_hours_make_days_of_23_and_25_hours(spark, workspace, store):
    path = workspace / "hours"
    rng = np.random.default_rng(22)
    parts = []
    for day in (
        datetime(2024, 3, 30, tzinfo=timezone.utc),
        datetime(2024, 10, 26, tzinfo=timezone.utc),
    ):
        parts.append(rows_between(day, day + timedelta(days=2, hours=12), 300, rng))
    # Two monitors would share months of empty hours: each change has a table of its own.
    for number, rows in enumerate(parts):
        source_tables.write(spark, path / str(number), rows)
        profiled(spark, store, path / str(number), f"hourly{number}", grain="hour", rollups=["day"])
        profiled(spark, store, path / str(number), f"direct{number}", grain="day")
        merged = figures(spark, store, f"hourly{number}", "day")
        assert_close(merged, figures(spark, store, f"direct{number}", "day"))
        lengths = {row["window_end"] - key[0] for key, row in merged.items()}
        assert timedelta(hours=(23, 25)[number]) in lengths


def test_a_changed_definition_does_not_merge_with_the_old_one(spark, workspace, store):
    """The month in which k changed holds the newer days only, and is not made again each run."""
    path = workspace / "changing"
    rng = np.random.default_rng(23)
    begin = datetime(2024, 1, 25, tzinfo=timezone.utc)
    source_tables.write(spark, path, rows_between(begin, begin + timedelta(days=3), 90, rng))
    sections = {
        "monitor": "changing",
        "features": {"numeric": ["value"]},
        "windows": {"rollups": ["month"]},
    }
    old = spec_of(path, **sections, sketch={"k": 200})
    new = spec_of(path, **sections, sketch={"k": 300})
    profile_only(spark, store, old, "old")
    later = begin + timedelta(days=3)
    source_tables.write(spark, path, rows_between(later, later + timedelta(days=6), 180, rng))
    profile_only(spark, store, new, "new")
    where = "monitor = 'changing' AND granularity = 'month' AND column_name = ':table'"
    (month,) = rows_of(spark, store, "profiles", where).to_pylist()
    days = rows_of(
        spark, store, "profiles", where.replace("month", "day") + " AND run_id = 'new'"
    ).to_pylist()
    january = [row for row in days if row["window_start"].month == 1]
    assert month["row_count"] == sum(row["row_count"] for row in january)
    assert month["reason"].startswith("merged from 5 of 7 windows: the others are stored")
    # Something new to look at, but nothing in January: the month stays as it is.
    last = later + timedelta(days=6)
    source_tables.write(spark, path, rows_between(last, last + timedelta(days=2), 60, rng))
    profile_only(spark, store, new, "third")
    assert rows_of(spark, store, "profiles", where).to_pylist() == [month]


def hide(path) -> None:
    """Take the data files of a Delta table away: its schema can still be read, no row of it."""
    for file in path.glob("*.parquet"):
        file.rename(file.with_suffix(".gone"))


@pytest.mark.slow
def test_months_on_request_read_no_source_row_and_follow_the_days(spark, workspace, store):
    path = workspace / "asked"
    rng = np.random.default_rng(24)
    begin = datetime(2024, 1, 15, tzinfo=timezone.utc)
    source_tables.write(spark, path, rows_between(begin, begin + timedelta(days=50), 500, rng))
    profiled(spark, store, path, "asked", grain="day")
    profiled(spark, store, path, "direct_month", grain="month")
    hide(path)
    spec = spec_of(path, monitor="asked", **SECTIONS)

    def merge(granularity: str, run_id: str, **options) -> list[datetime]:
        context = context_of(spark, store, run_id)
        done = merge_windows(context, spec, granularity, Options(**options))
        context.journal.close()
        return [window.start.astimezone(ZoneInfo(ZONE)).month for window in done]

    # March has only begun: it is not merged yet.
    assert merge("month", "one") == [1, 2]
    merged = figures(spark, store, "asked", "month")
    assert_close(merged, figures(spark, store, "direct_month", "month"))
    (ran,) = rows_of(spark, store, "runs", "run_id = 'one' AND phase = 'SUCCEEDED'").to_pylist()
    assert (ran["step"], ran["windows"], ran["rows_scanned"]) == ("profile", 2, 0)
    # Nothing changed: nothing is due, but for what is asked for by time.
    assert merge("month", "two") == []
    assert merge("month", "three", begin=datetime(2024, 2, 1, tzinfo=ZoneInfo(ZONE))) == [2]
    assert merge("month", "four", as_of=datetime(2024, 2, 20, tzinfo=timezone.utc)) == []
    # One feature of one slice of one day changed.
    changed = (
        "monitor = 'asked' AND granularity = 'day' AND slice_key = 'region' AND slice_value IS NULL"
        " AND column_name = 'value' AND window_start = '2024-02-09 23:00:00'"
    )
    spark.sql(f"UPDATE {store.table('profiles')} SET input_digest = 'other' WHERE {changed}")
    assert merge("month", "five") == [2]
    assert_close(figures(spark, store, "asked", "month"), merged)
    assert len(merge("week", "six")) == 7
    with pytest.raises(UsageError, match="accepted: week, month"):
        merge("day", "seven")
    with pytest.raises(UsageError, match="did you mean 'month'"):
        merge("months", "eight")


def test_weeks_never_become_months(spark, workspace, store):
    path = workspace / "asked"
    spec = spec_of(path, monitor="weekly", **SECTIONS, windows={"grain": "week"})
    with pytest.raises(UsageError, match="weeks never become months"):
        merge_windows(context_of(spark, store), spec, "month", Options())


@pytest.mark.slow
def test_weeks_of_hours_are_the_same_by_way_of_days(spark, workspace, store):
    """Where days are a roll-up of the spec, weeks are merged from them; else from the hours."""
    path = workspace / "by_hour"
    rng = np.random.default_rng(25)
    begin = datetime(2024, 3, 24, 23, tzinfo=timezone.utc)
    source_tables.write(spark, path, rows_between(begin, begin + timedelta(days=9), 400, rng))
    for monitor, rollups in (("straight", []), ("by_way", ["day"])):
        profiled(spark, store, path, monitor, grain="hour")
        spec = spec_of(
            path, monitor=monitor, **SECTIONS, windows={"grain": "hour", "rollups": rollups}
        )
        context = context_of(spark, store, monitor)
        merge_windows(context, spec, "week", Options())
        context.journal.close()
    straight, by_way = (figures(spark, store, one, "week") for one in ("straight", "by_way"))
    assert_close(by_way, straight)
    assert len({key[0] for key in by_way}) == 1
    where = "granularity = 'week' AND column_name = ':table' AND slice_key = '*'"
    rows = rows_of(spark, store, "profiles", f"{where} AND monitor IN ('straight', 'by_way')")
    assert {row["monitor"]: row["fingerprint"] for row in rows.to_pylist()} == {
        "straight": "merged:167",
        "by_way": "merged:7",
    }

"""Longer windows merged from stored ones equal direct profiles of the long window."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import new_store, profile_only, rows_of, spec_of
from source_tables import TIMESTAMP

pytestmark = pytest.mark.spark

ZONE = "Europe/Berlin"
K = 4096
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
    spec = spec_of(
        path,
        monitor=monitor,
        timestamp={"column": "ts", "zone": ZONE},
        features={"numeric": ["value", "empty"], "categorical": ["product"]},
        slices=["region"],
        windows=windows,
        sketch={"k": K},
    )
    profile_only(spark, store, spec)


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
    # Something new to look at, but nothing in January: the month stays as it is.
    last = later + timedelta(days=6)
    source_tables.write(spark, path, rows_between(last, last + timedelta(days=2), 60, rng))
    profile_only(spark, store, new, "third")
    assert rows_of(spark, store, "profiles", where).to_pylist() == [month]

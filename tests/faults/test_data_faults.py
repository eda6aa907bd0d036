"""Values at the edges of what a table may hold: counted as what they are, and nothing else suffers.

Types, schema changes, odd names, zones and repeated hours have their own tests in tests/spark.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from monitors import content, new_store, profile_only, rows_of, spec_of
from source_tables import TIMESTAMP, write

pytestmark = [pytest.mark.spark, pytest.mark.classic]

# ruff: noqa: DTZ001 - local times, which get their zone in `at`
SEED = 91
ZONE = "Europe/Berlin"
SHORT, LONG = datetime(2024, 3, 31), datetime(2024, 10, 27)
"""Local days of 23 and of 25 hours."""
PAST, FUTURE = datetime(1600, 1, 1, 12), datetime(9000, 1, 1, 12)
HUGE = "\U0001f600" * 262_144
"""One category of 1 MiB, of characters of four bytes each."""
NUMBERS = [math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, 1.7976931348623157e308]
# By their texts: arithmetic rounds to 28 digits.
WIDE, NEGATIVE, NARROW = Decimal("9" * 38), Decimal("-" + "9" * 38), Decimal("1e-38")


def hours(local: datetime, count: int) -> list[datetime]:
    """The middles of `count` hours from local midnight on."""
    return [at(local) + timedelta(hours=hour, minutes=30) for hour in range(count)]


def at(local: datetime) -> datetime:
    return local.replace(tzinfo=ZoneInfo(ZONE)).astimezone(timezone.utc)


def odd_rows() -> pa.Table:
    """Days of 23, 24 and 25 hours with a row an hour, a row long ago and one far ahead."""
    days = [(SHORT, 23), (SHORT + timedelta(days=1), 24), (LONG, 25)]
    times = [one for day, count in days for one in hours(day, count)]
    times += [at(PAST), at(FUTURE)]
    size = len(times)
    words = ["\U0001f600 smile", "e\u0301", "\u00e9", "\u202eevil", "tab\tbreak\n", HUGE, ""]
    return pa.table(
        {
            "ts": pa.array(times, TIMESTAMP),
            "amount": pa.array([NUMBERS[i % len(NUMBERS)] for i in range(size)]),
            "wide": pa.array(
                [WIDE if i % 2 else NEGATIVE for i in range(size)], pa.decimal128(38, 0)
            ),
            "narrow": pa.array([NARROW] * size, pa.decimal128(38, 38)),
            "word": pa.array([words[i % len(words)] for i in range(size)]),
        }
    )


def spec_at(path):
    return spec_of(
        path,
        timestamp={"column": "ts", "zone": ZONE},
        features={"numeric": ["amount", "wide", "narrow"], "categorical": ["word"]},
        windows={"begin": "2024-03-31"},
    )


@pytest.fixture(scope="module")
def odd(spark, workspace):
    """(rows of `profiles` of the odd table, those of the same rows in another order, twice over)"""
    rows = odd_rows()
    found = []
    order = np.random.default_rng(SEED).permutation(rows.num_rows)
    for name, table in (("odd", rows), ("shuffled", rows.take(pa.array(order)))):
        write(spark, workspace / name, table)
        spec, store = spec_at(workspace / name), new_store(spark, workspace / f"{name}-store")
        profile_only(spark, store, spec, name, as_of=at(LONG + timedelta(days=1)))
        found.append((store, rows_of(spark, store, "profiles", "row_count > 0").to_pylist()))
    return found


def cell(rows: list[dict], local: datetime, column: str) -> dict:
    (one,) = (r for r in rows if (r["window_start"], r["column_name"]) == (at(local), column))
    return one


@pytest.mark.parametrize(
    ("day", "count"), [(SHORT, 23), (SHORT + timedelta(days=1), 24), (LONG, 25)]
)
def test_a_day_has_the_hours_that_it_has(odd, day, count) -> None:
    (_, rows), _ = odd
    whole = cell(rows, day, ":table")
    assert whole["row_count"] == count
    assert whole["window_end"] - whole["window_start"] == timedelta(hours=count)


def test_a_row_long_ago_and_one_far_ahead_make_no_window(odd) -> None:
    """With windows.begin and an --as-of; without them every day between would be a window."""
    (_, rows), _ = odd
    starts = {row["window_start"] for row in rows}
    assert starts == {at(SHORT), at(SHORT + timedelta(days=1)), at(LONG)}


def test_numbers_at_their_limits_are_counted_as_what_they_are(odd) -> None:
    (_, rows), _ = odd
    amount = cell(rows, SHORT, "amount")
    given = [NUMBERS[i % len(NUMBERS)] for i in range(23)]
    assert amount["nan_count"] == sum(map(math.isnan, given))
    assert amount["positive_infinity_count"] == given.count(math.inf)
    assert amount["negative_infinity_count"] == given.count(-math.inf)
    assert amount["zeros"] == sum(one == 0 for one in given)
    assert (amount["min"], amount["max"]) == (0.0, 1.7976931348623157e308)
    assert cell(rows, SHORT, "wide")["max"] == pytest.approx(1e38)
    assert cell(rows, SHORT, "narrow")["min"] == pytest.approx(1e-38)


def test_categories_of_any_text_and_size_arrive(odd) -> None:
    (_, rows), _ = odd
    word = cell(rows, SHORT, "word")
    items = {one["item"]: one["count"] for one in word["frequent_items"]}
    given = odd_rows()["word"].to_pylist()[:23]
    assert items == {one: given.count(one) for one in given}
    # Two spellings of one letter stay two: nothing is normalised.
    assert {"e\u0301", "\u00e9"} <= items.keys()
    assert word["max_length"] == len(HUGE)


def test_the_order_of_rows_changes_nothing(spark, odd) -> None:
    (first, _), (second, _) = odd
    told = {"fingerprint", "input_digest", "definition_hash", "kll", "source_version"}
    ours, theirs = (
        rows_of(spark, store, "profiles").drop_columns([*told, "run_id"]).to_pylist()
        for store in (first, second)
    )
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        for name, value in one.items():
            if isinstance(value, float):
                # A mean of what cancels out has the last digits of what was added.
                size = max(abs(one["min"] or 0), abs(one["max"] or 0)) if name == "mean" else 0
                wanted = pytest.approx(other[name], rel=1e-9, abs=1e-15 * size, nan_ok=True)
                assert value == wanted, (name, SEED)
            elif name not in ("moments", "hll", "quantiles"):
                assert value == other[name], (name, SEED)


def test_duplicate_rows_are_rows(spark, workspace, tmp_path) -> None:
    rows = odd_rows().slice(0, 23)
    write(spark, tmp_path / "twice", pa.concat_tables([rows, rows]))
    spec, store = spec_at(tmp_path / "twice"), new_store(spark, tmp_path / "store")
    profile_only(spark, store, spec, "twice", as_of=at(SHORT + timedelta(days=1)))
    (whole,) = rows_of(spark, store, "profiles", "column_name = ':table'").to_pylist()
    assert whole["row_count"] == 46
    assert content(spark, store, ["runs"])

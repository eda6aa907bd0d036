"""What `explain` reads of a store: the rows it needs, newest first; and when categories came."""

from __future__ import annotations

from datetime import timedelta

import pytest
from monitors import new_store
from source_tables import day_start

from sparkdrift.explain.explaining import READ, explain, with_first_seen
from sparkdrift.spark import explained_rows
from sparkdrift.spark.drift_tables import DRIFT
from sparkdrift.spark.explained_rows import Asked, first_seen, judged, monitors, rows_to_explain
from sparkdrift.spark.querying import ask
from sparkdrift.spark.schemas import RUNS
from sparkdrift.spark.writer import rows_frame

pytestmark = [pytest.mark.spark, pytest.mark.classic]

DAYS, START = 30, 20
CARRIERS = [
    {"item": "> 9", "reference": 0.1, "share": 0.4},
    {"item": "<= 9", "reference": 0.9, "share": 0.6},
]


def drift_row(day, column="amount", of=("*", "*"), shift=0.0, comparison="baseline", **more):
    moved = abs(shift) > 0.3
    return {
        "monitor": "m",
        "window_start": day_start(day),
        "window_end": day_start(day + 1),
        "granularity": "day",
        "slice_key": of[0],
        "slice_value": of[1],
        "column_name": column,
        "comparison": comparison,
        "reference_name": "main",
        "reference_version": 0,
        "policy_hash": "p",
        "status": "drifted" if moved else "ok",
        "shift": shift + 0.01 * (day % 3),
        "effect": abs(shift),
        "n_eff": 900.0,
        "row_count": 1000,
        "carriers": CARRIERS,
        "q_value": 0.001 if moved else 0.9,
        "p_material": 0.001 if moved else 0.9,
        "p_unusual": 0.001 if moved else 0.5,
        **more,
    }


def new_rows(day, of, items):
    share = sum(items.values()) / 1000
    listed = [{"item": item, "count": rows} for item, rows in items.items()]
    verdict = {"status": "drifted" if share > 0.01 else "ok", "new_category_share": share}
    return drift_row(day, "product", of, **verdict, shift=0.0) | {
        "new_categories": listed,
        "shift": None,
    }


def stored():
    """amount moves; age does in one NULL slice only; steps of amount are in another comparison."""
    rows = []
    for day in range(DAYS):
        late = day >= START
        rows.append(drift_row(day, shift=0.5 if late else 0.0))
        rows += [drift_row(day, of=("region", v), shift=0.5 * late) for v in ("north", "it's")]
        rows += [drift_row(day, "age"), drift_row(day, "age", ("region", "north"))]
        rows.append(drift_row(day, "age", ("region", None), shift=0.6 * late))
        rows.append(drift_row(day, comparison="consecutive", shift=0.5 * (day == START)))
        fresh = {"swap": 5} if day in (3, 12) else {}
        fresh |= {"crypto": 80} if day >= 12 else {}
        rows.append(new_rows(day, ("*", "*"), fresh))
        rows.append(new_rows(day, ("region", "north"), {"crypto": 40} if day >= 15 else {}))
    return rows


@pytest.fixture(scope="module")
def store(spark, tmp_path_factory):
    made = new_store(spark, tmp_path_factory.mktemp("explained") / "store")
    other = [{**drift_row(1, "income", shift=0.9), "monitor": "other"}]
    rows_frame(spark, DRIFT, [*stored(), *other]).write.format("delta").mode("append").save(
        made.path("drift")
    )
    ended = {"step": "drift", "phase": "SUCCEEDED", "policy_hash": "p", "at": day_start(DAYS)}
    runs = [{"monitor": name, "run_id": "r", "attempt": 1, **ended} for name in ("m", "other")]
    rows_frame(spark, RUNS, runs).write.format("delta").mode("append").save(made.path("runs"))
    return made


ALL = Asked("m", ("baseline",))
STARTS = tuple(day_start(day) for day in range(DAYS))


def test_what_is_there(spark, store):
    found = judged(spark, store, ALL)
    assert (found.starts, found.newest_alert, found.grain) == (STARTS, STARTS[-1], "day")
    assert found.columns == ("age", "amount", "product")
    steps = judged(spark, store, Asked("m", ("consecutive",), "amount"))
    assert steps.newest_alert == day_start(START)
    assert judged(spark, store, Asked("m", ("baseline",), "none")).starts == ()
    assert judged(spark, store, Asked("nobody", ("baseline",))).columns == ()
    assert sorted(monitors(spark, store)) == ["m", "other"]


def test_only_what_is_needed_is_read(spark, store):
    found = rows_to_explain(spark, store, ALL, STARTS, STARTS[-1])
    assert (found.cut, found.cut_window) == (None, False)
    assert set(found.rows[0]) == set(READ)
    now = [row for row in found.rows if row["window_start"] == STARTS[-1]]
    before = [row for row in found.rows if row["window_start"] != STARTS[-1]]
    assert {(row["column_name"], row["slice_value"]) for row in now} == {
        *(("amount", value) for value in ("*", "north", "it's")),
        *(("age", value) for value in ("*", "north", None)),
        *(("product", value) for value in ("*", "north")),
    }
    # Of other windows the slice that tells of a column, and all columns of the whole table.
    of_series = {(row["column_name"], row["slice_value"]) for row in before}
    assert of_series == {("amount", "*"), ("age", "*"), ("age", None), ("product", "*")}
    assert len(before) == 4 * (DAYS - 1)
    told = {one.column_name: one for one in explain(found.rows, window=STARTS[-1])}
    assert told["amount"].since.start == told["age"].since.start == day_start(START)
    assert (told["age"].where.kind, told["age"].where.value) == ("only", None)


def test_one_column_and_two_comparisons(spark, store):
    asked = Asked("m", ("baseline", "consecutive"), "amount")
    found = rows_to_explain(spark, store, asked, STARTS, day_start(START))
    assert {row["column_name"] for row in found.rows} == {"amount"}
    steps = [row for row in found.rows if row["comparison"] == "consecutive"]
    assert [row["window_start"] for row in steps] == [day_start(START)]
    told = explain(found.rows, window=day_start(START))
    assert {(one.comparison, one.since.start) for one in told} == {
        ("baseline", day_start(START)),
        ("consecutive", None),
    }


def test_the_windows_around_are_a_range(spark, store, monkeypatch):
    monkeypatch.setattr(explained_rows, "BEFORE", 5)
    monkeypatch.setattr(explained_rows, "AFTER", 2)
    found = rows_to_explain(spark, store, ALL, STARTS, day_start(22))
    read = sorted({row["window_start"] for row in found.rows})
    assert read == [day_start(day) for day in range(17, 25)]


def test_past_the_limit_the_oldest_are_left_out_and_it_is_said(spark, store, monkeypatch):
    monkeypatch.setattr(explained_rows, "MOST_ROWS", 12)
    found = rows_to_explain(spark, store, ALL, STARTS, STARTS[-1])
    assert found.cut == STARTS[-4]
    assert min(row["window_start"] for row in found.rows) == found.cut
    monkeypatch.setattr(explained_rows, "MOST_ROWS", 5)
    few = rows_to_explain(spark, store, ALL, STARTS, STARTS[-1])
    assert few.cut_window
    # The whole table comes first.
    newest = {row["slice_key"] for row in few.rows if row["window_start"] == STARTS[-1]}
    assert newest == {"*", "region"}


def test_new_categories_have_their_first_window(spark, store):
    found = rows_to_explain(spark, store, ALL, STARTS, STARTS[-1])
    told = explain(found.rows, window=STARTS[-1])
    dated = with_first_seen(told, first_seen(spark, store, ALL, told))
    (product,) = (one for one in dated if one.column_name == "product")
    assert [(one.item, one.first) for one in product.carriers] == [("crypto", day_start(12))]
    assert first_seen(spark, store, ALL, [one for one in told if one.kind != "new"]) == {}
    rows = ask(
        spark,
        store,
        "SELECT slice_value, item, first_window, last_window, windows, rows FROM first_seen"
        " ORDER BY slice_value, item",
        10,
    ).rows
    last = STARTS[-1]
    assert rows == (
        ("*", "crypto", day_start(12), last, DAYS - 12, 80 * (DAYS - 12)),
        ("*", "swap", day_start(3), day_start(12), 2, 10),
        ("north", "crypto", day_start(15), last, DAYS - 15, 40 * (DAYS - 15)),
    )
    assert last - timedelta(days=DAYS - 1) == STARTS[0]

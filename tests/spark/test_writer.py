"""The one writer, on a table of its own: exact schemas, one commit, nothing else touched."""

from __future__ import annotations

import dataclasses
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from source_tables import day_start

from sparkdrift.errors import StoreError
from sparkdrift.spark.migrate import create_statement
from sparkdrift.spark.schemas import TABLES
from sparkdrift.spark.sql import string
from sparkdrift.spark.table import Column, Table
from sparkdrift.spark.writer import (
    Case,
    Scope,
    insert,
    insert_rows,
    replace,
    replace_attempt,
    rows_frame,
)
from sparkdrift.store import Store
from sparkdrift.windows import Window

pytestmark = pytest.mark.spark

COLUMNS = (
    Column("monitor", "string", "Id"),
    Column("granularity", "string", "Grain"),
    Column("window_start", "timestamp", "Start"),
    Column("slice_value", "string", "Slice"),
    Column("value", "double", "Value"),
)
RUN = Column("run_id", "string", "Run")
RESULTS = Table("results", "results", "Rows", ("monitor", "window_start", "slice_value"), COLUMNS)
LOG = Table("log", "log", "Rows", ("monitor", "window_start", "slice_value"), COLUMNS)


def window(day: int) -> Window:
    return Window(day_start(day), day_start(day + 1))


def scope(*days: int, monitor: str = "a", **equal) -> Scope:
    return Scope(monitor, "day", [Case([window(day) for day in days], equal)])


def row(day: int, value: float, monitor: str = "a", slice_value: str | None = "*") -> dict:
    return {
        "monitor": monitor,
        "granularity": "day",
        "window_start": day_start(day),
        "slice_value": slice_value,
        "value": value,
    }


@pytest.fixture
def store(spark, tmp_path) -> Store:
    made = Store(directory=str(tmp_path / "store"))
    for table in (RESULTS, LOG):
        spark.sql(create_statement(made, table))
    return made


def write(spark, store, rows: list[dict], where: Scope) -> None:
    replace(store, RESULTS, rows_frame(spark, RESULTS, rows), where, run_id="run")


def content(spark, store, table: Table = RESULTS) -> list[tuple]:
    rows = spark.table(store.table(table.name)).toArrow().to_pylist()
    return sorted(
        (
            (
                r["monitor"],
                (r["window_start"] - day_start(0)).days,
                r["slice_value"] or "",
                r["value"],
            )
        )
        for r in rows
    )


def versions(spark, store, table: Table = RESULTS) -> int:
    history = spark.sql(f"DESCRIBE HISTORY {store.table(table.name)} LIMIT 1")
    return history.collect()[0]["version"]


def test_replacing_touches_its_windows_and_monitor_only(spark, store):
    write(spark, store, [row(day, 1.0) for day in range(4)], scope(0, 1, 2, 3))
    write(spark, store, [row(1, 5.0, "b")], scope(1, monitor="b"))
    # Windows 1 and 3: the predicate must not span window 2 between them.
    write(spark, store, [row(1, 2.0), row(3, 2.0)], scope(1, 3))
    assert content(spark, store) == [
        *(("a", 0, "*", 1.0), ("a", 1, "*", 2.0), ("a", 2, "*", 1.0), ("a", 3, "*", 2.0)),
        ("b", 1, "*", 5.0),
    ]


def test_no_rows_empty_the_windows(spark, store):
    write(spark, store, [row(day, 1.0) for day in (0, 1)], scope(0, 1))
    write(spark, store, [], scope(1))
    assert content(spark, store) == [("a", 0, "*", 1.0)]
    before = versions(spark, store)
    write(spark, store, [], scope())
    assert versions(spark, store) == before


def test_a_replacement_is_one_commit_however_many_windows(spark, store):
    before = versions(spark, store)
    write(spark, store, [row(day, 1.0) for day in range(0, 9, 2)], scope(*range(0, 9, 2)))
    assert versions(spark, store) == before + 1


def test_rows_outside_the_scope_are_refused(spark, store):
    from pyspark.errors import PySparkException

    write(spark, store, [row(0, 1.0)], scope(0))
    with pytest.raises(PySparkException, match="REPLACE_WHERE_MISMATCH"):
        write(spark, store, [row(1, 2.0)], scope(0))
    assert content(spark, store) == [("a", 0, "*", 1.0)]


def test_an_attempt_that_is_repeated_replaces_its_own_rows_only(spark, store):
    table = Table("log", "log", "Rows", ("monitor", "run_id"), (*COLUMNS, RUN))
    spark.sql(f"ALTER TABLE {store.table('log')} ADD COLUMNS (run_id string)")

    def attempt(run_id: str, monitor: str, *days: int) -> None:
        rows = [row(day, float(day), monitor) | {"run_id": run_id} for day in days]
        frame = rows_frame(spark, table, rows)
        replace_attempt(store, table, frame, {"monitor": monitor}, run_id=run_id)

    attempt("crashed", "a", 1, 2)
    attempt("other", "a", 3)
    attempt("crashed", "b", 4)
    attempt("crashed", "a", 5)
    assert [one[:2] for one in content(spark, store, LOG)] == [("a", 3), ("a", 5), ("b", 4)]


def test_missing_and_unknown_columns_are_refused(spark, store):
    write(spark, store, [row(0, 1.0)], scope(0))
    frame = rows_frame(spark, RESULTS, [row(0, 2.0)])
    for wrong, words in (
        (frame.drop("value"), r"missing \['value'\]"),
        (frame.withColumn("more", frame["value"]), r"unknown \['more'\]"),
        (frame.withColumnRenamed("value", "Value"), r"missing \['value'\], unknown \['Value'\]"),
    ):
        with pytest.raises(StoreError, match=words):
            replace(store, RESULTS, wrong, scope(0), run_id="run")
        with pytest.raises(StoreError, match=words):
            insert(spark, store, LOG, wrong)
    assert content(spark, store) == [("a", 0, "*", 1.0)]
    assert content(spark, store, LOG) == []


def test_literals_in_a_scope_are_data(spark, store):
    """A monitor or slice called like SQL changes no row but its own."""
    evil = "x' OR true --"
    write(spark, store, [row(0, 1.0)], scope(0))
    write(spark, store, [row(0, 2.0, evil, "it's \\ `\"")], scope(0, monitor=evil))
    write(spark, store, [], scope(0, monitor=evil, slice_value="no' OR '1'='1"))
    assert len(content(spark, store)) == 2
    write(spark, store, [], scope(0, monitor=evil, slice_value="it's \\ `\""))
    assert content(spark, store) == [("a", 0, "*", 1.0)]


def test_of_two_inserts_of_one_key_the_first_stays(spark, store):
    def add(*rows: dict) -> int:
        return insert_rows(spark, store, LOG, list(rows))

    assert add(row(0, 1.0), row(1, 1.0, slice_value=None)) == 2
    assert add(row(0, 2.0), row(1, 2.0, slice_value=None), row(2, 2.0)) == 1
    assert content(spark, store, LOG) == [
        ("a", 0, "*", 1.0),
        ("a", 1, "", 1.0),
        ("a", 2, "*", 2.0),
    ]


def test_an_insert_reads_no_file_without_its_keys(spark, store):
    """A log grows for ever: what one more row costs must not grow with it."""
    log = dataclasses.replace(LOG, name="grains", key=("monitor", "granularity"))
    spark.sql(create_statement(store, log))
    hour = {**row(0, 1.0), "granularity": "hour"}
    assert insert_rows(spark, store, log, [row(0, 1.0), hour]) == 2
    for file in (Path(store.directory) / log.name).rglob("*.parquet"):
        file.unlink()
    assert insert_rows(spark, store, log, [row(0, 2.0, monitor="it's b")]) == 1
    assert insert_rows(spark, store, log, [{**row(0, 3.0), "granularity": "week"}]) == 1
    assert insert_rows(spark, store, log, [row(0, 4.0, monitor="it's b")]) == 0


@pytest.mark.classic
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_statistics_are_of_keys_and_of_no_value_of_a_source(table):
    assert {*table.key} - {"monitor", "slice_value"} <= {*table.counted}
    values = {"slice_value", "min", "max", "mean", "quantiles", "frequent_items", "examples"}
    assert not values & {*table.counted}


def test_of_concurrent_inserts_of_one_key_exactly_one_wins(spark, store):
    """Each writer holds its rows in a view of its own session."""
    writers = 3
    start = threading.Barrier(writers)
    won: list[int] = []

    def add(number: int) -> None:
        own = spark.cloneSession() if hasattr(spark, "cloneSession") else spark.newSession()
        start.wait()
        won.append(insert_rows(own, store, LOG, [row(0, float(number))]))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [0, 0, 1]
    assert len(content(spark, store, LOG)) == 1


def test_a_scope_covers_half_open_windows(spark, store):
    write(spark, store, [row(0, 1.0), row(1, 1.0)], scope(0, 1))
    late = Window(day_start(0), day_start(1) - timedelta(microseconds=1))
    replace(
        store,
        RESULTS,
        rows_frame(spark, RESULTS, []),
        Scope("a", "day", [Case([late])]),
        run_id="run",
    )
    assert content(spark, store) == [("a", 1, "*", 1.0)]


def changes(spark, store: Store, after: int) -> list[dict]:
    """What the commits after version `after` did to the results, in their order."""
    found = spark.sql(
        f"SELECT * FROM table_changes_by_path({string(store.path('results'))}, {after + 1})"
    )
    return sorted(found.toArrow().to_pylist(), key=lambda one: one["_commit_version"])


def version(spark, store: Store) -> int:
    return spark.sql(f"DESCRIBE HISTORY {store.table('results')} LIMIT 1").first()["version"]


def follow(copy: dict, found: list[dict]) -> dict:
    """A reader's copy by window and slice, brought along; of a commit what goes comes first."""
    made = dict(copy)
    for one in sorted(found, key=lambda one: (one["_commit_version"], one["_change_type"])):
        key = one["window_start"], one["slice_value"]
        if one["_change_type"] == "delete":
            del made[key]
        else:
            assert one["_change_type"] == "insert"
            assert key not in made
            made[key] = one["value"]
    return made


def test_a_reader_downstream_follows_a_re_run_by_its_changes_alone(spark, store):
    write(spark, store, [row(day, float(day)) for day in range(5)], scope(*range(5)))
    seen = version(spark, store)
    copy = follow({}, changes(spark, store, -1))
    assert copy == {(day_start(day), "*"): day for day in range(5)}

    # A late window is written again, with a slice more; another one has no rows any more.
    write(spark, store, [row(1, 10.0), row(1, 11.0, slice_value="x")], scope(1))
    write(spark, store, [], scope(3))
    found = changes(spark, store, seen)
    assert {one["window_start"] for one in found} == {day_start(1), day_start(3)}
    copy = follow(copy, found)
    rows = spark.table(store.table("results")).toArrow().to_pylist()
    assert copy == {(one["window_start"], one["slice_value"]): one["value"] for one in rows}
    assert copy[day_start(1), "*"] == 10


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_rows_of_the_driver_have_the_types_of_their_table(spark, table):
    """Against Spark's own reading of the words that the table is created with."""
    words = ", ".join(f"`{one.name}` {one.type}" for one in table.columns)
    told = spark.createDataFrame([], words).schema
    for rows in ([], [{"monitor": "a"}]):
        frame = rows_frame(spark, table, rows)
        assert frame.schema == told
        assert frame.count() == len(rows)

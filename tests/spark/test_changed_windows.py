"""What each kind of change makes due, by which proof, and how many rows it takes to find out.

Chains of changes on one table; after each one a run profiles what is due. How is not the
question here, so its rows hold counts only; test_incremental.py compares whole tables.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import new_store, profile_only, rows_of, spec_of
from pyspark.sql.utils import is_remote
from reading import rows_read
from source_tables import START

from sparkdrift.spark.changes import fingerprints
from sparkdrift.spark.profiles import empty_rows, write_profiles
from sparkdrift.spark.source import open_source

pytestmark = [pytest.mark.spark, pytest.mark.classic]

ROWS = 20
LAYOUTS = {
    "plain": "",
    "partitioned": "PARTITIONED BY (region)",
    "clustered": "CLUSTER BY (product)",
    "mapped": "",
}


@pytest.fixture(autouse=True)
def counts_only(monkeypatch):
    """Rows without figures in place of those that a scan makes."""

    def rows_of_batch(spark, source, spec, resolution, batch):
        known = spark.createDataFrame(
            [(one.window.start, one.rows) for one in batch],
            "window_start timestamp, row_count long",
        )
        rows = empty_rows(spark, source, spec, resolution, batch).drop("row_count")
        return rows.join(known, "window_start")

    monkeypatch.setattr("sparkdrift.steps.profile.profiled_rows", rows_of_batch)


class Chain:
    """A source table, and a monitor that follows it; days 0 to 9, a file each, to begin with."""

    def __init__(self, spark, folder: Path, layout: str, **properties: str) -> None:
        self.spark, self.path, self.layout = spark, folder / "log", layout
        self.rng = np.random.default_rng(7)
        self.runs = 0
        if layout == "mapped":
            properties["delta.columnMapping.mode"] = "name"
        listed = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items())
        self.sql(
            "CREATE TABLE TABLE (ts TIMESTAMP, amount DOUBLE, score DOUBLE, product STRING,"
            f" region STRING, note STRING) USING delta {LAYOUTS[layout]}"
            + (f" TBLPROPERTIES ({listed})" if listed else "")
        )
        self.newest = 9
        rows = source_tables.days(0, self.newest, ROWS, self.rng)
        frame = spark.createDataFrame(self.placed(rows).combine_chunks())
        frame.repartitionByRange(10, "ts").write.format("delta").mode("append").save(str(self.path))
        self.store = new_store(spark, folder / "store")
        self.spec = spec_of(self.path, features={"numeric": ["amount"]})
        assert self.due() == list(range(9))

    def sql(self, text: str) -> None:
        self.spark.sql(
            text.replace(" TABLE (", f" delta.`{self.path}` (", 1).replace(
                "$", f"delta.`{self.path}`"
            )
        ).collect()

    def version(self) -> int:
        return self.spark.sql(f"DESCRIBE HISTORY delta.`{self.path}` LIMIT 1").collect()[0][
            "version"
        ]

    def write(self, *days: int, count: int = ROWS) -> None:
        """Rows of all of `days` in one file."""
        rows = pa.concat_tables([source_tables.day_rows(day, count, self.rng) for day in days])
        source_tables.write(self.spark, self.path, self.placed(rows))

    def placed(self, rows: pa.Table) -> pa.Table:
        """All in one partition where the table has several, so that a day is one file."""
        if self.layout != "partitioned":
            return rows
        return rows.set_column(4, "region", pa.array(["north"] * len(rows)))

    def append(self) -> None:
        self.newest += 1
        self.write(self.newest)

    def on(self, day: int) -> str:
        begin, end = (source_tables.day_start(d).isoformat() for d in (day, day + 1))
        return f"ts >= timestamp'{begin}' AND ts < timestamp'{end}'"

    def nth(self, day: int, number: int) -> str:
        """The instant of one row of a day, as a SQL literal."""
        rows = self.spark.sql(
            f"SELECT CAST(ts AS STRING) AS at FROM delta.`{self.path}` WHERE {self.on(day)}"
            " ORDER BY ts"
        ).collect()
        return f"timestamp'{rows[number]['at']}'"

    def due(self) -> list[int]:
        """Profile what is due: the days that were."""
        self.runs += 1
        with rows_read(self.spark) as self.read:
            plan = profile_only(self.spark, self.store, self.spec, f"run{self.runs}")
        self.check_fingerprints()
        return [(one.window.start - START).days for one in plan.due]

    def said(self) -> str:
        where = f"run_id = 'run{self.runs}' AND phase = 'SUCCEEDED'"
        (row,) = rows_of(self.spark, self.store, "runs", where).to_pylist()
        return "; ".join(row["warnings"])

    def check_fingerprints(self) -> None:
        """What the last run stored is what a scan of the whole table gives."""
        where = f"column_name = ':table' AND run_id = 'run{self.runs}'"
        stored = rows_of(self.spark, self.store, "profiles", where).to_pylist()
        source = open_source(self.spark, table=None, path=str(self.path), row_filter=None)
        seen = fingerprints(self.spark, source, self.spec).windows if stored else {}
        for row in stored:
            assert row["fingerprint"] == seen[row["window_start"]].digest
            assert row["row_count"] == seen[row["window_start"]].rows


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "layout",
    ["mapped", *(pytest.param(one, marks=SLOW) for one in ("plain", "partitioned", "clustered"))],
)
def test_without_a_feed(spark, tmp_path, layout):
    chain = Chain(spark, tmp_path, layout, **{"delta.enableDeletionVectors": "true"})
    assert chain.due() == []
    assert "no new version" in chain.said()

    chain.append()
    chain.append()
    chain.write(3)
    expected = "statistics of appended files (column mapping)"
    assert chain.due() == [3, 9, 10]
    assert ("appended files, 60 appended" if layout != "mapped" else expected) in chain.said()
    assert bool(chain.read) != is_remote()
    # The appended rows; then days 3, 9, 10 and the open day 11.
    assert sum(chain.read) <= (3 + 5) * ROWS
    chain.sql("OPTIMIZE $")
    assert chain.due() == []
    assert "nothing but maintenance" in chain.said()

    chain.sql(f"UPDATE $ SET amount = amount + 1 WHERE ts = {chain.nth(4, 0)}")
    assert chain.due() == [4]
    assert "fingerprints" in chain.said()

    chain.sql(f"UPDATE $ SET amount = amount + 1 WHERE ts = {chain.nth(5, 0)}")
    chain.sql("OPTIMIZE $")
    chain.sql(f"DELETE FROM $ WHERE ts = {chain.nth(6, 0)}")
    chain.append()
    assert chain.due() == [5, 6, 11]

    # As many rows of the same files, but not the same rows.
    before = chain.version()
    first, second = chain.nth(7, 0), chain.nth(7, 1)
    chain.sql(f"DELETE FROM $ WHERE ts = {first}")
    assert chain.due() == [7]
    chain.sql(f"RESTORE TABLE $ TO VERSION AS OF {before}")
    chain.sql(f"DELETE FROM $ WHERE ts = {second}")
    assert chain.due() == [7]
    # Back to what the last run saw.
    before = chain.version()
    chain.sql(f"DELETE FROM $ WHERE {chain.on(8)}")
    chain.sql(f"RESTORE TABLE $ TO VERSION AS OF {before}")
    assert chain.due() == []

    if layout == "mapped":
        chain.sql("ALTER TABLE $ RENAME COLUMN note TO remark")
        chain.sql("ALTER TABLE $ DROP COLUMN remark")
    chain.sql("REORG TABLE $ APPLY (PURGE)")
    assert chain.due() == []
    chain.append()
    assert chain.due() == [12]
    assert "appended" in chain.said()


@pytest.mark.parametrize("vectors", [pytest.param("false", marks=SLOW), "true"])
def test_with_a_feed(spark, tmp_path, vectors):
    properties = {"delta.enableDeletionVectors": vectors, "delta.enableChangeDataFeed": "true"}
    chain = Chain(spark, tmp_path, "plain", **properties)
    chain.newest = 10
    chain.write(3, 10)
    assert chain.due() == [3, 9]
    assert "change data feed, 40 changed rows read" in chain.said()
    assert bool(chain.read) != is_remote()
    # The changed rows; then days 3, 9 and the open day 10.
    assert sum(chain.read) <= (2 + 4) * ROWS

    chain.sql("OPTIMIZE $")
    chain.sql(f"UPDATE $ SET amount = amount + 1 WHERE ts = {chain.nth(4, 0)}")
    # A row that moves to another window changes both.
    chain.sql(f"UPDATE $ SET ts = {chain.nth(6, 0)} WHERE ts = {chain.nth(5, 0)}")
    chain.append()
    assert chain.due() == [4, 5, 6, 10]
    assert "change data feed" in chain.said()

    before = chain.version()
    chain.sql(f"DELETE FROM $ WHERE ts = {chain.nth(7, 0)}")
    assert chain.due() == [7]
    chain.sql(f"RESTORE TABLE $ TO VERSION AS OF {before}")
    due = chain.due()
    # A file that comes back is fed row by row; without deletion vectors that is all of it.
    assert due == [7] if vectors == "true" else 7 in due
    assert "change data feed" in chain.said()

    chain.sql("ALTER TABLE $ SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'false')")
    chain.sql(f"DELETE FROM $ WHERE ts = {chain.nth(8, 0)}")
    chain.sql("ALTER TABLE $ SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")
    assert 8 in chain.due()
    assert re.search("fingerprints.*no change data feed from version", chain.said())


def test_lost_history_and_another_table(spark, tmp_path):
    chain = Chain(spark, tmp_path, "plain")
    seen = chain.version()
    chain.write(2)
    while chain.version() % 10:
        chain.append()
    for file in (chain.path / "_delta_log").glob("*.json"):
        if int(file.stem) <= seen + 1:
            file.unlink()
    assert chain.due() == [2, *range(9, chain.newest)]
    assert "full refresh: the source's history since the last run has expired" in chain.said()

    chain.sql("CREATE OR REPLACE TABLE $ USING delta AS SELECT * FROM $")
    due = chain.due()
    if "recreated" not in chain.said():
        pytest.skip("this Delta keeps the id of a table that is replaced")
    assert due == list(range(chain.newest))


@pytest.mark.parametrize("feed", ["false", pytest.param("true", marks=SLOW)])
def test_an_interrupted_run_goes_on_where_it_was(spark, tmp_path, monkeypatch, feed):
    """What was committed is not profiled again, what was not is not forgotten."""
    chain = Chain(spark, tmp_path, "plain", **{"delta.enableChangeDataFeed": feed})
    chain.write(3, 5)
    written = []

    def write_once(store, spec, source, rows, batch, run_id, **more):
        if written:
            raise KeyboardInterrupt
        written.append(batch)
        write_profiles(store, spec, source, rows, batch, run_id, **more)

    with monkeypatch.context() as patch:
        patch.setattr("sparkdrift.steps.profile._BATCH_WINDOWS", 1)
        patch.setattr("sparkdrift.steps.profile.write_profiles", write_once)
        with pytest.raises(KeyboardInterrupt):
            chain.due()
    chain.write(6)
    assert chain.due() == [5, 6]
    assert chain.due() == []

"""Labels and rows that come, change and go are added to what was counted; the sum is exact."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import context_of, new_store, profile_only, spec_of

from sparkdrift.steps.context import Options
from sparkdrift.steps.evaluation_sets import freeze_sets
from sparkdrift.steps.scores import count_windows

pytestmark = [pytest.mark.spark, pytest.mark.classic]

ROWS = 120
SEED = 20261127


class World:
    """A log with a file a day, whose keys grow with time, and a table of labels."""

    def __init__(self, spark, folder, seed, **log):
        self.spark, self.folder, self.rng, self.seed = (
            spark,
            folder,
            np.random.default_rng(seed),
            seed,
        )
        self.log, self.labels = folder / "log", folder / "labels"
        self.days, self.options = 0, log
        self.store = new_store(spark, folder / "store")

    def pass_days(self, count, **columns):
        """That many more days of rows, each in a file of its own."""
        for _ in range(count):
            rows = source_tables.day_rows(self.days, ROWS, self.rng)
            ids = np.arange(self.days * ROWS, (self.days + 1) * ROWS)
            rows = rows.append_column("id", pa.array(ids))
            for name, values in columns.items():
                rows = rows.append_column(name, pa.array(values))
            source_tables.write(self.spark, self.log, rows, **({} if self.days else self.options))
            self.days += 1

    def close(self, **columns):
        """One row of the next day, by which every day before is over."""
        row = source_tables.closing_row(self.days).append_column("id", pa.array([10**9]))
        for name, value in columns.items():
            row = row.append_column(name, value)
        source_tables.write(self.spark, self.log, row)

    def arrive(self, ids, values=None, days=3):
        ids = np.asarray(ids)
        values = self.rng.integers(0, 2, len(ids)) if values is None else values
        known = source_tables.START + timedelta(days=days)
        table = pa.table(
            {
                "id": ids,
                "bad": pa.array(np.asarray(values, float)),
                "known_at": pa.array([known] * len(ids), source_tables.TIMESTAMP),
            }
        )
        source_tables.write(self.spark, self.labels, table)

    def sql(self, text, table):
        self.spark.sql(text.format(table=f"delta.`{table}`")).collect()

    def spec(self, **evaluation):
        own = {"path": str(self.labels), "known_at": "known_at"}
        return spec_of(
            self.log,
            features={"numeric": ["amount"], "categorical": ["product"]},
            slices=["region"],
            prediction={"key": "id", "score": "score", "label": "bad", "label_delay": "1 day"},
            evaluation={
                "labels": own,
                "thresholds": {"accept": {"value": 0.3}},
                "baseline": {"rule": "amount > 100"},
                "value": "amount * 2",
                **evaluation,
            },
        )

    def count(self, spec, store=None):
        store = store or self.store
        profile_only(self.spark, store, spec)
        context = context_of(self.spark, store)
        done = count_windows(context, spec, Options(), freeze_sets(context, spec))
        context.journal.close()
        rows = self.spark.table(store.table("runs")).where(
            "step = 'scores' AND phase = 'SUCCEEDED'"
        )
        last = rows.orderBy("at").collect()[-1]
        windows = [(one.start - source_tables.START).days for one in done.windows]
        return windows, list(last["warnings"]), last["rows_scanned"]

    def states(self, store=None):
        rows = self.spark.table((store or self.store).table("states")).toArrow().to_pylist()
        keys = ("window_start", "slice_key", "slice_value", "kind", "name")
        found = {tuple(one[key] for key in keys): one for one in rows}
        assert len(found) == len(rows)
        return found

    def require_as_from_scratch(self, spec, name):
        """Every state is the one that another store has, which counts all rows at once."""
        fresh = new_store(self.spark, self.folder / name)
        _, told, _ = self.count(spec, fresh)
        assert not any("added to what was counted" in one for one in told)
        own, expected = self.states(), self.states(fresh)
        assert own.keys() == expected.keys(), self.seed
        for key, one in expected.items():
            assert own[key]["columns"] == one["columns"], (self.seed, key)
            np.testing.assert_allclose(
                own[key]["cells"], one["cells"], rtol=1e-9, atol=1e-9, err_msg=f"{self.seed} {key}"
            )
            assert own[key]["counted"] == one["counted"], (self.seed, key)


def test_whatever_labels_do_the_states_are_those_counted_from_scratch(spark, tmp_path):
    world = World(spark, tmp_path, SEED)
    rng, spec = world.rng, world.spec()
    world.pass_days(4)
    world.close()
    world.arrive(rng.choice(2 * ROWS, ROWS, replace=False))
    assert world.count(spec)[0] == [0, 1, 2, 3]
    # New ones, again with the same and with another value, twice in one file, two of a time that
    # differ, of no prediction, and of predictions that are made later.
    known = rng.choice(4 * ROWS, 60, replace=False)
    world.arrive(known, days=4)
    world.arrive(known[:20], days=5)
    world.arrive([*known[20:30], *known[20:30], -5, 99_999], days=6)
    world.arrive(np.arange(4 * ROWS, 4 * ROWS + 30), days=2)
    windows, told, scanned = world.count(spec)
    assert windows == [0, 1, 2, 3]
    assert scanned == 60, told
    assert any(one.startswith("60 predictions with a new or changed label added") for one in told)
    # Taken back, changed in place, and the first labels of another day.
    world.sql("DELETE FROM {table} WHERE id % 7 = 1", world.labels)
    world.sql("UPDATE {table} SET bad = 1 - bad, known_at = NULL WHERE id % 5 = 2", world.labels)
    _, told, scanned = world.count(spec)
    assert any("labels of versions" in one for one in told), told
    assert any("added to what was counted of" in one for one in told), told
    assert 0 < scanned < 4 * ROWS
    # The predictions of labels that were there before them.
    world.sql("DELETE FROM {table} WHERE id = 1000000000", world.log)
    world.pass_days(1)
    world.close()
    world.arrive(rng.choice(5 * ROWS, 20, replace=False), days=7)
    world.count(spec)
    world.require_as_from_scratch(spec, "fresh")


@pytest.mark.slow
def test_of_the_log_only_files_with_predictions_of_new_labels_are_read(spark, tmp_path):
    world = World(spark, tmp_path, SEED + 1)
    world.pass_days(6)
    world.close()
    for day in range(4):
        world.arrive(np.arange(day * ROWS, (day + 1) * ROWS), days=day)
    spec = world.spec()
    assert world.count(spec)[0] == list(range(6))
    before = {one: one.stat() for one in world.labels.glob("*.parquet")}
    world.arrive([*range(4 * ROWS, 4 * ROWS + 50), 7], days=6)
    profile_only(spark, world.store, spec)
    own = [one for one in world.labels.glob("*.parquet") if one not in before]
    # Of labels the new file and that with key 7, of the log the files of days 0 and 4 are needed.
    ids = {
        one: set(spark.read.parquet(str(one)).toArrow()["id"].to_pylist())
        for one in (*world.log.glob("*.parquet"), *before)
    }
    needed = {7, *range(4 * ROWS, 4 * ROWS + 50)}
    away = [one for one, held in ids.items() if not held & needed]
    assert len(own) == 1
    assert len(away) == 5 + 3
    for file in away:
        file.rename(file.with_suffix(".gone"))
    try:
        windows, told, scanned = world.count(spec)
    finally:
        for file in away:
            file.with_suffix(".gone").rename(file)
    assert windows == [0, 4]
    assert scanned == 51
    assert any(one.startswith("51 predictions with a new or changed label added") for one in told)
    assert not any("counted whole" in one for one in told), told
    world.require_as_from_scratch(spec, "fresh")


@pytest.mark.slow
def test_a_label_column_that_is_filled_in_later_is_read_from_the_change_data_feed(spark, tmp_path):
    feed = {"delta.enableChangeDataFeed": "true"}
    world = World(spark, tmp_path, SEED + 2, **feed)
    empty = pa.array([None] * ROWS, pa.float64())
    world.pass_days(3, bad=empty)
    world.close(bad=pa.array([None], pa.float64()))
    spec = world.spec(labels=None)
    assert world.count(spec)[0] == [0, 1, 2]
    world.sql("UPDATE {table} SET bad = id % 2 WHERE id < 20 OR id = 130", world.log)
    windows, told, scanned = world.count(spec)
    assert windows == [0, 1]
    assert scanned == 2 * 21, told
    assert any(one.startswith("42 rows of the change data feed added") for one in told), told
    # Some of them again, a late row, a row that goes, and files that move.
    world.sql("UPDATE {table} SET bad = 0 WHERE id BETWEEN 35 AND 45", world.log)
    world.sql(
        "INSERT INTO {table} SELECT ts, amount, score, product, region, id + 5000, bad"
        " FROM {table} WHERE id = 41",
        world.log,
    )
    world.sql("DELETE FROM {table} WHERE id = 3", world.log)
    world.sql("OPTIMIZE {table}", world.log)
    windows, told, scanned = world.count(spec)
    assert scanned == 2 * 11 + 2, told
    world.require_as_from_scratch(spec, "fresh")
    # Where most rows of a window changed it is counted whole.
    world.sql("UPDATE {table} SET bad = 1 WHERE id >= 240", world.log)
    windows, told, scanned = world.count(spec)
    assert scanned >= ROWS
    assert any("counted whole: most of its rows changed" in one for one in told), told


def test_what_a_run_that_broke_off_has_counted_is_not_counted_again(spark, tmp_path):
    world = World(spark, tmp_path, SEED + 3)
    world.pass_days(2)
    world.close()
    world.arrive(range(60))
    spec = world.spec()
    world.count(spec)
    world.arrive(range(50, 130), days=5)
    context = context_of(spark, world.store)
    sets = freeze_sets(context, spec)
    # As if the machine went away after the commit: what was written stays, no success is told.
    context.journal.close = lambda: None
    assert len(count_windows(context, spec, Options(), sets).windows) == 2
    windows, told, _ = world.count(spec)
    assert windows == [0, 1]
    assert any("a run that did not end counted later labels" in one for one in told), told
    world.require_as_from_scratch(spec, "fresh")

"""A file, a table or a disk that fails: an error that names it and the next step, earlier rows
stay, and once it is made good a run ends as if nothing had been."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from comparing import content, figures, unlike
from crashes import Ending, attempt, ending
from deltalake import DeltaTable
from storage import (
    commit,
    faulty,
    flipped,
    forgotten,
    missing,
    newest_file,
    read_only,
    small_disk,
    truncated,
)
from world import STEPS, WHOLE, Task, World

from sparkdrift.errors import StoreError
from sparkdrift.spark.alterations import altered
from sparkdrift.spark.migrate import make_good
from sparkdrift.steps import journal
from sparkdrift.store import Store, locked

pytestmark = [pytest.mark.spark, pytest.mark.classic]

PROFILE, DRIFT = STEPS[0].work, STEPS[3].work


def _both(world, context, spec) -> None:
    PROFILE(world, context, spec)
    DRIFT(world, context, spec)


WORK = Task("profile and drift", _both, meets=WHOLE.name)
slow = pytest.mark.slow


@pytest.fixture
def store(world: World) -> Iterator[Store]:
    """The store with days to profile and to judge."""
    made = world.copied(world.before(WORK))
    yield made
    world.dropped(made)


def refused(world: World, store: Store) -> str:
    """What an attempt is told; all rows are there that were before, but in `runs`."""
    ended = attempt(world, store, WORK, "faulty")
    assert ended.startswith("refused: "), ended or "no error"
    return ended


def mended(world: World, store: Store, read=content) -> None:
    assert attempt(world, store, WORK, "mended") == ""
    assert unlike(store, world.after(WORK), read=read) == []


def untouched(world: World, store: Store) -> None:
    assert unlike(store, world.before(WORK)) == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(missing, "is not there", id="missing"),
        pytest.param(truncated, "is not what was written", id="truncated", marks=slow),
        pytest.param(flipped, "is not what was written", id="flipped"),
    ],
)
def test_a_file_of_the_source(world: World, store: Store, fault, words: str) -> None:
    file = newest_file(world.source)
    with faulty(world.spark, file, fault):
        said = refused(world, store)
        untouched(world, store)
    assert str(world.source) in said
    assert f"data file {file.name} {words}" in said
    assert "from a backup" in said
    errors = [row["error"] for row in failures(store)]
    assert errors == [said.removeprefix("refused: ")]
    mended(world, store)


def failures(store: Store) -> list[dict]:
    rows = DeltaTable(str(store.path("runs"))).to_pyarrow_table().to_pylist()
    return [row for row in rows if row["phase"] == "FAILED" and row["run_id"] == "faulty"]


@slow
def test_a_file_of_the_sources_log(world: World, store: Store) -> None:
    """Not the newest one: without it the table is what it was before that commit."""
    with faulty(world.spark, commit(world.source, 0), missing):
        said = refused(world, store)
        untouched(world, store)
    assert f"source {world.source} can't be read, its log is damaged" in said
    assert "Put back its _delta_log" in said
    mended(world, store)


def test_a_results_table_that_was_dropped(world: World, store: Store) -> None:
    shutil.rmtree(str(store.path("drift")))
    forgotten(world.spark)
    said = refused(world, store)
    assert f"the store {store} was altered: table drift is not there" in said
    assert f"`sparkdrift migrate --store {store}`" in said
    assert "is lost then" not in said
    assert make_good(world.spark, store) == ["table drift"]
    assert altered(world.spark, store) == []
    mended(world, store, figures)


@slow
def test_profiles_that_were_dropped_are_made_of_the_source_again(
    world: World, store: Store
) -> None:
    """Though nothing happened to the source since the last run that covered everything due."""
    assert attempt(world, store, WORK, "first") == ""
    shutil.rmtree(str(store.path("profiles")))
    forgotten(world.spark)
    assert "table profiles is not there" in refused(world, store)
    assert make_good(world.spark, store) == ["table profiles"]
    assert attempt(world, store, WORK, "mended") == ""
    assert keys(store) == keys(world.after(WORK))
    assert content(store, "drift") == content(world.after(WORK), "drift")


def keys(store: Store) -> list[str]:
    """Of the profiles of days, with what was counted."""
    key = ["window_start", "granularity", "slice_key", "slice_value", "column_name"]
    rows = DeltaTable(str(store.path("profiles"))).to_pyarrow_table(
        columns=[*key, "row_count", "null_count", "status"]
    )
    return sorted(map(str, rows.to_pylist()))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        pytest.param("* EXCEPT (psi)", "table drift has no column psi", id="dropped", marks=slow),
        pytest.param(
            "* EXCEPT (psi), CAST(psi AS STRING) AS psi",
            "table drift has psi as string instead of double",
            id="retyped",
        ),
    ],
)
def test_a_column_that_was_altered(world: World, store: Store, columns: str, words: str) -> None:
    table, spark = store.table("drift"), world.spark
    version = spark.sql(f"DESCRIBE HISTORY {table} LIMIT 1").collect()[0]["version"]
    rows = spark.sql(f"SELECT {columns} FROM {table}").write.format("delta").mode("overwrite")
    rows.option("overwriteSchema", "true").partitionBy("monitor").save(store.path("drift"))
    said = refused(world, store)
    assert words in said
    assert "RESTORE TABLE" in said
    if "as string" in words:
        with pytest.raises(StoreError, match=words):
            make_good(spark, store)
    spark.sql(f"RESTORE TABLE {table} TO VERSION AS OF {version}").collect()
    mended(world, store)


@slow
def test_a_column_that_somebody_added_is_left_alone(world: World, store: Store) -> None:
    spark, table = world.spark, store.table("drift")
    spark.sql(f"ALTER TABLE {table} ADD COLUMNS (ours STRING)")
    assert altered(spark, store) == []
    assert attempt(world, store, WORK, "added") == ""
    spark.sql(f"UPDATE {table} SET ours = 'seen'").collect()
    assert attempt(world, store, WORK, "again") == ""
    rows = DeltaTable(str(store.path("drift"))).to_pyarrow_table()
    assert set(rows["ours"].to_pylist()) == {"seen"}
    assert rows.num_rows == len(content(world.after(WORK), "drift"))


def test_a_file_of_a_results_table_that_was_lost(world: World, store: Store) -> None:
    file = newest_file(Path(str(store.path("drift"))))
    file.unlink()
    said = refused(world, store)
    assert f"table drift of the store {store}: data file {file.name} is not there" in said
    assert "repair()" in said
    assert "--begin" in said
    DeltaTable(str(store.path("drift"))).repair()
    mended(world, store, figures)


@slow
def test_a_file_of_a_log_that_was_lost_is_said_to_be_so(world: World, store: Store) -> None:
    file = newest_file(Path(str(store.path("reference_events"))))
    with faulty(world.spark, file, missing):
        said = refused(world, store)
    assert f"table reference_events of the store {store}: data file {file.name}" in said
    assert "what it held is lost then" in said
    mended(world, store)


def test_a_full_disk(world: World, store: Store) -> None:
    with small_disk(store, left=30_000) as make_room:
        said = refused(world, store)
        assert "no space is left: " in said
        assert "run again" in said
        untouched(world, store)
        make_room()
        mended(world, store)


@slow
def test_a_store_that_can_only_be_read(world: World, store: Store) -> None:
    with read_only(store):
        said = refused(world, store)
        assert f"of the store {store} can't be written" in said
        with (
            pytest.raises(StoreError, match=r"can't be written \(Read-only file system\)"),
            locked(store),
        ):
            pass
        untouched(world, store)
    mended(world, store)


def test_a_store_of_somebody_else(tmp_path: Path) -> None:
    """Root may write anywhere, so it gives that right up."""
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is of Linux")
    store = tmp_path / "store"
    store.mkdir()
    store.chmod(0o555)
    code = f"from sparkdrift.store import *\nwith locked(open_store({str(store)!r})): pass"
    without = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    asked = subprocess.run(
        [*without, sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    if "setpriv" in asked.stderr:
        pytest.skip(f"no right to give rights up: {asked.stderr.strip()}")
    assert "can't be written (Permission denied)" in asked.stderr


def test_a_clock_that_jumps_back_between_two_runs(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=1)

    with monkeypatch.context() as patched, ending(world.spark, store, Ending("after", 3)):
        patched.setattr(journal, "datetime", Tomorrow)
        assert attempt(world, store, WORK, "tomorrow") == "crashed"
    mended(world, store)
    rows = DeltaTable(str(store.path("runs"))).to_pyarrow_table().to_pylist()
    at = {
        run: [row["at"] for row in rows if row["run_id"] == run] for run in ("tomorrow", "mended")
    }
    assert min(at["mended"]) > max(at["tomorrow"]) > datetime.now(timezone.utc)

"""Stores are found by name, and a folder is written by one run at a time."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sparkdrift import store
from sparkdrift.errors import StoreError, UsageError
from sparkdrift.spark.schemas import TABLES
from sparkdrift.spark.table import BUCKETS, bucket_of
from sparkdrift.store import DEFAULT, VARIABLE, Store, delta_path, locked, open_store


def test_default_is_a_folder_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert open_store().directory == str(tmp_path / DEFAULT)


def test_variable_then_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "a"))
    assert open_store().directory == str(tmp_path / "a")
    assert open_store(str(tmp_path / "b")).directory == str(tmp_path / "b")


def test_catalog_and_schema() -> None:
    found = open_store("main.monitoring")
    assert found.schema == ("main", "monitoring")
    assert found.table("drift") == "`main`.`monitoring`.`drift`"
    assert found.local is None
    assert found.path("drift") is None


def test_a_folder_with_a_dot_wins_where_it_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.b").mkdir()
    assert open_store("a.b").directory == str(tmp_path / "a.b")
    assert open_store("./c.d").directory == str(tmp_path / "c.d")


@pytest.mark.parametrize("uri", ["s3://bucket/x", "abfss://c@a.dfs.core.windows.net/x", "dbfs:/x"])
def test_object_stores_have_no_local_folder(uri: str) -> None:
    found = open_store(uri + "/")
    assert found == Store(directory=uri)
    assert found.local is None


def test_empty_name_and_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="SPARKDRIFT_STORE"):
        open_store(" ")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="is a file"):
        open_store(str(tmp_path / "file"))


def test_paths_are_quoted_or_refused() -> None:
    assert delta_path("/a`b") == "delta.`/a``b`"
    with pytest.raises(StoreError, match="another folder"):
        delta_path("/a/${b}")


def _hold(folder: str, ready: multiprocessing.Event, release: multiprocessing.Event) -> None:
    with locked(Store(directory=folder)):
        ready.set()
        release.wait(30)


def test_two_processes_do_not_hold_one_folder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(str(tmp_path), ready, release))
    other.start()
    try:
        assert ready.wait(30)
        with (
            pytest.raises(StoreError, match="another run"),
            locked(Store(directory=str(tmp_path)), wait=0),
        ):
            pass
    finally:
        release.set()
        other.join(30)
    with locked(Store(directory=str(tmp_path)), wait=0):
        pass


def test_a_folder_that_nothing_was_written_to_is_taken_away(tmp_path: Path) -> None:
    with locked(Store(directory=str(tmp_path / "a" / "b"))):
        assert (tmp_path / "a" / "b").is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_or_is_used_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with locked(Store(directory=str(tmp_path / "there"))):
        pass
    assert (tmp_path / "there").is_dir()
    with locked(Store(directory=str(tmp_path / "made"))):
        (tmp_path / "made" / "drift").mkdir()
    assert (tmp_path / "made" / "drift").is_dir()


def test_a_lock_file_that_was_taken_away_locks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waited for it takes the one that stands there then."""
    address = Store(directory=str(tmp_path / "made"))
    waits, holds, release = threading.Event(), threading.Event(), threading.Event()
    acquire = store._acquire

    def acquiring(*given: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            waits.set()
        acquire(*given)

    monkeypatch.setattr(store, "_acquire", acquiring)

    def second() -> None:
        with locked(address, wait=30):
            holds.set()
            release.wait(30)

    with ThreadPoolExecutor(1) as beside:
        with locked(address):
            other = beside.submit(second)
            assert waits.wait(30)
        try:
            assert holds.wait(30)
            with pytest.raises(StoreError, match="another run"), locked(address, wait=0):
                pass
        finally:
            release.set()
        other.result(30)
    assert list(tmp_path.iterdir()) == []


def test_a_monitor_stays_in_its_bucket_for_ever() -> None:
    """Of CRC-32 the check value is known; stored rows lie by it."""
    assert bucket_of("123456789") == 0xCBF43926 % BUCKETS
    assert {bucket_of(f"monitor_{number}") for number in range(200)} == set(range(BUCKETS))


def test_what_is_read_of_all_models_has_few_partitions() -> None:
    partitions = {table.name: table.partition for table in TABLES}
    assert {name for name, by in partitions.items() if by == "bucket"} == {"model_health"}
    assert set(partitions.values()) == {"bucket", "monitor"}
    health = next(table for table in TABLES if table.name == "model_health")
    # Files without a monitor are not read, as partitions are not elsewhere.
    assert "monitor" in health.counted


def test_a_file_whose_name_looks_like_a_schema_is_no_catalog(tmp_path, monkeypatch):
    """A catalog would be asked for by Spark, to find nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.md").touch()
    with pytest.raises(StoreError, match="is a file"):
        open_store("notes.md")
    assert open_store("main.monitoring").schema is not None

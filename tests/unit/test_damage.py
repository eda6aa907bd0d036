"""Faults of storage, as Spark says them, are told with the table and the next step."""

from __future__ import annotations

import pytest
from pyspark.errors import PySparkException

from sparkdrift.errors import GoneError, NoTableError, SourceError, StoreError
from sparkdrift.spark.damage import damage
from sparkdrift.spark.source import gone, unreadable
from sparkdrift.store import Store

STORE = Store(directory="/stores/my credit")
FILE = "part-00000-8101df4e-c000.snappy.parquet"
DURING = "credit, profile (windows 2024-01-05 00:00 to 2024-01-07 00:00 UTC)"
GONE = (
    "An error occurred while calling o3152.collectToPython.\n: org.apache.spark.SparkException: "
    "[FAILED_READ_FILE.FILE_NOT_EXIST] Encountered error while reading file file:{}. File does not "
    "exist. It is possible the underlying files have been updated.\n\tat org.apache.spark.sql.X"
)
WRITING = (
    "org.apache.spark.SparkException: [TASK_WRITE_FAILED] Task failed while writing rows to "
    "file:/stores/my%20credit/drift. SQLSTATE: 58030\nCaused by: java.io.IOException: {}\n\tat x.Y"
)


def told(text: str, store: Store = STORE):
    return damage(PySparkException(text), store, DURING)


def test_a_file_of_the_source_that_is_gone():
    error = told(GONE.format(f"/lake/scored/{FILE}"))
    assert isinstance(error, SourceError)
    said = str(error)
    assert said.startswith(
        f"{DURING}: the table in file:/lake/scored: data file {FILE} is not there"
    )
    assert "RESTORE TABLE" in said
    assert "run again" in said


@pytest.mark.parametrize(
    ("said", "is_gone"),
    [
        ("[DELTA_VERSION_NOT_FOUND] Cannot time travel Delta table to version 3.", True),
        ("[DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION] Cannot", True),
        ("[DELTA_TRUNCATED_TRANSACTION_LOG] /t: Unable to reconstruct state at version 3", True),
        (GONE.format(f"/lake/scored/{FILE}"), True),
        # Whatever else it is: the version may well be there.
        ("[INSUFFICIENT_PERMISSIONS] User does not have SELECT on table t", False),
        ("Job aborted due to stage failure: java.lang.OutOfMemoryError: Java heap space", False),
        (f"[FAILED_READ_FILE.NO_HINT] file:/lake/{FILE}\nChecksumException: at 0", False),
        ("[CAST_INVALID_INPUT] The value 'a' cannot be cast to DOUBLE", False),
    ],
)
def test_only_what_is_not_there_any_more_is_said_to_be_gone(said, is_gone):
    error = gone("main.scored", 3, PySparkException(said))
    assert isinstance(error, GoneError) == is_gone
    assert ("can't be read any more" in str(error)) == is_gone
    assert "version 3 of source main.scored" in str(error)


def test_a_folder_that_was_deleted_is_no_table_and_one_that_is_not_mounted_may_be(tmp_path):
    """An erasure goes on without the first, and waits for the second."""
    (tmp_path / "lake" / "other").mkdir(parents=True)
    (tmp_path / "mount").mkdir()
    keys = ("--table", "--path")
    for folder, deleted in (("lake/training", True), ("mount/training", False), ("a/b", False)):
        path = str(tmp_path / folder)
        error = unreadable(PySparkException("[DELTA_MISSING]"), path, path, keys)
        assert isinstance(error, NoTableError) == deleted, folder
        assert "there is no such folder; check --path" in str(error)


def test_a_file_of_a_results_table_and_of_a_log():
    for table, word in (("drift", "--begin"), ("reference_events", "is lost then")):
        error = told(GONE.format(f"/stores/my%20credit/{table}/monitor=credit/{FILE}"))
        assert isinstance(error, StoreError)
        assert f"table {table} of the store {STORE}: data file {FILE} is not there" in str(error)
        assert word in str(error)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("No space left on device", "no space is left: No space left on device. Free some"),
        ("Disk quota exceeded", "no space is left"),
        ("/stores/x (Read-only file system)", "table drift of the store /stores/my credit can't"),
    ],
)
def test_a_place_that_takes_nothing(said, words):
    error = told(WRITING.format(said))
    assert isinstance(error, StoreError)
    assert words in str(error)


def test_a_log_with_a_gap():
    error = told(
        "[DELTA_VERSIONS_NOT_CONTIGUOUS] Versions (0, 2) are not contiguous at "
        "file:/lake/scored/_delta_log/00000000000000000002.json"
    )
    assert isinstance(error, SourceError)
    assert "the log of the table in file:/lake/scored is damaged" in str(error)
    assert "Put back its _delta_log" in str(error)


def test_what_is_no_fault_of_storage_is_left_as_it_is():
    assert told("[DIVIDE_BY_ZERO] Division by zero") is None
    assert damage(ValueError("No space left on device"), STORE, DURING) is None
    full = damage(OSError(28, "No space left on device"), STORE, DURING)
    assert isinstance(full, StoreError)
    schema = Store(schema=("main", "monitoring"))
    assert isinstance(told(GONE.format(f"/x/drift/{FILE}"), schema), SourceError)

"""The tables of a store in a folder, as DuckDB reads them: delta-rs says which files are theirs."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from sparkdrift.embedded.unanswered import UnansweredError
from sparkdrift.spark.schemas import RUNS, TABLES
from sparkdrift.spark.versions import PROPERTY, not_ours, require_current
from sparkdrift.store import Store, no_store

_TABLES = {table.name: table for table in TABLES}
_READ, _MAPPED = {"timestampNtz"}, 2
# No file is opened but those that are handed over; no name means a variable of this process.
_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


def require_store(store: Store, folder: Path) -> None:
    """Raise StoreError where there is no store at `folder`, or one of another version."""
    if not (folder / RUNS.name / "_delta_log").is_dir():
        raise no_store(store)
    version = (
        _opened(folder / RUNS.name, f"table {RUNS.name}").metadata().configuration.get(PROPERTY)
    )
    if version is None:
        raise not_ours(store)
    require_current(store, int(version))


def connect(folder: Path, names: set[str]) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that has these tables, as `add` adds them."""
    connection = duckdb.connect()
    for statement in _SETTINGS:
        connection.execute(statement)
    add(connection, folder, names)
    return connection


def add(connection: duckdb.DuckDBPyConnection, folder: Path, names: set[str]) -> None:
    """Add those of `names` that are tables, with their columns in our order.

    Raises UnansweredError where one needs what delta-rs does not read.
    """
    for name in sorted(names & _TABLES.keys()):
        table = _TABLES[name]
        connection.register(f"stored_{name}", dataset_of(folder / name, f"table {name}"))
        columns = ", ".join(f'"{column}"' for column in table.names)
        try:
            connection.execute(f'CREATE TEMP VIEW "{name}" AS SELECT {columns} FROM stored_{name}')
        except duckdb.Error as error:
            raise UnansweredError(f"table {name} is not as it should be ({_line(error)})") from None


def _opened(folder: Path, what: str) -> DeltaTable:
    try:
        return DeltaTable(folder)
    except (DeltaError, TableNotFoundError, OSError) as error:
        raise UnansweredError(f"delta-rs can't open {what} ({_line(error)})") from None


def dataset_of(folder: Path, what: str) -> pa.dataset.Dataset:
    """What DuckDB and Arrow read of a Delta table; `what` it is, for an error.

    Raises UnansweredError where delta-rs can't read it, or would not read all of it.
    """
    opened = _opened(folder, what)
    protocol = opened.protocol()
    lacking = {*(protocol.reader_features or ())} - _READ
    if protocol.min_reader_version == _MAPPED:
        # delta-rs would read such a table without a word, and find its columns empty.
        lacking |= {"columnMapping"}
    if lacking:
        raise UnansweredError(f"{what} needs {', '.join(sorted(lacking))} of its reader")
    try:
        return opened.to_pyarrow_dataset()
    except (DeltaError, OSError, ImportError) as error:
        raise UnansweredError(f"delta-rs can't read {what} ({_line(error)})") from None


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

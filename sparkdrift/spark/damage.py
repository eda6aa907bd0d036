"""Faults of storage, read from what Spark and Delta say of them: a file that is gone or is not what
was written, a log with a gap, a full disk, a place that can't be written.

What is told names the table and the next step. Nothing is mended here, and nothing needs to be
undone: a commit is made whole or not at all.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from sparkdrift.errors import SourceError, SparkdriftError, StoreError
from sparkdrift.spark.failures import FAILURES, condition
from sparkdrift.spark.schemas import TABLES
from sparkdrift.store import Store

_DATA = re.compile(
    r"FAILED_READ_FILE|DELTA_FAILED_READ_FILE_FOOTER|DELTA_FILE_NOT_FOUND|ChecksumException"
    r"|is not a Parquet file|could not verify page integrity"
)
_GONE = re.compile(r"FILE_NOT_EXIST|DELTA_FILE_NOT_FOUND|FileNotFoundException|No such file")
# As time travel has it: of a version that the table had, and that may be asked for no more.
_PAST = re.compile(
    r"DELTA_VERSION_NOT_FOUND|TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION"
    r"|DELTA_NO_RECREATABLE_HISTORY|DELTA_TRUNCATED_TRANSACTION_LOG"
    r"|Cannot time travel Delta table to version"
)
_LOG = re.compile(
    r"DELTA_LOG_FILE_NOT_FOUND|DELTA_VERSIONS_NOT_CONTIGUOUS|DELTA_TRUNCATED_TRANSACTION_LOG"
    r"|DELTA_STATE_RECOVER_ERROR|DELTA_MISSING_PART_FILES|DELTA_CHECKPOINT_NON_EXIST_TABLE"
    r"|FAILED_READ_FILE[^\n]*/_delta_log/|JsonParseException|JsonEOFException"
)
_FULL = re.compile(r"No space left on device|Disk quota exceeded|not enough space")
_CLOSED = re.compile(r"Read-only file system|Operation not permitted")
# A path as Spark's errors have it; none of ours has a blank.
_PATH = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?/[^\s,;\"'`\])]+", re.IGNORECASE)
_FILE = re.compile(r"[^\s/]+\.parquet\b")
_LONGEST = 300

RESTORE_LOG = (
    "Put back its _delta_log from a backup or a snapshot of the storage, and don't convert the "
    "data files to a new table: the log says which of them count"
)


def damage(error: Exception, store: Store, during: str) -> SparkdriftError | None:
    """The error that helps, where storage is at fault; else None. during: what was at work."""
    if not isinstance(error, (*FAILURES, OSError)):
        return None
    text = f"{condition(error)} {error}"
    table = _table(text, store)
    where = f"table {table} of the store {store}" if table else f"the table in {_folder(text)}"
    kind = StoreError if table else SourceError
    if _FULL.search(text):
        return StoreError(
            f"{during}: no space is left: {_line(text, _FULL)}. Free some where the store {store} "
            "lies, or Spark's temporary files (SPARK_LOCAL_DIRS), and run again: what was "
            "committed stays, and the run goes on behind it"
        )
    if _CLOSED.search(text):
        return StoreError(
            f"{during}: {where} can't be written: {_line(text, _CLOSED)}. Let it be written, or "
            "name another store by --store, and run again: what was committed stays"
        )
    if log_at_fault(text):
        return kind(f"{during}: the log of {where} is damaged: {_line(text, _LOG)}. {RESTORE_LOG}")
    if _DATA.search(text):
        return kind(f"{during}: {_of_data(text, where, table)}")
    return None


def log_at_fault(text: str) -> bool:
    """Whether what Spark says is that a table's log lacks something, or can't be read."""
    return _LOG.search(text) is not None


def past_at_fault(error: Exception) -> bool:
    """Whether what Spark says is that a version is out of reach: its log or its files are gone."""
    text = f"{condition(error)} {error}"
    return _PAST.search(text) is not None or _GONE.search(text) is not None


def _of_data(text: str, where: str, table: str | None) -> str:
    found = _FILE.search(text)
    file = f"data file {found[0]}" if found else "a data file"
    what = "is not there" if _GONE.search(text) else "is not what was written"
    told = f"{where}: {file} {what} ({_line(text, _DATA)}). "
    if table is None:
        return told + (
            "Put it back from a backup, or take its rows out: RESTORE TABLE to a version before "
            "it, or FSCK REPAIR TABLE where there is that command. Was the table vacuumed while "
            "this ran, run again. Stored windows stay as they are"
        )
    left = (
        "then run again with --begin at the first window that it held: all is computed again"
        if _kind(table) == "results"
        else "what it held is lost then: a log is not computed"
    )
    return told + (
        "Put it back from a backup; or take it out of the table, by FSCK REPAIR TABLE where there "
        f"is that command, else by repair() of the Python package deltalake: {left}"
    )


def _table(text: str, store: Store) -> str | None:
    """The table of the store that one of the paths in the text is of."""
    if store.directory is None:
        return None
    root = re.sub(r"^[a-z][a-z0-9+.-]*:/*", "/", store.directory.rstrip("/"), flags=re.IGNORECASE)
    for path in map(unquote, _PATH.findall(text)):
        plain = re.sub(r"^[a-z][a-z0-9+.-]*:/*", "/", path, flags=re.IGNORECASE)
        if plain.startswith(f"{root}/"):
            name = plain[len(root) + 1 :].partition("/")[0].rstrip(".")
            if any(table.name == name for table in TABLES):
                return name
    return None


def _folder(text: str) -> str:
    """Where the table lies that an error names a file of; a partition's folder is as good."""
    for path in map(unquote, _PATH.findall(text)):
        if "/_delta_log/" in path:
            return path.partition("/_delta_log/")[0]
        if ".parquet" in path:
            return path.rpartition("/")[0]
    return "question"


def _kind(table: str) -> str:
    return next(one.kind for one in TABLES if one.name == table)


def _line(text: str, about: re.Pattern[str]) -> str:
    """The last line that says so, which is the cause, cut and without Java's classes."""
    lines = [line.strip() for line in text.splitlines() if about.search(line)]
    said = re.sub(r"^(?:Caused by: |: )?(?:[\w$]+\.)+[\w$]+(?:Exception|Error): ", "", lines[-1])
    return re.sub(r"\s*SQLSTATE: \w+$", "", said)[:_LONGEST].strip()

"""Keeping the store's own tables small: files joined, files that no version needs removed.

Delta writes a checkpoint every ten commits, and with it removes log entries that are older than
`delta.logRetentionDuration`; both happen by themselves, joining files being a commit like another.
No source is ever touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark.sql import SparkSession

from sparkdrift.spark.commits import committed
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.few_rows import ours
from sparkdrift.spark.schemas import TABLES
from sparkdrift.spark.table import Table
from sparkdrift.store import Store

# Small enough that a late window rewrites some megabytes, large enough that a year is few files.
_LARGEST = 32 * 1024 * 1024
_SIZES = {
    "spark.databricks.delta.optimize.maxFileSize": str(_LARGEST),
    "spark.databricks.delta.optimize.minFileSize": str(_LARGEST // 2),
}
_SMALL = _LARGEST // 2


@dataclass(frozen=True)
class Maintained:
    """What was done with one table, or would be.

    files, bytes: of its newest version, before and after; removed: files of earlier versions that
    went (a dry run, and VACUUM itself, name a thousand at most). refused: why not all was done.
    """

    table: str
    files: tuple[int, int]
    bytes: tuple[int, int]
    removed: int
    refused: str | None = None


def maintain_table(spark: SparkSession, store: Store, table: Table, *, dry: bool) -> Maintained:
    """Join a table's small files, and remove what is older than its retention (7 days by default).

    What is refused is told, and nothing else depends on it.
    """
    identifier = store.table(table.name)
    before, removed, refused = (0, 0), 0, None
    after = before
    try:
        before = after = _size(spark, identifier)
        files, size = before
        if files > 1 and size < files * _SMALL and not dry:
            with _files_of_some_megabytes(spark):
                committed(
                    "optimize", table.name, lambda: spark.sql(f"OPTIMIZE {identifier}").collect()
                )
            after = _size(spark, identifier)
        removed = len(spark.sql(f"VACUUM {identifier} DRY RUN").collect())
        if removed and not dry:
            committed("vacuum", table.name, lambda: spark.sql(f"VACUUM {identifier}").collect())
    except FAILURES as error:
        removed, refused = 0, reason(error)
    return Maintained(table.name, (before[0], after[0]), (before[1], after[1]), removed, refused)


def maintain(spark: SparkSession, store: Store, *, dry: bool = False) -> list[Maintained]:
    """`maintain_table` for every table of the store."""
    return [maintain_table(spark, store, table, dry=dry) for table in TABLES]


def _size(spark: SparkSession, identifier: str) -> tuple[int, int]:
    detail = spark.sql(f"DESCRIBE DETAIL {identifier}").collect()[0]
    return int(detail["numFiles"] or 0), int(detail["sizeInBytes"] or 0)


@contextmanager
def _files_of_some_megabytes(spark: SparkSession) -> Iterator[None]:
    """In a session of ours; another one keeps its settings, and a managed runtime chooses."""
    if not ours(spark):
        yield
        return
    before = {key: spark.conf.get(key, None) for key in _SIZES}
    for key, value in _SIZES.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, had in before.items():
            if had is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, had)

"""The stored rows of a reference on their way into a file, and back from one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.references.life import Name
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.reference_life import Snapshot, same
from sparkdrift.spark.reference_tables import (
    REFERENCE_EVENTS,
    REFERENCE_PROFILES,
    REFERENCE_SNAPSHOTS,
)
from sparkdrift.spark.sql import quote, string
from sparkdrift.spark.table import Table
from sparkdrift.spec.digests import STATE_VERSION
from sparkdrift.store import Store

_KEYS = ("monitor", "role", "name", "version", "run_id", "package_version")
CONTENT = tuple(one for one in REFERENCE_PROFILES.columns if one.name not in _KEYS)
"""The columns of a file: what is stored of a version, but for what names it in its store."""
# Rows of one question, and of one row group of the file: a sketch has a few kilobytes.
_ROWS_AT_ONCE = 4_000


def content(spark: SparkSession, store: Store, name: Name, snapshot: Snapshot) -> DataFrame:
    """The rows of a version, in the columns of a file."""
    rows = frozen_rows(spark, store, [(name, snapshot)])
    return rows.select(*(quote(one.name) for one in CONTENT))


def in_parts(rows: DataFrame, total: int) -> Iterator[pa.Table]:
    """`rows` as Arrow tables of bounded size; the driver holds one of them at a time."""
    parts = 1 + total // _ROWS_AT_ONCE
    for part in range(parts):
        one = f"pmod(xxhash64(slice_key, slice_value, column_name), {parts}) = {part}"
        yield rows.where(one).toArrow().combine_chunks()


def as_frame(spark: SparkSession, table: pa.Table) -> DataFrame:
    """Rows of a file as a frame; columns that an older one did not have yet are NULL."""
    # In one chunk: pyspark 4.2 drops what follows an empty one.
    frame = spark.createDataFrame(table.combine_chunks())
    present = set(frame.columns)
    return frame.select(
        *(quote(one) for one in frame.columns),
        *(F.lit(None).cast(one.type).alias(one.name) for one in CONTENT if one.name not in present),
    )


def row_count(rows: DataFrame) -> int:
    return int(rows.count())


def file_digest(rows: DataFrame, columns: Sequence[str]) -> str:
    """Digest over every value of every row, whatever their order.

    By the bits of the values, not by their text: Java 19 and later write some doubles otherwise.
    """
    listed = ", ".join(quote(one) for one in columns)
    row = rows.selectExpr(
        f"concat(hex(xxhash64({listed})), hex(xxhash64({listed}, 'second seed'))) AS one"
    ).selectExpr("sha2(array_join(array_sort(collect_list(one)), ','), 256) AS digest")
    return str(row.collect()[0]["digest"])


def newest_state(rows: DataFrame) -> int | None:
    """The latest format of stored state among the rows; None where it can be read."""
    found = rows.selectExpr("max(state_version) AS newest").collect()[0]["newest"]
    return int(found) if found is not None and found > STATE_VERSION else None


def definition_of(rows: DataFrame) -> str | None:
    """The definition that the table as a whole was profiled under; None where no row tells."""
    whole = f"column_name = {string(TABLE_ROW)} AND slice_key = {string(WHOLE)}"
    first = rows.where(whole).select("definition_hash").limit(1).collect()
    return first[0]["definition_hash"] if first else None


def log_rows(
    spark: SparkSession, store: Store, name: Name, version: int
) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """(the row of `reference_snapshots`, the rows of `reference_events`) of a version.

    Timestamps as microseconds since 1970.
    """
    found = [
        _plain(spark, store, table, f"{same(name)} AND version = {int(version)}")
        for table in (REFERENCE_SNAPSHOTS, REFERENCE_EVENTS)
    ]
    snapshots, events = found
    return snapshots[0], sorted(events, key=lambda one: int(one["seq"]))


def _plain(spark: SparkSession, store: Store, table: Table, where: str) -> list[Mapping[str, Any]]:
    columns = (
        f"unix_micros({quote(one.name)}) AS {quote(one.name)}"
        if one.type == "timestamp"
        else quote(one.name)
        for one in table.columns
    )
    rows = spark.table(store.table(table.name)).where(where).selectExpr(*columns)
    return [row.asDict() for row in rows.collect()]

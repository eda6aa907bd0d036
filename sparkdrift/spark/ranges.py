"""Any run of stored windows, and any values of a slice, merged into one row per feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.joins import joined
from sparkdrift.spark.merging import merge_profiles
from sparkdrift.spark.metrics import with_values
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.slicing import slice_name
from sparkdrift.spark.sql import in_windows, string
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window

Wanted = Mapping[str, Sequence[str | None]]
"""Values by column of one slice; None is NULL. A row has one value of each column."""

_FEATURE = ("column_name", "kind", "definition_hash")


@dataclass(frozen=True)
class Span:
    """The stored windows in which a feature has one definition, of those asked for."""

    column_name: str
    windows: int
    start: datetime
    end: datetime


def rows_between(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    interval: Window,
    keys: Sequence[str],
    wanted: Wanted,
) -> DataFrame:
    """The stored rows of the windows in `interval`, of the whole table or of slice values.

    `keys` are the columns of the slice as it is stored, none for the whole table; of each
    the rows have one of the values in `wanted`.
    """
    rows = stored_rows(spark, store, spec, spec.windows.grain).where(
        in_windows("window_start", [interval])
    )
    if not keys:
        return rows.where(f"slice_key = {string(WHOLE)}")
    rows = rows.where(f"slice_key = {string(slice_name(keys))}")
    for key in keys:
        cell = _cell(keys, key)
        same = (f"{cell} <=> {_literal(value)}" for value in wanted[key])
        rows = rows.where(" OR ".join(same))
    return rows


def merged_rows(spec: MonitorSpec, rows: DataFrame) -> DataFrame:
    """`rows` merged to one per feature and definition, with FIGURES and STATE.

    window_start and window_end are where the windows of that definition begin and end.
    """
    merged = merge_profiles(
        rows.withColumn("merged_from", F.col("window_start")),
        ["column_name"],
        spec.sketch.categories,
    )
    merged = with_values(merged, spec)
    spans = rows.groupBy(*_FEATURE).agg(F.min("window_start"), F.max("window_end"))
    return joined(merged, spans.toDF(*_FEATURE, "window_start", "window_end"), _FEATURE)


def definitions(rows: DataFrame) -> list[Span]:
    """Where each definition of each feature holds, by feature and time; reads no sketch."""
    found = (
        rows.groupBy(*_FEATURE)
        .agg(
            F.expr("size(collect_set(window_start))").alias("windows"),
            F.expr("unix_micros(min(window_start))").alias("start"),
            F.expr("unix_micros(max(window_end))").alias("end"),
        )
        .orderBy("column_name", "start")
        .collect()
    )
    return [
        Span(row["column_name"], row["windows"], from_micros(row["start"]), from_micros(row["end"]))
        for row in found
    ]


def unsliced_windows(
    spark: SparkSession, store: Store, spec: MonitorSpec, interval: Window, keys: Sequence[str]
) -> int:
    """How many windows with rows in `interval` have no slice by `keys` stored."""
    row = (
        _table_rows(spark, store, spec, interval)
        .where("row_count > 0")
        .groupBy("window_start")
        .agg(F.expr(f"max(slice_key = {string(slice_name(keys))})").alias("sliced"))
        .agg(F.expr("count_if(NOT sliced)").alias("windows"))
        .collect()[0]
    )
    return int(row["windows"])


def slice_values(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    interval: Window,
    keys: Sequence[str],
    key: str,
    *,
    among: Sequence[str | None] | None = None,
    most: int = 1000,
) -> list[str | None]:
    """The values that column `key` of a slice has in `interval`: of `among`, or at most `most`."""
    rows = _table_rows(spark, store, spec, interval).where(
        f"slice_key = {string(slice_name(keys))}"
    )
    values = rows.selectExpr(f"{_cell(keys, key)} AS value").distinct()
    if among is not None:
        values = values.where(" OR ".join(f"value <=> {_literal(one)}" for one in among))
    return [row["value"] for row in values.orderBy("value").limit(most).collect()]


def _table_rows(
    spark: SparkSession, store: Store, spec: MonitorSpec, interval: Window
) -> DataFrame:
    return (
        stored_rows(spark, store, spec, spec.windows.grain)
        .where(in_windows("window_start", [interval]))
        .where(f"column_name = {string(TABLE_ROW)}")
    )


def _cell(keys: Sequence[str], key: str) -> str:
    """SQL for the value of one column of a slice: several stand in a JSON array."""
    if len(keys) == 1:
        return "slice_value"
    return f"from_json(slice_value, 'array<string>')[{list(keys).index(key)}]"


def _literal(value: str | None) -> str:
    return "CAST(NULL AS STRING)" if value is None else string(value)

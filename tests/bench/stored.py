"""Rows of result tables drawn from numbers alone, the same at every call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spark.table import Table
    from sparkdrift.store import Store


def kept(folder: Path, name: str) -> Path:
    """Where a store is kept from call to call: of each version of the tables its own."""
    from sparkdrift.spark.schemas import STORE_VERSION

    return folder / f"{name}-v{STORE_VERSION}"


def append(
    spark: SparkSession, store: Store, table: Table, count: int, made: Mapping[str, str], *by: str
) -> None:
    """Add so many rows, `id` from 0 on, in two parts; by: columns whose rows stay together."""
    rows = spark.range(0, count, 1, 2).selectExpr(*columns(table, made)).repartition(2, *by)
    rows.write.format("delta").mode("append").save(store.path(table.name))


def columns(table: Table, made: Mapping[str, str]) -> list[str]:
    """SQL for each column of a table, by name; NULL for those that are not made."""
    return [
        f"CAST({made.get(one.name, 'NULL')} AS {one.type}) AS `{one.name}`" for one in table.columns
    ]


def window(monitor: str, number: str) -> dict[str, str]:
    """The columns that every row of a day of 2024 on has. monitor, number: SQL."""
    return {
        "monitor": monitor,
        "window_start": day(number),
        "window_end": day(f"{number} + 1"),
        "granularity": "'day'",
        "slice_key": "'*'",
        "slice_value": "'*'",
        "run_id": "'bench'",
        "input_digest": "string(id)",
        "policy_hash": "'p'",
    }


def day(number: str) -> str:
    """SQL for the start of the day of this number, from 2024 on."""
    return f"timestamp_seconds(1704067200 + 86400 * ({number}))"

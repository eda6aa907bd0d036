"""Reading the verdicts on one model, and writing how they were answered and who was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pyspark.sql import SparkSession

from sparkdrift.health.triggers import Present, Told
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.health_tables import HEALTH_EVENTS, MODEL_HEALTH, TRIGGERS
from sparkdrift.spark.querying import fetch
from sparkdrift.spark.sql import string, timestamp
from sparkdrift.spark.table import bucket_of
from sparkdrift.spark.writer import insert_rows
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store


def read_verdict(
    spark: SparkSession, store: Store, spec: MonitorSpec, start: datetime | None = None
) -> dict[str, Any] | None:
    """The row of `model_health` of the window that begins at `start` (None: of the newest one).

    None where there is none. Times are aware.
    """
    window = "" if start is None else f" AND window_start = {timestamp(start)}"
    found = _rows(
        spark, f"SELECT * FROM {_of(store, spec)}{window} ORDER BY window_start DESC LIMIT 1"
    )
    return found[0] if found else None


def read_present(spark: SparkSession, store: Store, spec: MonitorSpec) -> Present | None:
    """The verdict that stands in the newest window; None where there is none."""
    row = read_verdict(spark, store, spec)
    if row is None:
        return None
    since = row["since"] or row["window_start"]
    before = _rows(
        spark,
        f"SELECT verdict FROM {_of(store, spec)} AND window_start < {timestamp(since)}"
        " ORDER BY window_start DESC LIMIT 1",
    )
    previous = before[0]["verdict"] if before else None
    return Present(spec.monitor, spec.windows.grain, row["verdict"], since, previous, row)


def read_told(spark: SparkSession, store: Store, present: Present) -> list[Told]:
    """Who was told of the present verdict since it began.

    Where rows that came late tell that it began earlier, it is the same that was told.
    """
    rows = _rows(
        spark,
        f"SELECT hook, seq, verdict, status, window_start FROM {store.table(TRIGGERS.name)}"
        f" WHERE monitor = {string(present.monitor)}"
        f" AND granularity = {string(present.granularity)}"
        f" AND window_start >= {timestamp(present.since)} ORDER BY created_at, seq",
    )
    return [
        Told(row["hook"], row["seq"], row["verdict"], row["status"], row["window_start"])
        for row in rows
    ]


def write_told(spark: SparkSession, store: Store, rows: Sequence[Mapping[str, Any]]) -> int:
    """Add rows to `triggers` in one commit; returns how many nobody else had written yet."""
    return insert_rows(spark, store, TRIGGERS, rows) if rows else 0


def answers(spark: SparkSession, store: Store, spec: MonitorSpec) -> list[dict[str, Any]]:
    """The answers to verdicts of a monitor, in their order."""
    return _rows(
        spark,
        f"SELECT * FROM {store.table(HEALTH_EVENTS.name)}"
        f" WHERE monitor = {string(spec.monitor)} ORDER BY seq",
    )


def write_answer(spark: SparkSession, store: Store, row: Mapping[str, Any]) -> bool:
    """Add an answer; False where somebody else took its number meanwhile."""
    return insert_rows(spark, store, HEALTH_EVENTS, [row]) == 1


def _of(store: Store, spec: MonitorSpec) -> str:
    return (
        f"{store.table(MODEL_HEALTH.name)} WHERE bucket = {bucket_of(spec.monitor)}"
        f" AND monitor = {string(spec.monitor)}"
        f" AND granularity = {string(spec.windows.grain)}"
    )


def _rows(spark: SparkSession, query: str) -> list[dict[str, Any]]:
    with few_rows(spark):
        return fetch(spark.sql(query), 10_000).dicts()

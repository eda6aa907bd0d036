"""What a source and a store still hold of a model that is retired."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import SparkSession

from sparkdrift import __version__
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.health_tables import MODEL_HEALTH
from sparkdrift.spark.querying import fetch
from sparkdrift.spark.reference_tables import DEBT_EVENTS
from sparkdrift.spark.source import instant, source_of
from sparkdrift.spark.sql import string, timestamp
from sparkdrift.spark.writer import Case, Scope, replace, rows_frame
from sparkdrift.spec.digests import health_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window


def newest_event_since(spark: SparkSession, spec: MonitorSpec, since: datetime) -> datetime | None:
    """The newest event at or after `since` in the monitored table (aware); None: there is none.

    Files whose events are all older are not read.
    """
    source = source_of(spark, spec)
    column = spec.timestamp.column
    kind = {name.lower(): kind for name, kind in source.schema.items()}[column.lower()]
    event = instant(column, kind, spec.timestamp.zone)
    found = source.select(spark, f"max({event}) AS newest", where=f"{event} >= {timestamp(since)}")
    newest: datetime | None = fetch(found, 1).rows[0][0]
    return newest


def owes_already(spark: SparkSession, store: Store, spec: MonitorSpec, debt: str) -> bool:
    """Whether the ledger has an entry of this debt."""
    with few_rows(spark):
        found = spark.sql(
            f"SELECT 1 FROM {store.table(DEBT_EVENTS.name)} WHERE monitor = {string(spec.monitor)}"
            f" AND debt = {string(debt)} LIMIT 1"
        ).collect()
    return bool(found)


def write_retired(
    spark: SparkSession, store: Store, spec: MonitorSpec, window: Window, run_id: str
) -> None:
    """Say in `model_health` that the model is retired in this window: nothing is measured any more,
    so that there is no verdict but blind, and no figure."""
    policy = health_hash(spec)
    why = "the model is retired: nothing is watched any more"
    row = {
        "monitor": spec.monitor,
        "window_start": window.start,
        "window_end": window.end,
        "granularity": spec.windows.grain,
        "model_id": spec.model_id,
        "model_version": spec.model_version,
        "stage": "retired",
        "verdict": "blind",
        "confidence": 0.0,
        "reasons": [(0.0, "ownership", why, [])],
        "rules": [],
        "debts": [],
        "since": window.start,
        "owner": spec.owner,
        "policy_hash": policy,
        "definition_hash": policy,
        "run_id": run_id,
        "package_version": __version__,
    }
    scope = Scope(spec.monitor, spec.windows.grain, [Case([window])])
    with few_rows(spark):
        replace(store, MODEL_HEALTH, rows_frame(spark, MODEL_HEALTH, [row]), scope, run_id=run_id)

"""What a source and a store still hold of a model that is retired."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import SparkSession

from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.querying import fetch
from sparkdrift.spark.schemas import DEBT_EVENTS
from sparkdrift.spark.source import instant, source_of
from sparkdrift.spark.sql import string, timestamp
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store


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

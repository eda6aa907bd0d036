"""What `feature_debt` says of the newest window, as a few rows for reading."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkdrift.spark.feature_inputs import debt_rows
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

_SHOWN = (
    *("window_start", "figure", "subject", "value", "low", "high", "limit", "unit"),
    *("status", "reason", "since"),
)
MOST_ROWS = 5_000


def newest_debt(spark: SparkSession, store: Store, spec: MonitorSpec) -> list[dict[str, Any]]:
    """The rows of the newest window that was told, at most MOST_ROWS, in order of their key."""
    rows = debt_rows(spark, store, spec)
    newest = rows.agg(F.max("window_start").alias("window_start"))
    found = (
        rows.join(F.broadcast(newest), "window_start", "left_semi")
        .select(*_SHOWN)
        .orderBy("figure", "subject")
        .limit(MOST_ROWS)
        .toArrow()
    )
    return [dict(row) for row in found.to_pylist()]

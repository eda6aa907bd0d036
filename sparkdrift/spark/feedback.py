"""Rows of the view `feedback`: the share of rows that the model itself shaped."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

from sparkdrift.explain.signals import WHOLE
from sparkdrift.spark.sql import string
from sparkdrift.spark.views import registered
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store


def newest_shares(
    spark: SparkSession, store: Store, spec: MonitorSpec, most: int
) -> list[dict[str, Any]]:
    """The last `most` windows of the monitor's grain, whole table, in time order."""
    with registered(spark, store, "SELECT * FROM feedback"):
        rows = spark.sql(
            f"SELECT * FROM feedback WHERE monitor = {string(spec.monitor)}"
            f" AND granularity = {string(spec.windows.grain)} AND slice_key = {string(WHOLE)}"
            f" ORDER BY window_start DESC LIMIT {int(most)}"
        ).toArrow()
    return [dict(row) for row in reversed(rows.to_pylist())]

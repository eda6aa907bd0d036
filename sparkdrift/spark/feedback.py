"""What is stored of feedback: the share of rows that the model shaped, and how these differ."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

from sparkdrift.explain.signals import UNSHAPED, WHOLE
from sparkdrift.spark.sql import string
from sparkdrift.spark.statuses import WAS_MEASURED
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


def feature_differences(
    spark: SparkSession, store: Store, spec: MonitorSpec, most: int
) -> list[dict[str, Any]]:
    """Each feature of the rows that the model shaped, against that of the others, largest first.

    From the comparison `unshaped` of the last `most` windows: `windows` that were measured,
    `differ` those in which it drifted; the figures are of the newest window that was measured,
    `window_start`, and NULL where none was: `status` and `reason` then say why.
    """
    figures = ("status", "reason", "effect", "effect_low", "effect_high", "shift", "null_delta")
    newest = ", ".join(
        f"max_by({one}, struct({WAS_MEASURED}, window_start)) AS {one}" for one in figures
    )
    with registered(spark, store, "SELECT * FROM current_drift"):
        rows = spark.sql(
            f"WITH known AS (SELECT *, dense_rank() OVER (ORDER BY window_start DESC) AS place"
            f" FROM current_drift WHERE monitor = {string(spec.monitor)}"
            f" AND granularity = {string(spec.windows.grain)}"
            f" AND comparison = {string(UNSHAPED)})"
            f" SELECT column_name, count_if({WAS_MEASURED}) AS windows,"
            f" count_if(status = 'drifted') AS differ,"
            f" max(CASE WHEN {WAS_MEASURED} THEN window_start END) AS window_start, {newest}"
            f" FROM known WHERE place <= {int(most)} GROUP BY column_name"
            " ORDER BY effect DESC NULLS LAST, column_name"
        ).toArrow()
    return [dict(row) for row in rows.to_pylist()]

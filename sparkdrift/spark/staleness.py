"""How stale the training data is: the newest window of the view `training_staleness`."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

from sparkdrift.spark.sql import string
from sparkdrift.spark.views import registered
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

VIEW = "training_staleness"


def newest_staleness(spark: SparkSession, store: Store, spec: MonitorSpec) -> list[dict[str, Any]]:
    """Rows of the view for the newest window with a row, ':all' first, then by distance.

    Empty where no window was held against a training reference: not measured, not fresh.
    """
    with registered(spark, store, f"SELECT * FROM {VIEW}"):
        rows = spark.sql(
            f"WITH own AS (SELECT * FROM {VIEW} WHERE monitor = {string(spec.monitor)}"
            f" AND granularity = {string(spec.windows.grain)})"
            " SELECT * FROM own WHERE window_start = (SELECT max(window_start) FROM own)"
            " ORDER BY column_name <> ':all', effect DESC NULLS LAST, column_name"
        ).toArrow()
    return [dict(row) for row in rows.to_pylist()]

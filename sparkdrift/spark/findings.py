"""What the verdicts in force are, read back from `drift`."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import SparkSession

from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.comparison import in_force_rows
from sparkdrift.spark.references import Active
from sparkdrift.spark.sql import in_windows
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous


def count_statuses(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    active: Sequence[Active],
    windows: Sequence[Window],
) -> dict[str, int]:
    """How many rows of each status these windows have, by the references in force."""
    if not windows:
        return {}
    rows = (
        in_force_rows(spark, store, spec, active, policy_hash(spec))
        .where(in_windows("window_start", contiguous(windows)))
        .groupBy("status")
        .count()
        .collect()
    )
    return {row["status"]: row["count"] for row in rows}


def newest_judged(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: Sequence[Active]
) -> Window | None:
    """The newest window that has a verdict in force, or None."""
    row = (
        in_force_rows(spark, store, spec, active, policy_hash(spec))
        .selectExpr(
            "unix_micros(max(window_start)) AS start",
            "unix_micros(max_by(window_end, window_start)) AS end",
        )
        .collect()[0]
    )
    if row["start"] is None:
        return None
    return Window(from_micros(row["start"]), from_micros(row["end"]))

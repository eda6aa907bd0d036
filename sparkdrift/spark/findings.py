"""What the verdicts in force are, read back from `drift`."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_rows import in_force_rows
from sparkdrift.spark.reference_life import InForce
from sparkdrift.spark.sql import in_windows, quote
from sparkdrift.spark.views import alerts_query
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous


@dataclass(frozen=True)
class Findings:
    """How many rows of some windows have each status, and how many of them are suppressed."""

    statuses: Mapping[str, int] = field(default_factory=dict)
    suppressed: Mapping[str, int] = field(default_factory=dict)

    def telling(self, statuses: Collection[str]) -> int:
        """Rows of these statuses that nobody asked to be spared."""
        return sum(self.statuses.get(s, 0) - self.suppressed.get(s, 0) for s in statuses)


def count_statuses(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    active: InForce,
    windows: Sequence[Window],
) -> Findings:
    """How many rows of each status these windows have, by the references in force.

    Of the comparisons that may alert: the others are for reading.
    """
    if not windows:
        return Findings()
    rows = (
        in_force_rows(spark, store, spec, active, policy_hash(spec))
        .where(in_windows("window_start", contiguous(windows)))
        .where(F.col("comparison").isin(list(spec.alerts.comparisons)))
        .groupBy("status")
        .agg(F.count("*").alias("rows"), F.count("suppression").alias("suppressed"))
        .collect()
    )
    return Findings(
        {row["status"]: row["rows"] for row in rows},
        {row["status"]: row["suppressed"] for row in rows if row["suppressed"]},
    )


_ALERT = ("slice_key", "slice_value", "column_name", "comparison", "since")


def count_alerts(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    active: InForce,
    windows: Sequence[Window],
) -> dict[str, int]:
    """How many alerts of each severity stand in these windows, but for suppressed ones.

    One that changed its severity meanwhile counts for each.
    """
    if not windows:
        return {}
    view = f"sparkdrift_in_force_{uuid.uuid4().hex[:8]}"
    in_force_rows(spark, store, spec, active, policy_hash(spec)).createOrReplaceTempView(view)
    try:
        rows = (
            spark.sql(alerts_query(quote(view)))
            .where(in_windows("window_start", contiguous(windows)))
            .where("suppression IS NULL")
            .groupBy("severity")
            # An alert that stands in several of the windows is one.
            .agg(F.countDistinct(F.struct(*_ALERT)).alias("count"))
            .collect()
        )
    finally:
        spark.catalog.dropTempView(view)
    return {row["severity"]: row["count"] for row in rows}


def newest_judged(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: InForce
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

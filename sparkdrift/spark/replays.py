"""What calibration reads of the reference: a replay of its windows, and its bins."""

from __future__ import annotations

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from sparkdrift.kernels.replaying import JUDGED, REPLAYED, judged, replay
from sparkdrift.kernels.tallying import TALLIED, tallying
from sparkdrift.measures.evidence import LEAST_POWER
from sparkdrift.spark.alerting import policy_of
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.reference_life import Snapshot, own_name
from sparkdrift.spark.sql import ddl, quote
from sparkdrift.spark.window_columns import stratum
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

_ROW = ("slice_key", "slice_value", "column_name")


def replayed_windows(
    spark: SparkSession, store: Store, spec: MonitorSpec, snapshot: Snapshot
) -> pa.Table:
    """What would have alarmed, had the reference's windows come after it; columns TALLIED.

    Few rows reach the driver: those of features that would alert, and sums of each partition.
    """
    strata = (
        f"transform(window_bins, one -> "
        f"{stratum('one.window_start', spec.season, spec.timestamp.zone)}) AS window_strata"
    )
    rows = _reference(spark, store, spec, snapshot).selectExpr(*_ROW, "bins", "window_bins", strata)
    policy = policy_of(spec)
    # One row of a reference is all windows of a feature: spread, since each takes a while.
    tested = rows.repartition(*map(quote, _ROW)).mapInArrow(replay(policy), ddl(REPLAYED))
    by_window = tested.repartition("window_start").sortWithinPartitions("window_start")
    verdicts = by_window.mapInArrow(judged(LEAST_POWER), ddl(JUDGED))
    keys = list(map(quote, _ROW))
    by_series = verdicts.repartition(*keys).sortWithinPartitions(*keys, "window_start")
    kernel = tallying(policy.effect, spec.alerts.windows, spec.alerts.of)
    return by_series.mapInArrow(kernel, ddl(TALLIED)).toArrow()


def reference_bins(
    spark: SparkSession, store: Store, spec: MonitorSpec, snapshot: Snapshot
) -> dict[str, dict[str, list[float] | list[str] | None]]:
    """Edges or items of the bins of each feature, over the whole table."""
    rows = (
        _reference(spark, store, spec, snapshot)
        .where("slice_key = '*' AND bins IS NOT NULL")
        .select("column_name", "bins.edges", "bins.items")
        .collect()
    )
    return {row["column_name"]: {"edges": row["edges"], "items": row["items"]} for row in rows}


def _reference(
    spark: SparkSession, store: Store, spec: MonitorSpec, snapshot: Snapshot
) -> DataFrame:
    # What only pairs of features are made of is no bins.
    return frozen_rows(spark, store, [(own_name(spec), snapshot)]).where(
        "kind IN ('numeric', 'categorical')"
    )

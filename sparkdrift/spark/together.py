"""What a reference's own windows show of several columns together, sent to each window."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.compared import COMPARED
from sparkdrift.kernels.together import known
from sparkdrift.spark.alerting import policy_of
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.reference_life import Snapshot, own_name
from sparkdrift.spark.sql import ddl, string
from sparkdrift.spark.window_columns import stratum
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window


def known_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    judged: Sequence[tuple[Snapshot, Sequence[Window]]],
) -> DataFrame:
    """Rows of `kernels.comparing.COMPARED`, some for each window and the version that judges it.

    Of the references only the bins of the whole table are read, and the sketches of projections.
    """
    policy = policy_of(spec)
    strata = stratum("one.window_start", spec.season, spec.timestamp.zone)
    projections = ", ".join(map(string, sorted(policy.projections)))
    # Not read at all where nothing is a projection.
    kll = f"CASE WHEN column_name IN ({projections}) THEN kll END" if projections else "NULL"
    rows = (
        frozen_rows(spark, store, ((own_name(spec), one) for one, _ in judged))
        .where(f"slice_key = {string(WHOLE)} AND kind IN ('numeric', 'categorical')")
        .selectExpr(
            "version AS reference_version",
            "column_name",
            "stddev",
            f"CAST({kll} AS BINARY) AS kll",
            "bins",
            "window_bins",
            f"CAST(transform(window_bins, one -> {strata}) AS ARRAY<INT>) AS window_strata",
        )
    )
    starts = {one.version: tuple(window.start for window in windows) for one, windows in judged}
    # A reference is one group: a few numbers per feature and window, and they must meet.
    grouped = rows.repartition("reference_version").sortWithinPartitions(
        "reference_version", "column_name"
    )
    return grouped.mapInArrow(known(policy, starts), ddl(COMPARED))

"""What calibration reads: a replay of the reference's windows, and labelled rows of a sample."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from sparkdrift.kernels.replaying import ALARMING, REPLAYED, alarming, replay
from sparkdrift.measures.evidence import LEAST_POWER
from sparkdrift.spark.alerting import policy_of
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.profiles import window_rows
from sparkdrift.spark.references import ROLE, Snapshot
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import ddl, quote
from sparkdrift.spark.window_columns import stratum
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature
from sparkdrift.store import Store
from sparkdrift.windows import Window

_ROW = ("slice_key", "slice_value", "column_name")
_SEED = 20


def replayed_windows(
    spark: SparkSession, store: Store, spec: MonitorSpec, snapshot: Snapshot
) -> pa.Table:
    """What would have alarmed, had the reference's windows come after it; columns ALARMING.

    Few rows reach the driver: those of windows that were unusual, and one per window.
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
    return by_window.mapInArrow(alarming(LEAST_POWER), ddl(ALARMING)).toArrow()


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


def labelled_rows(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    features: Sequence[Feature],
    interval: Window,
    share: float,
) -> pa.Table:
    """A sample of the rows of `interval` that have a label: label, score, decision, f0, f1, ...

    Numbers are doubles, categories texts; what is not there or no number is NULL. `share`:
    of the rows, so that it bounds what reaches the driver.
    """
    columns = []
    for role in ("label", "score", "decision"):
        column = getattr(spec.prediction, role) if spec.prediction else None
        columns.append(f"{_number(column)} AS {role}" if column else f"CAST(NULL AS DOUBLE) {role}")
    for i, one in enumerate(features):
        kind = "DOUBLE" if one.kind == "numeric" else "STRING"
        columns.append(f"CAST({one.sql} AS {kind}) AS f{i}")
    rows = window_rows(spark, source, spec, [interval]).where(f"rand({_SEED}) < {share!r}D")
    return rows.selectExpr(*columns).where("label IS NOT NULL").toArrow()


def _number(column: str) -> str:
    # Through text, which also takes a boolean of any spelling.
    text = f"lower(CAST({quote(column)} AS STRING))"
    return (
        f"CASE {text} WHEN 'true' THEN 1D WHEN 'false' THEN 0D ELSE try_cast({text} AS DOUBLE) END"
    )


def _reference(
    spark: SparkSession, store: Store, spec: MonitorSpec, snapshot: Snapshot
) -> DataFrame:
    # What only pairs of features are made of is no bins.
    return frozen_rows(spark, store, spec, [(ROLE, snapshot)]).where(
        "kind IN ('numeric', 'categorical')"
    )

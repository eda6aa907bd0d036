"""Estimated importances in the table `states`: which windows lack them, and how they are made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels import importances as kernel
from sparkdrift.spark.changes import Fingerprint, from_micros
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.local_rows import by_window
from sparkdrift.spark.profile_tables import NOT_OF_LABELS, STATES
from sparkdrift.spark.profiles import StoredWindow
from sparkdrift.spark.row_samples import sampled_windows
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import ddl, string
from sparkdrift.spark.window_columns import window_end
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.importance import Importance
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature
from sparkdrift.store import Store

KIND = "importance"
_SPARE = 1.2
"""So many times the rows that are wanted are drawn: a draw of a share varies."""


def stored_importances(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    """The rows of one monitor in `states` that are estimated importances, of its own grain."""
    return spark.table(store.table(STATES.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND kind = {string(KIND)}"
    )


def lacking_importances(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    windows: dict[datetime, StoredWindow],
    definition: str,
) -> list[Fingerprint]:
    """The windows with rows whose importances are missing, or of other rows or features."""
    rows = stored_importances(spark, store, spec).selectExpr(
        "unix_micros(window_start) AS start", "fingerprint", "definition_hash"
    )
    with few_rows(spark):
        have = {
            from_micros(row["start"]): (row["fingerprint"], row["definition_hash"])
            for row in rows.collect()
        }
    return [
        Fingerprint(one.window, one.rows, one.fingerprint)
        for start, one in sorted(windows.items())
        if one.rows
        and one.status != "source_unavailable"
        and have.get(start) != (one.fingerprint, definition)
    ]


def write_importances(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    source: Source,
    features: Sequence[Feature],
    own: Importance,
    batch: Sequence[Fingerprint],
    definition: str,
    run_id: str,
) -> None:
    """Estimate the importances of `features` in the windows of `batch`, in one commit."""
    if own.estimate is None:
        return
    wanted = {one.window: min(1.0, _SPARE * own.rows / max(one.rows, 1)) for one in batch}
    rows = sampled_windows(spark, source, spec, features, wanted, own.seed)
    numeric = [one.kind == "numeric" for one in features]
    names = [one.name for one in features]
    grouped = rows.repartition(*kernel.KEYS).sortWithinPartitions(*kernel.KEYS)
    method = kernel.estimate(own.estimate, names, numeric, own.rows, own.seed)
    known = by_window(spark, {one.window.start: one.digest for one in batch}, "fingerprint")
    constants = {
        "monitor": spec.monitor,
        "granularity": spec.windows.grain,
        "slice_key": WHOLE,
        "slice_value": WHOLE,
        "kind": KIND,
        "name": spec.model_version or "",
        "definition_hash": definition,
        "source_version": source.version,
        "run_id": run_id,
        "package_version": __version__,
        **NOT_OF_LABELS,
    }
    end = window_end("window_start", spec.windows.grain, spec.timestamp.zone)
    found = (
        grouped.mapInArrow(method, ddl(kernel.FOUND))
        .join(F.broadcast(known), "window_start")
        .withColumns(
            {
                **{name: F.lit(value) for name, value in constants.items()},
                "window_end": F.expr(end),
                "input_digest": F.expr(
                    f"sha2(concat_ws('|', fingerprint, {string(definition)}), 256)"
                ),
            }
        )
    )
    scope = Scope(
        spec.monitor, spec.windows.grain, [Case([o.window for o in batch], {"kind": KIND})]
    )
    replace(store, STATES, found, scope, run_id=run_id)

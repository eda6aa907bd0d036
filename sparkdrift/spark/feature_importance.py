"""The importance of each feature in each window, and what of it lies on features that drifted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.kernels.declared_importances import (
    SHARES,
    Written,
    declared_shares,
    held_at,
    how_many_terms,
    told_importances,
)
from sparkdrift.kernels.feature_course import Before, ModelWindow
from sparkdrift.kernels.importances import ABOUT
from sparkdrift.spark.asked import version_of
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_rows import in_force_rows
from sparkdrift.spark.feature_inputs import feature_profiles
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.importance_states import stored_importances
from sparkdrift.spark.reference_life import Active, References, in_force
from sparkdrift.spark.sql import ddl, in_windows
from sparkdrift.spark.statuses import WAS_MEASURED
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous, window_at

GREW = 0.05
"""By so much of all importance a feature has to have gained, beyond its error, to have grown."""
NONE_KNOWN = (
    "no importances are known: name a table, `importance: {table: ..}`, an estimate, "
    "`importance: {estimate: linear}`, or weights under alerts.importance"
)
_MOST_REMARKS = 5


@dataclass(frozen=True)
class Known:
    """shares: window_start, feature, share, error, spread, problem of every stored window; NULL
    share: there is none, for `problem`; spread: the standard error of their concentration. None:
    no importances are known at all. constant: whether they are the same for all windows. remarks:
    what of them counts for nothing, in words."""

    shares: DataFrame | None
    constant: bool = False
    remarks: tuple[str, ...] = ()


def known_importances(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    written: Sequence[Written] | None,
    starts: Sequence[datetime],
) -> Known:
    """Where the spec says that they come from; `written`: rows of its table, if that is it."""
    if spec.importance is not None and spec.importance.estimate is not None:
        return Known(_estimated(spark, store, spec))
    if written is None and not spec.alerts.importance:
        return Known(None)
    with few_rows(spark):
        profiles = feature_profiles(spark, store, spec).select("column_name").distinct()
        features = sorted(row["column_name"] for row in profiles.collect())
    if written is None:
        weights = {name: spec.alerts.importance.get(name, 1.0) for name in features}
        written = [Written(name, weight) for name, weight in weights.items()]
    zone, grain = spec.timestamp.zone, spec.windows.grain
    windows = [(start, window_at(start, grain, zone).end) for start in starts]
    many = how_many_terms(written, [end for _, end in windows])
    frame = spark.createDataFrame(windows, "window_start timestamp, window_end timestamp")
    # On executors: windows times features is as many rows as the figure will have.
    shares = frame.mapInArrow(declared_shares(written, features), ddl(SHARES))
    odd = [one for one in told_importances(held_at(written, None), features) if one.share is None]
    remarks = [f"importance of {one.feature}: {one.reason}" for one in odd[:_MOST_REMARKS]]
    if len(odd) > _MOST_REMARKS:
        remarks.append(f"and {len(odd) - _MOST_REMARKS} more features without an importance")
    return Known(shares, many < 2, tuple(remarks))


def _estimated(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    rows = stored_importances(spark, store, spec).selectExpr(
        "window_start",
        "nullif(columns[0], '') AS problem",
        "cells",
        "size(columns) - 1 AS many",
        "posexplode(slice(columns, 2, size(columns) - 1)) AS (place, feature)",
    )
    return rows.selectExpr(
        "window_start",
        "feature",
        f"get(cells, {ABOUT} + place) AS share",
        f"get(cells, {ABOUT} + many + place) AS error",
        "cells[2] AS spread",
        "problem",
    )


def importance_rows(known: Known, windows: Sequence[Window]) -> DataFrame | None:
    """The figure `importance` of these windows, as rows of the kernel; None: none is known."""
    if known.shares is None:
        return None
    z = "1.959963984540054D * error"
    return (
        known.shares.where(in_windows("window_start", contiguous(windows)))
        .selectExpr(
            "window_start",
            "'importance' AS figure",
            "feature AS subject",
            "share AS value",
            f"greatest(share - {z}, 0D) AS low",
            f"CASE WHEN error IS NOT NULL THEN least(share + {z}, 1D) END AS high",
            "CAST(NULL AS DOUBLE) AS `limit`",
            "'share' AS unit",
            "CASE WHEN share IS NULL THEN 'undetermined' END AS status",
            "coalesce(problem, concat('its part of all importance, ',"
            " if(error IS NULL, 'as declared', 'estimated from rows'))) AS reason",
        )
        .withColumn("low", F.expr("CASE WHEN high IS NOT NULL THEN low END"))
    )


@dataclass(frozen=True)
class Summed:
    """Of each window what its importances come to, and what there is to compare with, by version
    of the reference."""

    windows: Mapping[datetime, ModelWindow] = field(default_factory=dict)
    before: Mapping[int, Before] = field(default_factory=dict)


def summed_importances(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    stored: References,
    known: Known,
    windows: Sequence[Window],
) -> Summed:
    """One row per window reaches the driver, and one per version of the reference."""
    if known.shares is None:
        return Summed()
    numbered = _before(spark, spec, stored.active, known)
    alerts = _alerts(spark, store, spec, stored).where(
        in_windows("window_start", contiguous(windows))
    )
    compared = "share_before IS NOT NULL" if not known.constant else "false"
    error = "coalesce(1.959963984540054D * sqrt(error * error + error_before * error_before), 0D)"
    grew = f"{compared} AND share - share_before > {GREW} + {error}"
    hit = "coalesce(alerts, false) AND share > 0"
    most = "transform(slice(array_sort(collect_list({0})), 1, 5), one -> one.feature)"
    listed = "CASE WHEN {0} THEN struct(-share AS least, feature) END"
    rows = (
        known.shares.where(in_windows("window_start", contiguous(windows)))
        .withColumn("version", F.expr(version_of(stored.active)))
        .join(alerts, ["window_start", "feature"], "left")
        .join(F.broadcast(numbered), ["version", "feature"], "left")
        .withColumn("hit", F.expr(hit))
        .withColumn("grew", F.expr(f"coalesce({grew}, false)"))
        .groupBy("window_start")
        .agg(
            F.expr("sum(share * share) AS concentration"),
            F.expr("max(spread) AS error"),
            F.expr("coalesce(sum(share) FILTER (WHERE hit), 0D) AS drifted"),
            F.expr("coalesce(sum(share) FILTER (WHERE alerts IS NULL), 0D) AS unmeasured"),
            F.expr("coalesce(sum(share) FILTER (WHERE hit AND grew), 0D) AS grown"),
            F.expr(f"count_if({compared}) AS compared"),
            F.expr(f"{most.format(listed.format('hit'))} AS drifted_on"),
            F.expr(f"{most.format(listed.format('hit AND grew'))} AS grown_on"),
            F.expr("max(problem) AS problem"),
        )
        .withColumn("start", F.expr("unix_micros(window_start)"))
        .drop("window_start")
        .collect()
    )
    return Summed(
        {from_micros(row["start"]): _window(row.asDict()) for row in rows},
        _concentrations(spark, spec, stored.active, known),
    )


def _window(row: Mapping[str, object]) -> ModelWindow:
    def number(name: str) -> float:
        value = row[name]
        return float(value) if isinstance(value, int | float) else np.nan

    some = row["concentration"] is not None
    return ModelWindow(
        concentration=number("concentration"),
        error=number("error"),
        drifted=number("drifted") if some else np.nan,
        unmeasured=number("unmeasured") if some else np.nan,
        on=tuple(map(str, row["drifted_on"] or ())),  # type: ignore[call-overload]
        grown=number("grown") if some and row["compared"] else np.nan,
        grown_on=tuple(map(str, row["grown_on"] or ())),  # type: ignore[call-overload]
        reason=str(row["problem"] or ""),
    )


def _alerts(spark: SparkSession, store: Store, spec: MonitorSpec, stored: References) -> DataFrame:
    """window_start, feature, alerts: whether a comparison that may alert found it drifted; NULL
    where none was measured. What is suppressed is no less drifted."""
    active = in_force(spec, stored)
    wanted = [one for one in active if one in spec.alerts.comparisons]
    rows = in_force_rows(spark, store, spec, active, policy_hash(spec)).where(
        F.col("comparison").isin(wanted) & (F.col("slice_key") == "*")
    )
    return rows.groupBy("window_start", F.col("column_name").alias("feature")).agg(
        F.expr(f"bool_or(CASE WHEN {WAS_MEASURED} THEN status = 'drifted' END) AS alerts")
    )


def _reference_windows(spec: MonitorSpec, active: Sequence[Active], known: Known) -> DataFrame:
    """The importances of the windows of each version's interval; version 0, and versions without
    one, have those of the first window that has any."""
    assert known.shares is not None  # noqa: S101 - asked for only where it is
    some = known.shares.where("share IS NOT NULL")
    intervals = {
        one.snapshot.version: one.snapshot.interval for one in active if one.snapshot.interval
    }
    others = [0, *(v for v in (o.snapshot.version for o in active) if v not in intervals)]
    first = some.join(
        F.broadcast(some.agg(F.min("window_start").alias("window_start"))), "window_start"
    )
    parts = [
        some.where(in_windows("window_start", [interval])).withColumn("version", F.lit(version))
        for version, interval in intervals.items()
    ]
    parts.append(
        first.withColumn("version", F.expr(f"explode(array({', '.join(map(str, others))}))"))
    )
    found = parts[0]
    for part in parts[1:]:
        found = found.unionByName(part)
    return found


def _before(
    spark: SparkSession, spec: MonitorSpec, active: Sequence[Active], known: Known
) -> DataFrame:
    """version, feature, share_before, error_before."""
    return (
        _reference_windows(spec, active, known)
        .groupBy("version", "feature")
        .agg(
            F.expr("avg(share) AS share_before"),
            F.expr("coalesce(sqrt(sum(error * error)) / count(*), 0D) AS error_before"),
        )
    )


def _concentrations(
    spark: SparkSession, spec: MonitorSpec, active: Sequence[Active], known: Known
) -> dict[int, Before]:
    if known.constant:
        lacking = "importances are the same for all windows: their concentration can't change"
        versions = chain([0], (one.snapshot.version for one in active))
        return {version: Before(lacking=lacking) for version in versions}
    rows = (
        _reference_windows(spec, active, known)
        .groupBy("version", "window_start")
        .agg(F.expr("sum(share * share) AS h"))
        .groupBy("version")
        .agg(F.expr("avg(h) AS mean"), F.expr("stddev(h) AS sd"), F.expr("count(*) AS windows"))
        .collect()
    )
    intervals = {one.snapshot.version for one in active if one.snapshot.interval}
    return {
        row["version"]: Before(
            row["mean"],
            np.nan if row["sd"] is None else row["sd"],
            row["windows"],
            "in the windows of the reference"
            if row["version"] in intervals
            else "in the first window with importances",
        )
        for row in rows
    }

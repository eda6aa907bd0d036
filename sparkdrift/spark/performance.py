"""The table `performance`: which windows are due, their rows from stored states, and writing them.

No source row is read: states of windows meet the states of the evaluation set's version that was
in force when they began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.performance import GROUP, KNOWN, PERFORMED, WINDOW, perform
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.evaluation_inputs import buckets_of, listed, mature, states_of_sets
from sparkdrift.spark.evaluation_tables import PERFORMANCE
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.performance_inputs import (
    Sets,
    digested,
    grains,
    shaped,
    window_states,
)
from sparkdrift.spark.performance_policy import rules_of
from sparkdrift.spark.slicing import slice_name
from sparkdrift.spark.sql import ddl, in_windows, quote, string, timestamp
from sparkdrift.spark.window_columns import position
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous


@dataclass(frozen=True)
class Due:
    """By grain and start of the window: the digest that its rows should have, and the one that
    they have."""

    wanted: dict[str, dict[datetime, str]] = field(default_factory=dict)
    have: dict[str, dict[datetime, str]] = field(default_factory=dict)


def performance_digests(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    sets: Sets,
    policy: str,
    as_of: datetime | None,
) -> Due:
    """What should be in `performance` and what is, in one query for all grains."""
    kept = ("granularity", "window_start")
    have = (
        spark.table(store.table(PERFORMANCE.name))
        .where(f"monitor = {string(spec.monitor)}")
        .where(f"granularity IN ({listed(grains(spec))})")
        .groupBy(*kept)
        .agg(F.expr("max(input_digest)").alias("digest"))
    )
    wanted = digested(spark, store, spec, sets, policy, as_of)
    sides = wanted.selectExpr("0 AS side", *kept, "input_digest AS digest").unionAll(
        have.selectExpr("1 AS side", *kept, "digest")
    )
    found = Due()
    with few_rows(spark):
        rows = sides.withColumn("start", F.expr("unix_micros(window_start)")).collect()
    for row in rows:
        side = found.have if row["side"] else found.wanted
        side.setdefault(row["granularity"], {})[from_micros(row["start"])] = row["digest"]
    return found


def performance_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    sets: Sets,
    granularity: str,
    windows: Sequence[Window],
    digests: Mapping[datetime, str],
    as_of: datetime | None,
) -> DataFrame:
    """The rows of `performance` of these windows. digests: `Due.wanted` of this grain, which is
    known already: a window whose states change meanwhile is due again."""
    buckets = buckets_of(windows)
    inside = in_windows("window_start", contiguous(windows))
    states = window_states(spark, store, spec, sets).where(
        f"granularity = {string(granularity)} AND {inside}"
    )
    place = position("window_start", granularity, spec.timestamp.zone)
    rows = shaped(
        states,
        WINDOW,
        {"bucket": f"pmod({place}, {buckets})", "mature": mature(spec, as_of)},
    )
    known = states_of_sets(spark, store, spec, sets, windows)
    if known is not None:
        # What combines the slice keys has no windows to be held against.
        keys = listed([WHOLE, *map(slice_name, spec.slices)])
        each = known.where(f"slice_key IN ({keys})").withColumn(
            "bucket", F.expr(f"explode(sequence(0, {buckets - 1}))")
        )
        rows = rows.unionAll(shaped(each, KNOWN, {}))
    grouped = rows.repartition(*map(quote, GROUP[:3])).sortWithinPartitions(*GROUP)
    own = {one.start: digests[one.start] for one in windows if one.start in digests}
    return grouped.mapInArrow(perform(rules_of(spec, granularity), own), ddl(PERFORMED))


def count_findings(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: Sequence[Window]
) -> tuple[int, int]:
    """(rows that say degraded, rows that say concept drift) of these windows."""
    rows = spark.table(store.table(PERFORMANCE.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND {in_windows('window_start', contiguous(windows))}"
    )
    with few_rows(spark):
        row = rows.selectExpr(
            "count_if(status = 'degraded') AS degraded", "count_if(concept_drift) AS drifted"
        ).collect()[0]
    return row["degraded"], row["drifted"]


def drifting_metrics(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    evaluation_set: str,
    since: datetime | None,
    until: datetime,
) -> tuple[datetime, tuple[str, ...]] | None:
    """(start, metrics with concept drift) of a window before `until`, whole table; None: of none.

    Of the windows from `since` on the newest with any; where `since` is None, the newest window
    that has been asked.
    """
    begun = "" if since is None else f" AND window_start >= {timestamp(since)}"
    rows = spark.table(store.table(PERFORMANCE.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND evaluation_set = {string(evaluation_set)} AND slice_key = {string(WHOLE)}"
        f" AND concept_drift IS NOT NULL AND window_start < {timestamp(until)}{begun}"
    )
    drifted = "sort_array(collect_set(CASE WHEN concept_drift THEN metric END))"
    with few_rows(spark):
        found = (
            rows.groupBy("window_start")
            .agg(F.expr(drifted).alias("metrics"))
            .where("size(metrics) > 0" if since is not None else "true")
            .orderBy(F.desc("window_start"))
            .limit(1)
            .selectExpr("unix_micros(window_start) AS start", "metrics")
            .collect()
        )
    if not found or not found[0]["metrics"]:
        return None
    return from_micros(found[0]["start"]), tuple(found[0]["metrics"])

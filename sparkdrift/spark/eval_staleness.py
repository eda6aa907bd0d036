"""The table `eval_staleness`: which windows are due, their figures from stored rows, and writing.

No source row is read: states of windows meet those of the evaluation set's version in force when
they began, beside what `drift` found of the gap and `profiles` of the slices.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.kernels import eval_figures as kernel
from sparkdrift.kernels.eval_figures import FIGURES, FOUND, KEYS
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.evaluation_inputs import buckets_of, listed, states_of_sets
from sparkdrift.spark.evaluation_tables import EVAL_STALENESS
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.outside_tables import Told
from sparkdrift.spark.sql import ddl, in_windows, quote, string
from sparkdrift.spark.stale_inputs import (
    Held,
    asked_windows,
    digested,
    gaps_of_windows,
    shaped,
    slices_of_windows,
    states_of_windows,
)
from sparkdrift.spark.stale_policy import stale_policy
from sparkdrift.spark.stamping import stamped
from sparkdrift.spark.window_columns import position
from sparkdrift.spark.writer import Case, Scope, replace, rows_frame
from sparkdrift.spec.digests import evaluation_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous, window_at


def staleness_digests(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    held: Held,
    policy: str,
    as_of: datetime | None,
    told: Sequence[Told] = (),
) -> tuple[dict[datetime, str], dict[datetime, str]]:
    """(the digest that each stored window's figures should have, the one that they have).

    told: rows of the dashboard's table, whose limits that hold at a window's end are among its
    inputs.
    """
    wanted = digested(spark, store, spec, held, policy, as_of)
    have = (
        stale_rows(spark, store, spec)
        .where(f"figure IN ({listed(FIGURES)})")
        .groupBy("window_start")
        .agg(F.expr("max(input_digest)").alias("input_digest"))
    )
    sides = wanted.selectExpr("0 AS side", "window_start", "input_digest").unionAll(
        have.selectExpr("1 AS side", "window_start", "input_digest")
    )
    found: tuple[dict[datetime, str], dict[datetime, str]] = ({}, {})
    with few_rows(spark):
        answer = sides.selectExpr("side", "unix_micros(window_start) AS start", "input_digest")
        for row in answer.collect():
            found[row["side"]][from_micros(row["start"])] = row["input_digest"]
    if told:
        zone, grain = spec.timestamp.zone, spec.windows.grain
        limits = stale_policy(spec, held, told)
        for start, digest in found[0].items():
            shown = limits.accepted_at(window_at(start, grain, zone).end)
            found[0][start] = hashlib.sha256(f"{digest}|{shown}".encode()).hexdigest()
    return found


def stale_rows(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    """The rows of one monitor in `eval_staleness`, of the grain of its windows."""
    return spark.table(store.table(EVAL_STALENESS.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
    )


def staleness_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    held: Held,
    windows: Sequence[Window],
    digests: Mapping[datetime, str],
    as_of: datetime | None,
    told: Sequence[Told] = (),
) -> DataFrame:
    """Every figure of these windows and each evaluation set, with a status. digests: those that
    `staleness_digests` wants, which are known already; told: rows of the dashboard's table."""
    buckets = buckets_of(windows)
    inside = in_windows("window_start", contiguous(windows))
    bucket = f"pmod({position('window_start', spec.windows.grain, spec.timestamp.zone)}, {buckets})"
    asked = {one.start: digests[one.start] for one in windows if one.start in digests}
    parts = [
        asked_windows(spark, spec, held, asked, as_of, bucket),
        states_of_windows(spark, store, spec, bucket),
        slices_of_windows(spark, store, spec, held, bucket),
        gaps_of_windows(spark, store, spec, bucket),
    ]
    rows = parts[0]
    for part in parts[1:]:
        rows = rows.unionAll(part.where(inside))
    known = states_of_sets(spark, store, spec, held.sets, windows)
    if known is not None:
        names = ("kind", "class_name", "slice_key", "slice_value", "edges")
        own = {**{name: name for name in names}, "numbers": "cells"}
        known = known.where("kind <> 'value'")
        each = f"explode(sequence(0, {buckets - 1}))"
        rows = rows.unionAll(shaped(known, kernel.SET, own, each))
    grouped = rows.repartition(*map(quote, KEYS)).sortWithinPartitions(
        *KEYS, "part", "window_start"
    )
    return grouped.mapInArrow(kernel.measure(stale_policy(spec, held, told)), ddl(FOUND))


def write_staleness(
    store: Store,
    spec: MonitorSpec,
    rows: DataFrame,
    figures: Sequence[str],
    windows: Sequence[Window],
    *,
    policy: str,
    source_version: int | None,
    run_id: str,
) -> None:
    """Make `rows` these figures of `windows`, in one commit; other figures stay as they are."""
    grain = spec.windows.grain
    ready = stamped(
        rows,
        spec,
        grain,
        run_id,
        policy_hash=policy,
        definition_hash=evaluation_hash(spec),
        source_version=source_version,
    )
    if "since" not in rows.columns:
        ready = ready.withColumn("since", F.expr("CAST(NULL AS TIMESTAMP)"))
    scope = Scope(spec.monitor, grain, [Case(windows, {"figure": one}) for one in figures])
    replace(store, EVAL_STALENESS, ready, scope, run_id=run_id)


def write_across(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    rows: Sequence[Mapping[str, Any]],
    figures: Sequence[str],
    windows: Sequence[Window],
    *,
    policy: str,
    run_id: str,
) -> None:
    """`write_staleness` of rows that were made on the driver, a few for each window."""
    frame = rows_frame(spark, EVAL_STALENESS, rows).select(*FOUND, "since")
    with few_rows(spark):
        write_staleness(
            store,
            spec,
            frame,
            figures,
            windows,
            policy=policy,
            source_version=None,
            run_id=run_id,
        )

"""What all windows of a monitor show, as a few rows: what the blind spot is told from.

Of `drift` and its alerts, of `performance` and of `eval_staleness`: one row per window and name at
most, aggregated where it is stored. No state and no feature's row reaches the driver.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.blind_spots import Moved, Operated, Rate
from sparkdrift.explain.signals import WHOLE
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_rows import in_force_rows
from sparkdrift.spark.eval_staleness import stale_rows
from sparkdrift.spark.evaluation_tables import PERFORMANCE
from sparkdrift.spark.operation_tables import OPERATIONS
from sparkdrift.spark.reference_life import (
    References,
    evaluation_sets,
    in_force,
    with_set,
)
from sparkdrift.spark.sql import quote, string
from sparkdrift.spark.stale_policy import left_out
from sparkdrift.spark.views import alerts_query
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

_MEASURED = "('ok', 'warning', 'drifted')"


@dataclass(frozen=True)
class Drifted:
    """One comparison of one window: of the score, and of the features of top importance."""

    score: Moved
    features: Moved


def drifted(
    spark: SparkSession, store: Store, spec: MonitorSpec, stored: References
) -> dict[tuple[datetime, str], Drifted]:
    """By window and comparison: those that may alert, and those with evaluation sets.

    The rows of evaluation sets alert nobody; here they count by their status, by the same m of n
    windows. An alert that is suppressed counts for nothing. Top importance: at least the mean of
    all features of that window.
    """
    active = in_force(spec, stored)
    sets = [with_set(name) for name in evaluation_sets(spec)]
    wanted = [one for one in active if one in (*spec.alerts.comparisons, *sets)]
    if not wanted:
        return {}
    scores = _scores(spec)
    others = ", ".join(map(string, sorted({*left_out(spec), *spec.names_together, ""})))
    feature = (
        f"column_name NOT IN ({scores}) AND column_name NOT IN ({others})"
        " AND NOT startswith(column_name, 'metric:')"
    )
    counted = (
        "CASE WHEN NOT startswith(comparison, 'evaluation:') THEN alerting"
        " WHEN status IN ('ok', 'warning') THEN false WHEN status = 'drifted' THEN true END"
    )
    rows = (
        in_force_rows(spark, store, spec, active, policy_hash(spec))
        .where(F.col("comparison").isin(wanted))
        .where(f"slice_key = {string(WHOLE)}")
        .withColumn("alerting", F.expr(counted))
        .withColumn("of_score", F.expr(f"column_name IN ({scores})"))
        .withColumn("of_feature", F.expr(feature))
        .withColumn(
            "top",
            F.expr(
                "of_feature AND importance > 0 AND importance >= avg(CASE WHEN of_feature THEN"
                " importance END) OVER (PARTITION BY window_start, comparison)"
            ),
        )
    )
    view = f"sparkdrift_course_{uuid.uuid4().hex[:8]}"
    rows.createOrReplaceTempView(view)
    try:
        answer = spark.sql(_summed(view, spec.timestamp.zone)).collect()
    finally:
        spark.catalog.dropTempView(view)
    return {
        (from_micros(row["start"]), row["comparison"]): Drifted(
            _moved(row, "score"), _moved(row, "top")
        )
        for row in answer
    }


def _scores(spec: MonitorSpec) -> str:
    """The columns of the score, listed in SQL; of several classes theirs, which drift is told of
    where they are features."""
    own = [spec.prediction.score] if spec.prediction.score else []
    classes = spec.evaluation.classes.values() if spec.evaluation else ()
    return ", ".join(map(string, [*own, *classes] or [""]))


def _summed(view: str, zone: str) -> str:
    """One row per window and comparison; a drifted row without an alert is without a verdict."""
    same = " AND ".join(
        f"a.{name} = d.{name}" for name in ("window_start", "comparison", "column_name")
    )
    told = "concat(d.column_name, ' against ', CASE WHEN startswith(d.comparison, 'evaluation:')"
    told += " THEN concat('the evaluation set ', d.reference_name) ELSE d.comparison END,"
    local = f"from_utc_timestamp(a.since, {string(zone)})"
    told += f" coalesce(concat(' since ', date_format({local}, 'yyyy-MM-dd')), ''), ': ',"
    told += " coalesce(a.explanation, a.reason, a.severity))"
    parts = []
    for name, of in (("score", "of_score"), ("top", "top")):
        held = f"d.{of} AND d.status <> 'no_reference'"
        quiet = f"d.status IN {_MEASURED} AND d.status <> 'drifted'"
        told_of = f"CASE WHEN d.{of} AND a.column_name IS NOT NULL AND a.suppression IS NULL"
        parts += [
            f"count_if({held}) AS {name}_rows",
            # Without a reference for one of them, that the others are quiet proves nothing.
            f"count_if(d.{of} AND NOT ({quiet})) AS {name}_unmeasured",
            f"min(d.power) FILTER (WHERE {held}) AS {name}_power",
            f"count_if({held} AND d.power IS NULL) AS {name}_unknown",
            f"sort_array(collect_list({told_of} THEN {told} END)) AS {name}_alerts",
        ]
    return (
        f"WITH standing AS ({alerts_query(quote(view))})"
        f" SELECT unix_micros(d.window_start) AS start, d.comparison, {', '.join(parts)}"
        f" FROM {quote(view)} AS d LEFT JOIN standing AS a ON {same}"
        " GROUP BY d.window_start, d.comparison"
    )


def _moved(row: Row, name: str) -> Moved:
    known = not row[f"{name}_unknown"] and row[f"{name}_power"] is not None
    return Moved(
        int(row[f"{name}_rows"]),
        int(row[f"{name}_unmeasured"]),
        float(row[f"{name}_power"]) if known else None,
        tuple(row[f"{name}_alerts"]),
    )


@dataclass(frozen=True)
class Figures:
    """Of one window and set: its version, the decision rates by subject, and the ESS ratio."""

    version: int
    rates: dict[str, Rate]
    ess_ratio: float | None = None


def figures_of_windows(
    spark: SparkSession, store: Store, spec: MonitorSpec
) -> dict[tuple[str, datetime], Figures]:
    """By set and window: what is stored of them. Of several classes the least ESS ratio counts."""
    rows = stale_rows(spark, store, spec).where(
        "figure IN ('decision_rate', 'ess_ratio', 'eval_age')"
    )
    names = ("figure", "subject", "status", "reason", "value", "low", "high", "threshold")
    answer = rows.selectExpr(
        "unix_micros(window_start) AS start", "evaluation_set", "evaluation_version", *names
    ).collect()
    found: dict[tuple[str, datetime], Figures] = {}
    for row in answer:
        key = (row["evaluation_set"], from_micros(row["start"]))
        one = found.setdefault(key, Figures(row["evaluation_version"], {}))
        if row["figure"] == "decision_rate":
            one.rates[row["subject"]] = Rate(
                row["status"], row["reason"], row["low"], row["high"], row["threshold"]
            )
        elif row["figure"] == "ess_ratio" and row["value"] is not None:
            least = min(row["value"], one.ess_ratio if one.ess_ratio is not None else 1.0)
            found[key] = Figures(one.version, one.rates, least)
    return found


@dataclass(frozen=True)
class Performed:
    """A metric of one window and set: what the set shows, what labels show, and the verdict."""

    evaluated: float | None
    realised: float | None
    mature: bool
    status: str
    reason: str


def performance_of_windows(
    spark: SparkSession, store: Store, spec: MonitorSpec, granularity: str
) -> dict[tuple[str, datetime], dict[str, Performed]]:
    """By set and window of a grain: the metrics of the whole table."""
    rows = spark.table(store.table(PERFORMANCE.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(granularity)}"
        f" AND slice_key = {string(WHOLE)} AND class_name = '*'"
    )
    columns = ("evaluated", "realised", "mature", "status", "reason")
    answer = rows.selectExpr(
        "unix_micros(window_start) AS start", "evaluation_set", "metric", *columns
    ).collect()
    found: dict[tuple[str, datetime], dict[str, Performed]] = {}
    for row in answer:
        key = (row["evaluation_set"], from_micros(row["start"]))
        found.setdefault(key, {})[row["metric"]] = Performed(
            row["evaluated"], row["realised"], bool(row["mature"]), row["status"], row["reason"]
        )
    return found


def operations_of_windows(
    spark: SparkSession, store: Store, spec: MonitorSpec
) -> dict[datetime, dict[str, Operated | None]]:
    """By window: every declared signal of the whole table, None where there is no row of it."""
    if not spec.operations:
        return {}
    columns = ("signal", "status", "reason", "alerting", "power", "suppression")
    answer = (
        _operated(spark, store, spec)
        .selectExpr("unix_micros(window_start) AS start", *columns)
        .collect()
    )
    found: dict[datetime, dict[str, Operated | None]] = {}
    for row in answer:
        own = found.setdefault(from_micros(row["start"]), dict.fromkeys(spec.operations))
        if row["signal"] in own:
            own[row["signal"]] = Operated(
                row["status"] or "",
                row["reason"] or "",
                row["alerting"],
                row["power"],
                row["suppression"] is not None,
            )
    return found


def _operated(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    return spark.table(store.table(OPERATIONS.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND slice_key = {string(WHOLE)}"
    )


def inputs_digest(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    stored: References,
    figures: Sequence[str],
    beside: Mapping[str, str],
) -> tuple[str, dict[datetime, str], set[datetime]]:
    """(the digest of all that the blind spot is told from, that of what is stored of it by window,
    windows that should have it).

    figures: its own, which are left out of the first; beside: further inputs by name.
    """
    own = ", ".join(map(string, figures))
    stale = stale_rows(spark, store, spec)
    performed = spark.table(store.table(PERFORMANCE.name)).where(
        f"monitor = {string(spec.monitor)} AND slice_key = {string(WHOLE)}"
    )
    judged = in_force_rows(spark, store, spec, in_force(spec, stored), policy_hash(spec))
    parts = [
        stale.where(f"figure NOT IN ({own})").selectExpr(
            "0 AS side", "window_start", "xxhash64(evaluation_set, figure, subject, input_digest)"
        ),
        performed.selectExpr(
            "1 AS side",
            "window_start",
            "xxhash64(granularity, evaluation_set, metric, class_name, input_digest)",
        ),
        judged.where(f"slice_key = {string(WHOLE)}").selectExpr(
            "2 AS side", "window_start", "xxhash64(comparison, column_name, input_digest)"
        ),
        _operated(spark, store, spec).selectExpr(
            "3 AS side", "window_start", "xxhash64(signal, input_digest)"
        ),
    ]
    every = parts[0].unionAll(parts[1]).unionAll(parts[2]).unionAll(parts[3])
    rows = every.toDF("side", "window_start", "hashed")
    whole = (
        rows.selectExpr("side", "hashed", "CASE side WHEN 0 THEN window_start END AS window_start")
        .groupBy("side", "window_start")
        .agg(F.expr("concat(count(*), ':', bit_xor(hashed))").alias("digest"))
    )
    have = (
        stale.where(f"figure IN ({own})")
        .groupBy("window_start")
        .agg(F.expr("max(input_digest)").alias("digest"))
        .selectExpr("9 AS side", "window_start", "digest")
    )
    answer = whole.unionByName(have).selectExpr(
        "side", "unix_micros(window_start) AS start", "digest"
    )
    found = sorted((r["side"], r["start"] or 0, r["digest"]) for r in answer.collect())
    digests = [f"{side}:{start}:{digest}" for side, start, digest in found if side != 9]
    digests += [f"{name}:{text}" for name, text in sorted(beside.items())]
    told = {from_micros(start): digest for side, start, digest in found if side == 9}
    return (
        "|".join(digests),
        told,
        {from_micros(start) for side, start, _ in found if side == 0},
    )

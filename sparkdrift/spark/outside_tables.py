"""Tables of other people that the evaluation looks at: the dashboard's, and the outcome's.

Both are read as few rows: one per window and metric, one per period.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkdrift.errors import SourceError
from sparkdrift.spark.changes import from_micros, timestamp_type
from sparkdrift.spark.source import Source, instant, keys_of, open_source
from sparkdrift.spark.sql import quote, string
from sparkdrift.spark.window_columns import window_start
from sparkdrift.spec.location import Location
from sparkdrift.spec.models import MonitorSpec


@dataclass(frozen=True)
class Told:
    """The newest value of a dashboard's metric in one window, and its limit, where it has one."""

    metric: str
    at: datetime
    value: float | None
    limit: float | None


def dashboard_table(spark: SparkSession, spec: MonitorSpec) -> Source | None:
    """The dashboard's table at its newest version; None where it has none."""
    place = spec.dashboard
    if place is None or not place.has_table:
        return None
    return _opened(spark, spec, place, "dashboard")


@dataclass(frozen=True)
class Dashboard:
    """The dashboard's table at one version, and what it tells of this model."""

    source: Source
    rows: tuple[Told, ...]


def read_dashboard(spark: SparkSession, spec: MonitorSpec) -> Dashboard | None:
    """The newest version of the dashboard's table; None where it has none."""
    source = dashboard_table(spark, spec)
    if source is None:
        return None
    return Dashboard(source, tuple(told_by_dashboard(spark, spec, source)))


def outcome_table(spark: SparkSession, spec: MonitorSpec) -> Source | None:
    """The outcome's table at its newest version; None where none is declared."""
    place = spec.outcome
    return None if place is None else _opened(spark, spec, place, "outcome")


def _opened(spark: SparkSession, spec: MonitorSpec, place: Location, section: str) -> Source:
    try:
        return open_source(
            spark,
            table=place.table,
            path=place.path,
            row_filter=place.filter,
            named_by=keys_of(("evaluation", section)),
        )
    except SourceError as error:
        key = "table" if place.path is None else "path"
        raise spec.origin.located(error, ("evaluation", section, key)) from error.__cause__


def told_by_dashboard(spark: SparkSession, spec: MonitorSpec, source: Source) -> list[Told]:
    """For each metric and window the newest row of this model; a name is told in lower case."""
    dashboard = spec.dashboard
    if dashboard is None:
        return []
    time, metric, value = (
        given or name
        for given, name in zip(
            (dashboard.time, dashboard.metric, dashboard.value),
            ("time", "metric", "value"),
            strict=True,
        )
    )
    at = _instant(spec, source, time)
    columns = {name.lower() for name in source.schema}
    limit = "CAST(NULL AS DOUBLE)"
    if dashboard.limit is not None or "limit" in columns:
        limit = f"try_cast({quote(dashboard.limit or 'limit')} AS DOUBLE)"
    own = None
    if dashboard.model is not None or "model" in columns:
        own = f"{quote(dashboard.model or 'model')} = {string(spec.model_id)}"
    rows = source.select(
        spark,
        f"lower(trim(CAST({quote(metric)} AS STRING))) AS metric",
        f"{at} AS at",
        f"try_cast({quote(value)} AS DOUBLE) AS value",
        f"{limit} AS band",
        where=own,
    ).where("at IS NOT NULL AND metric IS NOT NULL")
    newest = (
        rows.withColumn(
            "window", F.expr(window_start("at", spec.windows.grain, spec.timestamp.zone))
        )
        .groupBy("metric", "window")
        .agg(F.expr("max_by(struct(at, value, band), at) AS newest"))
        .selectExpr("metric", "unix_micros(newest.at) AS at", "newest.value", "newest.band")
    )
    return [
        Told(row["metric"], from_micros(row["at"]), row["value"], row["band"])
        for row in newest.collect()
    ]


def outcomes(spark: SparkSession, spec: MonitorSpec, source: Source) -> dict[datetime, float]:
    """The outcome's aggregate by the start of its period; periods where it is NULL are left out."""
    outcome = spec.outcome
    if outcome is None:
        return {}
    at = _instant(spec, source, outcome.timestamp)
    # No column of a table is called so.
    period = window_start("`:at`", outcome.grain, spec.timestamp.zone)
    rows = source.select(spark, "*", f"{at} AS `:at`").where("`:at` IS NOT NULL")
    found = rows.groupBy(F.expr(period).alias("period")).agg(
        F.expr(f"try_cast({outcome.expression} AS DOUBLE)").alias("value")
    )
    answer = found.selectExpr("unix_micros(period) AS start", "value").where("value IS NOT NULL")
    return {from_micros(row["start"]): float(row["value"]) for row in answer.collect()}


def _instant(spec: MonitorSpec, source: Source, column: str) -> str:
    return instant(column, timestamp_type(source, column), spec.timestamp.zone)

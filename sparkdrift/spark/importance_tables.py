"""The table of importances that the spec names: found, held against the spec, and read."""

from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkdrift.errors import Problem, SourceError, SpecError
from sparkdrift.kernels.declared_importances import Written
from sparkdrift.spark.changes import from_micros, timestamp_type
from sparkdrift.spark.evaluation_sources import open_named
from sparkdrift.spark.source import Source, instant
from sparkdrift.spark.sql import quote, string
from sparkdrift.spec.columns import (
    ACCEPTED_NUMERIC,
    ACCEPTED_TIMESTAMP,
    Columns,
    is_numeric,
    is_timestamp,
)
from sparkdrift.spec.importance import Importance
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.selecting import missing

MOST_ROWS = 100_000
"""Rows of a table of importances: a feature, version and time each."""


def importance_table(spark: SparkSession, spec: MonitorSpec) -> Source | None:
    """The table at its newest version; None where importances come from elsewhere.

    Raises SourceError where it can't be opened, SpecError where it lacks a column.
    """
    own = spec.importance
    if own is None or not own.is_table:
        return None
    source = open_named(spark, spec, own, ("importance",))
    problems = _problems(spec, own, source)
    if problems:
        raise SpecError(problems)
    return source


def importance_problems(spark: SparkSession, spec: MonitorSpec) -> list[Problem]:
    """What keeps the table of importances from being read."""
    try:
        importance_table(spark, spec)
    except SourceError as error:
        return [error.problem]
    except SpecError as error:
        return list(error.problems)
    return []


def written_importances(spark: SparkSession, spec: MonitorSpec, source: Source) -> list[Written]:
    """The rows that hold for the spec's version of the model, those of no version too.

    Without a version in the spec all rows count. Of equal feature and time the greatest value.
    """
    own = spec.importance
    if own is None:
        return []
    feature, value = own.feature or "feature", own.value or "value"
    version, time = _optional(source, own.model_version, "model_version"), None
    time = _optional(source, own.time, "time")
    at = "CAST(NULL AS TIMESTAMP)"
    if time is not None:
        at = instant(time, timestamp_type(source, time), spec.timestamp.zone)
    where = None
    if version is not None and spec.model_version is not None:
        same = f"CAST({quote(version)} AS STRING) = {string(spec.model_version)}"
        where = f"{quote(version)} IS NULL OR {same}"
    rows = (
        source.select(
            spark,
            f"CAST({quote(feature)} AS STRING) AS feature",
            f"try_cast({quote(value)} AS DOUBLE) AS value",
            f"{at} AS at",
            where=where,
        )
        .where("feature IS NOT NULL")
        .groupBy("feature", "at")
        .agg(F.max("value").alias("value"))
        .selectExpr("feature", "value", "unix_micros(at) AS at")
        .limit(MOST_ROWS + 1)
        .collect()
    )
    if len(rows) > MOST_ROWS:
        message = f"the table of importances has more than {MOST_ROWS:,} rows for this model"
        accepted = "a row for each feature and time; narrow it with 'filter'"
        place = "path" if own.table is None else "table"
        problem = spec.origin.problem(("importance", place), message, accepted=accepted)
        raise SpecError([problem])
    return [
        Written(row["feature"], row["value"], None if row["at"] is None else from_micros(row["at"]))
        for row in rows
    ]


def _problems(spec: MonitorSpec, own: Importance, source: Source) -> list[Problem]:
    columns = Columns(source.schema)
    asked = {
        "feature": own.feature or "feature",
        "value": own.value or "value",
        "model_version": own.model_version,
        "time": own.time,
    }
    found = []
    for key, column in asked.items():
        if column is None:
            continue
        kind = columns.type_of(column)
        if kind is None:
            found.append(missing(spec, ("importance", key), column, columns))
            continue
        fits, accepted = {
            "value": (is_numeric, ACCEPTED_NUMERIC),
            "time": (is_timestamp, ACCEPTED_TIMESTAMP),
        }.get(key, (None, ""))
        if fits is not None and not fits(kind):
            message = f"the column {column!r} can't be the {key} of an importance"
            place = ("importance", key)
            found.append(spec.origin.problem(place, message, given=kind, accepted=accepted))
    return found


def _optional(source: Source, given: str | None, usual: str) -> str | None:
    """A column that is named, or is there under its usual name."""
    if given is not None:
        return given
    return usual if Columns(source.schema).type_of(usual) is not None else None

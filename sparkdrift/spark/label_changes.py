"""Which windows new, late and restated labels are of, found from the changed labels alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.spark.changed.appended import added_files
from sparkdrift.spark.changed.found import UnprovenError
from sparkdrift.spark.changes import from_micros, timestamp_type
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.history import History
from sparkdrift.spark.labels import keys_of, label_columns
from sparkdrift.spark.source import Source, instant, near
from sparkdrift.spark.sql import in_windows, quote
from sparkdrift.spark.window_columns import window_start
from sparkdrift.spec.columns import Columns
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import Window, contiguous


@dataclass(frozen=True)
class Changes:
    """Keys of the labels that changed, `:k0`, ..., perhaps some more, and how that was found."""

    keys: DataFrame
    proof: str


@dataclass(frozen=True)
class Touched:
    """Starts of the windows with predictions of changed labels; `changed`: keys with a change;
    `alone`: those of them without a prediction in the watched table."""

    windows: frozenset[datetime]
    changed: int
    alone: int


def changed_labels(
    spark: SparkSession, spec: MonitorSpec, labels: Source, history: History, since: int
) -> Changes:
    """The keys whose labels may have changed after version `since`, by the cheapest way that tells.

    Raises UnprovenError where none does: then every label may have.
    """
    if not history.known:
        raise UnprovenError(history.reason)
    notes = []
    for way in (_fed, _appended, _compared):
        try:
            keys, proof = way(spark, spec, labels, history, since)
        except UnprovenError as error:
            notes.append(str(error))
        except FAILURES as error:
            notes.append(reason(error))
        else:
            return Changes(keys, "; ".join([proof, *notes]))
    raise UnprovenError("; ".join(notes))


def all_labels(spark: SparkSession, spec: MonitorSpec, labels: Source) -> Changes:
    """Every key that has a label."""
    return Changes(labels.select(spark, *_keys(spec)), "all labels")


def touched_windows(
    spark: SparkSession,
    spec: MonitorSpec,
    source: Source,
    keys: DataFrame,
    windows: Sequence[Window] | None = None,
) -> Touched:
    """One narrow pass over the watched table, its key and time, for the predictions of `keys`.

    `windows`: where to look; None: everywhere. Only the number of keys per window reaches the
    driver.
    """
    column, zone = spec.timestamp.column, spec.timestamp.zone
    kind = timestamp_type(source, column)
    at = instant(column, kind, zone)
    where = None
    if windows is not None:
        wanted = contiguous(windows)
        where = f"{near(column, kind, wanted)} AND {in_windows(at, wanted)}"
    rows = source.select(
        spark,
        *(f"{quote(own)} AS p{i}" for i, (own, _) in enumerate(keys_of(spec))),
        f"unix_micros({window_start(at, spec.windows.grain, zone)}) AS start",
        where=where,
    )
    names = [f":k{i}" for i in range(len(keys_of(spec)))]
    same = " AND ".join(f"`{name}` = p{i}" for i, name in enumerate(names))
    asked = keys.distinct()
    # Changed keys are few beside the rows: handed to these, which then stay where they are.
    found = (
        rows.join(asked, F.expr(same))
        .groupBy(*names)
        .agg(F.expr("array_sort(collect_set(start))").alias("starts"))
        .groupBy("starts")
        .count()
        .collect()
    )
    changed = asked.count()
    predicted = sum(int(row["count"]) for row in found)
    starts = frozenset(from_micros(one) for row in found for one in row["starts"])
    return Touched(starts, changed, changed - predicted)


def _keys(spec: MonitorSpec) -> list[str]:
    return [f"{quote(theirs)} AS `:k{i}`" for i, (_, theirs) in enumerate(keys_of(spec))]


def _fed(
    spark: SparkSession, spec: MonitorSpec, labels: Source, history: History, since: int
) -> tuple[DataFrame, str]:
    """From the change data feed: rows as they were before and after each change."""
    if not labels.feed:
        raise UnprovenError("the labels have no change data feed")
    changes = (
        spark.read.option("readChangeFeed", "true")
        .option("startingVersion", str(since + 1))
        .option("endingVersion", str(labels.version))
        .table(labels.identifier)
    )
    if labels.row_filter:
        changes = changes.where(f"({labels.row_filter})")
    keys = changes.selectExpr(*_keys(spec))
    _ = keys.schema  # a feed that can't be read says so now
    return keys, "change data feed of the labels"


def _appended(
    spark: SparkSession, spec: MonitorSpec, labels: Source, history: History, since: int
) -> tuple[DataFrame, str]:
    """From the files that were appended, read without their table."""
    if not all(segment.appended for segment in history.segments):
        raise UnprovenError("labels were not only appended")
    if len(history.segments) != 1:
        raise UnprovenError("labels were moved between files")
    columns = [theirs for _, theirs in keys_of(spec)]
    if labels.column_mapping or any(one.lower() in labels.partition_columns for one in columns):
        raise UnprovenError("the files of labels can't be read without their table")
    files = added_files(spark, labels, history.segments[0])
    known = Columns(labels.schema)
    schema = ", ".join(f"{quote(one)} {known.type_of(one)}" for one in columns)
    if not files:
        return spark.createDataFrame([], schema).selectExpr(*_keys(spec)), "appends without a file"
    return spark.read.schema(schema).parquet(*files).selectExpr(*_keys(spec)), "appended labels"


def _compared(
    spark: SparkSession, spec: MonitorSpec, labels: Source, history: History, since: int
) -> tuple[DataFrame, str]:
    """From both versions: rows that the one has and the other has not."""
    names = dict.fromkeys(label_columns(spec, labels))
    # A condition may read any column of the table.
    told = spec.evaluation is not None and spec.evaluation.positive.label is not None
    columns = [quote(one) for one in (labels.schema if told else names)]
    before = labels.select(spark, *columns, version=since)
    after = labels.select(spark, *columns)
    changed = before.exceptAll(after).unionByName(after.exceptAll(before))
    return changed.selectExpr(*_keys(spec)), f"labels of versions {since} and {labels.version}"

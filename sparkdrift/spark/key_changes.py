"""Which windows new, late and restated rows of a table that is joined by key are of: labels,
decisions. Found from its changed rows alone."""

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
from sparkdrift.spark.key_ranges import Ranges, ranges_of
from sparkdrift.spark.source import Source, instant, near
from sparkdrift.spark.sql import in_windows, quote
from sparkdrift.spark.window_columns import window_start
from sparkdrift.spec.columns import Columns
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import Window, contiguous


@dataclass(frozen=True)
class Joined:
    """A table that is joined to the watched one. what: its rows, in words.

    keys: (column of the watched table, column of this one). columns: what is read of it besides;
    None: it may be any.
    """

    what: str
    table: Source
    keys: tuple[tuple[str, str], ...]
    columns: tuple[str, ...] | None

    def named_keys(self) -> list[str]:
        """SELECT items: the parts of the key as `:k0`, ..."""
        return [f"{quote(theirs)} AS `:k{i}`" for i, (_, theirs) in enumerate(self.keys)]


@dataclass(frozen=True)
class Changes:
    """Keys of the rows that changed, `:k0`, ..., perhaps some more, and how that was found."""

    keys: DataFrame
    proof: str


@dataclass(frozen=True)
class Touched:
    """Starts of the windows with predictions of changed keys; `changed`: keys with a change;
    `alone`: those of them without a prediction in the watched table; `ranges`: where they are;
    `predictions`: rows of the watched table with one of them."""

    windows: frozenset[datetime]
    changed: int
    alone: int
    ranges: Ranges
    predictions: int


def changed_keys(spark: SparkSession, joined: Joined, history: History, since: int) -> Changes:
    """The keys whose rows may have changed after version `since`, by the cheapest way that tells.

    Raises UnprovenError where none does: then every row may have.
    """
    if not history.known:
        raise UnprovenError(history.reason)
    notes = []
    for way in (_fed, _appended, _compared):
        try:
            keys, proof = way(spark, joined, history, since)
        except UnprovenError as error:
            notes.append(str(error))
        except FAILURES as error:
            notes.append(reason(error))
        else:
            return Changes(keys, "; ".join([proof, *notes]))
    raise UnprovenError("; ".join(notes))


def all_keys(spark: SparkSession, joined: Joined) -> Changes:
    """Every key that has a row."""
    return Changes(joined.table.select(spark, *joined.named_keys()), f"all {joined.what}")


def touched_windows(
    spark: SparkSession,
    spec: MonitorSpec,
    source: Source,
    joined: Joined,
    changes: Changes,
    windows: Sequence[Window] | None = None,
) -> Touched:
    """One narrow pass over the watched table, its key and time, for the predictions of
    the keys that changed; files that by their statistics have none of them are left out.

    `windows`: where to look; None: everywhere. Only the number of keys per window reaches the
    driver.
    """
    column, zone = spec.timestamp.column, spec.timestamp.zone
    kind = timestamp_type(source, column)
    at = instant(column, kind, zone)
    ranges = ranges_of(changes.keys)
    where = ranges.within([own for own, _ in joined.keys], source.schema)
    if windows is not None:
        wanted = contiguous(windows)
        within = f"{near(column, kind, wanted)} AND {in_windows(at, wanted)}"
        where = f"{within} AND {where}" if where else within
    rows = source.select(
        spark,
        *(f"{quote(own)} AS p{i}" for i, (own, _) in enumerate(joined.keys)),
        f"unix_micros({window_start(at, spec.windows.grain, zone)}) AS start",
        where=where,
    )
    names = [f":k{i}" for i in range(len(joined.keys))]
    same = " AND ".join(f"`{name}` = p{i}" for i, name in enumerate(names))
    asked = changes.keys.distinct()
    # Changed keys are few beside the rows: handed to these, which then stay where they are.
    found = (
        rows.join(asked, F.expr(same))
        .groupBy(*names)
        .agg(F.expr("array_sort(collect_set(start))").alias("starts"), F.count("*").alias("rows"))
        .groupBy("starts")
        .agg(F.count("*").alias("keys"), F.sum("rows").alias("rows"))
        .collect()
    )
    predicted = sum(int(row["keys"]) for row in found)
    starts = frozenset(from_micros(one) for row in found for one in row["starts"])
    return Touched(
        starts,
        ranges.keys,
        ranges.keys - predicted,
        ranges,
        sum(int(row["rows"]) for row in found),
    )


def _fed(
    spark: SparkSession, joined: Joined, history: History, since: int
) -> tuple[DataFrame, str]:
    """From the change data feed: rows as they were before and after each change."""
    table = joined.table
    if not table.feed:
        raise UnprovenError(f"the {joined.what} have no change data feed")
    changes = (
        spark.read.option("readChangeFeed", "true")
        .option("startingVersion", str(since + 1))
        .option("endingVersion", str(table.version))
        .table(table.identifier)
    )
    if table.row_filter:
        changes = changes.where(f"({table.row_filter})")
    keys = changes.selectExpr(*joined.named_keys())
    _ = keys.schema  # a feed that can't be read says so now
    return keys, f"change data feed of the {joined.what}"


def _appended(
    spark: SparkSession, joined: Joined, history: History, since: int
) -> tuple[DataFrame, str]:
    """From the files that were appended, read without their table."""
    table = joined.table
    if not all(segment.appended for segment in history.segments):
        raise UnprovenError(f"{joined.what} were not only appended")
    if len(history.segments) != 1:
        raise UnprovenError(f"{joined.what} were moved between files")
    columns = [theirs for _, theirs in joined.keys]
    if table.column_mapping or any(one.lower() in table.partition_columns for one in columns):
        raise UnprovenError(f"the files of {joined.what} can't be read without their table")
    files = added_files(spark, table, history.segments[0])
    known = Columns(table.schema)
    schema = ", ".join(f"{quote(one)} {known.type_of(one)}" for one in columns)
    if not files:
        return spark.createDataFrame([], schema).selectExpr(
            *joined.named_keys()
        ), "appends without a file"
    return spark.read.schema(schema).parquet(*files).selectExpr(
        *joined.named_keys()
    ), f"appended {joined.what}"


def _compared(
    spark: SparkSession, joined: Joined, history: History, since: int
) -> tuple[DataFrame, str]:
    """From both versions: rows that the one has and the other has not."""
    table = joined.table
    own = [theirs for _, theirs in joined.keys]
    read = table.schema if joined.columns is None else (*own, *joined.columns)
    columns = [quote(one) for one in {name.lower(): name for name in read}.values()]
    before = table.select(spark, *columns, version=since)
    after = table.select(spark, *columns)
    changed = before.exceptAll(after).unionByName(after.exceptAll(before))
    return changed.selectExpr(
        *joined.named_keys()
    ), f"{joined.what} of versions {since} and {table.version}"

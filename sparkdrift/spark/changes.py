"""Fingerprints of windows: which rows of which data files a window has.

Files are never changed in place, so the same rows of the same files have the same values:
equal fingerprints mean an unchanged window, whatever happened between them (deletion
vectors that hide other rows, RESTORE). The reverse does not hold: rows that were moved to
another file unchanged (OPTIMIZE) give another fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.errors import SourceError
from sparkdrift.spark.source import Source, instant, near
from sparkdrift.spark.sql import in_windows
from sparkdrift.spark.window_columns import window_start
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import Window, contiguous, local_instant, window_at, windows_between

# A gap this long is a wrong timestamp, not a quiet time: two years of hours.
_LONGEST_GAP = 17_520
# More intervals than this make a predicate that takes longer than the scan that it narrows.
_MOST_INTERVALS = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MASK = (1 << 64) - 1

_TIMES = ("timestamp", "timestamp_ntz", "date")

EMPTY = "empty"
"""The digest of a window without rows."""


@dataclass(frozen=True)
class Fingerprint:
    """What a scan of the timestamp column says of one window."""

    window: Window
    rows: int
    digest: str


@dataclass(frozen=True)
class Seen:
    """The source, or some windows of it, as one scan of its timestamp column found it.

    `newest` is the newest event; `undated` counts the rows without a time, `rows` all.
    """

    windows: Mapping[datetime, Fingerprint]
    newest: datetime | None
    undated: int
    rows: int


def fingerprints(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    *,
    version: int | None = None,
    only: Sequence[Window] | None = None,
) -> Seen:
    """Scan the timestamp column once; one bounded row per window reaches the driver.

    `version`: of the source; None: the pinned one. `only`: leave out rows of other windows,
    and files that by their statistics have no others; None: read all.
    """
    zone, grain = spec.timestamp.zone, spec.windows.grain
    column = spec.timestamp.column
    kind = timestamp_type(source, column)
    at = instant(column, kind, zone)
    where = None
    if only is not None:
        intervals = contiguous(only)
        where = f"{near(column, kind, intervals)} AND {in_windows(at, intervals)}"
        if len(intervals) > _MOST_INTERVALS:
            where = None
    # Delta tells a row's place only where some of a file's rows may be hidden; elsewhere the
    # file says it all.
    place = "_metadata.row_index" if source.deletion_vectors else "0L"
    rows = source.select(
        spark,
        f"{window_start(at, grain, zone)} AS start",
        f"{at} AS at",
        "_metadata.file_path AS file",
        f"{place} AS row",
        version=version,
        where=where,
    )
    # Each row stands once, so XOR loses nothing, and the order does not matter.
    per_file = rows.groupBy("start", "file").agg(
        F.count("*").alias("rows"),
        F.max("at").alias("newest"),
        F.expr("bit_xor(xxhash64(row))").alias("which"),
    )
    # Each file stands once per window; two seeds make 128 bits.
    per_window = per_file.groupBy("start").agg(
        F.sum("rows").alias("rows"),
        F.expr("unix_micros(max(newest))").alias("newest"),
        F.expr("bit_xor(xxhash64(file, rows, which))").alias("one"),
        F.expr("bit_xor(xxhash64(file, rows, which, 'second seed'))").alias("two"),
    )
    found: dict[datetime, Fingerprint] = {}
    newest: datetime | None = None
    undated = 0
    for row in per_window.withColumn("start", F.expr("unix_micros(start)")).collect():
        if row["start"] is None:
            undated = int(row["rows"])
            continue
        last = from_micros(row["newest"])
        newest = last if newest is None else max(newest, last)
        digest = f"{row['rows']}:{row['one'] & _MASK:016x}{row['two'] & _MASK:016x}"
        window = window_at(from_micros(row["start"]), grain, zone)
        found[window.start] = Fingerprint(window, int(row["rows"]), digest)
    return Seen(found, newest, undated, undated + sum(one.rows for one in found.values()))


def starts_of(rows: DataFrame, at: str, spec: MonitorSpec) -> dict[datetime | None, int]:
    """Number of rows per start of their window; None: without time. `at` is SQL for the time."""
    start = window_start(at, spec.windows.grain, spec.timestamp.zone)
    counted = rows.selectExpr(f"unix_micros({start}) AS start").groupBy("start").count()
    return {
        None if row["start"] is None else from_micros(row["start"]): int(row["count"])
        for row in counted.collect()
    }


def closed_windows(spec: MonitorSpec, seen: Seen, as_of: datetime) -> list[Fingerprint]:
    """Every window that is closed at `as_of`, in order; one without rows has digest 'empty'.

    A window is closed once its end plus the allowed lateness has passed in event time.
    Raises SourceError where a gap between events is too long to be true.
    """
    zone, grain = spec.timestamp.zone, spec.windows.grain
    begin = spec.windows.begin
    earliest = local_instant(begin, zone) if begin is not None else None
    starts = sorted(start for start in seen.windows if earliest is None or start >= earliest)
    starts = [start for start in starts if start < as_of]
    if not starts:
        return []
    _refuse_gaps([*starts, as_of], grain)
    return [
        seen.windows.get(window.start, Fingerprint(window, 0, EMPTY))
        for window in windows_between(starts[0], as_of, grain, zone)
        if window.end + spec.windows.lateness <= as_of
    ]


def timestamp_type(source: Source, column: str) -> str:
    """The Spark type of the timestamp column; raises SourceError where it is unusable."""
    by_lower = {name.lower(): data_type for name, data_type in source.schema.items()}
    data_type = by_lower.get(column.lower())
    if data_type is None:
        raise SourceError(
            f"source {source.name} has no column {column!r}; accepted as timestamp.column: "
            + ", ".join(name for name, found in source.schema.items() if found in _TIMES)
        )
    if data_type not in _TIMES:
        raise SourceError(
            f"source {source.name}: timestamp column {column!r} has type {data_type}; "
            f"accepted are {', '.join(_TIMES)}: cast it in a view or a generated column"
        )
    return data_type


def from_micros(micros: int) -> datetime:
    """Microseconds since 1970 as an aware UTC datetime.

    Timestamps are collected this way because PySpark would hand them over as naive
    local time of this process, which repeats an hour every autumn.
    """
    return _EPOCH + timedelta(microseconds=micros)


def _refuse_gaps(starts: Sequence[datetime], grain: str) -> None:
    for before, after in pairwise(starts):
        if after - before > _longest(grain):
            raise SourceError(
                f"no event between {before:%Y-%m-%d} and {after:%Y-%m-%d}: one side has wrong "
                "timestamps; leave it out by windows.begin or source.filter in the spec, "
                "or by --as-of"
            )


def _longest(grain: str) -> timedelta:
    hours = {"hour": 1, "day": 24, "week": 168, "month": 744}[grain]
    return timedelta(hours=min(hours * _LONGEST_GAP, 100 * 8766))

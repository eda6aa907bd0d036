"""Changed windows of a source that only grew: by the files that were added, and no others.

The time in those files says it exactly. Where they can't be read without their table, its
statistics say which windows they can hold rows of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pyspark.sql import SparkSession

from sparkdrift.spark.changed.found import Found, UnprovenError
from sparkdrift.spark.changes import starts_of, timestamp_type
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.history import Segment
from sparkdrift.spark.source import Source, instant, near
from sparkdrift.spark.sql import quote, timestamp
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import Window

# Names of files come to the driver: about 20 MB of them.
_MOST_FILES = 100_000
# Each question to the statistics plans one query.
_MOST_QUESTIONS = 40
# Spark would take a path with one of these for a pattern.
_PATTERN = re.compile(r"[][*?{}\\]")


def appended_windows(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    segment: Segment,
    known: Sequence[Window],
) -> Found:
    """Windows of the rows that `segment` appended; those after `known` need not be named.

    `known`: windows in order, at least one. Raises UnprovenError where neither the files
    nor the statistics can tell.
    """
    try:
        added = added_files(spark, source, segment)
        if not added:
            return Found(frozenset(), "appends without a file", 0)
        hidden = _unreadable_alone(source, spec, added)
        if not hidden:
            try:
                return _read(spark, source, spec, added)
            except FAILURES as error:
                hidden = reason(error)
        return _bounded(spark, source, spec, segment, added, known, hidden)
    except FAILURES as error:
        raise UnprovenError(f"appended files are not found: {reason(error)}") from error


def added_files(spark: SparkSession, source: Source, segment: Segment) -> list[str]:
    """The data files that an appended segment added; raises UnprovenError where some are gone."""
    if source.files > _MOST_FILES:
        raise UnprovenError(f"more than {_MOST_FILES:,} files to compare")
    before, after = (
        set(source.select(spark, "*", version=version).inputFiles())
        for version in (segment.start, segment.end)
    )
    if before - after:
        raise UnprovenError("files left the source, though its history names appends only")
    return sorted(after - before)


def _unreadable_alone(source: Source, spec: MonitorSpec, added: Sequence[str]) -> str:
    """Why files don't show the time without their table; '' where they do."""
    if source.column_mapping:
        return "column mapping"
    if spec.timestamp.column.lower() in source.partition_columns:
        return "the time is a partition column"
    if any(_PATTERN.search(file) for file in added):
        return "a file's path looks like a pattern"
    return ""


def _read(spark: SparkSession, source: Source, spec: MonitorSpec, added: Sequence[str]) -> Found:
    """Read the time of all rows of the files `added`.

    The row filter is not applied, since it may name partition columns, which are not in the
    files; no deletion vector hides a row of a file that was just appended.
    """
    column = spec.timestamp.column
    kind = timestamp_type(source, column)
    # Said, not taken from one of the files: they may differ, and a file without the time has none.
    rows = spark.read.schema(f"{quote(column)} {kind}").parquet(*added)
    starts = starts_of(rows, instant(column, kind, spec.timestamp.zone), spec)
    read = sum(starts.values())
    undated = starts.pop(None, 0)
    windows = frozenset(one for one in starts if one is not None)
    return Found(windows, f"appended files, {read:,} appended rows read", read, undated)


def _bounded(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    segment: Segment,
    added: Sequence[str],
    known: Sequence[Window],
    hidden: str,
) -> Found:
    """Ask Delta, which skips files by their statistics, where `added` can hold rows; reads none."""
    files, column = frozenset(added), spec.timestamp.column
    kind = timestamp_type(source, column)
    asked = 0

    def can_hold(where: str) -> bool:
        nonlocal asked
        asked += 1
        if asked > _MOST_QUESTIONS:
            raise UnprovenError(f"appended files may hold rows of too many windows ({hidden})")
        rows = source.select(spark, "*", version=segment.end, where=where)
        return not files.isdisjoint(rows.inputFiles())

    def narrowed(windows: Sequence[Window]) -> list[Window]:
        whole = [Window(windows[0].start, windows[-1].end)]
        if not can_hold(near(column, kind, whole)):
            return []
        if len(windows) == 1:
            return list(windows)
        half = len(windows) // 2
        return [*narrowed(windows[:half]), *narrowed(windows[half:])]

    if can_hold(f"{quote(column)} < {timestamp(known[0].start)} OR {quote(column)} IS NULL"):
        raise UnprovenError(f"appended files may hold rows before the first window ({hidden})")
    windows = frozenset(one.start for one in narrowed(known))
    return Found(windows, f"statistics of appended files ({hidden})", 0)

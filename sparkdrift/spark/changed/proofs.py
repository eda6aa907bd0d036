"""The windows that changed since a version, by the cheapest proof that can tell."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import SparkSession

from sparkdrift.spark.changed.appended import appended_windows
from sparkdrift.spark.changed.compared import compared_windows
from sparkdrift.spark.changed.feed import fed_windows
from sparkdrift.spark.changed.found import Found, UnprovenError
from sparkdrift.spark.changes import Seen
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.history import Segment
from sparkdrift.spark.source import Source
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import Window

# Each one may take two scans of the timestamp column.
_MOST_SEGMENTS = 20


def changed_windows(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    segments: tuple[Segment, ...],
    stored: Mapping[Window, str],
) -> Found:
    """All windows that can have changed in `segments`, which are what happened to the source.

    `stored`: windows that were up to date where the segments begin, in order, with their
    fingerprints; at least one. Windows after them need not be named. Raises UnprovenError
    where nothing can tell.
    """
    notes = []
    if source.feed:
        try:
            return fed_windows(spark, source, spec, segments[0].start)
        except UnprovenError as error:
            notes.append(str(error))
    if len(segments) > _MOST_SEGMENTS:
        raise UnprovenError(f"rows were moved {len(segments):,} times between changes")
    found: list[Found] = []
    for number, segment in enumerate(segments):
        if segment.appended:
            try:
                found.append(appended_windows(spark, source, spec, segment, list(stored)))
                continue
            except UnprovenError as error:
                notes.append(str(error))
        digests = {window.start: digest for window, digest in stored.items()}
        try:
            found.append(
                compared_windows(spark, source, spec, segment, None if number else digests)
            )
        except FAILURES as error:
            raise UnprovenError(
                f"versions {segment.start} to {segment.end} can't be read: {reason(error)}"
            ) from error
    return Found(
        frozenset().union(*(one.windows for one in found)),
        "; ".join([*dict.fromkeys(one.proof for one in found), *notes]),
        sum(one.rows_read for one in found),
        sum(one.undated for one in found),
        _last_seen(found),
    )


def _last_seen(found: list[Found]) -> Seen | None:
    return next((one.seen for one in found if one.seen is not None), None)

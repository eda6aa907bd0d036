"""Changed windows from fingerprints: reads the whole timestamp column, by time travel too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pyspark.sql import SparkSession

from sparkdrift.spark.changed.found import Found
from sparkdrift.spark.changes import EMPTY, Seen, fingerprints
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.history import Segment
from sparkdrift.spark.source import Source
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import window_at


def compared_windows(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    segment: Segment,
    stored: Mapping[datetime, str] | None,
) -> Found:
    """Windows whose fingerprints differ between the two ends of `segment`.

    `stored`: fingerprints by window that were right at the start or, where rows have only
    been moved since, before it: a window that differs from its own is looked at again as it
    was at the start. None: there are none.
    """
    after = fingerprints(spark, source, spec, version=segment.end)
    now = {start: one.digest for start, one in after.windows.items()}
    proof = f"fingerprints, {after.rows:,} rows read"
    if stored is None:
        before = fingerprints(spark, source, spec, version=segment.start)
        then = {start: one.digest for start, one in before.windows.items()}
        windows, read = _differing(then, now), after.rows + before.rows
    else:
        windows, read = _differing(stored, now), after.rows
        suspects = windows & stored.keys()
        if suspects:
            try:
                before = _as_it_was(spark, source, spec, segment, suspects)
            except FAILURES as error:
                proof += f"; version {segment.start} is gone: {reason(error)}"
            else:
                then = {start: one.digest for start, one in before.windows.items()}
                same = suspects - _differing(then, now)
                windows, read = windows - same, read + before.rows
    seen = after if segment.end == source.version else None
    return Found(windows, proof, read, after.undated, seen)


def _as_it_was(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    segment: Segment,
    suspects: frozenset[datetime],
) -> Seen:
    windows = [window_at(start, spec.windows.grain, spec.timestamp.zone) for start in suspects]
    return fingerprints(spark, source, spec, version=segment.start, only=windows)


def _differing(
    before: Mapping[datetime, str], after: Mapping[datetime, str]
) -> frozenset[datetime]:
    both = before.keys() | after.keys()
    return frozenset(s for s in both if before.get(s, EMPTY) != after.get(s, EMPTY))

"""A source as the windows of a merged version were read: some at earlier versions than the others.

A version that is merged from stored windows names the newest source version of them. As a rule a
window that was read earlier is there as it was, or it would have been profiled again. It is not
where its rows left the source, as old ones do, or changed and no run came by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from sparkdrift.errors import GoneError
from sparkdrift.spark.changes import from_micros, timestamp_type
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.source import Source, instant
from sparkdrift.spark.sql import in_windows
from sparkdrift.spark.window_columns import window_start
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

_MOST = 20
"""Versions that are read side by side; each is a scan of its windows."""


@dataclass(frozen=True)
class AsRead(Source):
    """parts: versions, and conditions on the rows that are read at each, which hold of each row
    once."""

    parts: tuple[tuple[int, str], ...] = ()

    def select(
        self,
        spark: SparkSession,
        *columns: str,
        version: int | None = None,
        where: str | None = None,
    ) -> DataFrame:
        """The rows of all parts; a column that an earlier version lacks is NULL there."""
        if version is not None:
            return super().select(spark, *columns, version=version, where=where)
        own = [
            super(AsRead, self).select(
                spark,
                *columns,
                version=at,
                where=f"({part})" + (f" AND ({where})" if where else ""),
            )
            for at, part in self.parts
        ]
        return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), own)


def read_earlier(
    spark: SparkSession, store: Store, spec: MonitorSpec, source: Source, interval: Window
) -> dict[int, list[Window]]:
    """Windows that were read at earlier versions of the source, and have another number of rows
    in it now: by version. Of windows that were profiled again since, nothing is known."""
    own = {
        start: one
        for start, one in stored_windows(spark, store, spec).items()
        if interval.start <= start < interval.end and one.source_version < source.version
    }
    column = spec.timestamp.column
    at = instant(column, timestamp_type(source, column), spec.timestamp.zone)
    start = window_start(at, spec.windows.grain, spec.timestamp.zone)
    counted = source.rows(spark).selectExpr(f"unix_micros({start}) AS start") if own else None
    rows = counted.groupBy("start").count().collect() if counted is not None else []
    now = {from_micros(row["start"]): row["count"] for row in rows if row["start"] is not None}
    found: dict[int, list[Window]] = {}
    for begin, one in own.items():
        if one.rows != now.get(begin, 0):
            found.setdefault(one.source_version, []).append(one.window)
    return found


def as_read(spec: MonitorSpec, source: Source, earlier: Mapping[int, Sequence[Window]]) -> AsRead:
    """The source with these windows at those versions; raises GoneError for too many of them."""
    if len(earlier) > _MOST:
        raise GoneError(
            f"its windows were read at {len(earlier)} earlier versions of {source.name}, which has "
            f"other rows in them by version {source.version}: they are not counted again one by one"
        )
    column = spec.timestamp.column
    at = instant(column, timestamp_type(source, column), spec.timestamp.zone)
    inside = {version: in_windows(at, contiguous(own)) for version, own in earlier.items()}
    others = " OR ".join(f"({one})" for one in inside.values()) or "false"
    parts = ((source.version, f"NOT coalesce({others}, false)"), *inside.items())
    known = {field.name: getattr(source, field.name) for field in fields(Source)}
    return AsRead(**known, parts=parts)

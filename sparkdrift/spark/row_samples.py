"""Rows of the source for what can't be told from stored state: a bounded sample of two sides."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from pyspark.sql import SparkSession

from sparkdrift.errors import SourceError
from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.profiles import window_rows
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import in_windows, quote
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature
from sparkdrift.windows import Window

_SEED = 31


def two_sides(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    features: Sequence[Feature],
    sides: tuple[Window, Window],
    shares: tuple[float, float],
) -> pa.Table:
    """A sample of the rows of two intervals that don't overlap, in one scan: side, f0, f1, ...

    side: 0 or 1, its place in `sides`; of that many (0..1) of its rows about `shares` are read,
    which bounds what reaches the driver. Numbers are doubles, categories texts; what is not
    there or no number is NULL. Raises SourceError where the rows can't be read.
    """
    first, second = sides
    side = f"CASE WHEN {in_windows(quote(WINDOW), [second])} THEN 1 ELSE 0 END"
    columns = [
        f"CAST({one.sql} AS {'DOUBLE' if one.kind == 'numeric' else 'STRING'}) AS f{i}"
        for i, one in enumerate(features)
    ]
    kept = f"rand({_SEED}) < CASE side WHEN 0 THEN {shares[0]!r}D ELSE {shares[1]!r}D END"
    try:
        rows = window_rows(spark, source, spec, [first, second])
        return rows.selectExpr(f"{side} AS side", *columns).where(kept).toArrow()
    except FAILURES as error:
        raise SourceError(
            f"version {source.version} of {source.name} can't be read: {reason(error)}; where its "
            "files are gone, `sparkdrift run` on the present version comes first"
        ) from error

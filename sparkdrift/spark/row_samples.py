"""Bounded samples of source rows, for what can't be told from stored state: labelled rows, and
rows of two sides.

Features are columns f0, f1, ...: numbers are doubles, categories texts; what is not there or no
number is NULL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from sparkdrift.errors import SourceError
from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.profiles import window_rows
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import in_windows, quote
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature
from sparkdrift.windows import Window, contiguous

_SEED_LABELLED, _SEED_SIDES = 20, 31


def labelled_rows(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    features: Sequence[Feature],
    interval: Window,
    share: float,
) -> pa.Table:
    """A sample of the rows of `interval` that have a label: label, score, decision, f0, f1, ...

    `share`: of the rows, so that it bounds what reaches the driver.
    """
    columns = []
    for role in ("label", "score", "decision"):
        column = getattr(spec.prediction, role) if spec.prediction else None
        columns.append(f"{_number(column)} AS {role}" if column else f"CAST(NULL AS DOUBLE) {role}")
    rows = window_rows(spark, source, spec, [interval]).where(
        f"rand({_SEED_LABELLED}) < {share!r}D"
    )
    return rows.selectExpr(*columns, *_values(features)).where("label IS NOT NULL").toArrow()


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
    which bounds what reaches the driver. Raises SourceError where the rows can't be read.
    """
    first, second = sides
    side = f"CASE WHEN {in_windows(quote(WINDOW), [second])} THEN 1 ELSE 0 END"
    kept = f"rand({_SEED_SIDES}) < CASE side WHEN 0 THEN {shares[0]!r}D ELSE {shares[1]!r}D END"
    try:
        rows = window_rows(spark, source, spec, [first, second])
        return rows.selectExpr(f"{side} AS side", *_values(features)).where(kept).toArrow()
    except FAILURES as error:
        raise SourceError(
            f"version {source.version} of {source.name} can't be read: {reason(error)}; where its "
            "files are gone, `sparkdrift run` on the present version comes first"
        ) from error


def sampled_windows(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    features: Sequence[Feature],
    shares: Mapping[Window, float],
    seed: int,
) -> DataFrame:
    """A sample of the rows of each window, in one scan: window_start, y (the score), f0, f1, ...

    shares: of each window's rows (0..1). Drawn by rand(seed): the same for the same files.
    """
    rows = window_rows(spark, source, spec, sorted(shares))
    by_share: dict[float, list[Window]] = {}
    for window, share in shares.items():
        by_share.setdefault(round(share, 6), []).append(window)
    cases = " ".join(
        f"WHEN {in_windows(quote(WINDOW), contiguous(own))} THEN {share!r}D"
        for share, own in sorted(by_share.items())
    )
    score = f"CAST({quote(spec.prediction.score or '')} AS DOUBLE) AS y"
    kept = rows.where(f"rand({int(seed)}) < CASE {cases} ELSE 0D END")
    return kept.selectExpr(f"{quote(WINDOW)} AS window_start", score, *_values(features))


def _values(features: Sequence[Feature]) -> list[str]:
    return [
        f"CAST({one.sql} AS {'DOUBLE' if one.kind == 'numeric' else 'STRING'}) AS f{i}"
        for i, one in enumerate(features)
    ]


def _number(column: str) -> str:
    # Through text, which also takes a boolean of any spelling.
    text = f"lower(CAST({quote(column)} AS STRING))"
    return (
        f"CASE {text} WHEN 'true' THEN 1D WHEN 'false' THEN 0D ELSE try_cast({text} AS DOUBLE) END"
    )

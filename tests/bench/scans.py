"""Profiling against the least that reading costs, and the ways to aggregate that were open."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.asked import Asked
from tests.bench.ours import best, done
from tests.bench.table import Measured

_ROWS = 1_000_000
_FIELDS, _GROUPS = (
    "spark.sql.codegen.maxFields",
    "spark.sql.objectHashAggregate.sortBased.fallbackThreshold",
)


@contextmanager
def credit_log() -> Iterator[tuple[Any, Any]]:
    """(spark, rows): the demo's log of a million rows as a Delta table, cut into days."""
    from deltalake import write_deltalake

    from sparkdrift.demo.credit import CreditLog
    from sparkdrift.spark.session import open_session

    with tempfile.TemporaryDirectory() as folder:
        for month in CreditLog(rows=_ROWS).tables():
            write_deltalake(f"{folder}/log", month, mode="append")
        with open_session(log=Path(folder) / "spark.log") as spark:
            rows = spark.sql(
                f"SELECT *, date_trunc('day', event_time) AS window_start FROM delta.`{folder}/log`"
            )
            yield spark, rows


def profile(_: Asked) -> Iterator[Measured]:
    """Our profile of every column and slice, without writing it, against a bare scan."""
    from sparkdrift.demo.credit import credit_spec
    from sparkdrift.spark.profiling import profile as profiled
    from sparkdrift.spec.loading import parse_spec
    from sparkdrift.spec.resolving import resolve

    spec = parse_spec(credit_spec("/log"))
    with credit_log() as (spark, rows):
        types = {field.name: field.dataType.simpleString() for field in rows.schema.fields}
        resolution = resolve(spec, types)
        watched = [one.feature.column for one in resolution.watched]

        def ours(slices: bool) -> None:
            keys = resolution.usable_slices if slices else []
            done(profiled(spark, rows, spec, resolution.watched, keys, k=spec.sketch.k))

        floor = best(lambda: done(rows.select("window_start", *watched)))
        for name, slices in (("profile, no slices", False), ("profile, 2 slices", True)):
            yield Measured(
                name,
                best(lambda slices=slices: ours(slices)),
                floor_s=floor,
                note=f"{len(watched)} features by day; floor: a scan of the same columns",
            )


def aggregates(_: Asked) -> Iterator[Measured]:
    """Why counters and sketches are apart, and why two settings of ours differ from Spark's."""
    from sparkdrift.demo.credit import NUMERIC
    from sparkdrift.spark.profiling import _counters, _numbers, _sketches
    from sparkdrift.spec.resolving import Feature

    features = [Feature(name=name, column=name, kind="numeric") for name in NUMERIC]
    with credit_log() as (spark, log):
        slices = "inline(array(struct('*' AS slice), struct(region AS slice)))"
        rows = log.selectExpr("window_start", slices, *_numbers(features))
        counters, sketches = _counters(len(features)), _sketches(len(features), 400)

        def run(*chosen: str) -> None:
            done(rows.groupBy("window_start", "slice").agg(*map(_expr, chosen)))

        groups = rows.select("window_start", "slice").distinct().count()
        note = f"{len(features)} features, {groups:,} groups"
        apart = best(lambda: (run(*counters), run(*sketches)))
        together = best(lambda: run(*counters, *sketches))
        yield Measured("counters and sketches apart", apart, None, "together", together, note=note)
        ours, theirs = best(lambda: run(*counters)), _with(spark, _FIELDS, "100", run, counters)
        yield Measured("counters, maxFields 1000", ours, None, "100", theirs, note=note)
        ours, theirs = best(lambda: run(*sketches)), _with(spark, _GROUPS, "128", run, sketches)
        yield Measured("sketches, fallback at 2048", ours, None, "128", theirs, note=note)


def _with(spark: Any, key: str, value: str, run: Callable[..., None], chosen: list[str]) -> float:
    before = spark.conf.get(key)
    spark.conf.set(key, value)
    try:
        return best(lambda: run(*chosen))
    finally:
        spark.conf.set(key, before)


def _expr(text: str) -> Any:
    from pyspark.sql.functions import expr

    return expr(text)

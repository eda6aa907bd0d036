"""Profiling against the least that reading costs, and the ways to aggregate that were open."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.asked import Asked
from tests.bench.ours import best, done, session
from tests.bench.table import Measured

_ROWS = 1_000_000
_GROUPS = "spark.sql.objectHashAggregate.sortBased.fallbackThreshold"


@contextmanager
def credit_log() -> Iterator[tuple[Any, Any]]:
    """(spark, rows): the demo's log of a million rows as a Delta table, cut into days."""
    from deltalake import write_deltalake

    from sparkdrift.demo.credit import CreditLog

    with tempfile.TemporaryDirectory() as folder:
        for month in CreditLog(rows=_ROWS).tables():
            write_deltalake(f"{folder}/log", month, mode="append")
        with session() as (spark, _):
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
    """Why numbers are counted in parts, apart from their sketches, and two settings of ours."""
    from sparkdrift.demo.credit import NUMERIC
    from sparkdrift.spark import counters
    from sparkdrift.spark.sketching import sketched
    from sparkdrift.spark.slicing import Slices

    numbers = [counters.Number(i, name) for i, name in enumerate(NUMERIC)]
    slices = Slices((("region",),))
    with credit_log() as (spark, log):
        rows = log.withColumnRenamed("window_start", counters.WINDOW)

        def count(size: int = counters.NUMBERS_PER_PART) -> None:
            usual, counters.NUMBERS_PER_PART = counters.NUMBERS_PER_PART, size
            try:
                done(counters.counted(rows, numbers, slices))
            finally:
                counters.NUMBERS_PER_PART = usual

        def sketch() -> None:
            done(sketched(rows, numbers, slices, k=400, distinct=True, sampling=None))

        note = f"{len(numbers)} features by day and region"
        parts, whole = best(count), best(lambda: count(len(numbers)))
        yield Measured("counters in parts", parts, None, "in one aggregate", whole, note=note)
        ours, theirs = best(sketch), _with(spark, _GROUPS, "128", sketch)
        yield Measured("sketches, fallback at 2048", ours, None, "128", theirs, note=note)


def _with(spark: Any, key: str, value: str, run: Callable[[], None]) -> float:
    before = spark.conf.get(key)
    spark.conf.set(key, value)
    try:
        return best(run)
    finally:
        spark.conf.set(key, before)

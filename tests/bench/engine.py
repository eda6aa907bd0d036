"""The profile of a table against a bare scan of it, and against other ways to the same figures."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bench import data, ours, peers
from tests.bench.asked import Asked
from tests.bench.ranks import rank_errors
from tests.bench.table import Measured
from tests.bench.watching import apart, watching

Peer = Callable[[str, int], float | None]

_ROWS, _DAYS = 9_000_000, 30
_TARGET = "ratio <= 2.5, aim 1.5"
# Keys of the spec's section `sketch` that change what a profile costs, and a value of each: a rank
# error that sampling may add, and no counts of distinct numbers.
_VARIANTS = {"sampling_error": 0.01, "distinct": "categorical"}


def engine(asked: Asked) -> Iterator[Measured]:
    """9 M rows over 30 days, with every peer."""
    path = data.events(asked.data, asked.rows or _ROWS, _DAYS)
    with ours.session() as (spark, _):
        own = list(_own(spark, path, asked, "engine", _DAYS, _TARGET))
        yield from own
        rows = peers.percentile_rows(spark, path)
        percentiles = ours.best(lambda: ours.done(rows), asked.repeats)
    mine = Measured(own[0].case, own[0].ours_s)
    yield replace(
        mine,
        peer="percentile_approx",
        peer_s=percentiles,
        target="ratio <= 0.2",
        note="9 quantiles per number, the same counters, distinct counts; in the same session",
    )
    yield _against(mine, peers.duckdb, "ratio <= 1", path, asked)
    yield _against(mine, peers.polars, "the far mark", path, asked)


def engine_long(asked: Asked) -> Iterator[Measured]:
    """Four times as long: the ratio to the bare scan is to be that of `engine`."""
    rows, days = 4 * (asked.rows or _ROWS), 4 * _DAYS
    path = data.events(asked.data, rows, days)
    with ours.session() as (spark, _):
        yield from _own(spark, path, asked, "engine-long", days, "ratio of `engine`")


def variants() -> dict[str, dict[str, Any]]:
    """Sections `sketch` to measure, by what a line calls them: the usual, and others there are."""
    from sparkdrift.spec.models import Sketch

    found: dict[str, dict[str, Any]] = {"": {}}
    for key, value in _VARIANTS.items():
        if key in Sketch.model_fields:
            found[f", {key} {value}"] = {key: value}
    return found


def bare_scan(spark: Any, path: Path, columns: Sequence[str], repeats: int) -> float:
    """Seconds in which Spark reads these columns and does nothing with them."""
    rows = spark.read.format("delta").load(str(path)).select(*columns)
    return ours.best(lambda: ours.done(rows), repeats)


def _own(
    spark: Any, path: Path, asked: Asked, case: str, days: int, target: str
) -> Iterator[Measured]:
    floor = bare_scan(spark, path, ["ts", *data.NUMBERS, *data.TEXTS], asked.repeats)
    for name, sketch in variants().items():
        spec = ours.monitor(path, data.NUMBERS, data.TEXTS, sketch=sketch)
        rows = ours.profiling(spark, spec)
        with watching(os.getpid()) as used:
            seconds = ours.best(lambda rows=rows: ours.done(rows()), asked.repeats)
        yield Measured(
            f"{case}{name}, not written",
            seconds,
            floor,
            target=target,
            note=f"floor: a bare scan of the same columns; {used.peak} with the bench itself",
        )
        written, size = _written(spark, spec, days, asked.repeats)
        yield Measured(
            f"{case}{name}, written", written, floor, note=f"the whole profile step; {size}"
        )
        yield Measured(f"{case}{name}, rank error", note=rank_errors(spark, rows(), spec, path))


def _written(spark: Any, spec: Any, days: int, repeats: int) -> tuple[float, str]:
    """(seconds of the profile step into an empty store, what it stored)."""
    seconds, size = [], ""
    for _ in range(repeats):  # warm already
        with tempfile.TemporaryDirectory() as folder:
            store = ours.new_store(spark, folder)
            begun = time.perf_counter()
            ours.profile_step(spark, store, spec, data.day_start(days))
            seconds.append(time.perf_counter() - begun)
            size = ours.stored_size(store)
    return min(seconds), size


def _against(mine: Measured, peer: Peer, target: str, path: Path, asked: Asked) -> Measured:
    """The peer's seconds, in a process of its own."""
    name = peer.__name__
    seconds, used = apart(peer, str(path), asked.repeats)
    if seconds is None:
        return Measured(f"engine, {name}", note="not installed: pip install '.[dev]'")
    about = " ".join((peer.__doc__ or "").partition(". None")[0].split())
    return replace(mine, peer=name, peer_s=seconds, target=target, note=f"{about}; {used.peak}")

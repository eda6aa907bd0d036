"""Slices, width and cardinality: how time and memory take to the shape of a table."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tests.bench import data, ours
from tests.bench.asked import Asked
from tests.bench.table import Measured
from tests.bench.watching import Used, apart

_EVENTS, _DAYS = 9_000_000, 30
_WIDE_ROWS, _WIDE = 200_000, (500, 1_000, 2_000)
_WIDE_MEMORY = "8g"
_VALUES, _VALUES_ROWS = 10_000_000, 12_000_000
_SLICES, _SLICES_ROWS = 100_000, 2_000_000
_SKEWED_ROWS, _SKEWED_SHARE = 3_000_000, 0.9
_TINY = 50_000


def slices(asked: Asked) -> Iterator[Measured]:
    """The table of `engine` with three slice keys of 5, 20 and 100 values, against none."""
    path = data.events(asked.data, asked.rows or _EVENTS, _DAYS)
    keys = data.TEXTS[:3]

    with ours.session() as (spark, _):

        def seconds(chosen: tuple[str, ...]) -> float:
            spec = ours.monitor(path, data.NUMBERS, data.TEXTS, slices=list(chosen))
            rows = ours.profiling(spark, spec)
            return ours.best(lambda: ours.done(rows()), asked.repeats)

        without = seconds(())
        yield Measured(
            "3 slice keys",
            seconds(keys),
            None,
            "no slices",
            without,
            target="ratio <= 1.6",
            note="5, 20 and 100 values; 20 numbers and 6 texts, not written",
        )


def wide(asked: Asked) -> Iterator[Measured]:
    """Numbers by the thousand: each width in a process of its own with 8 GiB for the driver."""
    share = asked.share(_WIDE_ROWS)
    widths = [max(4, round(width * share)) for width in _WIDE]
    path = data.wide(asked.data, asked.rows or _WIDE_ROWS, widths[-1])
    first: tuple[int, float] | None = None
    for width in widths:
        (seconds, fallbacks, size), used = apart(
            wide_step,
            *(str(path), width),
            environment={"SPARKDRIFT_DRIVER_MEMORY": _WIDE_MEMORY},
        )
        narrow, base = first = first or (width, seconds)
        yield Measured(
            f"wide, {width:,} features",
            seconds,
            None,
            f"{narrow:,} features x {width / narrow:g}",
            base * width / narrow,
            target="<= 8 GiB, linear, no fallback",
            note=f"profile step, cold; {used.peak}; {fallbacks} warnings of code not generated; "
            f"{size}",
        )


def wide_step(path: str, width: int) -> tuple[float, int, str]:
    """(seconds of the profile step, fallback warnings, what was stored)."""
    with ours.session() as (spark, log), tempfile.TemporaryDirectory() as folder:
        spec = ours.monitor(path, [data.wide_name(i) for i in range(width)], [])
        store = ours.new_store(spark, folder)
        seconds = ours.timed(lambda: ours.profile_step(spark, store, spec, data.day_start(10)))
        return seconds, ours.code_fallbacks(log), ours.stored_size(store)


def cardinality(asked: Asked) -> Iterator[Measured]:
    """Many values, many slices, one large window, many small ones: a process for each."""
    yield _many_values(asked)
    yield _many_slices(asked)
    yield _skewed(asked)
    yield _tiny(asked)


def _many_values(asked: Asked) -> Measured:
    share = asked.share(_VALUES_ROWS)
    rows, distinct = round(_VALUES_ROWS * share), round(_VALUES * share)
    path = data.many_values(asked.data, rows, distinct)
    (seconds, size), used = apart(step, str(path), [], ["item"], [], 240)
    (base, _), _ = apart(step, str(path), [], ["key"], [], 240)
    return Measured(
        f"a text of {distinct:,} values",
        seconds,
        None,
        "100 values",
        base,
        note=f"{rows:,} rows, 10 days; {_step(used, size)}",
    )


def _many_slices(asked: Asked) -> Measured:
    share = asked.share(_SLICES_ROWS)
    rows, distinct = round(_SLICES_ROWS * share), max(2, round(_SLICES * share))
    path = data.many_slices(asked.data, rows, distinct)
    (seconds, size), used = apart(step, str(path), list(data.NUMBERS[:3]), [], ["key"], 24)
    (base, _), _ = apart(step, str(path), list(data.NUMBERS[:3]), [], [], 24)
    return Measured(
        f"a slice key of {distinct:,} values",
        seconds,
        None,
        "no slices",
        base,
        note=f"{rows:,} rows, 1 day, 3 numbers; {_step(used, size)}",
    )


def _skewed(asked: Asked) -> Measured:
    rows = asked.rows or _SKEWED_ROWS
    found = []
    for share in (_SKEWED_SHARE, 0.1):
        path = data.skewed(asked.data, rows, share)
        numbers, texts = list(data.NUMBERS[:5]), list(data.TEXTS[:2])
        found.append(apart(step, str(path), numbers, texts, [], 240))
    ((seconds, size), used), ((base, _), _) = found
    return Measured(
        "a window with 90 % of the rows",
        seconds,
        None,
        "10 even windows",
        base,
        note=f"{rows:,} rows, 5 numbers, 2 texts; {_step(used, size)}",
    )


def _tiny(asked: Asked) -> Measured:
    windows = max(20, round(_TINY * asked.share(_TINY * 10)))
    path = data.tiny_windows(asked.data, windows)
    numbers, texts = list(data.NUMBERS[:3]), list(data.TEXTS[:1])
    (seconds, size), used = apart(step, str(path), numbers, texts, [], windows, "hour")
    return Measured(
        f"{windows:,} tiny windows",
        seconds,
        note=f"hours of 10 rows, 3 numbers, 1 text; {_step(used, size)}",
    )


def step(
    path: str, numeric: list[str], texts: list[str], keys: list[str], hours: int, grain: str = "day"
) -> tuple[float, str]:
    """(seconds of the profile step into an empty store, what it stored), of the first `hours`."""
    spec: Any = ours.monitor(path, numeric, texts, slices=keys, windows={"grain": grain})
    with ours.session() as (spark, _), tempfile.TemporaryDirectory() as folder:
        store = ours.new_store(spark, folder)
        as_of = data.START + timedelta(hours=hours)
        seconds = ours.timed(lambda: ours.profile_step(spark, store, spec, as_of))
        return seconds, ours.stored_size(store)


def _step(used: Used, size: str) -> str:
    return f"profile step, cold; {used.peak}; {size}"

"""A day added to a year that is profiled, against the profile of a table of that day alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import data, ours
from tests.bench.asked import Asked
from tests.bench.table import Measured

_YEAR, _PER_DAY = 365, 30_000
_NUMBERS, _TEXTS = data.NUMBERS[:10], data.TEXTS[:3]


def increment(asked: Asked) -> Iterator[Measured]:
    """A table that grows by a day before each run; the first added day warms up."""
    year = max(3, round(_YEAR * asked.share(_YEAR * _PER_DAY)))
    per_day = (asked.rows or _YEAR * _PER_DAY) // year
    with tempfile.TemporaryDirectory() as name, ours.session() as (spark, _):
        folder = Path(name)
        for day in range(year):
            _add_day(folder / "year", day, per_day)
        store = ours.new_store(spark, folder / "store")
        whole, _ = _profile(spark, store, folder / "year", year)
        size = ours.stored_size(store)
        added, alone = [], []
        for day in range(year, year + 1 + asked.repeats):
            # Alternating, so that both meet the same load.
            _add_day(folder / "year", day, per_day)
            added.append(_profile(spark, store, folder / "year", day + 1))
            _add_day(folder / f"day-{day}", day, per_day)
            fresh = ours.new_store(spark, folder / f"store-{day}")
            alone.append(_profile(spark, fresh, folder / f"day-{day}", day + 1))
    yield Measured(
        f"a day added to {year}",
        min(seconds for seconds, _ in added[1:]),
        None,
        "a table of one day",
        min(seconds for seconds, _ in alone[1:]),
        target="ratio <= 1.3",
        note=f"profile step; {per_day:,} rows a day, scanned: {added[-1][1]:,} of the added one; "
        f"the {year} days before took {whole:.1f} s: {size}",
    )


def _add_day(path: Path, day: int, rows: int) -> None:
    from deltalake import write_deltalake

    columns = ["ts", *_NUMBERS, *_TEXTS]
    write_deltalake(str(path), data.event_day(day, rows).select(columns), mode="append")


def _profile(spark: Any, store: Any, path: Path, days: int) -> tuple[float, int]:
    """(seconds, source rows scanned) of the profile step, with all of `days` days closed."""
    spec = ours.monitor(path, _NUMBERS, _TEXTS)
    begun = time.perf_counter()
    plan = ours.profile_step(spark, store, spec, data.day_start(days))
    return time.perf_counter() - begun, plan.rows

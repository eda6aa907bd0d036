"""One day more in a table of a year, against profiling a table of that one day."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.table import Measured

_ROWS = 20_000
_DAYS = 365
_REPEATS = 3
_FEATURES = [f"x{number}" for number in range(10)]


def incremental() -> Iterator[Measured]:
    """By appended files, by the change data feed, and by fingerprints after an update."""
    from sparkdrift.spark.migrate import migrate
    from sparkdrift.spark.session import open_session
    from sparkdrift.store import Store

    with tempfile.TemporaryDirectory() as name, open_session(log=Path(name) / "log") as spark:
        store = Store(directory=f"{name}/store")
        migrate(spark, store)
        alone = []
        for number in range(_REPEATS + 1):
            path = f"{name}/alone{number}"
            _write(spark, path, 0, 1, feed=False)
            _write(spark, path, 1, 2, feed=False, rows=1)
            alone.append(_profiled(spark, store, path, f"alone{number}"))
        floor = min(alone[1:])
        for feed in (False, True):
            path, monitor = f"{name}/year{feed}", f"year{feed}"
            _write(spark, path, 0, _DAYS, feed=feed)
            _profiled(spark, store, path, monitor)
            seconds = []
            for day in range(_DAYS, _DAYS + _REPEATS):
                _write(spark, path, day, day + 1, feed=feed)
                seconds.append(_profiled(spark, store, path, monitor))
            way = "change data feed" if feed else "appended files"
            note = f"{_DAYS} days of {_ROWS:,} rows, {len(_FEATURES)} numbers; floor: a day alone"
            yield Measured(f"one more day, {way}", min(seconds), floor, target="1.3", note=note)


def _write(spark: Any, path: str, first: int, last: int, *, feed: bool, rows: int = _ROWS) -> None:
    """Days `first` to before `last`, each in files of its own."""
    values = ", ".join(f"randn({number}) AS {name}" for number, name in enumerate(_FEATURES))
    frame = spark.sql(
        f"SELECT timestamp'2024-01-01' + make_dt_interval(CAST(id DIV {rows} AS INT) + {first}, 0,"
        f" 0, 86400D * (id % {rows}) / {rows}) AS ts, {values} FROM range({(last - first) * rows})"
    )
    if last - first > 1:
        frame = frame.repartitionByRange(last - first, "ts")
    writer = frame.write.format("delta").mode("append")
    writer.option("delta.enableChangeDataFeed", str(feed).lower()).save(path)


def _profiled(spark: Any, store: Any, path: str, monitor: str) -> float:
    """Seconds that the profile step takes."""
    from sparkdrift.spec.loading import parse_spec
    from sparkdrift.steps.context import Context, Options
    from sparkdrift.steps.journal import Journal
    from sparkdrift.steps.profile import profile_windows

    spec = parse_spec(
        f"monitor: {monitor.lower()}\nowner: bench\nsource: {{path: {path}}}\n"
        f"timestamp: {{column: ts, zone: UTC}}\nfeatures: {{numeric: [{', '.join(_FEATURES)}]}}\n"
    )
    context = Context(spark, store, Journal(spark, store))
    begun = time.perf_counter()
    profile_windows(context, spec, Options())
    context.journal.close()
    return time.perf_counter() - begun

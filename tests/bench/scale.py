"""How time, memory and stored bytes grow, at three sizes each; scale_page.py writes the page."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tests.bench import data, ours
from tests.bench.asked import Asked
from tests.bench.table import Measured
from tests.bench.watching import apart

_ROWS, _FEATURES, _DAYS = 1_000_000, 20, 30
_KEYS = {10: "k10", 100: "k100", 1_000: "k1000"}
_EVERY = 0.2
_EXECUTOR_MIB = 1024


@dataclass(frozen=True)
class Size:
    """One profile: `windows` of a grain, and slices of one key with so many values (0: none)."""

    rows: int = _ROWS
    features: int = _FEATURES
    grain: str = "day"
    slices: int = 0
    executors: int = 0

    @property
    def windows(self) -> int:
        weeks = 1 + (data.START.weekday() + _DAYS - 1) // 7
        return {"hour": 24 * _DAYS, "day": _DAYS, "week": weeks}[self.grain]

    @property
    def groups(self) -> int:
        """Windows times slices, the whole table among them."""
        return self.windows * (1 + self.slices)


def sizes(share: float) -> dict[str, list[Size]]:
    """What is measured, by the dimension that grows; all else stays."""
    usual = Size(rows=max(1_000, round(_ROWS * share)))
    rows = usual.rows
    return {
        "rows": [replace(usual, rows=n) for n in (rows // 4, rows, 4 * rows)],
        "features": [replace(usual, rows=rows // 4, features=n) for n in (20, 40, 80)],
        "windows": [replace(usual, grain=grain) for grain in ("week", "day", "hour")],
        "slices": [replace(usual, features=5, grain="week", slices=n) for n in _KEYS],
        "executors": [replace(usual, executors=n) for n in (1, 2, 4)],
    }


def scale(asked: Asked) -> Iterator[Measured]:
    """One line per dimension and size; the figures behind them are in the JSON."""
    wanted = sizes(asked.share(_ROWS))
    executors = wanted.pop("executors")
    with ours.session() as (spark, _):
        for name, points in wanted.items():
            for size in points:
                yield _line(name, size, _measure(spark, size, asked.data, asked.repeats))
        yield from _stored(spark, asked)
    for size in executors:
        place = str(asked.data)
        found, _ = apart(
            on_executors,
            *(asdict(size), place, asked.repeats),
            environment={
                "SPARKDRIFT_MASTER": f"local-cluster[{size.executors},1,{_EXECUTOR_MIB}]",
                "SPARK_LOCAL_IP": "127.0.0.1",
            },
        )
        yield _line("executors", size, found)


def on_executors(size: dict[str, Any], place: str, repeats: int) -> dict[str, float]:
    """`_measure` on the cluster that SPARKDRIFT_MASTER names; heap is that of the driver."""
    with ours.session(spark_scheduler_minRegisteredResourcesRatio="1.0") as (spark, _):
        return _measure(spark, Size(**size), Path(place), repeats)


def _line(dimension: str, size: Size, found: dict[str, float]) -> Measured:
    about = f"{size.rows:,} rows, {size.features} features, {size.windows} windows"
    if size.slices:
        about += f", {size.slices:,} slices"
    if size.executors:
        about += f", {size.executors} executors of one core"
    heap = f"live heap {found['heap_bytes'] / 2**20:,.0f} MiB"
    shape = {key: value for key, value in asdict(size).items() if key != "grain"}
    return Measured(
        f"scale: {dimension}",
        found["seconds"],
        found["scan_s"],
        note=f"{about}; {heap}",
        figures={**shape, "windows": size.windows, "groups": size.groups, **found},
    )


def _measure(spark: Any, size: Size, place: Path, repeats: int) -> dict[str, float]:
    path = table(place, size.rows, size.features)
    names = [data.wide_name(i) for i in range(size.features)]
    spec = ours.monitor(
        path,
        *(names, []),
        windows={"grain": size.grain},
        slices=[_KEYS[size.slices]] if size.slices else [],
    )
    rows = ours.profiling(spark, spec)
    scanned = spark.read.format("delta").load(str(path)).select("ts", *names)
    seconds = ours.best(lambda: ours.done(rows()), repeats)
    scan = ours.best(lambda: ours.done(scanned), repeats)
    with live_heap(spark) as heap:
        ours.done(rows())
    return {"seconds": seconds, "scan_s": scan, "heap_bytes": max(heap[1:]) - heap[0]}


@contextmanager
def live_heap(spark: Any) -> Iterator[list[int]]:
    """Bytes in use in the session's JVM after a collection: first before, then while it works.

    A collection every 0.2 s slows the work down, so its time says nothing.
    """
    jvm = spark._jvm.java.lang
    found: list[int] = []
    ended = threading.Event()

    def in_use() -> int:
        jvm.System.gc()
        runtime = jvm.Runtime.getRuntime()
        return int(runtime.totalMemory() - runtime.freeMemory())

    def watch() -> None:
        while not ended.wait(_EVERY):
            found.append(in_use())

    found.append(_settled(in_use))
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        time.sleep(_EVERY)
        yield found
    finally:
        ended.set()
        watcher.join()
        found.append(in_use())


def _settled(in_use: Callable[[], int]) -> int:
    """Bytes in use once no more are set free: Spark cleans up some time after a collection."""
    before = in_use()
    for _ in range(10):
        time.sleep(1)
        now = in_use()
        if now > before - 2**20:
            break
        before = now
    return min(before, now)


def _stored(spark: Any, asked: Asked) -> Iterator[Measured]:
    """Bytes of a stored row, of numbers and of texts apart."""
    rows = max(3_000, round(_ROWS * asked.share(_ROWS)) // 4)
    path = data.events(asked.data, rows, 3)
    for kind, numbers, texts in (
        ("numbers", data.NUMBERS, ()),
        ("texts of 5 to 100,000 values", (), data.TEXTS),
    ):
        spec = ours.monitor(path, numbers, texts)
        with tempfile.TemporaryDirectory() as folder:
            store = ours.new_store(spark, folder)
            ours.profile_step(spark, store, spec, data.day_start(3) + timedelta(hours=1))
            stored, size = ours.stored(store)
            yield Measured(
                f"scale: stored, {kind.split()[0]}",
                note=f"{kind}: {ours.stored_size(store)}",
                figures={"rows": stored, "bytes": size, "bytes_per_row": size / stored},
            )


def table(place: Path, rows: int, features: int) -> Path:
    """`features` numbers and a slice key for each size of _KEYS; a file per day."""

    def day(number: int, count: int) -> pa.Table:
        rng = np.random.default_rng([number, features])
        found = {"ts": data.instants(number, count, rng)}
        for values, name in _KEYS.items():
            codes = rng.integers(0, values, count)
            found[name] = pa.array(np.char.add("key_", codes.astype(str)))
        for i in range(features):
            found[data.wide_name(i)] = rng.normal(i, 1 + i % 7, count)
        return pa.table(found)

    counts = [rows // _DAYS + (i < rows % _DAYS) for i in range(_DAYS)]
    return data.kept(place, f"scale-{rows}-{features}", map(day, range(_DAYS), counts))

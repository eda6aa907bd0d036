"""All comparisons of many features and windows, judged from stored profiles alone."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tests.bench import data, ours
from tests.bench.asked import Asked
from tests.bench.machine import process_tree
from tests.bench.table import Measured
from tests.bench.watching import apart

ALL = ("baseline", "consecutive", "seasonal", "origin", "training")
_DAYS, _REFERENCE = 90, 30
# The second baseline, so that `origin` is another reference, and the one of the role training.
_SECOND, _TRAINING = (15, 45), (0, 20)
# Features that are really profiled; the others are copies of their rows under other names.
_NUMERIC, _CATEGORICAL = 32, 8
_COPIES = (6, 12, 25)
_DISTINCT = (3, 10, 50, 200)
# So many that a sketch of k = 400 has dropped items.
_ROWS_PER_DAY = 2_000


def comparisons(asked: Asked) -> Iterator[Measured]:
    """90 days and 1,000 features, with a fourth and a half of these; no source row is read."""
    rows = asked.rows or _DAYS * _ROWS_PER_DAY
    path = data.kept(asked.data, f"features-{rows}", _days(max(1, rows // _DAYS)))
    copies = _COPIES if asked.rows is None else (1,)
    seconds = {}
    for count in copies:
        line = _line(path, count, asked.repeats, ALL, "<= 60 s on 2 cores, linear in rows")
        seconds[count * (_NUMERIC + _CATEGORICAL)] = line.ours_s or 0.0
        yield line
    yield _growth(seconds)
    for names in (("baseline",), ("baseline", "consecutive"), ("baseline", "origin")):
        yield _line(path, copies[0], asked.repeats, names, "")


def _growth(seconds: dict[int, float]) -> Measured:
    """What each step in the number of features costs, as a part of what linear growth would."""
    least = min(seconds)
    steps = [
        f"{count:,} features {1000 * took / count:.1f} ms each, "
        f"{took / seconds[least] / (count / least):.2f} of linear"
        for count, took in sorted(seconds.items())
    ]
    return Measured("comparisons, growth", target="linear in rows", note="; ".join(steps))


def _line(path: Path, copies: int, repeats: int, names: Sequence[str], target: str) -> Measured:
    found, used = apart(judged, str(path), copies, repeats, list(names))
    features = copies * (_NUMERIC + _CATEGORICAL)
    held = ", ".join(f"{rows:,} {name}" for name, rows in found["compared"].items())
    told = "all 5" if tuple(names) == ALL else " and ".join(names)
    return Measured(
        f"comparisons, {told}, {features:,} features",
        found["seconds"],
        target=target,
        note=f"{found['rows']:,} verdicts of {_DAYS} windows, not written, {found['cpu']:.0f} CPU "
        f"seconds; compared were {held}; the whole step {found['step']:.1f} s; {used.peak} with "
        f"all processes, {found['driver']:,} MiB of it the driver's Python",
        figures={"verdicts_per_second": found["rows"] / found["seconds"]},
    )


def judged(path: str, copies: int, repeats: int, names: list[str]) -> dict[str, Any]:
    """Seconds to judge all windows, and to find what is due, judge and write it."""
    from sparkdrift.spark.comparison import drift_digests, drift_rows
    from sparkdrift.spark.reference_life import in_force, stored_references
    from sparkdrift.spec.digests import policy_hash
    from sparkdrift.steps.context import Context, Options
    from sparkdrift.steps.drift import compute_drift
    from sparkdrift.steps.journal import Journal
    from sparkdrift.windows import Window

    with ours.session() as (spark, _), tempfile.TemporaryDirectory() as folder:
        store = ours.new_store(spark, folder)
        spec = ours.monitor(
            path,
            [f"n{i}" for i in range(_NUMERIC)],
            [f"c{i}" for i in range(_CATEGORICAL)],
            reference={
                "begin": f"{data.day_start(0):%Y-%m-%d}",
                "end": f"{data.day_start(_REFERENCE):%Y-%m-%d}",
            },
            drift={"comparisons": names},
        )
        ours.profile_step(spark, store, spec, data.day_start(_DAYS))
        _copy(spark, store, copies)
        context = Context(spark, store, Journal(spark, store))
        _freeze(context, spec)
        active = in_force(spec, stored_references(spark, store, spec, "baseline"))
        policy = policy_hash(spec)
        windows = [Window(data.day_start(day), data.day_start(day + 1)) for day in range(_DAYS)]
        digests = drift_digests(spark, store, spec, active, policy)
        earlier = sorted({start for found in digests.earlier.values() for start in found})

        def work() -> tuple[float, float]:
            cpu, begun = _cpu(), time.perf_counter()
            ours.done(drift_rows(spark, store, spec, active, windows, policy, earlier))
            return time.perf_counter() - begun, _cpu() - cpu

        work()
        seconds, cpu = min(work() for _ in range(repeats))
        begun = time.perf_counter()
        compute_drift(context, spec, Options())
        step = time.perf_counter() - begun
        rows = spark.table(store.table("drift"))
        # What had nothing to be compared with costs nothing, and is told apart.
        compared = rows.where("status <> 'no_reference'").groupBy("comparison").count().collect()
        by_name = {row["comparison"]: row["count"] for row in compared}
        used = {"cpu": cpu, "driver": _resident() >> 20}
        used["compared"] = {one: by_name.get(one, 0) for one in names}
        used["versions"] = _versions(rows)
        rows = rows.count()
        return {"seconds": seconds, "step": step, "rows": rows, **used}


def _freeze(context: Any, spec: Any) -> None:
    """Two baselines, each in force for some of the windows, and a training reference."""
    from sparkdrift.steps.by_hand import Asked as Wanted
    from sparkdrift.steps.by_hand import wanted_by
    from sparkdrift.steps.snapshot import Freeze, snapshot_by_hand, snapshot_reference

    snapshot_reference(context, spec)
    for (begin, end), role in ((_SECOND, None), (_TRAINING, "training")):
        asked = Wanted(data.day_start(begin).date(), data.day_start(end).date(), role=role)
        since = data.day_start(end) if role is None else data.day_start(0)
        freeze = Freeze(force=True, effective_from=since, note="bench")
        made = snapshot_by_hand(context, spec, wanted_by(asked, spec), freeze)
        assert made.event is not None, made


def _versions(drift: Any) -> int:
    """How many versions of the baseline judged windows."""
    rows = drift.where("comparison = 'baseline' AND reference_version > 0")
    return int(rows.select("reference_version").distinct().count())


def _copy(spark: Any, store: Any, copies: int) -> None:
    """Give every stored feature `copies` - 1 more names."""
    if copies == 1:
        return
    rows = spark.table(store.table("profiles")).where("column_name <> ':table'")
    named = f"explode(transform(sequence(2, {copies}), i -> concat(column_name, '_', i)))"
    kept = [f"`{name}`" for name in rows.columns if name != "column_name"]
    copied = rows.selectExpr(*kept, f"{named} AS column_name").select(rows.columns)
    copied.repartition(8).write.format("delta").mode("append").save(store.path("profiles"))


def _cpu() -> float:
    """CPU seconds so far of this process and all it started: JVM and Python workers."""
    return sum(seconds for _, seconds in process_tree(os.getpid()).values())


def _resident() -> int:
    """Bytes of this process: Spark's driver, without its JVM; 0 where that can't be read."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _days(rows: int) -> Iterator[pa.Table]:
    """Numbers of several shapes whose mean wanders a little, and texts of 3 to 200 values."""
    for day in range(_DAYS):
        rng = np.random.default_rng([19, day])
        columns: dict[str, Any] = {"ts": data.instants(day, rows, rng)}
        for i in range(_NUMERIC):
            values = rng.normal(rng.normal(0, 0.05), 1, rows)
            columns[f"n{i}"] = np.exp(values) if i % 4 == 3 else np.round(values, 1 + i % 4)
        for i in range(_CATEGORICAL):
            codes = rng.zipf(1.3, rows) % _DISTINCT[i % len(_DISTINCT)]
            columns[f"c{i}"] = pa.array([f"value {code}" for code in codes])
        yield pa.table(columns)

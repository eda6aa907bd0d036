"""The product as a bench calls it: a session, a monitor, its profile rows, its profile step.

What cases need of the package's inner functions is here and nowhere else.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.bench import data

# Spark's warnings when it gives up generating code for a plan or an expression.
_FALLBACKS = ("Whole-stage codegen disabled", "falling back to interpreter", "failed to compile")


@contextmanager
def session(**extra: str) -> Iterator[tuple[Any, Path]]:
    """(a session of ours with `extra` settings, the file with Spark's warnings)."""
    from sparkdrift.spark.session import create_session, open_session

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "spark.log"
        spark = create_session(log=log, extra={k.replace("_", "."): v for k, v in extra.items()})
        try:
            with open_session(spark=spark):
                yield spark, log
        finally:
            spark.stop()


def code_fallbacks(log: Path) -> int:
    """How many warnings in Spark's log say that code was not generated."""
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    return sum(text.count(warning) for warning in _FALLBACKS)


def monitor(
    path: Path | str,
    numeric: Sequence[str],
    categorical: Sequence[str],
    *,
    timestamp: str = "ts",
    **sections: Any,
) -> Any:
    """A spec over a folder; `sections` are further sections of it."""
    from sparkdrift.spec.loading import parse_spec

    content = {
        "monitor": "bench",
        "owner": "bench",
        "source": {"path": str(path)},
        "timestamp": {"column": timestamp},
        "features": {"numeric": list(numeric), "categorical": list(categorical)},
        **sections,
    }
    return parse_spec(json.dumps(content), "bench.yml")


def profiling(spark: Any, spec: Any) -> Callable[[], Any]:
    """A function that makes the rows of `profiles` of all windows, as the profile step does.

    Which windows there are is found out here, before.
    """
    from sparkdrift.spark.changes import fingerprints
    from sparkdrift.spark.profiles import profiled_rows
    from sparkdrift.spark.source import source_of
    from sparkdrift.spec.resolving import resolve

    source = source_of(spark, spec)
    resolution = resolve(spec, source.schema)
    batch = [one for _, one in sorted(fingerprints(spark, source, spec).windows.items())]
    return lambda: profiled_rows(spark, source, spec, resolution, batch)


def new_store(spark: Any, folder: Path | str) -> Any:
    from sparkdrift.spark.migrate import migrate
    from sparkdrift.store import Store

    store = Store(directory=str(folder))
    migrate(spark, store)
    return store


def profile_step(spark: Any, store: Any, spec: Any, as_of: datetime) -> Any:
    """The whole step: what is due is found, profiled and written. Returns what was due."""
    from sparkdrift.steps.context import Context, Options
    from sparkdrift.steps.journal import Journal
    from sparkdrift.steps.profile import profile_windows

    context = Context(spark, store, Journal(spark, store))
    plan = profile_windows(context, spec, Options(as_of=as_of))
    context.journal.close()
    return plan


def open_folder(folder: Path | str) -> Any:
    """A store that is there already."""
    from sparkdrift.store import Store

    return Store(directory=str(folder))


def performance_step(spark: Any, store: Any, spec: Any) -> Any:
    """The whole step: what is due is found, measured and written."""
    from sparkdrift.steps.context import Context, Options
    from sparkdrift.steps.journal import Journal
    from sparkdrift.steps.performance import measure_performance

    context = Context(spark, store, Journal(spark, store))
    found = measure_performance(context, spec, Options(as_of=data.day_start(3650)))
    context.journal.close()
    return found


def store_evaluation(
    spark: Any, store: Any, edges: Any, known: Sequence[Any], windows: Mapping[int, Sequence[Any]]
) -> None:
    """An evaluation set `holdout` of the monitor `bench`, and states of weeks, by their number.

    known, and each week: (slice_key, slice_value, rows, state).
    """
    from sparkdrift.spark.profile_tables import NOT_OF_LABELS, STATES
    from sparkdrift.spark.reference_tables import (
        REFERENCE_EVENTS,
        REFERENCE_PROFILES,
        REFERENCE_SNAPSHOTS,
    )
    from sparkdrift.spark.writer import Case, Scope, insert_rows, replace
    from sparkdrift.windows import Window, window_at

    about = {"monitor": "bench", "role": "evaluation", "name": "holdout", "version": 1}
    about |= {"run_id": "bench", "package_version": "0", "created_at": data.START}
    since = {"seq": 1, "action": "activate", "effective_from": data.day_start(-3650)}
    profiles = [
        {
            **about,
            "slice_key": key,
            "slice_value": value,
            "column_name": ":scores",
            "kind": "scores",
            "row_count": rows,
            "bins": (edges.tolist(), None, state.tolist()),
        }
        for key, value, rows, state in known
    ]
    insert_rows(spark, store, REFERENCE_PROFILES, profiles)
    insert_rows(
        spark, store, REFERENCE_SNAPSHOTS, [{**about, "windows": 0, "rows": 0, "digest": "1"}]
    )
    insert_rows(spark, store, REFERENCE_EVENTS, [{**about, **since}])
    weeks: dict[int, Window] = {
        week: window_at(data.day_start(7 * week), "week", "UTC") for week in windows
    }
    found = [
        (weeks[week].start, weeks[week].end, key, value, state)
        for week, states in windows.items()
        for key, value, _, state in states
    ]
    columns = list(zip(*found, strict=True))
    names = ("window_start", "window_end", "slice_key", "slice_value", "cells")
    instants = pa.timestamp("us", tz="UTC")
    types = (instants, instants, pa.string(), pa.string(), pa.list_(pa.float64()))
    table = pa.table(
        {
            name: pa.array(values, kind)
            for name, values, kind in zip(names, columns, types, strict=True)
        }
    )
    constants = {"monitor": "bench", "granularity": "week", "kind": "scores", "name": "holdout:1"}
    constants |= dict.fromkeys(("fingerprint", "definition_hash", "input_digest"), "1")
    constants |= {"run_id": "bench", "package_version": "0"}
    rows = spark.createDataFrame(table).selectExpr(
        *names,
        *(f"'{value}' AS {name}" for name, value in constants.items()),
        "CAST(NULL AS ARRAY<STRING>) AS columns",
        "1L AS source_version",
        *(f"NULL AS {name}" for name in NOT_OF_LABELS),
    )
    scope = Scope("bench", "week", [Case(list(weeks.values()), {"kind": "scores"})])
    replace(store, STATES, rows, scope, run_id="bench")


def stored(store: Any) -> tuple[int, int]:
    """(rows, bytes) of `profiles` in a directory store, by Delta's own statistics."""
    from deltalake import DeltaTable

    files = DeltaTable(f"{store.directory}/profiles").get_add_actions(flatten=True)
    rows, size = (sum(files[name].to_pylist()) for name in ("num_records", "size_bytes"))
    return rows, size


def stored_size(store: Any) -> str:
    rows, size = stored(store)
    return f"{rows:,} profile rows of {size / rows:,.0f} bytes" if rows else "no profile rows"


def done(frame: Any) -> None:
    """Compute all of `frame` and keep nothing of it."""
    frame.write.format("noop").mode("overwrite").save()


def best(work: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of the quickest of `repeats` runs, after one that warms the JVM."""
    work()
    return min(timed(work) for _ in range(repeats))


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun

"""The product as a bench calls it: a session, a monitor, its profile rows, its profile step.

What cases need of the package's inner functions is here and nowhere else.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

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

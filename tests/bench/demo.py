"""The whole product from the command line: the demo, and a run with nothing to do."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.asked import Asked
from tests.bench.table import Measured
from tests.bench.watching import Used, command


def demo(_: Asked) -> Iterator[Measured]:
    """`sparkdrift demo` in an empty folder, a million rows."""
    with tempfile.TemporaryDirectory() as folder:
        yield _of_demo(command(["demo", "--store", f"{folder}/store"]))


def rerun(_: Asked) -> Iterator[Measured]:
    """The same again: `sparkdrift run` on the demo's store, with nothing changed."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"{folder}/store"
        yield _of_demo(command(["demo", "--store", store]))
        spec = next(Path(folder).rglob("*.yml"))
        used = command(["run", str(spec), "--store", store, "--run-id", "again"])
        scanned = rows_scanned(store, "again")
        yield Measured(
            "second run",
            used.seconds,
            target="<= 15 s, 0 rows",
            note=f"{used}; {scanned:,} source rows scanned",
        )


def _of_demo(used: Used) -> Measured:
    return Measured("demo", used.seconds, target="<= 90 s, <= 3 GiB", note=str(used))


def rows_scanned(store: str, run_id: str) -> int:
    """Source rows that a run read, by its own `runs` rows, read without Spark."""
    from deltalake import DeltaTable

    runs = DeltaTable(f"{store}/runs").to_pyarrow_table(columns=["run_id", "rows_scanned"])
    of_run = [row for row in runs.to_pylist() if row["run_id"] == run_id]
    if not of_run:
        raise RuntimeError(f"the run {run_id} left no row in runs")
    return sum(row["rows_scanned"] for row in of_run)

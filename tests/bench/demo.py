"""The whole product from the command line: the demo, and a run with nothing to do."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.machine import tree_memory
from tests.bench.table import Measured

_EVERY = 0.2


def demo() -> Iterator[Measured]:
    """`sparkdrift demo` in an empty folder, a million rows."""
    with tempfile.TemporaryDirectory() as folder:
        seconds, peak = command(["demo", "--store", f"{folder}/store"])
        yield _of_demo(seconds, peak)


def rerun() -> Iterator[Measured]:
    """The same again: `sparkdrift run` on the demo's store, with nothing changed."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"{folder}/store"
        seconds, peak = command(["demo", "--store", store])
        yield _of_demo(seconds, peak)
        spec = next(Path(folder).rglob("*.yml"))
        seconds, peak = command(["run", str(spec), "--store", store, "--run-id", "again"])
        scanned = rows_scanned(store, "again")
        yield Measured(
            "second run",
            seconds,
            target="<= 15 s, 0 rows",
            note=f"{scanned:,} source rows scanned; peak {peak / 2**30:.2f} GiB",
        )


def _of_demo(seconds: float, peak: int) -> Measured:
    return Measured(
        "demo",
        seconds,
        target="<= 90 s, <= 3 GiB",
        note=f"peak {peak / 2**30:.2f} GiB (resident sets of all its processes, summed)",
    )


def command(arguments: Sequence[str]) -> tuple[float, int]:
    """Run a sparkdrift command; its wall seconds and peak memory. Raises where it fails."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "sparkdrift", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peaks, ended = [0], threading.Event()
    watch = threading.Thread(target=_watch, args=(process.pid, peaks, ended))
    watch.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - begun
    ended.set()
    watch.join()
    if process.returncode != 0:
        raise RuntimeError(f"sparkdrift {' '.join(arguments)} failed:\n{output}")
    return seconds, peaks[0]


def _watch(process: int, peaks: list[int], ended: threading.Event) -> None:
    while not ended.wait(_EVERY):
        peaks[0] = max(peaks[0], tree_memory(process))


def rows_scanned(store: str, run_id: str) -> int:
    """Source rows that a run read, by its own `runs` rows, read without Spark."""
    from deltalake import DeltaTable

    runs = DeltaTable(f"{store}/runs").to_pyarrow_table(columns=["run_id", "rows_scanned"])
    of_run = [row for row in runs.to_pylist() if row["run_id"] == run_id]
    if not of_run:
        raise RuntimeError(f"the run {run_id} left no row in runs")
    return sum(row["rows_scanned"] for row in of_run)

"""The whole product from the command line: the demo, and a run with nothing to do."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.machine import process_tree
from tests.bench.table import Measured

_EVERY = 0.2


def demo() -> Iterator[Measured]:
    """`sparkdrift demo` in an empty folder, a million rows."""
    with tempfile.TemporaryDirectory() as folder:
        yield _of_demo(command(["demo", "--store", f"{folder}/store"]))


def rerun() -> Iterator[Measured]:
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


class Used:
    """What a command took, with all the processes it started; sampled, not asked for."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.peak_bytes = 0
        self._cpu: dict[int, float] = {}

    @property
    def cpu_seconds(self) -> float:
        return sum(self._cpu.values())

    def __str__(self) -> str:
        return (
            f"peak {self.peak_bytes / 2**30:.2f} GiB (resident sets, summed), "
            f"{self.cpu_seconds:.0f} CPU seconds"
        )

    def sample(self, process: int) -> None:
        found = process_tree(process)
        self.peak_bytes = max(self.peak_bytes, sum(resident for resident, _ in found.values()))
        self._cpu |= {one: cpu for one, (_, cpu) in found.items()}


def command(arguments: Sequence[str]) -> Used:
    """Run a sparkdrift command and watch it. Raises where it fails."""
    used, ended = Used(), threading.Event()
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "sparkdrift", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    def watch() -> None:
        while not ended.wait(_EVERY):
            used.sample(process.pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    used.seconds = time.perf_counter() - begun
    ended.set()
    watcher.join()
    if process.returncode != 0:
        raise RuntimeError(f"sparkdrift {' '.join(arguments)} failed:\n{output}")
    return used


def rows_scanned(store: str, run_id: str) -> int:
    """Source rows that a run read, by its own `runs` rows, read without Spark."""
    from deltalake import DeltaTable

    runs = DeltaTable(f"{store}/runs").to_pyarrow_table(columns=["run_id", "rows_scanned"])
    of_run = [row for row in runs.to_pylist() if row["run_id"] == run_id]
    if not of_run:
        raise RuntimeError(f"the run {run_id} left no row in runs")
    return sum(row["rows_scanned"] for row in of_run)

"""Work watched from outside: how long, how much memory, in a process of its own where asked."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tests.bench.machine import process_tree

_EVERY = 0.2
_ANSWER = "the answer: "


class Used:
    """What work took, with all the processes it started; sampled, not asked for."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.peak_bytes = 0
        self._cpu: dict[int, float] = {}

    @property
    def cpu_seconds(self) -> float:
        return sum(self._cpu.values())

    @property
    def peak(self) -> str:
        return f"peak {self.peak_bytes / 2**30:.2f} GiB"

    def __str__(self) -> str:
        return f"{self.peak} (resident sets, summed), {self.cpu_seconds:.0f} CPU seconds"

    def sample(self, process: int) -> None:
        found = process_tree(process)
        self.peak_bytes = max(self.peak_bytes, sum(resident for resident, _ in found.values()))
        self._cpu |= {one: cpu for one, (_, cpu) in found.items()}


@contextmanager
def watching(process: int) -> Iterator[Used]:
    """Sample a process and its descendants until the block ends."""
    used, ended = Used(), threading.Event()

    def watch() -> None:
        used.sample(process)
        while not ended.wait(_EVERY):
            used.sample(process)

    watcher = threading.Thread(target=watch)
    begun = time.perf_counter()
    watcher.start()
    try:
        yield used
    finally:
        used.seconds = time.perf_counter() - begun
        ended.set()
        watcher.join()


def command(arguments: Sequence[str]) -> Used:
    """Run a sparkdrift command and watch it. Raises where it fails."""
    _, used = _watched([sys.executable, "-m", "sparkdrift", *arguments], {})
    return used


def fastest(arguments: Sequence[str], runs: int) -> Used:
    """The quickest of so many runs of a sparkdrift command."""
    return min((command(arguments) for _ in range(runs)), key=lambda one: one.seconds)


def apart(
    work: Callable[..., Any], *arguments: Any, environment: Mapping[str, str] | None = None
) -> tuple[Any, Used]:
    """(the answer of `work(*arguments)`, what it took) in a fresh process, with a JVM of its own.

    `work` is a function of a module; arguments and answer are JSON. Raises where it fails.
    """
    named = f"{work.__module__}:{work.__name__}"
    argv = [sys.executable, "-m", "tests.bench.watching", named, json.dumps(arguments)]
    output, used = _watched(argv, environment or {})
    return json.loads(output.rpartition(_ANSWER)[2]), used


def _watched(argv: Sequence[str], environment: Mapping[str, str]) -> tuple[str, Used]:
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    with watching(process.pid) as used:
        output, _ = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(argv[1:])} failed:\n{output[-6000:]}")
    return output, used


def main(named: str, arguments: str) -> None:
    module, _, name = named.partition(":")
    answer = getattr(importlib.import_module(module), name)(*json.loads(arguments))
    print(_ANSWER + json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])

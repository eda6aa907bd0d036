"""The machine that a figure belongs to, and how busy it was."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Cores, memory, versions and load, as they are now."""
    from importlib.metadata import version
    from importlib.util import find_spec

    from sparkdrift.spark.session import check_java

    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": len(usable) or os.cpu_count(),
        "memory_gib": round(pages * size / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "java": check_java(),
        "spark": version("pyspark"),
        "delta": version("delta-spark"),
        **{name: version(name) for name in ("duckdb", "polars") if find_spec(name)},
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def process_tree(root: int) -> dict[int, tuple[int, float]]:
    """(resident bytes, CPU seconds so far) of a process and of all its descendants, by id.

    Pages that processes share count once for each, so the sum is never too low. Linux
    only; nothing elsewhere.
    """
    size, ticks = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    children: dict[int, list[int]] = {}
    found: dict[int, tuple[int, float]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name in brackets may hold blanks and brackets itself.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        children.setdefault(int(fields[1]), []).append(int(folder.name))
        seconds = (int(fields[11]) + int(fields[12])) / ticks
        found[int(folder.name)] = int(fields[21]) * size, seconds
    inside, waiting = {}, [root]
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        if process in found:
            inside[process] = found[process]
    return inside

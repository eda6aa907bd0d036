"""The machine that a figure belongs to, and how busy it was."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Cores, memory, versions and load, as they are now."""
    from importlib.metadata import version

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
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def tree_memory(root: int) -> int:
    """Bytes that a process and all its descendants hold: the sum of their resident sets.

    Pages that processes share count once for each, so this is never too low. Linux only;
    0 elsewhere.
    """
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name in brackets may hold blanks and brackets itself.
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        children.setdefault(parent, []).append(int(folder.name))
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        try:
            resident = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
        total += resident * os.sysconf("SC_PAGE_SIZE")
    return total

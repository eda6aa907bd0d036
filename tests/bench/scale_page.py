"""docs/scale.md from measurements: `python -m tests.bench.scale_page` measures and writes it.

The figures stay in docs/scale.json; `--kept` writes the page from those of last time, after a
change of its text, which is scale_page.md beside this file. Options of `tests.bench` hold too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.__main__ import cases, measure
from tests.bench.scale import sizes

TEXT = Path(__file__).with_suffix(".md")
DOCS = Path(__file__).resolve().parents[2] / "docs"
FIGURES, PAGE = DOCS / "scale.json", DOCS / "scale.md"

# The table to extrapolate to. A cell is one value of one row, 8 bytes before compression.
_BYTES, _FEATURES, _WINDOWS, _CORES = 10e12, 10_000, 365, 256
# Windows x slices that a task meets at once where files follow time.
_TASK_GROUPS = 4
# What the page says without measuring, or straight from a line of the table.
_GIVEN = {"windows", "cells", "rows", "states", "far_cores", "task_groups", "most", "most_mib"}
_DIMENSIONS = ("rows", "features", "windows", "slices", "executors")

_USUAL = [asdict(size) for size in sizes(1.0)["rows"]]

Point = Mapping[str, Any]


def main(arguments: list[str]) -> int:
    kept = "--kept" in arguments
    if not kept:
        _, asked, _ = cases(["scale", *arguments])
        machine, lines = measure(["scale"], asked)
        document = {"machine": machine, "measured": [line.document() for line in lines]}
        FIGURES.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    PAGE.write_text(page(json.loads(FIGURES.read_text("utf-8"))), "utf-8")
    print(f"written: {PAGE}" if kept else f"written: {FIGURES}, {PAGE}")
    return 0


def page(document: Mapping[str, Any]) -> str:
    """The text with the figures of a run of the case `scale` filled in."""
    points: dict[str, list[Point]] = {}
    for line in document["measured"]:
        points.setdefault(line["case"].removeprefix("scale: "), []).append(line["figures"])
    trial = _trial(points["rows"])
    figures = {**_fitted(points), **_extrapolated(points, int(document["machine"]["cores"]))}
    if trial:
        figures = {k: v if k in _GIVEN else NotMeasured() for k, v in figures.items()}
    return TEXT.read_text("utf-8").format(
        machine=document["machine"],
        load_before=document["machine"]["load"][0],
        load_after=document["machine"]["load_after"][0],
        trial=trial,
        table="\n".join(_row(name, one) for name in _DIMENSIONS for one in points[name]),
        speed=_speed(points["executors"]),
        **{f"{name}_growth": _growth(points[name], name) for name in _DIMENSIONS[:-1]},
        **figures,
    )


class NotMeasured:
    """Stands where a trial has no figure, whatever its format."""

    def __format__(self, _: str) -> str:
        return "(not measured)"


def _trial(points: Sequence[Point]) -> str:
    """A warning where the tables were smaller than they should be; else nothing."""
    largest, usual = (max(one["rows"] for one in found) for found in (points, _USUAL))
    if largest >= usual:
        return ""
    return (
        f"\n**A trial**: the largest table had {largest:,} rows instead of {usual:,}. What is\n"
        "fixed per run hides what grows, so slopes and all that follows from them are not given.\n"
    )


def _fitted(points: Mapping[str, Sequence[Point]]) -> dict[str, Any]:
    rows, features, windows = (points[name] for name in ("rows", "features", "windows"))
    heap_base, heap_per_state = fit(windows, _states, "heap_bytes")
    rows_base, per_cell = fit(rows, _cells)
    features_base, per_feature_cell = fit(features, _cells)
    states_base, per_state = fit(windows, _states)
    most = max(windows, key=_states)
    return {
        "rows_base": rows_base,
        "per_million_cells": 1e6 * per_cell,
        "features_base": features_base,
        "features_per_million": 1e6 * per_feature_cell,
        "states_base": states_base,
        "per_thousand_states": 1e3 * per_state,
        "heap_base": max(heap_base, 0) / 2**20,
        "heap_per_state": heap_per_state,
        "most": most,
        "most_mib": most["heap_bytes"] / 2**20,
        "number_bytes": points["stored, numbers"][0]["bytes_per_row"],
        "text_bytes": points["stored, texts"][0]["bytes_per_row"],
    }


def _extrapolated(points: Mapping[str, Sequence[Point]], cores: int) -> dict[str, Any]:
    per_cell = cores * fit(points["rows"], _cells)[1]
    per_state = cores * fit(points["windows"], _states)[1]
    heap_per_state = fit(points["windows"], _states, "heap_bytes")[1]
    cells, states = _BYTES / 8, _WINDOWS * _FEATURES
    reading, keeping = per_cell * cells / 3600, per_state * states / 3600
    hours = (reading + keeping) / _CORES
    return {
        "windows": _WINDOWS,
        "cells": cells,
        "rows": cells / _FEATURES,
        "states": states,
        "core_per_million": 1e6 * per_cell,
        "core_per_thousand": 1e3 * per_state,
        "reading": reading,
        "keeping": keeping,
        "far_cores": _CORES,
        "hours": hours,
        "day_minutes": 60 * hours / _WINDOWS,
        "stored_gb": states * points["stored, numbers"][0]["bytes_per_row"] / 1e9,
        "task_groups": _TASK_GROUPS,
        "task_gib": _TASK_GROUPS * _FEATURES * heap_per_state / 2**30,
    }


def _cells(point: Point) -> float:
    return float(point["rows"] * point["features"])


def _states(point: Point) -> float:
    return float(point["groups"] * point["features"])


def fit(
    points: Sequence[Point], x: Callable[[Point], float], y: str = "seconds"
) -> tuple[float, float]:
    """(intercept, slope) of the least squares line through the points."""
    slope, intercept = np.polyfit([x(one) for one in points], [one[y] for one in points], 1)
    return float(intercept), float(slope)


def _row(dimension: str, point: Point) -> str:
    shape = [f"{point[name]:,}" if point[name] else "-" for name in _DIMENSIONS]
    ratio = point["seconds"] / point["scan_s"]
    times = [f"{point['seconds']:.2f}", f"{point['scan_s']:.2f}", f"{ratio:.1f}"]
    # Of the executors' heaps the driver knows nothing.
    heap = "-" if point["executors"] else f"{point['heap_bytes'] / 2**20:,.0f}"
    return f"| {' | '.join([dimension, *shape, *times, heap])} |"


def _growth(points: Sequence[Point], name: str) -> str:
    first, last = points[0], points[-1]
    factor = last["seconds"] / first["seconds"]
    return f"{last[name] / first[name]:.3g} times the {name}: {factor:.1f} times the seconds"


def _speed(points: Sequence[Point]) -> str:
    first = points[0]["seconds"]
    return ", ".join(f"{first / one['seconds']:.2f} with {one['executors']}" for one in points)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

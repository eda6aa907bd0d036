"""`python -m tests.bench [CASE...] [--json] [--source PATH]`: figures, never assertions."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench.asked import Asked, data_folder
from tests.bench.comparisons import comparisons
from tests.bench.demo import demo, rerun
from tests.bench.engine import engine, engine_long
from tests.bench.evaluation import evaluation
from tests.bench.fleet import fleet
from tests.bench.health import health
from tests.bench.increment import increment
from tests.bench.machine import machine
from tests.bench.references import references
from tests.bench.report import report
from tests.bench.rollup import rollup
from tests.bench.scale import scale
from tests.bench.scans import aggregates, profile
from tests.bench.session import session
from tests.bench.shapes import cardinality, slices, wide
from tests.bench.source import source
from tests.bench.table import Measured, render

# `rerun` begins with the demo, so both lines come from one store; `demo` alone is its first half.
CASES: dict[str, Callable[[Asked], Iterator[Measured]]] = {
    "session": session,
    "demo": demo,
    "rerun": rerun,
    "profile": profile,
    "aggregates": aggregates,
    "engine": engine,
    "engine-long": engine_long,
    "slices": slices,
    "wide": wide,
    "cardinality": cardinality,
    "increment": increment,
    "rollup": rollup,
    "comparisons": comparisons,
    "references": references,
    "evaluation": evaluation,
    "fleet": fleet,
    "health": health,
    "report": report,
    "scale": scale,
    "source": source,
}
DEFAULT = ("session", "rerun", "profile", "aggregates", "rollup")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    made.add_argument(
        "case",
        nargs="*",
        help=f"of {', '.join(CASES)}; default: {', '.join(DEFAULT)}, or source with --source",
    )
    made.add_argument("--json", action="store_true", help="one JSON document")
    made.add_argument(
        "--source", metavar="PATH", help="profile this Delta or Parquet folder (case `source`)"
    )
    made.add_argument("--timestamp", metavar="COLUMN", help="event time of --source")
    made.add_argument(
        "--rows", type=int, metavar="N", help="rows of the tables that are made, to try a case"
    )
    made.add_argument(
        "--repeats", type=int, default=3, metavar="N", help="runs after the first; default: 3"
    )
    made.add_argument(
        "--data",
        type=Path,
        default=data_folder(),
        metavar="FOLDER",
        help="where made tables are kept; default: $SPARKDRIFT_BENCH_DATA, then %(default)s",
    )
    return made


def cases(arguments: list[str]) -> tuple[list[str], Asked, bool]:
    """(the names of the cases asked for, what is asked of them, whether JSON is wanted)."""
    own = parser()
    options = own.parse_args(arguments)
    unknown = [name for name in options.case if name not in CASES]
    if unknown:
        own.error(f"no case {', '.join(unknown)}; accepted: {', '.join(CASES)}")
    if "source" in options.case and options.source is None:
        own.error("the case source needs --source PATH")
    for name in ("rows", "repeats"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            own.error(f"--{name} must be at least 1")
    asked = Asked(options.rows, options.repeats, options.data, options.source, options.timestamp)
    usual = ["source"] if options.source else list(DEFAULT)
    return options.case or usual, asked, options.json


def measure(names: Sequence[str], asked: Asked) -> tuple[dict[str, Any], list[Measured]]:
    """Machine and lines of these cases; what a case found before it failed is printed."""
    about = machine()
    found: list[Measured] = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        for line in CASES[name](asked):
            print(render([line]).splitlines()[-1], file=sys.stderr, flush=True)
            found.append(line)
    about["load_after"] = [round(value, 2) for value in os.getloadavg()]
    return about, found


def main(arguments: list[str]) -> int:
    names, asked, as_json = cases(arguments)
    about, found = measure(names, asked)
    if as_json:
        rows = [row.document() for row in found]
        print(json.dumps({"machine": about, "measured": rows}, indent=2))
        return 0
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(render(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

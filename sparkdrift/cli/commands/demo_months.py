"""demo months: a dashboard that stays green for seven months, and when sparkdrift turned red."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import asdict
from datetime import timedelta
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
    from pyspark.sql import SparkSession

    from sparkdrift.cli.progress import Bars
    from sparkdrift.demo.months_telling import Months
    from sparkdrift.demo.running import Demo
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context

STORE = "sparkdrift-demo-months"


def months(
    common: Common,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="S", min=0, help="Default: 7.", show_default=False),
    ] = None,
    without_drift: Annotated[
        bool, typer.Option("--without-drift", help="The same claims, but nothing gets worse.")
    ] = False,
) -> None:
    """Seven green months: a dashboard in its band throughout, while the model gets worse.

    The store is ./sparkdrift-demo-months by default.

    Example: sparkdrift demo months --store /tmp/months --without-drift
    """
    from sparkdrift.demo.running import announced, begin, months_demo, stage

    store = common.store or STORE
    demo = months_demo(seed, drifts=not without_drift)
    opened = open_store(store)
    folder = opened.local
    if folder is None:
        raise UsageError(f"the demo needs a folder on this machine; --store is {store}")
    found = stage(folder, demo, {"seed": seed, "drifts": int(not without_drift)})
    if found == "new":
        begin(folder, demo)
    if not common.as_json:
        screen.say(announced(found, store, demo))
    begun = time.monotonic()
    with work(common, opened) as (context, bars):
        facts = _run(context, bars, folder, demo, made=found in ("made", "finished"))
        told = _look(context, bars, folder / demo.spec)
    truth = json.loads((folder / demo.beside[0]).read_text("utf-8")) if demo.beside else None
    _tell(common, told, truth, _next(store, demo), facts)
    screen.remark(f"\n{facts['rows']:,} rows; {time.monotonic() - begun:.0f} s")


def _run(context: Context, bars: Bars, folder: Path, demo: Demo, *, made: bool) -> dict[str, Any]:
    """Make the data where it is not there, and run all that is due."""
    from sparkdrift.demo.months import ended
    from sparkdrift.demo.owner_paragraph import owner_paragraph
    from sparkdrift.demo.running import finish, make
    from sparkdrift.spark.converting import write_delta
    from sparkdrift.spec.loading import load_spec
    from sparkdrift.steps.context import Options
    from sparkdrift.steps.run import run_monitor

    if not made:
        bars.begin("making the data")
        make(folder, demo, partial(write_delta, context.spark))
    spec = load_spec(folder / demo.spec)
    bars.begin(spec.monitor)
    done = run_monitor(context, spec, Options(as_of=ended()))
    finish(folder)
    newest = done.health.newest
    return {
        "owner": "" if newest is None else owner_paragraph(newest, spec),
        "made": not made,
        "rows": done.profiled.rows,
        "windows_profiled": len(done.profiled.due),
        "windows_judged": len(done.judged.windows),
    }


def _look(context: Context, bars: Bars, spec_file: Path) -> Months:
    from sparkdrift.demo.months import live_from
    from sparkdrift.demo.months_telling import Months
    from sparkdrift.spark.evaluation_overview import (
        metric_values,
        performance_of,
        staleness_of,
    )
    from sparkdrift.spec.loading import load_spec

    bars.begin("reading the findings")
    spark, store, spec = context.spark, context.store, load_spec(spec_file)
    metric = spec.degraded.metric if spec.degraded else "accuracy"
    return Months(
        metric,
        live_from(),
        spec.prediction.label_delay or timedelta(),
        performance_of(spark, store, spec, metric),
        staleness_of(spark, store, spec),
        metric_values(spark, store, spec, "override"),
        _shown(spark, spec, metric),
        spec.timestamp.zone,
        spec.degraded.retire if spec.degraded else None,
    )


def _shown(spark: SparkSession, spec: MonitorSpec, metric: str) -> list[dict[str, Any]]:
    """What the dashboard's own table says of a metric, in order of time; [] without a table."""
    from sparkdrift.spark.outside_tables import dashboard_table, told_by_dashboard

    table = dashboard_table(spark, spec)
    told = [] if table is None else told_by_dashboard(spark, spec, table)
    return [
        {"time": one.at, "value": one.value, "limit": one.limit}
        for one in sorted(told, key=lambda one: one.at)
        if one.metric == metric
    ]


def _tell(
    common: Common,
    told: Months,
    truth: dict[str, Any] | None,
    commands: list[str],
    facts: dict[str, Any],
) -> None:
    from sparkdrift.demo.months_telling import by_month, first_degraded, first_red, page

    if common.as_json:
        since = {"red": first_red(told), "degraded": first_degraded(told)}
        document = facts | {
            "months": [asdict(one) for one in by_month(told)],
            "since": {name: one and asdict(one) for name, one in since.items()},
            "truth": truth,
            "next": commands,
        }
        screen.print_json(document)
        return
    screen.say("")
    screen.show(page(told, truth))
    if facts["owner"]:
        screen.say(f"\nIn one paragraph\n{facts['owner']}")
    screen.say("\nTry next")
    for command in commands:
        screen.say(f"  {command}")


def _next(store: str, demo: Demo) -> list[str]:
    shown, spec = shlex.quote(store), shlex.quote(str(Path(store) / demo.spec))
    queue = shlex.quote(str(Path(store) / "to_label"))
    command = screen.command()
    return [
        f"{command} report {spec} --store {shown} -o page.html",
        f"{command} eval {spec} --store {shown}",
        f"{command} operations {spec} --store {shown}",
        f"{command} recalibrate {spec} --store {shown}",
        f"{command} sample-eval {spec} --store {shown} --rows 500 --to {queue}",
        f'{command} sql --store {shown} "select window_start, status, reason from eval_staleness '
        f"where figure = 'blind_spot' order by 1 desc" + '"',
    ]

"""operations: how the model is worked with, told without any label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli.arguments import interval, options_for
from sparkdrift.cli.commands.steps import FINDING, Begin, DryRun, End, Specs
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.cli.planning import plan
from sparkdrift.errors import UsageError, nearest
from sparkdrift.report.plain import named

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context

ALERT = "alert"
FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="FINDING",
        help="End with exit code 3: alert, where an alert of a signal stands in the newest window, "
        "of the whole table or a slice, and is not suppressed.",
        show_default=False,
    ),
]


def operations(
    common: Common,
    specs: Specs,
    begin: Begin = None,
    end: End = None,
    dry_run: DryRun = False,
    fail_on: FailOn = None,
) -> int:
    """Tell overrides, escalations, complaints, latency: each with interval, trend and verdict.

    Writes `operations` from stored rows, where it is due, and shows the newest window: also at
    which scores the events are concentrated.

    Example: sparkdrift operations monitors/credit.yml --fail-on alert
    """
    times = (None, *interval(begin, end))
    if fail_on is not None and fail_on != ALERT:
        close = nearest(fail_on, [ALERT])
        hint = f"; did you mean {close!r}?" if close else ""
        raise UsageError(f"--fail-on {fail_on!r} does not exist; accepted: {ALERT}{hint}")
    if dry_run:
        return plan(common, specs, times, ["operations"])

    def one(context: Context, spec: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.report.operations import operation_lines, standing_alerts
        from sparkdrift.spark.operation_overview import newest_operations
        from sparkdrift.steps.operations import watch_operations

        bars.begin(f"{spec.monitor}: operations")
        done = watch_operations(context, spec, options_for(spec, *times))
        if done.windows is None:
            text = "nothing to tell: the spec has no section `operations`"
            unasked = (f"--fail-on {ALERT}: not measured",) if fail_on else ()
            return Answer(text, {"windows_told": None}, remarks=unasked)
        context.journal.close()
        rows = newest_operations(context.spark, context.store, spec)
        alerts = standing_alerts(rows, spec.alerts.windows, spec.alerts.of)
        newest = [row for row in rows if row["window_start"] == rows[-1]["window_start"]]
        facts = {"windows_told": len(done.windows), "operations": newest, "alerts": alerts}
        lines = operation_lines(rows, alerts, spec.timestamp.zone)
        text = "\n  ".join([f"operations of {named(len(done.windows), 'window')} told", *lines])
        alarm = alerts and fail_on is not None
        told = [f"--fail-on: {named(len(alerts), 'alert')} of operations"] if alarm else []
        return Answer(text, facts, FINDING if alarm else 0, told)

    return each_monitor(common, specs, one, asked=any(times) or fail_on is not None)

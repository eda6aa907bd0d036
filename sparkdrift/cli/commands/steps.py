"""profile, drift and run: the steps for one or several monitors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli import outcome
from sparkdrift.cli.alarm import alarm_of, unanswered
from sparkdrift.cli.arguments import fail_on as covered
from sparkdrift.cli.arguments import interval, options_for, point_of_time
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.cli.evaluated import evaluated_remarks
from sparkdrift.cli.hooked import hook_facts, hook_remarks
from sparkdrift.cli.judged import health_facts
from sparkdrift.cli.planning import plan
from sparkdrift.cli.retired import unless_retired
from sparkdrift.report.plain import day, joined, named

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context

FINDING = 3

Specs = Annotated[
    list[Path],
    typer.Argument(metavar="SPEC", help="Monitor specs; a folder stands for its *.yml."),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="TIME",
        help="Event time up to which the data is complete, in the monitor's zone: windows "
        "that end later stay open. Default: the newest event.",
        show_default=False,
    ),
]
Begin = Annotated[
    str | None,
    typer.Option(
        "--begin",
        metavar="TIME",
        help="Compute the windows from here again, due or not.",
        show_default=False,
    ),
]
End = Annotated[
    str | None,
    typer.Option(
        "--end", metavar="TIME", help="Compute the windows up to here again.", show_default=False
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show what is due, with windows and rows; write nothing."),
]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        metavar="STATUS",
        help="End with exit code 3 where a window that was judged has this status: drifted, "
        "warning (drifted too), insufficient_data, ...; or where an alert stands in it, after "
        "m of n windows: alert, major (critical too), critical; or where an assumption is "
        "violated in it: violated; or as `sparkdrift eval` has it: degraded, stale, blind. What "
        "is suppressed does not count. Repeatable. With nothing "
        "due, the newest judged window decides.",
        show_default=False,
    ),
]
Times = tuple[date | datetime | None, date | datetime | None, date | datetime | None]


def profile(
    common: Common,
    specs: Specs,
    as_of: AsOf = None,
    begin: Begin = None,
    end: End = None,
    granularity: Annotated[
        str | None,
        typer.Option(
            "--granularity",
            metavar="GRAIN",
            help="Merge stored windows into days, weeks or months now, declared under "
            "windows.rollups or not; reads no source row.",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
) -> int:
    """Profile every closed window whose source rows changed, or merge what is stored.

    Example: sparkdrift profile monitors/credit.yml --as-of 2025-10-01
    """
    times = _times(as_of, begin, end)
    if granularity is not None:
        return _merge(common, specs, times, granularity, dry_run=dry_run)
    if dry_run:
        return plan(common, specs, times, ["profile"])

    def one(context: Context, spec: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps.profile import profile_windows

        bars.begin(f"{spec.monitor}: profile")
        done = profile_windows(context, spec, options_for(spec, *times))
        text = f"{named(len(done.due), 'window')} profiled, {done.rows:,} rows"
        facts = {"windows": len(done.due), "rows": done.rows, "reason": done.reason}
        told = f"{text} ({done.reason})" if done.reason else text
        return Answer(told, facts, remarks=done.remarks)

    return each_monitor(common, specs, unless_retired(one), asked=any(times))


def _merge(
    common: Common, specs: Sequence[Path], times: Times, granularity: str, *, dry_run: bool
) -> int:
    """Stored windows into longer ones; of the source only its schema is looked at."""

    def one(context: Context, spec: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps.profile import merge_windows, plan_merge

        bars.begin(f"{spec.monitor}: {granularity}")
        work_on = plan_merge if dry_run else merge_windows
        windows = work_on(context, spec, granularity, options_for(spec, *times))
        zone = spec.timestamp.zone
        shown = joined([f"{day(w.start, zone)} to {day(w.end, zone)}" for w in windows], 5)
        text = f"{named(len(windows), granularity)} {'due' if dry_run else 'merged'}"
        text += f": {shown}" if windows else " (every complete one is up to date)"
        intervals = [{"begin": window.start, "end": window.end} for window in windows]
        facts = {"granularity": granularity, "windows": len(windows), "intervals": intervals}
        return Answer(text, facts | ({"dry_run": True} if dry_run else {}))

    return each_monitor(common, specs, one, dry=dry_run, asked=True)


def drift(
    common: Common,
    specs: Specs,
    as_of: AsOf = None,
    begin: Begin = None,
    end: End = None,
    dry_run: DryRun = False,
) -> int:
    """Judge every stored window whose verdict is missing or out of date; check its assumptions.

    Example: sparkdrift drift monitors/credit.yml --begin 2025-09-01
    """
    times = _times(as_of, begin, end)
    if dry_run:
        return plan(common, specs, times, ["drift"])

    def one(context: Context, spec: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.spark.findings import count_statuses
        from sparkdrift.steps.assumptions import check_assumptions
        from sparkdrift.steps.drift import compute_drift

        bars.begin(f"{spec.monitor}: drift")
        done = compute_drift(context, spec, options_for(spec, *times))
        checked = check_assumptions(context, spec, options_for(spec, *times), done.stored)
        context.journal.close()
        found = count_statuses(context.spark, context.store, spec, done.active, done.windows)
        text = f"{named(len(done.windows), 'window')} judged"
        text += outcome.listed(found) + outcome.held(checked)
        facts = {
            "windows": len(done.windows),
            "windows_checked": outcome.count(checked),
            "assumptions_violated": outcome.violated(checked),
        }
        return Answer(text, {**facts, **outcome.counts(found)})

    return each_monitor(common, specs, unless_retired(one), asked=any(times))


def run(
    common: Common,
    specs: Specs,
    as_of: AsOf = None,
    begin: Begin = None,
    end: End = None,
    dry_run: DryRun = False,
    fail_on: FailOn = None,
    recompute: Annotated[
        bool,
        typer.Option(
            "--recompute",
            help="Hold windows that an earlier reference judged against the present one as well: "
            "rows in `drift` beside the old ones, which stay in force.",
        ),
    ] = False,
) -> int:
    """Do all that is due: profile, freeze the reference, judge, evaluate, and say how the model is.

    Example: sparkdrift run monitors/ --fail-on drifted
    """
    times, alarming = _times(as_of, begin, end), covered(fail_on or [])
    if dry_run:
        steps = ["profile", "snapshot", "drift", "eval", "operations", "features"]
        return plan(common, specs, times, steps)

    def one(context: Context, spec: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps.run import run_monitor

        bars.begin(spec.monitor)
        options = replace(options_for(spec, *times), recompute=recompute)
        done = run_monitor(context, spec, options)
        alarm = alarm_of(context, spec, done, alarming)
        held = (f"reference version left a candidate: {line}" for line in done.blocked)
        said = (done.unpublished, unanswered(done, alarming), alarm)
        asked = [one for one in said if one]
        remarks = (
            *(*done.profiled.remarks, *held, *evaluated_remarks(done.evaluated)),
            *(*done.assessed.remarks, *asked),
        )
        remarks = (*remarks, *hook_remarks(done.hooked))
        currency = spec.degraded.currency if spec.degraded else None
        facts = outcome.facts(done) | hook_facts(done.hooked)
        facts |= {"health": health_facts(done.health, currency)}
        return Answer(
            outcome.told(done) + outcome.verdict_told(done, spec),
            facts,
            FINDING if alarm else 0,
            remarks,
        )

    return each_monitor(common, specs, unless_retired(one), asked=any(times) or recompute)


def _times(as_of: str | None, begin: str | None, end: str | None) -> Times:
    return point_of_time("--as-of", as_of), *interval(begin, end)

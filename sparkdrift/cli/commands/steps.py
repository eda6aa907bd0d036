"""profile, drift and run: the steps for one or several monitors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli.alarm import alarm_of, unanswered
from sparkdrift.cli.arguments import fail_on as covered
from sparkdrift.cli.arguments import interval, options_for, point_of_time
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.cli.evaluated import (
    evaluated_anything,
    evaluated_facts,
    evaluated_remarks,
    evaluated_text,
)
from sparkdrift.cli.hooked import hook_facts, hook_remarks
from sparkdrift.cli.judged import health_facts
from sparkdrift.cli.planning import plan
from sparkdrift.cli.retired import unless_retired
from sparkdrift.report.plain import day, joined, lost, named

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spark.findings import Findings
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.assumptions import Checked
    from sparkdrift.steps.context import Context
    from sparkdrift.steps.run import Outcome

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
        text = f"{named(len(done.windows), 'window')} judged{_listed(found)}{_held(checked)}"
        facts = {
            "windows": len(done.windows),
            "windows_checked": _count(checked),
            "assumptions_violated": _violated(checked),
        }
        return Answer(text, {**facts, **_counts(found)})

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
        from sparkdrift.steps.triggers import fire_hooks

        bars.begin(spec.monitor)
        options = replace(options_for(spec, *times), recompute=recompute)
        done = run_monitor(context, spec, options)
        # Last: whatever a hook does, everything is written by now.
        hooked = fire_hooks(context, spec)
        alarm = alarm_of(context, spec, done, alarming)
        held = (f"reference version left a candidate: {line}" for line in done.blocked)
        said = (done.unpublished, unanswered(done, alarming), alarm)
        asked = [one for one in said if one]
        remarks = (
            *(*done.profiled.remarks, *held, *evaluated_remarks(done.evaluated)),
            *(*done.assessed.remarks, *asked),
        )
        remarks = (*remarks, *hook_remarks(hooked))
        currency = spec.degraded.currency if spec.degraded else None
        facts = _facts(done) | hook_facts(hooked) | {"health": health_facts(done.health, currency)}
        return Answer(_told(done) + _verdict(done, spec), facts, FINDING if alarm else 0, remarks)

    return each_monitor(common, specs, unless_retired(one), asked=any(times) or recompute)


def _told(done: Outcome) -> str:
    judged = done.judged.windows or done.checked.windows or done.judged.beside
    others = evaluated_anything(done.evaluated) or bool(done.assessed.windows)
    if not (done.profiled.due or done.profiled.vanished or done.reference or judged or others):
        return f"nothing is due ({done.profiled.reason or 'every window is up to date'})"
    parts = [f"{named(len(done.profiled.due), 'window')} profiled, {done.profiled.rows:,} rows"]
    if done.profiled.vanished:
        parts.append(lost(len(done.profiled.vanished)))
    if done.reference is not None:
        what = "frozen as a candidate, which the gate blocks" if done.blocked else "frozen"
        parts.append(f"reference version {done.reference.version} {what}")
    parts.append(f"{named(len(done.judged.windows), 'window')} judged{_listed(done.findings)}")
    if done.judged.beside:
        parts.append(f"{named(done.judged.beside, 'window')} judged by the present reference too")
    return "; ".join(parts) + _held(done.checked) + _evaluated(done) + _assessed(done)


def _verdict(done: Outcome, spec: MonitorSpec) -> str:
    """The verdict in a line of its own; nothing where nothing is stored yet."""
    from sparkdrift.report.health import verdict_line

    standing = done.health.standing
    return "" if standing is None else f"\n  {verdict_line(standing, spec.timestamp.zone)}"


def _evaluated(done: Outcome) -> str:
    """What was evaluated and told; nothing where the spec has nothing to evaluate by."""
    text = ""
    if done.evaluated.performed.windows is not None:
        text += f"; {evaluated_text(done.evaluated)}"
    operated = done.evaluated.operated.windows
    if operated is not None:
        text += f"; operations of {named(len(operated), 'window')} told"
    return text


def _assessed(done: Outcome) -> str:
    """Windows whose debt of features was told; nothing where nothing is asked for."""
    windows = done.assessed.windows
    return "" if windows is None else f"; debt of features in {named(len(windows), 'window')}"


def _held(checked: Checked) -> str:
    """How many windows were held against what is assumed of them; nothing without assumptions."""
    windows = checked.windows
    if windows is None:
        return ""
    told = f" (checks: {checked.violated:,} violated)" if windows else ""
    return f"; assumptions checked in {named(len(windows), 'window')}{told}"


def _count(checked: Checked) -> int | None:
    return None if checked.windows is None else len(checked.windows)


def _violated(checked: Checked) -> int | None:
    """Not measured where no window was checked, rather than none."""
    return checked.violated if checked.windows else None


def _facts(done: Outcome) -> dict[str, object]:
    return {
        "windows_profiled": len(done.profiled.due),
        "windows_vanished": len(done.profiled.vanished),
        "rows": done.profiled.rows,
        "reason": done.profiled.reason,
        "reference_version": done.reference.version if done.reference else None,
        "reference_blocked": list(done.blocked),
        "windows_judged": len(done.judged.windows),
        "windows_recomputed": done.judged.beside,
        "windows_checked": _count(done.checked),
        "assumptions_violated": _violated(done.checked),
        "evaluation": evaluated_facts(done.evaluated),
        "windows_assessed": None if done.assessed.windows is None else len(done.assessed.windows),
        **_counts(done.findings),
    }


def _counts(found: Findings) -> dict[str, object]:
    return {"statuses": dict(found.statuses), "suppressed": dict(found.suppressed)}


def _listed(found: Findings) -> str:
    """What was found, in comparisons: each window has one per column, slice and reference."""
    counted = [f"{count:,} {status}" for status, count in sorted(found.statuses.items())]
    spared = sum(found.suppressed.get(status, 0) for status in ("drifted", "warning"))
    told = f" (comparisons: {', '.join(counted)}" if counted else ""
    if told and spared:
        told += f"; {spared:,} of the drifted and warning ones suppressed"
    return f"{told})" if told else ""


def _times(as_of: str | None, begin: str | None, end: str | None) -> Times:
    return point_of_time("--as-of", as_of), *interval(begin, end)

"""Why a run ends with exit code 3: what `--fail-on` names, and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparkdrift.report.plain import day, joined, named

if TYPE_CHECKING:
    from sparkdrift.cli.arguments import FailOn
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context
    from sparkdrift.steps.run import Outcome


def alarm_of(context: Context, spec: MonitorSpec, done: Outcome, asked: FailOn) -> str | None:
    """What `asked` names and the windows judged now show; where none was, the newest one."""
    shown = [
        _of_verdicts(context, spec, done, asked),
        _of_assumptions(context, spec, done, asked),
        _of_evaluation(context, spec, done, asked),
    ]
    told = "; ".join(one for one in shown if one)
    return f"--fail-on: {told}" if told else None


def unanswered(done: Outcome, asked: FailOn) -> str | None:
    """What `asked` names and this monitor can't show, so that its silence is not taken for good."""
    if asked.evaluated and done.evaluated.performed.windows is None:
        return (
            f"--fail-on {', '.join(asked.evaluated)}: not measured, the spec has no section "
            "`evaluation`"
        )
    if asked.violated and done.checked.windows is None:
        return (
            "--fail-on violated: not measured, the spec assumes nothing; accepted is a section "
            "`assumptions` or `dependence`"
        )
    return None


def _of_verdicts(context: Context, spec: MonitorSpec, done: Outcome, asked: FailOn) -> str | None:
    """Comparisons with one of the statuses, and alerts of one of the severities."""
    from sparkdrift.spark.findings import count_alerts, count_statuses, newest_judged

    if not (asked.statuses or asked.severities):
        return None
    active, windows, found = done.judged.active, done.judged.windows, done.findings
    where = f"the {named(len(windows), 'window')} judged now"
    if not windows:
        # So that a second run tells what the first did.
        newest = newest_judged(context.spark, context.store, spec, active)
        if newest is None:
            return None
        windows = (newest,)
        where = f"the newest judged window ({day(newest.start, spec.timestamp.zone)})"
        if asked.statuses:
            found = count_statuses(context.spark, context.store, spec, active, windows)
    counts = {f"{status} comparison": found.telling([status]) for status in sorted(asked.statuses)}
    if asked.severities:
        alerts = count_alerts(context.spark, context.store, spec, active, windows)
        counts |= {f"{one} alert": alerts.get(one, 0) for one in sorted(asked.severities)}
    shown = [named(count, noun) for noun, count in counts.items() if count]
    return f"{where}: {joined(shown)}" if shown else None


def _of_evaluation(context: Context, spec: MonitorSpec, done: Outcome, asked: FailOn) -> str | None:
    """What `eval` would say by the same words."""
    from sparkdrift.cli.evaluated import found_by
    from sparkdrift.spark.evaluation_overview import newest_staleness

    if not asked.evaluated or done.evaluated.performed.windows is None:
        return None
    staleness = newest_staleness(context.spark, context.store, spec)
    return found_by(context, spec, done.evaluated, staleness, asked.evaluated)


def _of_assumptions(
    context: Context, spec: MonitorSpec, done: Outcome, asked: FailOn
) -> str | None:
    """Checks that are violated in the windows checked now; where none was, in the newest one."""
    from sparkdrift.spark.assumptions import newest_violated

    if not asked.violated or done.checked.windows is None:
        return None
    checked, count = done.checked.windows, done.checked.violated
    where = f"the {named(len(checked), 'window')} checked now"
    if not checked:
        active = done.judged.stored.active
        newest = newest_violated(context.spark, context.store, spec, active)
        if newest is None:
            return None
        start, count = newest
        where = f"the newest checked window ({day(start, spec.timestamp.zone)})"
    return f"{where}: {named(count, 'violated assumption')}" if count else None

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
    counts = {f"{status} row": found.telling([status]) for status in sorted(asked.statuses)}
    if asked.severities:
        alerts = count_alerts(context.spark, context.store, spec, active, windows)
        counts |= {f"{one} alert": alerts.get(one, 0) for one in sorted(asked.severities)}
    shown = [named(count, noun) for noun, count in counts.items() if count]
    return f"--fail-on: {where}: {joined(shown)}" if shown else None

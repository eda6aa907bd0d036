"""What of the maintenance plan is overdue at the end of a window: plan and time in, findings out.

Source of the severities: the project's own. Overdue is minor, major from half an interval on,
critical from a whole interval on: then the work was left out once. Work of which nobody knows
when it was last done is major: its first interval can't be told from its tenth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sparkdrift.health.findings import Finding, Severity
from sparkdrift.spec.maintenance import Work
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import local_midnight

WORDS: Mapping[Work, str] = {
    "retraining": "retraining",
    "evaluation_refresh": "refresh of the evaluation set",
    "metric_revalidation": "validation of the metric",
    "recalibration": "calibration of the thresholds",
}


@dataclass(frozen=True)
class Task:
    """One kind of work: due `every` so long, by `owner`.

    last_done: None where nobody knows. told_by: what said so, in words.
    """

    work: Work
    every: timedelta
    owner: str
    last_done: datetime | None
    told_by: str

    @property
    def debt(self) -> str:
        """The id of the debt that it is once it is overdue."""
        return f"overdue {self.work}"

    @property
    def due(self) -> datetime | None:
        return None if self.last_done is None else self.last_done + self.every


def plan_of(
    spec: MonitorSpec, *, trained: datetime | None = None, evaluated: datetime | None = None
) -> tuple[Task, ...]:
    """The maintenance plan of a spec; empty without the section.

    trained, evaluated: the newest event of the training reference and of the newest evaluation
    set (aware), by which their work is dated where the spec does not.
    """
    if spec.maintenance is None:
        return ()
    zone = spec.timestamp.zone
    calibrated = _calibrated(spec)
    known: dict[Work, tuple[datetime | None, str]] = {
        "retraining": (trained, "by the newest event of the training reference"),
        "evaluation_refresh": (evaluated, "by the newest event of the newest evaluation set"),
        "recalibration": (
            None if calibrated is None else local_midnight(calibrated, zone),
            "by calibrated_at of the thresholds",
        ),
    }
    made = []
    for work, upkeep in spec.maintenance.planned():
        done, told_by = known.get(work, (None, ""))
        if upkeep.last_done is not None:
            done, told_by = local_midnight(upkeep.last_done, zone), "by last_done in the spec"
        if done is not None:
            # In the monitor's zone a day is a day, also when the clocks change.
            done = done.astimezone(ZoneInfo(zone))
        made.append(Task(work, upkeep.every, upkeep.owner or spec.owner, done, told_by))
    return tuple(made)


def dated_ahead(spec: MonitorSpec, today: date) -> list[str]:
    """Work that was last done after `today`, in words: it would not be overdue for that long."""
    if spec.maintenance is None:
        return []
    return [
        f"maintenance.{work}.last_done is {upkeep.last_done:%Y-%m-%d}, and today is "
        f"{today:%Y-%m-%d}: it is not overdue until {upkeep.last_done + upkeep.every:%Y-%m-%d}; "
        "give the day on which it was done"
        for work, upkeep in spec.maintenance.planned()
        if upkeep.last_done is not None and upkeep.last_done > today
    ]


def overdue_findings(
    plan: Sequence[Task], window_end: datetime, *, window_start: datetime
) -> list[Finding]:
    """A finding for each task that is overdue at `window_end`, or of which no date is known.

    What was last done after the window is not overdue in it. The same at every call: no clock.
    """
    return [_finding(task, window_start, window_end) for task in _overdue(plan, window_end)]


def _overdue(plan: Sequence[Task], at: datetime) -> Iterator[Task]:
    for task in plan:
        if task.due is None or at > task.due:
            yield task


def _finding(task: Task, start: datetime, end: datetime) -> Finding:
    words, days = WORDS[task.work], task.every.days
    if task.due is None or task.last_done is None:
        text = f"{words} is due every {days} days, and nobody knows when it was last done"
        text += f": {task.owner}"
        return Finding(task.debt, "ownership", "major", start, start, text, owner=task.owner)
    late = end - task.due
    text = (
        f"{words} is due every {days} days, was last done on {task.last_done:%Y-%m-%d} "
        f"({task.told_by}) and is {_days(late)} overdue: {task.owner}"
    )
    since = max(task.due, task.last_done)
    severity = _severity(late, task.every)
    return Finding(task.debt, "ownership", severity, start, since, text, owner=task.owner)


def _severity(late: timedelta, every: timedelta) -> Severity:
    if late >= every:
        return "critical"
    return "major" if 2 * late >= every else "minor"


def _days(late: timedelta) -> str:
    days = -(-late // timedelta(days=1))
    return f"{days} day{'' if days == 1 else 's'}"


def _calibrated(spec: MonitorSpec) -> date | None:
    """When the last of the thresholds to be calibrated was; None where one of them has no date."""
    thresholds = spec.evaluation.thresholds.values() if spec.evaluation else ()
    dates = [one.calibrated_at for one in thresholds]
    known = [one for one in dates if one is not None]
    return min(known) if known and len(known) == len(dates) else None

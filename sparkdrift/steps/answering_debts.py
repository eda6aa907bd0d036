"""What somebody says of a debt: seen, waived for a time, or given to somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sparkdrift.errors import StoreError, UsageError, nearest
from sparkdrift.explain.debt_course import Course, course_of
from sparkdrift.health.events import Event
from sparkdrift.health.judged import Judged
from sparkdrift.health.ledger import Debt
from sparkdrift.spark.health import write_decision
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.health import assess_health, judge_monitors

_MOST_LISTED = 12
Action = Literal["acknowledged", "waived", "assigned"]


@dataclass(frozen=True)
class Said:
    """What is said, and by whom. until: of waived, in event time; owner: of assigned."""

    action: Action
    by: str
    reason: str
    until: datetime | None = None
    owner: str | None = None


@dataclass(frozen=True)
class Answered:
    """The debt as it was, and the health of the monitor after what was said."""

    debt: Debt
    judged: Judged


def find_debt(found: Judged, monitor: str, name: str) -> Debt:
    """The open debt of that id. Raises UsageError, with the nearest, where there is none."""
    newest = found.newest
    debts = {one.name: one for one in (newest.debts if newest else found.booked)}
    if name in debts:
        return debts[name]
    if any(event.debt == name for event in found.events):
        raise UsageError(
            f"debt {name!r} of {monitor} is not open any more; `sparkdrift debt show` tells its "
            "life, and nothing has to be said of it"
        )
    close = nearest(name, debts)
    hint = f"; did you mean {close!r}?" if close else "."
    shown = sorted(debts)[:_MOST_LISTED]
    left = len(debts) - len(shown)
    listed = "; ".join(shown) or "none"
    listed += f"; and {left} more (`sparkdrift debt list`)" if left else ""
    raise UsageError(
        f"{monitor} has no debt {name!r}{hint} Open are: {listed}. What a declared model owes "
        "without a monitor's windows is named by --model"
    )


def life_of(context: Context, spec: MonitorSpec, name: str) -> tuple[list[Event], Course]:
    """All events of a debt, open or not, and how it moves while it is; raises UsageError, with the
    nearest, for none."""
    found = judge_monitors(context, [spec])[spec.monitor]
    events = sorted((one for one in found.events if one.debt == name), key=lambda one: one.seq)
    if not events:
        find_debt(found, spec.monitor, name)
    return events, course_of(found.assessed.health, name)


def check_said(said: Said) -> None:
    """Raises UsageError without a name or a reason."""
    for option, text in (("--by", said.by), ("--reason", said.reason)):
        if not text.strip():
            raise UsageError(f"{option} is empty; accepted is some text, stored with what you say")


def event_said(said: Said, debt: Debt, start: datetime, events: Sequence[Event]) -> Event:
    """What is said of a debt as its next event, which counts from `start` on; events: so far."""
    return Event(
        debt=debt.name,
        seq=1 + max((one.seq for one in events if one.debt == debt.name), default=0),
        kind=debt.finding.kind,
        action=said.action,
        window_start=start,
        owner=said.owner or debt.owner,
        severity=debt.severity,
        until=said.until,
        reason=said.reason.strip(),
        by=said.by.strip(),
        evidence=debt.finding.evidence,
    )


def answer_debt(context: Context, spec: MonitorSpec, name: str, said: Said) -> Answered:
    """Record what is said of an open debt, and judge the windows anew for which it counts.

    It counts from the newest window on. Raises UsageError for an unknown debt, a waiver that is
    over already, and without a name or a reason; StoreError where meanwhile another event came.
    """
    check_said(said)
    found = judge_monitors(context, [spec])[spec.monitor]
    debt, newest = find_debt(found, spec.monitor, name), found.newest
    if newest is None:
        raise UsageError(
            f"{name!r} is open, and no window of {spec.monitor} is stored: what is said of a debt "
            "counts from a window on. Where the model is retired and rows still arrive, let them "
            "stop, or declare it deployed and `sparkdrift run SPEC`"
        )
    end = newest.window.end
    if said.until is not None and said.until <= end:
        raise UsageError(
            f"--until {said.until:%Y-%m-%d %H:%M} UTC is in the past: the newest window ends "
            f"{end:%Y-%m-%d %H:%M} UTC, and events are what counts; accepted is a later time"
        )
    # Brought up to date first: the number of what is said comes after what follows from rows.
    assess_health(context, [spec])
    events = judge_monitors(context, [spec])[spec.monitor].events
    event = event_said(said, debt, newest.window.start, events)
    with context.journal.step(spec.monitor, "debt") as record:
        # So that a run after a crash knows that there is something to judge anew.
        context.journal.started(record)
        written = write_decision(
            context.spark, context.store, spec.monitor, event, context.journal.run_id
        )
    if not written:
        raise StoreError(
            f"nothing was written of {name}: meanwhile another event came; look at it with "
            "`sparkdrift debt show` and say it again"
        )
    return Answered(debt, assess_health(context, [spec])[spec.monitor])

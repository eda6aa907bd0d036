"""health accept, health decline: what somebody says to a verdict, with a name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli.arguments import point_of_time
from sparkdrift.cli.commands.deciding import By, Reason
from sparkdrift.cli.commands.reference import Spec
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.report.plain import day

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.answering import Action, Answered
    from sparkdrift.steps.context import Context

OfWindow = Annotated[
    str | None,
    typer.Argument(
        metavar="[WINDOW]",
        help="A time in the window whose verdict is answered, in the monitor's zone. Default: the "
        "newest one.",
        show_default=False,
    ),
]


def accept(
    common: Common, spec: Spec, reason: Reason, window: OfWindow = None, by: By = None
) -> int:
    """Say that a verdict is accepted: it will be acted on.

    Example: sparkdrift health accept monitors/credit.yml --by risk --reason "retrained in June"
    """
    return _answered(common, spec, "accepted", window, by, reason)


def decline(
    common: Common, spec: Spec, reason: Reason, window: OfWindow = None, by: By = None
) -> int:
    """Say that a verdict is declined: it stays open, with the name and the reason beside it.

    Example: sparkdrift health decline monitors/credit.yml --by risk --reason "a known campaign"
    """
    return _answered(common, spec, "declined", window, by, reason)


def _answered(
    common: Common, spec: Path, action: Action, window: str | None, by: str | None, reason: str
) -> int:
    at = point_of_time("WINDOW", window)

    def one(context: Context, loaded: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps.answering import answer_verdict
        from sparkdrift.steps.snapshot import user
        from sparkdrift.windows import local_instant

        bars.begin(f"{loaded.monitor}: {action}")
        zone = loaded.timestamp.zone
        done = answer_verdict(
            context,
            loaded,
            action,
            None if at is None else local_instant(at, zone),
            by=by or user(),
            reason=reason,
        )
        return Answer(_told(done, zone), _facts(done))

    return each_monitor(common, [spec], one, asked=True, stored=True)


def _told(done: Answered, zone: str) -> str:
    row = done.verdict
    text = f"the verdict {row['verdict']} of {day(row['window_start'], zone)} is {done.action}"
    text += f" by {done.by} (answer {done.seq})"
    if done.action == "declined":
        return f"{text}; it stays open until its evidence is gone"
    due = row["due"]
    return text if due is None else f"{text}; due on {day(due, zone)} by {row['owner']}"


def _facts(done: Answered) -> dict[str, object]:
    row = done.verdict
    return {
        "window_start": row["window_start"],
        "verdict": row["verdict"],
        "action": done.action,
        "seq": done.seq,
        "by": done.by,
        "reason": done.reason,
        "due": row["due"],
    }

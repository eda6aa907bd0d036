"""reference promote, reject, retire, rollback: deciding which version is in force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sparkdrift.cli.arguments import point_of_time
from sparkdrift.cli.commands.reference import MaybeVersion, RefName, Role, Spec
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.report.plain import began

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.references.life import Event, Name
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context

Version = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="Number of the version.")]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; stored with the decision.")
]
By = Annotated[
    str | None,
    typer.Option("--by", metavar="WHO", help="Who decides. Default: the user.", show_default=False),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--effective-from",
        metavar="TIME",
        help="Windows that start here or later are compared with it. Default: those to come; "
        "of a rollback: from where the present version came into force.",
        show_default=False,
    ),
]


def promote(
    common: Common,
    spec: Spec,
    version: Version,
    reason: Reason,
    by: By = None,
    effective_from: Since = None,
    role: Role = None,
    name: RefName = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Promote it although the gate blocks; recorded as a debt."),
    ] = False,
) -> int:
    """Put a version in force if the gate lets it pass; the one that was is retired by it.

    Example: sparkdrift reference promote monitors/credit.yml 2 --reason "after the relaunch"
    """
    return _decided(
        common, "promote", spec, version, role, name, reason, by, effective_from, force=force
    )


def reject(
    common: Common,
    spec: Spec,
    version: Version,
    reason: Reason,
    by: By = None,
    role: Role = None,
    name: RefName = None,
) -> int:
    """Say that a version is never to be put in force.

    Example: sparkdrift reference reject monitors/credit.yml 2 --reason "a test load is in it"
    """
    return _decided(common, "reject", spec, version, role, name, reason, by)


def retire(
    common: Common,
    spec: Spec,
    version: Version,
    reason: Reason,
    by: By = None,
    role: Role = None,
    name: RefName = None,
) -> int:
    """Say that a candidate is out of use; it may still be promoted later.

    Example: sparkdrift reference retire monitors/credit.yml 2 --reason "never needed"
    """
    return _decided(common, "retire", spec, version, role, name, reason, by)


def rollback(
    common: Common,
    spec: Spec,
    reason: Reason,
    version: MaybeVersion = None,
    by: By = None,
    effective_from: Since = None,
    role: Role = None,
    name: RefName = None,
) -> int:
    """Put the version back in force that was before, as if the present one had never been.

    Example: sparkdrift reference rollback monitors/credit.yml --reason "false alarms since"
    """
    return _decided(common, "rollback", spec, version, role, name, reason, by, effective_from)


def _decided(
    common: Common,
    action: Literal["promote", "reject", "retire", "rollback"],
    spec: Path,
    version: int | None,
    role: str | None,
    name: str | None,
    reason: str,
    by: str | None,
    effective_from: str | None = None,
    **more: bool,
) -> int:
    """Write one decision, and say what it means; `more` is what only this action takes."""
    since = point_of_time("--effective-from", effective_from)

    def one(context: Context, loaded: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps import reference
        from sparkdrift.steps.promotion import Decision
        from sparkdrift.steps.snapshot import user
        from sparkdrift.windows import local_instant

        decide: dict[str, Callable[..., Event]] = {
            "promote": reference.promote,
            "reject": reference.reject,
            "retire": reference.retire,
            "rollback": reference.rollback,
        }
        bars.begin(f"{loaded.monitor}: reference")
        zone = loaded.timestamp.zone
        start = None if since is None else local_instant(since, zone)
        which = reference.named(loaded, role, name)
        why = Decision(by or user(), reason, start)
        event = decide[action](context, loaded, which, version, why, **more)
        return _told(event, which, zone)

    return each_monitor(common, [spec], one, asked=True, stored=True)


def _told(event: Event, name: Name, zone: str) -> Answer:
    facts: dict[str, Any] = {
        "role": name.role,
        "name": name.name,
        "version": event.version,
        "action": event.action,
        "seq": event.seq,
        "by": event.by,
        "reason": event.reason,
        "effective_from": event.effective_from,
        "gate": event.gate,
    }
    what = f"version {event.version} of {name.name}"
    if event.action in ("activate", "force"):
        start = began(event.effective_from, zone)
        since = f"windows from {start} on" if start else "all windows"
        gate = f"; the gate: {event.gate}" if event.gate else ""
        if event.action == "force":
            gate = "; the gate blocks it, which is recorded as a debt: SELECT * FROM debts"
        return Answer(f"{what} is in force for {since} (event {event.seq}){gate}", facts)
    ended = "rejected" if event.action == "reject" else "retired"
    return Answer(f"{what} is {ended} (event {event.seq})", facts)

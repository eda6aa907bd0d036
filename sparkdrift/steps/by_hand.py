"""A version of a reference that is asked for by hand: what goes together, and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from sparkdrift.errors import UsageError, nearest

if TYPE_CHECKING:
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.freezing import Wanted

Moment = date | datetime
ROLES = ("baseline", "training", "evaluation", "calibration")


@dataclass(frozen=True)
class Asked:
    """What a version is to be made of, as it was asked for; checked by `require_sense`."""

    begin: Moment | None = None
    end: Moment | None = None
    table: str | None = None
    path: str | None = None
    row_filter: str | None = None
    version: int | None = None
    at: Moment | None = None
    role: str | None = None
    name: str | None = None

    @property
    def is_other(self) -> bool:
        """Whether anything but what the spec says is asked for."""
        return self != Asked()


def require_role(role: str | None) -> None:
    """Raise UsageError, with the nearest, for a role that does not exist; None is none."""
    if role is not None and role not in ROLES:
        close = nearest(role, ROLES)
        raise UsageError(
            f"--role {role!r} does not exist; accepted: {', '.join(ROLES)}"
            + (f"; did you mean {close!r}?" if close else "")
        )


def require_sense(asked: Asked) -> None:
    """Raise UsageError where options don't go together."""
    require_role(asked.role)
    other = asked.table or asked.path
    if asked.table and asked.path:
        raise UsageError("both --table and --path are given; accepted is one of them")
    if (asked.begin is None) != (asked.end is None):
        raise UsageError(
            "--begin and --end belong together: an interval of the watched table has both"
        )
    if asked.begin is not None and other:
        raise UsageError(
            "--begin and --end are of the watched table, --table and --path name another one; "
            "accepted is one of both: rows of another table are chosen by --filter"
        )
    if asked.version is not None and asked.at is not None:
        raise UsageError(
            "both --version-as-of and --timestamp-as-of are given; accepted is one of them"
        )
    alone = [
        option
        for option, value in (
            ("--filter", asked.row_filter),
            ("--version-as-of", asked.version),
            ("--timestamp-as-of", asked.at),
        )
        if value is not None and not other
    ]
    if alone:
        raise UsageError(f"{alone[0]} is of another table; name it by --table or --path")
    if asked.is_other and not other and asked.begin is None and asked.role != "evaluation":
        raise UsageError(
            "--role and --name need to know what the version is made of; give --begin and --end, "
            "or --table or --path"
        )


def wanted_by(asked: Asked, spec: MonitorSpec) -> Wanted:
    """What the options ask for, in the zone of the monitor. Raises UsageError."""
    from sparkdrift.references.places import absolute
    from sparkdrift.spec.expressions import check_expression
    from sparkdrift.spec.names import parse_table
    from sparkdrift.steps.evaluation_sets import wanted_set
    from sparkdrift.steps.freezing import Wanted
    from sparkdrift.steps.reference import named as reference_of
    from sparkdrift.windows import Window, local_instant

    if asked.begin is None and not (asked.table or asked.path):
        return wanted_set(spec, _set_of(asked, spec))
    begin, end, at = (
        None if found is None else local_instant(found, spec.timestamp.zone)
        for found in (asked.begin, asked.end, asked.at)
    )
    for reason in check_expression(asked.row_filter) if asked.row_filter is not None else ():
        raise UsageError(
            f"--filter {asked.row_filter!r} can't be used: {reason}; accepted is an SQL condition "
            "on the columns of that table"
        )
    try:
        parse_table(asked.table or "table")
    except ValueError as error:
        raise UsageError(f"--table {asked.table!r} is no table: {error}") from error
    if begin is not None and end is not None and begin >= end:
        raise UsageError(f"--begin {asked.begin} is not before --end {asked.end}")
    return Wanted(
        name=reference_of(spec, asked.role, asked.name),
        interval=None if begin is None or end is None else Window(begin, end),
        table=asked.table,
        path=None if asked.path is None else absolute(asked.path),
        row_filter=asked.row_filter,
        version=asked.version,
        at=at,
    )


def _set_of(asked: Asked, spec: MonitorSpec) -> str:
    """The declared evaluation set that is meant, by its name, or the only one."""
    sets = list(spec.evaluation.sets) if spec.evaluation else []
    if asked.name in sets or (asked.name is None and len(sets) == 1):
        return asked.name or sets[0]
    given = "without --name" if asked.name is None else f"--name {asked.name!r}"
    close = nearest(asked.name or "", sets)
    raise UsageError(
        f"--role evaluation {given} names no evaluation set of {spec.monitor}; accepted: "
        f"{', '.join(sets) or 'a name under evaluation.sets of the spec (it has none)'}"
        + (f"; did you mean {close!r}?" if close else "")
        + "; or give --table or --path, or --begin and --end"
    )

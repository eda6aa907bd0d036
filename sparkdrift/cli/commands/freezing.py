"""snapshot: freeze a version of a reference by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli.arguments import interval, point_of_time
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.errors import UsageError, nearest
from sparkdrift.report.plain import began

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context
    from sparkdrift.steps.freezing import Wanted
    from sparkdrift.steps.snapshot import Frozen

ROLES = ("baseline", "training", "evaluation", "calibration")


@dataclass(frozen=True)
class Asked:
    """What the options of `snapshot` say a version is made of; checked by `require_sense`."""

    begin: str | None
    end: str | None
    table: str | None
    path: str | None
    row_filter: str | None
    version: int | None
    at: str | None
    role: str | None
    name: str | None

    @property
    def is_other(self) -> bool:
        """Whether anything but what the spec says is asked for."""
        return self != Asked(*(None,) * 9)


def snapshot(
    common: Common,
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The monitor's spec.")],
    note: Annotated[
        str | None,
        typer.Option("--note", metavar="TEXT", help="Why; stored beside it.", show_default=False),
    ] = None,
    effective_from: Annotated[
        str | None,
        typer.Option(
            "--effective-from",
            metavar="TIME",
            help="Windows that start here or later are compared with it. Default: the end of "
            "its interval; a later version of another table: of the newest stored window.",
            show_default=False,
        ),
    ] = None,
    candidate: Annotated[
        bool, typer.Option("--candidate", help="Freeze it, and put it in force later, or never.")
    ] = False,
    begin: Annotated[
        str | None,
        typer.Option(
            "--begin",
            metavar="TIME",
            help="Of the watched table, from here on: merged from stored windows, else one scan.",
            show_default=False,
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--end", metavar="TIME", help="And up to here.", show_default=False),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            "--table", metavar="NAME", help="Of another table, in one scan.", show_default=False
        ),
    ] = None,
    path: Annotated[
        str | None,
        typer.Option("--path", metavar="FOLDER", help="The same of a folder.", show_default=False),
    ] = None,
    row_filter: Annotated[
        str | None,
        typer.Option(
            "--filter",
            metavar="SQL",
            help="Condition on the rows of that table.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        int | None,
        typer.Option(
            "--version-as-of",
            metavar="N",
            min=0,
            help="Version of that table. Default: the newest.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--timestamp-as-of",
            metavar="TIME",
            help="The version that was the newest then, in the monitor's zone.",
            show_default=False,
        ),
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(
            "--role",
            metavar="ROLE",
            help=f"What it is for: {', '.join(ROLES)}. Default: baseline.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Its name within the role. Default: as in the spec; else as the role.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Freeze a new version of a reference, and put it in force if the gate lets it pass.

    Without options of its own: of what the spec asks for.

    Example: sparkdrift snapshot monitors/credit.yml --note "after the relaunch"
    """
    asked = Asked(begin, end, table, path, row_filter, version, at, role, name)
    require_sense(asked)
    since = point_of_time("--effective-from", effective_from)

    def one(context: Context, loaded: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps.snapshot import Freeze, snapshot_by_hand, snapshot_reference
        from sparkdrift.windows import local_instant

        bars.begin(f"{loaded.monitor}: snapshot")
        zone = loaded.timestamp.zone
        start = None if since is None else local_instant(since, zone)
        freeze = Freeze(True, note, start, candidate=candidate)
        done = (
            snapshot_by_hand(context, loaded, wanted_by(asked, loaded), freeze)
            if asked.is_other
            else snapshot_reference(context, loaded, freeze)
        )
        return _told(done, zone)

    return each_monitor(common, [spec], one, asked=True, stored=asked.begin is not None)


def require_sense(asked: Asked) -> None:
    """Raise UsageError where options don't go together."""
    if asked.role is not None and asked.role not in ROLES:
        close = nearest(asked.role, ROLES)
        raise UsageError(
            f"--role {asked.role!r} does not exist; accepted: {', '.join(ROLES)}"
            + (f"; did you mean {close!r}?" if close else "")
        )
    interval(asked.begin, asked.end)
    point_of_time("--timestamp-as-of", asked.at)
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
        for found in (
            point_of_time("--begin", asked.begin),
            point_of_time("--end", asked.end),
            point_of_time("--timestamp-as-of", asked.at),
        )
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
        path=asked.path,
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


def _told(done: Frozen, zone: str) -> Answer:
    made, event = done.version, done.event
    assert made is not None  # noqa: S101 - a forced one is made or raises
    assert event is not None  # noqa: S101 - and leaves an event
    facts = {
        "version": made.version,
        "rows": made.rows,
        "windows": made.windows,
        "digest": made.digest,
        "state": "candidate" if event.action == "propose" else "active",
        "blocked": list(done.blocked),
    }
    text = f"reference version {made.version} frozen: {made.rows:,} rows"
    if event.action != "propose":
        since = began(event.effective_from, zone)
        return Answer(
            f"{text}, in force for {f'windows from {since} on' if since else 'all'}", facts
        )
    if not done.blocked:
        return Answer(f"{text}, a candidate", facts)
    step = (
        f"`sparkdrift reference promote SPEC {made.version} --force --reason ...` puts it in force "
        "all the same, and records the debt"
    )
    remarks = (*(f"the gate blocks it: {line}" for line in done.blocked), step)
    return Answer(f"{text}, a candidate: the gate blocks it", facts, 1, remarks)

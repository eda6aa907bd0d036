"""snapshot: freeze a version of a reference by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli.arguments import interval, point_of_time
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.embedded.ahead import Ahead
from sparkdrift.report.plain import began
from sparkdrift.steps.by_hand import ROLES, Asked, require_sense, wanted_by

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spark.answers import Ask
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context
    from sparkdrift.steps.freezing_inputs import Known
    from sparkdrift.steps.snapshot import Frozen


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
    first, last = interval(begin, end)
    then = point_of_time("--timestamp-as-of", at)
    asked = Asked(first, last, table, path, row_filter, version, then, role, name)
    require_sense(asked)
    since = point_of_time("--effective-from", effective_from)

    def known(ask: Ask, specs: Sequence[MonitorSpec]) -> Known:
        from sparkdrift.steps.freezing_inputs import known_by_ask

        return known_by_ask(ask, specs[0], wanted_by(asked, specs[0]))

    ahead = Ahead(known)

    def one(context: Context, loaded: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps.snapshot import Freeze, snapshot_by_hand, snapshot_reference
        from sparkdrift.windows import local_instant

        # Of the first monitor, whatever becomes of it: it is no other's.
        known_now = ahead.taken()
        bars.begin(f"{loaded.monitor}: snapshot")
        zone = loaded.timestamp.zone
        start = None if since is None else local_instant(since, zone)
        freeze = Freeze(True, note, start, candidate=candidate)
        done = (
            snapshot_by_hand(context, loaded, wanted_by(asked, loaded), freeze, known_now)
            if asked.is_other
            else snapshot_reference(context, loaded, freeze)
        )
        return _told(done, zone)

    stored = asked.begin is not None
    before = ahead if asked.is_other else None
    return each_monitor(common, [spec], one, asked=True, stored=stored, ahead=before)


def _told(done: Frozen, zone: str) -> Answer:
    made, event = done.forced
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

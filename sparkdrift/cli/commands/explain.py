"""explain: each alert of a window in one line, and what moves without one, from drift rows."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.arguments import point_of_time
from sparkdrift.cli.common import Common
from sparkdrift.cli.working import existing_store
from sparkdrift.report.plain import day, named

if TYPE_CHECKING:
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.explaining import Explained, Of

_SHOWN = 12


def explain(
    common: Common,
    monitor: Annotated[
        str,
        typer.Argument(
            metavar="MONITOR",
            help="The monitor's spec, whose zone and limits then hold, or its id.",
        ),
    ],
    window: Annotated[
        str | None,
        typer.Argument(
            metavar="[WINDOW]",
            help="A time in the window. Default: the newest window that alerts.",
            show_default=False,
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Argument(
            metavar="[COLUMN]", help="One column only. Default: all.", show_default=False
        ),
    ] = None,
) -> None:
    """Say what moved: direction, size, what and which slice carried it, and since when.

    Example: sparkdrift explain credit.yml 2025-06-30 income
    """
    time = point_of_time("WINDOW", window)
    spec = _spec(monitor)
    with existing_store(common) as (spark, store):
        from sparkdrift.steps.explaining import Of, of_spec
        from sparkdrift.steps.explaining import explain as explained

        of = Of(monitor) if spec is None else of_spec(spec)
        found = explained(spark, store, of, time, column)
    _show(common, of, found)


def _spec(given: str) -> MonitorSpec | None:
    """None: an id is given."""
    from sparkdrift.spec.loading import load_spec

    path = Path(given)
    if path.suffix not in (".yml", ".yaml") and not path.is_file():
        return None
    return load_spec(path)


def _show(common: Common, of: Of, found: Explained) -> None:
    from sparkdrift.explain.sentences import tell, tell_quiet

    window, told, quiet, left_out = found.window_start, found.alerts, found.quiet, found.left_out
    if common.as_json:
        screen.print_json(
            {
                "monitor": of.name,
                "window_start": window,
                "alerts": [{**asdict(one), "sentence": tell(one, of.zone)} for one in told],
                "quiet": [{**asdict(one), "sentence": tell_quiet(one, of.zone)} for one in quiet],
                "left_out": left_out,
            }
        )
        return
    screen.say(f"{of.name}, {day(window, of.zone)}: {named(len(told), 'alert')}")
    for one in told:
        screen.say(f"  {tell(one, of.zone)}")
    if quiet:
        screen.say("No alert, but on the move")
    for each in quiet[:_SHOWN]:
        screen.say(f"  {tell_quiet(each, of.zone)}")
    if len(quiet) > _SHOWN:
        screen.say(f"  and {named(len(quiet) - _SHOWN, 'column')} more, see --json")
    for text in left_out:
        screen.remark(text)

"""explain: each alert of a window in one line, and what moves without one, from drift rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.arguments import point_of_time
from sparkdrift.cli.common import Common
from sparkdrift.cli.working import existing_store
from sparkdrift.errors import UsageError, nearest
from sparkdrift.report.plain import day, named
from sparkdrift.windows import local_instant, window_at

if TYPE_CHECKING:
    from sparkdrift.explain.course import Quiet
    from sparkdrift.explain.explaining import Explanation
    from sparkdrift.explain.signals import Limits
    from sparkdrift.spark.explained_rows import Found, Judged

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
    of = _monitor(monitor)
    time = point_of_time("WINDOW", window)
    with existing_store(common) as (spark, store):
        from sparkdrift.explain.course import quiet_courses
        from sparkdrift.explain.explaining import explain as explanations
        from sparkdrift.explain.explaining import with_first_seen
        from sparkdrift.spark.explained_rows import (
            Asked,
            first_seen,
            judged,
            monitors,
            rows_to_explain,
        )

        asked = Asked(of.name, of.comparisons, column)
        known = judged(spark, store, asked)
        if not known.columns:
            raise UsageError(_unknown("monitor", of.name, monitors(spark, store)))
        if not known.starts:
            raise UsageError(_unknown("column", str(column), list(known.columns)))
        chosen = _chosen(known, of.zone, time)
        found = rows_to_explain(spark, store, asked, known.starts, chosen)
        told = explanations(found.rows, of.limits, chosen)
        told = with_first_seen(told, first_seen(spark, store, asked, told))
    quiet = quiet_courses(found.rows, of.effects, of.effect, chosen)
    told_columns = {(one.column_name, one.comparison) for one in told}
    quiet = [one for one in quiet if (one.column_name, one.comparison) not in told_columns]
    _show(common, of, chosen, told, quiet, _left_out(found, of.zone))


@dataclass(frozen=True)
class _Of:
    """What the spec says of a monitor; of an id alone, what is usual."""

    name: str
    zone: str
    limits: Limits
    comparisons: tuple[str, ...] = ("baseline",)
    effect: float = 0.32
    effects: Mapping[str, float] = field(default_factory=dict)


def _monitor(given: str) -> _Of:
    from sparkdrift.explain.signals import Limits
    from sparkdrift.spec.loading import load_spec

    path = Path(given)
    if path.suffix not in (".yml", ".yaml") and not path.is_file():
        return _Of(given, "UTC", Limits())
    spec = load_spec(path)
    own = spec.drift.limits
    limits = Limits(
        own.null_share, own.nan_share, own.infinite_share, own.new_categories, own.out_of_range
    )
    return _Of(
        spec.monitor,
        spec.timestamp.zone,
        limits,
        tuple(spec.alerts.comparisons),
        spec.drift.thresholds.effect_size,
        {name: one.effect_size for name, one in spec.all_thresholds().items()},
    )


def _chosen(known: Judged, zone: str, time: Any) -> datetime:
    """The start of the window that is meant; raises UsageError where it has no verdict."""
    if time is None:
        return known.newest_alert or known.starts[-1]
    chosen = window_at(local_instant(time, zone), known.grain, zone).start
    if chosen not in known.starts:
        first, last = day(known.starts[0], zone), day(known.starts[-1], zone)
        raise UsageError(
            f"WINDOW {day(chosen, zone)} has no verdict; judged are the windows from "
            f"{first} to {last}"
        )
    return chosen


def _left_out(found: Found, zone: str) -> list[str]:
    """What to say where rows were left out."""
    said = []
    if found.cut_window:
        said.append(
            "not all slices were read: the window has too many; name a COLUMN to read all of it"
        )
    if found.cut is not None:
        said.append(
            f"starts and trends go by the windows from {day(found.cut, zone)} on: there are too "
            "many rows before; name a COLUMN to go further back"
        )
    return said


def _show(
    common: Common,
    of: _Of,
    window: datetime,
    told: list[Explanation],
    quiet: list[Quiet],
    left_out: list[str],
) -> None:
    from sparkdrift.explain.sentences import tell, tell_quiet

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


def _unknown(kind: str, given: str, accepted: list[str]) -> str:
    close = nearest(given, accepted)
    listed = ", ".join(sorted(accepted)[:12]) or "none: nothing is judged yet"
    return f"{kind} {given!r} has no verdicts; there are {listed}" + (
        f"; did you mean {close!r}?" if close else ""
    )

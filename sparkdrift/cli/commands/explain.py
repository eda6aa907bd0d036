"""explain: each alert of a window in one line, from stored drift rows."""

from __future__ import annotations

from dataclasses import asdict
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
    from sparkdrift.explain.explaining import Explanation
    from sparkdrift.explain.signals import Limits

_MOST_ROWS = 5_000_000


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
    name, zone, limits = _monitor(monitor)
    time = point_of_time("WINDOW", window)
    with existing_store(common) as (spark, store):
        from sparkdrift.spark.querying import ask
        from sparkdrift.spark.sql import string

        answer = ask(
            spark,
            store,
            "SELECT * FROM current_drift WHERE comparison = 'baseline' "
            f"AND monitor = {string(name)} ORDER BY window_start",
            _MOST_ROWS,
        )
        rows = answer.dicts()
        if not rows:
            known = ask(spark, store, "SELECT DISTINCT monitor FROM drift", _MOST_ROWS).rows
            raise UsageError(_unknown("monitor", name, [row[0] for row in known]))
    chosen, found = _explained(rows, zone, limits, time, column)
    _show(common, name, zone, chosen, found)


def _monitor(given: str) -> tuple[str, str, Limits]:
    """(id, time zone, limits) of a monitor; of an id alone UTC and the usual limits."""
    from sparkdrift.explain.signals import Limits
    from sparkdrift.spec.loading import load_spec

    path = Path(given)
    if path.suffix not in (".yml", ".yaml") and not path.is_file():
        return given, "UTC", Limits()
    spec = load_spec(path)
    own = spec.drift.limits
    limits = Limits(
        own.null_share, own.nan_share, own.infinite_share, own.new_categories, own.out_of_range
    )
    return spec.monitor, spec.timestamp.zone, limits


def _explained(
    rows: list[dict[str, Any]],
    zone: str,
    limits: Limits,
    time: Any,
    column: str | None,
) -> tuple[datetime, list[Explanation]]:
    """(the window, its explanations). Raises UsageError for a window or column without rows."""
    from sparkdrift.explain.explaining import explain as explanations
    from sparkdrift.explain.signals import ALERTS

    columns = sorted({row["column_name"] for row in rows})
    if column is not None:
        if column not in columns:
            raise UsageError(_unknown("column", column, columns))
        rows = [row for row in rows if row["column_name"] == column]
    judged = {row["window_start"] for row in rows}
    if time is None:
        alerting = [row["window_start"] for row in rows if row["status"] in ALERTS]
        chosen = max(alerting, default=max(judged))
    else:
        chosen = window_at(local_instant(time, zone), rows[0]["granularity"], zone).start
        if chosen not in judged:
            raise UsageError(
                f"WINDOW {day(chosen, zone)} has no verdict; judged are the windows from "
                f"{day(min(judged), zone)} to {day(max(judged), zone)}"
            )
    return chosen, explanations(rows, limits, chosen)


def _show(common: Common, name: str, zone: str, window: datetime, found: list[Explanation]) -> None:
    from sparkdrift.explain.sentences import tell

    if common.as_json:
        screen.print_json(
            {
                "monitor": name,
                "window_start": window,
                "alerts": [{**asdict(one), "sentence": tell(one, zone)} for one in found],
            }
        )
        return
    screen.say(f"{name}, {day(window, zone)}: {named(len(found), 'alert')}")
    for one in found:
        screen.say(f"  {tell(one, zone)}")


def _unknown(kind: str, given: str, accepted: list[str]) -> str:
    close = nearest(given, accepted)
    listed = ", ".join(sorted(accepted)[:12]) or "none: nothing is judged yet"
    return f"{kind} {given!r} has no verdicts; there are {listed}" + (
        f"; did you mean {close!r}?" if close else ""
    )

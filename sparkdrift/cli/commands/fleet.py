"""fleet: all models at a glance, the blind ones first."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.arguments import point_of_time
from sparkdrift.cli.common import Common
from sparkdrift.cli.embedded import asked
from sparkdrift.errors import UsageError, nearest
from sparkdrift.store import open_store

Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        min=1,
        max=100_000,
        help="Most models shown. Default: 20, with --json all.",
        show_default=False,
    ),
]
_SHOWN = 20
Models = Annotated[
    Path | None,
    typer.Option(
        "--models",
        metavar="FILE",
        help="The registry of models: shows those that no monitor watches, and contradictions.",
        show_default=False,
    ),
]
OneModel = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="ID", help="This model only. Repeatable.", show_default=False),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="TIME",
        help="What is due and what is fresh is held against this time (UTC). Default: now.",
        show_default=False,
    ),
]


def fleet(
    common: Common,
    models: Models = None,
    model: OneModel = None,
    as_of: AsOf = None,
    limit: Limit = None,
) -> None:
    """All models, each with its newest verdict: blind ones first, then by what they cost.

    Example: sparkdrift fleet --models conf/models.yml
    """
    from sparkdrift.spec.loading import load_registry
    from sparkdrift.windows import local_instant

    time = point_of_time("--as-of", as_of)
    at = datetime.now(timezone.utc) if time is None else local_instant(time, "UTC")
    registry = None if models is None else load_registry(models)
    from sparkdrift.spark.fleet import whole_fleet

    found = asked(common, lambda ask, _: whole_fleet(ask, registry, at))
    store, shown = open_store(common.store), _asked(found, model or [])
    if common.as_json:
        document = {"store": str(store), "as_of": at, **_counts(shown), "models": shown[:limit]}
        screen.print_json(document)
        return
    if not shown:
        screen.say("no model has a verdict yet; `sparkdrift run SPEC` ends with one")
        return
    from sparkdrift.report.fleet import COLUMNS, counted, line

    screen.say(counted(_counts(shown)))
    most = limit or _SHOWN
    screen.show_rows(COLUMNS, [line(row) for row in shown[:most]])
    if len(shown) > most:
        screen.remark(f"{len(shown) - most:,} more models; --limit shows more")


def _asked(rows: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    known = {str(row["model_id"]) for row in rows}
    for name in names:
        if name not in known:
            close = nearest(name, known)
            hint = f"; did you mean {close!r}?" if close else ""
            raise UsageError(
                f"--model {name!r}: no verdict and no entry of a registry names it{hint} "
                "(`sparkdrift fleet --limit 1000` lists them)"
            )
    return [row for row in rows if not names or row["model_id"] in names]


def _counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {
        "count": len(rows),
        "blind": sum(bool(row["blind"]) for row in rows),
        "overdue": sum(bool(row["overdue"]) for row in rows),
        "contradicting": sum(len(row["owners"] or ()) > 1 for row in rows),
    }

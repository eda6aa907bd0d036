"""feedback: how far the model shapes the rows that it will learn from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.common import Common
from sparkdrift.cli.working import existing_store
from sparkdrift.errors import UsageError


def feedback(
    common: Common,
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The monitor's spec.")],
    last: Annotated[
        int,
        typer.Option("--last", metavar="N", min=1, max=400, help="So many windows, the newest."),
    ] = 60,
) -> None:
    """Tell the share of rows that the model itself shaped: now, its trend, each window.

    From stored rows; the view feedback has it for slices as well.

    Example: sparkdrift feedback monitors/credit.yml --last 90
    """
    from sparkdrift.explain.feedback import LISTED, share_lines, watch, watched_lines
    from sparkdrift.measures.series import NotMeasured
    from sparkdrift.spec.loading import load_spec

    loaded = load_spec(spec)
    if loaded.feedback is None:
        raise UsageError(
            f"{spec} does not say which rows the model shaped; accepted is a section such as "
            "`feedback: {shaped: acted_on}`, then `sparkdrift run SPEC`"
        )
    with existing_store(common) as (spark, store):
        from sparkdrift.spark.feedback import newest_shares

        rows = newest_shares(spark, store, loaded, last)
    limit, zone = loaded.feedback.limit, loaded.timestamp.zone
    found = watch(rows, limit)
    if common.as_json:
        course = found.course
        told = {"reason": course.reason} if isinstance(course, NotMeasured) else asdict(course)
        screen.print_json(
            {"monitor": loaded.monitor, "limit": limit, "trend": told, "windows": rows}
        )
        return
    for line in watched_lines(found, limit, zone):
        screen.say(line)
    screen.show_rows(LISTED, share_lines(rows, zone))

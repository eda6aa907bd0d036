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
    """Tell the share of rows that the model itself shaped, and how they differ from the others.

    The share now, its trend, and each window; where `feedback: {compare: true}` asks for it, the
    features that differ most. From stored rows; the view feedback has the share for slices as
    well, current_drift the features of each window (comparison = 'unshaped').

    Example: sparkdrift feedback monitors/credit.yml --last 90
    """
    from sparkdrift.explain.feedback import (
        DIFFERING,
        LISTED,
        difference_lines,
        differing_lines,
        share_lines,
        watch,
        watched_lines,
    )
    from sparkdrift.measures.series import NotMeasured
    from sparkdrift.spec.loading import load_spec

    loaded = load_spec(spec)
    if loaded.feedback is None:
        raise UsageError(
            f"{spec} does not say which rows the model shaped; accepted is a section such as "
            "`feedback: {shaped: acted_on}`, then `sparkdrift run SPEC`"
        )
    with existing_store(common) as (spark, store):
        from sparkdrift.spark.feedback import feature_differences, newest_shares

        rows = newest_shares(spark, store, loaded, last)
        compared = loaded.feedback.compare
        features = feature_differences(spark, store, loaded, last) if compared else []
    limit, zone = loaded.feedback.limit, loaded.timestamp.zone
    found = watch(rows, limit)
    if common.as_json:
        course = found.course
        told = {"reason": course.reason} if isinstance(course, NotMeasured) else asdict(course)
        screen.print_json(
            {
                "monitor": loaded.monitor,
                "limit": limit,
                "trend": told,
                "windows": rows,
                "features": features if compared else None,
            }
        )
        return
    for line in watched_lines(found, limit, zone):
        screen.say(line)
    if compared:
        for line in differing_lines(features, zone):
            screen.say(line)
        screen.show_rows(DIFFERING, difference_lines(features))
    else:
        screen.remark(
            "whether shaped rows differ from the others is not measured: "
            "`feedback: {compare: true}` asks for it"
        )
    screen.show_rows(LISTED, share_lines(rows, zone))

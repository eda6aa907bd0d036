"""sparkdrift classify: can a classifier tell a window's rows from the reference's?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.arguments import point_of_time
from sparkdrift.cli.common import Common
from sparkdrift.cli.working import existing_store


def classify(
    common: Common,
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The monitor's spec.")],
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            metavar="TIME",
            help="A time in the window. Default: the newest window with rows.",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[
        int,
        typer.Option(
            "--rows", metavar="N", min=200, max=100_000, help="Rows to read of each side."
        ),
    ] = 5_000,
) -> None:
    """Learn to tell a window's rows from the reference's: finds what no single column shows.

    Reads a sample of the source, writes nothing.

    Example: sparkdrift classify monitors/credit.yml --window 2025-06-30
    """
    from sparkdrift.spec.loading import load_spec
    from sparkdrift.windows import local_instant

    loaded = load_spec(spec)
    time = point_of_time("--window", window)
    at = None if time is None else local_instant(time, loaded.timestamp.zone)
    with existing_store(common) as (spark, store):
        from sparkdrift.steps.classify import classify as tell_apart

        found = tell_apart(spark, store, loaded, at, rows)
    if common.as_json:
        document = asdict(found)
        document["reference"] = {"version": found.reference.version}
        screen.print_json({"monitor": loaded.monitor, **document})
        return
    from sparkdrift.report.classification import classified

    for line in classified(loaded, found):
        screen.say(line)
    for remark in found.remarks:
        screen.remark(f"{loaded.monitor}: {remark}")

"""calibrate: the alarm rate of the present thresholds, and thresholds that would fit better."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.common import Common
from sparkdrift.cli.working import existing_store

if TYPE_CHECKING:
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.calibrate import Calibration


def calibrate(
    common: Common,
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The monitor's spec.")],
    alarms: Annotated[
        float,
        typer.Option(
            "--alarms", metavar="N", min=0.0, help="False alarms a month that are accepted."
        ),
    ] = 1.0,
) -> None:
    """Replay the reference: how often would good windows have alarmed, and what would fit?

    Writes nothing: the lines to put into the spec are printed.

    Example: sparkdrift calibrate monitors/credit.yml --alarms 0.5
    """
    from sparkdrift.spec.loading import load_spec

    loaded = load_spec(spec)
    with existing_store(common) as (spark, store):
        from sparkdrift.steps.calibrate import calibrate as replay

        found = replay(spark, store, loaded, alarms)
    if common.as_json:
        document = asdict(found)
        document["reference"] = {"version": found.reference.version}
        screen.print_json({"monitor": loaded.monitor, **document})
        return
    _show(loaded, found)


def _show(spec: MonitorSpec, found: Calibration) -> None:
    from sparkdrift.report.calibration import calibrated

    for line in calibrated(spec, found):
        screen.say(line)
    for remark in found.remarks:
        screen.remark(f"{spec.monitor}: {remark}")

"""--dry-run: what is due, with windows and rows, and nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sparkdrift.cli.arguments import options_for
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.cli.retired import unless_retired

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context

Time = date | datetime | None


def plan(
    common: Common, specs: Sequence[Path], times: tuple[Time, Time, Time], steps: Sequence[str]
) -> int:
    """Print for each monitor what `steps` would do now."""

    def one(context: Context, spec: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps.planning import planned

        bars.begin(f"{spec.monitor}: plan")
        found = planned(context, spec, options_for(spec, *times), steps)
        text = "\n  ".join(["nothing is written; due is:", *found.lines])
        return Answer(text, {"dry_run": True, **found.facts}, remarks=found.remarks)

    return each_monitor(common, specs, unless_retired(one, dry=True), dry=True)

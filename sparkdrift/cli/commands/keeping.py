"""prune: what leaves the store for its age."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sparkdrift.cli.commands.steps import DryRun, Specs
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.report.plain import day, named

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context
    from sparkdrift.steps.prune import Pruned


def prune(common: Common, specs: Specs, dry_run: DryRun = False) -> int:
    """Delete windows that are older than `retention` in the spec keeps them.

    Never one that a reference was made of, that an open debt begins in, or that a declared
    roll-up is not merged from yet. VACUUM then frees the files.

    Example: sparkdrift prune monitors/ --dry-run
    """

    def one(context: Context, spec: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps.prune import plan_prune
        from sparkdrift.steps.prune import prune as delete

        bars.begin(f"{spec.monitor}: prune")
        found = (plan_prune if dry_run else delete)(context, spec)
        facts = {"grains": [_facts(grain) for grain in found], "dry_run": dry_run}
        if not found:
            text = "nothing is ever too old: the spec has no retention, or nothing is stored"
            return Answer(text, facts)
        return Answer(_told(found, spec.timestamp.zone, dry=dry_run), facts)

    return each_monitor(common, specs, one, dry=dry_run, asked=True)


def _told(found: Sequence[Pruned], zone: str, *, dry: bool) -> str:
    return "; ".join(_one(grain, zone, dry=dry) for grain in found)


def _one(grain: Pruned, zone: str, *, dry: bool) -> str:
    own = grain.aged
    rows = ", ".join(f"{count:,} {table}" for table, count in grain.rows.items() if count)
    text = f"{named(len(own.due), own.granularity)} up to {day(own.until, zone)}"
    text += f" {'would go' if dry else 'went'}" + (f" ({rows})" if rows else "")
    for windows, why in (
        (own.cited, "a reference or an open debt cites them"),
        (own.waiting, "a roll-up is not merged from them yet"),
    ):
        if windows:
            text += f", staying as {why}: {named(len(windows), own.granularity)}"
    return text


def _facts(grain: Pruned) -> dict[str, object]:
    own = grain.aged
    return {
        "granularity": own.granularity,
        "until": own.until,
        "windows": len(own.due),
        "cited": len(own.cited),
        "waiting": len(own.waiting),
        "rows": dict(grain.rows),
    }

"""prune and forget: what leaves the store, for its age or because its source was erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli.arguments import interval, options_for
from sparkdrift.cli.commands.deciding import By
from sparkdrift.cli.commands.reference import Spec
from sparkdrift.cli.commands.steps import Begin, DryRun, End, Specs
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.report.plain import day, named

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context
    from sparkdrift.steps.forget import Forgotten
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


Retain = Annotated[
    int,
    typer.Option(
        "--retain-hours",
        metavar="N",
        min=0,
        help="VACUUM leaves files that were in use in the last N hours, for readers that are "
        "still at them. Until that is over the files hold what is to be erased.",
    ),
]


Also = Annotated[
    str | None,
    typer.Option(
        "--role",
        metavar="ROLE",
        help="Versions of this role that were made of other tables, too: training, for example.",
    ),
]


def forget(
    common: Common,
    spec: Spec,
    begin: Begin = None,
    end: End = None,
    retain_hours: Retain = 168,
    role: Also = None,
    by: By = None,
) -> int:
    """After rows were deleted from the source: erase what the store holds of them.

    The windows between --begin and --end, or those that changed since the last run, are profiled
    again, and all that was made of them: roll-ups, verdicts, and versions of references, which are
    made again where the source still has their rows. VACUUM then removes the files.

    Example: sparkdrift forget monitors/credit.yml --begin 2025-03-02 --end 2025-03-03
    """
    times = (None, *interval(begin, end))

    def one(context: Context, loaded: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps.forget import forget as erase
        from sparkdrift.steps.snapshot import user

        bars.begin(f"{loaded.monitor}: forget")
        done = erase(
            context,
            loaded,
            options_for(loaded, *times),
            by=by or user(),
            retain_hours=retain_hours,
            role=role,
        )
        facts = {
            "windows": [{"begin": w.start, "end": w.end} for w in done.windows],
            "erased": [
                {
                    "role": e.name.role,
                    "name": e.name.name,
                    "version": e.version,
                    "digest": e.digest,
                    "instead": e.instead,
                    "why": e.why,
                }
                for e in done.erased
            ],
            "not_looked_at": list(done.elsewhere),
            "exported_to": list(done.files),
            "queues": list(done.queues),
            "unseen": [{"begin": w.start, "end": w.end} for w in (done.unseen,) if w],
            "retain_hours": retain_hours,
        }
        return Answer(_forgotten(done, retain_hours), facts, remarks=_left(done))

    return each_monitor(common, [spec], one, asked=True)


def _forgotten(done: Forgotten, hours: int) -> str:
    text = f"{named(len(done.windows), 'window')} profiled again"
    for erased in done.erased:
        instead = f", version {erased.instead} stands in for it" if erased.instead else ""
        text += f"; version {erased.version} of {erased.name.name} is erased{instead}"
    return text + (
        f"; files of the last {hours} hours are still there: run it again after that"
        if hours
        else "; files that held them are removed"
    )


def _left(done: Forgotten) -> list[str]:
    left = [
        f"version {one.version} of {one.name.name} has no successor: {one.why}"
        for one in done.erased
        if one.instead is None
    ]
    left += [
        f"not looked at, made of another table (--role does it): {one}" for one in done.elsewhere
    ]
    left += [f"not looked at, rows to label, delete them yourself: {one}" for one in done.queues]
    if done.unseen is not None:
        left.append(
            f"not looked at, windows that were pruned: {done.unseen.in_utc}; roll-ups hold their "
            "rows: if some were deleted, say which windows with --begin and --end"
        )
    return left + [f"exported to, delete it yourself: {one}" for one in done.files]

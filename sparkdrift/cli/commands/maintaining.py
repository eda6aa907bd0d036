"""maintain: the store's own tables are kept small, and each says what was done."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING

from sparkdrift.cli import screen
from sparkdrift.cli.commands.steps import DryRun
from sparkdrift.cli.common import Common
from sparkdrift.cli.working import existing_store
from sparkdrift.report.plain import named
from sparkdrift.store import locked, open_store

if TYPE_CHECKING:
    from sparkdrift.spark.maintaining import Maintained


def maintain(common: Common, dry_run: DryRun = False) -> int:
    """Join small files of the store's tables, and remove those that no version needs any more.

    Files of earlier versions go once they are older than the table's retention, 7 days by default.
    No source is touched, and nothing becomes due.

    Example: sparkdrift maintain --store main.monitoring --dry-run
    """
    store = open_store(common.store)
    with existing_store(common) as (spark, _), nullcontext() if dry_run else locked(store):
        from sparkdrift.spark.maintaining import maintain as keep_small

        done = keep_small(spark, store, dry=dry_run)
    if common.as_json:
        screen.print_json(
            {"store": str(store), "dry_run": dry_run, "tables": [asdict(one) for one in done]}
        )
    else:
        for line in told(done, dry=dry_run):
            screen.say(line)
    return 1 if any(one.refused for one in done) else 0


def told(done: Sequence[Maintained], *, dry: bool) -> list[str]:
    """A line for each table with something to say, and one for all."""
    lines = []
    for one in done:
        parts = []
        if one.files[0] != one.files[1]:
            parts.append(f"{named(one.files[0], 'file')} joined to {one.files[1]:,}")
        if one.removed:
            word = "would go" if dry else "removed"
            parts.append(f"{named(one.removed, 'old file')} {word}")
        if one.refused is not None:
            parts.append(f"refused: {one.refused}")
        if parts:
            lines.append(f"{one.table}: {'; '.join(parts)}")
    files = sum(one.files[1] for one in done)
    size = sum(one.bytes[1] for one in done) / 1e6
    lines.append(f"{named(len(done), 'table')}, {named(files, 'file')}, {size:,.1f} MB in use")
    return lines

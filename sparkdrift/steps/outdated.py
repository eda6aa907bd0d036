"""Stored windows whose results are missing or out of date, told by the digests of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.journal import Record
from sparkdrift.windows import Window, window_at

BATCH_WINDOWS = 400
"""Windows of one commit."""


@dataclass(frozen=True)
class Outdated:
    """Windows by start: `due` to be computed, `dropped` those that `profiles` no longer has."""

    due: tuple[Window, ...]
    dropped: tuple[Window, ...]


def outdated(
    spec: MonitorSpec,
    options: Options,
    wanted: Mapping[datetime, str],
    have: Mapping[datetime, str],
    granularity: str | None = None,
) -> Outdated:
    """Compare the digests that results should have with those that they have, by window start.

    granularity: the grain of these windows; None: the monitor's.

    A backfill computes what it is asked for besides what is due: were only a part computed by
    new thresholds, the views of what is in force would lose the rest.
    """
    zone, grain = spec.timestamp.zone, granularity or spec.windows.grain

    def windows(starts: Mapping[datetime, str]) -> Iterator[Window]:
        # A window stored under another zone keeps its own start, by which its rows are known.
        return (Window(start, window_at(start, grain, zone).end) for start in sorted(starts))

    due = (
        one
        for one in windows(wanted)
        if have.get(one.start) != wanted[one.start]
        or (options.backfill and options.selects(one.start, one.end))
    )
    return Outdated(tuple(due), tuple(one for one in windows(have) if one.start not in wanted))


def batches(
    context: Context, spec: MonitorSpec, record: Record, found: Outdated
) -> Iterator[tuple[Sequence[Window], int | None]]:
    """(windows of one commit, the newest version of the source that stored windows are of).

    A batch counts as done once the next one is asked for.
    """
    if not found.due and not found.dropped:
        return
    stored = stored_windows(context.spark, context.store, spec).values()
    version = max((one.source_version for one in stored), default=None)
    for _, batch in batches_of_grains(context, record, {spec.windows.grain: found}):
        yield batch, version


def batches_of_grains(
    context: Context, record: Record, found: Mapping[str, Outdated]
) -> Iterator[tuple[str, Sequence[Window]]]:
    """(grain, windows of one commit) of several grains, each after the other; as `batches`."""
    windows = {grain: sorted((*one.due, *one.dropped)) for grain, one in found.items()}
    of = sum(map(len, windows.values()))
    if of:
        context.journal.started(record)
    for grain, own in windows.items():
        for first in range(0, len(own), BATCH_WINDOWS):
            batch = own[first : first + BATCH_WINDOWS]
            record.begin(batch)
            yield grain, batch
            record.windows += len(batch)
            context.progress.advance(record.step, windows=record.windows, of=of, rows=0)

"""Roll-ups: stored windows merged into longer ones; no source row is read."""

from __future__ import annotations

from collections.abc import Sequence

from sparkdrift.errors import UsageError, nearest
from sparkdrift.spark.pairs import watched_pairs
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.rollups import due_rollups, write_rollups
from sparkdrift.spark.states import write_pair_rollups
from sparkdrift.spec.digests import definition_hash, shaped_hash
from sparkdrift.spec.local_time import ROLLUPS
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Resolution
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.journal import Record
from sparkdrift.steps.kept import any_missing, is_within, pruned
from sparkdrift.windows import Window


def declared(spec: MonitorSpec) -> list[str]:
    """The roll-ups of the spec, the finer first: weeks and months are merged from days."""
    order = ROLLUPS["hour"]
    return sorted(spec.windows.rollups, key=order.index)


def merged_from(spec: MonitorSpec, granularity: str) -> str:
    """The stored grain that `granularity` is merged from: days where there are any.

    Days of hours are there when the spec declares them. Raises UsageError for a grain that
    this monitor's windows can't be merged into.
    """
    grain = spec.windows.grain
    accepted = ROLLUPS[grain]
    if granularity not in accepted:
        close = nearest(granularity, accepted)
        raise UsageError(
            f"--granularity {granularity}: the windows of {spec.monitor}, each a {grain}, can't be "
            f"merged into that; accepted: {', '.join(accepted) or 'nothing for this grain'}"
            + (f"; did you mean {close!r}?" if close else "")
            + ("; weeks never become months" if (grain, granularity) == ("week", "month") else "")
        )
    return spec.windows.merged_from(granularity)


def due(
    context: Context,
    spec: MonitorSpec,
    resolution: Resolution,
    granularity: str,
    options: Options,
) -> list[Window]:
    """The windows of `granularity` to be merged: those that changed, or those asked for."""
    found = due_rollups(
        context.spark,
        context.store,
        spec,
        granularity,
        merged_from(spec, granularity),
        _hashes(spec, resolution),
        again=options.backfill,
    )
    as_of, lateness = options.as_of, spec.windows.lateness
    return [
        window
        for window in _mergeable(context, spec, granularity, options, found)
        if options.selects(window.start, window.end)
        and (as_of is None or window.end + lateness <= as_of)
    ]


def _mergeable(
    context: Context, spec: MonitorSpec, granularity: str, options: Options, found: Sequence[Window]
) -> Sequence[Window]:
    """Without those that were pruned, and those of which finer windows were: what is stored of
    them is more than could be merged now."""
    if not found:
        return found
    if not options.backfill and spec.retention.of(granularity) is not None:
        own = pruned(context, spec, granularity)
        found = [one for one in found if not is_within(one, own)]
    finer = merged_from(spec, granularity)
    gone = pruned(context, spec, finer)
    if gone is None or not any(one.start < gone.end for one in found):
        return found
    stored = stored_windows(context.spark, context.store, spec, finer)
    return [one for one in found if not any_missing(spec, finer, one, gone, stored)]


def roll_up(
    context: Context,
    spec: MonitorSpec,
    resolution: Resolution,
    granularity: str,
    options: Options,
    record: Record,
) -> Sequence[Window]:
    """Merge what is due into windows of `granularity`; returns those that were written."""
    windows = due(context, spec, resolution, granularity, options)
    if windows:
        context.journal.started(record)
        finer, run_id = merged_from(spec, granularity), context.journal.run_id
        pairs, _ = watched_pairs(spec, resolution)
        if pairs:
            write_pair_rollups(
                context.spark, context.store, spec, granularity, finer, windows, pairs, run_id
            )
        write_rollups(
            context.spark,
            context.store,
            spec,
            granularity,
            finer,
            windows,
            _hashes(spec, resolution),
            run_id=run_id,
        )
        record.windows += len(windows)
    return windows


def _hashes(spec: MonitorSpec, resolution: Resolution) -> list[str]:
    hashes = [definition_hash(spec, None)]
    hashes += [definition_hash(spec, one.feature) for one in resolution.watched]
    if spec.feedback is not None:
        hashes += [shaped_hash(spec, one) for one in hashes]
    return hashes

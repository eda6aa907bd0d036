"""Which stored windows are too old to be kept, which stay all the same, and which went."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.windows import Window, window_at, windows_meeting


@dataclass(frozen=True)
class Aged:
    """Windows of one grain that end at `until` or earlier, by what becomes of them.

    `due`: they go. `cited`: a reference was merged from them, or an open debt begins in them.
    `waiting`: a declared roll-up is not merged from them yet.
    """

    granularity: str
    until: datetime
    due: tuple[Window, ...] = ()
    cited: tuple[Window, ...] = ()
    waiting: tuple[Window, ...] = ()


def step_of(granularity: str) -> str:
    """The step of `runs` that a pruning of this grain is."""
    return f"prune {granularity}"


def pruned(context: Context, spec: MonitorSpec, granularity: str) -> Window | None:
    """The interval whose windows of this grain went, but for those still stored; None: none ever.

    The start of a pruning says it, which is written before anything goes: one that ended too
    early may have deleted all that it was to delete. Were this forgotten, no more than work would
    be lost: windows would be profiled again that the next pruning takes.
    """
    last = context.journal.last_start(spec.monitor, step_of(granularity))
    if last is None or last.scope_digest is None or last.as_of is None:
        return None
    return Window(datetime.fromisoformat(last.scope_digest), last.as_of)


def is_within(one: Window, interval: Window | None) -> bool:
    """Whether a window lies in an interval; in None none does."""
    return interval is not None and interval.start <= one.start and one.end <= interval.end


def any_missing(
    spec: MonitorSpec,
    granularity: str,
    interval: Window,
    gone: Window | None,
    stored: Collection[datetime],
) -> bool:
    """Whether windows of a grain that belong to `interval` were pruned.

    gone: what `pruned` says. stored: starts of the windows that are there.
    """
    if gone is None or not gone.meets(interval):
        return False
    inside = windows_meeting(interval, granularity, spec.timestamp.zone)
    return any(one.start not in stored for one in inside if is_within(one, gone))


def aged(
    spec: MonitorSpec,
    granularity: str,
    stored: Mapping[str, Collection[Window]],
    cited: Sequence[Window],
) -> Aged | None:
    """What the policy says of the stored windows of a grain; None: they are kept for ever.

    stored: windows by grain, those of the roll-ups too. cited: intervals whose windows stay. Age
    is counted in event time, back from the end of the newest window of the monitor's own grain.
    """
    keep = spec.retention.of(granularity)
    own = stored[spec.windows.grain]
    if keep is None or not own:
        return None
    newest = max(one.end for one in own)
    until = newest - keep
    found: dict[str, list[Window]] = {"due": [], "cited": [], "waiting": []}
    rollups = spec.windows.rollups
    longer = [one for one in rollups if spec.windows.merged_from(one) == granularity]
    merged = {grain: frozenset(stored[grain]) for grain in longer}
    for one in sorted(stored[granularity]):
        if one.end > until:
            continue
        if any(one.meets(other) for other in cited):
            found["cited"].append(one)
        elif all(_is_merged(spec, grain, merged[grain], one, newest) for grain in longer):
            found["due"].append(one)
        else:
            found["waiting"].append(one)
    return Aged(granularity, until, **{key: tuple(windows) for key, windows in found.items()})


def _is_merged(
    spec: MonitorSpec, longer: str, stored: Collection[Window], one: Window, newest: datetime
) -> bool:
    """Whether the roll-up that takes this window in is stored, or too old itself."""
    whole = window_at(one.start, longer, spec.timestamp.zone)
    keep = spec.retention.of(longer)
    return whole in stored or (keep is not None and whole.end <= newest - keep)

"""Since when: the change point that an alerting window belongs to, as a date."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from sparkdrift.explain.signals import ALERTS, Row, Signal
from sparkdrift.measures.arrays import floats
from sparkdrift.measures.change_point import ChangePoint, NoChange, change_point
from sparkdrift.measures.series import NotMeasured

# Shifts that are cut away, one after the other, until the one around the window is left.
_CUTS = 6
# A level that falls below this part of the one before is the end of a shift, not its start.
_ENDED = 0.5


@dataclass(frozen=True)
class Since:
    """When the shift around a window began; starts of windows, as stored (UTC).

    start, with low and high: the first window of it, 95 % set. Without a change point: the
    first of the alerts in a row, low and high None, and `reason` says why; start None where
    these reach back to the first window. gradual: it came along a rise. ended: the first
    window after it.
    """

    start: datetime | None = None
    low: datetime | None = None
    high: datetime | None = None
    gradual: bool = False
    ended: datetime | None = None
    reason: str = ""


Found: TypeAlias = ChangePoint | NoChange | NotMeasured
# Change points found so far: windows of one shift share theirs.
Memory: TypeAlias = dict[tuple[Hashable, ...], Found]


def date_onset(
    signal: Signal, rows: Sequence[Row], index: int, memory: Memory | None = None
) -> Since:
    """The start of the shift that rows[index] shows; rows: one column and slice, in time order.

    Later windows count too: a start is dated better in hindsight. Of several shifts the
    one around the window is told. memory: handed from window to window of one monitor, it
    saves looking for the same change point again.
    """
    memory = {} if memory is None else memory
    found = _between_shifts(signal, rows, index, memory)
    if found.start is not None:
        return found
    # Two shifts hide each other in what they take for noise: ask of the calm around this one.
    first, begin, end = _alerts_around(rows, index)
    if begin > 0 or end < len(rows):
        near = _between_shifts(signal, rows[begin:end], index - begin, memory)
        if near.start is not None:
            return near
    return replace(found, start=rows[first]["window_start"]) if first > 0 else found


def _alerts_around(rows: Sequence[Row], index: int) -> tuple[int, int, int]:
    """(first of the alerts in a row, begin and end of them with the calm on both sides)."""
    alerts = [row["status"] in ALERTS for row in rows]
    first, end = index, index + 1
    while first > 0 and alerts[first - 1]:
        first -= 1
    while end < len(rows) and alerts[end]:
        end += 1
    begin = first
    while begin > 0 and not alerts[begin - 1]:
        begin -= 1
    while end < len(rows) and not alerts[end]:
        end += 1
    return first, begin, end


def _between_shifts(signal: Signal, rows: Sequence[Row], index: int, memory: Memory) -> Since:
    """By change points, cutting away those that lie before or after rows[index]."""
    low, high = 0, len(rows)
    for _ in range(_CUTS):
        found = _recalled(signal, rows[low:high], memory)
        if isinstance(found, NotMeasured):
            return Since(reason=found.reason)
        if isinstance(found, NoChange):
            return _without_start(rows, low, high)
        start, end = low + found.start, high if found.end is None else low + found.end
        recovers = abs(found.after) < _ENDED * abs(found.before)
        if found.start_low + low <= index < end and not recovers:
            return _dated(rows, found, low)
        if index < start:
            high = start
        elif recovers and index < end:
            low = start
        else:
            low = end
    return Since(reason="its start could not be told from the other shifts of the series")


def _recalled(signal: Signal, rows: Sequence[Row], memory: Memory) -> Found:
    if not rows:
        return NotMeasured("no window is left to date its start by")
    of = ("comparison", "column_name", "slice_key", "slice_value")
    ends = (rows[0]["window_start"], rows[-1]["window_start"])
    key = (signal, *(rows[0].get(name) for name in of), *ends)
    if key not in memory:
        read = floats([signal.read(row) for row in rows])
        memory[key] = change_point(read[:, 0], read[:, 1])
    return memory[key]


def _dated(rows: Sequence[Row], found: ChangePoint, low: int) -> Since:
    def at(position: int) -> datetime:
        when: datetime = rows[low + position]["window_start"]
        return when

    ended = None if found.end is None else at(found.end)
    return Since(at(found.start), at(found.start_low), at(found.start_high), found.gradual, ended)


def _without_start(rows: Sequence[Row], low: int, high: int) -> Since:
    alerting = sum(row["status"] in ALERTS for row in rows[low:high])
    first = low == 0 and rows[0]["status"] in ALERTS
    if first and alerting > (high - low) / 2:
        return Since(reason="it began before the first window that is stored")
    return Since(reason="the windows before don't differ enough to date its start")

"""One explanation per alerting column and window, from the drift rows of one monitor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sparkdrift.explain.onset import Memory, Since, date_onset
from sparkdrift.explain.signals import ALERTS, WHOLE, Kind, Limits, Row, Signal, alerting_signal
from sparkdrift.explain.slices import Where, locate

SHOWN = 3
Direction: TypeAlias = Literal["up", "down", "wider", "narrower", "changed"]
DEFAULT_LIMITS = Limits()
_NEEDED = (
    "column_name",
    "window_start",
    "slice_key",
    "slice_value",
    "status",
    "shift",
    "carriers",
    "row_count",
)


@dataclass(frozen=True)
class Carrier:
    """A bin or category that carried a shift, with its share before and now (0..1)."""

    item: str
    before: float
    now: float


@dataclass(frozen=True)
class Explanation:
    """Why one column alerts in one window; `sentences.tell` renders it.

    size: how far, signed: reference sd for kinds 'values' and 'metric', unsigned for 'shape',
    'joint' (all inputs) and 'vector', a change of a share (0..1) for the others. item: the
    category that moved most, of the kind 'category'. carriers: what carried it, largest first, at
    most 3. effect: what is stored as effect, to rank by. also: other figures that alert.
    """

    column_name: str
    window_start: datetime
    status: str
    kind: Kind
    direction: Direction
    size: float
    item: str | None
    carriers: tuple[Carrier, ...]
    where: Where
    since: Since
    effect: float
    also: tuple[Kind, ...]


def explain(
    rows: Sequence[Row], limits: Limits = DEFAULT_LIMITS, window: datetime | None = None
) -> list[Explanation]:
    """Explain every alert among `rows`, the newest window first, then the largest shift.

    rows: drift rows of one monitor under one reference and policy (`current_drift`): all
    windows, since starts are dated by them, and all slices, in any order. limits: the spec's,
    by which a change of a share is material. window: explain only this one. A column whose
    whole table is quiet is explained by the slice that moved most. Rows written before a store
    was migrated have NULL for what tells a direction: they are told as a change of shape.
    Raises ValueError for rows that lack a column.
    """
    _check(rows)
    found: list[Explanation] = []
    memory: Memory = {}
    for column in sorted({row["column_name"] for row in rows}):
        own = sorted(
            (row for row in rows if row["column_name"] == column),
            key=lambda row: row["window_start"],
        )
        alerting = {row["window_start"] for row in own if row["status"] in ALERTS}
        for start in sorted(alerting if window is None else alerting & {window}):
            found.append(_explain(own, start, limits, memory))
    return sorted(found, key=lambda one: (one.window_start, one.effect), reverse=True)


def explain_window(
    rows: Sequence[Row], limits: Limits = DEFAULT_LIMITS
) -> list[Explanation | None]:
    """What moved in each alerting row of one window, in the order of `rows`; None for the others.

    rows: all columns and slices of one window, judged by one comparison. From this window
    alone, so that the answer never changes: since when is not told. A slice's row tells of the
    slice, whether or not the whole table alerts.
    """
    by_column: dict[str, list[Row]] = {}
    for row in rows:
        by_column.setdefault(row["column_name"], []).append(row)
    return [
        _explained(row, by_column[row["column_name"]], limits) if row["status"] in ALERTS else None
        for row in rows
    ]


def _explained(row: Row, of_column: Sequence[Row], limits: Limits) -> Explanation:
    signal = alerting_signal(row, limits)
    if row["slice_key"] == WHOLE:
        where = locate(signal, row, (one for one in of_column if one["slice_key"] != WHOLE))
    else:
        where = Where("in", row["slice_key"], row["slice_value"])
    return _told(row, signal, where, Since())


def _check(rows: Sequence[Row]) -> None:
    for row in rows:
        missing = [name for name in _NEEDED if name not in row]
        if missing:
            raise ValueError(
                f"a drift row lacks {', '.join(missing)}; accepted are rows with all columns of "
                "the table drift: run `sparkdrift migrate` and `sparkdrift drift` on an older store"
            )


def _explain(own: Sequence[Row], start: datetime, limits: Limits, memory: Memory) -> Explanation:
    now = [row for row in own if row["window_start"] == start]
    whole = [row for row in now if row["slice_key"] == WHOLE]
    sliced = [row for row in now if row["slice_key"] != WHOLE]
    if whole and whole[0]["status"] in ALERTS:
        row = whole[0]
        signal = alerting_signal(row, limits)
        where = locate(signal, row, sliced)
    else:
        alerts = [row for row in sliced if row["status"] in ALERTS]
        row = max(alerts, key=lambda one: (one["status"] == "drifted", one["effect"] or 0.0))
        signal = alerting_signal(row, limits)
        where = Where("only", row["slice_key"], row["slice_value"])
    of = (row["slice_key"], row["slice_value"])
    series = [one for one in own if (one["slice_key"], one["slice_value"]) == of]
    index = next(i for i, one in enumerate(series) if one["window_start"] == start)
    return _told(row, signal, where, date_onset(signal, series, index, memory))


def _told(row: Row, signal: Signal, where: Where, since: Since) -> Explanation:
    size, _ = signal.read(row)
    return Explanation(
        column_name=row["column_name"],
        window_start=row["window_start"],
        status=row["status"],
        kind=signal.kind,
        direction=_direction(signal, size, row),
        size=size,
        item=signal.item,
        carriers=_carriers(signal, row),
        where=where,
        since=since,
        effect=float(row["effect"] or 0.0) if not signal.is_share else _as_effect(size),
        also=signal.also,
    )


def _as_effect(share: float) -> float:
    """A change of a share on the scale of effects, for ranking only: sqrt of D for two bins."""
    part = min(abs(share), 1.0)
    return float((part / max(1 - part, 0.01)) ** 0.5)


def _direction(signal: Signal, size: float, row: Row) -> Direction:
    if signal.kind in ("joint", "vector"):
        return "changed"
    if signal.kind != "shape":
        return "up" if size > 0 else "down"
    carriers = row["carriers"] or []
    gains = {one["item"][:2].strip(): one["share"] > one["reference"] for one in carriers}
    ends = [gain for sign, gain in gains.items() if sign in ("<=", ">")]
    if len(ends) == 2 and all(ends):
        return "wider"
    return "narrower" if len(ends) == 2 and not any(ends) else "changed"


def _carriers(signal: Signal, row: Row) -> tuple[Carrier, ...]:
    if signal.kind == "new":
        rows = max(int(row["row_count"] or 0), 1)
        return tuple(
            Carrier(one["item"], 0.0, one["count"] / rows)
            for one in (row["new_categories"] or [])[:SHOWN]
        )
    if signal.kind in ("values", "shape", "category", "range"):
        return tuple(
            Carrier(one["item"], one["reference"], one["share"])
            for one in (row["carriers"] or [])[:SHOWN]
        )
    return ()

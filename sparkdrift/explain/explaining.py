"""One explanation per alerting column and window, from the drift rows of one monitor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from sparkdrift.explain.course import Course, course_of
from sparkdrift.explain.onset import Memory, Since, date_onset
from sparkdrift.explain.signals import (
    ALERTS,
    BETWEEN_WINDOWS,
    WHOLE,
    Kind,
    Limits,
    Row,
    Signal,
    alerting_signal,
    range_side,
)
from sparkdrift.explain.slices import Where, locate

SHOWN = 3
_LEAST_GROWN = 0.1
"""Part of what is out of range by which the bin of an end has to have grown to be named."""
Direction: TypeAlias = Literal["up", "down", "both", "wider", "narrower", "changed"]
DEFAULT_LIMITS = Limits()
_SIDES: Mapping[str, tuple[Direction, str]] = {
    # By `range_side`: the direction, and how the bins of that side begin.
    "above it": ("up", ">"),
    "below it": ("down", "<"),
    "on both sides of it": ("both", "<>"),
}
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


READ = (
    *("comparison", "column_name", "window_start", "slice_key", "slice_value", "status"),
    *("shift", "effect", "n_eff", "carriers", "row_count", "stratum", "earlier_start"),
    *("null_delta", "nan_delta", "infinite_delta", "out_of_range_share", "below_range_share"),
    *("new_category_share", "new_categories", "d_statistic", "wasserstein_distance", "psi"),
    *("q_value", "p_material", "p_unusual", "alerting_tests", "reason"),
)
"""The columns of `drift` that are read here, and in `course`."""


@dataclass(frozen=True)
class Carrier:
    """A bin or category that carried a shift, with its share before and now (0..1).

    Of the kind 'joint' a feature, and `now` its part of the shift. first: of a new category the
    first window in which it was stored as new, where that was asked.
    """

    item: str
    before: float
    now: float
    first: datetime | None = None


@dataclass(frozen=True)
class Explanation:
    """Why one column alerts in one window; `sentences.tell` renders it.

    comparison: what the window was held against, with the stratum (weekday or hour) of it, None
    for all, and the start of the earlier window where it was one. size: how far, signed: sd for
    kinds 'values' and 'metric', unsigned for 'shape', 'joint' (all inputs) and 'vector', change of
    a share (0..1) for the others; direction of 'range': the side of the reference's range. item:
    the category that moved most, of the kind 'category'. carriers: what carried it, largest first,
    at most 3. effect: what is stored as effect, to rank by. also: other figures that alert.
    course: how it went on since it began, None for one window alone and between two windows.
    """

    column_name: str
    window_start: datetime
    comparison: str
    stratum: str | None
    earlier_start: datetime | None
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
    course: Course | None = None


def explain(
    rows: Sequence[Row], limits: Limits = DEFAULT_LIMITS, window: datetime | None = None
) -> list[Explanation]:
    """Explain every alert among `rows`, the newest window first, then the largest shift.

    rows: drift rows of one monitor under one reference and policy (`current_drift`): the windows
    that starts are dated by, and in the windows to explain all slices, in any order; several
    comparisons are told one by one. limits: the spec's,
    in whose multiples changes of shares are ordered. window: explain only this one. A column whose
    whole table is quiet is explained by the slice that moved most. Rows written before a store
    was migrated have NULL for what tells a direction: they are told as a change of shape.
    Raises ValueError for rows that lack a column.
    """
    _check(rows)
    found: list[Explanation] = []
    memory: Memory = {}
    starts = sorted({row["window_start"] for row in rows})
    for own in _series(rows):
        alerting = {row["window_start"] for row in own if row["status"] in ALERTS}
        for start in sorted(alerting if window is None else alerting & {window}):
            found.append(_explain(own, start, limits, memory, starts))
    return sorted(found, key=lambda one: (one.window_start, one.effect), reverse=True)


def _series(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each column and comparison, in time order."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["window_start"]):
        found.setdefault((row["column_name"], row.get("comparison") or ""), []).append(row)
    return [found[key] for key in sorted(found)]


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


def with_first_seen(
    found: Sequence[Explanation],
    seen: Mapping[tuple[str, str, str, str | None, str], datetime],
) -> list[Explanation]:
    """Explanations whose new categories say in which window each was seen first.

    seen: by comparison, column_name, slice_key, slice_value and item; what it lacks stays None.
    """
    return [
        replace(one, carriers=tuple(_dated(one, carrier, seen) for carrier in one.carriers))
        if one.kind == "new"
        else one
        for one in found
    ]


def _dated(
    one: Explanation,
    carrier: Carrier,
    seen: Mapping[tuple[str, str, str, str | None, str], datetime],
) -> Carrier:
    at = one.where
    of = (at.key or WHOLE, at.value) if at.kind in ("only", "in") else (WHOLE, WHOLE)
    return replace(carrier, first=seen.get((one.comparison, one.column_name, *of, carrier.item)))


def told_row(now: Sequence[Row]) -> Row | None:
    """Which row tells of a column, given its slices' rows of one window and comparison.

    That of the whole table where it alerts, else of the slice that moved most; None: none alerts.
    """
    alerts = [row for row in now if row["status"] in ALERTS]
    whole = [row for row in alerts if row["slice_key"] == WHOLE]
    if whole or not alerts:
        return whole[0] if whole else None
    return max(alerts, key=lambda one: (one["status"] == "drifted", one["effect"] or 0.0))


def _explain(
    own: Sequence[Row],
    start: datetime,
    limits: Limits,
    memory: Memory,
    starts: Sequence[datetime],
) -> Explanation:
    now = [row for row in own if row["window_start"] == start]
    row = told_row(now)
    assert row is not None  # noqa: S101 - asked of windows that alert
    signal = alerting_signal(row, limits)
    if row["slice_key"] == WHOLE:
        where = locate(signal, row, (one for one in now if one["slice_key"] != WHOLE))
    else:
        where = Where("only", row["slice_key"], row["slice_value"])
    if row.get("comparison") in BETWEEN_WINDOWS:
        # A change from one window to another has no start but itself, and no course.
        return _told(row, signal, where, Since())
    of = (row["slice_key"], row["slice_value"])
    series = [one for one in own if (one["slice_key"], one["slice_value"]) == of]
    index = next(i for i, one in enumerate(series) if one["window_start"] == start)
    since = date_onset(signal, series, index, memory)
    began = [
        one for one in series[: index + 1] if not since.start or since.start <= one["window_start"]
    ]
    course = course_of(signal, began, starts)
    return replace(_told(row, signal, where, since), course=course)


def _told(row: Row, signal: Signal, where: Where, since: Since) -> Explanation:
    size, _ = signal.read(row)
    return Explanation(
        column_name=row["column_name"],
        window_start=row["window_start"],
        comparison=row.get("comparison") or "baseline",
        stratum=row.get("stratum"),
        earlier_start=row.get("earlier_start"),
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
    if signal.kind == "range":
        return _SIDES.get(range_side(row), ("changed", ""))[0]
    if signal.kind != "shape":
        return "up" if size > 0 else "down"
    carriers = row["carriers"] or []
    gains = {one["item"].partition(" ")[0]: one["share"] > one["reference"] for one in carriers}
    ends = [gain for sign, gain in gains.items() if sign in ("<=", "<", ">")]
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
    if signal.kind == "joint":
        return tuple(
            Carrier(one["item"], 0.0, one["share"]) for one in (row["carriers"] or [])[:SHOWN]
        )
    carriers = _bins_of(signal, row)
    return tuple(Carrier(one["item"], one["reference"], one["share"]) for one in carriers[:SHOWN])


def _bins_of(signal: Signal, row: Row) -> Sequence[Row]:
    """Of what carried the row's shift that which tells of the signal, the most telling first."""
    carriers: Sequence[Row] = row["carriers"] or []
    if signal.kind in ("values", "shape"):
        return carriers
    if signal.kind == "range":
        _, ends = _SIDES.get(range_side(row), ("changed", "<>"))
        # The bin of an end holds usual values as well: it carries what it grew by.
        least = _LEAST_GROWN * float(row["out_of_range_share"] or 0.0)
        grown = [one for one in carriers if one["share"] - one["reference"] > least]
        return [one for one in grown if one["item"][:1] in tuple(ends)]
    if signal.kind == "category":
        own = [one for one in carriers if one["item"] == signal.item]
        return [*own, *(one for one in carriers if one["item"] != signal.item)] if own else []
    if signal.kind == "rare":
        usual = max((one["reference"] for one in carriers), default=0.0)
        return [one for one in carriers if one["reference"] < usual]
    return sorted(carriers, key=lambda one: -one["share"])[:1] if signal.kind == "single" else []

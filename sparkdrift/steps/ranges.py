"""Any run of stored windows as one: what was asked for, checked, and merged from stored rows.

Nothing is written: an interval of anybody's choice has no place among the windows of
`profiles`, whose key is their start and their grain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from sparkdrift.errors import UsageError, nearest
from sparkdrift.report.plain import day, joined, named
from sparkdrift.spark.answers import Answer
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.querying import fetch
from sparkdrift.spark.ranges import (
    Span,
    Wanted,
    definitions,
    merged_rows,
    rows_between,
    slice_values,
    unsliced_windows,
)
from sparkdrift.spec.hiding import hidden_column
from sparkdrift.spec.models import OTHER, MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_MOST_NAMED = 5
_MOST_ROWS = 1_000_000
# Columns that are bytes, or that say how a row came about.
_STATE = frozenset(["kll", "hll", "categories", "moments", "input_digest", "source_version"])


@dataclass(frozen=True)
class Merged:
    """Stored windows of `interval`, merged.

    rows: a DataFrame with one row per feature, ':table' for the rows as such, and the
    columns FIGURES and STATE of `profiles`, status, reason, definition_hash,
    `merged_windows`, and in window_start and window_end where they begin and end. A feature
    whose definition changed inside has a row for each. windows: how many are stored there.
    notes: what the reader should know, in words.
    """

    rows: DataFrame
    interval: Window
    windows: int
    notes: tuple[str, ...]


def merge_range(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    begin: datetime | None = None,
    end: datetime | None = None,
    only: Wanted | None = None,
) -> Merged:
    """Merge the stored windows of [begin, end); no row of the source is read.

    `begin` and `end` are aware; None is where the stored windows begin and end. `only`
    narrows to values of a declared slice: {"region": ["north", None]} are the rows whose
    region is north or NULL. Raises UsageError, with the nearest that is there, where a
    boundary falls inside a window or a slice or value is not stored.
    """
    stored = sorted(one.window for one in stored_windows(spark, store, spec).values())
    if not stored:
        raise UsageError(
            f"nothing of {spec.monitor} is stored yet: `sparkdrift profile SPEC` does that first"
        )
    interval = covered(stored, begin, end, spec.timestamp.zone)
    inside = [one for one in stored if interval.start <= one.start and one.end <= interval.end]
    notes = _holes(inside, spec)
    keys = slice_keys(spec, only or {})
    wanted = {key: stored_values(spec, key, (only or {})[given]) for key, given in keys.items()}
    if keys:
        _require_values(spark, store, spec, interval, list(keys), wanted)
        without = unsliced_windows(spark, store, spec, interval, list(keys))
        if without:
            notes.append(
                f"{named(without, 'window')} of it have no slice by {', '.join(keys)}: they were "
                "profiled before it was declared; profile them again with --begin"
            )
    rows = rows_between(spark, store, spec, interval, list(keys), wanted)
    spans = definitions(rows)
    if not spans:
        raise UsageError(
            f"no row between {_shown(interval, spec)} has these values together: "
            + " and ".join(f"{key} in ({_listed(values)})" for key, values in wanted.items())
        )
    notes += _changed(spans, spec)
    return Merged(merged_rows(spec, rows), interval, len(inside), tuple(notes))


def covered(
    stored: Sequence[Window], begin: datetime | None, end: datetime | None, zone: str
) -> Window:
    """[begin, end), held against the stored windows, which are in order.

    Raises UsageError, naming the nearest boundaries, where one falls inside a window, lies
    beyond what is stored, or nothing lies between them.
    """
    starts, ends = [one.start for one in stored], [one.end for one in stored]
    start = starts[0] if begin is None else _boundary("begin", begin, starts, zone)
    stop = ends[-1] if end is None else _boundary("end", end, ends, zone)
    if start >= stop:
        raise UsageError(
            f"begin {day(start, zone)} is not before end {day(stop, zone)}; stored are windows "
            f"from {day(starts[0], zone)} to {day(ends[-1], zone)}"
        )
    return Window(start, stop)


def slice_keys(spec: MonitorSpec, only: Wanted) -> dict[str, str]:
    """The columns of the declared slice that `only` names, each with its name in `only`.

    Columns are compared without case. Raises UsageError where no slice is by just these.
    """
    given = {key.lower(): key for key in only}
    if not given:
        return {}
    for keys in spec.slices:
        if {key.lower() for key in keys} == set(given):
            return {key: given[key.lower()] for key in keys}
    declared = sorted(", ".join(keys) for keys in spec.slices)
    close = nearest(", ".join(only), declared)
    raise UsageError(
        f"{spec.monitor} has no slice by {', '.join(only)}; declared: "
        + ("; ".join(declared) or "none")
        + (f"; did you mean {close}?" if close else "")
        + ". Each slice is merged on its own: name all of its columns"
    )


def stored_values(spec: MonitorSpec, column: str, values: Sequence[str | None]) -> list[str | None]:
    """What is stored for these values of a slice's column: their tokens, where they are hidden."""
    hidden = hidden_column(spec, column)
    if hidden is None:
        return list(values)
    return [one if one is None or one == OTHER else hidden.token(one) for one in values]


def figures(found: Merged) -> Answer:
    """The merged rows without sketches, by feature."""
    kept = [name for name in found.rows.columns if name not in _STATE]
    return fetch(found.rows.select(*kept).orderBy("column_name", "window_start"), _MOST_ROWS)


def _boundary(which: str, asked: datetime, accepted: Sequence[datetime], zone: str) -> datetime:
    if asked in accepted:
        return asked
    before = max((one for one in accepted if one < asked), default=None)
    after = min((one for one in accepted if one > asked), default=None)
    close = " and ".join(day(one, zone) for one in (before, after) if one is not None)
    raise UsageError(
        f"no stored window {which}s at {day(asked, zone)}; the nearest that do: {close} ({zone})"
    )


def _require_values(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    interval: Window,
    keys: Sequence[str],
    wanted: Wanted,
) -> None:
    """Raise UsageError for the first value that no row of the interval has."""
    for key, values in wanted.items():
        found = slice_values(spark, store, spec, interval, keys, key, among=values)
        absent = [value for value in values if value not in found]
        if not absent:
            continue
        known = slice_values(spark, store, spec, interval, keys, key)
        close = None
        if absent[0] is not None:
            close = nearest(absent[0], [value for value in known if value is not None])
        raise UsageError(
            f"{key} is never {_listed(absent[:1])} between {_shown(interval, spec)}; "
            f"stored: {_listed(known) or 'no value'}"
            + (f"; did you mean {close!r}?" if close else "")
        )


def _holes(inside: Sequence[Window], spec: MonitorSpec) -> list[str]:
    """A note where windows between the first and the last were never stored."""
    parts = contiguous(inside)
    holes = [Window(one.end, two.start) for one, two in pairwise(parts)]
    if not holes:
        return []
    shown = joined([_shown(hole, spec, " to ") for hole in holes], _MOST_NAMED)
    return [f"not stored, so not part of it: {shown}"]


def _changed(spans: Sequence[Span], spec: MonitorSpec) -> list[str]:
    """A note for the features that have more than one definition, grouped by where it changes."""
    by_feature: dict[str, list[Span]] = {}
    for span in spans:
        by_feature.setdefault(span.column_name, []).append(span)
    alike: dict[str, list[str]] = {}
    for feature, own in by_feature.items():
        if len(own) > 1:
            where = "; ".join(
                f"{named(one.windows, 'window')} from {day(one.start, spec.timestamp.zone)} to "
                f"{day(one.end, spec.timestamp.zone)}"
                for one in own
            )
            alike.setdefault(where, []).append(feature)
    return [
        f"{joined(features, _MOST_NAMED)}: defined differently inside, so not merged; a row "
        f"each for {where}"
        for where, features in alike.items()
    ]


def _shown(interval: Window, spec: MonitorSpec, between: str = " and ") -> str:
    zone = spec.timestamp.zone
    return f"{day(interval.start, zone)}{between}{day(interval.end, zone)}"


def _listed(values: Sequence[str | None]) -> str:
    return joined(["NULL" if value is None else repr(value) for value in values])

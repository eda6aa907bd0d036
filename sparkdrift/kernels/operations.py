"""Operations in kernels: counts of windows, verdicts of drift and score bins into rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import arrow_schema, groups
from sparkdrift.kernels.operation_words import (
    better,
    concentrated,
    moved,
    not_judged,
    without_verdict,
)
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.concentration import concentration
from sparkdrift.measures.intervals import Figure, plain_interval, wilson
from sparkdrift.measures.series import NotMeasured
from sparkdrift.measures.trend import slope

TREND_WINDOWS = 30
"""The trend is over so many windows, this one the last."""
_ROUNDING = 1e-9
"""Part of the sum of squares below which what is left after the mean's part is not relied upon."""
COUNTS, VERDICT, FROZEN, BINNED = range(4)
"""What a row of INPUT is: counts of a window, its row of drift, a reference's, score bins."""
GROUP = ("slice_key", "slice_value", "signal")
INPUT: Mapping[str, str] = {
    **dict.fromkeys(GROUP, "string"),
    "part": "int",
    "window_start": "timestamp",
    "place": "bigint",
    "due": "boolean",
    "rows": "bigint",
    "cells": "array<double>",
    "definition_hash": "string",
    "source_version": "bigint",
    "status": "string",
    "reason": "string",
    "reference_version": "int",
    "value": "double",
    "power": "double",
    "shift": "double",
    "alerting": "boolean",
    "suppression": "string",
    "since": "timestamp",
    "name": "string",
    "columns": "array<string>",
}
ROWS: Mapping[str, str] = {
    **dict.fromkeys(GROUP, "string"),
    "window_start": "timestamp",
    "kind": "string",
    **dict.fromkeys(("rows", "known_rows", "events"), "bigint"),
    **dict.fromkeys(("value", "low", "high"), "double"),
    "reference_version": "int",
    **dict.fromkeys(("reference_value", "change", "trend", "trend_low", "trend_high"), "double"),
    "trend_pvalue": "double",
    **dict.fromkeys(("trend_reason", "status", "reason"), "string"),
    "power": "double",
    "alerting": "boolean",
    "suppression": "string",
    "since": "timestamp",
    "score_pvalue": "double",
    "score_groups": "int",
    **dict.fromkeys(("score_low", "score_high", "score_rows", "score_events"), "double"),
    **dict.fromkeys(("score_events_low", "score_events_high"), "double"),
    "score_reason": "string",
    "definition_hash": "string",
    "source_version": "bigint",
}
Row = Mapping[str, Any]
Kernel = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Signal:
    """What the spec says of one signal. is_share: a share of rows, else a mean."""

    kind: str
    is_share: bool
    worse: str


@dataclass(frozen=True)
class Asked:
    """signals: by name. judged: whether drift judges windows of this grain. edges: of the score
    bins, by name of the state. unbinned: why no events are counted by score, "" where they are.
    """

    signals: Mapping[str, Signal]
    judged: bool
    grain: str
    edges: Mapping[str, Sequence[float]]
    unbinned: str = ""


def tell(asked: Asked) -> Kernel:
    """A kernel: rows of INPUT, sorted by GROUP, in; a row of ROWS for each window that is due."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema = arrow_schema(ROWS)
        for table in groups(batches, GROUP):
            rows = table.to_pylist()
            found = list(_of_signal(asked, asked.signals[rows[0]["signal"]], rows))
            if found:
                yield from pa.Table.from_pylist(found, schema=schema).to_batches()

    return run


def _of_signal(asked: Asked, signal: Signal, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """All windows of one slice and signal."""
    counted = sorted(
        (one for one in rows if one["part"] == COUNTS), key=lambda one: one["window_start"]
    )
    verdicts = {one["window_start"]: one for one in rows if one["part"] == VERDICT}
    frozen = {one["reference_version"]: one["value"] for one in rows if one["part"] == FROZEN}
    binned: dict[Any, list[Row]] = {}
    for one in rows:
        if one["part"] == BINNED:
            binned.setdefault(one["window_start"], []).append(one)
    figures = [_figure(signal, one["cells"]) for one in counted]
    for i, one in enumerate(counted):
        if not one["due"]:
            continue
        start = one["window_start"]
        yield {
            **{name: one[name] for name in (*GROUP, "window_start", "rows")},
            **{name: one[name] for name in ("definition_hash", "source_version")},
            "kind": signal.kind,
            **_counts(signal, one["cells"], figures[i]),
            **_trend(counted[: i + 1], [float(figure.value) for figure in figures[: i + 1]]),
            **_verdict(asked, signal, one, figures[i], verdicts.get(start), frozen),
            **_concentration(asked, signal, one["signal"], binned.get(start, ())),
        }


def _figure(signal: Signal, cells: Sequence[float] | None) -> Figure:
    """Value and 95 % interval of a ratio's cells: sum, rows, rows, sum of squares; NaN without."""
    if cells is None:
        return Figure(*(floats(np.nan),) * 3)
    total, n, square = _numbers(cells)
    if signal.is_share:
        return wilson(total, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.divide(total, n)
        variance = np.divide(np.maximum(square - n * mean**2, 0.0), np.subtract(n, 1))
        # Of a single row nobody knows how much rows vary: it has a mean and no interval.
        error = np.sqrt(np.divide(variance, n)) if n > 1 and not _cancelled(cells) else np.nan
    around = plain_interval(mean, error)
    return Figure(floats(mean), around.low, around.high)


def _numbers(cells: Sequence[float]) -> tuple[float, float, float]:
    """(sum, rows with a value, sum of squares) of a ratio's cells; NaN for NULL."""
    total, _, n, square = (np.nan if one is None else float(one) for one in cells)
    return total, n, square


def _cancelled(cells: Sequence[float] | None) -> bool:
    """Whether the sum of squares less its mean's part is but rounding: of 10^9 +- 1 it is."""
    if cells is None:
        return False
    total, n, square = _numbers(cells)
    return bool(n > 1 and square > 0 and square - total * (total / n) <= _ROUNDING * square)


def _counts(signal: Signal, cells: Sequence[float] | None, figure: Figure) -> dict[str, Any]:
    # Sums over no row are NULL: it is known of none of them, and none has the event.
    known = None if cells is None else int(cells[2] or 0)
    events = int(cells[0] or 0) if signal.is_share and cells is not None else None
    value, low, high = (_number(one) for one in figure)
    return {
        "known_rows": known,
        "events": events,
        "value": value,
        "low": low,
        "high": high,
    }


def _trend(counted: Sequence[Row], values: Sequence[float]) -> dict[str, Any]:
    """Over the last TREND_WINDOWS windows; one that is not stored is a gap that keeps its place."""
    last = counted[-1]["place"]
    series = np.full(TREND_WINDOWS, np.nan)
    for one, value in zip(reversed(counted), reversed(values), strict=True):
        back = last - one["place"]
        if back >= TREND_WINDOWS:
            break
        series[TREND_WINDOWS - 1 - back] = value
    # Windows before the first one that is stored are no gap.
    first = int(np.argmax(np.isfinite(series))) if np.isfinite(series).any() else 0
    found = slope(series[first:])
    if isinstance(found, NotMeasured):
        none = dict.fromkeys(("trend", "trend_low", "trend_high", "trend_pvalue"))
        return {**none, "trend_reason": found.reason}
    return {
        "trend": found.slope,
        "trend_low": found.low,
        "trend_high": found.high,
        "trend_pvalue": found.p_value,
        "trend_reason": None,
    }


def _verdict(
    asked: Asked,
    signal: Signal,
    counts: Row,
    figure: Figure,
    verdict: Row | None,
    frozen: Mapping[int, float | None],
) -> dict[str, Any]:
    """The status of drift, one-sided where the spec says which direction is worse."""
    version = verdict["reference_version"] if verdict else counts["reference_version"] or 0
    reference = frozen.get(version)
    value = _number(figure.value)
    change = None if value is None or reference is None else value - reference
    told = {
        "reference_version": version,
        "reference_value": reference,
        "change": change,
        **dict.fromkeys(("power", "alerting", "suppression", "since")),
    }
    lost = not signal.is_share and _cancelled(counts["cells"])
    about = moved(signal.is_share, figure, reference, lost=lost)
    if verdict is None:
        if not asked.judged:
            return {**told, "status": None, "reason": not_judged(about, asked.grain)}
        return {**told, "status": "no_reference", "reason": without_verdict(about)}
    told |= {name: verdict[name] for name in ("power", "alerting", "suppression", "since")}
    status, reason = verdict["status"], "; ".join(filter(None, (about, verdict["reason"])))
    if _for_the_better(signal, verdict, change):
        # It moved, so it was measured: no alert, and none that it would count towards.
        told |= {"alerting": False, "since": None, "suppression": None}
        status, reason = "ok", better(about, signal.worse)
    return {**told, "status": status, "reason": reason}


def _for_the_better(signal: Signal, verdict: Row, change: float | None) -> bool:
    if verdict["status"] not in ("drifted", "warning") or signal.worse == "both":
        return False
    way = verdict["shift"] if verdict["shift"] is not None else change
    return way is not None and (way < 0 if signal.worse == "up" else way > 0)


def _concentration(
    asked: Asked, signal: Signal, name: str, states: Sequence[Row]
) -> dict[str, Any]:
    """Where the events are on the score; of several states, which sets cut, that of most bins."""
    none: dict[str, Any] = dict.fromkeys(one for one in ROWS if one.startswith("score_"))
    if asked.unbinned or not signal.is_share:
        why = asked.unbinned or "of a mean it is not told at which scores it is high"
        return {**none, "score_reason": why}
    usable = [one for one in states if one["name"] in asked.edges and name in one["columns"]]
    if not usable:
        return {**none, "score_reason": "not counted by score yet: `sparkdrift eval SPEC` counts"}
    state = max(usable, key=lambda one: (sum(one["cells"]), len(one["cells"]), one["name"]))
    edges = floats(asked.edges[state["name"]])
    rows, events = _of_bins(state, name, len(edges) + 1)
    if rows is None or events is None:
        return {**none, "score_reason": "counted by other score bins than there are now"}
    found = concentration(edges, rows, events)
    if isinstance(found, NotMeasured):
        return {**none, "score_reason": found.reason}
    return {
        "score_pvalue": found.p_value,
        "score_groups": found.groups,
        "score_low": _number(found.low),
        "score_high": _number(found.high),
        "score_rows": found.row_share,
        "score_events": found.event_share,
        "score_events_low": found.event_low,
        "score_events_high": found.event_high,
        "score_reason": concentrated(found, name),
    }


def _of_bins(state: Row, name: str, bins: int) -> tuple[Floats | None, Floats | None]:
    """(rows of which it is known, rows with the event), each (B,); None if the bins differ."""
    signals = len(state["columns"])
    numbers = floats(state["cells"])
    if numbers.shape != (bins * signals * 2,):
        return None, None
    own = numbers.reshape(bins, signals, 2)[:, state["columns"].index(name)]
    return floats(own[:, 0]), floats(own[:, 1])


def _number(value: Any) -> float | None:
    """A finite number, else NULL."""
    number = float(value)
    return number if np.isfinite(number) else None

"""What `sparkdrift operations` tells: the newest window, and where an alert stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sparkdrift.measures.persistence import standing
from sparkdrift.report.plain import aligned, day, plain, share

Row = Mapping[str, Any]
LISTED = ("signal", "value", "95 %", "reference", "status", "trend a window", "of rows")
_WHOLE = "*"
_MOST_SLICES = 10


def standing_alerts(rows: Sequence[Row], windows: int, of: int) -> list[Row]:
    """The rows of the newest window in which an alert stands and calls somebody.

    rows: of the last windows, all slices, in order of time. windows, of: the spec's `alerts`.
    """
    if not rows:
        return []
    newest = rows[-1]["window_start"]
    series: dict[tuple[Any, ...], list[Row]] = {}
    for one in rows:
        series.setdefault((one["slice_key"], one["slice_value"], one["signal"]), []).append(one)
    found = []
    for own in series.values():
        counts = [np.nan if one["alerting"] is None else float(one["alerting"]) for one in own]
        last = own[-1]
        if last["window_start"] == newest and standing(counts, windows, of)[-1]:
            found.append(last)
    return [one for one in found if one["suppression"] is None]


def operation_lines(rows: Sequence[Row], alerts: Sequence[Row], zone: str) -> list[str]:
    """Lines of text for one monitor; rows of the last windows, in order of time."""
    if not rows:
        return ["no window has been profiled with these operations yet: `sparkdrift run SPEC`"]
    newest = rows[-1]["window_start"]
    whole = [one for one in rows if one["window_start"] == newest and one["slice_key"] == _WHOLE]
    lines = [f"in the window of {day(newest, zone)}"]
    lines += aligned([LISTED, *(_line(one) for one in whole)])
    for one in whole:
        if one["status"] not in ("ok", None):
            lines.append(f"{one['signal']}: {plain(one['reason'] or '', lines=False)}")
        lines.append(f"{one['signal']} on the score: {plain(one['score_reason'], lines=False)}")
    return [*lines, *_alerts(alerts, zone)]


def _line(row: Row) -> list[str]:
    low, high = row["low"], row["high"]
    trend = "not measured"
    if row["trend"] is not None:
        sure = f"p = {row['trend_pvalue']:.2g}"
        points = f"{100 * row['trend']:+.2f} points" if _shares(row) else f"{row['trend']:+.3g}"
        trend = f"{points}, {sure}"
    return [
        row["signal"],
        "" if row["value"] is None else _shown(row, row["value"]),
        "" if low is None else f"{_shown(row, low)} to {_shown(row, high)}",
        "" if row["reference_value"] is None else _shown(row, row["reference_value"]),
        row["status"] or "not judged",
        trend,
        "" if row["known_rows"] is None else f"{row['known_rows']:,}",
    ]


def _alerts(alerts: Sequence[Row], zone: str) -> Iterator[str]:
    if not alerts:
        yield "no alert stands"
    for one in alerts[:_MOST_SLICES]:
        where = "" if one["slice_key"] == _WHOLE else f" of {one['slice_key']} {one['slice_value']}"
        since = "" if one["since"] is None else f" since {day(one['since'], zone)}"
        yield f"alert: {one['signal']}{plain(where, lines=False)}{since}"
    if len(alerts) > _MOST_SLICES:
        yield f"and {len(alerts) - _MOST_SLICES} more (the table operations)"


def _shares(row: Row) -> bool:
    return row["events"] is not None


def _shown(row: Row, value: float) -> str:
    return share(value) if _shares(row) else f"{value:.4g}"

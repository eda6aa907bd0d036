"""How a drift goes on: whether it grows, quickens, and when it reaches its limit.

Told only where it is significant. Of columns that don't alert yet as well, whole table only:
there a trend warns before the limit is reached, and small deviations of one kind add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from sparkdrift.explain.signals import (
    ALERTS,
    BETWEEN_WINDOWS,
    WHOLE,
    Kind,
    Row,
    Signal,
    quiet_signal,
)
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.evidence import FAMILY_LEVEL, LEAST_FAMILY, benjamini_hochberg
from sparkdrift.measures.series import NotMeasured, measured
from sparkdrift.measures.trend import LIMIT, Kendall, Trend, cusum, mann_kendall, trend

MONTH = 30
"""Windows that a slope is told by."""
# The windows that count: what a feature did a year ago says little about where it goes, and
# pairs of windows grow with the square.
MOST_WINDOWS = 90
_LEVEL = 0.01
_PACES: Mapping[bool | None, Literal["faster", "slower", "steady"]] = {
    True: "faster",
    False: "slower",
    None: "steady",
}
# A line is not drawn farther ahead than this many times the windows that it was fitted to.
_AHEAD = 2.0


@dataclass(frozen=True)
class Course:
    """A trend that is significant; in the unit of the signal (sd, or a share 0..1).

    per_month: growth in MONTH windows, signed, with its 95 % interval low and high. pace: whether
    the second half of the windows moved faster than the first, by a 95 % interval. returning:
    towards 0, what the reference shows. reaches: when the line meets `limit`, None where it
    is beyond it, moves away, or would meet it too far ahead to say. p_value: Mann-Kendall.
    windows: measured ones, up to the one that is explained.
    """

    per_month: float
    low: float
    high: float
    pace: Literal["faster", "slower", "steady"]
    returning: bool
    reaches: datetime | None
    limit: float
    p_value: float
    windows: int


@dataclass(frozen=True)
class Quiet:
    """A column whose whole table does not alert, but moves.

    course: its trend. adding_up: since when deviations that are each too small to alert have
    added up (CUSUM); None where they have not.
    """

    column_name: str
    comparison: str
    kind: Kind
    course: Course | None
    adding_up: datetime | None


def course_of(
    signal: Signal, rows: Sequence[Row], starts: Sequence[datetime], limit: float = float("nan")
) -> Course | None:
    """The trend of `rows`, those of one column and slice in time order, up to the last of them.

    starts: those of all windows, ascending, so that a window without a row takes its time. limit:
    from which absolute value on the signal alerts, NaN: not asked. None where no trend is
    significant, or too few windows were measured.
    """
    values, times = _placed(signal, rows, starts)
    tested = _tested(values)
    return _told(values, times, limit, tested) if tested.p_value <= _LEVEL else None


def quiet_courses(
    rows: Sequence[Row], limits: Mapping[str, float], usual_limit: float, window: datetime
) -> list[Quiet]:
    """What moves without alerting in `window`, by column and comparison; the surest trend first.

    rows: drift rows of the whole table, with p_unusual; other slices are left out, and so are
    comparisons of two windows. limits: effect_size by column, usual_limit of all others. Trends
    are tests of one family (Benjamini and Hochberg). For F columns CUSUM's limit is 5 + ln F, so
    that of all together one is false in about 938 windows.
    """
    starts = sorted({row["window_start"] for row in rows if row["window_start"] <= window})
    quiet = [own for own in _whole(rows, window) if own[-1]["status"] not in ALERTS]
    signals = [quiet_signal(own[-1]) for own in quiet]
    placed = [_placed(*one, starts) for one in zip(signals, quiet, strict=True)]
    tested = [_tested(values) for values, _ in placed]
    p_values = np.array([one.p_value for one in tested])
    q_values = benjamini_hochberg(p_values, LEAST_FAMILY) if len(quiet) else p_values
    found: list[tuple[float, Quiet]] = []
    for own, signal, (values, times), test, q in zip(
        quiet, signals, placed, tested, q_values, strict=True
    ):
        name = own[-1]["column_name"]
        limit = limits.get(name, usual_limit)
        shown = q <= FAMILY_LEVEL and test.p_value <= _LEVEL
        course = _told(values, times, limit, test) if shown else None
        # What goes nowhere near its limit is no news.
        course = None if course is None or course.reaches is None else course
        since = _adding_up(own, len(quiet))
        if course is not None or since is not None:
            about = own[-1].get("comparison") or "baseline"
            found.append((test.p_value, Quiet(name, about, signal.kind, course, since)))
    return [one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].column_name))]


def _whole(rows: Sequence[Row], window: datetime) -> list[list[Row]]:
    """The whole table's rows by column and comparison up to `window`, where they reach it."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["window_start"]):
        compared = row.get("comparison") or ""
        whole = row["slice_key"] == WHOLE and compared not in BETWEEN_WINDOWS
        if whole and row["window_start"] <= window:
            found.setdefault((row["column_name"], compared), []).append(row)
    return [own for _, own in sorted(found.items()) if own[-1]["window_start"] == window]


def _placed(
    signal: Signal, rows: Sequence[Row], starts: Sequence[datetime]
) -> tuple[Floats, list[datetime]]:
    """(values, starts) of the last MOST_WINDOWS windows from the first row to the last."""
    begin, end = rows[0]["window_start"], rows[-1]["window_start"]
    times = [start for start in starts if begin <= start <= end][-MOST_WINDOWS:]
    place = {start: i for i, start in enumerate(times)}
    values = np.full(len(times), np.nan)
    for row in rows:
        at = place.get(row["window_start"])
        if at is not None:
            values[at] = signal.read(row)[0]
    return values, times


def _tested(values: Floats) -> Kendall:
    """Mann and Kendall's test; all NaN where too few windows were measured."""
    series = measured(values)
    if isinstance(series, NotMeasured):
        return Kendall(float("nan"), float("nan"), float("nan"))
    return mann_kendall(series)


def _told(
    values: Floats, times: Sequence[datetime], limit: float, tested: Kendall
) -> Course | None:
    found = trend(values, tested=tested)
    if isinstance(found, NotMeasured) or found.slope == 0:
        return None
    line = values - found.slope * np.arange(len(values))
    now = float(np.nanmedian(line)) + found.slope * (len(values) - 1)
    return Course(
        per_month=MONTH * found.slope,
        low=MONTH * found.slope_low,
        high=MONTH * found.slope_high,
        pace=_PACES[found.quickens],
        returning=now * found.slope < 0,
        reaches=_reaches(now, found, times, limit),
        limit=limit,
        p_value=found.p_value,
        windows=found.windows,
    )


def _reaches(now: float, found: Trend, times: Sequence[datetime], limit: float) -> datetime | None:
    if not abs(now) < limit or now * found.slope < 0:
        return None
    ahead = (limit - abs(now)) / abs(found.slope)
    if ahead > _AHEAD * len(times):
        return None
    step: timedelta = (times[-1] - times[0]) / (len(times) - 1)
    return times[-1] + ahead * step


def _adding_up(rows: Sequence[Row], columns: int) -> datetime | None:
    """Where CUSUM stands in alarm: the window after the last in which nothing had added up."""
    read = [row["p_unusual"] for row in rows]
    found = cusum(floats([np.nan if p is None else p for p in read]))
    if isinstance(found, NotMeasured) or not found.sums[-1] >= LIMIT + np.log(columns):
        return None
    zero = np.flatnonzero(found.sums == 0)
    first = int(zero[-1]) + 1 if len(zero) else 0
    start: datetime = rows[first]["window_start"]
    return start

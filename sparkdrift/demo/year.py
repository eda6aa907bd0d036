"""The flights demo's alerts against what is known of the year 2013.

A reason holds for some months and one direction, and only where the raw rows of the alert's own
days bear it out: as many of them as half of its windows are that far from January and February, in
that direction. Of a mix, what is named has to have gained at least half of what all shares gained.
What has no such reason is 'no reason known'.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from sparkdrift.demo.flights import WEATHER
from sparkdrift.demo.raw_days import ON_ROUTE, RawDays
from sparkdrift.demo.reasons import Alert, Held, Reason, Row, alerts_of
from sparkdrift.explain.signals import WHOLE
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.policy import INPUTS

UNKNOWN: Final = "no reason known"
_ANY: Final = frozenset(range(1, 13))
Way = Literal["up", "down", "NULLs", "new", "mix"]


@dataclass(frozen=True)
class Known:
    """Why `columns` go that `way` in these months.

    `item`: of a mix, what has to gain; `origins`: the only slices that it is about, none: all.
    `figure`: what of the raw rows has to bear it out, where that is not the column itself.
    """

    columns: tuple[str, ...]
    way: Way
    months: frozenset[int]
    why: str
    item: str = ""
    origins: frozenset[str] = frozenset()
    figure: str = ""


def _months(first: int, last: int) -> frozenset[int]:
    return frozenset(range(first, last + 1))


YEAR: Final = (
    Known(("temp",), "up", _months(4, 11), "from April on it is warmer than in winter"),
    Known(("temp",), "up", frozenset({3, 12}), "a warm spell"),
    Known(("temp",), "down", frozenset({11, 12}), "a cold spell"),
    Known(("dewp",), "up", _months(4, 11), "from April on the air holds more water"),
    Known(("dewp",), "up", frozenset({3, 12}), "mild, damp days"),
    Known(("dewp",), "down", frozenset({3, 4, 11, 12}), "cold, dry days"),
    Known(("humid",), "down", _ANY, "dry days"),
    Known(("humid",), "up", _ANY, "damp days"),
    Known(("wind_speed",), "up", _ANY, "windy days"),
    Known(("wind_speed",), "down", _ANY, "calm days"),
    Known(("precip",), "up", _ANY, "days of more rain or snow"),
    Known(("visib",), "down", _ANY, "fog, rain or snow"),
    Known(("visib",), "up", _months(3, 11), "clearer air than in January and February"),
    Known(("pressure",), "up", _ANY, "high pressure"),
    Known(("pressure",), "down", _ANY, "low pressure"),
    Known(("pressure",), "NULLs", _ANY, "the file lacks pressure in most hours of rain"),
    Known(tuple(one for one in WEATHER if one != "pressure"), "NULLs", _ANY,
          "hours that the weather file lacks"),
    Known(("dep_delay", "arr_delay"), "up", _months(5, 8), "late flights of a stormy summer"),
    Known(("dep_delay", "arr_delay"), "up", frozenset({3, 4, 9, 10, 11, 12}),
          "days of late flights"),
    Known(("dep_delay", "arr_delay"), "down", _months(9, 11), "flights on time after the summer"),
    Known(("dep_delay", "arr_delay"), "down", frozenset({3, 4, 5, 6, 7, 8, 12}),
          "days of flights on time"),
    Known(("dep_delay", "arr_delay", "air_time"), "NULLs", _ANY, "days of cancelled flights"),
    Known(("air_time",), "down", _months(5, 10),
          "in summer the same routes take less time: JFK to Los Angeles 311 to 330 min, not 340",
          figure=ON_ROUTE),
    Known(("air_time",), "down", frozenset({3, 4, 11}),
          "LaGuardia to Atlanta takes 112 to 117 min, not 121", origins=frozenset({"LGA"}),
          figure=ON_ROUTE),
    Known(("air_time",), "up", frozenset({12}),
          "the slowest month: JFK to Los Angeles takes 347 min, not 340", figure=ON_ROUTE),
    Known(("air_time",), "up", _months(4, 11), "Newark's flights go farther from April on: "
          "1,044 to 1,115 miles, not 961", origins=frozenset({"EWR"})),
    Known(("distance",), "up", _months(4, 12), "longer flights on average from April on"),
    Known(("distance",), "down", _months(4, 12),
          "LaGuardia's flights are shorter: 756 to 790 miles, not 799", origins=frozenset({"LGA"})),
    Known(("carrier",), "mix", _months(3, 12),
          "ExpressJet (EV) has 7 to 13 % of LaGuardia's flights, not 3 %",
          "EV", frozenset({WHOLE, "LGA"})),
    Known(("carrier",), "mix", _months(3, 12),
          "Delta (DL) has 18 to 20 % of JFK's flights, not 17 %", "DL", frozenset({"JFK"})),
    Known(("carrier",), "mix", _months(6, 12),
          "United (UA) grows at Newark, ExpressJet shrinks", "UA", frozenset({"EWR"})),
    Known(("carrier",), "new", _months(4, 12), "Virgin America (VX) flies from Newark since April"),
    Known(("origin",), "mix", _months(9, 12), "LaGuardia has 32 or 33 % of the flights, not 30 %",
          "LGA"),
    Known(("dest",), "mix", _months(4, 12),
          "Newark has 4 to 5 % of its flights to San Francisco, not 2 %",
          "SFO", frozenset({WHOLE, "EWR"})),
    Known(("dest",), "mix", _months(4, 11),
          "LaGuardia has 9 % of its flights to Chicago, not 7 %", "ORD", frozenset({"LGA"})),
    Known(("dest",), "mix", _months(3, 12), "JFK flies more to Charleston",
          "CHS", frozenset({"JFK"})),
    Known(("dest",), "new", _months(3, 12), "airports that January and February lack"),
)  # fmt: skip
"""Each of these is a query on the raw rows in tests/unit/demo/test_demo_year.py."""

LEAST: Final = 0.2
"""A day goes up or down by at least this part of the reference's robust sd: the spec's warn_at."""
LEAST_NULLS: Final = 0.02
LEAST_GAIN: Final = 0.01
MOST: Final = 0.5
"""Part of an alert's windows that as many of its raw days have to bear out, and of what moved that
a reason has to carry."""


def flights_reasons(spec: MonitorSpec, alerts: Sequence[Row], raw: RawDays) -> list[Reason]:
    """Every alert with what is known of it; alerts: those of the overview; raw: the year's rows."""
    found = alerts_of(alerts, spec.timestamp.zone)
    return [
        _of_inputs(one, found) if one.column_name == INPUTS else one.because(*_held(one, raw))
        for one in found
    ]


def _of_inputs(alert: Alert, found: Sequence[Alert]) -> Reason:
    """Of all inputs together: those that carry it, of which one alerts by itself at the time."""
    alerting = {one.column_name for one in found if one.of == alert.of and one.overlaps(alert)}
    names = [name for name in alert.parts if name in alerting]
    carried = sum(alert.parts[name] for name in names)
    if carried >= MOST:
        why = "a consequence of inputs that alert at the time and carry most of it"
        return alert.because("by consequence", why, ", ".join(names))
    return alert.because("not known", UNKNOWN)


def _held(alert: Alert, raw: RawDays) -> tuple[Held, str, str]:
    """All that most of its windows show has to be known, and be so in the raw rows of its days."""
    if alert.slice_key not in (WHOLE, "origin") or alert.column_name not in raw.columns:
        return "not known", UNKNOWN, ""
    told = [(way, _known_of(alert, way, raw)) for way in _ways(alert, raw)]
    figures = "; ".join(filter(None, (_figures(alert, *one, raw) for one in told)))
    if not told or not all(_borne_out(alert, *one, raw) for one in told):
        return "not known", UNKNOWN, figures
    return "known", "; ".join(_words(known) for _, known in told), figures


def _ways(alert: Alert, raw: RawDays) -> list[Way]:
    """What an alert mostly shows. Rows outside the reference's range that are too few to move the
    others are on the side to which they pull the mean: a day of rain has mostly hours without."""
    ways: list[Way] = []
    if {"moved", "outside"} & set(alert.mainly):
        side = alert.shift
        if "moved" not in alert.mainly and side is not None:
            side = _mean(alert, raw) - _usual(alert, raw)[0]
        ways.append("mix" if side is None else "up" if side > 0 else "down")
    if "silent" in alert.mainly:
        ways.append("NULLs")
    if "fresh" in alert.mainly:
        ways.append("new")
    return ways


def _mean(alert: Alert, raw: RawDays) -> float:
    return raw.all_of(alert.column_name, alert.slice_value, alert.since, alert.last)


def _usual(alert: Alert, raw: RawDays) -> tuple[float, float]:
    return raw.usual(alert.column_name, alert.slice_value)


def _known_of(alert: Alert, way: Way, raw: RawDays) -> list[tuple[Known, ...]]:
    """What is known of each of its months, in their order; nothing of a month: an empty one.

    Of a mix several items may have gained, each on as many raw days as are needed; of others the
    first reason that fits.
    """
    months = range(alert.since.month, alert.last.month + 1)
    fitting = [tuple(one for one in YEAR if _fits(alert, way, one, month)) for month in months]
    if way != "mix":
        return [known[:1] for known in fitting]
    return [tuple(one for one in known if _often(alert, way, one, raw)) for known in fitting]


def _fits(alert: Alert, way: Way, known: Known, month: int) -> bool:
    there = not known.origins or alert.slice_value in known.origins
    gains = not known.item or alert.gains.get(known.item, 0.0) > 0
    of = alert.column_name in known.columns and known.way == way and month in known.months
    return of and there and gains


def _often(alert: Alert, way: Way, known: Known, raw: RawDays) -> bool:
    return _days_so(alert, way, known, raw) >= MOST * alert.windows


def _borne_out(alert: Alert, way: Way, known: Sequence[tuple[Known, ...]], raw: RawDays) -> bool:
    """Whether something is known of each month, is so on enough raw days, and is most of it."""
    named = {one for of_month in known for one in of_month}
    if not known or not all(known) or not all(_often(alert, way, one, raw) for one in named):
        return False
    return _carried(alert, way, named, raw) >= MOST


def _carried(alert: Alert, way: Way, named: AbstractSet[Known], raw: RawDays) -> float:
    """Part of what moved on all its days together that is explained; 1 where it is the column.

    Of a mix: of all that shares gained what the named items did. Of another figure's mean: what it
    moved of what the column did.
    """
    name, of, days = alert.column_name, alert.slice_value, (alert.since, alert.last)
    if way == "mix":
        gained = raw.gains(name, of, *days)
        own = sum(gained.get(item, 0.0) for item in {one.item for one in named})
        return own / max(sum(gained.values()), 1e-12)
    figures = [one.figure for one in named if one.figure]
    if not figures:
        return 1.0
    moved = _mean(alert, raw) - _usual(alert, raw)[0]
    apart = raw.all_of(figures[0], of, *days) - raw.usual(figures[0], of)[0]
    return apart / moved if moved * apart > 0 else 0.0


def _words(known: Sequence[tuple[Known, ...]]) -> str:
    months = (" and ".join(one.why for one in of_month) for of_month in known if of_month)
    return ", then ".join(dict.fromkeys(months))


def _days_so(alert: Alert, way: Way, known: Known, raw: RawDays) -> int:
    """On how many of its days the raw rows show it, far enough to be worth a warning."""
    name, of, first, last = alert.column_name, alert.slice_value, alert.since, alert.last
    if way == "new":
        # Each of the new ones: what is listed is that of the last window.
        there = bool(alert.fresh) and raw.fresh(name, of, first, last).issuperset(alert.fresh)
        return (last - first).days + 1 if there else 0
    if way == "NULLs":
        found = raw.missing(name, of, first, last) - raw.usually_missing(name, of)
        return int((found >= LEAST_NULLS).sum())
    if way == "mix":
        gained = raw.share(name, known.item, of, first, last) - raw.usual_share(
            name, known.item, of
        )
        return int((gained >= LEAST_GAIN).sum())
    figure = known.figure or name
    usual, unit = raw.usual(figure, of)
    apart = (raw.mean(figure, of, first, last) - usual) * (1 if way == "up" else -1)
    return int((apart >= LEAST * unit).sum())


def _figures(alert: Alert, way: Way, known: Sequence[tuple[Known, ...]], raw: RawDays) -> str:
    """The raw figures of its days beside the reference's, and on how many of them it is so."""
    name, of = alert.column_name, alert.slice_value
    first = next((one for of_month in known for one in of_month), None)
    if way == "mix":
        named = {one for of_month in known for one in of_month}
        part = _carried(alert, way, named, raw)
        listed = ", ".join(sorted({one.item for one in named}))
        return f"{listed}: {100 * part:.0f} % of what shares gained" if named else ""
    if way not in ("up", "down", "NULLs"):
        return ", ".join(alert.fresh) if way == "new" else ""
    days = (alert.last - alert.since).days + 1
    on = f"on {_days_so(alert, way, first, raw)} of {days} days" if first else "no reason"
    if way in ("up", "down"):
        means = f"{_mean(alert, raw):.4g} on average, {_usual(alert, raw)[0]:.4g} in the reference"
        what = f" ({first.figure})" if first and first.figure else ""
        return f"{means}, {LEAST:g} sd or more{what} {on}"
    most = float(np.nanmax(raw.missing(name, of, alert.since, alert.last)))
    usual = raw.usually_missing(name, of)
    return f"up to {100 * most:.1f} % NULL, {100 * usual:.1f} % in the reference, {on}"

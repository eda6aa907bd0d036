"""The flights demo's alerts against what is known of the year 2013.

A reason holds for some months and one direction, and only where the alert's own windows have the
figures that it claims; what has none is 'no reason known'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sparkdrift.demo.flights import WEATHER
from sparkdrift.demo.reasons import Alert, Held, Reason, Row, alerts_of, day_of
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
    """

    columns: tuple[str, ...]
    way: Way
    months: frozenset[int]
    why: str
    item: str = ""
    origins: frozenset[str] = frozenset()


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
          "in summer the same routes take less time: JFK to Los Angeles 311 to 330 min, not 340"),
    Known(("air_time",), "down", frozenset({3, 4, 11}),
          "LaGuardia to Atlanta takes 112 to 117 min, not 121", origins=frozenset({"LGA"})),
    Known(("air_time",), "up", frozenset({12}),
          "the slowest month: JFK to Los Angeles takes 347 min, not 340"),
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

NEW: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "carrier": {"EWR": frozenset({"VX", "OO"})},
    "dest": {
        "EWR": frozenset({"TVC", "ANC", "LGA", "SBN"}),
        "JFK": frozenset({"MKE", "IAH", "SDF", "ABQ", "ACK", "MVY", "BHM", "STL", "JAC"}),
        "LGA": frozenset({
            "CHO", "BGR", "ORF", "SYR", "CHS", "SDF", "DAY", "SAV", "BTV", "AVL", "OMA", "IND",
            "HOU", "DSM", "TVC", "MYR", "CAE", "GSP", "SBN", "ILM", "LEX",
        }),
        WHOLE: frozenset({
            "CHO", "BGR", "ABQ", "ACK", "MVY", "TVC", "ANC", "LGA", "SBN", "ILM", "LEX",
        }),
    },
}  # fmt: skip
"""What flew first after February, by column and origin."""


def flights_reasons(
    spec: MonitorSpec, alerts: Sequence[Row], values: Sequence[Row]
) -> list[Reason]:
    """Every alert with what is known of it; alerts and values: those of the overview."""
    zone = spec.timestamp.zone
    found = alerts_of(alerts, zone)
    own = {
        (row["column_name"], row["slice_key"], row["slice_value"], day_of(row["since"], zone)): row
        for row in values
    }
    return [
        _of_inputs(one, found)
        if one.column_name == INPUTS
        else one.because(*_held(one, own.get((one.column_name, *one.of, one.since))))
        for one in found
    ]


def _of_inputs(alert: Alert, found: Sequence[Alert]) -> Reason:
    """Of all inputs together: those of them that alert at the time."""
    names = sorted(
        {one.column_name for one in found if one.of == alert.of and one.overlaps(alert)} - {INPUTS}
    )
    if names:
        why = "a consequence of inputs that alert at the time"
        return alert.because("by consequence", why, ", ".join(names))
    return alert.because("not known", UNKNOWN)


def _held(alert: Alert, values: Row | None) -> tuple[Held, str, str]:
    """All that most of its windows show has to be known, and be so in its own figures."""
    told = [(way, _reason(alert, way, values)) for way in _ways(alert, values)]
    if values is None or not told or any(known is None for _, known in told):
        return "not known", UNKNOWN, "" if values is None else _figures(alert, values)
    why = "; ".join(known for _, known in told if known is not None)
    return "known", why, _figures(alert, values)


def _ways(alert: Alert, values: Row | None) -> list[Way]:
    """What an alert mostly shows. Rows outside the reference's range that are too few to move the
    others are on the side to which they pull the mean: a day of rain has mostly hours without."""
    ways: list[Way] = []
    if {"moved", "outside"} & set(alert.mainly):
        side = alert.shift
        pulls = None if values is None else _pulls(values)
        if "moved" not in alert.mainly and side is not None and pulls is not None:
            side = pulls
        ways.append("mix" if side is None else "up" if side > 0 else "down")
    if "silent" in alert.mainly:
        ways.append("NULLs")
    if "fresh" in alert.mainly:
        ways.append("new")
    return ways


def _pulls(values: Row) -> float | None:
    """By how much the mean is above the reference's; None where one of them is not known."""
    mean, usual = values["mean"], values["usual_mean"]
    return None if mean is None or usual is None else float(mean - usual)


def _reason(alert: Alert, way: Way, values: Row | None) -> str | None:
    """What is known of each of its months, in their order; None where one of them lacks it."""
    if values is None or not _is_so(alert, way, values):
        return None
    known = [_known(alert, way, month) for month in range(alert.since.month, alert.last.month + 1)]
    texts = [one.why for one in known if one is not None]
    return ", then ".join(dict.fromkeys(texts)) if len(texts) == len(known) else None


def _known(alert: Alert, way: Way, month: int) -> Known | None:
    for known in YEAR:
        fits = alert.column_name in known.columns and known.way == way and month in known.months
        there = not known.origins or alert.slice_value in known.origins
        if fits and there and (not known.item or alert.gains.get(known.item, 0.0) > 0):
            return known
    return None


def _is_so(alert: Alert, way: Way, values: Row) -> bool:
    """Whether the stored figures of the alert's windows say so too."""
    if way == "new":
        there = NEW.get(alert.column_name, {}).get(alert.slice_value or "", frozenset())
        return bool(alert.fresh) and there.issuperset(alert.fresh)
    if way == "NULLs":
        # Of its day with most of them: an alert lasts longer than what it is about.
        return bool(values["most_null_share"] > values["usual_null_share"])
    if way == "mix":
        return True
    if values["mean"] is None or values["usual_mean"] is None:
        return False
    return bool((values["mean"] > values["usual_mean"]) == (way == "up"))


def _figures(alert: Alert, values: Row) -> str:
    parts = []
    ways = _ways(alert, values)
    if ("up" in ways or "down" in ways) and None not in (values["mean"], values["usual_mean"]):
        parts.append(
            f"{values['mean']:.4g} on average, {values['usual_mean']:.4g} in the reference"
        )
    if "NULLs" in ways:
        shares = 100 * values["null_share"], 100 * values["usual_null_share"]
        text = f"{shares[0]:.1f} % NULL, {shares[1]:.1f} % in the reference"
        if shares[0] <= shares[1]:
            text += f", on one day {100 * values['most_null_share']:.1f} %"
        parts.append(text)
    if "new" in ways:
        parts.append(", ".join(alert.fresh))
    return "; ".join(parts)

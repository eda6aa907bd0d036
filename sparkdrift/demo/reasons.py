"""Each alert of a demo, and why it is right: what was planted, or what is known of that year.

What the page above them says comes from the tables alone; this is what it is held against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sparkdrift.demo.story import STORY, Planted
from sparkdrift.explain.signals import WHOLE
from sparkdrift.spec.policy import INPUTS

Row = Mapping[str, Any]
TOGETHER: Final = "all inputs together: those that moved, above and below"
NOT_PLANTED: Final = "nothing was planted here: a false alarm"


@dataclass(frozen=True)
class Reason:
    """Alerts of one column: since when, where ('all rows', a slice), and why they are right.

    since None: something was planted and raised none.
    """

    column_name: str
    since: date | None
    where: str
    why: str


def credit_reasons(
    verdicts: Sequence[Row], assumptions: Sequence[Row], begin: date, zone: str
) -> list[Reason]:
    """What was planted in the credit log, alert by alert; then what was planted and not found.

    verdicts and assumptions: those of the overview. begin: the log's first day.
    """
    found = [
        Reason(column, since, where, _planted(column, only, begin))
        for column, since, where, only in _alerts(verdicts, zone)
    ]
    told = {reason.column_name for reason in found}
    for line in STORY:
        if line.pair is not None:
            found.append(_pair(line, assumptions, begin, zone))
        elif line.kind in _NO_INPUT:
            found.append(Reason(line.column, None, "", f"{_words(line, begin)}: no input, so not "
                                "watched yet"))  # fmt: skip
        elif line.column not in told:
            found.append(Reason(line.column, None, "", f"{_words(line, begin)}: not found"))
    return found


_NO_INPUT: Final = ("override_rate", "concept_shift")
# The model's own output moves with what it is fed.
_FOLLOWS: Final = {"score": ("bureau_score", "income"), "priority": ("bureau_score", "income")}


def _planted(column: str, only: tuple[str, str] | None, begin: date) -> str:
    if column == INPUTS:
        return TOGETHER
    own = [line for line in STORY if line.column == column and line.pair is None]
    fitting = [line for line in own if line.only in (None, only)]
    if fitting:
        return "; then ".join(_words(line, begin) for line in fitting)
    moved = [name for name in _FOLLOWS.get(column, ()) if _moves(name, only)]
    return f"the model's output follows {' and '.join(moved)}" if moved else NOT_PLANTED


def _moves(name: str, only: tuple[str, str] | None) -> bool:
    return any(line.column == name and line.only in (None, only) for line in STORY)


def _words(line: Planted, begin: date) -> str:
    first = begin + timedelta(days=line.first_day)
    return f"planted from {first:%Y-%m-%d}: {line.what.split(';')[0]}"


def _pair(line: Planted, assumptions: Sequence[Row], begin: date, zone: str) -> Reason:
    names = {line.column, line.pair}
    for row in assumptions:
        if {row["column_name"], row["other_column"]} == names and row["violated_windows"]:
            return Reason(
                line.column, _day(row["since"], zone), f"with {line.pair}", _words(line, begin)
            )
    return Reason(line.column, None, f"with {line.pair}", f"{_words(line, begin)}: not found")


def flights_reasons(verdicts: Sequence[Row], zone: str) -> list[Reason]:
    """What is known of the year 2013, alert by alert."""
    return [
        Reason(column, since, where, YEAR.get(column, "not known"))
        for column, since, where, _ in _alerts(verdicts, zone)
    ]


YEAR: Final = {
    INPUTS: TOGETHER,
    "temp": "the reference is January and February: from April to November it is warmer",
    "dewp": "as temp: from April on the air holds more water than on any day of the reference",
    "humid": "dry days of April and May, wet ones of summer; NULL: hours that the file lacks",
    "precip": "days of rain, more of it than in the reference; NULL: the file ends on 30 December",
    "visib": "fog and rain; NULL: hours that the file lacks",
    "wind_speed": "NULL: hours that the file lacks, such as those of 25 October",
    "pressure": "highs above the reference's 1044 hPa; NULL: the file lacks pressure in rain",
    "dep_delay": "thunderstorms from May to August, and the days before Christmas",
    "arr_delay": "as dep_delay; in September and early October flights arrived early instead",
    "air_time": "flights to the west are shorter in summer, with less wind from there",
    "carrier": "ExpressJet (EV) grows at LaGuardia from 30 August, US Airways shrinks there",
    "dest": "routes that the first two months lack: CHS, BGR, DAY, HOU from LGA; MVY, ACK from JFK",
}


def _alerts(
    verdicts: Sequence[Row], zone: str
) -> list[tuple[str, date, str, tuple[str, str] | None]]:
    """(column, since, where, the one slice) of all alerts that stood, first the earliest.

    Slices of a column that alerts in all rows are told with it; else each tells itself.
    """
    by_column: dict[str, list[Row]] = {}
    slices = {(row["slice_key"], row["slice_value"]) for row in verdicts} - {(WHOLE, WHOLE)}
    for row in verdicts:
        if row["since"] is not None:
            by_column.setdefault(row["column_name"], []).append(row)
    found: list[tuple[str, date, str, tuple[str, str] | None]] = []
    for column, rows in by_column.items():
        own = [row for row in rows if row["slice_key"] == WHOLE]
        parts = [row for row in rows if row["slice_key"] != WHOLE]
        if own:
            where = f"all rows, and {len(parts)} of {len(slices)} slices" if slices else "all rows"
            found.append((column, _day(own[0]["since"], zone), where, None))
            continue
        for row in parts:
            value = "NULL" if row["slice_value"] is None else str(row["slice_value"])
            of = (row["slice_key"], value)
            found.append((column, _day(row["since"], zone), f"{of[0]} = {of[1]}", of))
    return sorted(found, key=lambda one: (one[1], one[0], one[2]))


def _day(instant: datetime, zone: str) -> date:
    return instant.astimezone(ZoneInfo(zone)).date()

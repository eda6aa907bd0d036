"""The credit demo's alerts against what was planted: column, slice, direction and interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np

from sparkdrift.demo.credit import CATEGORIES, DRIVERS, FEATURES, NEW_PRODUCT
from sparkdrift.demo.reasons import Alert, Held, Reason, Row, alerts_of, day_of
from sparkdrift.demo.story import STORY, Planted, planted_on
from sparkdrift.explain.signals import WHOLE
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.policy import INPUTS

FALSE: Final = "not planted: a false alarm"
_NO_INPUT: Final = ("override_rate", "concept_shift")
_OUTPUTS: Final = {"score": None, "priority": "true"}
# The score's logit has an sd of about 1.2 in the reference: a move below a tenth raises no alert.
_LEAST_MOVE: Final = 0.1
_LOGIT_SD: Final = 1.2
# What is planted accounts for an alert if it is at least this part of what the alert shows; the
# rest chance has added, where several slices are watched and the earliest is told.
_LEAST_PART: Final = 0.5


def credit_reasons(
    spec: MonitorSpec, alerts: Sequence[Row], assumptions: Sequence[Row], begin: date
) -> list[Reason]:
    """Every alert, and what was planted there; then what was planted and raised none.

    alerts, assumptions: those of the overview. begin: the log's first day.
    """
    zone = spec.timestamp.zone
    found = alerts_of(alerts, zone)
    reasons = [one.because(*_held(one, begin)) for one in found]
    reasons += _pairs(assumptions, begin, zone, spec.alerts.windows)
    for line in STORY:
        if line.pair is None and not any(_accounts(line, one, begin) for one in found):
            lost = "no input, so not watched yet" if line.kind in _NO_INPUT else "not found"
            reasons.append(_without_alert(line.column, f"{_words(line, begin)}: {lost}"))
    return reasons


def _without_alert(column: str, why: str) -> Reason:
    return Reason(column, WHOLE, WHOLE, None, None, 0, "", "not found", why)


def _held(alert: Alert, begin: date) -> tuple[Held, str]:
    if alert.column_name == INPUTS:
        return _of_inputs(alert, begin)
    if alert.column_name in _OUTPUTS:
        return _of_output(alert, begin)
    own = [line for line in STORY if line.column == alert.column_name and line.pair is None]
    here = [line for line in own if line.only in (None, alert.of)]
    active = [
        line for line in here if _runs(line, begin)[0] <= alert.since <= _runs(line, begin)[1]
    ]
    if any(_agrees(line, alert, begin) for line in active):
        return "planted", "; then ".join(
            _words(line, begin) for line in here if _accounts(line, alert, begin)
        )
    if active:
        told = f"{FALSE}, or a consequence; what is there goes another way, or not as far"
        return "not planted", f"{told} ({_words(active[0], begin)})"
    if here:
        return "not planted", f"{FALSE}; here only {_words(here[0], begin)}"
    if own:
        only = " = ".join(own[0].only or ())
        return "not planted", f"{FALSE}, or a consequence of {only} ({_words(own[0], begin)})"
    return "not planted", FALSE


def _runs(line: Planted, begin: date) -> tuple[date, date]:
    """First and last day of a line: until another one takes the column over."""
    later = [
        other.first_day
        for other in STORY
        if (other.column, other.only, other.pair) == (line.column, line.only, line.pair)
        and other.first_day > line.first_day
    ]
    first = begin + timedelta(days=line.first_day)
    return first, begin + timedelta(days=min(later) - 1) if later else date.max


def _accounts(line: Planted, alert: Alert, begin: date) -> bool:
    """Whether the line was at work while the alert stood, there, and as the alert shows it."""
    first, last = _runs(line, begin)
    there = line.column == alert.column_name and line.only in (None, alert.of)
    return there and first <= alert.last and alert.since <= last and _agrees(line, alert, begin)


def _agrees(line: Planted, alert: Alert, begin: date) -> bool:
    """Whether the alert shows what is planted on its days, in direction and size."""
    extent = float(planted_on(line.column, line.kind, _days_of(alert, begin)).mean())
    if line.kind == "new_category":
        return alert.shows("fresh") and set(alert.fresh) == {NEW_PRODUCT} and extent > 0
    if line.kind == "missing":
        return alert.shows("silent") and extent > 0
    if line.kind == "constant":
        driver = next(one for one in DRIVERS if one.column == line.column)
        extent = float(driver.standardised(np.array([line.size]))[0])
    return _explains(extent, alert)


def _explains(extent: float, alert: Alert) -> bool:
    """Whether a move by `extent` sd is enough for what the alert shows, which way it goes."""
    sign = 1 if extent > 0 else -1
    shift = abs(alert.shift or 0.0)
    return alert.moved(sign) and abs(extent) >= _LEAST_PART * shift


def _days_of(alert: Alert, begin: date) -> np.ndarray:
    """Its days, counted from the log's first."""
    return np.arange((alert.since - begin).days, (alert.last - begin).days + 1)


def _words(line: Planted, begin: date) -> str:
    first = begin + timedelta(days=line.first_day)
    worth = ""
    if line.material_day not in (None, line.first_day):
        worth = f", large enough to matter from {begin + timedelta(days=line.material_day):%m-%d}"
    return f"planted from {first:%Y-%m-%d}{worth}: {line.what.split(';')[0]}"


def _of_inputs(alert: Alert, begin: date) -> tuple[Held, str]:
    """All inputs together show what is planted in those that carry most of it."""
    first = {
        line.column: _runs(line, begin)[0]
        for line in reversed(STORY)
        if line.column in FEATURES and line.pair is None and line.only in (None, alert.of)
    }
    # What carries it is that of its last window; what it began with has to be there as well.
    began = any(day <= alert.since for day in first.values())
    planted = {column for column, day in first.items() if began and day <= alert.last}
    carried = sum(part for name, part in alert.parts.items() if name in planted)
    names = ", ".join(name for name in alert.parts if name in planted)
    if carried >= _LEAST_PART:
        return "by consequence", f"a consequence of what was planted by then in {names}"
    if names:
        return "not planted", f"{FALSE}, of which {names} carry {100 * carried:.0f} %"
    return "not planted", FALSE


def _of_output(alert: Alert, begin: date) -> tuple[Held, str]:
    """The model's output moves with what it is fed: its own formula says which way."""
    moves = dict(_moves(alert, _days_of(alert, begin)))
    together = sum(moves.values())
    sign = 1 if together > 0 else -1
    item = _OUTPUTS[alert.column_name]
    goes = (
        _explains(together / _LOGIT_SD, alert)
        if item is None
        else alert.gains.get(item, 0.0) * sign > 0
    )
    names = ", ".join(sorted(moves, key=lambda name: -abs(moves[name])))
    if abs(together) >= _LEAST_MOVE and goes:
        way = "up" if sign > 0 else "down"
        told = f"a consequence: by the model's formula, what was planted in {names} moves it {way}"
        return "by consequence", told
    if names:
        told = f"or a consequence of {names}, which move the score by {together:+.2f} of its logit"
        return "not planted", f"{FALSE}, {told}"
    return "not planted", FALSE


def _moves(alert: Alert, days: np.ndarray) -> Iterator[tuple[str, float]]:
    """By input of the model: what is planted in it adds to the score's logit, on average."""
    for driver in DRIVERS:
        move = 0.0
        for kind, only in {(one.kind, one.only) for one in STORY if one.column == driver.column}:
            extent = float(planted_on(driver.column, kind, days).mean())
            if kind == "constant" and extent:
                extent = float(driver.standardised(np.array([extent]))[0])
            if kind in ("constant", "slow_drift", "slice_shift"):
                move += driver.weight * extent * _part(only, alert.of)
        if move:
            yield driver.column, move


def _part(only: tuple[str, str] | None, of: tuple[str, str | None]) -> float:
    """The part of the alert's rows that a line concerns."""
    if only is None or only == of:
        return 1.0
    key, value = only
    return 0.0 if key == of[0] else CATEGORIES[key][value]


def _pairs(assumptions: Sequence[Row], begin: date, zone: str, least: int) -> Iterator[Reason]:
    """Pairs that move together in another way by now, and what was planted in pairs."""
    told = set()
    planted = {frozenset((line.column, line.pair)): line for line in STORY if line.pair}
    for row in assumptions:
        if not row["other_column"] or (row["violated_windows"] or 0) < least:
            continue
        names = frozenset((row["column_name"], row["other_column"]))
        line, since = planted.get(names), day_of(row["since"], zone)
        right = line is not None and since >= _runs(line, begin)[0]
        if right:
            told.add(names)
        yield Reason(
            *(row["column_name"], "with", row["other_column"], since, None),
            *(row["violated_windows"], row["reason"] or ""),
            "planted" if right else "not planted",
            _words(line, begin) if right and line is not None else FALSE,
        )
    for names, line in planted.items():
        if names not in told:
            why = f"{_words(line, begin)}: not found"
            yield _without_alert(f"{line.column} with {line.pair}", why)

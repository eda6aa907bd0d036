"""In which windows the dashboard is blind, and since when: from what each window's rows show.

The rule is `measures/blind_spot.py`; here rows become its evidence. An alert stands by m of n
windows, so that no single window turns the verdict; what was seen in one window alone is neither
an alert nor quiet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from sparkdrift.measures.arrays import floats
from sparkdrift.measures.blind_spot import (
    LEAST_POWER,
    SIGNALS,
    BlindSpot,
    Signal,
    blind_spot,
)
from sparkdrift.measures.density_ratio import DISTRUST_ESS
from sparkdrift.measures.intervals import Figure, power_to_tell
from sparkdrift.measures.persistence import standing

SCORE, FEATURES, RATE, PERFORMANCE = "score", "top features", "decision rate", "performance"
OPERATIONS = "operations"
_MEASURED = ("ok", "warning", "drifted")
_COUNTS = "alerting"


@dataclass(frozen=True)
class Shown:
    """A metric as the dashboard shows it: value and band, None where there is none.

    note: what is to be known of it besides, such as how old it is.
    """

    value: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def in_band(self) -> bool | None:
        """None without a value, or without a band; what is NaN is not there."""
        known = [one for one in (self.at_least, self.at_most) if one is not None]
        if self.value is None or not known or not np.isfinite([self.value, *known]).all():
            return None
        over = self.at_least is None or self.value >= self.at_least
        return over and (self.at_most is None or self.value <= self.at_most)


@dataclass(frozen=True)
class Moved:
    """Rows of one comparison of a window: of the score or of the features of top importance.

    rows, unmeasured: how many there are, and how many were not measured or have moved in a way
    that no alert stands for yet; power: the least, None where unknown; alerts: what stands,
    each in words; of: the comparison.
    """

    rows: int = 0
    unmeasured: int = 0
    power: float | None = None
    alerts: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True)
class Rate:
    """A row of the figure decision_rate."""

    status: str
    reason: str
    low: float | None = None
    high: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Operated:
    """A signal of the table `operations`. alerting: whether the window counts towards an alert,
    None where that is not known; suppressed: an alert calls nobody."""

    status: str
    reason: str
    alerting: bool | None = None
    power: float | None = None
    suppressed: bool = False


@dataclass(frozen=True)
class Evidence:
    """What is known of one window. score, features: by comparison; rates: by threshold;
    performance: (status, reason) by metric; ranked: whether the spec says which features are
    important; fresh: whether realised metrics rest on labels; distrust: the least ess_ratio;
    operations: by declared signal, None where the window has no row of it; decides: whether the
    model decides anything, which a regression does not."""

    start: datetime
    shown: Mapping[str, Shown] = field(default_factory=dict)
    score: Sequence[Moved] = ()
    features: Sequence[Moved] = ()
    ranked: bool = False
    rates: Mapping[str, Rate] = field(default_factory=dict)
    performance: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    fresh: bool = False
    ess_ratio: float | None = None
    distrust: float = DISTRUST_ESS
    operations: Mapping[str, Operated | None] = field(default_factory=dict)
    decides: bool = True


@dataclass(frozen=True)
class Turned:
    """The verdict of a window; since: of a red one, the first window of that run of red ones."""

    start: datetime
    verdict: str
    reason: str
    since: datetime | None = None


@dataclass(frozen=True)
class Persistence:
    """So many windows out of the last `of` measured ones."""

    windows: int = 2
    of: int = 3


def blind_spots(
    windows: Sequence[Evidence], drift: Persistence, degraded: Persistence, zone: str = "UTC"
) -> list[Turned]:
    """The verdict of each window of one evaluation set, in order of time.

    drift, degraded: from when on an alert of the decision rate or of a signal of operations, and
    of a metric, stands. zone: in which days are told.
    """
    days = [local_day(one.start, zone) for one in windows]
    told = [{name: (row.status, row.reason) for name, row in one.rates.items()} for one in windows]
    rates = _standing(days, told, "warning", drift)
    worse = _standing(days, [one.performance for one in windows], "degraded", degraded)
    operated = _standing(days, [_counting(one.operations) for one in windows], _COUNTS, drift)
    found: list[Turned] = []
    for one, *stands in zip(windows, rates, worse, operated, strict=True):
        verdict, reason = _judged(one, *stands)
        since = None
        if verdict == "red":
            last = found[-1] if found else None
            begun = last.since if last is not None and last.verdict == "red" else None
            since = begun or one.start
            day = local_day(since, zone)
            reason += f"; the dashboard should have turned in the window of {day}"
        found.append(Turned(one.start, verdict, reason, since))
    return found


def local_day(at: datetime, zone: str) -> str:
    """'2024-03-04': the day of an instant in a zone."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d}"


def reasons_of(reason: str) -> list[str]:
    """The reasons of a verdict one by one: what stands in parentheses is one reason's evidence."""
    parts, depth = [""], 0
    for i, character in enumerate(reason):
        depth = max(0, depth + (character == "(") - (character == ")"))
        if not depth and reason.startswith("; ", i):
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _standing(
    days: Sequence[str],
    windows: Sequence[Mapping[str, tuple[str, str]]],
    bad: str,
    rule: Persistence,
) -> list[dict[str, str]]:
    """For each window (status and reason by name) the names for which an alert stands, with the
    reason of the newest window that counts towards it, those of status `bad`; of an earlier window
    with its day, so that it is not taken for this one's, which may be fine."""
    found: list[dict[str, str]] = [{} for _ in windows]
    for name in sorted({name for one in windows for name in one}):
        rows = [one.get(name, ("", "")) for one in windows]
        series = [1.0 if one == bad else 0.0 if one == "ok" else np.nan for one, _ in rows]
        stands = standing(series, rule.windows, rule.of)
        newest = ("", "")
        for day, window, (status, reason), stood in zip(days, found, rows, stands, strict=True):
            newest = (day, reason) if status == bad else newest
            if stood:
                earlier = "" if newest[0] == day else f"in the window of {newest[0]}: "
                window[name] = earlier + newest[1]
    return found


def _counting(rows: Mapping[str, Operated | None]) -> dict[str, tuple[str, str]]:
    """Which signals count towards an alert in a window, as `_standing` takes them."""
    words = {True: _COUNTS, False: "ok", None: ""}
    return {
        name: (words[None if row.suppressed else row.alerting], row.reason)
        for name, row in rows.items()
        if row is not None
    }


def _judged(
    one: Evidence, rates: Mapping[str, str], worse: Mapping[str, str], operated: Mapping[str, str]
) -> tuple[str, str]:
    told = {
        SCORE: _of_moved(one.score),
        FEATURES: _of_features(one),
        OPERATIONS: _of_operations(one.operations, operated),
        RATE: _of_rates(one.rates, rates),
        PERFORMANCE: _of_performance(one.performance, worse),
    }
    signals = {name: signal for name, (signal, _) in told.items() if signal is not None}
    in_band = {name: shown.in_band for name, shown in one.shown.items()}
    wanted = [name for name in SIGNALS if one.decides or name != RATE]
    found = blind_spot(in_band, signals, one.fresh, one.ess_ratio, one.distrust, wanted)
    notes = {name: shown.note for name, shown in one.shown.items()}
    notes |= {name: text for name, (_, text) in told.items()}
    return found.verdict, _in_words(found, notes)


def _in_words(found: BlindSpot, evidence: Mapping[str, str]) -> str:
    """The reasons, each with what it rests on."""
    told = []
    for reason in found.reasons:
        name = reason.rpartition(": ")[2]
        text = evidence.get(name, "")
        told.append(f"{reason} ({text})" if text else reason)
    return "; ".join(told)


def _of_moved(rows: Sequence[Moved]) -> tuple[Signal | None, str]:
    """An alert of any comparison counts; quiet are all of them, or it is not known."""
    alerts = [text for one in rows for text in one.alerts]
    if alerts:
        return Signal(True), "; ".join(dict.fromkeys(alerts))
    if not any(one.rows for one in rows):
        return None, "held against nothing"
    lacking = [one.of for one in rows if not one.rows]
    if lacking:
        # One that was asked for and is not there might be the one that has moved.
        return Signal(None), f"without a row of: {', '.join(filter(None, lacking))}"
    unmeasured = sum(one.unmeasured for one in rows)
    if unmeasured:
        every = sum(one.rows for one in rows)
        text = f"{unmeasured} of {every} rows without a verdict, or moved in too few windows yet"
        return Signal(None), text
    powers = [one.power for one in rows]
    if any(one is None for one in powers):
        return Signal(False), ""
    return Signal(False, min(one for one in powers if one is not None)), ""


def _of_features(one: Evidence) -> tuple[Signal | None, str]:
    signal, text = _of_moved(one.features)
    if one.ranked or signal is None or signal.alerts:
        return signal, text
    # Which features matter is not known: then that none of them moved proves nothing.
    return Signal(None), "alerts.importance names none"


def _of_operations(
    rows: Mapping[str, Operated | None], stands: Mapping[str, str]
) -> tuple[Signal | None, str]:
    """Quiet are all declared signals, or it is not known."""
    called = {
        name: text
        for name, text in stands.items()
        if (row := rows.get(name)) is None or not row.suppressed
    }
    if called:
        return Signal(True), "; ".join(f"{name}: {text}" for name, text in called.items())
    if not rows:
        return None, "the spec declares no operations"
    powers = []
    for name, row in sorted(rows.items()):
        if row is None:
            return Signal(None), f"{name}: not counted in this window"
        if row.alerting:
            why = "suppressed" if row.suppressed else "moved in too few windows yet"
            return Signal(None), f"{name}: {why}"
        if row.alerting is None or row.status not in _MEASURED:
            return Signal(None), f"{name}: {row.reason or row.status}"
        powers.append(row.power)
    known = [one for one in powers if one is not None]
    return Signal(False, min(known) if len(known) == len(powers) else None), ""


def _of_rates(rows: Mapping[str, Rate], stands: Mapping[str, str]) -> tuple[Signal | None, str]:
    if stands:
        return Signal(True), "; ".join(stands.values())
    if not rows:
        return None, ""
    doubtful = [row for row in rows.values() if row.status != "ok"]
    if doubtful:
        moved = doubtful[0].status == "warning"
        text = "moved in too few windows yet" if moved else doubtful[0].reason
        return Signal(None), text
    return Signal(False, min(_power(row) for row in rows.values())), ""


def _power(row: Rate) -> float:
    """The chance to tell a change of the limit from none, by the width of the interval."""
    if row.low is None or row.high is None or row.limit is None:
        return float("nan")
    middle, low, high = map(floats, ((row.low + row.high) / 2, row.low, row.high))
    return power_to_tell(Figure(middle, low, high), row.limit)


def _of_performance(
    rows: Mapping[str, tuple[str, str]], stands: Mapping[str, str]
) -> tuple[Signal | None, str]:
    if stands:
        return Signal(True), "; ".join(f"{name}: {text}" for name, text in stands.items())
    if not rows:
        return None, ""
    doubtful = {name: row for name, row in rows.items() if row[0] != "ok"}
    if doubtful:
        name, (status, reason) = next(iter(sorted(doubtful.items())))
        text = "worse in too few windows yet" if status == "degraded" else reason
        return Signal(None), f"{name}: {text}"
    # A row says ok only where its rows would have shown a loss so often.
    return Signal(False, LEAST_POWER), ""

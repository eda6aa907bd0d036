"""The page of the demo `months`: the dashboard's band against what was really so, month by month.

Everything told comes from rows of the store and the dashboard's own table; the truth is read from
its file at the very end, to hold what was found against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sparkdrift.report.overview import Line
from sparkdrift.report.plain import day, plain
from sparkdrift.report.summary import section

Row = Mapping[str, Any]
# How the reason of a red window begins each of its alerts.
_ALERT: Final = "every metric in band, but alert: "
_WORST: Final = ("red", "amber", "green")
_STYLES: Final = {"red": "red", "amber": "yellow", "green": "green"}


@dataclass(frozen=True)
class Months:
    """What the page is made of, each in order of time.

    performance: rows of that table of all rows and the metric that the owner watches, with
    `window_end`; staleness: rows of `eval_staleness`; overrides: window_start and value;
    dashboard: time, value, limit; retire: what the owner said to do then. Only windows since `live`
    are told.
    """

    metric: str
    live: datetime
    label_delay: timedelta
    performance: Sequence[Row]
    staleness: Sequence[Row]
    overrides: Sequence[Row]
    dashboard: Sequence[Row]
    zone: str = "UTC"
    retire: str | None = None


@dataclass(frozen=True)
class Month:
    """One month: means over its windows, None where nothing is known.

    realised: over the labelled rows of mature windows; verdict: the worst blind spot; outside:
    how often the dashboard left its band.
    """

    name: str
    shown: float | None
    outside: int
    realised: float | None
    estimated: float | None
    overrides: float | None
    verdict: str | None


@dataclass(frozen=True)
class Since:
    """A window that is the first of its kind, why, and when that could be known."""

    begin: datetime
    known: datetime
    reason: str


def by_month(months: Months) -> list[Month]:
    """A line per month in which a window since going live begins."""
    names = dict.fromkeys(_month(one["window_start"]) for one in _live(months, months.performance))
    return [_told(months, name) for name in names]


def _told(months: Months, name: str) -> Month:
    def inside(rows: Sequence[Row], key: str = "window_start") -> list[Row]:
        return [one for one in _live(months, rows, key) if _month(one[key]) == name]

    performance = inside(months.performance)
    mature = [one for one in performance if one["mature"] and one["realised"] is not None]
    labelled = sum(one["labelled"] for one in mature)
    realised = sum(one["realised"] * one["labelled"] for one in mature)
    shown = inside(months.dashboard, "time")
    spots = {one["status"] for one in inside(months.staleness) if one["figure"] == "blind_spot"}
    return Month(
        name,
        _mean(shown, "value"),
        sum(one["value"] < one["limit"] for one in shown if one["limit"] is not None),
        realised / labelled if labelled else None,
        _mean(performance, "estimated"),
        _mean(inside(months.overrides), "value"),
        next((one for one in _WORST if one in spots), None),
    )


def first_red(months: Months) -> Since | None:
    """The first window since going live in which the dashboard was blind; None: there is none."""
    rows = [one for one in months.staleness if one["figure"] == "blind_spot"]
    found = [one for one in _live(months, rows) if one["status"] == "red"]
    if not found:
        return None
    # The window itself tells, unless it is its labels that do.
    row = found[0]
    return Since(row["window_start"], row["window_end"], row["reason"])


def first_degraded(months: Months) -> Since | None:
    """The first window since going live whose labels show a loss beyond what is tolerated."""
    for row in _live(months, months.performance):
        if row["status"] == "degraded":
            late = months.label_delay if row["mature"] else timedelta()
            return Since(row["window_start"], row["window_end"] + late, row["reason"])
    return None


def page(months: Months, truth: Mapping[str, Any] | None) -> RenderableType:
    """The whole page. truth: the document of `months_truth`, None: it is not told."""
    lines = by_month(months)
    heading = f"Month by month: {months.metric.replace('_', ' ')}"
    parts: list[RenderableType] = [Text(heading, style="bold"), Padding(_table(lines), (0, 2))]
    parts += section("When it showed", list(_when(months, lines)))
    parts += section("Why red, in its first window", list(_why(first_red(months))))
    parts += section("What went stale (newest window)", list(_stale(months)))
    if truth is not None:
        parts += section("Held against the truth, which no step reads", list(_held(months, truth)))
    return Group(*parts)


def _table(lines: Sequence[Month]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("month")
    for name in ("dashboard", "really", "expected", "overridden"):
        table.add_column(name, justify="right")
    table.add_column("blind spot")
    for one in lines:
        band = "" if one.shown is None else " in band" if not one.outside else " OUT"
        table.add_row(
            one.name,
            Text(f"{_percent(one.shown)}{band}"),
            Text("labels due" if one.realised is None else _percent(one.realised)),
            Text(_percent(one.estimated)),
            Text(_percent(one.overrides)),
            Text(one.verdict or "not measured", style=_STYLES.get(one.verdict or "", "")),
        )
    return table


def _when(months: Months, lines: Sequence[Month]) -> Iterator[Line]:
    out = sum(one.outside for one in lines)
    told = "never left its band" if not out else f"left its band {out} times"
    yield "the dashboard", "", told
    red = first_red(months)
    if red is None:
        yield "sparkdrift", "", "never red"
    else:
        names = ", ".join(name for name, _, _ in _why(red))
        told = f"red, known on {day(red.known, months.zone)}: in band, but alert: {names}"
        yield "sparkdrift", f"since {day(red.begin, months.zone)}", told
    yield (
        months.metric.replace("_", " "),
        *_since(first_degraded(months), "degraded", "never degraded", months.zone),
    )
    if months.retire is not None and first_degraded(months) is not None:
        yield "then", "", f"said before by the owner: {plain(months.retire)}"
    first = next((one for one in _live(months, months.performance) if one["concept_drift"]), None)
    if first is not None:
        yield (
            "concept drift",
            f"since {day(first['window_start'], months.zone)}",
            "what a score means has changed: labels show another figure than the scores let expect",
        )


def _why(red: Since | None) -> Iterator[Line]:
    """Each alert of a red window, with the first thing that it rests on."""
    for part in red.reason.split(_ALERT)[1:] if red else ():
        name, _, evidence = part.rstrip("; ").partition(" (")
        yield name, "", plain(evidence.split("; ")[0], lines=False)


def _since(found: Since | None, what: str, never: str, zone: str) -> tuple[str, str]:
    if found is None:
        return "", never
    known = day(found.known, zone)
    return f"since {day(found.begin, zone)}", f"{what}, known on {known}: {plain(found.reason)}"


def _stale(months: Months) -> Iterator[Line]:
    rows = [one for one in _live(months, months.staleness) if one["figure"] != "blind_spot"]
    newest = max((one["window_start"] for one in rows), default=None)
    for row in rows:
        if row["window_start"] == newest and row["status"] in ("warning", "drifted"):
            subject = "" if row["subject"] == "*" else row["subject"]
            yield row["figure"].replace("_", " "), subject, row["reason"]


def _held(months: Months, truth: Mapping[str, Any]) -> Iterator[Line]:
    weeks = truth["weeks"]
    last = weeks[-1]["accuracy"]
    yield "at the end", "", f"{_percent(last)} really, {_percent(truth['evaluated'])} evaluated"
    since = truth["significant"]
    if since is None:
        yield "accuracy", "", "never really worse by more than is tolerated"
    else:
        told = "really worse by more than is tolerated, as labels show once all of them are there"
        yield "accuracy", f"since {since}", told
    for name, found in (("red", first_red(months)), ("degraded", first_degraded(months))):
        if found is None:
            told = "never, rightly" if since is None else "never: missed"
        elif since is None:
            told = "a false alarm"
        else:
            told = delay(found, date.fromisoformat(since), months.zone)
        yield name, "", told


def delay(found: Since, significant: date, zone: str) -> str:
    """How many weeks before or after the week in which the loss became significant."""
    begun = date.fromisoformat(day(found.begin, zone)[:10])
    weeks = round((begun - significant).days / 7)
    if weeks == 0:
        return "from that very week on"
    return f"{abs(weeks)} week{'s' if abs(weeks) != 1 else ''} {'later' if weeks > 0 else 'before'}"


def _live(months: Months, rows: Sequence[Row], key: str = "window_start") -> list[Row]:
    return [one for one in rows if one[key] >= months.live]


def _month(at: datetime) -> str:
    return f"{at:%Y-%m}"


def _mean(rows: Sequence[Row], name: str) -> float | None:
    values = [one[name] for one in rows if one[name] is not None]
    return sum(values) / len(values) if values else None


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"

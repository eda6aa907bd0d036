"""The health of a model as lines of text: the verdict, why, and the path from rows to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sparkdrift.health.assessing import Health, Standing
from sparkdrift.health.events import Event
from sparkdrift.health.interest import why_no_interest
from sparkdrift.health.ledger import Debt
from sparkdrift.health.verdict import LEVEL_NAMES, Level
from sparkdrift.report.plain import day, named, plain

if TYPE_CHECKING:
    from sparkdrift.explain.debt_course import Course

MOST_REASONS = 5
BLIND_WITHOUT_ROWS = "blind: nothing is stored of this monitor; `sparkdrift run SPEC` judges it"


def verdict_line(standing: Standing, zone: str) -> str:
    """The verdict with its name and date, for the end of a run."""
    text = f"health: {standing.verdict}"
    if standing.severity is not None:
        text += f" ({standing.severity}) since {day(standing.since, zone)}"
    text += f", owner {plain(standing.owner)}"
    return text if standing.due is None else f"{text}, due {day(standing.due, zone)}"


def health_lines(
    health: Health, currency: str | None, zone: str, most: int | None = MOST_REASONS
) -> list[str]:
    """The verdict on the newest window, what it costs, and its weightiest reasons (None: all)."""
    judgement = health.judgement
    shown, seen = health.dashboard_status or "not known", health.blind_spot or "not measured"
    lines = [
        f"{verdict_line(health.standing, zone)}, confidence {judgement.confidence:.2f}",
        f"window of {day(health.window.start, zone)}; {_debts(health)}",
        f"the dashboard is {shown}, its blind spot {seen}",
    ]
    if health.cost_so_far is not None and judgement.severity is not None:
        lines.append(f"cost since then: {money(health.cost_so_far, currency)}")
    listed = judgement.reasons[:most]
    lines += [f"{one.weight:4.0%}  {one.kind}: {plain(one.reason)}" for one in listed]
    if left := len(judgement.reasons) - len(listed):
        lines.append(f"and {left} more: all of them by --why")
    if judgement.would_change:
        lines.append(f"what would change it: {judgement.would_change}")
    if health.escalation is not None and health.due is not None:
        lines.append(f"once overdue, it goes to {plain(health.escalation)}")
    return lines


def _debts(health: Health) -> str:
    text = named(len(health.debts), "open debt")
    return text if not health.debts else f"{text}, the oldest since {health.oldest_debt:%Y-%m-%d}"


def why_lines(health: Health) -> Iterator[str]:
    """From rows to the verdict: what each kind of evidence is at and by which rows, which rules."""
    yield "evidence, its level, how much of it was there, and the rows it rests on"
    for name, level in health.levels.items():
        yield from _level_lines(name, level)
    yield "rules that led to the verdict"
    for rule in health.judgement.rules or ("none holds: all that is asked for is ok",):
        yield f"  {rule}"


def _level_lines(name: str, level: Level) -> Iterator[str]:
    told = "not measured" if level.value is None else LEVEL_NAMES[level.value]
    why = f" ({plain(level.why)})" if level.why else ""
    yield f"  {name:<12} {told:<13} {level.measured:4.0%}{why}"
    for value, finding in level.findings:
        yield f"      {LEVEL_NAMES[value]}: {plain(finding.debt)}: {plain(finding.evidence)}"
        for row in finding.rows:
            yield f"        {plain(row)}"


def money(value: float, currency: str | None) -> str:
    return f"{value:,.0f} {currency or 'business units'}"


LISTED = ("debt", "kind", "severity", "status", "owner", "since", "due", "age", "interest")


def debt_line(debt: Debt, newest: Health, currency: str | None, zone: str) -> list[str]:
    """An open debt as cells of LISTED."""
    until = "" if debt.until is None else f" until {day(debt.until, zone)}"
    return [
        plain(debt.name),
        debt.finding.kind,
        debt.severity,
        debt.status + (until if debt.status == "waived" else ""),
        plain(debt.owner),
        day(debt.opened, zone),
        day(debt.due, zone),
        named((newest.window.end - debt.opened).days, "day"),
        interest(debt, currency),
    ]


def booked_line(debt: Debt, zone: str) -> str:
    """An open debt of a monitor of which no window is stored."""
    return (
        f"{plain(debt.name)} ({debt.severity}, {debt.status}), owner {plain(debt.owner)}, since "
        f"{day(debt.opened, zone)}, due {day(debt.due, zone)}: {plain(debt.finding.evidence)}"
    )


def by_interest(debts: Iterable[Debt]) -> list[Debt]:
    """The dearest first, and of debts without a price the ones due first."""
    return sorted(debts, key=lambda debt: (-(debt.interest or 0.0), debt.due))


def debt_facts(debts: Iterable[Debt]) -> list[dict[str, Any]]:
    """Open debts for --json and for Python."""
    return [
        {
            "debt": debt.name,
            "kind": debt.finding.kind,
            "severity": debt.severity,
            "status": debt.status,
            "until": debt.until,
            "owner": debt.owner,
            "opened": debt.opened,
            "last_seen": debt.last_seen,
            "due": debt.due,
            "windows": debt.windows,
            "interest": debt.interest,
            "interest_loss": debt.interest_loss,
            "interest_reason": None
            if (debt.interest, debt.interest_loss) != (None, None)
            else why_no_interest(debt.name, debt.finding.kind),
            "evidence": debt.finding.evidence,
            "evidence_keys": list(debt.finding.rows),
        }
        for debt in debts
    ]


def event_line(one: Event, zone: str) -> str:
    """One event in the life of a debt."""
    text = f"{one.seq}  {day(one.window_start, zone)}  {one.action} ({one.severity}, {one.owner})"
    text += "" if one.until is None else f" until {day(one.until, zone)}"
    return f"{text} by {plain(one.by)}: {plain(one.reason)}; {plain(one.evidence)}"


def debt_event_facts(events: Iterable[Event]) -> list[dict[str, Any]]:
    """The life of a debt, likewise."""
    return [
        {
            "seq": one.seq,
            "action": one.action,
            "window_start": one.window_start,
            "severity": one.severity,
            "owner": one.owner,
            "until": one.until,
            "by": one.by,
            "reason": one.reason,
            "evidence": one.evidence,
        }
        for one in events
    ]


def course_line(course: Course) -> str:
    """How a debt moves, in a line."""
    found = course.trend
    if found is None:
        return f"course: not measured, {course.reason}"
    unit = f" {course.unit}" if course.unit else ""
    slope = (
        f"{found.slope:+.3g}{unit} a window ({found.slope_low:+.3g} to {found.slope_high:+.3g}), "
        f"p = {found.p_value:.2g}, over {found.windows} windows"
    )
    if not course.stands_out:
        return f"course: no trend that stands out, {slope}"
    way = "rising" if found.slope > 0 else "falling"
    pace = {True: ", faster than before", False: ", slower than before", None: ""}[course.quickens]
    return f"course: {way}{pace}, {slope}"


def course_facts(course: Course) -> dict[str, Any]:
    """The same for programs; `reason` says why where nothing is known."""
    found = course.trend
    if found is None:
        return {"reason": course.reason}
    return {**asdict(found), "unit": course.unit, "quickens": course.quickens}


def interest(debt: Debt, currency: str | None) -> str:
    """What it cost while it was open; in points of the metric where it has no price."""
    if debt.interest is not None:
        return money(debt.interest, currency)
    if debt.interest_loss is not None:
        return f"{debt.interest_loss:.3g} of the metric"
    return why_no_interest(debt.name, debt.finding.kind)

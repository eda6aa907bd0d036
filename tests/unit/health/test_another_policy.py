"""Another policy is for windows to come: what was written under the one before it stands."""

from __future__ import annotations

from datetime import timedelta

import pytest
from health_rows import events_of, start, stored_of

from sparkdrift.health.events import Event
from sparkdrift.health.judged import Judged, judged
from sparkdrift.health.told import Told
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.models import MonitorSpec

TEXT = """\
monitor: m
owner: claims
source: {table: a.b}
timestamp: {column: t}
windows: {grain: week}
features: {numeric: [amount, age]}
policy: {needs: [data], %s}
"""
DRIFT = "drift of amount"
WEEKS = 12
FOUND = (1, 2, 3, 6, 7, 10, 11)
"""The weeks in which amount alerts: gone for two weeks in between, twice."""


def policy(text: str, more: str = "") -> MonitorSpec:
    return parse_spec(TEXT % text + more)


FIRST = policy("closes_after: 2")


def rows(weeks: int = WEEKS, found: tuple[int, ...] = FOUND, cost: float = 0.0) -> list[Told]:
    made = []
    for week in range(weeks):
        at = start(week)
        made.append(Told("m", "window", at, end=start(week + 1), count=5))
        both = '[["age","baseline","+"],["amount","baseline","+"]]'
        made.append(Told("m", "coverage", at, name="data", count=2, of=2, subject=both))
        if week in found:
            made.append(
                Told("m", "alert", at, name="amount", subject="baseline", grade="major", value=1.0)
            )
    return made


def of_drift(found: Judged) -> list[tuple[str, int]]:
    """The ledger's new events of the debt, with their weeks."""
    return [
        (one.action, (one.window_start - start(0)).days // 7)
        for one in found.entries
        if one.name == DRIFT
    ]


def after(found: Judged, spec: MonitorSpec, weeks: int = WEEKS) -> tuple[list[Told], list[Event]]:
    """What the store has then, by which the next look goes."""
    return [*rows(weeks), *stored_of(found, spec)], events_of(found)


def merged(stored: list[Told], found: Judged, spec: MonitorSpec) -> list[Told]:
    """Rows of `stored` with those that `found` wrote in their place."""
    due = {one.window.start for one in found.due}
    kept = [row for row in stored if row.part != "health" or row.start not in due]
    return kept + [row for row in stored_of(found, spec) if row.start in due]


def test_the_ledger_of_the_first_policy() -> None:
    assert of_drift(judged(FIRST, rows(), [])) == [
        *(("opened", 1), ("closed", 5), ("opened", 6), ("closed", 9), ("opened", 10))
    ]


OTHERS = {
    "closes later": policy("closes_after: 3"),
    "closes at once": policy("closes_after: 1"),
    "due at once": policy(
        "closes_after: 2, escalation: second, due: {major: 1 day, critical: 1 day}"
    ),
    "other rules": policy("closes_after: 2, rules: [{when: {data: minor}, verdict: retire}]"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_policy_takes_nothing_back(name: str) -> None:
    stored, events = after(judged(FIRST, rows(), []), FIRST)
    other = OTHERS[name]
    found = judged(other, stored, events)
    assert not [one for one in found.entries if one.window_start < start(WEEKS - 1)]
    assert not [one for one in found.entries if one.action == "corrected"]
    assert [one.window.start for one in found.due] == [start(WEEKS - 1)]
    # Settled after one look.
    again = judged(other, merged(stored, found, other), events_of(found))
    assert (again.due, again.entries) == ((), ())


def test_what_is_open_goes_on_by_the_new_policy() -> None:
    """Two windows without it would have closed it before; now three do."""
    weeks = WEEKS + 4
    stored, events = after(judged(FIRST, rows(), []), FIRST)
    later = OTHERS["closes later"]
    changed = judged(later, stored, events)
    stored = [*rows(weeks), *(r for r in merged(stored, changed, later) if r.part == "health")]
    found = judged(later, stored, events_of(changed))
    assert of_drift(found) == [("closed", WEEKS + 2)]
    (debt,) = (one for one in found.assessed.health[WEEKS].debts if one.name == DRIFT)
    assert debt.opened == start(10)
    assert (debt.windows, debt.gone, debt.last_seen) == (3, 1, start(11))


def test_an_open_debt_keeps_what_it_has_gathered() -> None:
    """As the books of one policy have it all along: since when, how long, whose, how dear."""
    stored, events = after(judged(FIRST, rows(), []), FIRST)
    same = policy("closes_after: 2, least: 0.4")
    was = judged(FIRST, rows(), []).assessed.health[-1].debts
    now = judged(same, stored, events).assessed.health[-1].debts
    assert DRIFT in {one.name for one in was}
    assert now == was


def test_what_is_overdue_by_the_new_policy_escalates_in_the_newest_window() -> None:
    stored, events = after(judged(FIRST, rows(), []), FIRST)
    found = judged(OTHERS["due at once"], stored, events)
    assert of_drift(found) == [("escalated", WEEKS - 1)]
    # So does what a second owner is declared for, by whatever policy.
    owned = policy("closes_after: 2, due: {major: 1 day, critical: 1 day}")
    stored, events = after(judged(owned, rows(), []), owned)
    second = policy(
        "closes_after: 2, due: {major: 1 day, critical: 1 day}", "model: {business_owner: head}\n"
    )
    found = judged(second, stored, events)
    assert of_drift(found) == [("escalated", WEEKS - 1)]
    alone = judged(owned, merged(stored, found, second), events_of(found))
    assert not [one for one in alone.entries if one.window_start < start(WEEKS - 1)]


def test_late_rows_are_judged_by_the_policy_of_now() -> None:
    """The rules of then are not known any more: what follows from other rows follows anew."""
    stored, events = after(judged(FIRST, rows(), []), FIRST)
    later = OTHERS["closes later"]
    changed = judged(later, stored, events)
    health = [row for row in merged(stored, changed, later) if row.part == "health"]
    late = [*rows(found=(1, 2, 3, 5, 6, 7, 10, 11)), *health]
    found = judged(later, late, events_of(changed))
    assert {one.window.start for one in found.due} == {start(week) for week in range(5, WEEKS)}
    assert of_drift(found) == [("corrected", 5)]


def test_back_to_the_policy_of_before() -> None:
    stored, events = after(judged(FIRST, rows(), []), FIRST)
    other = OTHERS["closes at once"]
    between = judged(other, stored, events)
    stored, events = merged(stored, between, other), events_of(between)
    more = [*stored, *rows(WEEKS + 1)[-2:]]
    found = judged(FIRST, more, events)
    assert [one.window.start for one in found.due] == [start(WEEKS)]
    assert of_drift(found) == []
    assert found.newest is not None
    assert found.newest.due is None or found.newest.due > start(WEEKS) - timedelta(days=365)

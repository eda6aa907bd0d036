"""A check that is taken out of a spec takes its rows along, and nothing of what they said."""

from __future__ import annotations

from health_rows import compared_window, events_of, start, stored_of

from sparkdrift.health.judged import judged
from sparkdrift.health.told import Told
from sparkdrift.spec.loading import parse_spec

TEXT = """\
monitor: m
owner: claims
source: {table: a.b}
timestamp: {column: t}
windows: {grain: week}
features: {numeric: [amount]}
model: {stage: shadow}
policy: {needs: [data]%s}
"""
SPEC = parse_spec(TEXT % "")
DEBT = "assumption range of amount"


def rows(weeks: int, *, assumed: bool, violated: tuple[int, ...] = (1, 2, 3)) -> list[Told]:
    made = []
    for week in range(weeks):
        at = start(week)
        made += compared_window(week)
        if assumed:
            told = '[["range","amount","+"]]'
            made.append(Told("m", "measured", at, name="assumption", subject=told))
        if assumed and week in violated:
            found = {"name": "range", "subject": "amount", "count": week}
            made.append(Told("m", "assumption", at, **found))
    return made


def test_a_check_that_leaves_the_spec_leaves_its_debt() -> None:
    before = judged(SPEC, rows(4, assumed=True), [])
    assert before.newest is not None
    (debt,) = before.newest.debts
    assert debt.name == DEBT
    stored, events = stored_of(before, SPEC), events_of(before)
    found = judged(SPEC, [*rows(6, assumed=False), *stored], events)
    assert not found.entries
    verdicts = [one.judgement.verdict for one in found.assessed.health]
    assert verdicts == [one.judgement.verdict for one in before.assessed.health] + ["watch"] * 2
    assert found.newest is not None
    (left,) = found.newest.debts
    assert (left.name, left.opened, left.severity) == (DEBT, debt.opened, debt.severity)
    assert left.finding.evidence.endswith("; no row tells of it any more")
    settled = [*rows(6, assumed=False), *stored_of(found, SPEC)]
    again = judged(SPEC, settled, events_of(found))
    assert (again.entries, again.due) == ((), ())
    # Said to be over, it closes, once, and the model is healthy again.
    told = parse_spec(TEXT % f", not_expected: [{DEBT}]")
    over = judged(told, settled, events_of(found))
    assert [(one.action, one.window_start) for one in over.entries] == [("closed", start(5))]
    assert over.newest is not None
    assert over.newest.judgement.verdict == "healthy"
    later = [*rows(7, assumed=False), *stored_of(over, told)]
    after = judged(told, later, events_of(over))
    assert not after.entries
    assert after.newest is not None
    assert after.newest.judgement.verdict == "healthy"


def test_what_closed_before_its_check_left_the_spec_stays_closed() -> None:
    before = judged(SPEC, rows(7, assumed=True), [])
    assert [one.action for one in before.entries] == ["opened", "seen", "closed"]
    stored, events = stored_of(before, SPEC), events_of(before)
    found = judged(SPEC, [*rows(8, assumed=False), *stored], events)
    assert not found.entries
    assert found.newest is not None
    assert (found.newest.debts, found.newest.judgement.verdict) == ((), "healthy")
    assert [bool(one.debts) for one in found.assessed.health] == [
        bool(one.debts) for one in before.assessed.health
    ] + [False]


def test_what_rows_tell_otherwise_now_is_corrected() -> None:
    before = judged(SPEC, rows(4, assumed=True), [])
    stored, events = stored_of(before, SPEC), events_of(before)
    found = judged(SPEC, [*rows(4, assumed=True, violated=()), *stored], events)
    assert [one.action for one in found.entries] == ["corrected"]

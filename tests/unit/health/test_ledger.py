"""Each kind of debt opens, ages, escalates, is waived, expires and closes."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from health_rows import DEBT_OF, WEEK, evidence, finding, start, terms, waived

from sparkdrift.health.assessing import Model, assess
from sparkdrift.health.events import (
    CORRECTED,
    Event,
    OpenDebts,
    decisions,
    missing,
    standing,
)
from sparkdrift.health.evidence import Decision
from sparkdrift.health.findings import KINDS, SEVERITIES
from sparkdrift.health.interest import why_no_interest
from sparkdrift.health.ledger import FORCED, LEDGER, RETIRED, Entry, keep
from sparkdrift.spark.debt_views import DEBTS
from sparkdrift.spec.health_policy import EVIDENCE, VERDICTS, Due, Policy

SEED = 811


def course(weeks, decided=(), counted=(1, 1), **more):
    """(what the ledger wrote as (week, action), the books of each week)."""
    books = list(keep(weeks, decided, terms(counted, **more)))
    entries = [one for own in books for one in own.entries]
    return [(round((one.window_start - start(0)).days / 7), one.action) for one in entries], books


@pytest.mark.parametrize("kind", KINDS)
def test_a_life(kind) -> None:
    """It opens in week 1, is major and due 30 days later, is waived in week 8 until the end of
    week 10, and gone from week 14 on."""
    debt = DEBT_OF[kind]
    weeks = [
        evidence(w, *([finding(debt, kind, w, since=1)] if 1 <= w < 14 else [])) for w in range(18)
    ]
    written, books = course(weeks, [waived(debt, 8, until=11)])
    assert written == [(1, "opened"), (6, "escalated"), (11, "reopened"), (15, "closed")]
    assert not books[0].debts
    assert [books[w].debts[debt].owner for w in (5, 6)] == ["owner", "second"]
    assert [books[w].debts[debt].status for w in (7, 8, 10, 11)] == [
        *("open", "waived", "waived", "open")
    ]
    assert books[8].debts[debt].counts_as == "minor"
    assert books[13].debts[debt].windows == 13
    assert books[14].debts[debt].last_seen == start(13)
    assert not books[15].debts


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_waived_does_not_escalate_until_it_expires(kind) -> None:
    debt = DEBT_OF[kind]
    weeks = [evidence(w, finding(debt, kind, w, since=0)) for w in range(12)]
    written, books = course(weeks, [waived(debt, 1, until=9)])
    assert written == [(0, "opened"), (9, "reopened"), (9, "escalated")]
    assert books[11].debts[debt].escalated


def test_nobody_is_told_where_nobody_is_declared() -> None:
    weeks = [evidence(w, finding("drift of x", "data", w)) for w in range(12)]
    assert course(weeks, escalation=None)[0] == [(0, "opened")]


def test_a_window_that_was_not_measured_opens_and_closes_nothing() -> None:
    gone = {2, 3, 4, 5, 7, 8, 9}
    weeks = [
        evidence(
            w,
            *([finding("drift of x", "data", w)] if w < 2 else []),
            unmeasured=["data"] if w in gone else [],
        )
        for w in range(12)
    ]
    # Gone in the measured weeks 6 and 10.
    assert course(weeks, escalation=None)[0] == [(0, "opened"), (10, "closed")]


def test_a_debt_stays_while_its_own_subject_is_not_measured() -> None:
    """Its column vanished, or its alert is suppressed: other columns say nothing of it."""
    weeks = [
        evidence(
            w,
            *([finding("drift of x", "data", w)] if w < 2 else []),
            lost=["drift of x"] if 2 <= w < 8 else [],
        )
        for w in range(10)
    ]
    written, books = course(weeks, escalation=None)
    assert written == [(0, "opened"), (9, "closed")]
    assert books[7].debts["drift of x"].gone == 0
    # Found after all, as a slice of it may be: that counts.
    weeks[5] = replace(weeks[5], findings=(finding("drift of x", "data", 5, severity="critical"),))
    assert course(weeks, escalation=None)[0][1] == (5, "seen")


def test_a_waiver_covers_what_was_waived_and_nothing_worse() -> None:
    grades = ["minor", "minor", "critical", "minor", "minor", "critical"]
    weeks = [evidence(w, finding("x", "data", w, severity=one)) for w, one in enumerate(grades)]
    said = replace(waived("x", 1, until=40), severity="minor")
    written, books = course(weeks, [said], escalation=None)
    assert written == [
        (0, "opened"), (2, "seen"), (2, "reopened"), (4, "seen"), (5, "seen")
    ]  # fmt: skip
    told = ["minor", "minor", "critical", "critical", "minor", "critical"]
    assert [one.debts["x"].counts_as for one in books] == told
    # As it was when it was waived, where the event does not say.
    silent = course(weeks, [replace(said, severity=None)], escalation=None)
    assert silent[0] == written
    critical = [waived("x", 2, until=40)]
    assert course(weeks, critical)[1][5].debts["x"].counts_as == "minor"


def test_a_milder_window_is_no_better_than_one_without() -> None:
    """Severity falls as a debt closes: after so many windows in a row, to the worst of them."""

    def told(*grades: str | None) -> list[str | None]:
        weeks = [
            evidence(w, *([finding("x", "data", w, severity=one)] if one else []))
            for w, one in enumerate(grades)
        ]
        books = course(weeks, escalation=None)[1]
        return [one.debts["x"].severity if "x" in one.debts else None for one in books]

    assert told("critical", "minor", None) == ["critical", "critical", "minor"]
    assert told("critical", None, "minor") == ["critical", "critical", "minor"]
    assert told("critical", None, None) == ["critical", "critical", None]
    assert told("critical", "minor", "major", "minor", None) == [
        "critical", "critical", "major", "major", "minor"
    ]  # fmt: skip


def test_no_window_is_better_for_worse_evidence() -> None:
    """Of any debts and windows, one finding made worse: no verdict on any window is lighter."""
    rng = random.Random(SEED)
    names = {
        "performance of a": "evaluation", "evaluation of l: x": "evaluation", "drift of a": "data",
        "features: encoding of a": "feature", "blind dashboard": "evaluation",
    }  # fmt: skip

    def ranks(course: list[dict[str, int]]) -> list[int]:
        weeks = [
            evidence(w, *(
                finding(name, names[name], w, SEVERITIES[grade - 1])
                for name, grade in own.items() if grade
            ))
            for w, own in enumerate(course)
        ]  # fmt: skip
        model = Model("m", "o", Policy(), frozenset(EVIDENCE))
        return [VERDICTS.index(one.judgement.verdict) for one in assess(model, weeks, []).health]

    for turn in range(300):
        course = [{name: rng.choice((0, 0, 1, 2, 3)) for name in names} for _ in range(7)]
        at, name = rng.randrange(7), rng.choice(list(names))
        if course[at][name] == 3:
            continue
        worse = [dict(one) for one in course]
        worse[at][name] = rng.randrange(course[at][name] + 1, 4)
        pairs = zip(ranks(course), ranks(worse), strict=True)
        assert all(before <= after for before, after in pairs), f"seed {SEED}, turn {turn}"


def test_that_somebody_looked_at_it_does_not_end_a_waiver() -> None:
    weeks = [evidence(w, finding("x", "data", w)) for w in range(8)]
    looked = Decision("x", 91, "acknowledged", start(2))
    written, books = course(weeks, [waived("x", 1, until=5), looked], escalation=None)
    assert written == [(0, "opened"), (5, "reopened")]
    assert [one.debts["x"].status for one in books[1:6]] == [*["waived"] * 4, "open"]
    events = [
        Event("x", 1, "data", "opened", start(0), "owner", "major"),
        Event("x", 2, "data", "waived", start(1), "owner", "major", until=start(5)),
        Event("x", 3, "data", "acknowledged", start(2), "owner", "major"),
    ]
    before = OpenDebts(events, Due(), lambda at: at + WEEK).before(start(3))["x"]
    assert (before.status, before.until) == ("waived", start(5))


def test_a_waiver_covers_what_comes_back_within_it() -> None:
    there = (0, 1, 5, 6, 9, 14)
    weeks = [evidence(w, *([finding("x", "data", w)] if w in there else [])) for w in range(15)]
    said = replace(waived("x", 1, until=8), severity="major")
    written, books = course(weeks, [said], escalation=None)
    status = {w: books[w].debts["x"].status for w in there}
    assert status == {0: "open", 1: "waived", 5: "waived", 6: "waived", 9: "open", 14: "open"}
    assert (7, "reopened") not in written
    worse = replace(said, severity="minor")
    assert course(weeks, [worse], escalation=None)[1][5].debts["x"].status == "open"


def test_what_was_decided_before_rows_were_pruned_counts_once() -> None:
    """It was given away in week 1 and went to the second in week 6, whose it stays."""
    weeks = [evidence(w, finding("x", "data", w, since=0)) for w in range(10)]
    events = stored(missing(followed(weeks, []), [], start(0)), [])
    events.append(Event("x", 3, "data", "assigned", start(1), "else", "major"))
    assert list(keep(weeks, decisions(events), terms()))[9].debts["x"].owner == "second"
    before = OpenDebts(events, Due(), lambda at: at + WEEK).before(start(8))
    after = list(keep(weeks[8:], decisions(events), terms(), before))
    assert after[-1].debts["x"].owner == "second"


def test_whose_work_it_is_owes_it() -> None:
    due = finding("overdue retraining", "ownership", 0, owner="science")
    _, (books,) = course([evidence(0, due)])
    assert books.debts["overdue retraining"].owner == "science"
    assert books.entries[0].owner == "science"


def test_a_waiver_of_before_goes_on_with_the_severity_that_it_was_given_at() -> None:
    said = Event("x", 2, "data", "waived", start(1), "owner", "minor", until=start(40))
    events = [Event("x", 1, "data", "opened", start(0), "owner", "minor"), said]
    before = OpenDebts(events, Due(), lambda at: at + WEEK).before(start(2))
    assert before["x"].waived_as == "minor"
    week = evidence(2, finding("x", "data", 2, severity="critical"))
    (books,) = keep([week], [], terms(), before)
    assert [one.action for one in books.entries] == ["seen", "reopened"]


def test_what_does_not_persist_is_told_and_is_no_debt() -> None:
    weeks = [
        evidence(w, *([finding("feature x", "feature", w)] if w in (1, 5, 6) else []))
        for w in range(8)
    ]
    written, books = course(weeks, counted=(2, 3))
    assert written == [(6, "opened")]
    assert [bool(one.passing) for one in books] == [w in (1, 5) for w in range(8)]
    assert books[1].passing[0].severity == "minor"


def test_a_debt_closes_by_the_windows_without_it_however_long_it_has_to_persist() -> None:
    weeks = [
        evidence(w, *([finding("feature x", "feature", w)] if w < 6 else [])) for w in range(12)
    ]
    for counted in ((1, 1), (2, 3), (3, 5)):
        written, books = course(weeks, counted=counted, escalation=None)
        assert written == [(counted[0] - 1, "opened"), (7, "closed")], counted
        assert [w for w, one in enumerate(books) if one.debts] == list(range(counted[0] - 1, 7))


def test_severity_is_what_enough_windows_reach() -> None:
    grades = ["minor", "critical", "major", "major", "critical", "critical"]
    weeks = [
        evidence(w, finding("feature x", "feature", w, severity=one))
        for w, one in enumerate(grades)
    ]
    written, books = course(weeks, counted=(2, 3))
    assert written == [(1, "opened"), (2, "seen"), (5, "seen")]
    assert [one.debts["feature x"].severity for one in books[1:]] == [
        *("minor", "major", "major", "major", "critical")
    ]


def test_what_becomes_worse_is_due_earlier() -> None:
    grades = ["minor", "minor", "critical", "minor", "minor"]
    weeks = [
        evidence(w, finding("drift of x", "data", w, severity=one)) for w, one in enumerate(grades)
    ]
    due = [one.debts["drift of x"].due for one in course(weeks)[1]]
    limits = Due()
    assert due[:2] == [start(1) + limits.minor] * 2
    assert due[2:] == [start(3) + limits.critical] * 3


def test_cost_adds_up_and_a_doubled_one_is_an_event() -> None:
    costs = [100.0, 150.0, None, 210.0, 215.0]
    weeks = [
        evidence(w, finding("performance of accuracy", "evaluation", w, cost=one, loss=0.01))
        for w, one in enumerate(costs)
    ]
    written, books = course(weeks, escalation=None)
    assert written == [(0, "opened"), (3, "seen")]
    assert [one.debts["performance of accuracy"].interest for one in books] == [
        *(100.0, 250.0, 250.0, 460.0, 675.0)
    ]
    assert books[-1].debts["performance of accuracy"].interest_loss == pytest.approx(0.05)
    assert course([evidence(0, finding("x", "data", 0))])[1][0].debts["x"].interest is None


def test_what_came_back_is_opened_anew() -> None:
    weeks = [
        evidence(w, *([finding("drift of x", "data", w)] if w in (0, 5) else [])) for w in range(6)
    ]
    written, books = course(weeks)
    assert written == [(0, "opened"), (2, "closed"), (5, "opened")]
    assert books[5].debts["drift of x"].opened == start(5)


def test_an_answer_is_of_the_debt_that_is_open_then() -> None:
    weeks = [
        evidence(w, *([finding("drift of x", "data", w)] if w in (0, 5) else [])) for w in range(7)
    ]
    late = [
        Decision("drift of x", 2, "assigned", start(3), owner="else"),
        Decision("never heard of", 1, "acknowledged", start(1)),
    ]
    assert course(weeks, late)[1][5].debts["drift of x"].owner == "owner"
    now = [Decision("drift of x", 4, "assigned", start(5), owner="else")]
    assert course(weeks, now)[1][6].debts["drift of x"].owner == "else"
    known = [Decision("drift of x", 4, "acknowledged", start(5))]
    assert course(weeks, known)[1][6].debts["drift of x"].status == "acknowledged"


def stored(entries: list[Entry], events: list[Event]) -> list[Event]:
    """The events after these entries were written."""
    numbers: dict[str, int] = {}
    for event in events:
        numbers[event.debt] = max(numbers.get(event.debt, 0), event.seq)
    found = list(events)
    for one in entries:
        numbers[one.name] = numbers.get(one.name, 0) + 1
        found.append(
            Event(
                one.name,
                numbers[one.name],
                one.finding.kind,
                one.action,
                one.window_start,
                one.owner,
                one.finding.severity,
                reason=one.reason,
                evidence=one.finding.evidence,
                cost=one.finding.cost,
                by=LEDGER,
            )
        )
    return found


def followed(weeks, events, before=None) -> list[Entry]:
    return [
        entry for own in keep(weeks, decisions(events), terms(), before) for entry in own.entries
    ]


def test_a_second_look_adds_nothing() -> None:
    weeks = [evidence(w, finding("drift of x", "data", w, since=0)) for w in range(9)]
    first = missing(followed(weeks, []), [], start(0))
    events = stored(first, [])
    assert [one.action for one in first] == ["opened", "escalated"]
    assert missing(followed(weeks, events), events, start(0)) == []


def test_a_crash_between_two_events_is_made_good() -> None:
    weeks = [evidence(w, finding("drift of x", "data", w, since=0)) for w in range(9)]
    every = missing(followed(weeks, []), [], start(0))
    half = stored(every[:1], [])
    assert missing(followed(weeks, half), half, start(0)) == every[1:]


def test_late_rows_take_back_what_they_contradict_and_no_more() -> None:
    """Found from week 3 on; later rows say that it was there from week 1 on, then never."""
    weeks = [evidence(w, *([finding("x", "data", w)] if w >= 3 else [])) for w in range(5)]
    events = stored(missing(followed(weeks, []), [], start(0)), [])
    events.append(
        Event("x", 2, "data", "waived", start(4), "owner", "major", until=start(40), by="tests")
    )
    late = [evidence(w, *([finding("x", "data", w)] if w >= 1 else [])) for w in range(5)]
    more = missing(followed(late, events), events, start(0))
    assert [(one.action, one.window_start) for one in more] == [
        (CORRECTED, start(1)),
        ("opened", start(1)),
    ]
    assert "2025-01-27, now opened (major) in that of 2025-01-13" in more[0].reason
    events = stored(more, events)
    assert [one.action for one in standing(events)["x"]] == ["opened", "waived"]
    assert missing(followed(late, events), events, start(0)) == []
    never = [evidence(w) for w in range(5)]
    more = missing(followed(never, events), events, start(0))
    assert [one.action for one in more] == [CORRECTED]
    events = stored(more, events)
    assert [one.action for one in standing(events)["x"]] == ["waived"]
    assert missing(followed(never, events), events, start(0)) == []


def test_what_opens_a_forced_version_is_not_written_twice() -> None:
    """References write when it opens and closes; the ledger that it is overdue."""
    name = f"{FORCED}baseline/baseline version 2"
    opened = Event(name, 1, "data", "opened", start(0), "owner", "major")
    weeks = [evidence(w, finding(name, "data", w)) for w in range(9)]
    more = missing(followed(weeks, [opened]), [opened], start(0))
    assert [one.action for one in more] == ["escalated"]
    events = stored(more, [opened])
    assert missing(followed(weeks, events), events, start(0)) == []
    assert missing(followed([evidence(0)], events), events, start(0))[0].action == CORRECTED


def test_what_is_found_of_a_retired_model_is_the_ledgers_to_close_and_not_to_take_back() -> None:
    elsewhere = Event(RETIRED, 1, "ownership", "opened", start(1), "o", "critical", by="sparkdrift")
    weeks = [evidence(w, *([finding(RETIRED, "ownership", w)] if w == 1 else [])) for w in range(5)]
    more = missing(followed(weeks, [elsewhere]), [elsewhere], start(0))
    assert [one.action for one in more] == ["opened", "closed"]
    events = stored(more, [elsewhere])
    assert missing(followed(weeks, events), events, start(0)) == []
    never = [evidence(w) for w in range(5)]
    events = stored(missing(followed(never, events), events, start(0)), events)
    assert standing(events)[RETIRED] == [elsewhere]


def test_windows_whose_rows_are_gone_leave_their_debts() -> None:
    """Pruned weeks 0 to 3: what was open goes on, due as it was, and nothing is corrected."""
    weeks = [evidence(w, finding("x", "data", w, since=0)) for w in range(9)]
    events = stored(missing(followed(weeks, []), [], start(0)), [])
    events.append(Event("x", 3, "data", "assigned", start(2), "else", "major"))
    before = OpenDebts(events, Due(), lambda at: at + WEEK).before(start(4))
    assert before["x"].owner == "else"
    assert before["x"].due == start(1) + Due().major
    assert missing(followed(weeks[4:], events, before), events, start(4)) == []
    assert OpenDebts(events, Due(), lambda at: at + WEEK).before(start(0)) == {}


def random_weeks(rng: random.Random, count: int):
    names = [(DEBT_OF[kind], kind) for kind in KINDS]
    weeks = []
    for w in range(count):
        found = [
            finding(name, kind, w, severity=rng.choice(("minor", "major", "critical")))
            for name, kind in names
            if rng.random() < 0.5
        ]
        weeks.append(evidence(w, *found, unmeasured=[k for _, k in names if rng.random() < 0.2]))
    return weeks


def test_any_change_of_rows_ends_in_the_ledger_that_these_rows_alone_make() -> None:
    """Histories that are changed anywhere, again and again, with decisions in between."""
    rng = random.Random(SEED)
    for turn in range(60):
        weeks, events = random_weeks(rng, 12), list[Event]()
        for change in range(4):
            about = f"seed {SEED}, turn {turn}, change {change}"
            events = stored(missing(followed(weeks, events), events, start(0)), events)
            assert missing(followed(weeks, events), events, start(0)) == [], about
            have = [
                (one.debt, *one.told)
                for own in standing(events).values()
                for one in own
                if one.action not in ("waived", "acknowledged", "assigned")
            ]
            wanted = [(one.name, *one.told) for one in followed(weeks, events)]
            assert sorted(have) == sorted(wanted), about
            at = rng.randrange(12)
            weeks[at] = replace(random_weeks(rng, 12)[at])
            if events and rng.random() < 0.7:
                one = rng.choice(events)
                last = max(e.seq for e in events if e.debt == one.debt)
                until = start(rng.randrange(12)) + timedelta(hours=1)
                said = Event(one.debt, last + 1, one.kind, "waived", start(rng.randrange(12)), "o",
                             "minor", until=until)  # fmt: skip
                events.append(said)


def test_a_debt_without_interest_says_why_as_the_view_does() -> None:
    told = {
        "performance of accuracy": why_no_interest("performance of accuracy", "evaluation"),
        "no monitor": why_no_interest("no monitor", "ownership"),
        **{DEBT_OF[kind]: why_no_interest(DEBT_OF[kind], kind) for kind in ("data", "feature")},
    }
    assert len(set(told.values())) == 3
    assert all(one.startswith("not measured") and f"'{one}'" in DEBTS for one in told.values())


def test_the_view_goes_by_the_default_due_dates_of_declared_models() -> None:
    """From the end of the day on which a debt opened, as `health/declared.py` has it."""
    days = {severity: Due().of(severity).days + 1 for severity in SEVERITIES}
    told = " ".join(DEBTS.split())
    assert (
        f"WHEN 'critical' THEN INTERVAL '{days['critical']}' DAY WHEN 'major' THEN INTERVAL"
        f" '{days['major']}' DAY ELSE INTERVAL '{days['minor']}' DAY END"
    ) in told

"""Rows become findings, and the same rows, in any order, the same verdicts."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from health_rows import events_of, start, stored_of, window

from sparkdrift.health.events import Event
from sparkdrift.health.gathering import windows_of
from sparkdrift.health.judged import judged, model_of
from sparkdrift.health.ledger import RETIRED
from sparkdrift.health.told import Told
from sparkdrift.spec.digests import health_hash
from sparkdrift.spec.health_policy import VERDICTS
from sparkdrift.spec.loading import parse_spec

SEED = 1105
TEXT = """\
monitor: m
owner: claims
source: {table: a.b}
timestamp: {column: t}
windows: {grain: week}
features: {numeric: [amount, age]}
prediction: {key: id, score: s, label: y, label_delay: 7 days}
evaluation:
  sets: {launch: {table: a.launch}}
  thresholds: {approve: {value: 0.5}}
  dashboard: {metrics: {accuracy: {at_least: 0.8}}}
feedback: {shaped: d = 1}
degraded: {metric: accuracy, tolerated_loss: 0.05, value_per_point: 100, currency: EUR}
policy: {escalation: head of claims}
"""
SPEC = parse_spec(TEXT)


def told(part: str, week: int = 0, **more) -> Told:
    return Told("m", part, start(week), **more)


def one(row: Told):
    (found,) = windows_of([told("window", end=start(1)), row])[0].findings
    return found


FINDINGS = [
    (
        told("alert", name="amount", subject="baseline", grade="critical", count=2, value=1.5,
             limit=4.0, since=start(-3)),
        ("drift of amount", "data", "critical"),
        "amount alerts against baseline and in 2 slices, effect 1.50 sd, for 4 windows",
    ),
    (
        told("alert", name="amount", subject="baseline", grade="major", count=0, value=0.0,
             moved="NULLs went up by 12.5 points"),
        ("drift of amount", "data", "major"),
        "amount alerts against baseline, NULLs went up by 12.5 points, for 1 window",
    ),
    (
        told("alert", name=":inputs", subject="baseline", grade="warning", count=0),
        ("drift of all inputs together", "data", "minor"),
        ":inputs alerts against baseline, for 1 window",
    ),
    (
        told("alert", name="amount", subject="baseline", count=3, limit=2.0),
        ("drift of amount", "data", "minor"),
        "amount alerts against baseline in 3 slices only, for 2 windows",
    ),
    (
        told("alert", name="metric:shaped", subject="baseline", grade="major", count=0),
        ("feedback: share of shaped rows", "feedback", "major"),
        "metric:shaped alerts against baseline, for 1 window",
    ),
    (
        told("assumption", name="range", subject="age", count=3, value=0.25, limit=0.01),
        ("assumption range of age", "data", "major"),
        "range of age is violated (0.25, limit 0.01), for 3 windows",
    ),
    (
        told("assumption", name="range", subject="age", count=1),
        ("assumption range of age", "data", "minor"),
        "range of age is violated, for 1 window",
    ),
    (
        told("staleness", name="ess_ratio", subject="launch", status="warning", grade="*",
             value=0.5, limit=0.7),
        ("evaluation of launch: ess_ratio", "evaluation", "major"),
        "ess_ratio of launch is 0.5, limit 0.7",
    ),
    (
        told("staleness", name="eval_age", subject="launch", status="warning", grade="*",
             value=100.0, limit=90.0),
        ("evaluation of launch: eval_age", "evaluation", "minor"),
        "eval_age of launch is 100, limit 90",
    ),
    (
        told("staleness", name="eval_age", subject="launch", status="warning", grade="*",
             value=180.0, limit=90.0),
        ("evaluation of launch: eval_age", "evaluation", "major"),
        "eval_age of launch is 180, limit 90",
    ),
    (
        told("staleness", name="calibration_error", subject="launch", status="warning", grade="*"),
        ("calibration of launch: calibration_error", "evaluation", "major"),
        "calibration_error of launch",
    ),
    (
        told("colour", name="blind_spot", subject="launch", status="red"),
        ("blind dashboard", "evaluation", "major"),
        "every metric of the dashboard is in its band, and the world has moved",
    ),
    (
        told("performance", name="accuracy", status="degraded", subject="labels", loss=0.08,
             cost=800.0, value=0.3, limit=0.7),
        ("performance of accuracy", "evaluation", "major"),
        "accuracy is 0.7 by labels, 0.08 worse than evaluated",
    ),
    (
        told("performance", name="accuracy", status="degraded", subject="labels", loss=0.2,
             value=-0.1),
        ("performance of accuracy", "evaluation", "critical"),
        "accuracy by labels, 0.2 worse than evaluated, and worse than the simple baseline",
    ),
    (
        told("performance", name="accuracy", status="ok", subject="labels", grade="drift"),
        ("performance of accuracy", "evaluation", "minor"),
        "accuracy by labels: not what the evaluation set lets expect",
    ),
    (
        told("degraded", name="recall", subject="region", count=2),
        ("performance of recall by region", "evaluation", "minor"),
        "recall is worse than evaluated in 2 slices by region",
    ),
    (
        told("feature", name="encoding", subject="amount", status="drifted", value=1000.0),
        ("features: encoding of amount", "feature", "critical"),
        "encoding of amount is 1000",
    ),
    (
        told("feature", name="concentration_change", subject="*", status="warning", value=0.2,
             limit=0.1),
        ("features: concentration_change", "feature", "minor"),
        "concentration_change is 0.2, limit 0.1",
    ),
    (
        told("unshaped", count=2),
        ("feedback: shaped rows differ", "feedback", "minor"),
        "rows that the model shaped differ from the others in 2 features",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("row", "about", "text"), FINDINGS)
def test_a_row_becomes_a_finding(row: Told, about: tuple[str, str, str], text: str) -> None:
    found = one(row)
    assert (found.debt, found.kind, found.severity) == about
    assert found.evidence == text
    assert found.rows
    assert found.since == (row.since or start(0))


def test_a_cost_is_of_the_metric_that_says_degraded() -> None:
    priced = told(
        "performance", name="accuracy", status="degraded", subject="labels", loss=0.1, cost=9.0
    )
    assert (one(priced).loss, one(priced).cost) == (0.1, 9.0)
    found = windows_of([told("window", end=start(1)), priced])[0]
    assert (found.loss, found.cost) == (0.1, 9.0)


COVERED = [
    (told("coverage", name="data", count=3, of=4, words="age: no_reference"), "data", 0.75),
    (told("coverage", name="data", count=0, of=0), "data", 0.0),
    (told("performance", status="ok", subject="labels"), "performance", 1.0),
    (told("performance", status="ok", subject="estimate"), "performance", 0.5),
    (told("performance", status="undetermined", subject="labels"), "performance", 0.0),
    (told("colour", name="blind_spot", status="green"), "dashboard", 1.0),
    (told("colour", name="blind_spot", status="amber"), "dashboard", 0.0),
]


@pytest.mark.parametrize(("row", "evidence", "share"), COVERED)
def test_what_was_measured(row: Told, evidence: str, share: float) -> None:
    found = windows_of([told("window", end=start(1)), row])[0].coverage
    assert set(found) == {evidence}
    assert found[evidence].measured * found[evidence].weight == share
    assert bool(found[evidence].why) == (share < 1)


SAID = [
    ("coverage",
     {"name": "data", "count": 1, "of": 2, "subject": '[["amount","b","+"],[":inputs","b",""]]'},
     {"drift of amount": True, "drift of all inputs together": False,
      "drift of other columns": True}),
    ("coverage", {"name": "data", "count": 0, "of": 1, "subject": '[["metric:shaped","b","+"]]'},
     {"feedback: share of shaped rows": True, "drift of other columns": False}),
    ("alert", {"name": "other columns", "status": "suppressed", "words": '[["amount"]]'},
     {"drift of amount": False}),
    ("alert",
     {"name": "other columns", "status": "suppressed", "words": '[["metric:shaped"],["b"]]'},
     {"feedback: share of shaped rows": False, "drift of b": False}),
    ("measured", {"name": "assumption", "subject": '[["range","age","+"],["range","b",""]]'},
     {"assumption range of age": True, "assumption range of b": False}),
    ("coverage",
     {"name": "evaluation", "subject": '[["gap_max","launch","*",""],["outside","b","age","+"]]'},
     {"evaluation of launch: gap_max": False, "evaluation of b, age: outside": True}),
    ("coverage", {"name": "calibration", "subject": '[["calibration_error","launch","*","+"]]'},
     {"calibration of launch: calibration_error": True}),
    ("coverage", {"name": "operations", "subject": '[["errors","+"]]'},
     {"operations of errors": True}),
    ("operation", {"name": "errors", "subject": "share", "grade": "suppressed"},
     {"operations of errors": False}),
    ("coverage",
     {"name": "feature", "subject": '[["dead","*","+"],["encoding","a",""],["encoding","b","+"]]'},
     {"features: dead": True, "features: encoding of a": False, "features: encoding of b": True}),
    ("measured",
     {"name": "performance", "subject": '[["recall","*","+"],["accuracy","region",""]]'},
     {"performance of recall": True, "performance of accuracy by region": False}),
    ("performance", {"name": "accuracy", "status": "insufficient_data", "subject": "estimate"},
     {"performance of accuracy": False, "performance of all metrics": False}),
    ("performance",
     {"name": "accuracy", "status": "ok", "subject": "labels", "count": 1, "of": 1},
     {"performance of accuracy": True, "performance of all metrics": True}),
    ("performance",
     {"name": "all metrics", "status": "ok", "subject": "labels", "count": 1, "of": 2},
     {"performance of all metrics": False}),
    ("unshaped", {"count": 0, "of": 3}, {"feedback: shaped rows differ": True}),
    ("unshaped", {"count": 0, "of": 0}, {"feedback: shaped rows differ": False}),
    ("colour", {"name": "blind_spot", "subject": "launch", "status": "green"},
     {"blind dashboard": True}),
    ("colour", {"name": "blind_spot", "subject": "launch", "status": "amber"},
     {"blind dashboard": False}),
    ("coverage", {"name": "feedback"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("part", "columns", "subjects"), SAID)
def test_what_rows_say_of_what_is_not_found(part: str, columns: dict, subjects: dict) -> None:
    """Whether it is gone; of what no row tells nothing is known."""
    found = windows_of([told("window", end=start(1)), told(part, **columns)])[0]
    assert (found.subjects, found.findings) == (subjects, ())


def test_columns_that_are_told_together_are_not_gone() -> None:
    rows = [
        told("alert", name="other columns", grade="major", words='[["amount"],["age"]]'),
        told(
            "coverage",
            name="data",
            count=2,
            of=2,
            subject='[["age","baseline","+"],["amount","baseline","+"]]',
        ),
    ]
    found = windows_of([told("window", end=start(1)), *rows])[0]
    assert found.subjects == {
        "drift of amount": False, "drift of age": False, "drift of other columns": True
    }  # fmt: skip
    assert [one.debt for one in found.findings] == ["drift of other columns"]


def test_several_metrics_are_measured_in_part() -> None:
    row = told("performance", name="all metrics", status="ok", subject="labels", count=1, of=2,
               words="recall: insufficient_data")  # fmt: skip
    found = windows_of([told("window", end=start(1)), row])[0].coverage["performance"]
    assert (found.measured, found.why) == (0.5, "recall: insufficient_data")


def test_what_is_owed_of_an_evaluation_set_ends_with_it() -> None:
    """Of a set that is in force no row tells: nothing is known. Of one that was: it is gone."""
    rows = [told("window", week, end=start(week + 1)) for week in range(4)]
    rows += [
        told("term", 0, end=start(2), name="evaluation", subject="old"),
        told("term", 2, name="evaluation", subject="new"),
        told("coverage", 0, name="evaluation", subject='[["gap_max","old","*","+"]]'),
        told("coverage", 2, name="evaluation", subject='[["gap_max","new","*","+"]]'),
    ]
    old, new = "evaluation of old: gap_max", "evaluation of new: gap_max"
    windows = windows_of(rows)
    assert [dict(one.subjects) for one in windows] == [{old: True}, {}, {new: True}, {}]
    assert [sorted(one.ended) for one in windows] == [[], [], [old], [old]]
    (last,) = (
        one.findings[0] for one in windows_of([told("window", end=start(1)), told(
            "staleness", name="gap_max", subject="old", status="drifted", grade="*")])
    )  # fmt: skip
    assert [one.says_gone(last) for one in windows] == [True, False, True, True]


def test_a_set_that_the_spec_has_no_more_ends_where_the_next_one_begins() -> None:
    rows = [told("window", week, end=start(week + 1)) for week in range(3)]
    rows += [
        told("term", 0, name="evaluation", subject="old"),
        told("term", 2, name="evaluation", subject="new"),
        told("coverage", 0, name="evaluation", subject='[["gap_max","old","*","+"]]'),
    ]
    old = "evaluation of old: gap_max"
    assert [sorted(one.ended) for one in windows_of(rows, sets=["new"])] == [[], [], [old]]
    assert not any(one.ended for one in windows_of(rows, sets=["new", "old"]))
    assert not any(one.ended for one in windows_of(rows, sets=["other"]))


def test_what_was_found_against_one_reference_is_gone_where_that_one_shows_nothing() -> None:
    def window(mark: str, *more: Told):
        told_of = f'[["amount","baseline","{mark}"],["amount","previous","+"]]'
        rows = [told("coverage", name="data", count=1, of=1, subject=told_of), *more]
        asked = ("baseline", "previous")
        return windows_of([told("window", end=start(1)), *rows], asked=asked)[0]

    alert = told("alert", name="amount", subject="baseline", grade="major", count=0)
    (found,) = window("+", alert).findings
    assert found.comparisons == ("baseline",)
    assert [window(mark).says_gone(found) for mark in ("+", "")] == [True, False]
    # Of a comparison that the spec does not ask for any more nothing is waited for.
    assert replace(window(""), asked=frozenset({"previous"})).says_gone(found)
    both = replace(found, comparisons=("baseline", "previous"))
    assert [window(mark).says_gone(both) for mark in ("+", "")] == [True, False]


def test_what_was_found_in_slices_alone_is_gone_where_slices_are_looked_at() -> None:
    rows = [
        told("window", end=start(1)),
        told("coverage", name="data", count=1, of=1, subject='[["amount","baseline","+"]]'),
    ]
    (found,) = windows_of([*rows, told("alert", name="amount", subject="x", count=2)])[0].findings
    assert found.sliced
    assert windows_of(rows)[0].says_gone(found)
    (without,) = windows_of(rows, sliced=False)
    assert not without.says_gone(found)
    assert without.says_gone(replace(found, sliced=False))


def test_the_dashboard_of_several_sets_is_the_worst() -> None:
    rows = [
        told("colour", name=name, subject=of, status=status)
        for name, of, status in [
            ("blind_spot", "a", "green"),
            ("blind_spot", "b", "amber"),
            ("dashboard", "a", "green"),
        ]
    ]
    found = windows_of([told("window", end=start(1)), *rows])[0]
    assert (found.blind_spot, found.dashboard_status) == ("amber", "green")


def test_a_monitor_without_rows_has_no_window_to_judge() -> None:
    assert judged(SPEC, [], []).newest is None


SUBJECTS = {
    "data": '[["amount","baseline","+"],["metric:shaped","baseline","+"],'
    '[":inputs","baseline","+"]]',
    "evaluation": '[["ess_ratio","launch","*","+"],["eval_age","launch","*","+"]]',
    "calibration": '[["calibration_error","launch","*","+"]]',
    "feature": '[["dead","*","+"],["encoding","amount","+"]]',
}


def random_rows(rng: random.Random, weeks: int) -> list[Told]:
    """As the store gives them: windows, coverage, and now and then each thing that is found."""
    rows: list[Told] = []
    for week in range(weeks):
        rows.append(told("window", week, end=start(week + 1), count=100))
        for name in ("data", "evaluation", "calibration", "feedback", "feature"):
            if rng.random() < 0.9:
                count, own = rng.choice((0, 2, 4, 4)), SUBJECTS.get(name, "")
                rows.append(told("coverage", week, name=name, count=count, of=4, subject=own))
        for row, _, _ in FINDINGS:
            if row.part in ("performance", "colour"):
                continue
            if rng.random() < 0.05:
                rows.append(replace(row, start=start(week), since=None))
        status = rng.choice(("ok", "ok", "degraded", "undetermined", None))
        if status is not None:
            rows.append(
                told(
                    "performance",
                    week,
                    name="accuracy",
                    status=status,
                    subject=rng.choice(("labels", "estimate")),
                    loss=rng.choice((None, rng.random())),
                    cost=rng.choice((None, 100 * rng.random())),
                    value=rng.uniform(-1, 0.5),
                )
            )
        rows.append(
            told(
                "colour",
                week,
                name="blind_spot",
                subject="launch",
                status=rng.choice(("green", "green", "amber", "red")),
            )
        )
    rows.append(told("term", -9, name="evaluation", subject="launch", since=start(-9)))
    return rows


def random_events(rng: random.Random, weeks: int) -> list[Event]:
    names = sorted({about for _, about, _ in FINDINGS})
    events = []
    for seq in range(1, rng.randint(1, 5)):
        debt, kind, severity = rng.choice(names)
        until = start(rng.randint(1, weeks)) + timedelta(hours=1)
        action = rng.choice(("waived", "acknowledged", "assigned"))
        events.append(
            Event(debt, seq, kind, action, start(rng.randrange(weeks)), "else", severity, until)
        )
    return events


def test_a_thousand_verdicts_follow_from_rows_alone() -> None:
    """Whatever the order in which a store gives them back, and in a process that knows nothing."""
    rng, counted, seen = random.Random(SEED), 0, set()
    for turn in range(50):
        weeks = 20
        rows, events = random_rows(rng, weeks), random_events(rng, weeks)
        first = judged(SPEC, rows, events)
        shuffled, said = list(rows), list(events)
        rng.shuffle(shuffled)
        rng.shuffle(said)
        again = judged(SPEC, shuffled, said)
        assert again.assessed == first.assessed, f"seed {SEED}, turn {turn}"
        # What was stored is not due again; what is not stored, is.
        stored = [
            told(
                "health",
                at,
                words=one.digest,
                grade=json.dumps([health_hash(SPEC), one.owner, one.escalation, "deployed"]),
            )
            for at, one in enumerate(first.assessed.health)
            if at != 7
        ]
        due = judged(SPEC, [*shuffled, *stored], said).due
        assert [one.window for one in due] == [window(7)], f"seed {SEED}, turn {turn}"
        counted += len(first.assessed.health)
        seen |= {one.judgement.verdict for one in first.assessed.health}
    assert counted == 1000
    assert seen == set(VERDICTS), seen


def test_what_a_spec_asks_to_be_measured() -> None:
    found = model_of(SPEC)
    assert found.expected == {
        *("data", "ownership", "performance", "evaluation", "calibration", "dashboard"),
        *("feature", "feedback"),
    }
    assert (found.escalation, found.performance) == ("head of claims", (2, 3))
    drift_only = parse_spec(
        "monitor: m\nowner: o\nsource: {table: a.b}\ntimestamp: {column: t}\n"
        "features: {numeric: [x]}\n"
    )
    assert model_of(drift_only).expected == {"data", "ownership"}


def test_a_retired_model_that_is_scored_is_a_debt_of_ownership() -> None:
    """Nothing is watched after its last window; what was found since is told in that."""
    since = start(0) + timedelta(days=3)
    found = Event(
        RETIRED, 1, "ownership", "opened", since, "claims", "critical", evidence="rows up to today",
        by="sparkdrift",
    )  # fmt: skip
    rows = [told("window", week, end=start(week + 1), count=5) for week in (-1, 0)]
    (before, last) = judged(SPEC, rows, [found]).assessed.health
    assert RETIRED not in {one.name for one in before.debts}
    (debt,) = (one for one in last.debts if one.name == RETIRED)
    assert (debt.finding.kind, debt.finding.evidence) == ("ownership", "rows up to today")
    assert "is in force" not in debt.finding.evidence
    later = [*rows, *(told("window", w, end=start(w + 1), count=5) for w in (1, 2))]
    newest = judged(SPEC, later, [found]).assessed.health[-1]
    assert RETIRED not in {one.name for one in newest.debts}


def test_pruning_moves_neither_since_nor_due_nor_cost() -> None:
    """A verdict goes on from what is stored of the last window that lost its rows."""
    rows = [
        row
        for w in range(8)
        for row in (
            told("window", w, end=start(w + 1), count=5),
            told("performance", w, name="accuracy", status="degraded", subject="labels", loss=0.1,
                 cost=100.0),
        )
    ]  # fmt: skip
    first = judged(SPEC, rows, [])
    whole = first.assessed.health
    events = events_of(first)
    assert len({one.since for one in whole}) < len(whole)
    stored = stored_of(first, SPEC)
    kept = [row for row in rows if row.start >= start(5)]
    second = judged(SPEC, [*kept, *stored], events)
    assert not second.due
    for one, same in zip(reversed(second.assessed.health), reversed(whole), strict=False):
        assert one.judgement.verdict == same.judgement.verdict == "retrain"
        assert (one.since, one.due, one.cost_so_far) == (same.since, same.due, same.cost_so_far)


def test_work_that_is_done_closes_its_debt_and_does_not_erase_it() -> None:
    plan = "maintenance: {retraining: {every: 30 days, last_done: 2024-10-01, owner: science}}"
    before = parse_spec(f"{TEXT}{plan}")
    after = parse_spec(f"{TEXT}{plan.replace('2024-10-01', '2025-02-10')}")
    rows = [told("window", w, end=start(w + 1), count=5) for w in range(5)]
    first = judged(before, rows, [])
    debt = next(o for o in first.assessed.health[0].debts if o.name == "overdue retraining")
    assert debt.owner == "science"
    stored, events = stored_of(first, before), events_of(first)
    again = judged(before, [*rows, *stored], events)
    assert (again.due, again.entries) == ((), ())

    done = judged(after, [*rows, *stored], events)
    assert [one.window.start for one in done.due] == [start(4)]
    assert not [one for one in done.entries if one.action == "corrected"]
    more = [*rows, told("window", 5, end=start(6), count=5)]
    next_one = judged(after, [*more, *stored_of(done, after)], events_of(done))
    assert [one.window.start for one in next_one.due] == [start(5)]
    ended = [one.action for one in next_one.entries if one.name == "overdue retraining"]
    assert ended == ["closed"]


def test_another_owner_answers_from_the_newest_window_on() -> None:
    rows = [told("window", w, end=start(w + 1), count=5) for w in range(4)]
    first = judged(SPEC, rows, [])
    other = parse_spec(TEXT.replace("owner: claims", "owner: risk"))
    found = judged(other, [*rows, *stored_of(first, SPEC)], events_of(first))
    assert [(one.window.start, one.owner) for one in found.due] == [(start(3), "risk")]
    assert found.entries == ()
    again = judged(
        other, [*rows, *stored_of(first, SPEC)[:3], stored_of(found, other)[3]], events_of(first)
    )
    assert again.due == ()


def test_another_policy_rewrites_no_history() -> None:
    """Kept as it was told until what it follows from changes; since, due and cost go on from it."""
    rows = [
        row
        for w in range(6)
        for row in (
            told("window", w, end=start(w + 1), count=5),
            told("staleness", w, name="ess_ratio", subject="launch", status="warning", grade="*"),
        )
    ]
    first = judged(SPEC, rows, [])
    verdicts = [one.judgement.verdict for one in first.assessed.health]
    assert set(verdicts) == {"blind", "refresh_evaluation"}
    mild = parse_spec(
        TEXT.replace(
            "policy: {",
            "policy: {rules: [{when: {data: major}, verdict: watch}], needs: [ownership], ",
        )
    )
    events = events_of(first)
    found = judged(mild, [*rows, *stored_of(first, SPEC)], events)
    assert [one.window.start for one in found.due] == [start(5)]
    assert (found.newest.judgement.verdict, found.newest.since) == ("watch", start(5))
    # A window later: what was judged by the new one stays, since and all.
    stored = [*stored_of(first, SPEC)[:5], stored_of(found, mild)[5]]
    more = [*rows, told("window", 6, end=start(7), count=5)]
    later = judged(mild, [*more, *stored], [*events, *events_of(found)[len(events) :]])
    assert [one.window.start for one in later.due] == [start(6)]
    assert (later.newest.judgement.verdict, later.newest.since) == ("watch", start(5))
    # Late rows: from theirs on by the policy of now.
    late = [row for row in rows if row.part == "window" or row.start != start(3)]
    changed = judged(mild, [*late, *stored_of(first, SPEC)], events)
    assert [one.window.start for one in changed.due] == [start(3), start(4), start(5)]
    assert {one.judgement.verdict for one in changed.due} == {"watch"}


def test_an_amber_blind_spot_says_what_is_missing() -> None:
    """Of several sets the same one, in whatever order rows come."""
    rows = [
        told("colour", name="blind_spot", subject=of, status=status, words=words)
        for of, status, words in (
            ("launch", "amber", "no fresh labels"),
            ("later", "amber", "not measured: ESS ratio"),
            ("calm", "green", "every test ran"),
        )
    ]
    last = told("window", end=start(1))
    for given in (rows, rows[::-1]):
        (found,) = windows_of([last, *given])
        assert found.coverage["dashboard"].why == "amber: no fresh labels"

"""From windows to health: what is carried, what is missed, and what a digest is of."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from health_rows import DEBT_OF, evidence, finding, start, waived

from sparkdrift.health.assessing import Model, assess
from sparkdrift.health.evidence import Coverage, evidence_of
from sparkdrift.health.findings import KINDS
from sparkdrift.spec.health_policy import EVIDENCE, VERDICTS, Ages, Policy

SEED = 4711
MODEL = Model("m", "owner", Policy(), frozenset(EVIDENCE), (1, 1), "second")


def verdicts(weeks, decided=(), model=MODEL) -> list[str]:
    return [one.judgement.verdict for one in assess(model, weeks, decided).health]


def degraded(week: int, **more):
    return finding("performance of accuracy", "evaluation", week, **more)


def test_no_rows_at_all_are_blind_with_a_reason() -> None:
    found = assess(MODEL, [evidence(0, unmeasured=EVIDENCE)], []).health[0]
    assert found.judgement.verdict == "blind"
    assert found.judgement.confidence == pytest.approx(0.5 / 13.5)
    assert found.judgement.reasons[0].reason == "not measured: no label has come"
    assert found.due == start(1) + timedelta(days=30)
    nothing = assess(MODEL, [replace(evidence(0), coverage={})], []).health[0]
    assert nothing.judgement.verdict == "blind"
    assert "no row tells of it" in nothing.judgement.reasons[0].reason


def test_a_verdict_stands_since_its_first_window_and_adds_up_what_it_costs() -> None:
    weeks = [
        evidence(0, cost=5.0),
        evidence(1, degraded(1), cost=100.0),
        evidence(2, degraded(2)),
        evidence(3, degraded(3), cost=50.0),
    ]
    found = assess(MODEL, weeks, []).health
    assert [one.judgement.verdict for one in found] == ["healthy", *["retrain"] * 3]
    assert [one.since for one in found] == [start(0), *[start(1)] * 3]
    assert [one.cost_so_far for one in found] == [5.0, 100.0, 100.0, 150.0]
    assert found[0].due is None
    assert {one.due for one in found[1:]} == {start(2) + timedelta(days=30)}
    assert found[3].oldest_debt == start(1)


def test_what_becomes_worse_is_due_from_then_on() -> None:
    """Not from when the verdict began: that it is critical was not known then."""
    grades = ["major", "major", "critical", "major", "major"]
    weeks = [
        evidence(w, finding("drift of x", "data", w, severity=one)) for w, one in enumerate(grades)
    ]
    policy = Policy(due={"minor": "200 days", "major": "100 days", "critical": "7 days"})
    found = assess(replace(MODEL, policy=policy), weeks, []).health
    # It falls once as many windows are milder as close a debt.
    told = ["major", "major", "critical", "critical", "major"]
    assert [one.judgement.severity for one in found] == told
    assert [one.since for one in found] == [start(0)] * 5
    begun, worse = start(1) + timedelta(days=100), start(3) + timedelta(days=7)
    assert [one.due for one in found] == [begun, begun, worse, worse, worse]


def test_old_evidence_counts_for_a_time_and_less() -> None:
    """Two months of labels that do not come, then the model is blind."""
    weeks = [evidence(w, unmeasured=["performance"] if w else []) for w in range(11)]
    found = assess(MODEL, weeks, []).health
    assert [one.judgement.verdict for one in found] == [*["healthy"] * 9, "blind", "blind"]
    confidence = [round(one.judgement.confidence * 13.5, 6) for one in found]
    assert confidence == [13.5, *[11.5] * 8, 9.5, 9.5]
    reason = found[9].judgement.reasons[0].reason
    assert reason == (
        "not measured: no label has come; last measured in the window that ended 2025-01-13, "
        "too long ago"
    )
    long = replace(MODEL, policy=Policy(ages=Ages(performance=timedelta(days=400))))
    assert verdicts(weeks, model=long) == ["healthy"] * 11


def test_what_is_not_measured_any_more_is_still_owed() -> None:
    weeks = [
        evidence(w, *([degraded(w)] if w < 2 else []), unmeasured=["performance"] if w > 1 else [])
        for w in range(20)
    ]
    assert verdicts(weeks) == ["retrain"] * 20


def test_a_debt_never_hides_that_nobody_sees() -> None:
    """39 weeks without labels: as blind with a small debt of the performance as without it."""
    for own in ([], [degraded(0, severity="minor")]):
        weeks = [
            evidence(w, *([] if w else own), unmeasured=["performance"] if w else [])
            for w in range(40)
        ]
        found = assess(MODEL, weeks, []).health
        assert found[39].judgement.verdict == "blind"
        assert found[39].judgement.rules == ("performance not measured, and needed: blind",)
        assert any("too long ago" in one.reason for one in found[39].judgement.reasons)


def test_what_is_missing_of_evidence_is_carried_as_well() -> None:
    part = replace(evidence(0), coverage={**evidence(0).coverage, "data": Coverage(0.6, "x")})
    weeks = [part, evidence(1, unmeasured=["data"]), evidence(2)]
    assert verdicts(weeks) == ["watch", "watch", "healthy"]


def test_a_waiver_lowers_a_verdict_to_watch_and_never_to_healthy() -> None:
    weeks = [evidence(w, degraded(w)) for w in range(6)]
    decided = [waived("performance of accuracy", 1, until=4)]
    assert verdicts(weeks, decided) == ["retrain", *["watch"] * 3, "retrain", "retrain"]
    health = assess(MODEL, weeks, decided).health[2]
    assert health.judgement.reasons[0].reason.startswith(
        "performance of accuracy (minor): waived until 2025-02-03; "
    )


def test_performance_persists_as_the_owner_says() -> None:
    weeks = [evidence(w, *([degraded(w)] if w in (1, 3) else [])) for w in range(5)]
    twice = replace(MODEL, performance=(2, 3))
    assert verdicts(weeks, model=twice) == ["healthy", "watch", "healthy", "retrain", "retrain"]


def test_a_digest_is_of_everything_before_and_nothing_after() -> None:
    weeks = [evidence(w) for w in range(5)]
    before = [one.digest for one in assess(MODEL, weeks, []).health]
    assert len(set(before)) == 5
    late = [*weeks[:2], evidence(2, degraded(2)), *weeks[3:]]
    after = [one.digest for one in assess(MODEL, late, []).health]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, False, False]
    decided = [one.digest for one in assess(MODEL, weeks, [waived("x", 3, 9)]).health]
    assert [a == b for a, b in zip(before, decided, strict=True)] == [True] * 3 + [False] * 2
    other = assess(replace(MODEL, policy=Policy(closes_after=3)), weeks, []).health
    # Another policy is for windows to come.
    assert [one.digest for one in other] == before


DEBTS = [
    *[(DEBT_OF[kind], kind) for kind in KINDS],
    ("performance of accuracy", "evaluation"),
    ("calibration of approve", "evaluation"),
    ("blind dashboard", "evaluation"),
    ("operations of override", "feedback"),
]


def random_week(rng: random.Random, week: int):
    found = [
        finding(
            debt,
            kind,
            week,
            severity=rng.choice(("minor", "major", "critical")),
            cost=rng.choice((None, 10.0)),
        )
        for debt, kind in DEBTS
        if rng.random() < 0.25
    ]
    return evidence(week, *found, unmeasured=[one for one in EVIDENCE if rng.random() < 0.2])


def test_worse_rows_never_improve_the_verdict_of_their_window() -> None:
    """Not only the rules: ledger, persistence and ages go the same way."""
    rng = random.Random(SEED)
    for turn in range(150):
        weeks = [random_week(rng, w) for w in range(6)]
        before = assess(MODEL, weeks, []).health
        at = rng.randrange(6)
        # Of evidence that was measured: what a worse finding brings besides is that it was.
        known = [one for one in DEBTS if evidence_is_there(weeks[at], one[0])]
        if not known:
            continue
        debt, kind = rng.choice(known)
        worse = finding(debt, kind, at, severity="critical")
        weeks[at] = replace(weeks[at], findings=(*weeks[at].findings, worse))
        after = assess(MODEL, weeks, []).health
        about = f"seed {SEED}, turn {turn}, week {at}, {debt}"
        assert all(
            VERDICTS.index(b.judgement.verdict) >= VERDICTS.index(a.judgement.verdict)
            for a, b in zip(before[at:], after[at:], strict=True)
        ), about


def evidence_is_there(week, debt: str) -> bool:
    name = evidence_of(finding(debt, dict(DEBTS)[debt], 0))
    return week.coverage[name].measured > 0

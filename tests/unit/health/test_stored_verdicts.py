"""What a stored verdict still says: of windows whose rows are gone, and of what was declared."""

from __future__ import annotations

import random
from datetime import datetime

from health_rows import compared_window, events_of, start, stored_of

from sparkdrift.health.judged import judged, model_of
from sparkdrift.health.told import Told
from sparkdrift.spec.loading import parse_spec

SEED = 1127
TEXT = """\
monitor: m
owner: claims
source: {table: a.b}
timestamp: {column: t}
windows: {grain: week}
features: {numeric: [amount]}
prediction: {key: id, score: s, label: y, label_delay: 7 days}
evaluation: {sets: {launch: {table: a.launch}}}
degraded: {metric: accuracy, tolerated_loss: 0.05, value_per_point: 100, currency: EUR}
model: {stage: %s}
"""
DEPLOYED, DEPRECATED = parse_spec(TEXT % "deployed"), parse_spec(TEXT % "deprecated")


def rows(first: int, last: int) -> list[Told]:
    made = []
    for week in range(first, last):
        at = start(week)
        made += [
            *compared_window(week),
            Told("m", "alert", at, name="amount", subject="baseline", grade="major"),
            Told(
                "m",
                "performance",
                at,
                name="accuracy",
                status="degraded",
                subject="labels",
                value=0.2,
                loss=0.1,
                cost=10.0,
            ),
        ]
    return made


def test_what_a_debt_has_cost_goes_on_when_rows_are_pruned() -> None:
    whole = judged(DEPLOYED, rows(0, 8), [])
    assert whole.newest is not None
    before = judged(DEPLOYED, rows(0, 7), [])
    kept = [*rows(5, 8), *stored_of(before, DEPLOYED)]
    found = judged(DEPLOYED, kept, events_of(before))
    assert found.newest is not None
    told = [(one.name, one.windows, one.interest, one.interest_loss) for one in found.newest.debts]
    assert told == [
        (one.name, one.windows, one.interest, one.interest_loss) for one in whole.newest.debts
    ]
    (performance,) = (one for one in told if one[0] == "performance of accuracy")
    # In force from the second window of degradation on.
    assert performance[1:3] == (7, 70.0)
    assert found.newest.cost_so_far == whole.newest.cost_so_far


PERSISTENCE = ("", "persistence: {windows: 4, of: 6}, ", "persistence: {windows: 1, of: 1}, ")


def test_pruning_rewrites_nothing() -> None:
    """Of any course, however few windows are kept: with rows of years before or without, but for
    those that debts rest on and those that measured something last, as `prune` has it."""
    rng = random.Random(SEED)
    for turn in range(300):
        weeks, often = rng.choice(((14, 0.9), (40, 0.2)))
        text = (TEXT % "deployed").replace("degraded: {", "degraded: {" + PERSISTENCE[turn % 3])
        spec = parse_spec(text)
        made, first = random_rows(rng, weeks, often), rng.randrange(2, weeks)
        whole = judged(spec, made, [])
        stored, events = stored_of(whole, spec), events_of(whole)
        assert whole.newest is not None
        cited = {at for one in whole.newest.debts for at in (one.opened, one.last_seen)}
        cited |= measured_last(made, model_of(spec).terms.looks_back)
        kept = [row for row in made if row.start >= start(first) or row.start in cited]
        found = judged(spec, [*kept, *stored], events)
        about = f"seed {SEED}, turn {turn}: from week {first} on"
        assert not found.entries, about
        assert not found.due, about
        assert found.newest == whole.newest, about
        # A few windows more, with and without the rows of before.
        more = random_rows(rng, weeks + 3, often)
        more = [row for row in more if row.start >= start(weeks)]
        one, other = (judged(spec, [*own, *more, *stored], events) for own in (made, kept))
        assert one.newest == other.newest, about
        assert one.entries == other.entries, about


def measured_last(made: list[Told], windows: int) -> set[datetime]:
    """The newest so many windows in which each thing was measured."""
    found: set[datetime] = set()
    things = (("coverage", "data"), ("coverage", "evaluation"), ("performance", "accuracy"))
    for thing in things:
        own = sorted({row.start for row in made if (row.part, row.name) == thing})
        found.update(own[-windows:])
    return found


def random_rows(rng: random.Random, weeks: int, labels: float = 0.9) -> list[Told]:
    """labels: how often there are any."""
    made = []
    for week in range(weeks):
        at = start(week)
        told = '[["ess_ratio","launch","*","+"]]'
        made += [
            *compared_window(week),
            Told("m", "coverage", at, name="evaluation", count=4, of=4, subject=told),
        ]
        if rng.random() < 0.4:
            grade = rng.choice(("minor", "major", "critical"))
            made.append(Told("m", "alert", at, name="amount", subject="baseline", grade=grade))
        if rng.random() < 0.4:
            found = {"name": "ess_ratio", "subject": "launch", "grade": "*", "value": 0.1}
            made.append(Told("m", "staleness", at, status="drifted", **found))
        if rng.random() < labels:
            bad = rng.random() < 0.5
            lost = {"loss": 0.1, "cost": 10.0} if bad else {}
            status, basis = "degraded" if bad else "ok", "labels"
            measured = {"name": "accuracy", "status": status, "subject": basis, "value": 0.2}
            made.append(Told("m", "performance", at, **measured, **lost))
    return made


def test_that_a_model_is_deprecated_by_now_is_no_news_of_its_past() -> None:
    before = judged(DEPLOYED, rows(0, 4), [])
    stored = [*rows(0, 5), *stored_of(before, DEPLOYED)]
    found = judged(DEPRECATED, stored, events_of(before))
    assert [one.window.start for one in found.due] == [start(4)]
    assert list(found.stages.values()) == ["deployed"] * 4 + ["deprecated"]
    # The newest window is told again: the verdict that stands is on a model as it is now.
    again = judged(DEPRECATED, [*rows(0, 4), *stored_of(before, DEPLOYED)], events_of(before))
    assert [(one.window.start, again.stages[one.window.start]) for one in again.due] == [
        (start(3), "deprecated")
    ]
    settled = [*rows(0, 5), *stored_of(found, DEPRECATED)]
    assert not judged(DEPRECATED, settled, events_of(found)).due


def test_late_rows_leave_the_stage_of_a_window_as_it_was() -> None:
    before = judged(DEPLOYED, rows(0, 4), [])
    late = [row for row in rows(0, 4) if row.start != start(1) or row.part != "alert"]
    found = judged(DEPRECATED, [*late, *stored_of(before, DEPLOYED)], events_of(before))
    assert [found.stages[one.window.start] for one in found.due] == ["deployed"] * 2 + [
        "deprecated"
    ]


def test_what_is_dated_holds_of_the_past_as_well() -> None:
    before = judged(DEPLOYED, rows(0, 4), [])
    retired = parse_spec((TEXT % "retired").replace("retired}", "retired, retired_at: 2025-01-20}"))
    found = judged(retired, [*rows(0, 4), *stored_of(before, DEPLOYED)], events_of(before))
    assert list(found.stages.values()) == ["deployed"] * 2 + ["retired"] * 2

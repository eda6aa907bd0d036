"""What a stored verdict still says: of windows whose rows are gone, and of what was declared."""

from __future__ import annotations

from health_rows import events_of, start, stored_of

from sparkdrift.health.told import Told
from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps.health import judged

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
            Told("m", "window", at, end=start(week + 1), count=5),
            Told("m", "coverage", at, name="data", count=1, of=1, subject='[["amount","+"]]'),
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

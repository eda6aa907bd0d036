"""The maintenance plan: who says when work was done, and from when on it is owed."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.health.maintenance import dated_ahead, overdue_findings, plan_of
from sparkdrift.spec.loading import parse_spec

SPEC = """\
monitor: m
owner: risk
source: {table: a.b}
timestamp: {column: t, zone: Europe/Berlin}
features: {numeric: [amount]}
"""
DONE = datetime(2025, 1, 1, tzinfo=timezone.utc) - timedelta(hours=1)
DAY = timedelta(days=1)


def spec(maintenance: str, more: str = ""):
    return parse_spec(f"{SPEC}{more}maintenance: {maintenance}\n")


def found_at(plan, end: datetime):
    return overdue_findings(plan, end, window_start=end - DAY)


def test_without_the_section_nothing_is_planned() -> None:
    assert plan_of(parse_spec(SPEC)) == ()


def test_what_is_due_at_the_windows_end_is_not_overdue_yet_and_then_it_grows() -> None:
    (task,) = plan = plan_of(spec("{retraining: {every: 30 days, last_done: 2025-01-01}}"))
    assert task.due == DONE + 30 * DAY
    assert found_at(plan, task.due) == []
    severities = {}
    for late in (1, 14, 15, 29, 30, 300):
        (finding,) = found_at(plan, task.due + late * DAY)
        severities[late] = finding.severity
        assert finding.since == task.due
        assert f"{late} day{'s' if late > 1 else ''} overdue: risk" in finding.evidence
        assert (finding.debt, finding.kind) == ("overdue retraining", "ownership")
        assert finding.loss is None
    assert severities == {
        1: "minor",
        14: "minor",
        15: "major",
        29: "major",
        30: "critical",
        300: "critical",
    }


def test_what_was_done_after_the_window_is_not_overdue_in_it() -> None:
    plan = plan_of(spec("{retraining: {every: 1 day, last_done: 2025-06-01}}"))
    assert found_at(plan, DONE) == []


def test_work_without_any_date_is_owed_and_never_taken_for_done() -> None:
    plan = plan_of(spec("{metric_revalidation: {every: 1 year, owner: board}}"))
    (finding,) = found_at(plan, DONE)
    assert finding.severity == "major"
    assert finding.evidence.endswith("nobody knows when it was last done: board")


def test_references_tell_dates_unless_the_spec_does() -> None:
    both = "{retraining: {every: 30 days}, evaluation_refresh: {every: 30 days}}"
    told = plan_of(spec(both), trained=DONE, evaluated=DONE + DAY)
    assert [task.last_done for task in told] == [DONE, DONE + DAY]
    own = spec("{retraining: {every: 30 days, last_done: 2024-01-01}}")
    (task,) = plan_of(own, trained=DONE)
    assert task.last_done is not None
    assert (task.last_done.year, task.told_by) == (2024, "by last_done in the spec")


def test_thresholds_tell_the_calibration_by_the_oldest_and_only_if_each_has_a_date() -> None:
    def thresholds(second: str) -> str:
        return (
            "prediction: {score: s, label: l}\nevaluation: {thresholds: {"
            f"a: {{value: 0.4, calibrated_at: 2025-03-01}}, b: {{value: 0.6{second}}}}}}}\n"
        )

    plan = "{recalibration: {every: 90 days}}"
    (task,) = plan_of(spec(plan, thresholds(", calibrated_at: 2025-01-01")))
    assert task.last_done == DONE
    (task,) = plan_of(spec(plan, thresholds("")))
    assert task.last_done is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{retraining: {every: 0 days}}", "no interval"),
        ("{retraining: {every: forever}}", "no interval"),
        ("{retraining: {}}", "'maintenance.retraining.every' is missing"),
        ("{retrainng: {every: 1 day}}", "did you mean 'retraining'"),
        ("{}", "nothing is planned"),
        ("{retraining: {every: 1 day, last_done: soon}}", "this is no date"),
    ],
)
def test_a_plan_that_says_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        spec(text)


def test_work_that_is_dated_ahead_is_told_with_what_it_keeps_quiet() -> None:
    plan = "{retraining: {every: 30 days, last_done: 2031-01-01},"
    plan += " recalibration: {every: 90 days, last_done: 2025-01-01}}"
    (told,) = dated_ahead(spec(plan), date(2025, 6, 1))
    assert told.startswith(
        "maintenance.retraining.last_done is 2031-01-01, and today is 2025-06-01"
    )
    assert "until 2031-01-31" in told
    assert dated_ahead(spec(plan), date(2031, 1, 1)) == []
    assert dated_ahead(parse_spec(SPEC), date(2025, 6, 1)) == []

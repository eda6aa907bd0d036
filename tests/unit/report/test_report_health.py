"""The health of a model on the screen, and when `health --fail-on` ends with 3."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest
from health_rows import evidence, finding, start

from sparkdrift.cli.commands.health import _asked, alarm_of, alarms_of_models
from sparkdrift.cli.judged import health_facts
from sparkdrift.errors import UsageError
from sparkdrift.health.assessing import Model, assess
from sparkdrift.health.declared import owed_by
from sparkdrift.health.judged import Judged
from sparkdrift.health.ownership import fleet_findings
from sparkdrift.report.health import (
    LISTED,
    debt_line,
    health_lines,
    interest,
    verdict_line,
    why_lines,
)
from sparkdrift.spec.health_policy import EVIDENCE, Policy
from sparkdrift.spec.registry import parse_registry
from sparkdrift.steps.health import standing_of

MODEL = Model("m", "claims", Policy(), frozenset(EVIDENCE), (1, 1), "head of claims")


def judged(*weeks) -> Judged:
    return Judged(assess(MODEL, weeks, []))


@pytest.fixture
def bad() -> Judged:
    cost = {"cost": 700.0, "loss": 0.07}
    found = finding("performance of accuracy", "evaluation", 1, **cost)
    return judged(evidence(0), evidence(1, found, dashboard_status="green", **cost))


def test_the_line_at_the_end_of_a_run(bad: Judged) -> None:
    assert bad.standing is not None
    assert verdict_line(bad.standing, "UTC") == (
        "health: retrain (major) since 2025-01-13, owner claims, due 2025-02-19"
    )
    well = judged(evidence(0)).standing
    assert well is not None
    assert verdict_line(well, "UTC") == "health: healthy, owner claims"


def test_what_is_shown_of_the_newest_window(bad: Judged) -> None:
    newest = bad.newest
    assert newest is not None
    assert health_lines(newest, "EUR", "UTC") == [
        "health: retrain (major) since 2025-01-13, owner claims, due 2025-02-19, confidence 1.00",
        "window of 2025-01-13; 1 open debt, the oldest since 2025-01-13",
        "the dashboard is green, its blind spot not measured",
        "cost since then: 700 EUR",
        "100%  performance: performance of accuracy (major): performance of accuracy in week 1",
        "what would change it: healthy once performance is ok",
        "once overdue, it goes to head of claims",
    ]
    told = list(why_lines(newest))
    assert "        rows of week 1" in told
    assert told[-1] == "  performance major or worse: retrain"


def test_a_debt_in_a_list(bad: Judged) -> None:
    newest = bad.newest
    assert newest is not None
    (debt,) = newest.debts
    cells = debt_line(debt, newest, "EUR", "UTC")
    assert len(cells) == len(LISTED)
    assert cells[-2:] == ["7 days", "700 EUR"]
    free = judged(evidence(0, finding("drift of x", "data", 0))).newest
    assert free is not None
    assert interest(free.debts[0], None).startswith("not measured apart")


def test_facts_are_those_of_the_newest_verdict(bad: Judged) -> None:
    facts = health_facts(bad, "EUR")
    assert (facts["verdict"], facts["owner"], facts["cost_so_far"]) == ("retrain", "claims", 700.0)
    assert facts["levels"]["performance"]["level"] == 2
    row = {name: facts[name] for name in ("verdict", "severity", "since", "owner", "due")}
    settled = health_facts(Judged(settled=standing_of(row)), "EUR")
    assert {name: settled[name] for name in row} == row
    assert health_facts(Judged(), None) == {"verdict": None}
    assert facts["due"] > start(1)


@pytest.mark.parametrize(
    ("asked", "told"),
    [("watch", True), ("retrain", True), ("retire", False), (None, False)],
)
def test_fail_on_covers_what_is_weightier(bad: Judged, asked: str | None, told: bool) -> None:
    alarm = alarm_of(bad.newest, _asked([asked] if asked else []))
    assert (alarm == "--fail-on: the verdict is retrain") is told


def test_a_monitor_without_rows_is_blind_for_fail_on() -> None:
    assert alarm_of(None, _asked(["blind"])) == "--fail-on: the verdict is blind"


def test_a_verdict_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="did you mean 'retrain'"):
        _asked(["retrian"])
    with pytest.raises(UsageError, match="accepted: watch"):
        _asked(["healthy"])


def test_a_declared_model_that_nobody_sees_is_blind() -> None:
    """Unless somebody waived it, or another verdict was asked for."""
    at = datetime(2025, 6, 1, tzinfo=timezone.utc)
    lost = parse_registry("models: {lost: {owner: a}}").models["lost"]
    found = fleet_findings({"lost": lost}, {}, at)["lost"]
    owed = owed_by("lost", lost, found, [], at)
    assert alarms_of_models([owed], _asked(["watch"])) == [
        "--fail-on: the model lost is blind: no monitor"
    ]
    assert alarms_of_models([owed], _asked(["retrain"])) == []
    assert alarms_of_models([owed], None) == []
    waived = replace(owed, debts=tuple(replace(one, status="waived") for one in owed.debts))
    assert alarms_of_models([waived], _asked(["blind"])) == []

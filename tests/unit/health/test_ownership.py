"""Ownership: what a model in use owes, what its stage changes, what the fleet shows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from sparkdrift.health.ledger import RETIRED
from sparkdrift.health.ownership import (
    Watched,
    fleet_findings,
    ownership_findings,
    stage_of,
    unconfirmed,
)
from sparkdrift.spec.digests import assumption_hash
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.registry import parse_registry
from sparkdrift.windows import window_at

SPEC = """\
monitor: m
owner: risk
source: {table: a.b}
timestamp: {column: t, zone: UTC}
features: {numeric: [amount, age], categorical: [product]}
degraded: {metric: accuracy, tolerated_loss: 0.02}
"""
START = datetime(2025, 6, 1, tzinfo=timezone.utc)
END = START + timedelta(days=1)
EVALUATED = "prediction: {score: s, label: l}\nevaluation: {sets: {holdout: {table: a.holdout}}}\n"


def owed(more: str = "", start: datetime = START, rows=10, sets=None):
    found = ownership_findings(
        parse_spec(SPEC + more), start, start + timedelta(days=1), rows=rows, evaluation_sets=sets
    )
    return {one.debt: one for one in found}


def test_a_deployed_model_owes_an_evaluation_set() -> None:
    (finding,) = owed().values()
    assert (finding.debt, finding.severity) == ("no evaluation set", "major")
    assert owed(EVALUATED) == {}
    # Declared, and the store has none: the declaration evaluates nothing.
    assert "never frozen" in owed(EVALUATED, sets=0)["no evaluation set"].evidence
    assert owed(EVALUATED, sets=1) == {}


def test_what_is_owed_is_owed_since_the_deployment() -> None:
    (finding,) = owed("model: {deployed_at: 2025-03-01}\n").values()
    assert finding.since == datetime(2025, 3, 1, tzinfo=timezone.utc)
    (finding,) = owed().values()
    assert finding.since == START


def test_nobody_having_said_what_degraded_means_is_owed_too() -> None:
    spec = parse_spec(SPEC.replace("degraded: {metric: accuracy, tolerated_loss: 0.02}\n", ""))
    found = ownership_findings(spec, START, END, rows=1, evaluation_sets=1)
    assert [(one.debt, one.severity) for one in found] == [("degraded is not defined", "minor")]


@pytest.mark.parametrize("stage", ["shadow", "retired"])
def test_a_model_that_nobody_uses_owes_no_evaluation(stage: str) -> None:
    assert owed(f"model: {{stage: {stage}}}\n") == {}
    assert owed("model: {stage: deprecated}\n")


def test_stages_hold_from_their_dates_on() -> None:
    spec = parse_spec(
        SPEC + "model: {stage: retired, deployed_at: 2025-06-02, retired_at: 2025-06-04}\n"
    )
    stages = [stage_of(spec, END + timedelta(days=days)) for days in range(4)]
    assert stages == ["shadow", "deployed", "deployed", "retired"]


def test_windows_are_dated_in_the_monitors_zone() -> None:
    spec = parse_spec(
        SPEC.replace("UTC", "Europe/Berlin") + "model: {stage: deployed, deployed_at: 2025-06-02}\n"
    )
    midnight = datetime(2025, 6, 1, 22, tzinfo=timezone.utc)
    assert stage_of(spec, midnight) == "shadow"
    assert stage_of(spec, midnight + timedelta(hours=1)) == "deployed"


def test_retired_and_scored_today_is_said_with_its_rows() -> None:
    retired = "model: {stage: retired, retired_at: 2025-05-01}\n"
    (finding,) = owed(retired, rows=1234).values()
    assert (finding.debt, finding.severity) == ("retired but scored", "critical")
    assert "1,234 rows" in finding.evidence
    assert owed(retired, rows=0) == {}
    # Not known is not zero, and no accusation either.
    assert owed(retired, rows=None) == {}


ASSUMED = """\
assumptions:
  features:
    amount: {range: [0, 10]}
    age: {not_null: true, confirmed: {built_by: 2025-01-01, run_by: 2025-01-02}}
    product: {domain: off}
  independent: [[amount, age]]
"""


def test_declared_assumptions_are_confirmed_by_both_teams() -> None:
    found = unconfirmed(parse_spec(SPEC + ASSUMED).assumptions)
    assert [one.assumption for one in found] == [
        *("range of amount", "independence of amount and age")
    ]
    assert all(one.missing == ("built_by", "run_by") for one in found)
    team = "model: {built_by: science}\n"
    finding = owed(team + ASSUMED)["unconfirmed assumptions"]
    assert finding.severity == "minor"
    assert finding.evidence == (
        "not confirmed by science and the team of run_by: range of amount; independence of amount "
        "and age"
    )


def test_half_a_confirmation_is_none_and_one_of_the_section_covers_the_rest() -> None:
    half = ASSUMED + "  confirmed: {built_by: 2025-01-01}\n"
    assert {one.missing for one in unconfirmed(parse_spec(SPEC + half).assumptions)} == {
        ("run_by",)
    }
    whole = ASSUMED + "  confirmed: {built_by: 2025-01-01, run_by: 2025-01-01}\n"
    assert unconfirmed(parse_spec(SPEC + whole).assumptions) == []


def test_a_confirmation_counts_from_its_date_on() -> None:
    """What nobody had confirmed then was owed then, whatever is confirmed by now."""
    later = ASSUMED + "  confirmed: {built_by: 2025-01-01, run_by: 2025-06-02}\n"
    assert "range of amount" in owed(later)["unconfirmed assumptions"].evidence
    assert "unconfirmed assumptions" not in owed(later, START + timedelta(days=1))


def test_much_hanging_on_an_unconfirmed_assumption_makes_it_major() -> None:
    high = ASSUMED.replace("[0, 10]}", "[0, 10], sensitivity: high, rationale: a form asks}")
    assert owed(high)["unconfirmed assumptions"].severity == "major"


def test_what_is_learned_needs_no_confirmation() -> None:
    assert unconfirmed(parse_spec(SPEC + "assumptions: {learned: true}\n").assumptions) == []
    assert unconfirmed(None) == []


def test_confirming_changes_no_verdict_on_any_window() -> None:
    whole = ASSUMED + "  confirmed: {built_by: 2025-01-01, run_by: 2025-01-01}\n"
    assert assumption_hash(parse_spec(SPEC + whole)) == assumption_hash(parse_spec(SPEC + ASSUMED))


RETIRED_IN = "model: {stage: retired, retired_at: 2025-04-25}\n"


def test_where_clocks_skip_midnight_a_day_begins_at_one() -> None:
    """Cairo, on 25 April 2025: the window before ends at one, and is of the day before."""
    spec = parse_spec(SPEC.replace("zone: UTC", "zone: Africa/Cairo") + RETIRED_IN)
    before = window_at(datetime(2025, 4, 24, 12, tzinfo=timezone.utc), "day", "Africa/Cairo")
    assert before.end.astimezone(ZoneInfo("Africa/Cairo")).hour == 1
    assert stage_of(spec, before.end) == "deployed"
    assert stage_of(spec, before.end + timedelta(days=1)) == "retired"
    assert RETIRED not in {
        one.debt for one in ownership_findings(
            spec, before.start, before.end, rows=10, evaluation_sets=1
        )
    }  # fmt: skip


@pytest.mark.parametrize("grain", ["week", "month"])
def test_rows_of_a_window_in_which_it_was_retired_may_be_of_before(grain) -> None:
    spec = parse_spec(SPEC + RETIRED_IN)
    own = window_at(datetime(2025, 4, 25, tzinfo=timezone.utc), grain, "UTC")
    after = window_at(own.end, grain, "UTC")
    debts = [
        [one.debt for one in ownership_findings(
            spec, window.start, window.end, rows=10, evaluation_sets=1
        )]
        for window in (own, after)
    ]  # fmt: skip
    assert debts == [[], [RETIRED]]


REGISTRY = """\
models:
  watched: {owner: a, monitors: [m]}
  silent: {owner: a, monitors: [never]}
  unwatched: {owner: a}
  nobodys: {monitors: [n]}
  old: {owner: a}
  others: {monitors: [r]}
  tried: {stage: shadow}
  gone: {stage: retired}
"""


def test_the_fleet_owes_monitors_owners_and_fresh_verdicts() -> None:
    models = parse_registry(REGISTRY).models
    seen = {
        "watched": Watched(("m",), (), ("a",)),
        "nobodys": Watched(("n",), ("n",)),
        "old": Watched(("o", "p"), ("o",), ("a",)),
        "others": Watched(("r",), (), ("b",)),
    }
    found = fleet_findings(models, seen, END)
    assert {name: [one.debt for one in owed] for name, owed in found.items()} == {
        "silent": ["no monitor"],
        "unwatched": ["no monitor"],
        "nobodys": ["no owner", "no fresh verdict"],
        "old": ["no fresh verdict"],
    }
    assert found["silent"][0].evidence == "declared, and without a verdict: never"
    assert found["old"][0].evidence == "out of date is the newest verdict of: o"

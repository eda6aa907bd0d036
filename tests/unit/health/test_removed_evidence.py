"""Evidence that is taken away never makes a model healthy, whatever its spec asks for.

Over all kinds of evidence that there are, all sections that ask for some, and all levels.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cache

import pytest
from health_rows import AllBut, evidence, start

from sparkdrift.health.assessing import Health, assess
from sparkdrift.health.evidence import _OF_DEBT, WindowEvidence, evidence_of
from sparkdrift.health.findings import Finding
from sparkdrift.health.gathering import windows_of
from sparkdrift.health.judged import model_of
from sparkdrift.health.subjects import NO_SET
from sparkdrift.health.told import Told
from sparkdrift.kernels import performance_rules
from sparkdrift.spec.health_policy import EVIDENCE, LEVELS, VERDICTS, Evidence
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.models import MonitorSpec

SEED = 20261127
MEASURED: tuple[Evidence, ...] = tuple(one for one in EVIDENCE if one != "ownership")
"""What is declared is always there; all else can be taken away."""
BASE = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount]}
prediction: {score: s, label: y, label_delay: 7 days}
policy: {needs: [data]}
"""
SECTIONS = {
    "evaluation": "evaluation: {sets: {launch: {table: a.launch}}}\n",
    "operations": "operations: {override: {expression: overridden}}\n",
    "feedback": "feedback: {shaped: y}\n",
    "importance": "importance: {estimate: linear}\n",
    "alerts": "alerts: {importance: {amount: 2}}\n",
    "feature_debt": "feature_debt: {encoding: 0.02}\n",
}


@cache
def spec_with(*sections: str) -> MonitorSpec:
    return parse_spec(BASE + "".join(SECTIONS[one] for one in sections))


SPECS = [
    sections
    for count in range(len(SECTIONS) + 1)
    for sections in itertools.combinations(SECTIONS, count)
]


def found_of(kind: Evidence, week: int, severity: str) -> Finding:
    prefix = next((start for start, name in _OF_DEBT if name == kind), None)
    debt = f"{kind}: x" if prefix is None else f"{prefix}x"
    return Finding(
        debt, "evaluation" if prefix else kind, severity, start(week), start(week), f"{debt} found"
    )


def test_every_kind_of_evidence_has_a_finding() -> None:
    for kind in EVIDENCE:
        assert evidence_of(found_of(kind, 0, "minor")) == kind


def without(week: WindowEvidence, kinds: Collection[str]) -> WindowEvidence:
    """The window as if no row told of these kinds."""
    return replace(
        week,
        findings=tuple(one for one in week.findings if evidence_of(one) not in kinds),
        coverage={name: one for name, one in week.coverage.items() if name not in kinds},
        subjects=AllBut(week.subjects, kinds),
    )


def verdicts(spec: MonitorSpec, weeks: list[WindowEvidence]) -> list[str]:
    return [one.judgement.verdict for one in judged(spec, weeks)]


def judged(spec: MonitorSpec, weeks: list[WindowEvidence]) -> tuple[Health, ...]:
    return assess(model_of(spec), weeks, []).health


@pytest.mark.parametrize("kind", MEASURED)
def test_from_any_level_to_nothing_is_not_healthy(kind: Evidence) -> None:
    """Of each spec that there can be: measured, at each level, then no row of it any more."""
    for sections in SPECS:
        spec = spec_with(*sections)
        for level in (None, *LEVELS):
            own = [] if level is None else [found_of(kind, 1, level)]
            weeks = [evidence(0), evidence(1, *own)]
            weeks += [without(evidence(week), [kind]) for week in range(2, 6)]
            health = judged(spec, weeks)
            about = f"{sections}, {kind} {level}"
            assert "healthy" not in [one.judgement.verdict for one in health[2:]], about
            assert any(
                one.kind == kind
                and "last measured in the window that ended 2025-01-20" in one.reason
                for one in health[-1].judgement.reasons
            ), about


@pytest.mark.parametrize("kind", MEASURED)
def test_what_can_not_be_measured_again_counts_for_a_time_as_it_was(kind: Evidence) -> None:
    """With all that stood then, persisting or not; after that it is not measured."""
    for sections in SPECS:
        spec = spec_with(*sections)
        for level in (None, *LEVELS):
            own = [] if level is None else [found_of(kind, 1, level)]
            weeks = [evidence(0), evidence(1, *own)]
            weeks += [evidence(week, unmeasured=[kind]) for week in range(2, 14)]
            told = [VERDICTS.index(one) for one in verdicts(spec, weeks)]
            about = f"{sections}, {kind} {level}: {told}"
            assert min(told[2:]) >= told[1], about
            assert told[-1] > 0, about


@pytest.mark.parametrize("sections", [(), tuple(one for one in SECTIONS if one != "alerts")])
def test_all_combinations_of_what_was_measured(sections: tuple[str, ...]) -> None:
    """Whatever was measured in the first window, each kind of it alone then goes."""
    spec = spec_with(*sections)
    for had in itertools.product((True, False), repeat=len(MEASURED)):
        lost = [one for one, there in zip(MEASURED, had, strict=True) if not there]
        before = without(evidence(0), lost)
        for kind in set(MEASURED) - set(lost):
            found = verdicts(spec, [before, without(evidence(1), [*lost, kind])])
            assert found[1] != "healthy", (lost, kind)


def random_weeks(rng: random.Random) -> Iterator[WindowEvidence]:
    for week in range(8):
        own = [found_of(kind, week, rng.choice(LEVELS)) for kind in MEASURED if rng.random() < 0.15]
        unmeasured = [kind for kind in MEASURED if rng.random() < 0.1]
        yield (
            without(evidence(week, *own), unmeasured)
            if rng.random() < 0.3
            else evidence(week, *own, unmeasured=unmeasured)
        )


def test_taking_rows_away_anywhere_makes_no_window_healthy() -> None:
    rng = random.Random(SEED)
    for turn in range(400):
        spec = spec_with(*rng.choice(SPECS))
        weeks, kind = list(random_weeks(rng)), rng.choice(MEASURED)
        # Of evidence that was measured before: what never was is missed where it is asked for.
        first = next((n for n, one in enumerate(weeks) if measured(one, kind)), None)
        if first is None or first == len(weeks) - 1:
            continue
        at = rng.randrange(first + 1, len(weeks))
        gone = [*weeks[:at], *(without(one, [kind]) for one in weeks[at:])]
        about = f"seed {SEED}, turn {turn}: {kind} from window {at} on"
        assert "healthy" not in verdicts(spec, gone)[at:], about


@pytest.mark.parametrize("kind", MEASURED)
def test_a_row_that_says_unmeasured_brings_nothing_back(kind: Evidence) -> None:
    """Measured, then gone, then there again without a figure."""
    for sections in SPECS:
        spec = spec_with(*sections)
        weeks = [evidence(0), without(evidence(1), [kind]), evidence(2, unmeasured=[kind])]
        assert "healthy" not in verdicts(spec, weeks)[1:], sections


def test_another_debt_of_its_kind_does_not_close_what_was_not_looked_at() -> None:
    """A finding that is in every window, such as a forced version, is no measurement of others."""
    forced, drift = found_of("data", 0, "major"), found_of("data", 0, "critical")
    forced, drift = replace(forced, debt="forced: x"), replace(drift, debt="drift of x")
    weeks = [evidence(week, forced, drift) for week in range(3)]
    weeks += [
        replace(without(evidence(week), ["data"]), findings=(forced,)) for week in range(3, 9)
    ]
    found = assess(model_of(spec_with()), weeks, [])
    assert not [one for one in found.entries if one.action == "closed"]
    assert {one.name for one in found.health[-1].debts} >= {"forced: x", "drift of x"}


def parts_of(kind: Evidence) -> list[str]:
    """Ids of two debts of one kind, each with its own subject."""
    return [found_of(kind, 0, "minor").debt + one for one in ("", "y")]


@pytest.mark.parametrize("kind", MEASURED)
def test_a_part_of_its_kind_that_goes_closes_nothing(kind: Evidence) -> None:
    """Others are measured on, and the kind is measured in full by the rows that there are."""
    own, other = parts_of(kind)
    for level in LEVELS:
        found = [replace(found_of(kind, week, level), debt=own) for week in range(3)]
        both = {own: True, other: True}
        weeks = [replace(evidence(week, found[week]), subjects=both) for week in range(3)]
        weeks += [replace(evidence(week), subjects={other: True}) for week in range(3, 9)]
        gone = assess(model_of(spec_with()), weeks, [])
        assert "healthy" not in [one.judgement.verdict for one in gone.health[1:]], level
        assert not [one for one in gone.entries if one.action == "closed"], level
        # Looked at again, and not found.
        back = [replace(evidence(week), subjects=both) for week in range(9, 12)]
        closed = assess(model_of(spec_with()), [*weeks, *back], [])
        assert closed.health[-1].judgement.verdict == "healthy", level


def test_an_input_that_no_row_tells_of_any_more_is_missed() -> None:
    """Whether or not anything stood against it; until it is said that it is not watched."""
    both = {"drift of a": True, "drift of b": True}
    weeks = [replace(evidence(week), subjects=both) for week in range(2)]
    weeks += [replace(evidence(week), subjects={"drift of b": True}) for week in range(2, 5)]
    found = judged(parse_spec(BASE), weeks)
    assert [one.judgement.verdict for one in found] == ["healthy"] * 2 + ["watch"] * 3
    (reason,) = found[-1].judgement.reasons
    assert "measured by 50%: no row tells any more of: drift of a" in reason.reason
    spec = parse_spec(BASE.replace("[data]", "[data], not_expected: [drift of a]"))
    assert {one.judgement.verdict for one in judged(spec, weeks)} == {"healthy"}


def test_a_comparison_that_no_row_tells_of_any_more_is_missed() -> None:
    """As long as the spec asks for it, and once where the whole column is gone."""
    both = {"drift of a": {"baseline": True, "previous": True}}
    asked = frozenset({"baseline", "previous"})

    def week(number: int, compared, subjects=(("drift of a", True),)) -> WindowEvidence:
        own = evidence(number)
        return replace(own, subjects=dict(subjects), compared=compared, asked=asked)

    weeks = [week(0, both), week(1, {"drift of a": {"previous": True}}), week(2, both)]
    found = judged(parse_spec(BASE), weeks)
    assert [one.judgement.verdict for one in found] == ["healthy", "watch", "healthy"]
    (reason,) = found[1].judgement.reasons
    assert "no row tells any more of: drift of a against baseline" in reason.reason
    unasked = [replace(one, asked=frozenset({"previous"})) for one in weeks]
    assert {one.judgement.verdict for one in judged(parse_spec(BASE), unasked)} == {"healthy"}
    # One that says that it was not measured is told of.
    weeks[1] = week(1, {"drift of a": {"previous": True, "baseline": False}})
    assert {one.judgement.verdict for one in judged(parse_spec(BASE), weeks)} == {"healthy"}


def test_what_was_told_without_a_set_is_not_missed_with_one() -> None:
    assert NO_SET == performance_rules.NO_SET
    weeks = [replace(evidence(0), subjects={"evaluation of :none: training_age": True})]
    weeks += [
        replace(evidence(week), subjects={"evaluation of launch: training_age": True})
        for week in (1, 2)
    ]
    found = judged(parse_spec(BASE), weeks)
    assert {one.judgement.verdict for one in found} == {"healthy"}


def test_a_debt_that_is_not_watched_any_more_is_declared() -> None:
    _, other = parts_of("data")
    found = [replace(found_of("data", week, "major"), debt="drift of x") for week in range(3)]
    weeks = [replace(evidence(week, found[week]), subjects={other: True}) for week in range(3)]
    weeks += [replace(evidence(week), subjects={other: True}) for week in range(3, 6)]
    spec = parse_spec(BASE.replace("[data]", "[data], not_expected: [drift of x]"))
    closed = [one for one in assess(model_of(spec), weeks, []).entries if one.action == "closed"]
    assert [(one.window_start, one.reason) for one in closed] == [
        (start(3), "drift of x is not watched any more: policy.not_expected")
    ]


def test_rows_taken_away_one_subject_at_a_time_never_make_a_window_healthy() -> None:
    """Of rows as a store gives them: of whatever was found, all rows of its subject go."""
    rng = random.Random(SEED)
    names = [f"c{n}" for n in range(4)]
    for turn in range(200):
        rows: list[Told] = []
        ill = rng.choice(names)
        for week in range(8):
            there = [one for one in names if week < 4 or one != ill]
            told = json.dumps([[one, "baseline", "+"] for one in there])
            rows += [
                Told("m", "window", start(week), end=start(week + 1), count=100),
                Told("m", "coverage", start(week), name="data", count=4, of=4, subject=told),
            ]
            if week < 4 and (week > 0 or rng.random() < 0.5):
                found_in = {"name": ill, "subject": "baseline", "grade": rng.choice(LEVELS)}
                rows.append(Told("m", "alert", start(week), **found_in))
        rng.shuffle(rows)
        found = judged(parse_spec(BASE), windows_of(rows))
        assert "healthy" not in [one.judgement.verdict for one in found[1:]], f"{SEED}, {turn}"
        assert [one.name for one in found[-1].debts] == [f"drift of {ill}"], f"{SEED}, {turn}"


def measured(week: WindowEvidence, kind: str) -> bool:
    return kind in week.coverage and week.coverage[kind].measured > 0


def test_what_is_not_watched_any_more_is_declared() -> None:
    """Then it is not missed, and its debts are closed with that reason."""
    spec = parse_spec(BASE.replace("[data]", "[data], not_expected: [operations]"))
    own = [found_of("operations", week, "major") for week in range(3)]
    weeks = [evidence(week, own[week]) for week in range(3)]
    weeks += [without(evidence(week), ["operations"]) for week in range(3, 6)]
    found = assess(model_of(spec), weeks, [])
    assert [one.judgement.verdict for one in found.health[3:]] == ["healthy"] * 3
    closed = [one for one in found.entries if one.action == "closed"]
    assert [(one.window_start, one.reason) for one in closed] == [
        (start(3), "operations is not watched any more: policy.not_expected")
    ]
    silent = assess(model_of(parse_spec(BASE)), weeks, [])
    assert [one.judgement.verdict for one in silent.health[3:]] == ["watch"] * 3
    assert not [one for one in silent.entries if one.action == "closed"]


def test_what_did_not_persist_is_carried_once_only() -> None:
    """One window of three is too few for a debt; it stays what it was until it is measured."""
    weeks = [
        evidence(0),
        evidence(1, found_of("operations", 1, "critical")),
        evidence(2, unmeasured=["operations"]),
        evidence(3),
    ]
    spec = spec_with("operations")
    assert verdicts(spec, weeks) == ["healthy", "watch", "watch", "healthy"]

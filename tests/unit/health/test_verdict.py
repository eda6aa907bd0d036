"""The policy over all combinations of levels: what worse and what missing evidence does."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from sparkdrift.health.verdict import (
    FULL,
    LEVEL_NAMES,
    TOO_LITTLE,
    Level,
    compiled,
    judge,
    rank,
    rank_gaps,
    rank_values,
    told,
)
from sparkdrift.spec.health_policy import DEFAULT_RULES, EVIDENCE, LEVELS, VERDICTS, Rule

NEEDS = ("performance", "evaluation", "data")
VALUES = (0, 1, 2, 3)
GAPS = (0, 1, 2)
MASK = tuple(
    (at, VERDICTS.index("blind" if one in NEEDS else "watch")) for at, one in enumerate(EVIDENCE)
)
SEED = 20261126
WATCH, BLIND = VERDICTS.index("watch"), VERDICTS.index("blind")


def over(options, count) -> np.ndarray:
    """`count` of every combination: one axis per kind of evidence."""
    every = itertools.product(options, repeat=len(EVIDENCE))
    size = len(options) ** len(EVIDENCE)
    found = np.fromiter((count(one) for one in every), dtype=np.int8, count=size)
    return found.reshape((len(options),) * len(EVIDENCE))


@pytest.fixture(scope="module")
def of_values() -> np.ndarray:
    ready = compiled(DEFAULT_RULES)
    return over(VALUES, lambda one: rank_values(one, ready))


@pytest.fixture(scope="module")
def of_gaps() -> np.ndarray:
    return over(GAPS, lambda one: rank_gaps(one, MASK))


def test_a_verdict_is_the_weightier_of_what_stands_and_what_is_missing() -> None:
    """So all levels with all gaps, 12 to the power of 9, are in order where both are."""
    rng, ready = random.Random(SEED), compiled(DEFAULT_RULES)
    for _ in range(20_000):
        values = [rng.choice(VALUES) for _ in EVIDENCE]
        gaps = [rng.choice(GAPS) for _ in EVIDENCE]
        both = max(rank_values(values, ready), rank_gaps(gaps, MASK))
        assert rank(values, gaps, ready, MASK) == both, f"seed {SEED}: {values}, {gaps}"


def test_worse_and_less_evidence_never_improve_a_verdict(
    of_values: np.ndarray, of_gaps: np.ndarray
) -> None:
    for axis in range(len(EVIDENCE)):
        assert (np.diff(of_values, axis=axis) >= 0).all(), EVIDENCE[axis]
        assert (np.diff(of_gaps, axis=axis) >= 0).all(), EVIDENCE[axis]


def test_exactly_one_combination_is_healthy(of_values: np.ndarray, of_gaps: np.ndarray) -> None:
    """All is measured in full, and nothing stands."""
    assert np.argwhere(of_values == 0).tolist() == [[0] * len(EVIDENCE)]
    assert np.argwhere(of_gaps == 0).tolist() == [[0] * len(EVIDENCE)]


def test_every_verdict_is_reached(of_values: np.ndarray, of_gaps: np.ndarray) -> None:
    assert {*np.unique(of_values), *np.unique(of_gaps)} == set(range(len(VERDICTS)))


def test_without_needed_evidence_a_model_is_blind_at_least(of_gaps: np.ndarray) -> None:
    for name in NEEDS:
        axis = EVIDENCE.index(name)
        assert np.take(of_gaps, TOO_LITTLE, axis=axis).min() == BLIND
        assert np.take(of_gaps, FULL, axis=axis).min() == 0


def some_levels(rng: random.Random) -> dict[str, Level]:
    return {
        one: Level(rng.choice((None, *VALUES)), rng.choice((0.0, 0.02, 0.5, 0.98, 1.0)))
        for one in EVIDENCE
    }


def test_levels_that_are_worse_or_less_measured_never_improve_it() -> None:
    """The same through the levels as windows have them, and whatever is asked for."""
    rng = random.Random(SEED)
    for turn in range(3000):
        known, name = some_levels(rng), rng.choice(EVIDENCE)
        one = known[name]
        worse = Level(min((one.value or 0) + 1, 3), one.measured if one.value is not None else 0.0)
        less = Level(one.value, one.measured / 2)
        needs, least = rng.sample(EVIDENCE, 3), rng.choice((0.0, 0.5, 1.0))
        before, after, lost = (
            VERDICTS.index(judge(levels, DEFAULT_RULES, needs, EVIDENCE, least).verdict)
            for levels in (known, {**known, name: worse}, {**known, name: less})
        )
        about = f"seed {SEED}, turn {turn}: {known}, {name}"
        assert after >= before, about
        assert lost >= before, about
        assert lost > 0 or less.measured >= 1, about


def test_a_part_is_never_taken_for_the_whole() -> None:
    """One of 50 columns is too little of what is needed, and all but one are not all."""
    part = {**levels(), "data": Level(0, 0.02, "b: insufficient_data")}
    found = judge(part, DEFAULT_RULES, NEEDS, EVIDENCE)
    assert found.verdict == "blind"
    assert found.reasons[0].reason == "measured by 2%: b: insufficient_data"
    assert found.rules == ("data not measured, and needed: blind",)
    most = {**levels(), "data": Level(0, 0.98, "b: insufficient_data")}
    found = judge(most, DEFAULT_RULES, NEEDS, EVIDENCE)
    assert (found.verdict, found.severity) == ("watch", "minor")
    assert found.rules == ("data measured in part: watch",)
    assert found.would_change == "healthy once data is measured and ok"
    assert judge(part, DEFAULT_RULES, NEEDS, EVIDENCE, least=0.01).verdict == "watch"
    assert judge(most, DEFAULT_RULES, NEEDS, EVIDENCE, least=0.99).verdict == "blind"


def test_rules_that_somebody_writes_are_as_monotone() -> None:
    """Over the levels of some of the evidence at a time; any rules at all."""
    rng = random.Random(SEED)
    actions = ("watch", "recalibrate", "refresh_evaluation", "retrain", "retire")
    for turn in range(200):
        rules = [
            Rule(
                when={
                    one: rng.choice(LEVELS)
                    for one in rng.sample(EVIDENCE, rng.choice((1, 1, 2, 3)))
                },
                verdict=rng.choice(actions),
            )
            for _ in range(rng.randint(1, 6))
        ]
        ready = compiled(rules)
        for _ in range(200):
            values = [rng.choice(VALUES) for _ in EVIDENCE]
            at = rng.randrange(len(EVIDENCE))
            before = rank_values(values, ready)
            about = f"seed {SEED}, turn {turn}: {rules}, {values}, {EVIDENCE[at]}"
            if values[at] < 3:
                worse = [*values[:at], values[at] + 1, *values[at + 1 :]]
                assert rank_values(worse, ready) >= before, about


def levels(**given: int | None) -> dict[str, Level]:
    return {one: Level(given.get(one, 0), float(given.get(one, 0) is not None)) for one in EVIDENCE}


CASES = [
    ({}, "healthy", None),
    ({"feedback": 1}, "watch", "minor"),
    ({"data": 3}, "watch", "critical"),
    ({"ownership": 2}, "watch", "major"),
    ({"performance": None}, "blind", "major"),
    ({"performance": None, "data": 3}, "blind", "major"),
    ({"calibration": 2}, "recalibrate", "major"),
    ({"evaluation": 2, "calibration": 3}, "refresh_evaluation", "major"),
    ({"dashboard": 2}, "refresh_evaluation", "major"),
    ({"dashboard": 2, "data": 2}, "retrain", "major"),
    ({"data": 2, "feature": 3}, "retrain", "critical"),
    ({"performance": 2, "evaluation": None}, "retrain", "major"),
    ({"performance": 3}, "retire", "critical"),
]


@pytest.mark.parametrize(("given", "verdict", "severity"), CASES)
def test_the_defaults(given: dict[str, int | None], verdict: str, severity: str | None) -> None:
    found = judge(levels(**given), DEFAULT_RULES, NEEDS, EVIDENCE)
    assert (found.verdict, found.severity) == (verdict, severity)
    assert found.rules or verdict == "healthy"
    assert found.would_change


def test_what_is_not_expected_is_not_missed() -> None:
    """Needed evidence is expected whatever the spec declares."""
    known = {one: Level(0) for one in NEEDS}
    found = judge(known, DEFAULT_RULES, NEEDS, ())
    assert (found.verdict, found.confidence) == ("healthy", 1.0)
    assert judge({}, DEFAULT_RULES, NEEDS, ()).verdict == "blind"
    assert judge({}, DEFAULT_RULES, NEEDS, ()).confidence == 0.0


def test_confidence_is_the_weight_of_what_was_there() -> None:
    half = {**levels(), "performance": Level(0, weight=0.5), "data": Level(None, 0.0)}
    found = judge(half, DEFAULT_RULES, NEEDS, NEEDS)
    assert found.confidence == pytest.approx((4 * 0.5 + 2) / 8)


def test_the_verdict_says_what_would_change_it() -> None:
    found = judge(levels(performance=2, calibration=2), DEFAULT_RULES, NEEDS, EVIDENCE)
    assert found.would_change == "recalibrate once performance is ok"
    both = judge(levels(evaluation=2, dashboard=2), DEFAULT_RULES, NEEDS, EVIDENCE)
    assert both.would_change == "healthy once all of these are ok: evaluation, dashboard"


def test_a_rule_in_words() -> None:
    assert [told(one) for one in DEFAULT_RULES[2:4]] == [
        "dashboard major or worse and data major or worse: retrain",
        "data major or worse and feature critical: retrain",
    ]
    assert LEVEL_NAMES[1:] == LEVELS

"""The policy over all combinations of levels: what worse and what missing evidence does."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from sparkdrift.health.verdict import LEVEL_NAMES, Level, compiled, judge, rank, told
from sparkdrift.spec.health_policy import DEFAULT_RULES, EVIDENCE, LEVELS, VERDICTS, Rule

NEEDS = ("performance", "evaluation", "data")
VALUES = (None, 0, 1, 2, 3)
SEED = 20261126


def ranks(rules, needs, expected) -> np.ndarray:
    """The place of the verdict by levels: one axis per kind of evidence, not measured first."""
    places = {one: at for at, one in enumerate(EVIDENCE)}
    missing = tuple(
        (places[one], VERDICTS.index("blind" if one in needs else "watch"))
        for one in EVIDENCE
        if one in expected or one in needs
    )
    ready = compiled(rules)
    count = len(VALUES) ** len(EVIDENCE)
    found = np.fromiter(
        (rank(one, ready, missing) for one in itertools.product(VALUES, repeat=len(EVIDENCE))),
        dtype=np.int8,
        count=count,
    )
    return found.reshape((len(VALUES),) * len(EVIDENCE))


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return ranks(DEFAULT_RULES, NEEDS, EVIDENCE)


def test_worse_evidence_never_improves_a_verdict(whole: np.ndarray) -> None:
    for axis in range(len(EVIDENCE)):
        measured = np.take(whole, range(1, len(VALUES)), axis=axis)
        assert (np.diff(measured, axis=axis) >= 0).all(), EVIDENCE[axis]


def test_removed_evidence_never_gives_healthy(whole: np.ndarray) -> None:
    for axis in range(len(EVIDENCE)):
        assert (np.take(whole, 0, axis=axis) != VERDICTS.index("healthy")).all(), EVIDENCE[axis]


def test_exactly_one_combination_is_healthy(whole: np.ndarray) -> None:
    """All is measured, and nothing stands."""
    assert np.argwhere(whole == 0).tolist() == [[1] * len(EVIDENCE)]


def test_every_verdict_is_reached(whole: np.ndarray) -> None:
    assert set(np.unique(whole)) == set(range(len(VERDICTS)))


def test_without_needed_evidence_a_model_is_blind_at_least(whole: np.ndarray) -> None:
    for name in NEEDS:
        axis = EVIDENCE.index(name)
        assert np.take(whole, 0, axis=axis).min() == VERDICTS.index("blind")


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
        missing = tuple((at, VERDICTS.index("watch")) for at in range(len(EVIDENCE)))
        for _ in range(200):
            values = [rng.choice(VALUES) for _ in EVIDENCE]
            at = rng.randrange(len(EVIDENCE))
            before = rank(values, ready, missing)
            about = f"seed {SEED}, turn {turn}: {rules}, {values}, {EVIDENCE[at]}"
            if values[at] is not None and values[at] < 3:
                worse = [*values[:at], values[at] + 1, *values[at + 1 :]]
                assert rank(worse, ready, missing) >= before, about
            lost = [*values[:at], None, *values[at + 1 :]]
            assert rank(lost, ready, missing) > 0, about


def levels(**given: int | None) -> dict[str, Level]:
    return {one: Level(given.get(one, 0)) for one in EVIDENCE}


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
    half = {**levels(), "performance": Level(0, 0.5), "data": Level(None, 0.0)}
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

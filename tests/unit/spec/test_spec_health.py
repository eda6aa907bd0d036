"""The section `policy`: what is accepted, and what contradicts itself."""

from __future__ import annotations

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.spec.health_checks import _contradiction
from sparkdrift.spec.health_policy import DEFAULT_RULES
from sparkdrift.spec.loading import parse_spec

SPEC = """\
monitor: m
owner: claims
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount]}
policy:
"""


def problem(text: str):
    with pytest.raises(SpecError) as raised:
        parse_spec(SPEC + text, "m.yml")
    assert len(raised.value.problems) == 1, raised.value
    return raised.value.problems[0]


def test_all_of_it_is_accepted() -> None:
    text = """\
  rules:
    - {when: {performance: major}, verdict: retrain}
    - {when: {performance: major, data: critical}, verdict: retire}
  needs: [data]
  persistence: {windows: 3, of: 4}
  closes_after: 4
  due: {minor: 60 days, major: 20 days, critical: 1 day}
  ages: {performance: 90 days}
  escalation: head of claims
"""
    policy = parse_spec(SPEC + text).policy
    assert policy.rules[1].when == {"performance": "major", "data": "critical"}
    assert (policy.needs, policy.escalation) == (("data",), "head of claims")


def test_the_default_rules_do_not_contradict_each_other() -> None:
    for at, one in enumerate(DEFAULT_RULES):
        assert not any(_contradiction(one, other) for other in DEFAULT_RULES[:at])


RULES = "  rules:\n    - {when: {data: major}, verdict: retrain}\n    - "
BAD = [
    (RULES + "{when: {data: major}, verdict: watch}\n", 9, "same 'when' and different verdicts"),
    (
        RULES + "{when: {data: critical, feature: minor}, verdict: recalibrate}\n",
        9,
        "never decides: data major or worse is retrain already, first on line 8",
    ),
    (RULES + "{when: {data: major}, verdict: retrain}\n", 9, "stands there twice"),
    (RULES + "{when: {}, verdict: retrain}\n", 9, "would always hold"),
    ("  rules: []\n", 7, "no rules"),
    ("  needs: []\n", 7, "no model would ever be blind"),
    ("  due: {major: 5 days}\n", 7, "critical is due later than what is major"),
    ("  due: {minor: 5 days, major: 4 days}\n", 7, "critical is due later than what is major"),
    ("  persistence: {windows: 4}\n", 7, "more windows (4) are asked for"),
    ("  needs: [data, data]\n", 7, "named twice"),
    ("  escalation: Claims\n", 7, "this is the owner"),
]


@pytest.mark.parametrize(("text", "line", "message"), BAD)
def test_what_contradicts_itself(text: str, line: int, message: str) -> None:
    found = problem(text)
    assert (found.line, message in found.message) == (line, True), found


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("  rules:\n    - {when: {data: major}, verdict: retrane}\n", "retrain"),
        ("  needs: [dater]\n", "data"),
        ("  rules:\n    - {when: {data: healthy}, verdict: retrain}\n", None),
        ("  closes_afer: 3\n", "closes_after"),
    ],
)
def test_what_does_not_exist(text: str, nearest: str | None) -> None:
    assert problem(text).nearest == nearest


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("  needs: [data, operations]\n", "it is in policy.needs"),
        ("operations: {override: {expression: x}}\n", "the section that asks for it (operations)"),
    ],
)
def test_what_is_asked_for_is_expected(more: str, told: str) -> None:
    found = problem("  not_expected: [operations]\n" + more)
    assert (found.line, told in found.message) == (7, True)
    assert parse_spec(SPEC + "  not_expected: [operations]\n").policy.not_expected


def test_what_is_not_expected_is_evidence_or_a_debt() -> None:
    given = "  not_expected: [drift of gone, 'features: encoding of a', blind dashboard]\n"
    assert parse_spec(SPEC + given).policy.not_expected[0] == "drift of gone"
    found = problem("  not_expected: [operatons]\n")
    assert (found.line, found.nearest) == (7, "operations")
    assert "the id of a debt" in (found.accepted or "")


@pytest.mark.parametrize(
    ("debt", "more", "still"),
    [
        ("drift of amount", "", "the feature amount"),
        ("operations of override", "operations: {override: {expression: x}}\n", "the signal"),
    ],
)
def test_what_the_spec_still_has_is_expected(debt: str, more: str, still: str) -> None:
    found = problem(f"  not_expected: [{debt}]\n{more}")
    assert f"the spec still has {still}" in found.message


EVALUATED = """\
prediction: {score: s, label: y, label_delay: 7 days}
slices: [region]
evaluation: {sets: {launch: {table: a.l}}, thresholds: {approve: {value: 0.5}}, metrics: [f1]}
"""


@pytest.mark.parametrize(
    ("debt", "asked"),
    [
        ("'calibration of launch, approve: threshold_age'", True),
        ("'calibration of launch, gone: threshold_age'", False),
        ("'evaluation of launch: gap_max'", True),
        ("'evaluation of gone: gap_max'", False),
        ("'evaluation of launch, gone: missing_slices'", False),
        ("performance of f1", True),
        ("performance of recall", False),
        ("performance of f1 by region", True),
        ("performance of f1 by gone", False),
        ("assumption range of amount", False),
    ],
)
def test_of_parts_what_the_spec_still_names_is_expected(debt: str, asked: bool) -> None:
    text = f"  not_expected: [{debt}]\n{EVALUATED}"
    if asked:
        assert "the spec still has" in problem(text).message
    else:
        assert parse_spec(SPEC + text).policy.not_expected

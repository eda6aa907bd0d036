"""The sections dependence and assumptions: what is accepted, and every mistake on its line."""

from __future__ import annotations

import pytest

from sparkdrift.errors import Problem, SpecError
from sparkdrift.spec.assumptions import declared_pairs
from sparkdrift.spec.digests import assumption_hash, policy_hash
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import resolve

SPEC = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [income, age, {column: loan, formerly: amount}], categorical: [region]}
prediction: {score: score, decision: approved}
"""

ORDERS = "assumptions:\n  monotone:\n"


def problem(lines: str, spec: str = SPEC) -> Problem:
    with pytest.raises(SpecError) as caught:
        parse_spec(spec + lines, "a.yml")
    (found,) = caught.value.problems
    return found


def parsed(lines: str) -> MonitorSpec:
    return parse_spec(SPEC + lines)


def test_without_their_sections_nothing_is_assumed() -> None:
    spec = parse_spec(SPEC)
    assert (spec.dependence, spec.assumptions) == (None, None)


@pytest.mark.parametrize("written", ["auto", "{auto: true}", "{auto: yes}"])
def test_auto_in_short_and_in_full(written: str) -> None:
    found = parsed(f"dependence: {written}").dependence
    assert found is not None
    assert (found.auto, found.most_features, found.limit, found.pairs) == (True, 20, 0.1, ())


def test_off_is_not_looked_at_and_null_is_an_open_end() -> None:
    spec = parsed(
        "assumptions: {features: {income: {range: [0, null]}, age: {range: off},"
        " region: {domain: off, not_null: off}}}"
    )
    assert spec.assumptions is not None
    features = spec.assumptions.features
    assert features["income"].range == (0.0, None)
    assert features["age"].range is False
    assert (features["region"].domain, features["region"].not_null) == (False, False)


def test_pairs_of_all_sections_are_profiled_once() -> None:
    spec = parsed(
        "dependence: {pairs: [[income, age]]}\n"
        "assumptions: {independent: [[age, score]], monotone: [{column: income, with: age}]}\n"
    )
    found = declared_pairs(spec.dependence, spec.assumptions)
    assert found == [("age", "income"), ("age", "score")]


@pytest.mark.parametrize(
    ("lines", "message", "line"),
    [
        ("dependence: {auto: off}", "no pair is asked for", 7),
        ("dependence: {pairs: [[age, age]]}", "both features of the pair are the same", 7),
        ("dependence:\n  pairs:\n    - [age, income]\n    - [income, age]", "named twice", 10),
        ("dependence: {pairs: [[age, region]]}", "a correlation is of numbers", 7),
        ("dependence: {pairs: [[age, incone]]}", "no feature of the monitor", 7),
        ("dependence: {auto: on, limit: 0}", "limit", 7),
        ("assumptions: {features: {age: {}}}", "nothing is assumed", 7),
        ("assumptions: {features: {age: {range: [9, 1]}}}", "ends before it begins", 7),
        ("assumptions: {features: {age: {range: [null, null]}}}", "open at both ends", 7),
        ("assumptions: {features: {age: {range: 7}}}", "this is no range", 7),
        ("assumptions: {features: {age: {domain: [x]}}}", "a domain is of categories", 7),
        ("assumptions: {features: {region: {range: [0, 1]}}}", "a range is of numbers", 7),
        ("assumptions: {features: {region: {domain: []}}}", "a domain of no size", 7),
        ("assumptions: {features: {amounts: {not_null: on}}}", "no feature of the monitor", 7),
        ("assumptions: {monotone: [{column: age, with: age}]}", "always rises with itself", 7),
        ("assumptions: {features: {age: {range: [0, 1], domain: off}}}", "not both", 7),
        (
            f"{ORDERS}    - {{column: age}}\n    - {{column: age, order: decreasing}}",
            "the order of age is given increasing and decreasing, first on line 9",
            10,
        ),
        (
            f"{ORDERS}    - {{column: income, with: age}}\n    - {{column: age, with: income}}",
            "the order of age with income is given twice, first on line 9",
            10,
        ),
        (
            "dependence:\n  pairs: [[age, income]]\nassumptions:\n  independent: [[income, age]]",
            "also in dependence.pairs, first on line 8",
            10,
        ),
        ("assumptions: {examples: all}", "examples", 7),
    ],
)
def test_a_mistake_is_told_on_its_line(lines: str, message: str, line: int) -> None:
    found = problem(lines)
    assert message in found.message
    assert found.line == line


def test_a_feature_and_its_pairs_have_an_order_each() -> None:
    spec = parsed(
        "dependence: auto\nassumptions: {independent: [[age, income]],"
        " monotone: [{column: age}, {column: age, with: amount}, {column: amount}]}"
    )
    assert spec.assumptions is not None
    assert len(spec.assumptions.monotone) == 3


def test_a_misspelt_name_has_a_nearest_one() -> None:
    assert problem("dependence: {pairs: [[age, incone]]}").nearest == "income"


def test_under_auto_only_the_table_knows_the_features() -> None:
    text = SPEC.replace("{numeric", "{auto: true, numeric")
    spec = parse_spec(text + "dependence: {pairs: [[age, height]]}")
    schema = {"t": "timestamp", "income": "double", "age": "int", "loan": "double"}
    schema |= {"region": "string", "score": "double", "approved": "boolean"}
    (found,) = resolve(spec, schema).problems
    assert "no feature of the monitor" in found.message
    assert not resolve(spec, schema | {"height": "double"}).problems
    (found,) = resolve(spec, schema | {"height": "string"}).problems
    assert "a correlation is of numbers" in found.message


def test_what_is_assumed_has_a_hash_of_its_own() -> None:
    plain, other = parsed("dependence: auto"), parsed("dependence: {auto: on, limit: 0.2}")
    assert policy_hash(plain) == policy_hash(other) == policy_hash(parse_spec(SPEC))
    assert assumption_hash(plain) != assumption_hash(other)
    stricter = "dependence: auto\ndrift: {limits: {null_share: 0.01}}"
    assert assumption_hash(plain) != assumption_hash(parsed(stricter))

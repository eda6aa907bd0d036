"""The section `operations`: what is accepted, where a mistake is told, and what it counts."""

from __future__ import annotations

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.spec.digests import (
    definition_hash,
    evaluation_hash,
    operation_hash,
    policy_hash,
)
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.resolving import Feature, resolve

SPEC = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount]}
"""
WATCHED = (
    SPEC
    + """\
operations:
  override:
    expression: decision <> advised
    kind: override
  wait: {value: seconds, kind: latency, effect_size: 4, warn_at: 2}
"""
)
SCHEMA = {
    "t": "timestamp",
    "amount": "double",
    "decision": "string",
    "advised": "string",
    "seconds": "double",
}
EVALUATED = "prediction: {score: score, label: label}\nevaluation: {}\n"


def test_each_signal_is_one_more_metric_that_is_counted_with_the_others() -> None:
    found = parse_spec(WATCHED + "metrics: {volume: {sum: amount}}\n")
    assert list(found.counted_metrics) == ["volume", "override", "wait"]
    resolved = resolve(found, SCHEMA)
    assert not resolved.problems
    assert [one.feature.name for one in resolved.metrics] == [
        *("metric:volume", "metric:override", "metric:wait")
    ]
    thresholds = found.all_thresholds()
    assert (thresholds["metric:wait"].effect_size, thresholds["metric:wait"].warn_at) == (4, 2)
    assert found.operations["override"].worse == "up"
    assert [one.is_share for one in found.operations.values()] == [True, False]


def test_without_the_section_no_digest_changes() -> None:
    plain, watched = parse_spec(SPEC + EVALUATED), parse_spec(WATCHED + EVALUATED)
    amount = resolve(plain, SCHEMA).usable[0]
    for feature in (None, amount):
        assert definition_hash(plain, feature) == definition_hash(watched, feature)
    # Events are counted by score bin beside the scores: their states mean more then.
    assert evaluation_hash(plain) != evaluation_hash(watched)
    means = parse_spec(SPEC + "operations: {wait: {value: seconds}}\n" + EVALUATED)
    assert evaluation_hash(plain) == evaluation_hash(means)


def test_another_condition_is_another_definition_and_another_direction_another_policy() -> None:
    override = Feature("override", "metric", "metric:override")
    spec = parse_spec(WATCHED)
    other = parse_spec(WATCHED.replace("decision <> advised", "decision IS NULL"))
    assert definition_hash(spec, override) != definition_hash(other, override)
    both = parse_spec(WATCHED.replace("kind: override", "kind: override\n    worse: both"))
    assert definition_hash(spec, override) == definition_hash(both, override)
    assert policy_hash(spec) == policy_hash(both)
    assert len({operation_hash(one) for one in (spec, other, both)}) == 3


def test_a_column_that_the_table_lacks_is_named_with_line_and_nearest() -> None:
    found = resolve(parse_spec(WATCHED.replace("advised", "adviced"), "m.yml"), SCHEMA)
    (problem,) = found.problems
    assert (problem.line, problem.given, problem.nearest) == (8, "adviced", "advised")
    # All else goes on: only this signal is not measured.
    assert [one.name for one in found.usable] == ["amount"]
    assert [one.feature.column for one in found.metrics if one.problem is None] == ["wait"]


@pytest.mark.parametrize(
    ("section", "line", "message"),
    [
        ("{a: {expression: x; drop}}", 6, "the signal can't be used"),
        ("{a: {expression: sum(x) > 1}}", 6, "the aggregate 'sum' is refused"),
        ("{a: {value: amount / x}}", 6, "fails on a row where the divisor is 0"),
        ("{a: {value: x, expression: y}}", 6, "both a condition and a value"),
        ("{a: {kind: override}}", 6, "does not say what is counted"),
        ("{a: {expression: x, kind: overide}}", 6, "has a value that does not exist"),
        ("{a: {expression: x, worse: sideways}}", 6, "has a value that does not exist"),
        ("{a: {expression: x, warn_at: 7}}", 6, "warn_at"),
        ("{a: {expresion: x}}", 6, "is not a known key"),
        ("{A: {expression: x}}", 6, "operations"),
        (
            "{a: {expression: x}}\nmetrics: {a: {sum: amount}}",
            6,
            "a metric has this name, first on line 7",
        ),
        ("{shaped: {expression: x}}\nfeedback: {shaped: y}", 6, "stored under this name"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(section: str, line: int, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(f"{SPEC}operations: {section}\n", "m.yml")
    problem = caught.value.problems[0]
    assert problem.line == line
    assert message in problem.message

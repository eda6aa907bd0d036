"""The section `feedback`: what is accepted, where a mistake is told, and what it counts."""

from __future__ import annotations

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.spec.digests import definition_hash, policy_hash, shaped_hash
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.resolving import Feature, resolve

SPEC = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount]}
"""
FED = (
    SPEC
    + """\
feedback:
  shaped: acted_on AND NOT explored
"""
)
SCHEMA = {"t": "timestamp", "amount": "double", "acted_on": "boolean", "explored": "boolean"}
SHAPED = Feature("shaped", "metric", "metric:shaped")


def test_the_share_is_one_more_metric_that_is_counted_with_the_others() -> None:
    found = parse_spec(FED + "metrics: {volume: {sum: amount}}\n")
    assert list(found.metrics) == ["volume"]
    assert list(found.counted_metrics) == ["volume", "shaped"]
    resolved = resolve(found, SCHEMA)
    assert [one.feature.name for one in resolved.watched] == [
        *("amount", "metric:volume", "metric:shaped")
    ]
    assert not resolved.problems
    assert "metric:shaped" in found.all_thresholds()


def test_without_the_section_nothing_changes() -> None:
    plain, fed = parse_spec(SPEC), parse_spec(FED)
    assert plain.counted_metrics == {}
    amount = resolve(plain, SCHEMA).usable[0]
    for feature in (None, amount):
        assert definition_hash(plain, feature) == definition_hash(fed, feature)


def test_another_condition_is_another_definition_and_no_other_policy() -> None:
    other = parse_spec(FED.replace(" AND NOT explored", ""))
    assert definition_hash(other, SHAPED) != definition_hash(parse_spec(FED), SHAPED)
    assert policy_hash(other) == policy_hash(parse_spec(FED))
    assert policy_hash(other) != policy_hash(parse_spec(SPEC))


def test_comparing_shaped_rows_changes_no_other_definition_and_no_policy() -> None:
    plain, compared = parse_spec(FED), parse_spec(FED + "  compare: true\n")
    for feature in (None, resolve(plain, SCHEMA).usable[0], SHAPED):
        own = definition_hash(plain, feature)
        assert own == definition_hash(compared, feature)
        # Rows of the slice are merged with their like alone.
        other = parse_spec(FED.replace(" AND NOT explored", "") + "  compare: true\n")
        assert len({own, shaped_hash(compared, own), shaped_hash(other, own)}) == 3
    assert policy_hash(plain) == policy_hash(compared)


def test_a_column_that_the_table_lacks_is_named_with_line_and_nearest() -> None:
    found = resolve(parse_spec(FED.replace("explored", "explord"), "m.yml"), SCHEMA)
    (problem,) = found.problems
    assert (problem.line, problem.given, problem.nearest) == (7, "explord", "explored")
    # The features go on: only the share is not measured.
    assert [one.name for one in found.usable] == ["amount"]


@pytest.mark.parametrize(
    ("section", "line", "message"),
    [
        ("{shaped: acted_on; drop}", 6, "the condition can't be used"),
        ("{shaped: sum(acted_on)}", 6, "the aggregate 'sum' is refused"),
        ("{shaped: amount / acted_on > 1}", 6, "fails on a row where the divisor is 0"),
        ("{shaped: acted_on, limit: 0}", 6, "'feedback.limit' has a wrong value"),
        ("{shaped: acted_on, limit: 1.5}", 6, "'feedback.limit' has a wrong value"),
        ("{shaped: acted_on, compare: perhaps}", 6, "'feedback.compare' has a wrong value"),
        ("{limit: 0.5}", 6, "'feedback.shaped' is missing"),
        ("{shaped: acted_on, limits: 0.5}", 6, "'feedback.limits' is not a known key"),
        ("{shaped: acted_on}\nmetrics: {shaped: {sum: amount}}", 7, "is stored under this name"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(section: str, line: int, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(f"{SPEC}feedback: {section}\n", "m.yml")
    problem = caught.value.problems[0]
    assert problem.line == line
    assert message in problem.message


def test_alerts_can_name_the_share() -> None:
    parse_spec(FED + 'alerts: {importance: {"metric:shaped": 2}}\n')
    with pytest.raises(SpecError) as caught:
        parse_spec(FED + "alerts: {importance: {shaped: 2}}\n")
    assert caught.value.problems[0].nearest == "metric:shaped"

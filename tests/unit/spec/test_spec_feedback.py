"""The section `feedback`: what is accepted, where a mistake is told, and what it counts."""

from __future__ import annotations

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.spec.decisions import decision_keys, read_of_decisions
from sparkdrift.spec.digests import definition_hash, policy_hash, shaped_hash
from sparkdrift.spec.loading import load_spec, parse_spec
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


DECIDED = (
    SPEC
    + """\
prediction: {key: case}
feedback:
  shaped: coalesce(applied, false) AND amount > 10
  decisions: {path: done, key: case_id, decided_at: at, filter: desk = 'a'}
"""
)
HERE = {"t": "timestamp", "amount": "double", "case": "bigint"}
THERE = {"case_id": "int", "applied": "boolean", "at": "timestamp", "desk": "string"}


def test_the_condition_reads_decisions_of_another_table_beside_the_row() -> None:
    spec = parse_spec(DECIDED)
    assert decision_keys(spec) == (("case", "case_id"),)
    assert read_of_decisions(spec, HERE, THERE) == {"applied": "boolean"}
    found = resolve(spec, HERE, decisions=THERE)
    assert not found.problems
    # Without that table the share is not measured, and the features go on.
    (problem,) = resolve(spec, HERE).problems
    assert problem.given == "applied"
    assert [one.name for one in resolve(spec, HERE).usable] == ["amount"]


@pytest.mark.parametrize(
    ("here", "there", "line", "message"),
    [
        ({"case": None}, {}, 6, "no column 'case'"),
        ({}, {"case_id": None}, 9, "no column 'case_id'"),
        ({"case": "string"}, {}, 9, "can't be joined with 'case' of the watched table"),
        ({}, {"case_id": "array<int>"}, 9, "can't be part of the key"),
        ({}, {"at": None}, 9, "no column 'at'"),
        ({}, {"at": "string"}, 9, "can't be the time of a decision"),
        ({}, {"desk": None}, 9, "no column 'desk'"),
        ({}, {"applied": None}, 8, "no column 'applied'"),
        ({}, {"amount": "double"}, 8, "both the watched table and that of decisions"),
        ({"applied": "boolean"}, {"applied": None}, 8, "reads no column of the table"),
    ],
)
def test_decisions_that_do_not_fit_cost_the_share_alone(here, there, line, message) -> None:
    schemas = []
    for known, changes in ((HERE, here), (THERE, there)):
        changed = {**known, **changes}
        schemas.append({name: kind for name, kind in changed.items() if kind is not None})
    spec = parse_spec(DECIDED, "m.yml")
    found = resolve(spec, schemas[0], decisions=schemas[1])
    (share,) = found.metrics
    assert share.problem is not None
    assert share.problem.line == line
    assert message in share.problem.message
    assert read_of_decisions(spec, *schemas) == {}
    assert [one.name for one in found.usable] == ["amount"]


def test_other_decisions_are_another_definition_of_the_share_alone() -> None:
    plain, fed = parse_spec(DECIDED), parse_spec(DECIDED.replace("path: done", "path: other"))
    bare = parse_spec(DECIDED.replace("  decisions:", "  # decisions:"))
    keyed = parse_spec(DECIDED.replace("{key: case}", "{key: amount}"))
    assert len({definition_hash(one, SHAPED) for one in (plain, fed, bare, keyed)}) == 4
    assert len({shaped_hash(one, "x") for one in (plain, fed, bare, keyed)}) == 4
    amount = resolve(plain, HERE, decisions=THERE).usable[0]
    assert len({definition_hash(one, amount) for one in (plain, fed, bare)}) == 1


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("prediction: {key: case}\nfeedback: {shaped: done, decisions: {key: c}}", "is not named"),
        (
            "prediction: {key: case}\nfeedback: {shaped: done, decisions: {path: a, table: b}}",
            "has both a table and a path",
        ),
        ("feedback: {shaped: done, decisions: {path: a}}", "joined by the key of the prediction"),
        (
            "prediction: {key: case}\nfeedback: {shaped: x, decisions: {path: a, key: [c, d]}}",
            "the key has 2 columns here and 1 there",
        ),
        (
            "prediction: {key: case}\nfeedback: {shaped: x, decisions: {path: a, filter: rand()}}",
            "the filter can't be used",
        ),
    ],
)
def test_what_is_wrong_with_decisions_is_told(section: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(f"{SPEC}{section}\n", "m.yml")
    assert any(message in one.message for one in caught.value.problems)


def test_the_folder_of_decisions_counts_from_the_file(tmp_path) -> None:
    (tmp_path / "m.yml").write_text(DECIDED, encoding="utf-8")
    found = load_spec(tmp_path / "m.yml").feedback
    assert found is not None
    assert found.decisions is not None
    assert found.decisions.path == (tmp_path / "done").as_posix()


def test_alerts_can_name_the_share() -> None:
    parse_spec(FED + 'alerts: {importance: {"metric:shaped": 2}}\n')
    with pytest.raises(SpecError) as caught:
        parse_spec(FED + "alerts: {importance: {shaped: 2}}\n")
    assert caught.value.problems[0].nearest == "metric:shaped"

"""Specs against real tables: the strict reading and the lenient one."""

from __future__ import annotations

import time

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature, ResolvedFeature, resolve, resolve_reference

SPEC = """\
monitor: m
owner: o
source: {table: a.b, filter: environment = 'prod'}
timestamp:
  column: event_time
features:
  numeric:
    - income
    - {column: loan, formerly: amount}
  categorical:
    - region
prediction:
  score: score
  label: label
slices:
  - [region, environment]
"""
SCHEMA = {
    "event_time": "timestamp",
    "Income": "decimal(10,2)",
    "loan": "double",
    "region": "string",
    "environment": "varchar(10)",
    "score": "float",
    "label": "int",
}
AUTO = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: event_time}
features:
  auto: {}
"""


def without(column: str) -> dict[str, str]:
    return {name: data_type for name, data_type in SCHEMA.items() if name != column}


def auto(options: str, more: str = "") -> MonitorSpec:
    return parse_spec(AUTO.replace("{}", options) + more)


def names(spec: MonitorSpec, schema: dict[str, str]) -> list[str]:
    return [feature.name for feature in resolve(spec, schema).usable]


def test_a_spec_that_fits() -> None:
    resolution = resolve(parse_spec(SPEC), SCHEMA)
    assert resolution.problems == ()
    assert resolution.features == (
        ResolvedFeature(Feature("income", "numeric", "income"), "decimal(10,2)"),
        ResolvedFeature(Feature("loan", "numeric", "amount"), "double"),
        ResolvedFeature(Feature("region", "categorical", "region"), "string"),
    )
    assert [(p.role, p.data_type) for p in resolution.predictions] == [
        ("score", "float"),
        ("label", "int"),
    ]
    assert resolution.slices[0].keys == ("region", "environment")


def test_a_missing_feature_is_its_own_problem_only() -> None:
    resolution = resolve(parse_spec(SPEC, "m.yml"), {**without("loan"), "loans": "double"})
    (problem,) = resolution.problems
    assert (problem.file, problem.line, problem.nearest) == ("m.yml", 9, "loans")
    assert resolution.blocking == ()
    assert [feature.name for feature in resolution.usable] == ["income", "region"]
    assert resolution.features[1].data_type is None


@pytest.mark.parametrize(
    ("column", "data_type", "line", "hint"),
    [
        ("Income", "string", 8, "under 'categorical'"),
        ("Income", "boolean", 8, "under 'categorical'"),
        ("Income", "struct<a:int>", 8, "tinyint"),
        ("Income", "timestamp", 8, "tinyint"),
        ("region", "double", 11, "under 'numeric'"),
        ("region", "map<string,int>", 11, "string, char"),
        ("region", "array<string>", 11, "string, char"),
        ("region", "binary", 11, "string, char"),
        ("region", "variant", 11, "string, char"),
        ("region", "interval day to second", 11, "string, char"),
    ],
)
def test_a_retyped_feature(column: str, data_type: str, line: int, hint: str) -> None:
    resolution = resolve(parse_spec(SPEC), {**SCHEMA, column: data_type})
    problem = resolution.problems[0]
    assert (problem.line, problem.given) == (line, data_type)
    assert hint in (problem.accepted or "")
    (changed,) = (one for one in resolution.features if one.problem is not None)
    assert changed.data_type == data_type


@pytest.mark.parametrize(
    "data_type", ["byte", "smallint", "int", "bigint", "float", "double", "decimal(38,0)", "INT"]
)
def test_numeric_types(data_type: str) -> None:
    assert resolve(parse_spec(SPEC), {**SCHEMA, "Income": data_type}).problems == ()


@pytest.mark.parametrize(
    "data_type",
    ["string", "string collate UTF8_LCASE", "char(3)", "varchar(9)", "boolean", "int", "date"],
)
def test_categorical_types(data_type: str) -> None:
    assert resolve(parse_spec(SPEC), {**SCHEMA, "region": data_type}).problems == ()


@pytest.mark.parametrize("data_type", ["timestamp", "timestamp_ntz", "date"])
def test_timestamp_types(data_type: str) -> None:
    assert resolve(parse_spec(SPEC), {**SCHEMA, "event_time": data_type}).blocking == ()


def test_a_wrong_timestamp_blocks() -> None:
    (problem,) = resolve(parse_spec(SPEC), {**SCHEMA, "event_time": "string"}).blocking
    assert problem.line == 5
    assert "to_timestamp" in (problem.accepted or "")
    (problem,) = resolve(parse_spec(SPEC), {**without("event_time"), "eventtime": "date"}).blocking
    assert (problem.line, problem.nearest) == (5, "eventtime")


def test_a_filter_on_an_unknown_column_blocks() -> None:
    resolution = resolve(parse_spec(SPEC), without("environment"))
    assert [problem.line for problem in resolution.blocking] == [3]
    assert [one.problem.line for one in resolution.slices if one.problem] == [16]


def test_hidden_columns_are_no_columns() -> None:
    spec = parse_spec(SPEC.replace("environment = 'prod'", "_metadata.file_path = 'x'"))
    assert "_metadata" in resolve(spec, SCHEMA).blocking[0].message


def test_nested_fields_get_a_hint() -> None:
    spec = parse_spec(SPEC.replace("- income", "- person.income"))
    problem = resolve(spec, {**SCHEMA, "person": "struct<income:int>"}).problems[0]
    assert "from a view" in (problem.accepted or "")


def test_predictions_and_slices_have_types_too() -> None:
    schema = {**SCHEMA, "score": "array<double>", "label": "map<int,int>", "region": "binary"}
    resolution = resolve(parse_spec(SPEC), schema)
    assert [problem.line for problem in resolution.problems] == [11, 13, 14, 16]
    assert resolve(parse_spec(SPEC), without("score")).problems[0].line == 13


AUTO_SCHEMA = {
    "event_time": "timestamp",
    "amount": "double",
    "count": "int",
    "region": "string",
    "flag": "boolean",
    "born": "date",
    "items": "array<int>",
    "Score": "double",
}


def test_auto_takes_numbers_and_texts() -> None:
    resolution = resolve(auto("true", "prediction: {score: score}"), AUTO_SCHEMA)
    assert [(one.name, one.kind) for one in resolution.usable] == [
        ("amount", "numeric"),
        ("count", "numeric"),
        ("region", "categorical"),
        ("flag", "categorical"),
    ]
    assert resolution.problems == ()


def test_auto_include_and_exclude() -> None:
    assert names(auto("{exclude: [COUNT, Score]}"), AUTO_SCHEMA) == ["amount", "region", "flag"]
    assert names(auto("{include: [count, FLAG]}"), AUTO_SCHEMA) == ["count", "flag"]
    spec = auto("{include: [count, amont, items], exclude: [regio]}")
    resolution = resolve(spec, AUTO_SCHEMA)
    assert resolution.blocking == ()
    assert [problem.nearest for problem in resolution.remarks] == ["amount", None, "region"]
    assert [feature.name for feature in resolution.usable] == ["count"]


def test_what_is_declared_wins_over_auto() -> None:
    spec = auto("true\n  categorical: [count, {column: region, formerly: amount}]")
    found = [(f.name, f.kind) for f in resolve(spec, AUTO_SCHEMA).usable]
    assert found == [
        ("count", "categorical"),
        ("amount", "categorical"),
        ("flag", "categorical"),
        ("Score", "numeric"),
    ]


def test_auto_that_finds_nothing_blocks() -> None:
    resolution = resolve(auto("true"), {"event_time": "timestamp", "items": "array<int>"})
    assert [problem.line for problem in resolution.blocking] == [6]


def test_overrides_under_auto_are_checked_against_the_table() -> None:
    more = "drift:\n  overrides:\n    amuont: {effect_size: 0.5}\n    count: {effect_size: 0.5}"
    (remark,) = resolve(auto("true\n", more), AUTO_SCHEMA).problems
    assert (remark.nearest, remark.line) == ("amount", 10)


def test_a_scanned_reference_needs_no_timestamp() -> None:
    spec = parse_spec(SPEC + "reference:\n  table: t\n  filter: split = 'train'\n")
    features = resolve(spec, SCHEMA).usable
    training = {"income": "double", "region": "string", "split": "string", "environment": "string"}
    resolution = resolve_reference(spec, features, training)
    assert [feature.name for feature in resolution.usable] == ["income", "region"]
    assert [problem.line for problem in resolution.problems] == [9]
    blocked = resolve_reference(spec, features, {"income": "double"})
    assert [problem.line for problem in blocked.blocking] == [19]


def test_a_wide_spec_against_a_wrong_table_is_quick() -> None:
    columns = ", ".join(f"feature_{i}" for i in range(2000))
    spec = parse_spec(AUTO.replace("auto: {}", f"numeric: [{columns}]"))
    schema = {"event_time": "date"} | {f"other_column_{i}": "int" for i in range(2000)}
    before = time.process_time()
    assert len(resolve(spec, schema).problems) == 2000
    assert time.process_time() - before < 5


def test_a_spec_made_in_code_resolves_without_lines() -> None:
    spec = MonitorSpec.model_validate(
        {
            "monitor": "m",
            "owner": "o",
            "source": {"table": "t"},
            "timestamp": {"column": "ts"},
            "features": {"numeric": ["x"]},
        }
    )
    (problem, *_) = resolve(spec, {}).problems
    assert (problem.file, problem.line) == (None, None)


def test_a_missing_column_is_told_with_those_most_like_it() -> None:
    text = SPEC.replace("    - income", "    - incme")
    (problem,) = resolve(parse_spec(text), SCHEMA).problems
    assert problem.accepted is not None
    listed = problem.accepted.removeprefix("a column of the table: ").split(", ")
    assert listed[0] == "Income"
    assert sorted(listed) == sorted(SCHEMA)
    wide = {**SCHEMA, **{f"x{i}": "double" for i in range(100)}}
    (problem,) = resolve(parse_spec(text), wide).problems
    assert problem.accepted is not None
    assert problem.accepted.startswith("a column of the table: Income, ")
    assert problem.accepted.endswith(f" and {len(wide) - 12} more")


def test_a_feature_is_asked_for_by_its_section() -> None:
    text = SPEC.replace("    - region", "    - region\n    - income")
    with pytest.raises(SpecError) as found:
        parse_spec(text)
    assert "here under 'categorical' and on line 8 under 'numeric'" in str(found.value)


@pytest.mark.parametrize(
    ("key", "given", "nearest"),
    [
        ("[region, incom]", "incom", "Income"),
        ("tags", "array<string>", None),
        ("region", None, None),
    ],
)
def test_a_key_that_the_table_does_not_have_is_told_and_stops_nothing(key, given, nearest):
    spec = parse_spec(SPEC.replace("  label: label", f"  label: label\n  key: {key}"), "m.yml")
    found = resolve(spec, {**SCHEMA, "tags": "array<string>"})
    assert not found.blocking
    assert not found.unmeasured
    told = [(one.given, one.nearest, one.line) for one in found.remarks]
    assert told == ([] if given is None else [(given, nearest, 15)])

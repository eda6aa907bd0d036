"""Features that are more than a column: expressions, times, vectors, texts."""

from __future__ import annotations

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.spec.digests import definition_hash, policy_hash
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.resolving import Resolution, resolve, resolve_reference
from sparkdrift.spec.selecting import Analysed

SPEC = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: at, zone: Europe/Berlin}
features:
  numeric:
    - plain
    - {name: basket_size, expression: size(items), effect_size: 0.5}
    - {column: born, as: age}
    - {column: seen, as: number}
  categorical:
    - {name: has_flag, expression: "array_contains(map_keys(attrs), 'flag')"}
  vector:
    - {column: embedding, dimension: 3, projections: 2, seed: 7, warn_at: 0.1}
  text:
    - {column: remark, formerly: comment}
"""
SCHEMA = {
    "at": "timestamp",
    "plain": "decimal(38,18)",
    "items": "array<string>",
    "born": "date",
    "seen": "timestamp_ntz",
    "attrs": "map<string,string>",
    "embedding": "array<float>",
    "remark": "string",
}
TYPES = {
    "size(items)": Analysed("int"),
    "array_contains(map_keys(attrs), 'flag')": Analysed("boolean"),
}
NAMES = {
    "plain": "numeric",
    "basket_size": "numeric",
    "born": "numeric",
    "seen": "numeric",
    "has_flag": "categorical",
    "embedding.norm": "numeric",
    "embedding.dimension": "categorical",
    "embedding.projection_0": "numeric",
    "embedding.projection_1": "numeric",
    "comment.length": "numeric",
    "comment.words": "numeric",
    "comment.empty": "categorical",
    "comment.non_ascii": "categorical",
}


def resolved(spec: str = SPEC, schema: dict[str, str] = SCHEMA) -> Resolution:
    return resolve(parse_spec(spec, "m.yml"), schema, TYPES)


def feature(name: str, spec: str = SPEC, schema: dict[str, str] = SCHEMA):
    (found,) = (one for one in resolved(spec, schema).features if one.feature.name == name)
    return found


def test_everything_becomes_plain_features_with_stable_names() -> None:
    resolution = resolved()
    assert resolution.problems == ()
    assert {one.name: one.kind for one in resolution.usable} == NAMES


def test_what_each_feature_takes_from_a_row() -> None:
    assert feature("plain").feature.sql == "`plain`"
    assert feature("basket_size").feature.sql == "(size(items))"
    zone = "'Europe/Berlin'"
    born = f"to_utc_timestamp(CAST(`born` AS TIMESTAMP), {zone})"
    assert feature("born").feature.sql == (
        f"((CAST(unix_micros(`at`) AS DOUBLE) - unix_micros({born})) / 86400000000D)"
    )
    seen = f"to_utc_timestamp(CAST(`seen` AS TIMESTAMP), {zone})"
    assert feature("seen").feature.sql == f"(CAST(unix_micros({seen}) AS DOUBLE) / 1000000D)"
    days = feature("seen", schema={**SCHEMA, "seen": "date"})
    assert days.feature.sql == "unix_date(`seen`)"
    assert feature("embedding.norm").feature.sql == (
        "CASE WHEN size(`embedding`) = 3 THEN vector_norm(CAST(`embedding` AS ARRAY<FLOAT>), 2F)"
        " END"
    )
    assert feature("comment.length").feature.sql == "char_length(`remark`)"
    assert feature("comment.words").feature.sql == r"regexp_count(`remark`, '(?U)\\S+')"


def test_types_are_those_of_the_values() -> None:
    types = {one.feature.name: one.data_type for one in resolved().features}
    assert types["basket_size"] == "int"
    assert types["has_flag"] == "boolean"
    # An embedding that becomes an array of doubles is the same feature; a date is no timestamp.
    assert types["embedding.norm"] == "double"
    assert types["born"] == "date"


def test_thresholds_of_a_vector_hold_for_its_parts() -> None:
    spec = parse_spec(SPEC)
    assert spec.thresholds("embedding.projection_1").warn_at == 0.1
    assert spec.thresholds("basket_size").effect_size == 0.5
    more = parse_spec(SPEC + "drift: {overrides: {comment.words: {effect_size: 1}}}")
    assert more.thresholds("comment.words").effect_size == 1
    assert policy_hash(more) != policy_hash(spec)


def test_golden_hashes_of_derived_features() -> None:
    # A change here makes stored rows foreign: raise STATE_VERSION and say so.
    spec = parse_spec(SPEC)
    hashes = {one.name: definition_hash(spec, one) for one in resolved().usable}
    assert len(set(hashes.values())) == len(hashes)
    assert {name: hashes[name] for name in GOLDEN} == GOLDEN


GOLDEN = {
    "plain": "040c5ce6614c93b5",
    "basket_size": "633cf42b7f59ed25",
    "born": "e5ed255a60722c68",
    "seen": "03670dbbaf3973a3",
    "has_flag": "4a04cc7f8a2bf14b",
    "embedding.norm": "2fb91c87850e1086",
    "embedding.projection_1": "08fb23eb90df523c",
    "comment.words": "7bb83ef51b9d6ff9",
}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("basket_size", "size(items)", "size(items) + 1"),
        ("born", "born, as: age", "born, as: number"),
        ("embedding.norm", "dimension: 3", "dimension: 4"),
        ("embedding.projection_0", "dimension: 3", "dimension: 4"),
        ("embedding.projection_0", "seed: 7", "seed: 8"),
    ],
)
def test_what_changes_a_definition(name: str, old: str, new: str) -> None:
    before, after = feature(name).feature, feature(name, SPEC.replace(old, new)).feature
    spec = parse_spec(SPEC)
    assert definition_hash(spec, before) != definition_hash(spec, after)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("basket_size", "size(items),", "' size(items) ',"),
        ("embedding.norm", "seed: 7", "seed: 8"),
        ("embedding.projection_1", "projections: 2", "projections: 5"),
        ("comment.words", "{column: remark, formerly: comment}", "comment"),
    ],
)
def test_what_leaves_a_definition(name: str, old: str, new: str) -> None:
    schema = {**SCHEMA, "comment": "string"}
    spec, before = parse_spec(SPEC), feature(name).feature
    after = feature(name, SPEC.replace(old, new), schema).feature
    assert definition_hash(spec, before) == definition_hash(spec, after)


REFUSED = {
    "{column: x, expression: y}": "both a column and an expression",
    "{effect_size: 0.5}": "nothing is given",
    "{expression: y}": "has no name",
    "{name: n, column: y}": "a name belongs to an expression",
    "{name: n, expression: y, as: age}": "'as' belongs to a column",
    "{name: n, expression: y, formerly: z}": "'formerly' belongs to a column",
    "{name: n, expression: '1 + 1'}": "reads no column",
    "{name: n, expression: sum(y)}": "the aggregate 'sum' is refused",
    "{name: n, expression: count(y) over (partition by z)}": "the aggregate 'count' is refused",
    "{name: n, expression: rank() over (order by z)}": "'rank' is not one of those",
    "{name: n, expression: (select max(y) from t)}": "'select' is refused",
    "{name: n, expression: y + rand()}": "'rand' is not one of those",
    "{name: n, expression: 'datediff(current_date, y)'}": "'current_date' is refused",
    "{name: n, expression: 'explode(items)'}": "'explode' is not one of those",
    "{name: n, expression: 'y AS z'}": "operator is missing",
    "{name: n, expression: \"java_method('a')\"}": "'java_method' is not one of those",
    "{name: ':table', expression: y}": "it begins with ':'",
    "{name: plain, expression: y}": "another feature is stored under the same name",
    "{name: Embedding.Norm, expression: y}": "another feature is stored under the same name",
    "{name: score, expression: y}": "that of a prediction column",
    "{column: born, as: number}": "the column is a feature twice",
    "{column: born, as: days}": "does not exist",
    "{column: at, as: number}": "the timestamp column can't be a feature",
    "{column: x, ass: age}": "did you mean 'as'",
}


@pytest.mark.parametrize("entry", REFUSED)
def test_refused_entries(entry: str) -> None:
    text = SPEC.replace("    - {column: seen, as: number}", f"    - {entry}")
    with pytest.raises(SpecError) as found:
        parse_spec(text + "prediction: {score: score}")
    assert REFUSED[entry] in str(found.value)


def test_refusals_name_their_line_once() -> None:
    text = SPEC.replace("  text:", "    - {column: embedding, dimension: 9}\n  text:")
    with pytest.raises(SpecError) as found:
        parse_spec(text, "m.yml")
    (problem,) = found.value.problems
    assert (problem.line, problem.message) == (
        15,
        "the column is a feature twice, here under 'vector' and on line 14 under 'vector'",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dimension: 3, ", "", "'features.vector[0].dimension' is missing"),
        ("dimension: 3", "dimension: 0", "wrong value"),
        ("projections: 2", "projections: 65", "wrong value"),
        ("    - {column: embedding, dimension: 3, projections: 2, seed: 7, warn_at: 0.1}",
         "    - embedding", "'features.vector[0].dimension' is missing"),
    ],
)  # fmt: skip
def test_refused_vectors(old: str, new: str, message: str) -> None:
    with pytest.raises(SpecError, match=r"features\.vector") as found:
        parse_spec(SPEC.replace(old, new))
    assert message in str(found.value)


def test_a_time_is_no_category() -> None:
    with pytest.raises(SpecError, match="a time as age is a number"):
        parse_spec(SPEC.replace("  vector:", "    - {column: x, as: age}\n  vector:"))


@pytest.mark.parametrize(
    ("column", "data_type", "name", "hint"),
    [
        ("plain", "binary", "plain", "octet_length(`plain`)"),
        ("plain", "array<int>", "plain", "size(`plain`)"),
        ("plain", "array<double>", "plain", "under 'vector'"),
        ("plain", "map<string,int>", "plain", "map_contains_key(`plain`, 'key')"),
        ("plain", "struct<a:int>", "plain", "`plain`.field"),
        ("plain", "timestamp", "plain", "as: age"),
        ("plain", "date", "plain", "as: age"),
        ("plain", "string", "plain", "under 'categorical'"),
        ("born", "string", "born", "timestamp, timestamp_ntz or date"),
        ("embedding", "array<int>", "embedding.norm", "array<float> or array<double>"),
        ("embedding", "binary", "embedding.projection_0", "array<float> or array<double>"),
        ("remark", "array<float>", "comment.words", "string, char or varchar"),
    ],
)
def test_a_refused_type_comes_with_the_next_step(
    column: str, data_type: str, name: str, hint: str
) -> None:
    found = feature(name, schema={**SCHEMA, column: data_type})
    assert found.problem is not None
    assert found.problem.given == data_type
    assert hint in (found.problem.accepted or "")


@pytest.mark.parametrize("data_type", ["array<float>", "array<double>", "ARRAY<DOUBLE>"])
def test_vector_types(data_type: str) -> None:
    assert resolved(schema={**SCHEMA, "embedding": data_type}).problems == ()


def test_a_lost_column_takes_its_own_features_along() -> None:
    for column, lost in (
        ("items", {"basket_size"}),
        ("attrs", {"has_flag"}),
        ("remark", {name for name in NAMES if name.startswith("comment.")}),
        ("embedding", {name for name in NAMES if name.startswith("embedding.")}),
    ):
        schema = {name: kind for name, kind in SCHEMA.items() if name != column}
        resolution = resolved(schema=schema)
        assert {one.name for one in resolution.usable} == set(NAMES) - lost
        (problem,) = resolution.problems
        assert f"no column '{column}'" in problem.message


@pytest.mark.parametrize(
    ("analysed", "message", "accepted"),
    [
        (Analysed(None, "no such function"), "does not fit the table: no such function", "Spark"),
        (Analysed("string"), "can't be a numeric feature", "or list it under 'categorical'"),
        (Analysed("interval day to second"), "can't be a numeric feature", "tinyint"),
        (Analysed("void"), "can't be a numeric feature", "tinyint"),
    ],
)
def test_what_spark_says_of_an_expression(analysed: Analysed, message: str, accepted: str) -> None:
    spec = parse_spec(SPEC, "m.yml")
    (problem,) = resolve(spec, SCHEMA, {**TYPES, "size(items)": analysed}).problems
    assert problem.line == 8
    assert message in problem.message
    assert accepted in (problem.accepted or "")


def test_an_age_needs_the_time_of_the_event_in_a_reference_too() -> None:
    spec = parse_spec(SPEC + "reference: {table: t}")
    features = resolve(spec, SCHEMA, TYPES).usable
    training = {name: kind for name, kind in SCHEMA.items() if name != "at"}
    found = resolve_reference(spec, features, training, TYPES)
    assert {one.name for one in found.usable} == set(NAMES) - {"born"}
    (problem,) = found.problems
    assert "no column 'at'" in problem.message


def test_a_reference_is_read_by_its_own_types() -> None:
    spec = parse_spec(SPEC + "reference: {table: t}")
    features = resolve(spec, SCHEMA, TYPES).usable
    found = resolve_reference(spec, features, {**SCHEMA, "seen": "timestamp"}, TYPES)
    (seen,) = (one.feature for one in found.features if one.feature.name == "seen")
    assert seen.sql == "(CAST(unix_micros(`seen`) AS DOUBLE) / 1000000D)"


def test_auto_leaves_out_what_is_declared() -> None:
    text = SPEC.replace("  numeric:", "  auto: true\n  numeric:")
    resolution = resolved(text, {**SCHEMA, "more": "string", "basket_size": "int"})
    names = {one.name for one in resolution.usable}
    assert names == set(NAMES) | {"more"}


def test_a_column_may_be_a_category_and_a_text() -> None:
    text = SPEC.replace("  vector:", "    - remark\n  vector:")
    assert {one.name for one in resolved(text).usable} == set(NAMES) | {"remark"}

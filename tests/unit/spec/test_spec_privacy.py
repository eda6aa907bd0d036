"""The section privacy: which values are hidden, by which key, and every mistake on its line."""

from __future__ import annotations

import pytest

from sparkdrift.errors import Problem, SetupError, SpecError
from sparkdrift.explain.hidden import is_token, is_withheld
from sparkdrift.kernels.expectations import Expectations
from sparkdrift.redacting import without_secrets
from sparkdrift.report.plain import plain
from sparkdrift.spark.assumptions import expectations
from sparkdrift.spark.slicing import slices_of
from sparkdrift.spec.digests import counted_hash, definition_hash, set_hash
from sparkdrift.spec.hiding import hidden_column, hidden_feature
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import resolve, resolve_reference
from sparkdrift.steps.ranges import stored_values

KEY = "one key of many characters"
PLAIN = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t}
features:
  numeric: [income]
  categorical:
    - region
    - {column: plan_code, formerly: plan}
    - {name: domain, expression: "substring_index(email, '@', -1)"}
  text: [remark]
prediction: {score: score, decision: approved}
slices: [region, plan_code, [region, branch]]
slice_values: {branch: [Berlin, Köln]}
assumptions: {features: {region: {domain: [north, south]}}}
"""
SCHEMA = {
    **dict.fromkeys(["region", "plan_code", "email", "branch", "remark"], "string"),
    **dict.fromkeys(["income", "score"], "double"),
    "t": "timestamp",
    "approved": "boolean",
}


@pytest.fixture(autouse=True)
def _key(monkeypatch) -> None:
    monkeypatch.setenv("PRIVACY", KEY)


def parsed(section: str, text: str = PLAIN) -> MonitorSpec:
    return parse_spec(f"{text}privacy: {section}\n")


def problem(section: str) -> Problem:
    with pytest.raises(SpecError) as caught:
        parsed(section)
    (found,) = caught.value.problems
    return found


def ways(spec: MonitorSpec) -> dict[str, str]:
    """By feature, how its values are hidden."""
    watched = resolve(spec, SCHEMA).watched
    return {
        one.feature.name: one.feature.hidden.way
        for one in watched
        if one.feature.hidden is not None
    }


def test_without_the_section_all_is_stored_as_it_is() -> None:
    assert ways(parse_spec(PLAIN)) == {}
    assert ways(parsed("{values: shown}")) == {}
    assert not slices_of(parse_spec(PLAIN), [["region"]]).hidden


def test_all_categories_are_hidden_but_numbers_and_parts_of_texts() -> None:
    hashed = dict.fromkeys(["region", "plan", "domain", "approved"], "hashed")
    assert ways(parsed("{values: hashed, key_env: PRIVACY}")) == hashed


def test_of_names_one() -> None:
    spec = parsed("{values: hashed, of: {region: shown, plan: withheld}, key_env: PRIVACY}")
    assert ways(spec) == {"plan": "withheld", "domain": "hashed", "approved": "hashed"}
    assert ways(parsed("{of: {APPROVED: hashed}, key_env: PRIVACY}")) == {"approved": "hashed"}


def test_what_reads_a_hidden_column_is_hidden_unless_it_is_named() -> None:
    assert ways(parsed("{of: {email: withheld}, key_env: PRIVACY}")) == {"domain": "withheld"}
    assert ways(parsed("{of: {email: withheld, domain: shown}, key_env: PRIVACY}")) == {}


def test_a_slice_by_a_renamed_feature_is_hidden_as_the_feature_is() -> None:
    spec = parsed("{of: {plan: withheld}, key_env: PRIVACY}")
    hidden = hidden_column(spec, "PLAN_CODE")
    assert hidden is not None
    assert hidden.way == "withheld"
    assert hidden_column(spec, "region") is None


def test_a_reference_is_hidden_alike() -> None:
    spec = parsed("{values: hashed, key_env: PRIVACY}")
    features = [one.feature for one in resolve(spec, SCHEMA).watched]
    again = resolve_reference(spec, features, SCHEMA)
    told = {one.feature.name: one.feature.sql for one in (*again.features, *again.metrics)}
    assert told == {one.name: one.sql for one in features}


def test_tokens_tell_values_apart_and_monitors() -> None:
    spec = parsed("{values: hashed, key_env: PRIVACY}")
    hidden = hidden_feature(spec, "region")
    other = parsed("{values: hashed, key_env: PRIVACY}", PLAIN.replace("monitor: m", "monitor: n"))
    elsewhere = hidden_feature(other, "region")
    assert hidden is not None
    assert elsewhere is not None
    token = hidden.token("north")
    assert is_token(token)
    assert token == hidden.token("north") == hidden.token(token)
    others = {hidden.token(one) for one in ("North", "", "hashed:north")}
    assert len({token, *others, elsewhere.token("north")}) == 5
    assert "north" not in token


def test_the_spec_speaks_of_what_is_stored() -> None:
    """Listed values of slices, domains, and values that are asked for become tokens as well."""
    spec = parsed("{values: hashed, key_env: PRIVACY}")
    hidden = hidden_column(spec, "branch")
    assert hidden is not None
    (selected,) = (
        one for one in slices_of(spec, [["region", "branch"]]).selected() if "branch" in one
    )
    assert hidden.token("Köln") in selected
    assert "Köln" not in selected
    assert expectations(spec).rules["region"].domain == {
        hidden.token("north"),
        hidden.token("south"),
    }
    asked = [hidden.token("Berlin"), None, ":other"]
    assert stored_values(spec, "branch", ["Berlin", None, ":other"]) == asked
    assert stored_values(parse_spec(PLAIN), "branch", ["Berlin"]) == ["Berlin"]


def test_other_settings_and_other_keys_are_other_definitions(monkeypatch) -> None:
    def hashes(spec: MonitorSpec) -> tuple[str, ...]:
        named = {one.feature.name: one.feature for one in resolve(spec, SCHEMA).watched}
        region = definition_hash(spec, named["region"])
        return (
            region,
            definition_hash(spec, None),
            set_hash(spec, "s"),
            counted_hash(spec, *3 * [[]]),
        )

    plain_ones, sections = hashes(parse_spec(PLAIN)), ("hashed", "withheld")
    assert hashes(parsed("{values: shown}")) == plain_ones
    found = [hashes(parsed(f"{{values: {way}, key_env: PRIVACY}}")) for way in sections]
    monkeypatch.setenv("PRIVACY", "another key of many characters")
    found.append(hashes(parsed("{values: hashed, key_env: PRIVACY}")))
    for one in zip(plain_ones, *found, strict=True):
        assert len(set(one)) == 4


def test_without_its_key_nothing_is_read_or_stored(monkeypatch) -> None:
    monkeypatch.delenv("PRIVACY")
    spec = parsed("{values: hashed, key_env: PRIVACY}")
    with pytest.raises(SetupError, match="PRIVACY is not set: no value of m is stored as it is"):
        resolve(spec, SCHEMA)
    with pytest.raises(SetupError, match="PRIVACY is not set"):
        slices_of(spec, [["region"]])
    monkeypatch.setenv("PRIVACY", "short")
    with pytest.raises(SetupError, match="has 5 characters; accepted are 16 or more"):
        resolve(parsed("{values: hashed, key_env: PRIVACY}"), SCHEMA)


def test_the_key_is_shown_nowhere() -> None:
    spec = parsed("{values: hashed, key_env: PRIVACY}")
    hidden = hidden_feature(spec, "region")
    assert hidden is not None
    shown = f"{spec!r}{spec.model_dump()}{hidden!r}{resolve(spec, SCHEMA)!r}"
    assert KEY not in shown
    assert hidden.key not in shown
    assert hidden.key in hidden.sql("x")
    assert hidden.key not in without_secrets(f"[PARSE] {hidden.sql('x')}")


def test_what_is_withheld_is_no_example_and_is_shown_to_nobody() -> None:
    spec = parsed("{values: withheld, key_env: PRIVACY}")
    hidden = hidden_feature(spec, "region")
    assert hidden is not None
    token = hidden.token("north")
    assert is_withheld(token)
    assert plain(f"new categories {token!r}: 3 %; region = {token}") == (
        "new categories (withheld): 3 %; region = (withheld)"
    )
    assert Expectations().shown([token, "plain"]) == ["plain"]
    hashed = hidden_feature(parsed("{values: hashed, key_env: PRIVACY}"), "region")
    assert hashed is not None
    for examples, expected in (("show", 1), ("hash", 1), ("none", 0)):
        shown = Expectations(examples=examples).shown([hashed.token("north")])
        assert shown == [hashed.token("north")] * expected


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{values: hashed}", "values are to be hidden, and no key is named"),
        ("{of: {region: withheld}}", "values are to be hidden, and no key is named"),
        ("{of: {income: hashed}, key_env: P}", "the values of a number are not hidden"),
        ("{of: {regon: hashed}, key_env: P}", "nothing of this name is stored"),
        ("{values: secret}", "does not exist"),
        ("{values: hashed, key_env: my secret}", "this is no name of a variable"),
    ],
)
def test_mistakes(section: str, message: str) -> None:
    found = problem(section)
    assert message in found.message or message in str(found)
    assert found.line == PLAIN.count("\n") + 1


def test_under_auto_the_table_tells_which_names_there_are() -> None:
    text = PLAIN.replace("  text: [remark]", "  auto: true")
    assert parsed("{of: {town: hashed}, key_env: PRIVACY}", text).privacy is not None
    town = {**SCHEMA, "town": "string"}
    watched = resolve(parsed("{of: {town: hashed}, key_env: PRIVACY}", text), town).watched
    (found,) = (one.feature for one in watched if one.feature.name == "town")
    assert found.hidden is not None

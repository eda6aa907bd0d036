"""Hashes: what changes them, what does not, and their golden values."""

from __future__ import annotations

import pytest

from sparkdrift.spec.digests import (
    definition_hash,
    evaluation_hash,
    performance_hash,
    policy_hash,
)
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.resolving import Feature

SPEC = """\
monitor: m
owner: o
source: {table: a.b, filter: x = 1}
timestamp: {column: t, zone: UTC}
features: {numeric: [income, age], categorical: [region]}
"""
INCOME = Feature("income", "numeric", "income")


def definition(text: str, feature: Feature | None = INCOME) -> str:
    return definition_hash(parse_spec(text), feature)


def policy(text: str) -> str:
    return policy_hash(parse_spec(text))


def test_golden_values() -> None:
    # A change here makes every stored row foreign: raise STATE_VERSION and say so.
    assert definition(SPEC) == "27a6a7a5b4b637eb"
    assert definition(SPEC, None) == "4a94312bcac1a74a"
    assert policy(SPEC) == "255e28d1a803bb90"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *(
            ("a.b", "a.c"),
            ("table: a.b", "path: /a/b"),
            ("x = 1", "x = 2"),
            (", filter: x = 1", ""),
        ),
        *(("column: t", "column: u"), ("UTC", "Europe/Berlin")),
        *(
            ("owner: o", "owner: o\nsketch: {k: 200}"),
            ("owner: o", "owner: o\nsketch: {categories: 50}"),
        ),
    ],
)
def test_what_changes_a_definition(old: str, new: str) -> None:
    assert definition(SPEC.replace(old, new)) != definition(SPEC)
    assert policy(SPEC.replace(old, new)) == policy(SPEC)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *(
            ("owner: o", "owner: p"),
            ("monitor: m", "monitor: n"),
            ("owner: o", "owner: o\ntitle: t"),
        ),
        *((", age", ""), ("a.b", "'`a`.b'"), ("x = 1", "' x = 1 ' ")),
        ("owner: o", "owner: o\nwindows: {grain: hour}"),
        ("owner: o", "owner: o\ndrift: {warn_at: 0.1}"),
        ("owner: o", "owner: o\nsketch: {reference_k: 800}"),
    ],
)
def test_what_leaves_a_definition(old: str, new: str) -> None:
    assert definition(SPEC.replace(old, new)) == definition(SPEC)


def test_a_definition_belongs_to_one_feature_and_kind() -> None:
    assert definition(SPEC, Feature("age", "numeric", "age")) != definition(SPEC)
    assert definition(SPEC, Feature("income", "categorical", "income")) != definition(SPEC)


def test_a_rename_with_formerly_keeps_the_definition() -> None:
    assert definition(SPEC, Feature("salary", "numeric", "income")) == definition(SPEC)


@pytest.mark.parametrize(
    "drift",
    [
        *("effect_size: 0.4", "warn_at: 0.1", "bins: 20", "limits: {null_share: 0.1}"),
        "overrides: {income: {effect_size: 0.5}}",
    ],
)
def test_what_changes_a_policy(drift: str) -> None:
    assert policy(SPEC + f"drift: {{{drift}}}") != policy(SPEC)
    assert definition(SPEC + f"drift: {{{drift}}}") == definition(SPEC)


def test_the_same_thresholds_are_the_same_policy() -> None:
    override = policy(SPEC + "drift: {overrides: {income: {effect_size: 0.5}}}")
    entry = policy(SPEC.replace("[income", "[{column: income, effect_size: 0.5}"))
    assert override == entry
    assert policy(SPEC + "drift: {effect_size: 0.32, limits: {nan_share: 0.02}}") == policy(SPEC)
    assert policy(SPEC + "drift: {overrides: {income: {warn_at: 0.2}}}") == policy(SPEC)


JUDGED = (
    SPEC
    + """\
prediction: {key: id, score: s, decision: d, label: y, label_delay: 30 days}
evaluation:
  sets: {test: {table: a.test}}
  labels: {table: a.labels, known_at: at}
  thresholds:
    accept: {value: 0.5}
    review: {value: 0.3}
  baseline: {rule: income > 3}
  value: income * 2
  limits: {age: 90 days}
degraded: {metric: accuracy, tolerated_loss: 0.05}
"""
)


def test_golden_values_of_evaluation() -> None:
    assert evaluation_hash(parse_spec(JUDGED)) == "02426b6442c39335"
    assert performance_hash(parse_spec(JUDGED)) == "14600839845cef44"


@pytest.mark.parametrize(
    ("old", "new", "states", "verdicts"),
    [
        ("score: s", "score: z", True, False),
        ("key: id", "key: [id, part]", True, False),
        ("age: 90 days", "age: 90 days, overlap: 0.02", False, False),
        ("30 days}", "31 days}", False, True),
        ("known_at: at", "known_at: since", True, False),
        ("value: 0.5", "value: 0.6", True, True),
        ("value: 0.5", "{value: 0.5, calibrated_by: me}"[1:-1], False, True),
        ("income > 3", "income > 4", True, True),
        ("income * 2", "income * 3", True, False),
        ("age: 90", "age: 91", False, True),
        ("loss: 0.05", "loss: 0.06", False, True),
        ("a.test", "a.other", False, False),
        ("owner: o", "owner: p", False, False),
    ],
)
def test_what_changes_states_and_what_verdicts(
    old: str, new: str, states: bool, verdicts: bool
) -> None:
    before, after = parse_spec(JUDGED), parse_spec(JUDGED.replace(old, new))
    assert (evaluation_hash(before) != evaluation_hash(after)) == states
    assert (performance_hash(before) != performance_hash(after)) == verdicts


def test_the_first_threshold_decides_so_their_order_counts() -> None:
    turned = JUDGED.replace("accept:", "x:").replace("review:", "accept:").replace("x:", "review:")
    turned = turned.replace("0.5", "y").replace("0.3", "0.5").replace("y}", "0.3}")
    assert evaluation_hash(parse_spec(turned)) != evaluation_hash(parse_spec(JUDGED))


def test_a_key_of_predictions_leaves_profiles_as_they_are() -> None:
    keyed = SPEC + "prediction: {key: id}\n"
    assert definition(keyed) == definition(SPEC)
    assert definition(keyed, None) == definition(SPEC, None)
    assert policy(keyed) == policy(SPEC)

"""Hashes: what changes them, what does not, and their golden values."""

from __future__ import annotations

import pytest

from sparkdrift.spec.digests import definition_hash, policy_hash
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

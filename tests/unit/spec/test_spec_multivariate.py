"""drift.multivariate: rows of several columns together, and what may name them."""

from __future__ import annotations

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.explain import signals
from sparkdrift.spark.alerting import policy_of, suppression_sql, suppressions
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.policy import INPUTS

SPEC = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t}
features:
  numeric: [income]
  vector: [{column: embedding, dimension: 8, projections: 3, effect_size: 0.5}]
prediction: {score: score, decision: income}
"""


def test_executors_and_specs_call_it_the_same() -> None:
    assert signals.INPUTS == INPUTS


def test_it_is_on_and_part_of_the_policy() -> None:
    spec, off = parse_spec(SPEC), parse_spec(SPEC + "drift: {multivariate: false}\n")
    assert spec.names_together == (INPUTS, "embedding")
    assert off.names_together == ()
    assert policy_hash(spec) != policy_hash(off)
    assert policy_hash(spec) == policy_hash(parse_spec(SPEC + "drift: {multivariate: true}\n"))


def test_what_executors_are_told() -> None:
    policy = policy_of(parse_spec(SPEC))
    assert policy.multivariate
    assert policy.vectors == {
        "embedding": tuple(f"embedding.projection_{number}" for number in range(3))
    }
    # The decision is declared as a feature too, which makes it an input.
    names = ["income", "score", "metric:m", "embedding.projection_0", "embedding.norm"]
    assert [policy.is_input(name) for name in names] == [True, False, False, True, True]
    assert policy.thresholds("embedding") == (0.5, 0.2)


def test_they_can_be_named() -> None:
    named = parse_spec(
        SPEC
        + "drift: {overrides: {':inputs': {effect_size: 0.5}}}\n"
        + "alerts:\n  importance: {':inputs': 2, embedding: 3}\n"
        + "  suppress: [{begin: 2025-01-01, end: 2025-01-02, reason: r, features: [':inputs']}]\n"
    )
    assert policy_of(named).thresholds(INPUTS) == (0.5, 0.2)
    # They have no row in `profiles`: what is suppressed of them concerns the whole window.
    found = suppressions(named)
    assert "column_name" not in suppression_sql(found, named.names_together)[0]
    assert "column_name" in suppression_sql(found)[0]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("drift: {multivariate: false, overrides: {':inputs': {warn_at: 0.1}}}", "no declared"),
        ("drift: {overrides: {embedding: {warn_at: 0.1}}}", "both here and at the feature"),
        ("drift: {multivariate: false}\nalerts: {importance: {':inputs': 2}}", "no feature"),
        ("drift: {multivariate: 3}", "true or false"),
    ],
)
def test_refusals(lines: str, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse_spec(f"{SPEC}{lines}\n")


def test_no_feature_is_called_like_a_vector() -> None:
    text = SPEC.replace("[income]", "[income, {name: Embedding, expression: income + 1}]")
    with pytest.raises(SpecError, match="stored under the name of the vector"):
        parse_spec(text)

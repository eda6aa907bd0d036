"""The sections `importance` and `feature_debt`: what is accepted, and what names its line."""

from __future__ import annotations

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.spec.digests import evaluation_hash, feature_debt_hash
from sparkdrift.spec.loading import load_spec, parse_spec

BASE = """monitor: credit
owner: me
source: {table: t}
timestamp: {column: ts}
features: {numeric: [income]}
prediction: {score: s, label: y}
evaluation: {}
"""


UNLABELLED = BASE.replace("evaluation: {}\n", "")


def parsed(text):
    return parse_spec(BASE + text, "credit.yml")


def test_defaults():
    spec = parsed("")
    assert spec.importance is None
    limits = spec.debt_limits
    assert (limits.association, limits.concentration, limits.encoding) == (0.1, 0.1, 0.01)
    assert (limits.drifted_importance, limits.cliff_risk, limits.outcome) == (0.25, 0.1, None)
    own = parsed("importance: {estimate: linear}").importance
    assert (own.rows, own.seed, own.is_table) == (2000, 0, False)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("importance: {}", "where importances come from is not named"),
        ("importance: {table: a, path: b}", "both a table and a path"),
        ("importance: {table: a, estimate: linear}", "estimated, and read from a table"),
        ("importance: {estimate: linear, feature: f}", "no table that has it"),
        ("importance: {estimate: forest}", "forest"),
        ("importance: {estimate: linear, rows: 10}", "200 to 100000"),
        ("importance: {table: a, filter: 'x = (select 1)'}", "filter"),
        ("feature_debt: {association: 2}", "share"),
        ("feature_debt: {asociation: 0.1}", "association"),
    ],
)
def test_what_is_wrong_names_its_line(text, given):
    with pytest.raises(SpecError) as raised:
        parsed(text)
    told = str(raised.value)
    assert "credit.yml:8" in told
    assert given in told


def test_an_estimate_needs_a_score_and_an_outcome_its_section():
    text = UNLABELLED.replace("score: s, ", "")
    with pytest.raises(SpecError, match="none is named"):
        parse_spec(text + "importance: {estimate: linear}")
    with pytest.raises(SpecError, match="'evaluation' as well"):
        parse_spec(text + "feature_debt: {outcome: paid}")


@pytest.mark.parametrize(
    ("key", "needed"),
    [
        ("association", "'evaluation' as well"),
        ("concentration", "'importance' or 'alerts.importance' as well"),
        ("drifted_importance", "'importance' or 'alerts.importance' as well"),
        ("cliff_risk", "'importance' or 'alerts.importance' as well"),
    ],
)
def test_a_limit_of_what_is_never_told_is_refused(key, needed):
    with pytest.raises(SpecError, match=needed):
        parse_spec(UNLABELLED + f"feature_debt: {{{key}: 0.2}}")
    alone = parse_spec(UNLABELLED + "feature_debt: {encoding: 0.02}")
    assert (alone.has_feature_debt, alone.has_importance) == (True, False)
    assert not parse_spec(UNLABELLED).has_feature_debt


def test_a_path_counts_from_the_folder_of_the_spec(tmp_path):
    file = tmp_path / "credit.yml"
    file.write_text(BASE + "importance: {path: weights}\n", "utf-8")
    assert load_spec(file).importance.path == (tmp_path / "weights").as_posix()


def test_what_changes_the_figures_changes_the_hash():
    plain = parsed("")
    texts = [
        "feature_debt: {association: 0.2}",
        "importance: {estimate: linear}",
        "importance: {estimate: linear, seed: 1}",
        "alerts: {importance: {income: 2}}",
        "model: {version: '2'}",
    ]
    assert len({feature_debt_hash(one) for one in (plain, *map(parsed, texts))}) == 6
    # The states are of another target only where another column is named.
    assert evaluation_hash(plain) == evaluation_hash(parsed(texts[0]))
    assert evaluation_hash(plain) != evaluation_hash(parsed("feature_debt: {outcome: paid}"))

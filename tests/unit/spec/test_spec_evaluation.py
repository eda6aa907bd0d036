"""The section `evaluation`: what is accepted, and where each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.spec.expressions import check_aggregate, check_expression
from sparkdrift.spec.loading import load_spec, parse_spec

SPEC = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount]}
slices: [region, [region, band]]
prediction: {key: id, score: s, decision: d, label: y, label_delay: 30 days}
degraded: {metric: accuracy, tolerated_loss: 0.05}
evaluation:
  sets: {test: {path: test}, other: {table: a.o, filter: x > 1, label: z}}
  labels: {path: labels, key: ref, known_at: at}
  positive: {label: y = 'bad', decision: d = 'no'}
  thresholds:
    accept: {value: 0.5, calibrated_at: 2024-01-31, target: {precision: 0.9}}
  dashboard: {path: board, time: t, metric: m, value: v, metrics: {recall: {at_least: 0.8}}}
  baseline: {rule: amount > 3}
  groups: [region]
  value: amount * 2
  outcome: {path: money, timestamp: t, expression: sum(v) / count(1), metric: recall}
  metrics: [accuracy, roc_auc]
"""
CLASSES = "classes: {a: pa, b: pb}"


def problems(text: str) -> list[tuple[int | None, str | None, str | None]]:
    """Of each: line, what was given, the nearest."""
    with pytest.raises(SpecError) as raised:
        parse_spec(text, "m.yml")
    found = raised.value.problems
    assert all(one.accepted for one in found if one.message.split()[-1] != "twice")
    return [(one.line, one.given, one.nearest) for one in found]


def changed(old: str, new: str) -> str:
    assert SPEC.count(old) == 1
    return SPEC.replace(old, new)


def test_all_of_it_is_accepted() -> None:
    assert parse_spec(SPEC).evaluation is not None


def test_relative_paths_count_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "monitors" / "m.yml"
    file.parent.mkdir()
    file.write_text(SPEC.replace("path: board", "path: ../board"))
    found = load_spec(file).evaluation
    assert found is not None
    assert found.labels
    assert found.dashboard
    assert found.outcome
    paths = [found.sets["test"].path, found.labels.path, found.outcome.path, found.dashboard.path]
    assert paths == [
        *(f"{file.parent.as_posix()}/{name}" for name in ("test", "labels", "money")),
        f"{tmp_path.as_posix()}/board",
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "given", "nearest"),
    [
        ("{path: test}", "{path: test, table: a.t}", 10, None, None),
        ("{path: test}", "{label: z}", 10, None, None),
        ("x > 1", "reflect('a')", 10, "reflect('a')", None),
        ("path: labels, ", "", 11, None, None),
        ("key: id, ", "", 11, None, None),
        ("key: ref", "key: [ref, part]", 11, "ref, part", None),
        ("y = 'bad'", "sum(y) > 1", 12, "sum(y) > 1", None),
        ("{precision: 0.9}", "{precision: 0.9, recall: 0.9}", 14, "precision, recall", None),
        ("{precision: 0.9}", "{}", 14, None, None),
        ("{precision: 0.9}", "{cost: payoff}", 14, None, None),
        ("{precision: 0.9}", "{cost: money}", 14, "money", None),
        ("value: v, metrics", "metrics", 15, None, None),
        ("path: board, time: t, metric: m, value: v, ", "time: t, ", 15, "t", None),
        ("at_least: 0.8", "at_least: 0.8, at_most: 0.8", 15, None, None),
        ("at_least: 0.8", "", 15, None, None),
        ("recall: {at", "recal: {at", 15, "recal", "recall"),
        ("recall: {at", "mae: {at", 15, "mae", None),
        ("amount > 3", "amount / x > 3", 16, "amount / x > 3", None),
        ("rule: amount > 3", "value: amount", 16, "amount", None),
        ("groups: [region]", "groups: [regoin]", 17, "regoin", "region"),
        ("groups: [region]", "groups: [region, region]", 17, "region", None),
        ("amount * 2", "rand()", 18, "rand()", None),
        ("sum(v) / count(1)", "v", 19, "v", None),
        ("path: money", "path: money, table: a.m", 19, None, None),
        ("metric: recall}", "metric: rmse}", 19, "rmse", None),
        ("[accuracy, roc_auc]", "[accuracy, rmse]", 20, "rmse", None),
        ("[accuracy, roc_auc]", "[accuracy, acuracy]", 20, "acuracy", "accuracy"),
        ("metric: accuracy,", "metric: rmse,", 8, "rmse", None),
        ("score: s, ", "", 9, None, None),
        (
            "[accuracy, roc_auc]",
            "[accuracy]\n  limits: {ess_ratio: 0.3}",
            21,
            None,
            None,
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(
    old: str, new: str, line: int, given: str | None, nearest: str | None
) -> None:
    assert problems(changed(old, new)) == [(line, given, nearest)]


def test_what_another_task_has_is_refused() -> None:
    regression = SPEC.replace("evaluation:\n", "evaluation:\n  task: regression\n")
    told = problems(regression)
    # positive (two), thresholds, the dashboard's metric, rule, groups, outcome, two metrics,
    # and what counts as degraded.
    assert sorted(line or 0 for line, _, _ in told) == [8, 13, 13, 14, 16, 17, 18, 20, 21, 21]


def test_a_multiclass_model_has_classes_and_no_score_of_its_own() -> None:
    plain = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount]}
prediction: {label: y}
evaluation: {task: multiclass, CLASSES}
"""
    assert parse_spec(plain.replace("CLASSES", CLASSES)).evaluation is not None
    assert problems(plain.replace("CLASSES", "classes: {a: pa}")) == [(7, None, None)]
    assert problems(plain.replace("CLASSES", "classes: {a: pa, b: PA}")) == [(7, "PA", None)]
    assert problems(plain.replace("multiclass, CLASSES", "binary, " + CLASSES)) == [
        (7, None, None),
        (7, None, None),
    ]


def test_a_delay_of_labels_needs_labels_anywhere() -> None:
    elsewhere = changed("label: y, ", "").replace("key: ref", "label: truth")
    assert parse_spec(elsewhere).prediction.label_delay is not None


def test_a_business_value_may_come_from_an_expression() -> None:
    by_value = changed("metric: accuracy,", "metric: business_value,")
    assert parse_spec(by_value).degraded is not None
    priceless = changed("  value: amount * 2\n", "").replace("roc_auc]", "business_value]")
    assert problems(priceless) == [(19, None, None)]


@pytest.mark.parametrize(
    ("sql", "fits"),
    [
        ("sum(a)", True),
        ("sum(CASE WHEN a > 1 THEN b END) / nullif(count(1), 0)", True),
        ("a + 1", False),
        ("sum(a) OVER (PARTITION BY b)", False),
        ("(SELECT sum(a) FROM t)", False),
        ("sum(reflect('x', 'y'))", False),
        ("summ(a)", False),
    ],
)
def test_an_aggregate_is_walked_as_any_expression(sql: str, fits: bool) -> None:
    assert (not check_aggregate(sql)) == fits
    assert check_expression("sum(a)")

"""The section `evaluation` held against the columns of its tables."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from test_spec_evaluation import SPEC

from sparkdrift.errors import Problem
from sparkdrift.spec.evaluation_columns import (
    as_watched,
    dashboard_problems,
    labels_problems,
    outcome_problems,
    set_columns,
    set_problems,
    watched_problems,
)
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import resolve
from sparkdrift.spec.scoring import Named

WATCHED = {
    "t": "timestamp",
    "id": "bigint",
    "amount": "double",
    "s": "double",
    "d": "string",
    "region": "string",
    "band": "string",
}
LABELS = {"ref": "int", "y": "string", "at": "timestamp", "part": "int"}
TEST = {"s": "float", "y": "string", "d": "string", "z": "string", "x": "int"}
BOARD = {"t": "date", "m": "string", "v": "double"}
MONEY = {"t": "timestamp", "v": "decimal(10,2)"}


def told(found: list[Problem]) -> list[tuple[int | None, str | None, str | None]]:
    assert all(one.accepted and one.file == "m.yml" for one in found)
    return [(one.line, one.given, one.nearest) for one in found]


def spec_of(text: str = SPEC) -> MonitorSpec:
    return parse_spec(text, "m.yml")


def without(schema: dict[str, str], **others: str) -> dict[str, str]:
    """The columns with other types; those with '' are left out."""
    return {name: kind for name, kind in {**schema, **others}.items() if kind}


def test_tables_that_fit_have_no_problem() -> None:
    spec = spec_of()
    assert not resolve(spec, WATCHED).problems  # the label comes from another table
    assert not watched_problems(spec, WATCHED, LABELS)
    assert not set_problems(spec, "test", TEST)
    assert not set_problems(spec, "other", TEST)
    assert not labels_problems(spec, LABELS, WATCHED)
    assert not dashboard_problems(spec, BOARD)
    assert not outcome_problems(spec, MONEY)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (lambda s: watched_problems(s, without(WATCHED, id=""), LABELS), [(7, "id", "d")]),
        (
            lambda s: watched_problems(s, without(WATCHED, amount="", amout="int"), LABELS),
            [(16, "amount", "amout"), (18, "amount", "amout")],
        ),
        (lambda s: watched_problems(s, without(WATCHED, d=""), LABELS), [(12, "d", "id")]),
        (lambda s: set_problems(s, "test", without(TEST, s="string")), [(10, "string", None)]),
        (
            lambda s: set_problems(s, "other", without(TEST, z="", x="")),
            [(10, "z", None), (12, "y", None), (10, "x", None)],
        ),
        (
            lambda s: labels_problems(s, without(LABELS, ref="string"), WATCHED),
            [(11, "string", None)],
        ),
        (
            lambda s: labels_problems(s, without(LABELS, y="", at="string"), WATCHED),
            [(12, "y", None), (11, "y", None), (11, "string", None)],
        ),
        (lambda s: dashboard_problems(s, without(BOARD, m="int")), [(15, "int", None)]),
        (
            lambda s: outcome_problems(s, without(MONEY, v="", t="int")),
            [(19, "int", None), (19, "v", None)],
        ),
    ],
)
def test_what_is_missing_is_told_with_its_line(
    held: Callable[[MonitorSpec], list[Problem]], expected: list[tuple[int, str, str | None]]
) -> None:
    assert sorted(map(str, told(held(spec_of())))) == sorted(map(str, expected))


def test_a_text_is_positive_by_a_condition_only() -> None:
    spec = spec_of(SPEC.replace("  positive: {label: y = 'bad', decision: d = 'no'}\n", ""))
    assert told(watched_problems(spec, WATCHED, LABELS)) == [(7, "string", None)]
    assert told(labels_problems(spec, LABELS, WATCHED)) == [(11, "string", None)]
    assert not labels_problems(spec, without(LABELS, y="boolean"), WATCHED)
    assert [one.given for one in set_problems(spec, "test", TEST)] == ["string", "string"]


def test_columns_of_a_set_are_read_under_the_names_of_the_prediction() -> None:
    spec = spec_of()
    assert spec.evaluation is not None
    other = spec.evaluation.sets["other"]
    assert set_columns(spec, other, TEST) == Named("s", "d", "z")
    assert set_columns(spec, other, without(TEST, d="")) == Named("s", None, "z")
    assert as_watched(spec, other, without(TEST, z="int"))["y"] == "int"

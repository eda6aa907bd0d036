"""Which rows of a table of labels have one."""

from __future__ import annotations

import pytest

from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps.label_strata import label_known

SPEC = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [income]}
prediction: {key: id, score: score%s}
evaluation:
  labels: {table: a.c%s}
%s"""


@pytest.mark.parametrize(
    ("prediction", "labels", "more", "told"),
    [
        (", label: paid", "", "", "`paid` IS NOT NULL"),
        (", label: paid", ", label: settled", "", "`settled` IS NOT NULL"),
        ("", "", "  positive: {label: outcome = 'fraud'}\n", "(outcome = 'fraud') IS NOT NULL"),
        ("", ", label: o", "  positive: {label: o = 'fraud'}\n", "`o` IS NOT NULL"),
    ],
)
def test_a_row_has_a_label_by_its_column_or_else_by_the_condition(prediction, labels, more, told):
    assert label_known(parse_spec(SPEC % (prediction, labels, more))) == told

"""Which figures a spec asks for: without one of them the evidence would be measured in part."""

from __future__ import annotations

import duckdb
import pytest

from sparkdrift.embedded import translating
from sparkdrift.kernels.feature_association import CHANGE
from sparkdrift.kernels.feature_course import OF_MODEL
from sparkdrift.spark.health_questions import of_instruments
from sparkdrift.spec.loading import parse_spec

SPEC = """\
monitor: m
owner: risk
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount, age]}
"""
LABELLED = "prediction: {score: s, label: l}\nevaluation: {sets: {holdout: {table: a.holdout}}}\n"
SCORED = "prediction: {score: s}\n"
STATIC = "alerts: {importance: {amount: 2}}\n"
TABLE = "importance: {table: a.i, feature: f, value: v}\n"
DATED = "importance: {table: a.i, feature: f, value: v, time: at}\n"
ESTIMATED = "importance: {estimate: linear}\n"
STILL = {"concentration_change", "drift_on_concentration"}
EVERY = {*OF_MODEL, CHANGE}


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        (LABELLED, set()),
        (LABELLED + "feature_debt: {association: 0.2}\n", {CHANGE}),
        # The same in all windows: they can't change, and no share of them can grow.
        (LABELLED + STATIC, EVERY - STILL),
        (LABELLED + TABLE, EVERY - STILL),
        (LABELLED + DATED, EVERY),
        (LABELLED + ESTIMATED, EVERY),
        # Nothing to associate them with.
        (STATIC, EVERY - STILL - {CHANGE}),
        (SCORED + DATED, EVERY - {CHANGE}),
    ],
)
def test_what_can_not_be_measured_is_not_asked_for(more, asked) -> None:
    """By the very question, over a row of each figure that was not measured."""
    spec = parse_spec(SPEC + more)
    (question,) = (
        one for one in of_instruments([spec])
        if "feature_debt WHERE" in one and "'coverage' AS part" in one
    )  # fmt: skip
    missing = set()
    for figure in sorted(EVERY):
        con = duckdb.connect()
        con.execute(
            "CREATE TABLE feature_debt AS SELECT 'm' AS monitor, 'day' AS granularity,"
            f" TIMESTAMPTZ '2025-01-01' AS window_start, '{figure}' AS figure,"
            " '*' AS subject, 'insufficient_data' AS status"
        )
        (found,) = con.sql(translating.view(question)).to_arrow_table().to_pylist()
        if found["of"]:
            missing.add(figure)
    assert missing == asked

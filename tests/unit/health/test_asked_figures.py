"""Which figures a spec asks for: without one of them the evidence would be measured in part."""

from __future__ import annotations

import math

import duckdb
import numpy as np
import pytest

from sparkdrift.embedded import translating
from sparkdrift.kernels.feature_association import CHANGE
from sparkdrift.kernels.feature_condition import Profiled, condition_rows
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
GRID = np.linspace(0, 1, 101)


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
    assert {one for one in EVERY if asked_for(spec, one)} == asked


def asked_for(spec, figure, status="insufficient_data", value="NULL") -> bool:
    """Whether a row that was not measured is missed, by the very question."""
    (question,) = (
        one for one in of_instruments([spec])
        if "feature_debt WHERE" in one and "'coverage' AS part" in one
    )  # fmt: skip
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE feature_debt AS SELECT 'm' AS monitor, 'day' AS granularity,"
        f" TIMESTAMPTZ '2025-01-01' AS window_start, '{figure}' AS figure,"
        f" '*' AS subject, '{status}' AS status, CAST({value} AS DOUBLE) AS value"
    )
    (found,) = con.sql(translating.view(question)).to_arrow_table().to_pylist()
    return bool(found["of"])


def test_a_sign_that_could_flip_unseen_is_not_missed() -> None:
    """Values that lie about 0 alike are so in each window: else their model is never healthy."""
    spec = parse_spec(SPEC + LABELLED)
    values = [math.sin(9.7 * n) for n in range(1000)]
    there = Profiled(
        "numeric", "ok", "", 1000, 0, 1000, -1, 1, [float(q) for q in np.quantile(values, GRID)]
    )
    (row,) = (
        one for one in condition_rows("x", there, there, 0.01, "") if one.figure == "encoding"
    )
    assert (row.status, math.isnan(row.value)) == ("undetermined", True)
    assert not asked_for(spec, "encoding", row.status)
    # What might be seen is missed: another spelling that is too rare to tell, or too few rows.
    assert asked_for(spec, "encoding", "undetermined", "0.02")
    assert asked_for(spec, "encoding")

"""Rows for all inputs together and for vectors, from profile rows, without Spark."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from profile_rows import at, categorical, numeric, stream, table

from sparkdrift.kernels.comparing import FIGURES, TESTS
from sparkdrift.kernels.distributions import Bins, baselines, binned_figures
from sparkdrift.kernels.freezing import freeze
from sparkdrift.kernels.multivariate import INPUTS, Correlations, inputs_rows, vector_rows
from sparkdrift.kernels.policy import Policy
from sparkdrift.measures.bins import bin_counts, category_counts
from sparkdrift.measures.evidence import decide
from sparkdrift.measures.kll import read_kll

POLICY = Policy(effect=0.32, warn=0.2)
DAYS, ROWS, DIMENSION = 20, 2000, 6
RNG = np.random.default_rng(12)
ALONG = RNG.normal(size=(DIMENSION, 4)) / np.sqrt(DIMENSION)


def frozen(kind, days, name):
    merged = kind([value for day in days for value in day], name=name)
    rows = table(merged, *(kind(d, day=i - DAYS, name=name) for i, d in enumerate(days)))
    return pa.Table.from_batches(list(freeze(10)(stream(rows)))).to_pylist()[0]


def amounts(shift=0.0):
    return RNG.normal(shift, 1, ROWS)


def products(share=0.5):
    return np.where(RNG.random(ROWS) < share, "card", "loan").tolist()


NUMBERS = [f"amount_{i}" for i in range(6)]
REFERENCES = [
    *(frozen(numeric, [amounts() for _ in range(DAYS)], name) for name in NUMBERS),
    frozen(categorical, [products() for _ in range(DAYS)], "product"),
]


def compared(reference, values):
    """What the comparison of features leaves of one window."""
    bins = Bins.read(reference["bins"])
    if bins.edges is None:
        held = {item: values.count(item) for item in set(values)}
        counts = category_counts(held, len(values), bins.items)
    else:
        counts = bin_counts(read_kll(numeric(values)["kll"]), bins.edges)
    known = baselines(reference, bins.counts, np.inf, POLICY, POLICY.effect)
    found = binned_figures(counts[None], np.array([np.inf]), known, [None], POLICY.effect)
    return {"column_name": reference["column_name"]} | {
        name: float(one[0]) for name, one in found.items()
    }


def window(shift=0.0, share=0.5):
    values = [*(amounts(shift) for _ in NUMBERS), products(share)]
    return [compared(*one) for one in zip(REFERENCES, values, strict=True)]


def status(row):
    return str(decide(row["p_unusual"], row["p_material"], row["effect"], row["power"]))


def test_small_shifts_of_all_inputs_are_one_row():
    quiet, moved = inputs_rows(REFERENCES, [window(), window(0.13, 0.55)], POLICY.effect)
    assert quiet["column_name"] == moved["column_name"] == INPUTS
    assert status(quiet) == "ok"
    assert status(moved) == "drifted"
    alone = [row["p_material"] for row in window(0.13, 0.55)]
    assert min(alone) > 0.01
    assert moved["effect_low"] <= 0.13 * np.sqrt(7) <= moved["effect_high"]
    assert moved["moved"].startswith("all inputs together, most of it ")
    assert set(quiet) <= {*FIGURES, *TESTS, "column_name", "joint"}


def test_correlations_enter_by_window():
    starts = tuple(at(i - DAYS) for i in range(DAYS))
    known = np.tanh(RNG.normal(0.2, 1 / np.sqrt(ROWS - 3), (DAYS, 3)))
    new = np.tanh([[0.2, 0.2, 0.2], [0.2, 0.6, 0.2]])
    pairs = (("amount_0", "amount_1"), ("amount_0", "amount_2"), ("amount_1", "amount_2"))
    given = Correlations(
        pairs, starts[::-1], known[::-1], np.full(known.shape, ROWS), new, np.full(new.shape, ROWS)
    )
    rows = [window(), window()]
    same, turned = inputs_rows(REFERENCES, rows, POLICY.effect, given)
    ordered = replace(given, known_starts=starts, known_r=known, known_n=np.full(known.shape, ROWS))
    assert inputs_rows(REFERENCES, rows, POLICY.effect, ordered) == [same, turned]
    assert status(same) == "ok"
    assert status(turned) == "drifted"
    assert "amount_0 with amount_2 (0.4" in turned["moved"]


def test_what_is_not_measured_has_a_status_and_no_figure():
    rows = window()
    missing = [{**row, "p_unusual": None} for row in rows[:4]] + rows[4:]
    found = inputs_rows(REFERENCES, [missing, rows[:3], rows], POLICY.effect)
    assert [row["unmeasured"] for row in found] == ["insufficient_data"] * 2 + [None]
    assert found[0]["unmeasured_reason"].endswith("3 of 7 features and pairs were measured")
    assert "effect" not in found[0]
    few = [{**one, "window_bins": one["window_bins"][:7]} for one in REFERENCES]
    (row,) = inputs_rows(few, [rows], POLICY.effect)
    assert row["unmeasured_reason"] == "7 reference windows to compare, 8 needed"
    (row,) = inputs_rows([{**REFERENCES[0], "bins": None}], [rows], POLICY.effect)
    assert row["unmeasured_reason"] == "no input has bins in the reference"


def vectors(shift=0.0):
    return (RNG.normal(size=(ROWS, DIMENSION)) + shift) @ ALONG


PROJECTED = [vectors() for _ in range(DAYS)]
DIRECTIONS = [
    frozen(numeric, [day[:, k] for day in PROJECTED], f"embedding.projection_{k}")
    for k in range(ALONG.shape[1])
]


def sketches(cloud):
    return [numeric(one)["kll"] for one in cloud.T]


def test_a_vector_has_a_row_of_its_own():
    quiet, moved = vector_rows(
        "embedding", DIRECTIONS, [sketches(vectors()), sketches(vectors(0.8))], POLICY.effect
    )
    assert quiet["column_name"] == "embedding"
    assert status(quiet) == "ok"
    assert status(moved) == "drifted"
    spread = np.sqrt((ALONG**2).sum(axis=0).mean())
    expected = np.abs(0.8 * ALONG.sum(axis=0)).mean() / spread
    assert moved["wasserstein_distance"] == pytest.approx(expected, rel=0.1)
    assert set(moved) <= {*FIGURES, *TESTS, "column_name"}


def test_a_vector_without_values_is_not_measured():
    lacking = [*sketches(vectors())[:-1], None]
    empty, held = vector_rows("e", DIRECTIONS, [lacking, sketches(vectors())], POLICY.effect)
    assert empty["unmeasured_reason"] == "a projection has no values in the window"
    assert held["unmeasured"] is None
    few = [{**one, "window_bins": one["window_bins"][:7]} for one in DIRECTIONS]
    (row,) = vector_rows("e", few, [sketches(vectors())], POLICY.effect)
    assert row["unmeasured_reason"] == "7 reference windows to compare, 8 needed"
    nothing = [*DIRECTIONS[:-1], {**DIRECTIONS[-1], "bins": None}]
    (row,) = vector_rows("e", nothing, [sketches(vectors())], POLICY.effect)
    assert row["unmeasured_reason"] == "the reference has no values in a projection"
    constant = frozen(numeric, [np.ones(50) for _ in range(DAYS)], "e.projection_3")
    (row,) = vector_rows("e", [*DIRECTIONS[:-1], constant], [sketches(vectors())], POLICY.effect)
    assert row["unmeasured_reason"] == "a projection is constant in the reference"

"""Rows for all inputs together and for vectors, from profile rows, without Spark."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from profile_rows import asking, at, categorical, kll, numeric, stream, table

from sparkdrift.explain.signals import INPUTS
from sparkdrift.kernels.baselines import Bins, baselines
from sparkdrift.kernels.batches import arrow_schema
from sparkdrift.kernels.compared import COMPARED, FIGURES, TESTS
from sparkdrift.kernels.comparing import compare
from sparkdrift.kernels.distributions import binned_figures
from sparkdrift.kernels.freezing import freeze
from sparkdrift.kernels.judging import JUDGED, judge
from sparkdrift.kernels.multivariate import inputs_known, inputs_row
from sparkdrift.kernels.policy import Policy
from sparkdrift.kernels.together import known
from sparkdrift.kernels.vectors import direction_figures, vector_known, vector_row
from sparkdrift.measures.bins import bin_counts, category_counts
from sparkdrift.measures.evidence import decide
from sparkdrift.measures.kll import read_kll
from sparkdrift.measures.multivariate import Terms, joint_shift, marginal_terms, together
from sparkdrift.measures.numeric import gap, ks_error, span, wasserstein, wasserstein_error

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


KNOWN = inputs_known(REFERENCES, POLICY)


def test_small_shifts_of_all_inputs_are_one_row():
    moving = window(0.13, 0.55)
    quiet, moved = (inputs_row(KNOWN, rows, POLICY.effect) for rows in (window(), moving))
    assert quiet["column_name"] == moved["column_name"] == INPUTS
    assert status(quiet) == "ok"
    assert status(moved) == "drifted"
    assert min(row["p_material"] for row in moving) > 0.01
    assert moved["effect_low"] <= 0.13 * np.sqrt(7) <= moved["effect_high"]
    assert moved["moved"].startswith("all inputs together, most of it ")
    assert set(quiet) <= {*FIGURES, *TESTS, "column_name"}


def test_what_travels_is_what_the_measure_says_of_each_feature():
    """The same from the measure, with no kernel between: nothing is lost on the way."""
    own = []
    for one in REFERENCES:
        counts = np.array([cell["counts"] for cell in one["window_bins"]])
        own.append(marginal_terms(counts))
    rows = window(0.1)
    figures = np.array(
        [[r[n] for n in ("d_statistic", "n_eff", "degrees", "p_unusual")] for r in rows]
    )
    d, worth, free, p = figures.T[:, None, :]
    expected = joint_shift(together(own), Terms(d, 1 / worth, free, p), POLICY.effect)
    found = inputs_row(KNOWN, rows, POLICY.effect)
    assert found["joint"] == pytest.approx(expected.joint[0])
    for name in ("p_unusual", "p_material", "effect", "effect_low", "effect_high", "power"):
        assert found[name] == pytest.approx(getattr(expected, name.removeprefix("effect_"))[0])


def test_a_season_is_no_joint_shift():
    """Weekends differ in all inputs; a weekend is held against weekends, also in the reference."""
    days = 70
    weekday = [(at(i - days)).weekday() for i in range(days)]
    policy = replace(POLICY, season="weekday")
    references = []
    for name in NUMBERS:
        held = frozen(numeric, [amounts(0.8 * (one >= 5)) for one in weekday], name)
        references.append(held | {"window_strata": weekday})
    plain = inputs_row(inputs_known(references, POLICY), [], POLICY.effect)
    assert plain["unmeasured"] == "insufficient_data"

    def of(stratum, shift):
        found = []
        for one in references:
            bins = Bins.read(one["bins"])
            counts = bin_counts(read_kll(numeric(amounts(shift))["kll"]), bins.edges)
            known = baselines(one, bins.counts, np.inf, policy, policy.effect)
            figures = binned_figures(counts[None], np.array([np.inf]), known, [stratum], 0.32)
            found.append(
                {"column_name": one["column_name"]}
                | {name: float(value[0]) for name, value in figures.items()}
            )
        return found

    known = inputs_known(references, policy)
    own = np.array(known.values).reshape(4, -1)
    assert own.shape == (4, days)
    assert np.nanmean(own[0]) == pytest.approx(1, abs=0.25)
    assert status(inputs_row(known, of(6, 0.8), policy.effect)) == "ok"
    assert status(inputs_row(known, of(1, 0.0), policy.effect)) == "ok"
    assert status(inputs_row(known, of(6, 1.0), policy.effect)) == "drifted"


def test_what_is_not_measured_has_a_status_and_no_figure():
    rows = window()
    missing = [{**row, "p_unusual": None} for row in rows[:4]] + rows[4:]
    found = [inputs_row(KNOWN, one, POLICY.effect) for one in (missing, rows[:3], rows)]
    assert [row["unmeasured"] for row in found] == ["insufficient_data"] * 2 + [None]
    lost = ", ".join(NUMBERS[:4])
    told = f"3 of 7 were measured, not {lost}; at most 20 % may be missing"
    assert found[0]["unmeasured_reason"].endswith(told)
    assert "effect" not in found[0]
    few = [{**one, "window_bins": one["window_bins"][:7]} for one in REFERENCES]
    row = inputs_row(inputs_known(few, POLICY), rows, POLICY.effect)
    assert row["unmeasured_reason"] == "7 reference windows to compare, 8 needed"
    row = inputs_row(inputs_known([{**REFERENCES[0], "bins": None}], POLICY), rows, POLICY.effect)
    assert row["unmeasured_reason"] == "no input has bins and windows in the reference"


def lacking(rows, names, **how):
    """The same rows, those of `names` without what a distance needs."""
    nothing = dict.fromkeys(("d_statistic", "p_unusual", "n_eff", "degrees")) | how
    return [row | nothing if row["column_name"] in names else row for row in rows]


@pytest.mark.parametrize("many", range(8))
def test_all_inputs_are_never_ok_by_a_part_of_them(many):
    """Of seven inputs one may be missing, and is named; of two or more there is no figure."""
    names = sorted(one["column_name"] for one in REFERENCES)[:many]
    row = inputs_row(KNOWN, lacking(window(), names), POLICY.effect)
    if many > 1:
        assert row["unmeasured"] == "insufficient_data"
        assert (
            f"{7 - many} of 7 were measured, not {', '.join(names)}; " in row["unmeasured_reason"]
        )
        assert "effect" not in row
        return
    assert status(row) == "ok"
    assert row["caveat"] == ("without amount_0, not measured" if many else None)


def test_inputs_that_the_reference_lacks_are_missing_too():
    """Two of nine came after it was frozen: of those nothing is known together."""
    new = [{"column_name": f"new_{i}", "unmeasured": "no_reference"} for i in range(2)]
    row = inputs_row(KNOWN, [*window(), *new], POLICY.effect)
    assert "7 of 9 were measured, not new_0, new_1; " in row["unmeasured_reason"]


def test_inputs_of_one_usual_value_are_judged_by_themselves_and_not_missing():
    flags = [f"flag_{i}" for i in range(5)]
    rows = [{"column_name": one, "alone": 0.99, "p_unusual": None} for one in flags]
    row = inputs_row(KNOWN, [*window(), *rows], POLICY.effect)
    assert status(row) == "ok"
    assert row["caveat"] is None


def vectors(shift=0.0):
    return (RNG.normal(size=(ROWS, DIMENSION)) + shift) @ ALONG


PROJECTED = [vectors() for _ in range(DAYS)]
DIRECTIONS = [
    frozen(numeric, [day[:, k] for day in PROJECTED], f"embedding.projection_{k}")
    for k in range(ALONG.shape[1])
]


EMBEDDING = vector_known("embedding", DIRECTIONS)


def _error(known, points, within):
    eps = 0.0 if points is None else float(ks_error(np.inf, points.error_k))
    apart = gap(known, points)
    return wasserstein_error(apart, within, eps, wasserstein(apart, within))


def projected(cloud, references=DIRECTIONS, k=4096):
    """What the comparison of features leaves of the projections of one window; None: no values."""
    found = []
    for reference, values in zip(references, cloud, strict=True):
        points = read_kll(None if values is None else kll(values, k))
        known = read_kll(reference["kll"])
        within = span(known, reference["stddev"])
        figures = direction_figures(reference, [points], Bins.read(reference["bins"]))
        found.append(
            {"column_name": reference["column_name"]}
            | {"wasserstein_distance": wasserstein(gap(known, points), within)}
            | {"wasserstein_error": _error(known, points, within)}
            | {name: float(value[0]) for name, value in figures.items()}
        )
    return found


def test_a_vector_has_a_row_of_its_own():
    quiet, moved = (
        vector_row(EMBEDDING, projected(vectors(shift).T), POLICY.effect) for shift in (0, 0.8)
    )
    assert quiet["column_name"] == "embedding"
    assert status(quiet) == "ok"
    assert status(moved) == "drifted"
    spread = np.sqrt((ALONG**2).sum(axis=0).mean())
    expected = np.abs(0.8 * ALONG.sum(axis=0)).mean() / spread
    assert moved["wasserstein_distance"] == pytest.approx(expected, rel=0.1)
    assert set(moved) <= {*FIGURES, *TESTS, "column_name"}


@pytest.mark.parametrize("shift", [0.0, 0.8])
def test_small_sketches_move_a_vector_within_its_error(shift):
    cloud = vectors(shift).T
    exact = vector_row(EMBEDDING, projected(cloud), POLICY.effect)
    coarse = vector_row(EMBEDDING, projected(cloud, k=64), POLICY.effect)
    off = abs(coarse["wasserstein_distance"] - exact["wasserstein_distance"])
    # The values are seeded, what a sketch drops is not.
    assert 0 < off <= coarse["wasserstein_error"] < 1, (off, coarse["wasserstein_error"])


def test_a_vector_without_values_is_not_measured():
    lacking = [*vectors().T[:-1], None]
    row = vector_row(EMBEDDING, projected(lacking), POLICY.effect)
    assert row["unmeasured_reason"] == "a projection has no values in the window"
    held = projected(vectors().T)
    assert vector_row(EMBEDDING, held, POLICY.effect)["unmeasured"] is None
    assert vector_row(EMBEDDING, held[1:], POLICY.effect)["unmeasured"] == "insufficient_data"
    few = [{**one, "window_bins": one["window_bins"][:7]} for one in DIRECTIONS]
    row = vector_row(vector_known("e", few), held, POLICY.effect)
    assert row["unmeasured_reason"] == "7 reference windows to compare, 8 needed"
    nothing = [*DIRECTIONS[:-1], {**DIRECTIONS[-1], "bins": None}]
    row = vector_row(vector_known("e", nothing), held, POLICY.effect)
    assert row["unmeasured_reason"] == "the reference has no values in a projection"
    constant = frozen(numeric, [np.ones(50) for _ in range(DAYS)], "e.projection_3")
    row = vector_row(vector_known("e", [*DIRECTIONS[:-1], constant]), held, POLICY.effect)
    assert row["unmeasured_reason"] == "a projection is constant in the reference"


def test_a_projection_that_came_later_has_fewer_windows():
    later = [*DIRECTIONS[:-1], {**DIRECTIONS[-1], "window_bins": DIRECTIONS[-1]["window_bins"][5:]}]
    row = vector_row(vector_known("e", later), projected(vectors(0.8).T), POLICY.effect)
    assert status(row) == "drifted"


def compared_row(column_name, **figures):
    nothing = dict.fromkeys(COMPARED)
    window = {"window_start": at(0), "comparison": "baseline", "reference_version": 1}
    of = {"slice_key": "*", "slice_value": "*", "row_count": ROWS}
    digests = {"input_digest": column_name, "definition_hash": column_name}
    return nothing | window | of | digests | {"column_name": column_name} | figures


def judged(rows, known, policy):
    """Rows of one window, and what the reference sent, through the kernel that judges."""
    schema = arrow_schema(COMPARED)
    sent = [
        {"window_start": at(0), "comparison": "baseline", "column_name": one.name}
        | {"known_columns": one.columns, "known": one.values, "unmeasured_reason": one.reason}
        for one in known
    ]
    found = pa.concat_tables(
        [pa.Table.from_pylist(rows, schema=schema), pa.Table.from_pylist(sent, schema=schema)]
    )
    out = pa.Table.from_batches(
        judge(policy)(iter(found.combine_chunks().to_batches())), arrow_schema(JUDGED)
    )
    return {row["column_name"]: row for row in out.to_pylist()}


TOGETHER = replace(
    POLICY,
    multivariate=True,
    outputs=frozenset({"score"}),
    vectors={"embedding": tuple(one["column_name"] for one in DIRECTIONS)},
)
WHOLE = inputs_known([*REFERENCES, *DIRECTIONS], POLICY)
FIRST = {"effect_size": 0.32, "warn_at": 0.2}


def of_window(shift=0.0, share=0.5):
    kept = {*COMPARED}
    cloud = vectors(shift).T
    # A projection is a number as others are, with what its vector takes of it besides.
    numbers = [compared(one, values) for one, values in zip(DIRECTIONS, cloud, strict=True)]
    both = zip(numbers, projected(cloud), strict=True)
    rows = [*window(shift, share), *(one | other for one, other in both)]
    return [
        compared_row(**FIRST, **{name: value for name, value in row.items() if name in kept})
        for row in rows
    ]


def test_rows_together_are_judged_beside_those_of_features():
    score = compared_row("score", **FIRST, unmeasured=None, p_unusual=1e-9)
    metric = compared_row("metric:m", **FIRST, unmeasured=None, p_unusual=1e-9)
    found = judged([*of_window(), score, metric], [WHOLE, EMBEDDING], TOGETHER)
    assert found[INPUTS]["status"] == found["embedding"]["status"] == "ok"
    assert found[INPUTS]["q_value"] is not None
    assert found[INPUTS]["row_count"] == ROWS
    assert found["score"]["joint"] is None
    gone = lacking(of_window(), {"amount_0"}, unmeasured="insufficient_data")
    part = judged(gone, [WHOLE, EMBEDDING], TOGETHER)[INPUTS]
    assert part["reason"] == "no material change; without amount_0, not measured"
    moved = judged([*of_window(0.13, 0.55), score], [WHOLE, EMBEDDING], TOGETHER)
    assert moved[INPUTS]["status"] == "drifted"
    carriers = moved[INPUTS]["carriers"]
    parts = [one["share"] for one in carriers]
    assert parts == sorted(parts, reverse=True)
    assert sum(parts) == pytest.approx(1.0 if len(parts) < 10 else sum(parts))
    listed = ", ".join(f"{one['item']} ({100 * one['share']:.0f} %)" for one in carriers[:3])
    text = moved[INPUTS]["explanation"]
    assert text.startswith("all inputs together moved by 0.")
    assert f", most of it {listed}" in text
    # The same three, in the same order, as the reason has them.
    assert [one["item"] for one in carriers[:3]] == [
        part.split(" (")[0] for part in moved[INPUTS]["reason"].split("most of it ")[1].split(", ")
    ]
    assert moved[INPUTS]["input_digest"] == found[INPUTS]["input_digest"]
    again = [row | {"input_digest": "another"} for row in of_window()]
    assert judged(again, [WHOLE], TOGETHER)[INPUTS]["input_digest"] != moved[INPUTS]["input_digest"]


def test_each_window_is_sent_what_its_own_reference_shows():
    """Two versions: the first holds the score too, which is no input; metrics have no bins."""
    names = ("column_name", "stddev", "kll", "bins", "window_bins")
    held = [*REFERENCES, *DIRECTIONS, {**REFERENCES[0], "column_name": "score"}]
    rows = [{"reference_version": 1} | {name: one[name] for name in names} for one in held]
    rows += [{**row, "reference_version": 2} for row in rows[:2]]
    starts = {1: (at(0), at(1)), 2: (at(2),), 3: (at(3),)}
    batches = pa.Table.from_pylist(rows).to_batches()
    sent = pa.Table.from_batches(list(known(TOGETHER, starts)(iter(batches)))).to_pylist()
    places = [(row["window_start"], row["column_name"]) for row in sent]
    assert places == [
        *((at(day), name) for day in (0, 1) for name in (INPUTS, "embedding")),
        (at(2), INPUTS),
    ]
    # The projections are inputs as well.
    assert sent[0]["known_columns"] == [one["column_name"] for one in (*REFERENCES, *DIRECTIONS)]
    assert sent[4]["known_columns"] == ["amount_0", "amount_1"]
    assert sent[1]["known"] == list(EMBEDDING.values)
    assert {row["comparison"] for row in sent} == {"baseline"}


def test_without_a_reference_the_reason_is_that_of_the_features():
    rows = [
        row | {"unmeasured": "no_reference", "unmeasured_reason": "none was in force"}
        for row in of_window()
    ]
    found = judged(rows, [], TOGETHER)
    for name in (INPUTS, "embedding"):
        assert (found[name]["status"], found[name]["reason"]) == (
            "no_reference",
            "none was in force",
        )


def test_other_comparisons_slices_and_policies_have_no_such_rows():
    rows = of_window()
    assert INPUTS not in judged(rows, [], replace(TOGETHER, multivariate=False))
    assert INPUTS not in judged([row | {"slice_key": "region"} for row in rows], [KNOWN], TOGETHER)
    assert INPUTS not in judged(rows[:1], [KNOWN], TOGETHER)
    assert judged([], [KNOWN, EMBEDDING], TOGETHER) == {}


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_of_a_handful_of_rows_the_rows_are_too_few_and_not_the_inputs(rows):
    values = np.random.default_rng(rows).normal(size=(len(NUMBERS), rows)).tolist()
    product = ["card", "loan"] * 3
    windows = [
        *(numeric(own, day=0, name=name) for own, name in zip(values, NUMBERS, strict=True)),
        categorical(product[:rows], day=0, name="product"),
    ]
    seen = sorted([*REFERENCES, *windows], key=lambda one: (one["column_name"], one["part"]))
    batches = list(compare(POLICY)(stream(asking(table(*seen)))))
    row = inputs_row(KNOWN, pa.Table.from_batches(batches).to_pylist(), 0.32)
    assert row["unmeasured"] == "insufficient_data"
    assert row["unmeasured_reason"].startswith("too few rows to judge all inputs together")

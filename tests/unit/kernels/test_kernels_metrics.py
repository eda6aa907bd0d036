"""Custom metrics through the kernels: frozen window by window, compared, judged with the rest."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from profile_rows import asking, at, metric, numeric, stream, table

from sparkdrift.kernels.compared import COMPARED
from sparkdrift.kernels.comparing import compare
from sparkdrift.kernels.freezing import freeze
from sparkdrift.kernels.judging import judge
from sparkdrift.kernels.policy import Policy

RNG = np.random.default_rng(4)
POLICY = Policy(effect=0.5, warn=0.3, overrides={"metric:x": (6.0, 3.0)})
VALUES = [100 + 2 * (-1) ** day for day in range(16)]


def frozen(values, **more) -> dict:
    """A reference of windows with these values; None is a window without one."""
    rows = table(
        metric(sum(v for v in values if v is not None)),
        *(metric(v, day=i - 20, row_noise=0.01) for i, v in enumerate(values)),
    )
    found = pa.Table.from_batches(list(freeze(10)(stream(rows)))).to_pylist()[0]
    return {**found, "comparable": None, **more}


def verdicts(*rows: dict) -> dict:
    order = sorted(
        rows, key=lambda row: (row["column_name"], row["part"], row["window_start"] or at(-99))
    )
    compared = pa.Table.from_batches(list(compare(POLICY)(stream(asking(table(*order))))))
    assert compared.column_names == list(COMPARED)
    by_window = compared.sort_by("window_start")
    found = pa.Table.from_batches(list(judge(POLICY)(stream(by_window)))).to_pylist()
    return {((row["window_start"] - at(0)).days, row["column_name"]): row for row in found}


def test_a_reference_keeps_the_value_of_each_window_that_has_one():
    reference = frozen([1.0, None, 3.0])
    assert reference["bins"] is None
    assert [cell["counts"] for cell in reference["window_bins"]] == [[1.0, 0.01], [3.0, 0.01]]
    assert [cell["window_start"] for cell in reference["window_bins"]] == [at(-20), at(-18)]


def test_usual_values_are_ok_and_a_far_one_has_drifted():
    found = verdicts(frozen(VALUES), metric(101.0, day=0), metric(130.0, day=1))
    assert (found[0, "metric:x"]["status"], found[0, "metric:x"]["reason"]) == (
        "ok",
        "no material change",
    )
    far = found[1, "metric:x"]
    assert far["status"] == "drifted"
    assert "(limit 6): it is 130, and was 100 with an sd of 2.07 in the 16 windows" in far["reason"]
    assert far["n_eff"] == 16


def test_a_value_between_is_a_warning():
    found = verdicts(frozen(VALUES), metric(107.5, day=0))[0, "metric:x"]
    assert found["status"] == "warning"
    assert 3 <= found["effect"] < 4


def test_few_windows_and_no_value_are_not_measured():
    short = verdicts(frozen(VALUES[:4]), metric(500.0, day=0))[0, "metric:x"]
    assert short["status"] == "insufficient_data"
    assert "4 windows with a value, and 5 are needed" in short["reason"]
    none = verdicts(frozen(VALUES), metric(None, day=0))[0, "metric:x"]
    assert none["status"] == "insufficient_data"
    assert none["reason"] == "the metric has no value in this window"
    assert none["p_unusual"] is None


def test_too_few_windows_for_power_are_never_ok_but_alert():
    found = verdicts(frozen(VALUES[:6]), metric(100.0, day=0), metric(190.0, day=1))
    assert found[0, "metric:x"]["status"] == "insufficient_data"
    assert "too few reference windows, or rows" in found[0, "metric:x"]["reason"]
    assert found[1, "metric:x"]["status"] == "drifted"


def test_a_window_of_few_rows_is_given_their_noise():
    """5 rows where the reference's windows had 100; the same value with 100 is unusual."""
    reference = frozen(VALUES, row_variance=100.0)
    found = verdicts(
        reference,
        metric(107.0, day=0, row_noise=0.2),
        metric(107.0, day=1, row_noise=0.01),
    )
    assert found[0, "metric:x"]["status"] == "insufficient_data"
    assert found[1, "metric:x"]["status"] == "warning"


@pytest.mark.parametrize(
    ("window", "status"),
    [
        (metric(100.0, day=0, definition_hash="other"), "no_reference"),
        (metric(None, day=0, status="schema_changed", reason="gone"), "schema_changed"),
    ],
)
def test_other_definitions_and_lost_columns_are_said(window, status):
    assert verdicts(frozen(VALUES), window)[0, "metric:x"]["status"] == status


def test_metrics_and_features_of_a_window_are_one_family():
    days = [RNG.normal(size=500) for _ in range(5)]
    whole = numeric([v for day in days for v in day])
    rows = table(whole, *(numeric(day, day=-9 + i) for i, day in enumerate(days)))
    amount = pa.Table.from_batches(list(freeze(10)(stream(rows)))).to_pylist()[0]
    rows = []
    for i in range(14):
        name = f"f{i:02}"
        rows += [{**amount, "column_name": name}, numeric(days[i % 5], day=0, name=name)]
    alone = verdicts(frozen(VALUES), metric(108.5, day=0))[0, "metric:x"]
    together = verdicts(frozen(VALUES), metric(108.5, day=0), *rows)[0, "metric:x"]
    # Alone it is judged as one of ten tests, here as one of fifteen.
    assert alone["q_value"] == pytest.approx(10 * alone["p_unusual"])
    assert together["q_value"] == pytest.approx(15 * alone["p_unusual"])

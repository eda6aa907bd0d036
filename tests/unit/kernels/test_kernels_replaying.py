"""Replayed windows against judging each by hand; false alarms counted in a simulated reference."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from sparkdrift.kernels.batches import arrow_schema
from sparkdrift.kernels.policy import GRADES, AlertRules, Policy
from sparkdrift.kernels.replaying import REPLAYED, alarming, counts_up_to, replayed
from sparkdrift.measures import alarm_rates, binned, evidence, variation

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
POLICY = Policy(effect=0.32, warn=0.2)
SEED = 77


def reference(counts, name="amount", strata=None) -> dict:
    windows = [
        {"window_start": START + timedelta(days=i), "k": None, "counts": list(map(float, row))}
        for i, row in enumerate(counts)
    ]
    return {
        "slice_key": "*",
        "slice_value": "*",
        "column_name": name,
        "bins": {
            "edges": list(range(np.shape(counts)[1] - 1)),
            "items": None,
            "counts": list(np.sum(counts, axis=0)),
        },
        "window_bins": windows,
        "window_strata": strata or [None] * len(windows),
    }


def test_each_window_is_held_against_the_others():
    rng = np.random.default_rng(SEED)
    counts = rng.multinomial(5000, np.full(10, 0.1), size=12)
    counts[7] = rng.multinomial(5000, np.r_[np.full(5, 0.08), np.full(5, 0.12)])
    found = list(replayed(reference(counts), POLICY))
    assert len(found) == 12
    for i, one in enumerate(found):
        others = np.delete(counts, i, axis=0)
        d = binned.d_statistic(others.sum(axis=0), counts[i])
        s = 1 / 5000 + 1 / (11 * 5000)
        varies = variation.benign_variation(others)
        expected = evidence.p_unusual(d, s, 10, varies.tau2, varies.w_eff, varies.square)
        assert one["p_unusual"] == pytest.approx(float(expected), rel=1e-9)
        assert one["material_up_to"] == evidence.material_up_to(d, s, 10)
    assert found[7]["p_unusual"] == min(one["p_unusual"] for one in found)


def test_a_reference_without_windows_or_bins_gives_nothing():
    counts = np.full((1, 10), 100)
    assert list(replayed(reference(counts), POLICY)) == []
    assert list(replayed({**reference(counts), "bins": None}, POLICY)) == []
    assert list(replayed({**reference(counts), "window_bins": None}, POLICY)) == []


def test_windows_without_rows_are_left_out():
    counts = np.full((5, 10), 100)
    counts[2] = 0
    assert len(list(replayed(reference(counts), POLICY))) == 4


@pytest.mark.parametrize("least", GRADES)
def test_a_window_counts_as_it_would_by_its_verdict(least):
    """Each effect size tried: the status and severity that judging gives, from the same figures."""
    rng = np.random.default_rng(SEED)
    for material, effect, weight in rng.uniform(0, 1.5, (40, 3)):
        rules = AlertRules(least=least, major=1.5, critical=2.5)
        up_to = counts_up_to(material, effect, 0.2, weight, rules)
        for tried in alarm_rates.EFFECTS:
            status = "drifted" if material >= tried else "warning" if effect >= 0.2 else "ok"
            weighed = AlertRules(least, 1.5, 2.5, {"amount": weight})
            grade = weighed.severity(status, effect / tried, "amount")
            assert (up_to >= tried) == weighed.counts(grade), (SEED, material, effect, weight)


def test_what_counts_follows_the_least_severity():
    rng = np.random.default_rng(SEED)
    counts = rng.multinomial(5000, np.full(10, 0.1), size=12)
    counts[7] = rng.multinomial(5000, np.r_[np.full(5, 0.07), np.full(5, 0.13)])
    found = {
        least: list(replayed(reference(counts), Policy(0.32, 0.2, alerts=AlertRules(least=least))))[
            7
        ]
        for least in GRADES
    }
    assert found["warning"]["counts_up_to"] == np.inf
    assert found["minor"]["counts_up_to"] == found["minor"]["material_up_to"]
    assert 0 < found["critical"]["counts_up_to"] < found["major"]["counts_up_to"]


def test_a_window_is_one_family():
    """One p of 0.004 alarms among 10 tests and not among 100."""

    def kept(tests: int) -> list[str | None]:
        rows = [
            {
                "window_start": START,
                "slice_key": "*",
                "slice_value": "*",
                "column_name": f"f{i}",
                "p_unusual": 0.004 if i == 0 else 0.5,
                "n_eff": 1e4 if i < 4 else 100.0,
                "effect_size": 0.32,
                "degrees": 9.0,
                "tau2": 0.0,
                "square": 0.0,
                "w_eff": np.inf,
                "material_up_to": 0.4,
                "counts_up_to": 0.4,
            }
            for i in range(tests)
        ]
        batch = pa.RecordBatch.from_pylist(rows, schema=arrow_schema(REPLAYED))
        (found,) = alarming(0.8)(iter([batch]))
        assert found.to_pylist()[0]["tests"] == tests
        assert found.to_pylist()[0]["powerful"] == 4
        return [row["column_name"] for row in found.to_pylist()[1:]]

    assert kept(10) == ["f0"]
    assert kept(100) == []

"""Replayed windows against judging each by hand; false alarms counted in a simulated reference."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from sparkdrift.kernels.baselines import baselines
from sparkdrift.kernels.batches import arrow_schema
from sparkdrift.kernels.distributions import binned_figures
from sparkdrift.kernels.policy import GRADES, AlertRules, Policy
from sparkdrift.kernels.replaying import REPLAYED, counts_up_to, judged, replay, replayed
from sparkdrift.kernels.tallying import Sums, tallying
from sparkdrift.measures import alarm_rates, binned, evidence, variation
from sparkdrift.measures.persistence import raised, standing

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


def test_each_window_is_held_against_the_other_quarters():
    rng = np.random.default_rng(SEED)
    counts = rng.multinomial(5000, np.full(10, 0.1), size=12)
    counts[7] = rng.multinomial(5000, np.r_[np.full(5, 0.08), np.full(5, 0.12)])
    found = list(replayed(reference(counts), POLICY))
    assert [one["window_start"] for one in found] == [START + timedelta(i) for i in range(12)]
    for i, one in enumerate(found):
        others = np.delete(counts, np.arange(i // 3 * 3, i // 3 * 3 + 3), axis=0)
        d = binned.d_statistic(others.sum(axis=0), counts[i])
        s = 1 / 5000 + 1 / (9 * 5000)
        varies = variation.benign_variation(others)
        expected = evidence.p_unusual(d, s, 10, varies.tau2, varies.w_eff, varies.square)
        assert one["p_unusual"] == pytest.approx(float(expected), rel=1e-9)
        assert one["material_up_to"] == evidence.material_up_to(d, s, 10)
        assert one["rho"] == variation.autocorrelation(counts)
    assert found[7]["p_unusual"] == min(one["p_unusual"] for one in found)


def test_without_windows_or_bins_there_is_a_row_that_says_nothing():
    """It is counted as a feature without a distance, and is no window."""
    counts = np.full((1, 10), 100)
    bare = [
        reference(counts, "single"),
        {**reference(counts, "binless"), "bins": None},
        {**reference(counts, "windowless"), "window_bins": None},
    ]
    for one in bare:
        (row,) = replayed(one, POLICY)
        assert (row["window_start"], row.get("p_unusual")) == (None, None)
    sums, alerting = tallied(reference(days(500)), *bare)
    assert (sums.without, sums.starts, sums.found.series, alerting) == (3, 20, 1, [])


def test_windows_without_rows_have_no_figures():
    counts = np.full((5, 10), 100)
    counts[2] = 0
    found = list(replayed(reference(counts), POLICY))
    assert ["p_unusual" in one for one in found] == [True, True, False, True, True]


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


def row(i: int, p_unusual: float, n_eff: float, width: float = 9.0) -> dict:
    return {
        "window_start": START,
        "slice_key": "*",
        "slice_value": "*",
        "column_name": f"f{i:03}",
        "p_unusual": p_unusual,
        "n_eff": n_eff,
        "effect_size": 0.32,
        "degrees": 9.0,
        "tau2": 0.0,
        "square": 0.0,
        "w_eff": np.inf,
        "material_up_to": 0.4,
        "counts_up_to": 0.4,
        "width": width,
    }


def of_window(rows: list[dict]) -> tuple[dict, list[dict]]:
    batch = pa.RecordBatch.from_pylist(rows, schema=arrow_schema(REPLAYED))
    (found,) = judged(0.8)(iter([batch]))
    about, *others = found.to_pylist()
    return about, others


def test_a_window_is_one_family():
    """One p of 0.004 alarms among 10 tests and not among 100."""

    def kept(tests: int) -> list[str]:
        rows = [row(i, 0.004 if i == 0 else 0.5, 1e4 if i < 4 else 100.0) for i in range(tests)]
        about, others = of_window(rows)
        assert (about["tests"], about["powerful"]) == (tests, 4)
        return [one["column_name"] for one in others if one["counts_up_to"] > 0]

    assert kept(10) == ["f000"]
    assert kept(100) == []


@pytest.mark.parametrize("tests", [10, 100])
@pytest.mark.parametrize("rows", [100.0, 1000.0, 3000.0, 1e5])
def test_a_row_is_quiet_from_the_effect_size_that_it_would_have_shown(rows, tests):
    """Each effect size tried: against `power` at the level of the family."""
    _, (one, *_) = of_window([row(i, 0.5, rows) for i in range(tests)])
    level = evidence.family_level(tests)
    limits = evidence.material_limit(alarm_rates.EFFECTS)
    power = evidence.power(1 / rows, 10, alarm_rates.EFFECTS, limits, level=level)
    quiet = one["judged_from"] <= alarm_rates.EFFECTS
    assert (quiet == (power >= 0.8)).all(), (rows, tests, one["judged_from"])
    assert quiet.any() == (power[-1] >= 0.8)


def test_a_row_of_a_narrow_effect_is_an_answer_without_power():
    _, (blind, seen, none) = of_window(
        [row(0, 0.5, 50.0), row(1, 0.5, 50.0, width=0.2), row(2, np.nan, 50.0)]
    )
    assert blind["judged_from"] > 0.9
    assert 0.2 < seen["judged_from"] < 0.2 + 1e-9
    assert none["judged_from"] is None
    assert none["counts_up_to"] is None


def tallied(*references: dict, policy: Policy = POLICY) -> tuple[Sums, list[dict]]:
    """Through all three kernels, with the sorts that Spark does between them."""
    rows = [one for own in references for one in replayed(own, policy)]
    table = pa.Table.from_pylist(rows, schema=arrow_schema(REPLAYED)).sort_by("window_start")
    by_window = pa.Table.from_batches(list(judged(0.8)(iter(table.to_batches()))))
    keys = [(name, "ascending") for name in ("column_name", "window_start")]
    sums, alerting = Sums(), []
    kernel = tallying(policy.effect, 2, 3)
    for batch in kernel(iter(by_window.sort_by(keys).combine_chunks().to_batches())):
        for one in batch.to_pylist():
            if one["column_name"] is None:
                sums.add(one)
            else:
                alerting.append(one)
    return sums, alerting


def days(rows: int, many: int = 20, wave: bool = False) -> np.ndarray:
    rng = np.random.default_rng([SEED, rows])
    counts = rng.multinomial(rows, np.full(10, 0.1), size=many)
    if wave:
        counts[7:9] = rng.multinomial(rows, np.linspace(0.02, 0.18, 10), size=2)
    return counts


def test_a_feature_of_too_few_rows_is_no_quiet_one():
    """Half of the features have 40 rows a day: the rate is over the windows of the others."""
    sums, alerting = tallied(
        reference(days(5000, wave=True), "large"),
        reference(days(40), "small"),
        reference(np.full((20, 1), 100), "constant"),
    )
    assert [(one["column_name"], one["alerts"]) for one in alerting] == [("large", 1)]
    assert (sums.starts, sums.windows, sums.without) == (20, 40, 1)
    assert sums.found.series == 2
    # Of 40 rows a window or two lies so near that its interval is narrow all the same.
    blind, _ = tallied(reference(days(40), "small"))
    assert blind.found.judged[0] <= 3
    assert sums.found.judged[0] == 20 + blind.found.judged[0]
    found = alarm_rates.rate_at(sums.found, 0, 1 / 30)
    assert (found.months, found.series) == (pytest.approx(20 / 30), 1)
    assert found.per_month == pytest.approx(30 / 20)
    assert alarm_rates.rate_at(blind.found, 0, 1 / 30) is None
    # What fits is a size at which it would have been judged, not the smallest that is tried.
    assert alarm_rates.smallest_effect(blind.found.tried, 1 / 30, 1.0, 3) > 0.32


def test_a_feature_with_an_effect_size_of_its_own_counts_by_that():
    own = Policy(effect=0.32, warn=0.2, overrides={"large": (1.0, 0.5)})
    sums, alerting = tallied(reference(days(5000, wave=True), "large"), policy=own)
    assert alerting == []
    assert set(sums.found.alerts) == {0}
    assert set(sums.found.judged) == {20}


def test_the_kernel_replays_each_row_of_a_reference():
    batch = pa.RecordBatch.from_pylist([reference(days(500)), reference(days(500), "b")])
    (found,) = replay(POLICY)(iter([batch]))
    assert found.num_rows == 40
    assert found.schema == arrow_schema(REPLAYED)


def wandering(rho: float, days_: int, rng) -> np.ndarray:
    """Counts of ten bins of 10,000 rows a day, whose mean goes by an AR(1) with sd 0.2."""
    steps = rng.normal(size=days_) * 0.2 * np.sqrt(1 - rho**2)
    mean = [rng.normal() * 0.2]
    for step in steps[1:]:
        mean.append(rho * mean[-1] + step)
    edges = stats.norm.ppf(np.arange(1, 10) / 10)
    below = stats.norm.cdf(edges - np.array(mean)[:, None])
    parts = np.diff(np.pad(below, ((0, 0), (1, 1)), constant_values=(0, 1)))
    return rng.multinomial(10_000, parts)


def unusual_and_raised(rows: list[dict]) -> tuple[int, int]:
    counts = np.array([one["p_unusual"] <= 0.01 and one["counts_up_to"] >= 0.2 for one in rows])
    return int(counts.sum()), int(raised(standing(counts[None].astype(float), 2, 3)).sum())


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_the_rate_of_later_windows_is_what_was_told(rho):
    """60 references of 60 windows, and the 60 that come after each."""
    rng = np.random.default_rng([SEED, int(10 * rho)])
    policy, told, later = Policy(effect=0.2, warn=0.2), np.zeros(2), np.zeros(2)
    for _ in range(60):
        counts = wandering(rho, 120, rng)
        known = reference(counts[:60])
        told += unusual_and_raised(list(replayed(known, policy)))
        merged = baselines(known, counts[:60].sum(axis=0).astype(float), np.inf, policy, 0.2)
        seen = counts[60:].astype(float)
        found = binned_figures(seen, np.full(60, np.inf), merged, [None] * 60, 0.2)
        surely = evidence.material_up_to(found["d_statistic"], found["noise"], 10)
        pairs = zip(found["p_unusual"], surely, strict=True)
        later += unusual_and_raised([{"p_unusual": p, "counts_up_to": m} for p, m in pairs])
    if rho:
        assert later[1] >= 4, (SEED, later)
        assert told[1] > later[1] / 3, (SEED, told, later)
        assert told[0] > later[0] / 3, (SEED, told, later)
        assert told[1] < 4 * later[1], (SEED, told, later)
    else:
        # Of 3,600 windows each: within what chance makes of two equal rates.
        assert abs(told[0] - later[0]) < 3 * np.sqrt(told.sum() + later.sum() + 1), (told, later)
        assert max(told[1], later[1]) <= 4, (SEED, told, later)

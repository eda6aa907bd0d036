"""Drift rows of planted faults: the right figure, the right status, the right words."""

from __future__ import annotations

from collections import Counter

import numpy as np
import planted as plan
import pytest
import source_tables
from monitors import context_of, new_store, rows_of, run
from scipy import stats
from scipy.spatial.distance import jensenshannon

from sparkdrift.steps import drift as drift_step
from sparkdrift.steps.context import Options
from sparkdrift.steps.profile import profile_windows

pytestmark = pytest.mark.spark

JUDGED_DAYS = range(plan.CALM, plan.CLOSING)
FULL_DAYS = [day for day in JUDGED_DAYS if day not in plan.SIZES]


def test_every_window_and_feature_has_one_row(planted):
    found = Counter((row["window_start"], row["column_name"]) for row in planted.drift)
    features = (*plan.NUMERIC, *plan.CATEGORICAL, ":inputs")
    expected = {
        (source_tables.day_start(day), name) for day in range(plan.CLOSING) for name in features
    }
    assert set(found) == expected
    assert set(found.values()) == {1}


def test_windows_before_the_reference_have_none(planted):
    for day in plan.REFERENCE_DAYS:
        for name in (*plan.NUMERIC, *plan.CATEGORICAL):
            row = planted.verdict(day, name)
            assert (row["status"], row["reference_version"]) == ("no_reference", 0)
            assert (row["psi"], row["effect"]) == (None, None)


def test_a_calm_day_is_ok_and_says_how_sure_that_is(planted):
    for name in (*plan.NUMERIC, *plan.CATEGORICAL):
        row = planted.verdict(plan.CALM, name)
        assert (row["status"], row["reason"]) == ("ok", "no material change"), name
        assert row["power"] > 0.8


def test_the_quiet_feature_never_alerts(planted):
    statuses = {planted.verdict(day, "steady")["status"] for day in FULL_DAYS}
    assert statuses == {"ok"}


@pytest.mark.parametrize(
    ("day", "column", "words"),
    [
        (plan.NULLS, "amount", "the share of NULLs changed by +"),
        (plan.NANS, "amount", "the share of NaNs changed by +"),
        (plan.INFINITE, "amount", "the share of infinite values changed by +"),
        (plan.NEW_CATEGORY, "product", "new categories 'crypto'"),
        (plan.OUT_OF_RANGE, "amount", "the share outside the reference's range changed by +"),
        (plan.CONSTANT, "sensor", "every value is 0.25"),
        (plan.SHIFTED, "sensor", "the median moved up by"),
        (plan.SHIFTED, "product", "'lease' +"),
        (plan.ALL_NULL, "amount", "the share of NULLs changed by +100.0 points"),
    ],
)
def test_a_planted_fault_is_found_and_named(planted, day, column, words):
    row = planted.verdict(day, column)
    assert row["status"] == "drifted"
    assert words in row["reason"]


def test_nothing_but_the_planted_faults_alerts(planted):
    faults = {
        *((day, "amount") for day in (plan.NULLS, plan.NANS, plan.INFINITE, plan.OUT_OF_RANGE)),
        *((plan.ALL_NULL, "amount"), (plan.CONSTANT, "sensor"), (plan.SHIFTED, "sensor")),
        *((plan.NEW_CATEGORY, "product"), (plan.SHIFTED, "product")),
    }
    for day in FULL_DAYS:
        for name in (*plan.NUMERIC, *plan.CATEGORICAL):
            expected = "drifted" if (day, name) in faults else "ok"
            assert planted.verdict(day, name)["status"] == expected, (day, name)


@pytest.mark.classic
@pytest.mark.parametrize("day", [plan.EMPTY, plan.ONE_ROW, plan.FIVE_ROWS])
def test_too_few_rows_are_never_ok(planted, day):
    for name in (*plan.NUMERIC, *plan.CATEGORICAL):
        row = planted.verdict(day, name)
        assert row["status"] == "insufficient_data", (day, name, row["reason"])
        assert row["reason"]


def test_share_changes_are_exact(planted):
    for day, column, figure in (
        (plan.NULLS, "null_count", "null_delta"),
        (plan.NANS, "nan_count", "nan_delta"),
        (plan.INFINITE, "positive_infinity_count", "infinite_delta"),
    ):
        raw = planted.texts("amount", day)
        share = {
            "null_count": sum(v is None for v in raw),
            "nan_count": sum(v is not None and np.isnan(v) for v in raw),
            "positive_infinity_count": sum(v is not None and np.isinf(v) for v in raw),
        }[column] / len(raw)
        assert planted.verdict(day, "amount")[figure] == pytest.approx(share)
    outside = planted.verdict(plan.OUT_OF_RANGE, "amount")["out_of_range_share"]
    known, seen = (planted.values("amount", *days) for days in (plan.REFERENCE_DAYS, [11]))
    assert outside == pytest.approx(((seen < known.min()) | (seen > known.max())).mean())


def histogram(values: np.ndarray, edges: list[float]) -> np.ndarray:
    return np.bincount(np.searchsorted(edges, values, "left"), minlength=len(edges) + 1)


def psi(a: np.ndarray, b: np.ndarray) -> float:
    p, q = ((c + 0.5) / (c.sum() + len(c) / 2) for c in (a, b))
    return float(((p - q) * np.log(p / q)).sum())


@pytest.mark.parametrize("column", plan.NUMERIC)
def test_bins_are_the_deciles_of_the_reference(planted, column):
    known = planted.values(column, *plan.REFERENCE_DAYS)
    cell = planted.reference(column)["bins"]
    deciles = np.quantile(known, np.arange(1, 10) / 10, method="inverted_cdf")
    np.testing.assert_array_equal(cell["edges"], deciles)
    np.testing.assert_allclose(cell["counts"], histogram(known, cell["edges"]))
    per_day = planted.reference(column)["window_bins"]
    assert [one["window_start"] for one in per_day] == [
        source_tables.day_start(day) for day in plan.REFERENCE_DAYS
    ]
    for day, one in enumerate(per_day):
        own = histogram(planted.values(column, day), cell["edges"])
        np.testing.assert_allclose(one["counts"], own)
        assert one["k"] is None


@pytest.mark.parametrize("column", plan.NUMERIC)
def test_numeric_figures_equal_those_of_scipy(planted, column):
    known = planted.values(column, *plan.REFERENCE_DAYS)
    edges = planted.reference(column)["bins"]["edges"]
    low, first, third, high = np.quantile(known, [0.001, 0.25, 0.75, 0.999], method="inverted_cdf")
    for day in FULL_DAYS:
        seen, row = planted.values(column, day), planted.verdict(day, column)
        if not len(seen):
            assert row["ks_statistic"] is None
            continue
        a, b = histogram(known, edges), histogram(seen, edges)
        test = stats.ks_2samp(known, seen, method="asymp")
        assert row["ks_statistic"] == pytest.approx(test.statistic, abs=1e-12)
        assert row["ks_pvalue"] == pytest.approx(test.pvalue, abs=0.02)
        moved = stats.wasserstein_distance(np.clip(known, low, high), np.clip(seen, low, high))
        assert row["wasserstein_distance"] == pytest.approx(moved * 1.349 / (third - first))
        assert row["psi"] == pytest.approx(psi(a, b))
        assert row["js_distance"] == pytest.approx(jensenshannon(a, b, base=2))
        cells = np.array([a, b])[:, (a + b) > 0]
        chi2 = stats.chi2_contingency(cells, correction=False)
        assert row["chi2_statistic"] == pytest.approx(chi2.statistic)
        assert row["chi2_pvalue"] == pytest.approx(chi2.pvalue, abs=1e-12)
        errors = ("ks_error", "psi_error", "js_error", "wasserstein_error")
        assert [row[name] for name in errors] == [0] * 4


@pytest.mark.parametrize("column", plan.CATEGORICAL)
def test_category_figures_equal_those_of_plain_counts(planted, column):
    known = Counter(planted.texts(column, *plan.REFERENCE_DAYS))
    for day in FULL_DAYS:
        seen, row = Counter(planted.texts(column, day)), planted.verdict(day, column)
        names = sorted(known | seen)
        p, q = (np.array([c[name] for name in names]) / c.total() for c in (known, seen))
        assert row["tv_distance"] == pytest.approx(np.abs(p - q).sum() / 2)
        assert row["l_infinity_distance"] == pytest.approx(np.abs(p - q).max())
        assert (row["tv_error"], row["l_infinity_error"]) == (0, 0)
        new = {name: count for name, count in seen.items() if name not in known}
        assert row["new_category_share"] == pytest.approx(sum(new.values()) / seen.total())
        assert {one["item"]: one["count"] for one in row["new_categories"]} == new
        assert row["vanished_share"] == pytest.approx(
            sum(count for name, count in known.items() if name not in seen) / known.total()
        )
        both = [name for name in names if name in known]
        a, b = (np.array([c[name] for name in both]) for c in (known, seen))
        assert row["psi"] == pytest.approx(psi(np.append(a, 0)[: len(a)], b), rel=0.02, abs=1e-4)
        assert row["js_distance"] == pytest.approx(jensenshannon(a, b, base=2), abs=1e-9)


@pytest.mark.classic
def test_another_policy_adds_rows_beside_the_old_ones(spark, planted, tmp_path):
    store = planted.copied(tmp_path / "store")
    before = rows_of(spark, store, "drift")
    strict = plan.planted_spec(planted.path, drift={"effect_size": 0.2, "warn_at": 0.1})
    outcome = run(spark, store, strict, "second")
    after = rows_of(spark, store, "drift").to_pylist()
    assert len(outcome.judged.windows) == plan.CLOSING
    assert outcome.profiled.due == ()
    assert [row for row in after if row["run_id"] == "first"] == before.to_pylist()
    assert len(after) == 2 * before.num_rows
    assert len({row["policy_hash"] for row in after}) == 2


@pytest.mark.classic
def test_a_backfill_by_new_thresholds_judges_all_that_is_due(spark, planted, tmp_path):
    """Were only the asked windows judged, `current_drift` would lose all others."""
    store = planted.copied(tmp_path / "store")
    strict = plan.planted_spec(planted.path, drift={"effect_size": 0.2, "warn_at": 0.1})
    asked = Options(begin=source_tables.day_start(7), end=source_tables.day_start(8))
    judged = drift_step.compute_drift(context_of(spark, store, "second"), strict, asked)
    assert len(judged.windows) == plan.CLOSING
    again = drift_step.compute_drift(context_of(spark, store, "third"), strict, asked)
    assert [window.start for window in again.windows] == [source_tables.day_start(7)]


@pytest.mark.classic
def test_a_crash_between_steps_costs_nothing(spark, planted, tmp_path, monkeypatch):
    """Profiles are written, then drift breaks; running again ends in the same tables."""
    store = new_store(spark, tmp_path / "store")

    def broken(*args, **kwargs):
        raise RuntimeError("pulled the plug")

    with monkeypatch.context() as patched:
        patched.setattr(drift_step, "write_drift", broken)
        with pytest.raises(RuntimeError, match="pulled the plug"):
            run(spark, store, planted.spec, "crashed")
    phases = {(row["step"], row["phase"]) for row in rows_of(spark, store, "runs").to_pylist()}
    assert ("profile", "SUCCEEDED") in phases
    assert ("drift", "FAILED") in phases
    assert rows_of(spark, store, "drift").num_rows == 0
    outcome = run(spark, store, planted.spec, "again")
    assert outcome.profiled.due == ()
    assert outcome.reference is None
    ours = ("run_id", "input_digest", "created_at")
    drop = [name for name in ours if name in rows_of(spark, store, "drift").column_names]
    again = rows_of(spark, store, "drift").drop_columns(drop).to_pylist()
    for row, expected in zip(again, planted.drift, strict=True):
        assert row == {name: value for name, value in expected.items() if name not in drop}


@pytest.mark.classic
def test_a_crash_between_batches_costs_one_batch(spark, planted, tmp_path, monkeypatch):
    """The first batch is committed and stays; only what is missing is scanned afterwards."""
    from sparkdrift.steps import profile as profile_step

    store = new_store(spark, tmp_path / "store")
    written = []
    write = profile_step.write_profiles

    def breaks_at_the_second(*args, **kwargs):
        if written:
            raise RuntimeError("pulled the plug")
        written.append(1)
        write(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(profile_step, "_BATCH_WINDOWS", 10)
        patched.setattr(profile_step, "write_profiles", breaks_at_the_second)
        with pytest.raises(RuntimeError):
            profile_windows(context_of(spark, store, "crashed"), planted.spec, Options())
    plan_again = profile_windows(context_of(spark, store, "again"), planted.spec, Options())
    assert len(plan_again.due) == plan.CLOSING - 10
    found = rows_of(spark, store, "profiles")
    counted = Counter(found.column("run_id").to_pylist())
    per_window = 1 + len(plan.NUMERIC) + len(plan.CATEGORICAL)
    assert counted == {"crashed": 10 * per_window, "again": (plan.CLOSING - 10) * per_window}
    expected = rows_of(spark, planted.store, "profiles")
    for name in ("window_start", "column_name", "row_count", "null_count", "fingerprint", "status"):
        assert found.column(name).to_pylist() == expected.column(name).to_pylist()

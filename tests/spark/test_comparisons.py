"""Each comparison of a whole run against a direct computation, and what makes it due again."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from monitors import asked_of, context_of, new_store, rows_of, run, spec_of
from scipy import stats
from source_tables import closing_row, day_rows, day_start, write

from sparkdrift.spark.findings import count_alerts, count_statuses
from sparkdrift.spark.reference_life import TRAINING, own_name
from sparkdrift.spark.views import registered
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Options
from sparkdrift.steps.promotion import Decision
from sparkdrift.steps.reference import promote
from sparkdrift.steps.run import run_monitor
from sparkdrift.store import Store

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED = 47
ALL = ("baseline", "consecutive", "seasonal", "origin", "training")
ROWS, DAYS = 400, 21
EMPTY = 13
REFERENCE = {"begin": "2024-01-01", "end": "2024-01-09"}
KNOWN = range(8)
LATER = {"begin": "2024-01-09", "end": "2024-01-13"}
"""Days 8 to 11, a second reference."""


@dataclass(frozen=True)
class Monitored:
    source: Path
    store: Store
    spec: MonitorSpec
    rows: pa.Table
    drift: list[dict]

    def values(self, *days: int, region: str | None = None) -> np.ndarray:
        """The amounts of these days, of a region or of all."""
        start = np.array([(at - day_start(0)).days for at in self.rows["ts"].to_pylist()])
        chosen = np.isin(start, days)
        if region is not None:
            chosen &= np.array(self.rows["region"].to_pylist()) == region
        return self.rows["amount"].to_numpy()[chosen]

    def copied(self, folder: Path) -> Store:
        """The store once more, for a test that goes on writing."""
        shutil.copytree(str(self.store.directory), folder / "store")
        return Store(directory=str(folder / "store"))


def monitor(source: Path, **sections) -> MonitorSpec:
    usual = {
        "features": {"numeric": ["amount"], "categorical": ["product"]},
        "slices": ["region"],
        "reference": REFERENCE,
        "sketch": {"k": 8192},
        "drift": {"comparisons": list(ALL), "effect_size": 0.6, "warn_at": 0.4},
        "metrics": {"mean_amount": {"ratio": ["amount", 1]}},
    }
    return spec_of(source, **{**usual, **sections})


@pytest.fixture(scope="module")
def monitored(spark, workspace) -> Monitored:
    """21 days that drift by 0.1 sd a day, one of them empty; every comparison is made."""
    rng = np.random.default_rng(SEED)
    days = [day_rows(day, 0 if day == EMPTY else ROWS, rng, 0.1 * day) for day in range(DAYS)]
    rows = pa.concat_tables([*days, closing_row(DAYS)])
    write(spark, workspace / "source", rows)
    store, spec = new_store(spark, workspace / "store"), monitor(workspace / "source")
    run(spark, store, spec, "first")
    return Monitored(
        workspace / "source", store, spec, rows, rows_of(spark, store, "drift").to_pylist()
    )


def of(rows: list[dict], comparison: str, column="amount", value="*") -> dict[int, dict]:
    """Day -> row of one comparison."""
    return {
        (row["window_start"] - day_start(0)).days: row
        for row in rows
        if (row["comparison"], row["column_name"]) == (comparison, column)
        and row["slice_value"] == value
    }


def ks(a: np.ndarray, b: np.ndarray) -> object:
    return pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-12)


def test_each_window_feature_and_slice_has_a_row_of_each_comparison(monitored):
    found = Counter(
        tuple(row[key] for key in ("window_start", "slice_value", "column_name"))
        for row in monitored.drift
        if row["column_name"] != ":inputs"  # of all features together, and the baseline's alone
    )
    assert set(found.values()) == {len(ALL)}
    slices = 3 * (DAYS - 1) + 1  # of the empty day there is the whole table alone
    assert len(found) == 3 * slices


def test_consecutive_is_against_the_nearest_earlier_day_with_rows(monitored):
    found = of(monitored.drift, "consecutive")
    for day in range(1, DAYS):
        if day == EMPTY:
            assert found[day]["status"] == "insufficient_data"
            continue
        earlier = day - 2 if day == EMPTY + 1 else day - 1
        assert found[day]["earlier_start"] == day_start(earlier)
        expected = ks(monitored.values(earlier), monitored.values(day))
        assert found[day]["ks_statistic"] == expected, (SEED, day)
        assert found[day]["reference_version"] == (1 if day >= len(KNOWN) else 0)
    first = found[0]
    assert (first["status"], first["earlier_start"]) == ("no_reference", None)
    north = of(monitored.drift, "consecutive", value="north")
    expected = ks(monitored.values(8, region="north"), monitored.values(9, region="north"))
    assert north[9]["ks_statistic"] == expected


def test_consecutive_takes_the_bins_of_the_reference_in_force(monitored):
    known = monitored.values(*KNOWN)
    edges = np.quantile(known, np.arange(1, 10) / 10, method="inverted_cdf")
    a, b = (
        np.bincount(np.searchsorted(edges, monitored.values(day), "left"), minlength=10)
        for day in (9, 10)
    )
    p, q = ((c + 0.5) / (c.sum() + 5) for c in (a, b))
    found = of(monitored.drift, "consecutive")[10]
    assert found["psi"] == pytest.approx(((p - q) * np.log(p / q)).sum())
    assert {one["item"].split()[0] for one in found["carriers"]} & {"<=", ">"}


def test_seasonal_is_against_the_day_a_week_earlier(monitored):
    found = of(monitored.drift, "seasonal")
    for day in range(DAYS):
        row = found[day]
        if day < 7 or day - 7 == EMPTY:
            assert (row["status"], row["earlier_start"]) == ("no_reference", None)
            assert row["reason"] == "the window a season earlier has no rows of this definition"
        elif day != EMPTY:
            assert row["earlier_start"] == day_start(day - 7)
            expected = ks(monitored.values(day - 7), monitored.values(day))
            assert row["ks_statistic"] == expected, (SEED, day)


def test_a_slow_drift_passes_consecutive_and_fails_baseline(monitored):
    after = range(len(KNOWN), DAYS)
    steps = {of(monitored.drift, "consecutive")[day]["status"] for day in after if day != EMPTY}
    assert "drifted" not in steps, SEED
    assert of(monitored.drift, "baseline")[DAYS - 1]["status"] == "drifted"
    week = of(monitored.drift, "seasonal")[DAYS - 2]
    assert week["effect"] > of(monitored.drift, "consecutive")[DAYS - 2]["effect"]


def test_the_other_kinds_of_features_are_compared_as_well(monitored):
    product = of(monitored.drift, "consecutive", "product")[10]
    assert product["tv_distance"] is not None
    assert product["status"] in ("ok", "insufficient_data", "warning", "drifted")
    metric = of(monitored.drift, "consecutive", "metric:mean_amount")[10]
    means = [monitored.values(day).mean() for day in KNOWN]
    differences = np.diff(means)
    moved = monitored.values(10).mean() - monitored.values(9).mean()
    assert metric["earlier_start"] == day_start(9)
    sign = np.sign(moved - differences.mean())
    assert np.sign(metric["shift"]) == sign
    assert "7 pairs of the reference's windows" in metric["reason"] or metric["power"] is not None


def test_training_says_that_there_is_none(monitored):
    for row in of(monitored.drift, "training").values():
        assert (row["status"], row["reference_version"]) == ("no_reference", 0)
        assert (
            row["reason"] == "no reference of the role training was in force when the window began"
        )


def test_origin_is_the_baseline_while_version_1_is_in_force(monitored):
    for day, row in of(monitored.drift, "origin").items():
        same = of(monitored.drift, "baseline")[day]
        for name in ("ks_statistic", "effect", "p_unusual", "status", "reference_version"):
            assert row[name] == same[name], (day, name)


def test_baseline_figures_are_those_of_a_run_without_other_comparisons(spark, monitored, tmp_path):
    alone = monitor(monitored.source, drift={"effect_size": 0.6, "warn_at": 0.4})
    store = new_store(spark, tmp_path / "store")
    run(spark, store, alone, "alone")
    ours = [row for row in monitored.drift if row["comparison"] == "baseline"]
    drop = ("run_id", "input_digest", "policy_hash")
    theirs = rows_of(spark, store, "drift").to_pylist()
    assert len(theirs) == len(ours)
    for one, other in zip(theirs, ours, strict=True):
        for name in one.keys() - set(drop):
            assert one[name] == other[name], name


def test_only_the_baseline_alerts_and_is_counted(spark, monitored):
    others = [row for row in monitored.drift if row["comparison"] != "baseline"]
    assert {row["alerting"] for row in others} == {None}
    assert any(row["status"] == "drifted" for row in others)
    assert any(row["alerting"] for row in monitored.drift)
    outcome = run(spark, monitored.store, monitored.spec, "again")
    assert outcome.judged.windows == ()
    newest = [day_start(DAYS - 1)]
    windows = [one for one in run_windows(monitored) if one.start in newest]
    active = outcome.judged.active
    counted = count_statuses(spark, monitored.store, monitored.spec, active, windows)
    baseline = Counter(
        row["status"]
        for row in monitored.drift
        if row["comparison"] == "baseline" and row["window_start"] in newest
    )
    assert dict(counted.statuses) == dict(baseline)
    raised = count_alerts(spark, monitored.store, monitored.spec, active, windows)
    assert sum(raised.values()) == len(
        [one for one in alerts(spark, monitored.store) if one["window_start"] in newest]
    )


def run_windows(monitored: Monitored) -> list:
    from sparkdrift.windows import Window

    return [Window(day_start(day), day_start(day + 1)) for day in range(DAYS)]


def alerts(spark, store: Store) -> list[dict]:
    return view(spark, store, "alerts")


def view(spark, store: Store, name: str) -> list[dict]:
    with registered(spark, store):
        return spark.table(name).toArrow().to_pylist()


@pytest.mark.slow
def test_a_late_change_judges_the_windows_again_that_were_held_against_it(
    spark, monitored, tmp_path
):
    source, store = tmp_path / "source", new_store(spark, tmp_path / "store")
    write(spark, source, monitored.rows)
    spec = monitor(source)
    run(spark, store, spec, "first")
    before = of(rows_of(spark, store, "drift").to_pylist(), "baseline")
    rng = np.random.default_rng(SEED + 1)
    late = day_rows(12, 200, rng, 3.0)
    write(spark, source, late)
    outcome = run(spark, store, spec, "late")
    judged = [window.start for window in outcome.judged.windows]
    # Day 12 itself; 14, whose nearest earlier day it is, as 13 has no rows; 19, a week later.
    assert judged == [day_start(day) for day in (12, 13, 14, 19)]
    after = rows_of(spark, store, "drift", "run_id = 'late'").to_pylist()
    changed = np.concatenate([monitored.values(12), late["amount"].to_numpy()])
    assert of(after, "consecutive")[14]["ks_statistic"] == ks(changed, monitored.values(14))
    assert of(after, "seasonal")[19]["ks_statistic"] == ks(changed, monitored.values(19))
    for name in ("ks_statistic", "status", "input_digest", "reason"):
        assert of(after, "baseline")[14][name] == before[14][name]
    assert run(spark, store, spec, "settled").judged.windows == ()


@pytest.mark.slow
def test_origin_stays_with_the_first_reference(spark, monitored, tmp_path):
    store = monitored.copied(tmp_path)
    spec = monitor(monitored.source, reference=LATER)
    outcome = run(spark, store, spec, "second")
    assert outcome.reference.version == 2
    # It is 0.6 sd away, which the gate blocks: somebody wants it all the same.
    assert any("step: amount is" in line for line in outcome.blocked)
    why = Decision("tests", "it is what is normal now", day_start(12))
    promote(context_of(spark, store), spec, own_name(spec), 2, why, force=True)
    run(spark, store, spec, "promoted")
    shown = view(spark, store, "current_drift")
    assert len(shown) == len(monitored.drift)
    origin, baseline = of(shown, "origin"), of(shown, "baseline")
    for day in range(12, DAYS):
        if day == EMPTY:
            continue
        assert (origin[day]["reference_version"], baseline[day]["reference_version"]) == (1, 2)
        seen = monitored.values(day)
        assert origin[day]["ks_statistic"] == ks(monitored.values(*KNOWN), seen)
        assert baseline[day]["ks_statistic"] == ks(monitored.values(8, 9, 10, 11), seen)
    # The reference crept along, and so did the verdict; the first one shows it.
    assert origin[DAYS - 1]["status"] == "drifted"
    assert origin[DAYS - 1]["effect"] > baseline[DAYS - 1]["effect"]
    assert run(spark, store, spec, "third").judged.windows == ()


@pytest.mark.slow
def test_a_training_reference_is_compared_with_where_there_is_one(spark, monitored, tmp_path):
    """Such snapshots are not made yet: the rows of version 1 stand in for one, as version 4."""
    store = monitored.copied(tmp_path)
    for name in ("reference_profiles", "reference_snapshots", "reference_events"):
        table = store.table(name)
        version = {"role": f"'{TRAINING}'", "name": f"'{TRAINING}'", "version": "4"}
        if name == "reference_events":
            version["effective_from"] = "TIMESTAMP '2024-01-04 00:00:00'"
        columns = [
            f"CAST({version[one]} AS {kind}) AS {one}" if one in version else f"`{one}`"
            for one, kind in spark.table(table).dtypes
        ]
        spark.sql(f"INSERT INTO {table} SELECT {', '.join(columns)} FROM {table}")
    assert [w.start for w in run(spark, store, monitored.spec, "training").judged.windows] == [
        day_start(day) for day in range(3, DAYS)
    ]
    found = of(view(spark, store, "current_drift"), "training")
    assert {found[day]["status"] for day in range(3)} == {"no_reference"}
    for day in range(3, DAYS):
        if day != EMPTY:
            expected = ks(monitored.values(*KNOWN), monitored.values(day))
            assert found[day]["ks_statistic"] == expected
            assert (found[day]["reference_name"], found[day]["reference_version"]) == (TRAINING, 4)
    assert run(spark, store, monitored.spec, "settled").judged.windows == ()


def test_a_settled_monitor_asks_as_few_questions(spark, monitored):
    context = context_of(spark, monitored.store, "counted")
    with asked_of(spark) as asked:
        outcome = run_monitor(context, monitored.spec, Options())
    assert outcome.judged.windows == ()
    assert len(asked) <= 8


@pytest.mark.slow
def test_fewer_comparisons_leave_only_theirs_in_force(spark, monitored, tmp_path):
    store = monitored.copied(tmp_path)
    drift = {"comparisons": ["baseline", "consecutive"], "effect_size": 0.6, "warn_at": 0.4}
    spec = monitor(monitored.source, drift=drift)
    run(spark, store, spec, "fewer")
    rows = [one for one in view(spark, store, "current_drift") if one["column_name"] != ":inputs"]
    shown = Counter(row["comparison"] for row in rows)
    assert set(shown) == {"baseline", "consecutive"}
    assert len(set(shown.values())) == 1

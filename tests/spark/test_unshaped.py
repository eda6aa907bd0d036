"""Rows that the model shaped, held against the others of their window, from stored state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from monitors import new_store, rows_of, run, spec_of
from source_tables import closing_row, day_rows, day_start, write

from sparkdrift.explain.feedback import difference_lines, differing_lines
from sparkdrift.spark.feedback import feature_differences
from sparkdrift.spark.views import registered
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED, DAYS, ROWS = 149, 9, 700
SHAPED = 0.4
MOVED = 40.0
"""By how much `amount` of shaped rows is higher: two standard deviations."""
SECTIONS = {
    "features": {"numeric": ["amount", "score"], "categorical": ["product"]},
    "slices": ["region"],
    "windows": {"grain": "day", "rollups": ["week"]},
    "reference": {"begin": "2024-01-01", "end": "2024-01-05"},
    "sketch": {"k": 8192},
    # So large that so few rows have the power for a verdict.
    "drift": {"comparisons": ["baseline", "consecutive"], "effect_size": 1.0, "warn_at": 0.7},
}
WITH, WITHOUT = (
    {**SECTIONS, "feedback": {"shaped": "acted_on", "compare": one}} for one in (True, False)
)


@dataclass(frozen=True)
class Fed:
    path: Path
    spec: MonitorSpec
    store: Store
    rows: pa.Table


def one_day(day: int, rng: np.random.Generator) -> pa.Table:
    """A day on which the model acts at random, and on one row in ten it is not known."""
    acted = rng.random(ROWS) < SHAPED
    rows = day_rows(day, ROWS, rng)
    return rows.append_column("acted_on", pa.array(acted, mask=rng.random(ROWS) < 0.1))


def source(spark, path: Path, moved: float) -> pa.Table:
    rng = np.random.default_rng(SEED)
    closing = closing_row(DAYS).append_column("acted_on", pa.array([True]))
    rows = pa.concat_tables([*(one_day(day, rng) for day in range(DAYS)), closing])
    acted = rows["acted_on"].fill_null(False).to_numpy()
    amount = rows["amount"].to_numpy() + moved * acted
    rows = rows.set_column(rows.schema.get_field_index("amount"), "amount", pa.array(amount))
    write(spark, path, rows)
    return rows


def fed_by(spark, folder: Path, moved: float) -> Fed:
    rows = source(spark, folder / "source", moved)
    spec, store = spec_of(folder / "source", **WITH), new_store(spark, folder / "store")
    run(spark, store, spec, "first")
    return Fed(folder / "source", spec, store, rows)


@pytest.fixture(scope="module")
def moved(spark, workspace) -> Fed:
    return fed_by(spark, workspace / "moved", MOVED)


def current(spark, store: Store, where: str) -> list[dict]:
    query = f"SELECT * FROM current_drift WHERE {where} ORDER BY window_start, column_name"
    with registered(spark, store, query):
        return spark.sql(query).toArrow().to_pylist()


def test_a_planted_difference_is_found_in_every_window_and_named(spark, moved):
    rows = current(spark, moved.store, "comparison = 'unshaped'")
    assert len(rows) == 3 * DAYS
    assert {(one["slice_key"], one["slice_value"]) for one in rows} == {(":shaped", "true")}
    by_column: dict[str, list[dict]] = {}
    for one in rows:
        by_column.setdefault(one["column_name"], []).append(one)
    assert {one["status"] for one in by_column["amount"]} == {"drifted"}
    effects = [one["effect"] for one in by_column["amount"]]
    # Of two sd: D saturates as the bins of the others run empty.
    assert np.mean(effects) == pytest.approx(1.45, abs=0.2), SEED
    assert (
        "against the rows of this window that the model did not shape"
        in (by_column["amount"][0]["reason"])
    )
    others = [one["status"] for name in ("score", "product") for one in by_column[name]]
    assert "drifted" not in others, SEED
    # Windows before a reference is in force are compared as well: none is read.
    assert rows[0]["window_start"] == day_start(0)
    assert {one["reference_version"] for one in rows} == {0}
    assert all(one["alerting"] is None and one["earlier_start"] is None for one in rows)


def test_the_difference_is_that_of_the_rows(spark, moved):
    """KS against scipy's on the rows: nothing but the window's own known rows takes part."""
    from scipy import stats

    day = 6
    at = np.array([(one - day_start(0)).days for one in moved.rows["ts"].to_pylist()])
    inside = moved.rows.filter(pa.array(at == day))
    acted = np.array(inside["acted_on"].to_pylist(), dtype=object)
    amount = inside["amount"].to_numpy()
    expected = stats.ks_2samp(amount[acted == True], amount[acted == False])  # noqa: E712
    where = (
        f"comparison = 'unshaped' AND column_name = 'amount' AND window_start = '{day_start(day)}'"
    )
    (row,) = current(spark, moved.store, where)
    assert row["ks_statistic"] == pytest.approx(expected.statistic)
    assert row["row_count"] == (acted == True).sum()  # noqa: E712


def test_what_differs_most_is_told_first(spark, moved):
    rows = feature_differences(spark, moved.store, moved.spec, DAYS)
    assert rows[0]["column_name"] == "amount"
    assert (rows[0]["windows"], rows[0]["differ"]) == (DAYS, DAYS)
    (line,) = differing_lines(rows, "UTC")
    assert "1 of 3 features differ by more than matters, most of all amount (" in line
    assert difference_lines(rows)[0][4] == f"{DAYS} of {DAYS} windows"


def test_nothing_is_found_where_the_model_acts_at_random(spark, workspace):
    fed = fed_by(spark, workspace / "random", 0.0)
    rows = current(spark, fed.store, "comparison = 'unshaped'")
    assert len(rows) == 3 * DAYS
    assert {one["status"] for one in rows} == {"ok"}, SEED


@pytest.mark.slow
def test_other_verdicts_references_and_alerts_stay_as_they_were(spark, moved, workspace):
    store = new_store(spark, workspace / "without")
    plain = spec_of(moved.path, **WITHOUT)
    run(spark, store, plain, "first")
    kept = "comparison <> 'unshaped'"
    with_it, without = (current(spark, one, kept) for one in (moved.store, store))
    key = lambda one: tuple(  # noqa: E731
        str(one[name]) for name in ("window_start", "comparison", "slice_value", "column_name")
    )
    # Sketches are exact at this size: all is the same but for the order in which doubles are added,
    # which a digest also tells.
    assert len(with_it) == len(without)
    for one, other in zip(sorted(with_it, key=key), sorted(without, key=key), strict=True):
        for name, value in one.items():
            if name == "input_digest":
                continue
            alike = pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
            assert other[name] == alike, (key(one), name)
    for one in (moved.store, store):
        assert not rows_of(spark, one, "reference_profiles", "slice_key = ':shaped'").num_rows
    with registered(spark, moved.store):
        assert not spark.sql("SELECT * FROM alerts WHERE comparison = 'unshaped'").count()
        assert not spark.sql("SELECT * FROM feedback WHERE slice_key = ':shaped'").count()


def test_both_kinds_of_rows_roll_up_as_slices_do(spark, moved):
    rows = rows_of(
        spark,
        moved.store,
        "profiles",
        "slice_key = ':shaped' AND granularity = 'week' AND column_name = 'amount'",
    ).to_pylist()
    at = np.array([(one - day_start(0)).days for one in moved.rows["ts"].to_pylist()])
    acted = np.array(moved.rows["acted_on"].to_pylist(), dtype=object)[at < 7]
    counts = {one["slice_value"]: one["row_count"] for one in rows}
    assert counts == {
        "true": (acted == True).sum(),  # noqa: E712
        "false": (acted == False).sum(),  # noqa: E712
        None: sum(one is None for one in acted),
    }


def test_a_second_run_has_nothing_to_do_and_switching_it_off_takes_its_rows_away(
    spark, moved, workspace
):
    import shutil

    shutil.copytree(str(moved.store.directory), workspace / "off")
    store = Store(directory=str(workspace / "off"))
    again = run(spark, store, moved.spec, "second")
    assert not again.judged.windows
    off = run(spark, store, spec_of(moved.path, **WITHOUT), "off")
    assert len(off.judged.windows) == DAYS
    assert not current(spark, store, "comparison = 'unshaped'")


def test_a_window_without_the_other_rows_is_not_measured(spark, workspace):
    rng = np.random.default_rng(SEED)
    rows = pa.concat_tables([day_rows(0, 300, rng), closing_row(1)])
    rows = rows.append_column("acted_on", pa.array([True] * rows.num_rows))
    write(spark, workspace / "one_side", rows)
    spec = spec_of(workspace / "one_side", **WITH)
    store = new_store(spark, workspace / "one_side_store")
    run(spark, store, spec, "first")
    found = current(spark, store, "comparison = 'unshaped'")
    assert {one["status"] for one in found} == {"no_reference"}
    assert {one["effect"] for one in found} == {None}
    assert "it is known that the model did not shape it" in found[0]["reason"]
    (line,) = differing_lines(feature_differences(spark, store, spec, 5), "UTC")
    assert line.startswith("shaped against the other rows: not measured, of no row")

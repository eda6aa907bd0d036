"""The comparison with evaluation sets: made of those that are frozen, and it calls nobody."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from monitors import new_store, rows_of, run, spec_of
from scipy import stats
from source_tables import closing_row, day_rows, day_start, write

from sparkdrift.spark.views import registered

pytestmark = [pytest.mark.spark, pytest.mark.slow]

SEED = 59
DAYS, ROWS = 4, 400
SETS = {"holdout": 0.0, "fresh": 0.3}


@pytest.fixture(scope="module")
def compared(spark, workspace):
    """A run without evaluation sets in a store of its own, and one with two."""
    rng = np.random.default_rng(SEED)
    days = [day_rows(day, ROWS, rng, 0.1 * day) for day in range(DAYS)]
    rows = labelled(pa.concat_tables([*days, closing_row(DAYS)]), rng)
    write(spark, workspace / "source", rows)
    held = {name: labelled(day_rows(-30, 1500, rng, shift), rng) for name, shift in SETS.items()}
    for name, table in held.items():
        write(spark, workspace / name, table)
    usual = {
        "features": {"numeric": ["amount"]},
        "slices": ["region"],
        "sketch": {"k": 8192, "reference_k": 8192},
        "prediction": {"score": "score", "label": "label"},
    }
    plain = spec_of(workspace / "source", **usual)
    alone = new_store(spark, workspace / "alone")
    first = run(spark, alone, plain, "first")
    before = rows_of(spark, alone, "drift").to_pylist()
    sets = {name: {"path": str(workspace / name)} for name in SETS}
    spec = spec_of(workspace / "source", **usual, evaluation={"sets": sets})
    store = new_store(spark, workspace / "store")
    second = run(spark, store, spec, "second")
    after = rows_of(spark, store, "drift").to_pylist()
    return spec, store, rows, held, (first, before), (second, after)


def labelled(rows: pa.Table, rng) -> pa.Table:
    label = rng.random(rows.num_rows) < rows["score"].to_numpy()
    return rows.append_column("label", pa.array(label.astype(np.int32)))


@pytest.mark.classic
def test_each_set_is_a_comparison_of_its_own(compared):
    _, _, rows, held, _, (second, after) = compared
    assert len(second.judged.windows) == DAYS
    at = np.array([(one - day_start(0)).days for one in rows["ts"].to_pylist()])
    for name, table in held.items():
        found = [
            row
            for row in after
            if row["comparison"] == f"evaluation:{name}" and row["column_name"] == "amount"
        ]
        assert len(found) == 3 * DAYS  # whole table, north and south
        assert {(row["reference_name"], row["reference_version"]) for row in found} == {(name, 1)}
        for row in found:
            own = rows.filter(at == (row["window_start"] - day_start(0)).days)
            theirs = table
            if row["slice_key"] == "region":
                own, theirs = (
                    one.filter(np.array(one["region"].to_pylist()) == row["slice_value"])
                    for one in (own, table)
                )
            expected = stats.ks_2samp(theirs["amount"].to_numpy(), own["amount"].to_numpy())
            assert row["ks_statistic"] == pytest.approx(expected.statistic, abs=1e-12), SEED


@pytest.mark.classic
def test_it_alerts_nobody_and_leaves_the_others_as_they_were(compared):
    *_, (_, before), (_, after) = compared
    assert {row["alerting"] for row in after if row["comparison"] != "baseline"} == {None}
    drop = ("run_id", "policy_hash", "input_digest")
    ours = [row for row in after if row["comparison"] == "baseline"]
    assert len(ours) == len(before)
    for one, other in zip(ours, before, strict=True):
        for name in one.keys() - set(drop):
            assert one[name] == other[name], name


@pytest.mark.classic
def test_the_view_of_what_is_in_force_shows_it_and_nothing_is_due_again(spark, compared):
    spec, store, *_ = compared
    with registered(spark, store, "SELECT * FROM current_drift"):
        found = spark.sql(
            "SELECT comparison, count(*) AS n FROM current_drift GROUP BY comparison"
        ).collect()
    assert {row["comparison"] for row in found} == {"baseline", *(f"evaluation:{n}" for n in SETS)}
    assert run(spark, store, spec, "third").judged.windows == ()

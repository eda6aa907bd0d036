"""Whether a version still holds: made again from its source, whatever it is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from monitors import context_of, new_store, profile_only, rows_of, run, spec_of
from source_tables import closing_row, day_rows, day_start, write

from sparkdrift.spark.reference_life import Snapshot, own_name
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.freezing import Wanted
from sparkdrift.steps.reference_reading import find
from sparkdrift.steps.snapshot import Freeze, snapshot_by_hand
from sparkdrift.steps.verifying import Verified, verify
from sparkdrift.store import Store
from sparkdrift.windows import Window

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED = 97
ROWS, DAYS = 3000, 4
SECTIONS = {
    "features": {
        "numeric": ["amount", {"name": "root", "expression": "sqrt(abs(score))"}],
        "categorical": ["product"],
    },
    "slices": ["region"],
    "metrics": {"spent": {"sum": "amount"}, "busy": {"count": "score > 0.5"}},
    "sketch": {"k": 200, "reference_k": 400, "sampling_error": 0.05},
    "reference": {"begin": "2024-01-01", "end": "2024-01-04"},
    "drift": {"multivariate": False},
}


@dataclass(frozen=True)
class Watched:
    """A source with all that is odd, and a store with a merged version (1) and a read one (2)."""

    path: Path
    store: Store

    def spec(self, **sections) -> MonitorSpec:
        return spec_of(self.path, **{**SECTIONS, **sections})


def odd_day(day: int, rng: np.random.Generator) -> pa.Table:
    """NULL, NaN and infinities in a number, NULL as a category and as a value of the slice."""
    rows = day_rows(day, ROWS, rng)
    amount = rows["amount"].to_numpy().copy()
    amount[:5], amount[5:8], amount[8] = np.nan, np.inf, -np.inf
    columns = {
        "amount": pa.array(amount, mask=np.arange(ROWS) % 50 == 20),
        **{
            name: pa.array(rows[name].to_numpy(zero_copy_only=False), mask=rng.random(ROWS) < 0.1)
            for name in ("product", "region")
        },
    }
    for name, column in columns.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, column)
    return rows


@pytest.fixture(scope="module")
def watched(spark, workspace) -> Watched:
    rng = np.random.default_rng(SEED)
    rows = pa.concat_tables([*(odd_day(day, rng) for day in range(DAYS)), closing_row(DAYS)])
    write(spark, workspace / "source", rows)
    made = Watched(workspace / "source", new_store(spark, workspace / "store"))
    run(spark, made.store, made.spec(), "first")
    halves = Window(day_start(0).replace(hour=12), day_start(2).replace(hour=12))
    wanted = Wanted(own_name(made.spec()), halves)
    done = snapshot_by_hand(
        context_of(spark, made.store, "read"), made.spec(), wanted, Freeze(candidate=True)
    )
    assert done.version.windows == 0
    return made


def verified(spark, watched: Watched, version: int, **sections) -> Verified:
    spec = watched.spec(**sections)
    stored = find(spark, watched.store, own_name(spec))
    return verify(spark, watched.store, spec, own_name(spec), stored.by_number[version])


def test_a_version_of_odd_values_slices_samples_and_metrics_holds(spark, watched):
    where = "column_name = 'amount' AND slice_key = '*'"
    rows = rows_of(spark, watched.store, "reference_profiles", where).to_pylist()
    assert {row["sample_weight"] > 1 for row in rows if row["version"] == 1} == {True}
    for version in (1, 2):
        found = verified(spark, watched, version)
        assert found == Verified(version, True, True, None, True), f"seed {SEED}"


def test_what_the_spec_asks_for_by_now_says_nothing_of_the_version(spark, watched):
    other = {"numeric": ["amount", "score"], "categorical": []}
    found = verified(spark, watched, 1, features=other, slices=["product"], metrics={})
    assert found == Verified(1, True, True, None, True)
    other = {"numeric": ["amount", {"name": "root", "expression": "abs(score)"}]}
    assert verified(spark, watched, 1, features=other) == found
    own = {"path": str(watched.path), "filter": "score >= 0"}
    redefined = verified(spark, watched, 1, source=own)
    assert (redefined.holds, redefined.counts, redefined.sketches) == (True, None, None)
    assert "defined as it was then" in redefined.reason


def test_an_extreme_of_a_slice_that_is_not_of_the_source_is_found(spark, watched):
    table = watched.store.table("reference_profiles")
    spark.sql(
        f"UPDATE {table} SET max = max + 1 WHERE version = 2 AND column_name = 'amount'"
        " AND slice_key = 'region' AND slice_value IS NULL"
    )
    found = verified(spark, watched, 2)
    assert (found.digest, found.counts, found.sketches) == (False, False, True)
    assert "amount (region is NULL): max stored otherwise than in version 0" in found.reason


def test_a_version_that_claims_another_source_version_is_told_apart(spark, watched):
    spec = watched.spec()
    name = own_name(spec)
    one: Snapshot = find(spark, watched.store, name).by_number[1]
    gone = replace(one, source_version=7)
    found = verify(spark, watched.store, spec, name, gone)
    assert (found.holds, found.counts, found.sketches) == (True, None, None)
    assert "has no version 7" in found.reason
    assert not found.failed


def test_a_source_that_can_not_be_read_is_an_error_and_not_gone(spark, watched, tmp_path):
    """A file that the newest version needs: no VACUUM took it."""
    file = max(watched.path.glob("*.parquet"), key=lambda one: one.stat().st_size)
    file.rename(tmp_path / file.name)
    try:
        found = verified(spark, watched, 1)
    finally:
        (tmp_path / file.name).rename(file)
    assert (found.digest, found.counts, found.failed, found.holds) == (True, None, True, False)
    assert "its newest, can't be read" in found.reason
    assert "any more" not in found.reason


@pytest.mark.slow
def test_a_version_of_windows_that_were_read_at_other_times_holds(spark, tmp_path):
    """Half of day 0 has left the source since it was read, `late` is a column from day 2 on, and
    `score` and the slice are asked for from then on."""
    rng = np.random.default_rng(SEED)
    path, store = tmp_path / "source", new_store(spark, tmp_path / "store")
    first = pa.concat_tables([*(day_rows(day, 200, rng) for day in (0, 1)), closing_row(2)])
    write(spark, path, first)
    own = {
        "features": {"numeric": ["amount", "late"], "categorical": ["product"]},
        "drift": {"multivariate": False},
    }
    profile_only(spark, store, spec_of(path, **own), "first")
    spark.sql(f"DELETE FROM delta.`{path}` WHERE ts < '{day_start(0).replace(hour=12)}'")
    then = pa.concat_tables([*(day_rows(day, 200, rng) for day in (2, 3)), closing_row(4)])
    late = pa.array(rng.normal(size=then.num_rows))
    write(spark, path, then.append_column("late", late), mergeSchema="true")
    own["features"] = {"numeric": ["amount", "late", "score"], "categorical": ["product"]}
    spec = spec_of(path, **own, slices=["region"])
    profile_only(spark, store, spec, "then", begin=day_start(2), end=day_start(4))
    wanted = Wanted(own_name(spec), Window(day_start(0), day_start(4)))
    done = snapshot_by_hand(context_of(spark, store, "made"), spec, wanted, Freeze(candidate=True))
    # One row closes the days before and is of day 2.
    assert (done.version.windows, done.version.rows, done.version.source_version) == (4, 801, 2)

    def found() -> Verified:
        (one,) = find(spark, store, own_name(spec)).versions
        return verify(spark, store, spec, own_name(spec), one)

    assert found() == Verified(
        1,
        True,
        True,
        f"1 of its windows as they were read, at version 0 of {path}: by version 2 these have "
        "other rows there; not compared, as not all windows have it: score, slice region",
        True,
    )
    spark.sql(
        f"UPDATE {store.table('reference_profiles')} SET min = min - 1 WHERE column_name = 'late'"
    )
    broken = found()
    assert (broken.digest, broken.counts) == (False, False)
    assert "late: min stored otherwise" in broken.reason

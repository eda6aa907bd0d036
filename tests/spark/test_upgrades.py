"""Stores that earlier versions wrote (tests/data/stores): migrated, read, merged, run again."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from monitors import run

from sparkdrift.errors import StoreError
from sparkdrift.references.life import Name
from sparkdrift.spark.content_digest import content_digest
from sparkdrift.spark.migrate import migrate, store_version
from sparkdrift.spark.reading import frame
from sparkdrift.spark.schemas import STORE_VERSION, TABLES
from sparkdrift.spark.versions import PROPERTY
from sparkdrift.spec.loading import load_spec
from sparkdrift.store import Store

pytestmark = [pytest.mark.spark, pytest.mark.classic]

KEPT = Path(__file__).parents[1] / "data" / "stores"
VERSIONS = sorted(int(one.name[1:].split(".")[0]) for one in KEPT.glob("v*.tar.xz"))
# The others take as long again and more: slow tests.
USUAL = (1, VERSIONS[-1])
# Version 1 noted what was looked at in another form, so every window is looked at again there, by a
# fingerprint in which the folder of the source counts: and here that is another one.
LOOKED_AT_AGAIN = (1,)
DAYS, ROWS = 7, 60
SLICED = 3
"""The whole table and two values of a slice."""


@pytest.fixture(scope="module")
def source(spark, workspace) -> None:
    """The tables that the stores were made of, under the names by which their specs know them."""
    unpacked(KEPT / "source.tar.xz", workspace)
    spark.sql(f"CREATE SCHEMA kept LOCATION '{workspace / 'schema'}'")
    for name in ("scored", "holdout"):
        spark.sql(f"CREATE TABLE kept.{name} USING delta LOCATION '{workspace / name}'")
    yield
    spark.sql("DROP SCHEMA kept CASCADE")


def unpacked(file: Path, folder: Path) -> Path:
    with tarfile.open(file) as archive:
        archive.extractall(folder, filter="data")
    return folder


def as_stored(store: Store) -> dict[str, pa.Table]:
    """Every table that the store has, read without Spark."""
    return {
        table.name: DeltaTable(str(store.path(table.name))).to_pyarrow_table()
        for table in TABLES
        if (Path(str(store.path(table.name))) / "_delta_log").is_dir()
    }


def rows(table: pa.Table, columns: list[str]) -> list[str]:
    return sorted(map(str, table.select(columns).to_pylist()))


def test_every_version_is_kept() -> None:
    assert list(range(1, len(VERSIONS) + 1)) == VERSIONS
    assert max(VERSIONS) >= STORE_VERSION - 1, "python tests/data/make_stores.py"


def versions() -> list:
    return [
        pytest.param(one, id=f"v{one}", marks=[] if one in USUAL else pytest.mark.slow)
        for one in VERSIONS
    ]


@pytest.mark.parametrize("version", versions())
def test_a_store_of_an_earlier_version(spark, source, tmp_path, version) -> None:
    unpacked(KEPT / f"v{version}.tar.xz", tmp_path)
    store = Store(directory=str(tmp_path / "store"))
    before = as_stored(store)
    assert store_version(spark, store) == version
    assert migrate(spark, store) == version
    assert store_version(spark, store) == STORE_VERSION
    after = as_stored(store)
    for table in TABLES:
        assert set(after[table.name].column_names) == set(table.names)
    for name, old in before.items():
        assert rows(after[name], old.column_names) == rows(old, old.column_names), name

    sketches_merge(spark, store)
    references_are_what_was_frozen(spark, store)
    assert frame(spark, store, "current_drift").count() > 0

    spec = load_spec(tmp_path / "monitor.yml")
    done = run(spark, store, spec, "upgraded")
    if version not in LOOKED_AT_AGAIN:
        # What a profile means is the same as then, so no source row is read for one again.
        assert (len(done.profiled.due), done.profiled.rows) == (0, 0)
        again = as_stored(store)
        columns = before["profiles"].column_names
        assert rows(again["profiles"], columns) == rows(before["profiles"], columns)
    drifted = frame(spark, store, "current_drift").where("status = 'drifted'")
    assert drifted.where("column_name = 'amount' AND slice_key = '*'").count() > 0
    settled = run(spark, store, spec, "settled")
    assert not settled.judged.windows


def references_are_what_was_frozen(spark, store: Store) -> None:
    """By the digests of then, which knew fewer columns."""
    found = frame(spark, store, "reference_snapshots").collect()
    assert found
    for one in found:
        name = Name(one["monitor"], one["role"], one["name"])
        asked = name, one["version"], one["run_id"], one["digest"]
        assert content_digest(spark, store, *asked)[0] == one["digest"]


def sketches_merge(spark, store: Store) -> None:
    """What was sketched then still reads, and merges as if it had been sketched now."""
    profiles = store.table("profiles")
    found = spark.sql(
        "SELECT kll_sketch_get_n_double(kll_merge_agg_double(kll)) AS n,"
        " hll_sketch_estimate(hll_union_agg(hll)) AS distinct, sum(moments.n) AS finite"
        f" FROM {profiles} WHERE column_name = 'amount' AND granularity = 'day'"
        " AND kll_sketch_get_n_double(kll) > 0 GROUP BY slice_key, slice_value"
    ).collect()
    assert len(found) == SLICED
    for one in found:
        assert one["n"] == one["finite"] > 0
        assert one["distinct"] == pytest.approx(one["n"], rel=0.15)
    counted = spark.sql(
        "SELECT sum(item.count) AS items, max(total) AS total FROM (SELECT"
        " explode(categories.items) AS item, sum(categories.total) OVER () AS total"
        f" FROM {profiles} WHERE column_name = 'product' AND slice_key = '*')"
    ).collect()[0]
    assert counted["items"] == DAYS * ROWS


def test_a_store_of_a_later_version_is_refused(spark, tmp_path) -> None:
    unpacked(KEPT / "v1.tar.xz", tmp_path)
    store = Store(directory=str(tmp_path / "store"))
    runs = store.table("runs")
    spark.sql(f"ALTER TABLE {runs} SET TBLPROPERTIES ('{PROPERTY}' = '{STORE_VERSION + 1}')")
    before = as_stored(store)
    with pytest.raises(StoreError, match="install the sparkdrift that wrote it"):
        migrate(spark, store)
    assert as_stored(store).keys() == before.keys()

"""A store of version 1 becomes one of the present version, with its rows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from monitors import rows_of

from sparkdrift.errors import StoreError
from sparkdrift.spark.drift_tables import DRIFT
from sparkdrift.spark.migrate import (
    FEED,
    STATISTICS,
    create_statement,
    migrate,
    store_version,
)
from sparkdrift.spark.profile_tables import PROFILES, STATES
from sparkdrift.spark.schemas import STORE_VERSION, TABLES
from sparkdrift.spark.table import Table
from sparkdrift.spark.versions import PROPERTY, require_current
from sparkdrift.store import Store

pytestmark = [pytest.mark.spark, pytest.mark.classic]

ADDED = {"value", "cells"}
"""Columns that version 1 did not have."""
ADDED_LATER = {
    *("magnitude", "importance", "severity", "alerting", "suppression"),
    *("alert_windows", "alert_of", "stratum"),
}
"""Columns of `drift` that version 2 did not have."""
ADDED_LAST = {"earlier_start", "new_category_error", "vanished_error"}
"""Columns of `drift` that version 3 did not have."""
ADDED_SINCE = {"js_error"}
"""Columns of `drift` that version 5 did not have."""
ADDED_DATES = {"since"}
"""Columns of `drift` and `assumptions` that version 6 did not have."""

ADDED_TABLES = {"reference_checks", "debt_events"}
"""Tables that version 4 did not have; nor had `reference_events` the column `gate`."""


def made_as(
    spark, folder, version: int, lacking: Callable[[Table], Collection[str] | None]
) -> Store:
    """A store of an earlier version. lacking: the columns that it did not have of a table; None: it
    did not have the table."""
    store = Store(directory=str(folder))
    for table in TABLES:
        without = lacking(table)
        if without is not None:
            kept = tuple(one for one in table.columns if one.name not in without)
            spark.sql(create_statement(store, replace(table, columns=kept)))
    # `create_statement` knows its own `runs` only by identity, so the property is set here.
    runs = store.table("runs")
    spark.sql(f"ALTER TABLE {runs} SET TBLPROPERTIES ('{PROPERTY}' = '{version}')")
    return store


@pytest.fixture(scope="module")
def old(spark, workspace) -> Store:
    """Version 1 as it was, but for one table that a later version added: here, `drift`."""
    store = made_as(spark, workspace / "old", 1, lambda one: None if one is DRIFT else ADDED)
    spark.sql(
        f"INSERT INTO {store.table('profiles')} (monitor, window_start, column_name, row_count)"
        " VALUES ('credit', TIMESTAMP '2024-01-01', ':table', 7)"
    )
    return store


def test_an_older_store_gets_what_it_lacks_and_keeps_its_rows(spark, old):
    assert store_version(spark, old) == 1
    assert migrate(spark, old) == 1
    assert store_version(spark, old) == STORE_VERSION
    for table in TABLES:
        assert set(spark.table(old.table(table.name)).columns) == set(table.names)
    (row,) = rows_of(spark, old, "profiles").to_pylist()
    assert (row["row_count"], row["value"], row["cells"]) == (7, None, None)
    assert row["window_start"] == datetime(2024, 1, 1, tzinfo=timezone.utc)
    comments = {
        one["col_name"]: one["comment"]
        for one in spark.sql(f"DESCRIBE {old.table('profiles')}").collect()
    }
    assert comments["value"] == next(c.comment for c in PROFILES.columns if c.name == "value")


def test_reading_another_version_is_refused_with_the_next_step():
    store = Store(directory="/stores/credit")
    require_current(store, STORE_VERSION)
    with pytest.raises(StoreError, match=r"version 3, .*sparkdrift migrate --store /stores/credit"):
        require_current(store, 3)
    with pytest.raises(StoreError, match="install the sparkdrift that wrote it"):
        require_current(store, STORE_VERSION + 1)


def test_migrating_again_changes_nothing(spark, old):
    migrate(spark, old)
    before = spark.sql(f"DESCRIBE HISTORY {old.table('profiles')}").count()
    assert migrate(spark, old) == STORE_VERSION
    assert spark.sql(f"DESCRIBE HISTORY {old.table('profiles')}").count() == before


@pytest.mark.parametrize(
    ("version", "added"),
    [
        (2, ADDED_LATER | ADDED_LAST | ADDED_SINCE | ADDED_DATES),
        (3, ADDED_LAST | ADDED_SINCE | ADDED_DATES),
        (5, ADDED_SINCE | ADDED_DATES),
        (6, ADDED_DATES),
    ],
)
def test_a_later_store_gets_the_columns_of_drift_that_it_lacks(spark, workspace, version, added):
    folder = workspace / f"version-{version}"
    store = made_as(spark, folder, version, lambda table: added if table is DRIFT else ())
    spark.sql(
        f"INSERT INTO {store.table('drift')} (monitor, window_start, column_name, status)"
        " VALUES ('credit', TIMESTAMP '2024-01-01', 'amount', 'drifted')"
    )
    assert migrate(spark, store) == version
    assert store_version(spark, store) == STORE_VERSION
    assert set(spark.table(store.table("drift")).columns) == set(DRIFT.names)
    (row,) = rows_of(spark, store, "drift").to_pylist()
    assert row["status"] == "drifted"
    assert {row[name] for name in added} == {None}


def test_states_of_version_8_are_of_labels_that_are_not_known(spark, workspace):
    added, folder = ("label_version", "counted"), workspace / "version-8"
    store = made_as(spark, folder, 8, lambda table: added if table is STATES else ())
    spark.sql(
        f"INSERT INTO {store.table('states')} (monitor, window_start, kind, cells)"
        " VALUES ('credit', TIMESTAMP '2024-01-01', 'scores', array(1D))"
    )
    assert migrate(spark, store) == 8
    assert store_version(spark, store) == STORE_VERSION
    (row,) = rows_of(spark, store, "states").to_pylist()
    assert (row["cells"], row["label_version"], row["counted"]) == ([1.0], None, None)


def test_references_of_version_4_get_their_gate(spark, workspace):
    store = made_as(
        spark,
        workspace / "version-4",
        4,
        lambda table: None if table.name in ADDED_TABLES else ("gate",),
    )
    runs, profiles = store.table("runs"), store.table("profiles")
    spark.sql(f"ALTER TABLE {profiles} UNSET TBLPROPERTIES ('{STATISTICS}', '{FEED}')")
    spark.sql(
        f"INSERT INTO {store.table('reference_events')} (monitor, seq, version, action)"
        " VALUES ('credit', 1, 1, 'activate')"
    )
    assert migrate(spark, store) == 4
    assert store_version(spark, store) == STORE_VERSION
    (row,) = rows_of(spark, store, "reference_events").to_pylist()
    assert (row["action"], row["gate"]) == ("activate", None)
    for name in ADDED_TABLES:
        assert rows_of(spark, store, name).num_rows == 0
    properties = spark.sql(f"SHOW TBLPROPERTIES {profiles}").collect()
    kept = {row["key"]: row["value"] for row in properties}
    assert kept[STATISTICS].split(",") == list(PROFILES.counted)
    assert kept[FEED] == "true"
    assert FEED not in {one["key"] for one in spark.sql(f"SHOW TBLPROPERTIES {runs}").collect()}

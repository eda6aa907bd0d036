"""What holds values of erased rows: deleted from the tables, then from the disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from pyspark.sql import SparkSession

from sparkdrift.errors import StoreError
from sparkdrift.references.life import Name
from sparkdrift.spark.commits import committed
from sparkdrift.spark.drift_tables import ASSUMPTIONS, DRIFT
from sparkdrift.spark.evaluation_tables import EVAL_STALENESS, PERFORMANCE
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.feature_tables import FEATURE_DEBT
from sparkdrift.spark.frozen_rows import of_attempt
from sparkdrift.spark.operation_tables import OPERATIONS
from sparkdrift.spark.profile_tables import PROFILES, STATES
from sparkdrift.spark.reference_life import EVALUATION, ROLE, TRAINING, same, with_set
from sparkdrift.spark.reference_tables import (
    REFERENCE_CHECKS,
    REFERENCE_PROFILES,
    REFERENCE_SNAPSHOTS,
)
from sparkdrift.spark.sql import in_windows, string, timestamp
from sparkdrift.spark.writer import delete
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

HOLDING = (
    *(PROFILES, STATES, DRIFT, ASSUMPTIONS, REFERENCE_PROFILES, REFERENCE_CHECKS),
    *(REFERENCE_SNAPSHOTS, PERFORMANCE, EVAL_STALENESS, FEATURE_DEBT, OPERATIONS),
)
"""The tables that hold values of the source, or figures made of few of them."""
USUAL_HOURS = 168
"""What VACUUM keeps if nothing else is said: files that a reader may still be at."""
_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"


def delete_derived(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: Sequence[Window]
) -> None:
    """Delete what was made of windows: roll-ups, states, and verdicts under whatever policy.

    Their own profiles stay: each is replaced as a whole when the window is profiled again.
    """
    own = f"granularity = {string(spec.windows.grain)}"
    overlapping = " OR ".join(
        f"(window_start < {timestamp(one.end)} AND window_end > {timestamp(one.start)})"
        for one in contiguous(windows)
    )
    monitor = spec.monitor
    delete(spark, store, PROFILES, monitor, f"NOT {own} AND ({overlapping})")
    delete(spark, store, STATES, monitor, overlapping)
    for table in (ASSUMPTIONS, PERFORMANCE, EVAL_STALENESS, FEATURE_DEBT, OPERATIONS):
        delete(spark, store, table, monitor, overlapping)
    earlier = in_windows("earlier_start", contiguous(windows))
    delete(spark, store, DRIFT, monitor, f"({overlapping}) OR coalesce({earlier}, false)")


def delete_version(spark: SparkSession, store: Store, name: Name, version: int) -> None:
    """Delete the rows of a version, and all that was found by holding something against it."""
    monitor, number = name.monitor, int(version)
    delete(spark, store, REFERENCE_PROFILES, monitor, f"{same(name)} AND version = {number}")
    # What others were held against may be of another name, or of the other role of an overlap.
    own = "true" if name.role == ROLE else f"name = {string(name.name)}"
    others = f"(role = {string(name.role)} AND {own})"
    if name.role in (TRAINING, EVALUATION):
        told = string(f"{name.name} version {number} ")
        others += f" OR (check_name = 'overlap' AND contains(reason, {told}))"
    checks = f"({same(name)} AND version = {number}) OR (against_version = {number} AND ({others}))"
    delete(spark, store, REFERENCE_CHECKS, monitor, checks)
    if name.role == TRAINING:
        held = f"comparison = 'training' AND reference_version = {number}"
        for table in (DRIFT, OPERATIONS):
            delete(spark, store, table, monitor, held)
    if name.role == EVALUATION:
        held = f"comparison = {string(with_set(name.name))} AND reference_version = {number}"
        delete(spark, store, DRIFT, monitor, held)
        held = f"evaluation_set = {string(name.name)} AND evaluation_version = {number}"
        for table in (PERFORMANCE, EVAL_STALENESS):
            delete(spark, store, table, monitor, held)
        # Its edges are scores of its rows.
        own = string(f"{name.name}:{number}")
        delete(spark, store, STATES, monitor, f"name = {own} OR startswith(name, {own} || ':')")
    if name.role in (ROLE, EVALUATION):
        # Its categories are named where others are spelt like them; the next run tells anew.
        delete(spark, store, FEATURE_DEBT, monitor, "true")
    if name.role == ROLE:
        held = f"reference_name = {string(name.name)} AND reference_version = {number}"
        others = "comparison <> 'training' AND comparison NOT LIKE 'evaluation:%'"
        delete(spark, store, DRIFT, monitor, f"{others} AND {held}")
        delete(spark, store, ASSUMPTIONS, monitor, held)
        # They hold the value over the reference, of whatever name: told again where it was another.
        held = f"comparison <> 'training' AND reference_version = {number}"
        delete(spark, store, OPERATIONS, monitor, held)


def forget_instant(spark: SparkSession, store: Store, name: Name, version: int) -> None:
    """Keep the day of the newest row of an erased version in place of its instant.

    Of an interval it is the end of that, which is no row's.
    """
    statement = (
        f"UPDATE {store.table(REFERENCE_SNAPSHOTS.name)}"
        " SET newest_event = date_trunc('DAY', newest_event)"
        f" WHERE {same(name)} AND version = {int(version)} AND interval_start IS NULL"
    )
    committed("update", REFERENCE_SNAPSHOTS.name, lambda: spark.sql(statement).collect())


def delete_unsaid(spark: SparkSession, store: Store, name: Name, version: int) -> None:
    """Delete a version of which no event says anything, as if it had never been.

    Its number is free again. The row that makes it exist goes last.
    """
    where = f"{same(name)} AND version = {int(version)}"
    delete(spark, store, REFERENCE_PROFILES, name.monitor, where)
    delete(spark, store, REFERENCE_SNAPSHOTS, name.monitor, where)


def delete_invisible(spark: SparkSession, store: Store, monitor: str) -> None:
    """Delete rows of `reference_profiles` that are of no version, and so nobody reads.

    A snapshot leaves them that ended before its last row, or that another one was quicker than.
    One that is being made meanwhile fails.
    """
    own = f"monitor = {string(monitor)}"
    left = spark.sql(
        f"SELECT DISTINCT role, name, version, run_id FROM {store.table(REFERENCE_PROFILES.name)}"
        f" WHERE {own} EXCEPT SELECT role, name, version, run_id"
        f" FROM {store.table(REFERENCE_SNAPSHOTS.name)} WHERE {own}"
    ).collect()
    cases = [
        f"({of_attempt(Name(monitor, row['role'], row['name']), row['version'], row['run_id'])})"
        for row in left
    ]
    if cases:
        delete(spark, store, REFERENCE_PROFILES, monitor, " OR ".join(cases))


def vacuum(spark: SparkSession, store: Store, hours: int) -> None:
    """Remove files that no version of the last `hours` needs from the tables in HOLDING.

    Raises StoreError, with what is needed, where Delta refuses.
    """
    with allowed(spark, hours):
        for table in HOLDING:
            identifier = store.table(table.name)
            try:
                detail = spark.sql(f"DESCRIBE DETAIL {identifier}").collect()[0]
                if "deletionVectors" in (detail["tableFeatures"] or ()):
                    # There a deleted row is hidden, and its file still in use.
                    spark.sql(f"REORG TABLE {identifier} APPLY (PURGE)").collect()
                statement = f"VACUUM {identifier} RETAIN {int(hours)} HOURS"
                committed("vacuum", table.name, partial(spark.sql, statement))
            except FAILURES as error:
                raise StoreError(
                    f"what was erased is out of the tables of {store}, but the files of "
                    f"{table.name} that held it are still there: VACUUM was refused "
                    f"({reason(error)}). It needs the right to delete files, and below "
                    f"{USUAL_HOURS} hours the setting {_CHECK} = false; run `sparkdrift forget` "
                    "again with --retain-hours, or VACUUM the tables yourself"
                ) from error


@contextmanager
def allowed(spark: SparkSession, hours: int) -> Iterator[None]:
    """Delta asks for a setting before it removes files that a reader may still be at."""
    if hours >= USUAL_HOURS:
        yield
        return
    before = spark.conf.get(_CHECK, "true")
    spark.conf.set(_CHECK, "false")
    try:
        yield
    finally:
        spark.conf.set(_CHECK, str(before))

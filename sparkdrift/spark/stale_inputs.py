"""What figures of staleness are made from: stored rows of windows, and of references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels import eval_figures as kernel
from sparkdrift.kernels.eval_figures import INPUT
from sparkdrift.kernels.performance_rules import NO_SET
from sparkdrift.references.life import Name
from sparkdrift.spark.asked import picked, version_of
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_tables import DRIFT
from sparkdrift.spark.evaluation_inputs import mature, named_parts
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.local_rows import by_window
from sparkdrift.spark.profile_tables import STATES
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.reference_life import (
    EVALUATION,
    TRAINING,
    Active,
    Stored,
    evaluation_sets,
    read_references,
)
from sparkdrift.spark.reference_tables import REFERENCE_SNAPSHOTS
from sparkdrift.spark.sql import string
from sparkdrift.spark.window_columns import window_end
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

# Raised when the figures change without a change of their inputs: all rows are then due.
FIGURES_VERSION = 4
_WHOLE = f"slice_key = {string(WHOLE)}"


@dataclass(frozen=True)
class Held:
    """What windows are held against. sets: which version of each declared set is in force from
    when on; training: the same of the training reference; newest: rows and newest event of every
    version, by role, name and version."""

    sets: Mapping[str, tuple[Active, ...]] = field(default_factory=dict)
    training: tuple[Active, ...] = ()
    newest: Mapping[tuple[str, str, int], tuple[int, datetime | None]] = field(default_factory=dict)


def held_against(spark: SparkSession, store: Store, spec: MonitorSpec) -> Held:
    """The versions of evaluation sets and of the training reference, as they are stored."""
    names = {one: Name(spec.monitor, EVALUATION, one) for one in evaluation_sets(spec)}
    training = Name(spec.monitor, TRAINING, TRAINING)
    found = read_references(spark, store, spec.monitor, [*names.values(), training])
    with few_rows(spark):
        rows = spark.sql(
            "SELECT role, name, version, rows, unix_micros(newest_event) AS newest"
            f" FROM {store.table(REFERENCE_SNAPSHOTS.name)}"
            f" WHERE monitor = {string(spec.monitor)} AND role IN ('evaluation', 'training')"
        ).collect()
    return Held(
        {one: found.get(name, Stored()).active for one, name in names.items()},
        found.get(training, Stored()).active,
        {
            (row["role"], row["name"], row["version"]): (
                int(row["rows"]),
                None if row["newest"] is None else from_micros(row["newest"]),
            )
            for row in rows
        },
    )


def asked_windows(
    spark: SparkSession,
    spec: MonitorSpec,
    held: Held,
    digests: Mapping[datetime, str],
    as_of: datetime | None,
    bucket: str,
) -> DataFrame:
    """A row for each window, by its start, and declared set."""
    end = window_end("window_start", spec.windows.grain, spec.timestamp.zone)
    rows = by_window(spark, digests, "input_digest").selectExpr(
        "window_start", "input_digest", _in_force(held)
    )
    own = {
        "window_start": "window_start",
        "window_end": end,
        "mature": mature(spec, as_of, end),
        "input_digest": "input_digest",
    }
    return shaped(rows, kernel.ASKED, own, bucket)


def states_of_windows(
    spark: SparkSession, store: Store, spec: MonitorSpec, bucket: str
) -> DataFrame:
    """States of the whole table; those of a version that was not in force meet no question."""

    own = {
        **named_parts(),
        "window_start": "window_start",
        "kind": "kind",
        "slice_key": "slice_key",
        "slice_value": "slice_value",
        "numbers": "cells",
    }
    return shaped(_score_states(spark, store, spec), kernel.STATE, own, bucket)


def _score_states(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    return spark.table(store.table(STATES.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND kind IN ('scores', 'errors') AND {_WHOLE}"
    )


def _tables(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    """The rows of `profiles` that count whole windows and slices."""
    return stored_rows(spark, store, spec, spec.windows.grain).where(
        f"column_name = {string(TABLE_ROW)}"
    )


def slices_of_windows(
    spark: SparkSession, store: Store, spec: MonitorSpec, held: Held, bucket: str
) -> DataFrame:
    rows = (
        _tables(spark, store, spec)
        .where(f"NOT {_WHOLE}")
        .selectExpr("window_start", "slice_key", "slice_value", "row_count", _in_force(held))
    )
    names = ("window_start", "slice_key", "slice_value")
    own = {**{name: name for name in names}, "rows": "row_count"}
    return shaped(rows, kernel.SLICE, own, bucket)


def _gap_rows(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    """Rows of `drift` against evaluation sets, of the whole table, under the present policy."""
    return spark.table(store.table(DRIFT.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND policy_hash = {string(policy_hash(spec))} AND {_WHOLE}"
        f" AND startswith(comparison, {string(EVALUATION + ':')})"
    )


def gaps_of_windows(spark: SparkSession, store: Store, spec: MonitorSpec, bucket: str) -> DataFrame:
    names = (
        *("window_start", "column_name", "status", "reason", "importance"),
        *("effect", "effect_low", "effect_high"),
    )
    own = {
        **{name: name for name in names},
        "evaluation_set": f"substring(comparison, {len(EVALUATION) + 2})",
        "evaluation_version": "reference_version",
        "outside": "greatest(out_of_range_share, new_category_share)",
        "rows": "row_count",
    }
    return shaped(_gap_rows(spark, store, spec), kernel.DRIFT, own, bucket)


def shaped(rows: DataFrame, part: int, own: Mapping[str, str], bucket: str) -> DataFrame:
    """Rows of the kernel's INPUT; what a part does not say is NULL."""
    told = {
        "evaluation_set": "evaluation_set",
        "evaluation_version": "evaluation_version",
        "class_name": "'*'",
        **own,
        "bucket": "bucket",
        "part": str(part),
    }
    return rows.selectExpr("*", f"{bucket} AS bucket").selectExpr(
        *(f"CAST({told.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in INPUT.items())
    )


def _in_force(held: Held) -> str:
    """SQL: a row for each declared set, with its version in force when a window began; 0: none."""
    sets = [
        f"struct({string(name)} AS evaluation_set, {version_of(active)} AS evaluation_version)"
        for name, active in held.sets.items()
    ]
    none = f"struct({string(NO_SET)} AS evaluation_set, 0 AS evaluation_version)"
    return f"inline(array({', '.join(sets or [none])}))"


def digested(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    held: Held,
    policy: str,
    as_of: datetime | None,
) -> DataFrame:
    """(window_start, input_digest) of every stored window: the rows of `profiles`, `states` and
    `drift` that are read, the references in force, maturity and policy."""
    own = ("slice_key", "coalesce(slice_value, '')", "''", "''")
    parts = {
        "1": (_tables(spark, store, spec), own),
        "0": (_score_states(spark, store, spec), ("kind", "name", "''", "''")),
        "-1": (
            _gap_rows(spark, store, spec),
            ("comparison", "column_name", "CAST(reference_version AS STRING)", "status"),
        ),
    }
    inputs = [
        rows.selectExpr(
            f"{number} AS own",
            "window_start",
            f"xxhash64({number}, {', '.join(columns)}, input_digest) AS hashed",
        )
        for number, (rows, columns) in parts.items()
    ]
    end = window_end("window_start", spec.windows.grain, spec.timestamp.zone)
    per_window = (
        inputs[0]
        .unionAll(inputs[1])
        .unionAll(inputs[2])
        .groupBy("window_start")
        .agg(
            F.expr("concat(count(*), ':', bit_xor(hashed))").alias("content"),
            F.expr("max(own)").alias("own"),
        )
        .where("own = 1")
    )
    references = [
        picked(active, lambda one: string(one.snapshot.digest), "''")
        for active in (*held.sets.values(), held.training)
    ]
    due = f"CAST({mature(spec, as_of, end)} AS STRING)"
    whole = ["content", due, *references, string(policy), f"'{FIGURES_VERSION}'"]
    return per_window.selectExpr(
        "window_start", f"sha2(concat_ws('|', {', '.join(whole)}), 256) AS input_digest"
    )

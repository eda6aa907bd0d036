"""The table `eval_staleness`: which windows are due, their figures from stored rows, and writing.

No source row is read: states of windows meet those of the evaluation set's version in force when
they began, beside what `drift` found of the gap and `profiles` of the slices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels import eval_figures as kernel
from sparkdrift.kernels.eval_figures import FIGURES, FOUND, INPUT, KEYS
from sparkdrift.references.life import Name
from sparkdrift.spark.asked import picked, version_of
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_rows import by_reference
from sparkdrift.spark.evaluation_tables import EVAL_STALENESS
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.frozen_rows import frozen_rows
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
from sparkdrift.spark.schemas import DRIFT, REFERENCE_SNAPSHOTS, STATES
from sparkdrift.spark.sql import ddl, in_windows, quote, string, timestamp
from sparkdrift.spark.stale_policy import stale_policy
from sparkdrift.spark.window_columns import position, window_end
from sparkdrift.spark.writer import Case, Scope, replace, rows_frame
from sparkdrift.spec.digests import evaluation_hash, policy_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

# Raised when the figures change without a change of their inputs: all rows are then due.
FIGURES_VERSION = 1
NO_SET = ":none"
"""The name of the set where the spec declares none."""
_NAME = "^(:none|[^:]+):([0-9]+)(:(.*))?$"
_BUCKETS = 8
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


def staleness_digests(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    held: Held,
    policy: str,
    as_of: datetime | None,
) -> tuple[dict[datetime, str], dict[datetime, str]]:
    """(the digest that each stored window's figures should have, the one that they have)."""
    wanted = _digested(spark, store, spec, held, policy, as_of)
    have = (
        stale_rows(spark, store, spec)
        .where(f"figure IN ({_listed(FIGURES)})")
        .groupBy("window_start")
        .agg(F.expr("max(input_digest)").alias("input_digest"))
    )
    sides = wanted.selectExpr("0 AS side", "window_start", "input_digest").unionAll(
        have.selectExpr("1 AS side", "window_start", "input_digest")
    )
    found: tuple[dict[datetime, str], dict[datetime, str]] = ({}, {})
    with few_rows(spark):
        answer = sides.selectExpr("side", "unix_micros(window_start) AS start", "input_digest")
        for row in answer.collect():
            found[row["side"]][from_micros(row["start"])] = row["input_digest"]
    return found


def stale_rows(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    """The rows of one monitor in `eval_staleness`, of the grain of its windows."""
    return spark.table(store.table(EVAL_STALENESS.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
    )


def staleness_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    held: Held,
    windows: Sequence[Window],
    policy: str,
    as_of: datetime | None,
) -> DataFrame:
    """Every figure of these windows and each evaluation set, with a status."""
    buckets = max(1, min(_BUCKETS, len(windows) // 4))
    inside = in_windows("window_start", contiguous(windows))
    bucket = f"pmod({position('window_start', spec.windows.grain, spec.timestamp.zone)}, {buckets})"
    parts = [
        _asked(spark, store, spec, held, policy, as_of, bucket),
        _states(spark, store, spec, bucket),
        _slices(spark, store, spec, held, bucket),
        _gaps(spark, store, spec, bucket),
    ]
    rows = parts[0].where(inside)
    for part in parts[1:]:
        rows = rows.unionAll(part.where(inside))
    known = _known(spark, store, spec, held, windows, buckets)
    if known is not None:
        rows = rows.unionAll(known)
    grouped = rows.repartition(*map(quote, KEYS)).sortWithinPartitions(
        *KEYS, "part", "window_start"
    )
    return grouped.mapInArrow(kernel.measure(stale_policy(spec, held)), ddl(FOUND))


def write_staleness(
    store: Store,
    spec: MonitorSpec,
    rows: DataFrame,
    figures: Sequence[str],
    windows: Sequence[Window],
    *,
    policy: str,
    source_version: int | None,
    run_id: str,
) -> None:
    """Make `rows` these figures of `windows`, in one commit; other figures stay as they are."""
    grain = spec.windows.grain
    constants = {
        "monitor": spec.monitor,
        "granularity": grain,
        "policy_hash": policy,
        "definition_hash": evaluation_hash(spec),
        "source_version": source_version,
        "run_id": run_id,
        "package_version": __version__,
    }
    end = window_end("window_start", grain, spec.timestamp.zone)
    ready = rows.withColumns(
        {**{name: F.lit(value) for name, value in constants.items()}, "window_end": F.expr(end)}
    )
    if "since" not in rows.columns:
        ready = ready.withColumn("since", F.expr("CAST(NULL AS TIMESTAMP)"))
    scope = Scope(spec.monitor, grain, [Case(windows, {"figure": one}) for one in figures])
    replace(store, EVAL_STALENESS, ready, scope, run_id=run_id)


def write_across(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    rows: Sequence[Mapping[str, Any]],
    figures: Sequence[str],
    windows: Sequence[Window],
    *,
    policy: str,
    run_id: str,
) -> None:
    """`write_staleness` of rows that were made on the driver, a few for each window."""
    frame = rows_frame(spark, EVAL_STALENESS, rows).select(*FOUND, "since")
    with few_rows(spark):
        write_staleness(
            store,
            spec,
            frame,
            figures,
            windows,
            policy=policy,
            source_version=None,
            run_id=run_id,
        )


def _asked(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    held: Held,
    policy: str,
    as_of: datetime | None,
    bucket: str,
) -> DataFrame:
    end = window_end("window_start", spec.windows.grain, spec.timestamp.zone)
    rows = _digested(spark, store, spec, held, policy, as_of).selectExpr(
        "window_start", "input_digest", _in_force(held)
    )
    own = {
        "window_start": "window_start",
        "window_end": end,
        "mature": _mature(spec, as_of, end),
        "input_digest": "input_digest",
    }
    return _shaped(rows, kernel.ASKED, own, bucket)


def _states(spark: SparkSession, store: Store, spec: MonitorSpec, bucket: str) -> DataFrame:
    """States of the whole table; those of a version that was not in force meet no question."""

    def part(number: int) -> str:
        return f"regexp_extract(name, {string(_NAME)}, {number})"

    own = {
        "evaluation_set": part(1),
        "evaluation_version": f"try_cast({part(2)} AS INT)",
        "class_name": f"coalesce(nullif({part(4)}, ''), '*')",
        "window_start": "window_start",
        "kind": "kind",
        "slice_key": "slice_key",
        "slice_value": "slice_value",
        "numbers": "cells",
    }
    return _shaped(_score_states(spark, store, spec), kernel.STATE, own, bucket)


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


def _slices(
    spark: SparkSession, store: Store, spec: MonitorSpec, held: Held, bucket: str
) -> DataFrame:
    rows = (
        _tables(spark, store, spec)
        .where(f"NOT {_WHOLE}")
        .selectExpr("window_start", "slice_key", "slice_value", "row_count", _in_force(held))
    )
    names = ("window_start", "slice_key", "slice_value")
    own = {**{name: name for name in names}, "rows": "row_count"}
    return _shaped(rows, kernel.SLICE, own, bucket)


def _gap_rows(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    """Rows of `drift` against evaluation sets, of the whole table, under the present policy."""
    return spark.table(store.table(DRIFT.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND policy_hash = {string(policy_hash(spec))} AND {_WHOLE}"
        f" AND startswith(comparison, {string(EVALUATION + ':')})"
    )


def _gaps(spark: SparkSession, store: Store, spec: MonitorSpec, bucket: str) -> DataFrame:
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
    return _shaped(_gap_rows(spark, store, spec), kernel.DRIFT, own, bucket)


def _known(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    held: Held,
    windows: Sequence[Window],
    buckets: int,
) -> DataFrame | None:
    """The states of the sets' versions in force for these windows; None: none is."""
    versions = [
        (Name(spec.monitor, EVALUATION, name), one.snapshot)
        for name, active in held.sets.items()
        for one in active
        if one.snapshot.version in by_reference(active, windows)
    ]
    if not versions:
        return None
    rows = frozen_rows(spark, store, versions).where("column_name RLIKE '^:(scores|errors)'")
    own = {
        "evaluation_set": "name",
        "evaluation_version": "version",
        "kind": "kind",
        "class_name": "coalesce(nullif(regexp_extract(column_name, '^:scores:(.*)$', 1), ''), '*')",
        "slice_key": "slice_key",
        "slice_value": "slice_value",
        "edges": "bins.edges",
        "numbers": "bins.counts",
    }
    return _shaped(rows, kernel.SET, own, f"explode(sequence(0, {buckets - 1}))")


def _shaped(rows: DataFrame, part: int, own: Mapping[str, str], bucket: str) -> DataFrame:
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


def _digested(
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
    mature = f"CAST({_mature(spec, as_of, end)} AS STRING)"
    whole = ["content", mature, *references, string(policy), f"'{FIGURES_VERSION}'"]
    return per_window.selectExpr(
        "window_start", f"sha2(concat_ws('|', {', '.join(whole)}), 256) AS input_digest"
    )


def _mature(spec: MonitorSpec, as_of: datetime | None, end: str) -> str:
    """SQL: whether all labels of a window that ends at `end` should have arrived."""
    if as_of is None:
        return "false"
    delay = spec.prediction.label_delay or timedelta(0)
    return f"({end} <= {timestamp(as_of - delay)})"


def _listed(values: Sequence[str]) -> str:
    return ", ".join(map(string, values))

"""Comparing stored windows with their references, distributed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.kernels.comparing import COMPARED, KEYS, compare
from sparkdrift.kernels.freezing import BINS_SQL, WINDOW_BINS_SQL
from sparkdrift.kernels.judging import JUDGED, judge
from sparkdrift.kernels.policy import Policy
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.metrics import comparable, row_noise, row_variance
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.references import ROLE, Active
from sparkdrift.spark.schemas import DRIFT, REFERENCE_PROFILES
from sparkdrift.spark.sql import in_windows, quote, string, timestamp
from sparkdrift.spark.window_columns import window_end
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

COMPARISON = "baseline"
# Raised when the figures change without a change of their inputs: all drift is then due.
FIGURES_VERSION = 2
_MASK = (1 << 64) - 1
_ROW = ("slice_key", "slice_value", "column_name")


def drift_digests(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: Sequence[Active], policy: str
) -> tuple[dict[datetime, str], dict[datetime, str]]:
    """(for each stored window a digest of the drift rows that it should have, for each window
    in `drift` the same digest of the rows in force that it has), in one query.
    """
    wanted = stored_rows(spark, store, spec, spec.windows.grain).where(
        f"column_name <> {string(TABLE_ROW)}"
    )
    sides = wanted.selectExpr(
        "0 AS side", "window_start", *_ROW, f"{_digest(active, policy)} AS input_digest"
    ).unionAll(
        in_force_rows(spark, store, spec, active, policy).selectExpr(
            "1 AS side", "window_start", *_ROW, "input_digest"
        )
    )
    # With the row's own keys: the slices of a feature share an input_digest, and two that
    # are alike would cancel out.
    hashed = f"bit_xor(xxhash64({', '.join(_ROW)}, input_digest))"
    per_window = sides.groupBy("side", "window_start").agg(
        F.count("*").alias("rows"), F.expr(hashed).alias("digest")
    )
    found: tuple[dict[datetime, str], dict[datetime, str]] = ({}, {})
    with few_rows(spark):
        rows = per_window.withColumn("start", F.expr("unix_micros(window_start)")).collect()
    for row in rows:
        digest = f"{row['rows']}:{row['digest'] & _MASK:016x}"
        found[row["side"]][from_micros(row["start"])] = digest
    return found


def in_force_rows(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: Sequence[Active], policy: str
) -> DataFrame:
    """The rows of `drift` under this policy and the reference in force for their window.

    Those of superseded references and policies stay in the table and don't count here.
    """
    return spark.table(store.table(DRIFT.name)).where(
        f"monitor = {string(spec.monitor)} AND comparison = {string(COMPARISON)}"
        f" AND granularity = {string(spec.windows.grain)} AND policy_hash = {string(policy)}"
        f" AND reference_version = {_in_force(active, lambda one: str(one.snapshot.version), '0')}"
    )


def drift_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    active: Sequence[Active],
    windows: Sequence[Window],
    policy: str,
) -> DataFrame:
    """Windows judged by the reference in force at their start, as figures with a status.

    Two kernels: by feature, where sketches meet their reference; then by window, where
    all tests of a window are one family. Only verdicts, never sketches, reach the second.
    """
    version = _in_force(active, lambda one: str(one.snapshot.version), "0")
    rows = (
        stored_rows(spark, store, spec, spec.windows.grain)
        .where(in_windows("window_start", contiguous(windows)))
        .where(f"column_name <> {string(TABLE_ROW)}")
        .selectExpr(
            "1 AS part",
            "window_start",
            *map(quote, _COMPARED),
            f"{version} AS reference_version",
            f"{_digest(active, policy)} AS input_digest",
            f"{comparable(spec, spec.windows.grain)} AS comparable",
            f"{row_noise(spec)} AS row_noise",
            "CAST(NULL AS DOUBLE) AS row_variance",
            *(f"CAST(NULL AS {sql_type}) AS {name}" for name, sql_type in _OF_REFERENCES.items()),
        )
    )
    if active:
        known = (
            spark.table(store.table(REFERENCE_PROFILES.name))
            .where(f"monitor = {string(spec.monitor)} AND role = {string(ROLE)}")
            .where(" OR ".join(f"({_is(one)})" for one in active))
            .selectExpr(
                "0 AS part",
                "CAST(NULL AS TIMESTAMP) AS window_start",
                *map(quote, _COMPARED),
                "version AS reference_version",
                "CAST(NULL AS STRING) AS input_digest",
                "CAST(NULL AS DOUBLE) AS comparable",
                "CAST(NULL AS DOUBLE) AS row_noise",
                f"{row_variance(spec)} AS row_variance",
                *_OF_REFERENCES,
            )
        )
        rows = known.unionByName(rows)
    by_feature = rows.repartition(*map(quote, KEYS)).sortWithinPartitions(
        *KEYS, "part", "window_start"
    )
    compared = by_feature.mapInArrow(compare(thresholds(spec)), _ddl(COMPARED))
    by_window = compared.repartition("window_start").sortWithinPartitions("window_start")
    return by_window.mapInArrow(judge(), _ddl(JUDGED))


# What the comparison reads of a profile; sketches that it doesn't read would cross twice.
_COMPARED = (
    "slice_key",
    "slice_value",
    "column_name",
    "kind",
    "data_type",
    "row_count",
    "null_count",
    "nan_count",
    "positive_infinity_count",
    "negative_infinity_count",
    "stddev",
    "kll",
    "categories",
    "definition_hash",
    "status",
    "reason",
)
_OF_REFERENCES = {"bins": BINS_SQL, "window_bins": WINDOW_BINS_SQL}


def _is(active: Active) -> str:
    snapshot = active.snapshot
    return f"version = {int(snapshot.version)} AND run_id = {string(snapshot.run_id)}"


def write_drift(
    store: Store,
    spec: MonitorSpec,
    rows: DataFrame,
    active: Sequence[Active],
    windows: Sequence[Window],
    *,
    policy: str,
    source_version: int | None,
    run_id: str,
) -> None:
    """Make `rows` the drift of `windows`, each under its reference and policy, in one commit."""
    grain, zone = spec.windows.grain, spec.timestamp.zone
    constants = {
        "monitor": spec.monitor,
        "granularity": grain,
        "comparison": COMPARISON,
        "reference_name": spec.reference.name if spec.reference else None,
        "policy_hash": policy,
        "source_version": source_version,
        "run_id": run_id,
        "package_version": __version__,
    }
    rows = rows.withColumns(
        {
            **{name: F.lit(value) for name, value in constants.items()},
            "window_end": F.expr(window_end("window_start", grain, zone)),
        }
    )
    cases = [
        Case(
            of_version,
            {"comparison": COMPARISON, "reference_version": version, "policy_hash": policy},
        )
        for version, of_version in by_reference(active, windows).items()
    ]
    scope = Scope(spec.monitor, grain, cases)
    replace(store, DRIFT, rows, scope, run_id=run_id, files=1 + len(windows) // 180)


def by_reference(active: Sequence[Active], windows: Sequence[Window]) -> dict[int, list[Window]]:
    """The windows that each version is in force for at their start; 0 where none is."""
    found: dict[int, list[Window]] = {}
    for window in windows:
        version = 0
        for one in active:
            if one.start <= window.start and (one.end is None or window.start < one.end):
                version = one.snapshot.version
        found.setdefault(version, []).append(window)
    return found


def thresholds(spec: MonitorSpec) -> Policy:
    """The spec's drift section as executors need it."""
    own = spec.all_thresholds()
    default, limits = spec.drift.thresholds, spec.drift.limits
    return Policy(
        effect=default.effect_size,
        warn=default.warn_at,
        overrides={n: (t.effect_size, t.warn_at) for n, t in own.items() if t != default},
        null_share=limits.null_share,
        nan_share=limits.nan_share,
        infinite_share=limits.infinite_share,
        new_categories=limits.new_categories,
        out_of_range=limits.out_of_range,
    )


def _digest(active: Sequence[Active], policy: str) -> str:
    """SQL for what a drift row is computed from: its profile, reference and thresholds."""
    reference = _in_force(active, lambda one: string(one.snapshot.digest), "''")
    return (
        f"sha2(concat_ws('|', input_digest, {reference}, {string(policy)},"
        f" '{FIGURES_VERSION}'), 256)"
    )


def _in_force(active: Sequence[Active], value: Callable[[Active], str], otherwise: str) -> str:
    """SQL that picks `value` of the version in force at window_start."""
    cases = [
        f"WHEN window_start >= {timestamp(one.start)}"
        + (f" AND window_start < {timestamp(one.end)}" if one.end else "")
        + f" THEN {value(one)}"
        for one in active
    ]
    return f"CASE {' '.join(cases)} ELSE {otherwise} END" if cases else otherwise


def _ddl(fields: Mapping[str, str]) -> str:
    return ", ".join(f"{quote(name)} {sql}" for name, sql in fields.items())

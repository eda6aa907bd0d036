"""Stored windows held against what must be true of them: the rows of `assumptions`."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels import concluding, feature_checks, pair_checks
from sparkdrift.kernels.expectations import CHECKED, NOTHING, Expectations
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.spark.asked import version_of
from sparkdrift.spark.assumptions import asks_for_pairs, digested, expectations
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.local_rows import local_rows
from sparkdrift.spark.pairs import automatic_pairs, pair_name
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.reference_life import Active, own_name
from sparkdrift.spark.sql import ddl, in_windows, quote, string
from sparkdrift.spark.states import PAIR, current_states
from sparkdrift.spec.assumptions import declared_pairs
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

_WHOLE = f"slice_key = {string(WHOLE)}"
_PROFILE = (
    *("column_name", "kind", "row_count", "null_count", "nan_count"),
    *("positive_infinity_count", "negative_infinity_count", "min", "max"),
    *("kll", "categories", "definition_hash", "status", "reason"),
)


def assumption_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    active: Sequence[Active],
    windows: Sequence[Window],
    policy: str,
) -> DataFrame:
    """The checks of some windows, with their verdicts.

    Kernels by feature and by pair hold each window against its reference; then one by
    window, where all tests are one family.
    """
    expected = expectations(spec)
    checked = _by_feature(spark, store, spec, active, windows, expected)
    if asks_for_pairs(spec):
        checked = checked.unionByName(_by_pair(spark, store, spec, active, windows, expected))
    checked = checked.unionByName(_looked_at(_tables(spark, store, spec, windows), active))
    by_window = checked.repartition("window_start").sortWithinPartitions("window_start")
    concluded = by_window.mapInArrow(concluding.conclude(), ddl(concluding.CONCLUDED))
    digests = digested(spark, store, spec, active, policy)
    return concluded.join(F.broadcast(digests), "window_start")


def _by_feature(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    active: Sequence[Active],
    windows: Sequence[Window],
    expected: Expectations,
) -> DataFrame:
    wanted = contiguous(windows)
    stored = stored_rows(spark, store, spec, spec.windows.grain).where(
        f"{_WHOLE} AND kind IN ('numeric', 'categorical')"
    )
    columns = ("window_end", *map(quote, _PROFILE))
    rows = stored.where(in_windows("window_start", wanted)).selectExpr(
        f"{feature_checks.WINDOW} AS part",
        "window_start",
        f"{version_of(active)} AS reference_version",
        *columns,
    )
    if expected.rising:
        # The window before each, in the group of the one that it is before.
        names = ", ".join(map(string, expected.rising))
        earlier = stored.where(f"column_name IN ({names})").where(in_windows("window_end", wanted))
        rows = rows.unionByName(
            earlier.selectExpr(
                f"{feature_checks.EARLIER} AS part",
                "window_start",
                f"{version_of(active, 'window_end')} AS reference_version",
                *columns,
            )
        )
    if active:
        known = _reference(spark, store, spec, active).where("kind IN ('numeric', 'categorical')")
        rows = rows.unionByName(
            known.selectExpr(
                f"{feature_checks.REFERENCE} AS part",
                "CAST(NULL AS TIMESTAMP) AS window_start",
                "CAST(NULL AS TIMESTAMP) AS window_end",
                "version AS reference_version",
                *map(quote, _PROFILE),
            )
        )
    return _kernel(rows, feature_checks.KEYS, feature_checks.check_features(expected))


def _by_pair(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    active: Sequence[Active],
    windows: Sequence[Window],
    expected: Expectations,
) -> DataFrame:
    """Every pair in every window, also where no state of it is stored."""
    tables = _tables(spark, store, spec, windows)
    states = current_states(spark, store, spec, spec.windows.grain).where(
        in_windows("window_start", contiguous(windows))
    )
    found = states.selectExpr("window_start", "name", "cells", "definition_hash")
    pairs, lacking = _expected_pairs(spark, store, spec, windows)
    names = local_rows(spark, [(pair_name(*pair),) for pair in pairs], {"name": "string"})
    rows = (
        tables.crossJoin(F.broadcast(names))
        .join(found, ["window_start", "name"], "left")
        .selectExpr(
            "1 AS part",
            "window_start",
            "name",
            f"{version_of(active)} AS reference_version",
            "row_count",
            "cells",
            "CAST(NULL AS ARRAY<ARRAY<DOUBLE>>) AS windows",
            "definition_hash",
        )
    )
    if active:
        known = _reference(spark, store, spec, active).where("kind = 'pair'")
        rows = rows.unionByName(
            known.selectExpr(
                "0 AS part",
                "CAST(NULL AS TIMESTAMP) AS window_start",
                f"substring(column_name, {len(PAIR) + 1}) AS name",
                "version AS reference_version",
                "row_count",
                "bins.counts AS cells",
                "transform(window_bins, one -> one.counts) AS windows",
                "definition_hash",
            )
        )
    checked = _kernel(rows, pair_checks.KEYS, pair_checks.check_pairs(expected))
    return checked if lacking is None else checked.unionByName(_unwatched(tables, active, lacking))


def _tables(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: Sequence[Window]
) -> DataFrame:
    """(window_start, row_count) of the windows that are stored."""
    due = in_windows("window_start", contiguous(windows))
    return (
        stored_rows(spark, store, spec, spec.windows.grain)
        .where(f"{due} AND {_WHOLE} AND column_name = {string(TABLE_ROW)}")
        .select("window_start", "row_count")
    )


def _looked_at(tables: DataFrame, active: Sequence[Active]) -> DataFrame:
    """A row per window, kept where nothing is checked in it: without one it stays due forever."""
    reason = "no check applies to any feature: all are off, or the reference teaches none"
    return _untold(tables, active, NOTHING, reason)


def _unwatched(tables: DataFrame, active: Sequence[Active], reason: str) -> DataFrame:
    """A row per window that says why no pair was looked for: not measured is a status."""
    return _untold(tables, active, "independence", reason)


def _untold(tables: DataFrame, active: Sequence[Active], assumption: str, reason: str) -> DataFrame:
    told = {
        "window_start": "window_start",
        "reference_version": version_of(active),
        "column_name": string(TABLE_ROW),
        "assumption": string(assumption),
        "status": "'undetermined'",
        "reason": string(reason),
    }
    return tables.selectExpr(
        *(f"CAST({told.get(name, 'NULL')} AS {kind}) AS `{name}`" for name, kind in CHECKED.items())
    )


def _expected_pairs(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: Sequence[Window]
) -> tuple[list[tuple[str, str]], str | None]:
    """(the pairs that every window should have, why `dependence.auto` adds none to them)."""
    found = set(declared_pairs(spec.dependence, spec.assumptions))
    if spec.dependence is None or not spec.dependence.auto:
        return sorted(found), None
    stored = (
        stored_rows(spark, store, spec, spec.windows.grain)
        .where(f"{_WHOLE} AND kind = 'numeric'")
        .where(in_windows("window_start", contiguous(windows)))
    )
    # Names only; which features there are is known of what was stored, also under `auto`.
    numbers = sorted(
        row["column_name"] for row in stored.select("column_name").distinct().collect()
    )
    automatic, lacking = automatic_pairs(spec, numbers)
    if not automatic and lacking is None:
        lacking = f"dependence: {len(numbers)} numeric features make no pair"
    return sorted(found | set(automatic)), lacking


def _kernel(rows: DataFrame, keys: Sequence[str], kernel: Kernel) -> DataFrame:
    grouped = rows.repartition(*map(quote, keys)).sortWithinPartitions(*keys, "window_start")
    return grouped.mapInArrow(kernel, ddl(CHECKED))


def _reference(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: Sequence[Active]
) -> DataFrame:
    versions = ((own_name(spec), one.snapshot) for one in active)
    return frozen_rows(spark, store, versions).where(_WHOLE)

"""The table `assumptions`: stored windows held against what must be true of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels import concluding, feature_checks, pair_checks
from sparkdrift.kernels.expectations import CHECKED, NOTHING, VIOLATED, Expectations, Rule
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.spark.asked import picked
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.comparison import by_reference
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.pairs import automatic_pairs, pair_name, whole_slice
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.references import ROLE, Active
from sparkdrift.spark.schemas import ASSUMPTIONS
from sparkdrift.spark.sql import ddl, in_windows, quote, string
from sparkdrift.spark.states import PAIR, current_states, stored_states
from sparkdrift.spark.window_columns import window_end
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.assumptions import Assumed, declared_pairs
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

# Raised when the checks change without a change of their inputs: all are then due.
CHECKS_VERSION = 2
_WHOLE = f"slice_key = {string(WHOLE)}"
_PROFILE = (
    *("column_name", "kind", "row_count", "null_count", "nan_count"),
    *("positive_infinity_count", "negative_infinity_count", "min", "max"),
    *("kll", "categories", "definition_hash", "status", "reason"),
)


def expectations(spec: MonitorSpec) -> Expectations:
    """The spec's sections as executors need them."""
    assumed, dependence, limits = spec.assumptions, spec.dependence, spec.drift.limits
    ways = {"increasing": 1, "decreasing": -1}
    monotone = assumed.monotone if assumed else ()
    dependent = None
    if dependence is None or not dependence.auto:
        dependent = frozenset(pair_name(*pair) for pair in (dependence.pairs if dependence else ()))
    return Expectations(
        learned=assumed is not None and assumed.learned,
        rules={n: _rule(one) for n, one in assumed.features.items()} if assumed else {},
        rising={one.column: ways[one.order] for one in monotone if one.with_ is None},
        with_other={
            pair_name(one.column, one.with_): (one.column, one.with_, ways[one.order])
            for one in monotone
            if one.with_ is not None
        },
        independent=frozenset(
            pair_name(*pair) for pair in (assumed.independent if assumed else ())
        ),
        dependent=dependent,
        correlation=dependence.limit if dependence else 0.1,
        null_share=limits.null_share,
        new_categories=limits.new_categories,
        out_of_range=limits.out_of_range,
        examples=assumed.examples if assumed else "show",
    )


def _rule(one: Assumed) -> Rule:
    return Rule(
        range=one.range,
        domain=frozenset(one.domain) if isinstance(one.domain, tuple) else one.domain,
        not_null=one.not_null,
        tolerate=one.tolerate,
    )


def assumption_digests(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: Sequence[Active], policy: str
) -> tuple[dict[datetime, str], dict[datetime, str]]:
    """(for each stored window the digest that its checks should have, for each window in
    `assumptions` the one that those in force have), in one query.
    """
    rows = _digested(spark, store, spec, active, policy).selectExpr(
        "0 AS side", "window_start", "input_digest AS digest"
    )
    have = (
        in_force_checks(spark, store, spec, active, policy)
        .groupBy("window_start")
        .agg(F.expr("max(input_digest)").alias("digest"))
        .selectExpr("1 AS side", "window_start", "digest")
    )
    found: tuple[dict[datetime, str], dict[datetime, str]] = ({}, {})
    with few_rows(spark):
        answer = rows.unionAll(have).selectExpr(
            "side", "unix_micros(window_start) AS start", "digest"
        )
        for row in answer.collect():
            found[row["side"]][from_micros(row["start"])] = row["digest"]
    return found


def in_force_checks(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: Sequence[Active], policy: str
) -> DataFrame:
    """The rows of `assumptions` under this policy and the reference in force for their window."""
    return spark.table(store.table(ASSUMPTIONS.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND policy_hash = {string(policy)} AND reference_version = {_version(active)}"
    )


def _digested(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: Sequence[Active], policy: str
) -> DataFrame:
    """(window_start, input_digest) of every stored window: its profiles, pairs, the reference,
    what is assumed, and the window before where its order is looked at."""
    grain = spec.windows.grain
    profiles = stored_rows(spark, store, spec, grain).where(_WHOLE)
    inputs = profiles.selectExpr("window_start", "column_name AS name", "input_digest", "1 AS own")
    if spec.dependence is not None or declared_pairs(None, spec.assumptions):
        states = stored_states(spark, store, spec, grain)
        inputs = inputs.unionAll(
            states.selectExpr("window_start", f"concat({string(PAIR)}, name)", "input_digest", "0")
        )
    per_window = (
        inputs.groupBy("window_start")
        .agg(
            F.expr("concat(count(*), ':', bit_xor(xxhash64(name, input_digest)))").alias("content"),
            F.expr("max(own)").alias("own"),
        )
        .where("own = 1")
    )
    parts = ["content", picked(active, lambda one: string(one.snapshot.digest), "''")]
    if expectations(spec).rising:
        end = window_end("before.start", grain, spec.timestamp.zone)
        last = "lag(struct(window_start AS start, content)) OVER (ORDER BY window_start)"
        per_window = per_window.selectExpr("*", f"{last} AS before")
        parts.append(f"CASE WHEN {end} = window_start THEN before.content ELSE '' END")
    parts += [string(policy), f"'{CHECKS_VERSION}'"]
    return per_window.selectExpr(
        "window_start", f"sha2(concat_ws('|', {', '.join(parts)}), 256) AS input_digest"
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
    if _asks_for_pairs(spec):
        checked = checked.unionByName(_by_pair(spark, store, spec, active, windows, expected))
    checked = checked.unionByName(_looked_at(_tables(spark, store, spec, windows), active))
    by_window = checked.repartition("window_start").sortWithinPartitions("window_start")
    concluded = by_window.mapInArrow(concluding.conclude(), ddl(concluding.CONCLUDED))
    digests = _digested(spark, store, spec, active, policy)
    return concluded.join(F.broadcast(digests), "window_start")


def _asks_for_pairs(spec: MonitorSpec) -> bool:
    return spec.dependence is not None or bool(declared_pairs(None, spec.assumptions))


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
        f"{_version(active)} AS reference_version",
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
                f"{_version(active, 'window_end')} AS reference_version",
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
    names = spark.createDataFrame([(pair_name(*pair),) for pair in pairs], "name string")
    rows = (
        tables.crossJoin(F.broadcast(names))
        .join(found, ["window_start", "name"], "left")
        .selectExpr(
            "1 AS part",
            "window_start",
            "name",
            f"{_version(active)} AS reference_version",
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
        "reference_version": _version(active),
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
    versions = ((ROLE, one.snapshot) for one in active)
    return frozen_rows(spark, store, spec, versions).where(_WHOLE)


def count_violated(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    active: Sequence[Active],
    windows: Sequence[Window],
    policy: str,
) -> int:
    """How many checks of these windows are violated."""
    rows = in_force_checks(spark, store, spec, active, policy).where(
        in_windows("window_start", contiguous(windows))
    )
    with few_rows(spark):
        return rows.where(F.col("status") == VIOLATED).count()


def write_assumptions(
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
    """Make `rows` the checks of `windows`, each under its reference and policy, in one commit."""
    grain = spec.windows.grain
    constants = {
        **whole_slice(),
        "monitor": spec.monitor,
        "granularity": grain,
        "reference_name": spec.reference.name if spec.reference else None,
        "policy_hash": policy,
        "source_version": source_version,
        "run_id": run_id,
        "package_version": __version__,
    }
    end = window_end("window_start", grain, spec.timestamp.zone)
    ready = rows.withColumns(
        {**{name: F.lit(value) for name, value in constants.items()}, "window_end": F.expr(end)}
    )
    cases = [
        Case(of_version, {"reference_version": version, "policy_hash": policy})
        for version, of_version in by_reference(active, windows).items()
    ]
    scope = Scope(spec.monitor, grain, cases)
    replace(store, ASSUMPTIONS, ready, scope, run_id=run_id, files=1 + len(windows) // 360)


def _version(active: Sequence[Active], at: str = "window_start") -> str:
    return picked(active, lambda one: str(one.snapshot.version), "0", at)

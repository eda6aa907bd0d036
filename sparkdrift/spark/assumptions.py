"""The table `assumptions`: what is assumed, which windows were held against it, by which rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.expectations import VIOLATED, Expectations, Rule
from sparkdrift.spark.asked import picked, version_of
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.dating import Around, Findings, dated
from sparkdrift.spark.drift_rows import by_reference
from sparkdrift.spark.drift_tables import ASSUMPTIONS
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.pairs import pair_name, whole_slice
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.reference_life import Active
from sparkdrift.spark.sql import in_windows, string
from sparkdrift.spark.stamping import stamped
from sparkdrift.spark.states import PAIR, stored_states
from sparkdrift.spark.window_columns import window_end
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.assumptions import Assumed, declared_pairs
from sparkdrift.spec.digests import assumption_hash
from sparkdrift.spec.hiding import hidden_feature
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

# Raised when the checks change without a change of their inputs: all are then due.
CHECKS_VERSION = 3
RUNS_OF_VIOLATED = Findings(
    ASSUMPTIONS,
    keys=("column_name", "other_column", "assumption"),
    found=f"status = {string(VIOLATED)}",
    measured=f"status IN ({string(VIOLATED)}, 'ok', 'warning')",
    columns=("status",),
)
_WHOLE = f"slice_key = {string(WHOLE)}"


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
        rules={n: _rule(spec, n, one) for n, one in assumed.features.items()} if assumed else {},
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


def _rule(spec: MonitorSpec, name: str, one: Assumed) -> Rule:
    domain = one.domain
    if isinstance(domain, tuple):
        # As its values are stored: where they are hidden, so are those that are accepted.
        hidden = hidden_feature(spec, name)
        domain = domain if hidden is None else tuple(map(hidden.token, domain))
    return Rule(
        range=one.range,
        domain=frozenset(domain) if isinstance(domain, tuple) else domain,
        not_null=one.not_null,
        tolerate=one.tolerate,
    )


def asks_for_pairs(spec: MonitorSpec) -> bool:
    """Whether anything is to be known of columns together."""
    return spec.dependence is not None or bool(declared_pairs(None, spec.assumptions))


def assumption_digests(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: Sequence[Active], policy: str
) -> tuple[dict[datetime, str], dict[datetime, str]]:
    """(for each stored window the digest that its checks should have, for each window in
    `assumptions` the one that those in force have), in one query.
    """
    rows = digested(spark, store, spec, active, policy).selectExpr(
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
        f" AND policy_hash = {string(policy)} AND reference_version = {version_of(active)}"
    )


def digested(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: Sequence[Active], policy: str
) -> DataFrame:
    """(window_start, input_digest) of every stored window: its profiles, pairs, the reference,
    what is assumed, and the window before where its order is looked at."""
    grain = spec.windows.grain
    profiles = stored_rows(spark, store, spec, grain).where(_WHOLE)
    inputs = profiles.selectExpr("window_start", "column_name AS name", "input_digest", "1 AS own")
    if asks_for_pairs(spec):
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


def newest_violated(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: Sequence[Active]
) -> tuple[datetime, int] | None:
    """(start of the newest window that was checked, how many of its checks are violated)."""
    violated = f"count_if(status = {string(VIOLATED)})"
    rows = (
        in_force_checks(spark, store, spec, active, assumption_hash(spec))
        .groupBy("window_start")
        .agg(F.expr("unix_micros(window_start) AS start"), F.expr(f"{violated} AS violated"))
        .orderBy(F.desc("window_start"))
        .limit(1)
    )
    with few_rows(spark):
        found = rows.collect()
    return (from_micros(found[0]["start"]), found[0]["violated"]) if found else None


def write_assumptions(
    store: Store,
    spec: MonitorSpec,
    rows: DataFrame,
    active: Sequence[Active],
    windows: Sequence[Window],
    stored: DataFrame,
    near: Around,
    *,
    policy: str,
    source_version: int | None,
    run_id: str,
) -> None:
    """Make `rows` the checks of `windows`, each under its reference and policy, in one commit.

    stored: the checks in force, of which those of the windows `near` are read, or dated again.
    """
    grain = spec.windows.grain
    ready = stamped(
        rows,
        spec,
        grain,
        run_id,
        **whole_slice(),
        reference_name=spec.reference.name if spec.reference else None,
        policy_hash=policy,
        source_version=source_version,
    )
    covered = sorted((*windows, *near.after))
    cases = [
        Case(of_version, {"reference_version": version, "policy_hash": policy})
        for version, of_version in by_reference(active, covered).items()
    ]
    scope = Scope(spec.monitor, grain, cases)
    found = RUNS_OF_VIOLATED.found
    ready = dated(ready, stored, near, RUNS_OF_VIOLATED).withColumn(
        "since", F.expr(f"CASE WHEN {found} THEN since END")
    )
    replace(store, ASSUMPTIONS, ready, scope, run_id=run_id, files=1 + len(covered) // 360)

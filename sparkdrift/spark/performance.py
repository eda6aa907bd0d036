"""The table `performance`: which windows are due, their rows from stored states, and writing them.

No source row is read: states of windows meet the states of the evaluation set's version that was
in force when they began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.performance import GROUP, KNOWN, PERFORMED, STORED, WINDOW, perform
from sparkdrift.kernels.performance_rules import ALL, NO_SET, Rules
from sparkdrift.measures.score_bins import plain_edges
from sparkdrift.references.life import Name
from sparkdrift.spark.asked import picked, version_of
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_rows import by_reference
from sparkdrift.spark.evaluation_tables import PERFORMANCE
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.reference_life import (
    EVALUATION,
    Active,
    Stored,
    evaluation_sets,
    read_references,
)
from sparkdrift.spark.schemas import STATES
from sparkdrift.spark.sql import ddl, in_windows, quote, string, timestamp
from sparkdrift.spark.window_columns import position, window_end
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

# Raised when the figures change without a change of their inputs: all rows are then due.
FIGURES_VERSION = 1
KINDS = ("scores", "errors", "baseline", "value")
_NAME = "^(:none|[^:]+):([0-9]+)(:(.*))?$"
# Windows are spread over so many groups at most, each of which is sent the evaluation set.
_BUCKETS = 8
_ROWS_PER_FILE = 100_000

Sets = Mapping[str, tuple[Active, ...]]
"""By evaluation set: which version is in force from when on."""


@dataclass(frozen=True)
class Due:
    """By grain and start of the window: the digest that its rows should have, and the one that
    they have."""

    wanted: dict[str, dict[datetime, str]] = field(default_factory=dict)
    have: dict[str, dict[datetime, str]] = field(default_factory=dict)


def sets_in_force(spark: SparkSession, store: Store, spec: MonitorSpec) -> Sets:
    """The versions of the spec's evaluation sets; one that is not frozen yet has none."""
    names = {name: Name(spec.monitor, EVALUATION, name) for name in evaluation_sets(spec)}
    if not names:
        return {}
    found = read_references(spark, store, spec.monitor, list(names.values()))
    return {name: found.get(own, Stored()).active for name, own in names.items()}


def grains(spec: MonitorSpec) -> tuple[str, ...]:
    """The grain of the windows, and those they are rolled up to."""
    return (spec.windows.grain, *spec.windows.rollups)


def performance_digests(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    sets: Sets,
    policy: str,
    as_of: datetime | None,
) -> Due:
    """What should be in `performance` and what is, in one query for all grains."""
    kept = ("granularity", "window_start")
    have = (
        spark.table(store.table(PERFORMANCE.name))
        .where(f"monitor = {string(spec.monitor)}")
        .where(f"granularity IN ({_listed(grains(spec))})")
        .groupBy(*kept)
        .agg(F.expr("max(input_digest)").alias("digest"))
    )
    wanted = _digested(spark, store, spec, sets, policy, as_of)
    sides = wanted.selectExpr("0 AS side", *kept, "input_digest AS digest").unionAll(
        have.selectExpr("1 AS side", *kept, "digest")
    )
    found = Due()
    with few_rows(spark):
        rows = sides.withColumn("start", F.expr("unix_micros(window_start)")).collect()
    for row in rows:
        side = found.have if row["side"] else found.wanted
        side.setdefault(row["granularity"], {})[from_micros(row["start"])] = row["digest"]
    return found


def performance_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    sets: Sets,
    granularity: str,
    windows: Sequence[Window],
    policy: str,
    as_of: datetime | None,
) -> DataFrame:
    """The rows of `performance` of these windows, with their `input_digest`."""
    buckets = max(1, min(_BUCKETS, len(windows) // 4))
    inside = in_windows("window_start", contiguous(windows))
    states = _states(spark, store, spec, sets).where(
        f"granularity = {string(granularity)} AND {inside}"
    )
    place = position("window_start", granularity, spec.timestamp.zone)
    rows = _shaped(
        states,
        WINDOW,
        {"bucket": f"pmod({place}, {buckets})", "mature": _mature(spec, as_of)},
    )
    known = _known(spark, store, spec, sets, windows)
    if known is not None:
        each = known.withColumn("bucket", F.expr(f"explode(sequence(0, {buckets - 1}))"))
        rows = rows.unionAll(_shaped(each, KNOWN, {}))
    grouped = rows.repartition(*map(quote, GROUP[:3])).sortWithinPartitions(*GROUP)
    performed = grouped.mapInArrow(perform(rules_of(spec)), ddl(PERFORMED))
    digests = (
        _digested(spark, store, spec, sets, policy, as_of)
        .where(f"granularity = {string(granularity)}")
        .where(inside)
    )
    return performed.join(
        F.broadcast(digests.select("window_start", "input_digest")), "window_start"
    )


def write_performance(
    store: Store,
    spec: MonitorSpec,
    rows: DataFrame,
    granularity: str,
    windows: Sequence[Window],
    *,
    policy: str,
    run_id: str,
) -> None:
    """Make `rows` the performance of `windows`, in one commit."""
    constants = {
        "monitor": spec.monitor,
        "granularity": granularity,
        "policy_hash": policy,
        "run_id": run_id,
        "package_version": __version__,
    }
    end = window_end("window_start", granularity, spec.timestamp.zone)
    ready = rows.withColumns(
        {**{name: F.lit(value) for name, value in constants.items()}, "window_end": F.expr(end)}
    )
    scope = Scope(spec.monitor, granularity, [Case(windows)])
    per_window = 16 * (1 + 10 * len(spec.slices))
    files = 1 + len(windows) * per_window // _ROWS_PER_FILE
    replace(store, PERFORMANCE, ready, scope, run_id=run_id, files=files)


def rules_of(spec: MonitorSpec) -> Rules:
    """The spec's evaluation as executors need it. Raises ValueError without that section."""
    evaluation, degraded = spec.evaluation, spec.degraded
    if evaluation is None:
        raise ValueError(f"monitor {spec.monitor} declares no evaluation")
    thresholds = [one.value for one in evaluation.thresholds.values()]
    payoff = degraded.payoff if degraded else None
    cells = None
    if payoff is not None and evaluation.value is None:
        cells = (
            payoff.true_positive,
            payoff.false_positive,
            payoff.false_negative,
            payoff.true_negative,
        )
    base = evaluation.baseline
    return Rules(
        task=evaluation.task,
        metrics=frozenset(evaluation.metrics),
        recorded=spec.prediction.decision is not None or evaluation.positive.decision is not None,
        threshold=thresholds[0] if thresholds else None,
        edges=tuple(plain_edges(thresholds).tolist()),
        groups=frozenset(evaluation.groups),
        metric=degraded.metric if degraded else None,
        tolerated=degraded.tolerated_loss if degraded else 0.05,
        value_per_point=degraded.value_per_point if degraded else None,
        payoff=cells,
        ruled=base.rule is not None or base.value is not None,
        valued=evaluation.value is not None,
        delayed=spec.prediction.label_delay is not None,
        distrust_ess=evaluation.limits.distrust_ess_ratio,
        outside=evaluation.limits.outside,
    )


def _states(spark: SparkSession, store: Store, spec: MonitorSpec, sets: Sets) -> DataFrame:
    """The states of windows, with set, version and class, by the versions in force for them."""
    stored = spark.table(store.table(STATES.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity IN ({_listed(grains(spec))})"
        f" AND kind IN ({_listed(KINDS)})"
    )

    def part(number: int) -> str:
        return f"regexp_extract(name, {string(_NAME)}, {number})"

    named = stored.selectExpr(
        "*",
        f"{part(1)} AS evaluation_set",
        f"try_cast({part(2)} AS INT) AS evaluation_version",
        f"coalesce(nullif({part(4)}, ''), {string(ALL)}) AS class_name",
    )
    versions = {name: version_of(active) for name, active in sets.items()}
    none = " AND ".join(f"{version} = 0" for version in versions.values()) or "true"
    cases = " ".join(f"WHEN {string(name)} THEN {version}" for name, version in versions.items())
    in_force = f"CASE evaluation_set {cases} END" if cases else "CAST(NULL AS INT)"
    return named.where(
        f"(evaluation_set = {string(NO_SET)} AND {none}) OR evaluation_version = {in_force}"
    )


def _known(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    sets: Sets,
    windows: Sequence[Window],
) -> DataFrame | None:
    """The states of the versions that are in force for these windows; None: there are none."""
    versions = [
        (Name(spec.monitor, EVALUATION, name), one.snapshot)
        for name, active in sets.items()
        for one in active
        if one.snapshot.version in by_reference(active, windows)
    ]
    if not versions:
        return None
    rows = frozen_rows(spark, store, versions).where(
        "column_name = ':errors' OR column_name = ':scores' OR startswith(column_name, ':scores:')"
    )
    return rows.selectExpr(
        "name AS evaluation_set",
        "version AS evaluation_version",
        "slice_key",
        "slice_value",
        "CASE column_name WHEN ':errors' THEN 'errors' ELSE 'scores' END AS kind",
        f"coalesce(nullif(substring(column_name, {len(':scores:') + 1}), ''), {string(ALL)})"
        " AS class_name",
        "bins.edges AS edges",
        "bins.counts AS cells",
        "definition_hash",
    )


def _shaped(rows: DataFrame, part: int, own: Mapping[str, str]) -> DataFrame:
    """Rows as the kernel takes them; what they have not is NULL."""
    told = {name: name for name in STORED if name in rows.columns} | {**own, "part": str(part)}
    return rows.selectExpr(
        *(f"CAST({told.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in STORED.items())
    )


def _digested(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    sets: Sets,
    policy: str,
    as_of: datetime | None,
) -> DataFrame:
    """(granularity, window_start, input_digest): its states, the sets, maturity and policy."""
    states = _states(spark, store, spec, sets)
    row = "kind, name, slice_key, slice_value, input_digest"
    per_window = states.groupBy("granularity", "window_start").agg(
        F.expr(f"concat(count(*), ':', bit_xor(xxhash64({row})))").alias("content"),
        F.expr(f"CAST(max({_mature(spec, as_of)}) AS STRING)").alias("mature"),
    )
    parts = ["content", "mature"]
    parts += [
        picked(active, lambda one: string(one.snapshot.digest), "''") for active in sets.values()
    ]
    parts += [string(policy), f"'{FIGURES_VERSION}'"]
    return per_window.selectExpr(
        "granularity",
        "window_start",
        f"sha2(concat_ws('|', {', '.join(parts)}), 256) AS input_digest",
    )


def _mature(spec: MonitorSpec, as_of: datetime | None) -> str:
    """SQL: whether all labels of a window should have arrived; without `label_delay`, with it."""
    if as_of is None:
        return "false"
    delay = spec.prediction.label_delay or timedelta(0)
    return f"(window_end <= {timestamp(as_of - delay)})"


def _listed(values: Sequence[str]) -> str:
    return ", ".join(map(string, values))


def newest_performance(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: int = 3
) -> list[dict[str, object]]:
    """Rows of the whole table of the newest windows, newest first, as report/ takes them."""
    rows = spark.table(store.table(PERFORMANCE.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND slice_key = {string(WHOLE)} AND class_name = {string(ALL)}"
    )
    ranked = "dense_rank() OVER (ORDER BY window_start DESC) AS place"
    with few_rows(spark):
        found = rows.selectExpr("*", ranked).where(f"place <= {int(windows)}").collect()
    return sorted(
        (row.asDict() for row in found),
        key=lambda row: (row["place"], row["evaluation_set"], row["metric"]),
    )


def count_findings(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: Sequence[Window]
) -> tuple[int, int]:
    """(rows that say degraded, rows that say concept drift) of these windows."""
    rows = spark.table(store.table(PERFORMANCE.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND {in_windows('window_start', contiguous(windows))}"
    )
    with few_rows(spark):
        row = rows.selectExpr(
            "count_if(status = 'degraded') AS degraded", "count_if(concept_drift) AS drifted"
        ).collect()[0]
    return row["degraded"], row["drifted"]

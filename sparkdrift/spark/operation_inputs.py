"""What rows of `operations` are made from: stored profiles, drift, references, states of scores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.kernels.operations import TREND_WINDOWS
from sparkdrift.measures.score_bins import plain_edges
from sparkdrift.references.life import Name
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_rows import in_force_rows
from sparkdrift.spark.evaluation_inputs import listed
from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.metrics import checked
from sparkdrift.spark.operation_tables import OPERATIONS
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.reference_life import (
    EVALUATION,
    Active,
    InForce,
    References,
    in_force,
    read_by,
    version_at,
)
from sparkdrift.spark.score_states import edges_of_sets, score_states
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import string
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.metrics import PREFIX
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.scoring import binned_operations
from sparkdrift.store import Store

# Raised when the figures change without a change of their inputs: all rows are then due.
FIGURES_VERSION = 1
STATE = "operations"
"""The kind of the states that hold events by score bin."""


def countable(spark: SparkSession, spec: MonitorSpec, source: Source) -> tuple[str, ...]:
    """The signals whose events the watched table lets count by score bin.

    Of the others the row of the metric says why not: they must not stop the scores.
    """
    resolved = checked(spark, source, spec, resolve_source(spark, spec, source))
    sound = {one.feature.column for one in resolved.metrics if one.problem is None}
    return tuple(name for name in binned_operations(spec) if name in sound)


def of_operations(signals: Sequence[str]) -> str:
    """SQL of `columns` of a state: the signals that one of this kind counts."""
    return (
        f"CASE WHEN kind = {string(STATE)} THEN CAST(array({listed(signals)}) AS ARRAY<STRING>) END"
    )


def compared_by(spec: MonitorSpec) -> str:
    """The comparison whose verdict counts: the baseline, else the first that may alert."""
    if "baseline" in spec.drift.comparisons:
        return "baseline"
    return next(iter(spec.alerts.comparisons), spec.drift.comparisons[0])


@dataclass(frozen=True)
class Held:
    """What windows are held against. active: what each comparison reads; own: of the one that
    counts; name: the reference that it reads."""

    active: InForce
    own: tuple[Active, ...]
    name: Name
    comparison: str


def held_against(spec: MonitorSpec, stored: References) -> Held:
    """What the comparison that counts reads, as it is stored."""
    comparison = compared_by(spec)
    active = in_force(spec, stored)
    return Held(active, active.get(comparison, ()), read_by(spec, comparison), comparison)


def counted_rows(
    spark: SparkSession, store: Store, spec: MonitorSpec, granularity: str
) -> DataFrame:
    """The rows of `profiles` that count the signals."""
    names = [PREFIX + name for name in spec.operations]
    return stored_rows(spark, store, spec, granularity).where(f"column_name IN ({listed(names)})")


def verdict_rows(spark: SparkSession, store: Store, spec: MonitorSpec, held: Held) -> DataFrame:
    """The rows of `drift` in force of the signals, by the comparison that counts."""
    names = [PREFIX + name for name in spec.operations]
    return in_force_rows(spark, store, spec, held.active, policy_hash(spec)).where(
        f"comparison = {string(held.comparison)} AND column_name IN ({listed(names)})"
    )


def binned_states(
    spark: SparkSession, store: Store, spec: MonitorSpec, granularity: str
) -> DataFrame:
    """The states with events by score bin."""
    return score_states(spark, store, spec, granularity, [STATE])


def edges_of_states(
    spark: SparkSession, store: Store, spec: MonitorSpec, stored: References
) -> dict[str, tuple[float, ...]]:
    """By name of a state: the edges that its bins are cut by."""
    evaluation = spec.evaluation
    if evaluation is None or not binned_operations(spec):
        return {}
    versions = [
        (Name(spec.monitor, EVALUATION, name), one.snapshot)
        for name, active in stored.evaluation.items()
        for one in active
    ]
    found = {
        f"{name}:{version}": next(iter(own.values()))
        for (name, version), own in (
            edges_of_sets(spark, store, versions) if versions else {}
        ).items()
    }
    if evaluation.task != "regression":
        values = [one.value for one in evaluation.thresholds.values()]
        found[":none:0"] = tuple(plain_edges(values).tolist())
    return found


@dataclass(frozen=True)
class Due:
    """By start of the window: the digest that its rows should have, and the one they have."""

    wanted: dict[datetime, str] = field(default_factory=dict)
    have: dict[datetime, str] = field(default_factory=dict)


def operation_digests(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    held: Held,
    granularity: str,
    policy: str,
) -> Due:
    """What should be in `operations` and what is, in one query.

    A window's digest covers its own counts, verdict and states, the reference in force, and the
    counts of the windows that its trend looks back on.
    """
    own = "slice_key, coalesce(slice_value, ''), column_name, input_digest"
    verdict = "status, alerting, coalesce(suppression, ''), coalesce(unix_micros(since), 0)"
    sides = {
        "counts": counted_rows(spark, store, spec, granularity).selectExpr(
            "'counts' AS side", "window_start", f"xxhash64({own}) AS hashed"
        ),
        "bins": binned_states(spark, store, spec, granularity).selectExpr(
            "'bins' AS side",
            "window_start",
            "xxhash64(name, slice_key, coalesce(slice_value, ''), input_digest) AS hashed",
        ),
    }
    if granularity == spec.windows.grain and held.active:
        sides["verdict"] = verdict_rows(spark, store, spec, held).selectExpr(
            "'verdict' AS side", "window_start", f"xxhash64({own}, {verdict}) AS hashed"
        )
    rows: DataFrame | None = None
    for one in sides.values():
        rows = one if rows is None else rows.unionAll(one)
    assert rows is not None  # noqa: S101
    content = rows.groupBy("side", "window_start").agg(
        F.expr("concat(count(*), ':', bit_xor(hashed))").alias("digest")
    )
    have = (
        spark.table(store.table(OPERATIONS.name))
        .where(f"monitor = {string(spec.monitor)} AND granularity = {string(granularity)}")
        .groupBy("window_start")
        .agg(F.expr("max(input_digest)").alias("digest"))
        .selectExpr("'have' AS side", "window_start", "digest")
    )
    found: dict[str, dict[datetime, str]] = {}
    with few_rows(spark):
        answer = content.unionAll(have).selectExpr(
            "side", "unix_micros(window_start) AS start", "digest"
        )
        for row in answer.collect():
            found.setdefault(row["side"], {})[from_micros(row["start"])] = row["digest"]
    return Due(_chained(found, held, policy), found.get("have", {}))


def _chained(
    found: Mapping[str, Mapping[datetime, str]], held: Held, policy: str
) -> dict[datetime, str]:
    counts = found.get("counts", {})
    starts = sorted(counts)
    digests = {one.snapshot.version: one.snapshot.digest for one in held.own}
    wanted = {}
    for i, start in enumerate(starts):
        before = [counts[one] for one in starts[max(0, i + 1 - TREND_WINDOWS) : i + 1]]
        own = [found.get(side, {}).get(start, "") for side in ("verdict", "bins")]
        version = version_at(held.own, start)
        reference = f"{version}:{digests.get(version, '')}"
        text = "|".join([str(FIGURES_VERSION), policy, held.comparison, reference, *own, *before])
        wanted[start] = hashlib.sha256(text.encode()).hexdigest()
    return wanted

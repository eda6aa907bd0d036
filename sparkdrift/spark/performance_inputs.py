"""What rows of `performance` are made from: stored states of windows and of evaluation sets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.kernels.performance import STORED
from sparkdrift.kernels.performance_rules import NO_SET
from sparkdrift.references.life import Name
from sparkdrift.spark.asked import picked, version_of
from sparkdrift.spark.evaluation_inputs import listed, mature, named_parts
from sparkdrift.spark.profile_tables import STATES
from sparkdrift.spark.reference_life import (
    EVALUATION,
    Active,
    Stored,
    evaluation_sets,
    read_references,
)
from sparkdrift.spark.sql import string
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

# Raised when the figures change without a change of their inputs: all rows are then due.
FIGURES_VERSION = 5
KINDS = ("scores", "errors", "left_out", "baseline", "value")
Sets = Mapping[str, tuple[Active, ...]]
"""By evaluation set: which version is in force from when on."""


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


def window_states(spark: SparkSession, store: Store, spec: MonitorSpec, sets: Sets) -> DataFrame:
    """The states of windows, with set, version and class, by the versions in force for them."""
    stored = spark.table(store.table(STATES.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity IN ({listed(grains(spec))})"
        f" AND kind IN ({listed(KINDS)})"
    )

    parts = (f"{sql} AS {name}" for name, sql in named_parts().items())
    named = stored.selectExpr("*", *parts)
    versions = {name: version_of(active) for name, active in sets.items()}
    none = " AND ".join(f"{version} = 0" for version in versions.values()) or "true"
    cases = " ".join(f"WHEN {string(name)} THEN {version}" for name, version in versions.items())
    in_force = f"CASE evaluation_set {cases} END" if cases else "CAST(NULL AS INT)"
    return named.where(
        f"(evaluation_set = {string(NO_SET)} AND {none}) OR evaluation_version = {in_force}"
    )


def shaped(rows: DataFrame, part: int, own: Mapping[str, str]) -> DataFrame:
    """Rows as the kernel takes them; what they have not is NULL."""
    told = {name: name for name in STORED if name in rows.columns} | {**own, "part": str(part)}
    return rows.selectExpr(
        *(f"CAST({told.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in STORED.items())
    )


def digested(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    sets: Sets,
    policy: str,
    as_of: datetime | None,
) -> DataFrame:
    """(granularity, window_start, input_digest): its states, the sets, maturity and policy."""
    states = window_states(spark, store, spec, sets)
    row = "kind, name, slice_key, slice_value, input_digest"
    per_window = states.groupBy("granularity", "window_start").agg(
        F.expr(f"concat(count(*), ':', bit_xor(xxhash64({row})))").alias("content"),
        F.expr(f"CAST(max({mature(spec, as_of)}) AS STRING)").alias("mature"),
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

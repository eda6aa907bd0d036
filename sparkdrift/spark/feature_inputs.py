"""What the debt of features is made from: profiles, moments by class, references, and digests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels import feature_figures as kernel
from sparkdrift.kernels.feature_course import LOOK
from sparkdrift.spark.asked import version_of
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.class_moments import MOMENTS
from sparkdrift.spark.drift_rows import by_reference, in_force_rows
from sparkdrift.spark.eval_staleness import stale_rows
from sparkdrift.spark.feature_tables import FEATURE_DEBT
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.importance_states import KIND
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.reference_life import Active, References, in_force, own_name, version_at
from sparkdrift.spark.schemas import STATES
from sparkdrift.spark.sql import in_windows, quote, string
from sparkdrift.spark.stale_policy import left_out
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

# Raised when the figures change without a change of their inputs: all rows are then due.
FIGURES_VERSION = 1
_WHOLE = f"slice_key = {string(WHOLE)}"
_LAST = "concentration"
"""The figure that is written last: a window without it is not done."""


def feature_profiles(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    """The profiles of features, whole table: neither score, decision and label, nor metrics."""
    return stored_rows(spark, store, spec, spec.windows.grain).where(
        f"{_WHOLE} AND kind IN ('numeric', 'categorical') AND {is_feature(spec)}"
    )


def is_feature(spec: MonitorSpec) -> str:
    """A predicate: `column_name` is a feature."""
    declared = {one.name for _, _, one in spec.features.declared()}
    outputs = {column for _, column in spec.prediction.columns()} - declared
    others = {*left_out(spec), *outputs, *spec.names_together, ":table"}
    return f"column_name NOT IN ({', '.join(map(string, sorted(others)))})"


def kernel_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    active: Sequence[Active],
    windows: Sequence[Window],
) -> DataFrame:
    """Rows of the kernel's INPUT for these windows."""
    inside = in_windows("window_start", contiguous(windows))
    moments = _moments(spark, store, spec)
    profile = {
        "column_name": "column_name",
        "definition": "definition_hash",
        "kind": "kind",
        "status": "status",
        "reason": "reason",
        "row_count": "row_count",
        "null_count": "coalesce(null_count, 0) + coalesce(nan_count, 0)",
        "distinct_count": "distinct_count",
        "low": "min",
        "high": "max",
        "quantiles": "quantiles",
        "items": "categories.items",
    }
    state = {
        "column_name": "columns[0]",
        "window_start": "window_start",
        "definition": "definition_hash",
        "columns": "columns",
        "cells": "cells",
    }
    at = {"window_start": "window_start", "reference_version": version_of(active)}
    rows = _shaped(
        feature_profiles(spark, store, spec).where(inside), kernel.WINDOW, {**profile, **at}
    ).unionAll(_shaped(moments.where(inside), kernel.STATE, state))
    snapshots = {one.snapshot.version: one.snapshot for one in active}
    for version in by_reference(active, windows):
        snapshot = snapshots.get(version)
        if snapshot is None:
            continue
        numbered = {"reference_version": str(int(version))}
        known = frozen_rows(spark, store, [(own_name(spec), snapshot)]).where(
            f"{_WHOLE} AND kind IN ('numeric', 'categorical')"
        )
        rows = rows.unionAll(_shaped(known, kernel.REFERENCE, {**profile, **numbered}))
        if snapshot.interval is not None and snapshot.windows:
            own = moments.where(in_windows("window_start", [snapshot.interval]))
            rows = rows.unionAll(_shaped(own, kernel.REFERENCE_STATE, {**state, **numbered}))
    return rows


def _moments(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    return spark.table(store.table(STATES.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND kind = {string(MOMENTS)}"
    )


def _shaped(rows: DataFrame, part: int, own: Mapping[str, str]) -> DataFrame:
    told = {**own, "part": str(part)}
    return rows.selectExpr(
        *(
            f"CAST({told.get(name, 'NULL')} AS {kind}) AS {quote(name)}"
            for name, kind in kernel.INPUT.items()
        )
    )


def debt_rows(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    """The rows of one monitor in `feature_debt`, of the grain of its windows."""
    return spark.table(store.table(FEATURE_DEBT.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
    )


@dataclass(frozen=True)
class Digests:
    """By window: the digest that its rows should have, and the one that they have."""

    wanted: Mapping[datetime, str] = field(default_factory=dict)
    have: Mapping[datetime, str] = field(default_factory=dict)


def debt_digests(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    stored: References,
    policy: str,
    token: str,
) -> Digests:
    """What each stored window is made from, in one query. token: which table of importances.

    Courses look LOOK windows back, so a window is due when one of those before it changed; and
    when the moments of a window of its reference did.
    """
    moments = f"kind = {string(MOMENTS)}"
    states = spark.table(store.table(STATES.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND kind IN ({string(MOMENTS)}, {string(KIND)})"
    )
    judged = in_force_rows(spark, store, spec, in_force(spec, stored), policy_hash(spec))
    stale = stale_rows(spark, store, spec).where("figure IN ('ess_ratio', 'thin')")
    shaped = stored_rows(spark, store, spec, spec.windows.grain).where(
        f"{_WHOLE} AND column_name = 'metric:shaped'"
    )
    own = feature_profiles(spark, store, spec)
    hashed = {
        0: (own, "xxhash64(column_name, input_digest)"),
        1: (states.where(moments), "xxhash64(name, input_digest)"),
        2: (states.where(f"NOT {moments}"), "xxhash64(name, input_digest)"),
        3: (
            judged.where(f"{_WHOLE} AND NOT startswith(comparison, 'evaluation:')"),
            "xxhash64(comparison, column_name, status, input_digest)",
        ),
        4: (stale, "xxhash64(evaluation_set, figure, subject, input_digest)"),
        5: (shaped, "xxhash64(column_name, input_digest)"),
    }
    parts = [
        rows.selectExpr(f"{side} AS side", "window_start", f"{sql} AS hashed")
        for side, (rows, sql) in hashed.items()
    ]
    together = parts[0]
    for part in parts[1:]:
        together = together.unionAll(part)
    digest = "concat(count(*), ':', bit_xor(hashed))"
    found = together.groupBy("side", "window_start").agg(F.expr(digest).alias("digest"))
    have = (
        debt_rows(spark, store, spec)
        .where(f"figure = {string(_LAST)}")
        .selectExpr("9 AS side", "window_start", "input_digest AS digest")
    )
    with few_rows(spark):
        answer = (
            found.unionByName(have)
            .selectExpr("side", "unix_micros(window_start) AS start", "digest")
            .collect()
        )
    by_side: dict[int, dict[datetime, str]] = {}
    for row in answer:
        by_side.setdefault(row["side"], {})[from_micros(row["start"])] = row["digest"]
    beside = f"{policy}|{token}|{FIGURES_VERSION}"
    return Digests(_wanted(by_side, stored.active, beside), by_side.get(9, {}))


def _wanted(
    by_side: Mapping[int, Mapping[datetime, str]], active: Sequence[Active], beside: str
) -> dict[datetime, str]:
    starts = sorted(by_side.get(0, {}))
    sides = [by_side.get(side, {}) for side in range(6)]
    of_references = {
        one.snapshot.version: _digest(
            one.snapshot.digest,
            *(
                # Of estimated importances as well: concentration is compared with theirs.
                side[start]
                for side in sides[1:3]
                for start in sorted(side)
                if one.snapshot.interval is not None
                and one.snapshot.interval.start <= start < one.snapshot.interval.end
            ),
        )
        for one in active
    }
    own = [
        _digest(
            beside,
            of_references.get(version_at(active, start), ""),
            *(side.get(start, "") for side in sides),
        )
        for start in starts
    ]
    return {start: _digest(*own[max(0, i - LOOK + 1) : i + 1]) for i, start in enumerate(starts)}


def _digest(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()

"""Which windows of `feature_debt` are due: the digests of all that they are made from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.feature_course import LOOK
from sparkdrift.references.life import covering
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.class_moments import MOMENTS
from sparkdrift.spark.drift_rows import in_force_rows
from sparkdrift.spark.eval_staleness import stale_rows
from sparkdrift.spark.feature_inputs import debt_rows, feature_profiles
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.importance_states import KIND
from sparkdrift.spark.profile_tables import STATES
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.reference_life import Active, References, in_force, version_at
from sparkdrift.spark.sql import string
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

# Raised when the figures change without a change of their inputs: all rows are then due.
FIGURES_VERSION = 1
_WHOLE = f"slice_key = {string(WHOLE)}"
_LAST = "concentration"
"""The figure that is written last: a window without it is not done."""


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
    return Digests(_wanted(by_side, stored, beside), by_side.get(9, {}))


def _wanted(
    by_side: Mapping[int, Mapping[datetime, str]], stored: References, beside: str
) -> dict[datetime, str]:
    active = stored.active
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
    # What concentration is compared with where no reference is an interval.
    first = sides[2][min(sides[2])] if sides[2] else ""
    own = [
        _digest(
            beside,
            first,
            of_references.get(version_at(active, start), ""),
            *(_set_at(own, start) for own in stored.evaluation.values()),
            *(side.get(start, "") for side in sides),
        )
        for start in starts
    ]
    return {start: _digest(*own[max(0, i - LOOK + 1) : i + 1]) for i, start in enumerate(starts)}


def _set_at(active: Sequence[Active], start: datetime) -> str:
    found = covering(active, start)
    return "" if found is None else found.snapshot.digest


def _digest(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()

"""What the debt of features is made from: profiles, moments by class, references, and digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels import feature_figures as kernel
from sparkdrift.references.life import Name
from sparkdrift.spark.asked import picked, version_of
from sparkdrift.spark.class_moments import MOMENTS
from sparkdrift.spark.drift_rows import by_reference
from sparkdrift.spark.feature_tables import FEATURE_DEBT
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.profile_tables import STATES
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.reference_life import (
    EVALUATION,
    References,
    own_name,
)
from sparkdrift.spark.sql import in_windows, quote, string
from sparkdrift.spark.stale_policy import left_out
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

_WHOLE = f"slice_key = {string(WHOLE)}"


def feature_profiles(spark: SparkSession, store: Store, spec: MonitorSpec) -> DataFrame:
    """The profiles of features, whole table: neither score, decision and label, nor metrics."""
    return stored_rows(spark, store, spec, spec.windows.grain).where(
        f"{_WHOLE} AND kind IN ('numeric', 'categorical') AND {is_feature(spec)}"
    )


def is_feature(spec: MonitorSpec) -> str:
    """A predicate: `column_name` is a feature."""
    outputs = {column for _, column in spec.prediction.columns()}
    others = {*left_out(spec), *outputs, *spec.names_together, ":table"}
    return f"column_name NOT IN ({', '.join(map(string, sorted(others)))})"


def kernel_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    stored: References,
    windows: Sequence[Window],
) -> DataFrame:
    """Rows of the kernel's INPUT for these windows."""
    active = stored.active
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
        "low": "`min`",
        "high": "`max`",
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
    at = {
        "window_start": "window_start",
        "reference_version": version_of(active),
        "link": _link(stored),
    }
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
            linked = {"link": string(_of_version(version))}
            rows = rows.unionAll(_shaped(own, kernel.REFERENCE_STATE, {**state, **linked}))
    return _with_sets(spark, store, spec, stored, rows)


def _of_version(version: int) -> str:
    return f"version {int(version)} of the reference"


def _of_set(name: str, version: int) -> str:
    return f"version {int(version)} of the evaluation set {name}"


def _link(stored: References) -> str:
    """SQL: what the moments of a window are held against: the windows of the reference in force,
    else the first evaluation set in force; NULL without either."""
    own = picked(
        stored.active,
        lambda one: string(_of_version(one.snapshot.version)) if one.snapshot.windows else "NULL",
        "NULL",
    )
    sets = [
        picked(
            active,
            lambda one, of=name: string(_of_set(of, one.snapshot.version)),  # type: ignore[misc]
            "NULL",
        )
        for name, active in stored.evaluation.items()
    ]
    return f"coalesce({', '.join([own, *sets, 'NULL'])})"


def _with_sets(
    spark: SparkSession, store: Store, spec: MonitorSpec, stored: References, rows: DataFrame
) -> DataFrame:
    """`rows` with the moments that evaluation sets were frozen with."""
    for name, active in stored.evaluation.items():
        snapshots = {one.snapshot.version: one.snapshot for one in active}
        of = Name(spec.monitor, EVALUATION, name)
        frozen = frozen_rows(spark, store, [(of, one) for one in snapshots.values()])
        words = string(f" of the evaluation set {name}")
        linked = f"concat('version ', CAST(version AS STRING), {words})"
        state = {
            "column_name": "bins.items[0]",
            "definition": "definition_hash",
            "link": linked,
            "columns": "bins.items",
            "cells": "bins.counts",
        }
        own = frozen.where(f"kind = {string(MOMENTS)}")
        rows = rows.unionAll(_shaped(own, kernel.REFERENCE_STATE, state))
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

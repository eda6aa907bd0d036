"""The rows of the table `drift`: which of them are in force, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.spark.asked import version_of
from sparkdrift.spark.dating import Around, Findings, dated
from sparkdrift.spark.drift_tables import DRIFT
from sparkdrift.spark.reference_life import (
    TRAINING,
    Active,
    InForce,
    evaluation_sets,
    version_at,
    with_set,
)
from sparkdrift.spark.sql import string
from sparkdrift.spark.stamping import stamped
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window

SERIES = ("comparison", "slice_key", "slice_value", "column_name")
"""What tells one series of windows from another."""


def in_force_rows(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: InForce, policy: str
) -> DataFrame:
    """The rows of `drift` under this policy and the references in force for their window.

    Those of superseded references and policies stay in the table and don't count here.
    """
    versions = " ".join(
        f"WHEN {string(name)} THEN {version_of(own)}" for name, own in active.items()
    )
    return spark.table(store.table(DRIFT.name)).where(
        f"monitor = {string(spec.monitor)}"
        f" AND comparison IN ({', '.join(map(string, active))})"
        f" AND granularity = {string(spec.windows.grain)} AND policy_hash = {string(policy)}"
        f" AND reference_version = CASE comparison {versions} END"
    )


def write_drift(
    store: Store,
    spec: MonitorSpec,
    rows: DataFrame,
    active: InForce,
    windows: Sequence[Window],
    stored: DataFrame,
    near: Around,
    *,
    policy: str,
    source_version: int | None,
    run_id: str,
) -> None:
    """Make `rows` the drift of `windows`, each under its references and policy, in one commit.

    stored: the rows in force, of which those of the windows `near` are read, or dated again.
    """
    grain = spec.windows.grain
    rows = stamped(
        rows,
        spec,
        grain,
        run_id,
        policy_hash=policy,
        alert_windows=spec.alerts.windows,
        alert_of=spec.alerts.of,
        source_version=source_version,
    ).withColumn("reference_name", F.expr(_reference_name(spec)))
    covered = sorted((*windows, *near.after))
    cases = [
        Case(
            of_version,
            {"comparison": comparison, "reference_version": version, "policy_hash": policy},
        )
        for comparison, own in active.items()
        for version, of_version in by_reference(own, covered).items()
    ]
    scope = Scope(spec.monitor, grain, cases)
    alerts = Findings(
        DRIFT,
        keys=SERIES,
        found="alerting",
        measured="alerting IS NOT NULL",
        columns=("alerting",),
        windows=spec.alerts.windows,
        of=spec.alerts.of,
    )
    rows = dated(rows, stored, near, alerts)
    replace(store, DRIFT, rows, scope, run_id=run_id, files=1 + len(covered) * len(active) // 180)


def _reference_name(spec: MonitorSpec) -> str:
    """SQL for the name of the reference that a row's comparison reads."""
    others = {TRAINING: TRAINING, **{with_set(name): name for name in evaluation_sets(spec)}}
    cases = " ".join(f"WHEN {string(one)} THEN {string(name)}" for one, name in others.items())
    own = string(spec.reference.name) if spec.reference else "CAST(NULL AS STRING)"
    return f"CASE comparison {cases} ELSE {own} END"


def by_reference(active: Sequence[Active], windows: Sequence[Window]) -> dict[int, list[Window]]:
    """The windows that each version is in force for at their start; 0 where none is."""
    found: dict[int, list[Window]] = {}
    for window in windows:
        found.setdefault(version_at(active, window.start), []).append(window)
    return found

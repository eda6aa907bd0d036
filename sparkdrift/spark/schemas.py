"""The tables: names, keys, columns, types and comments, in one place.

A results table is rewritten window by window; a log table only grows, but for an erasure.
"""

from __future__ import annotations

from sparkdrift.spark.drift_tables import ASSUMPTIONS, DRIFT
from sparkdrift.spark.evaluation_tables import EVAL_STALENESS, PERFORMANCE, PROPOSALS
from sparkdrift.spark.feature_tables import FEATURE_DEBT
from sparkdrift.spark.health_tables import HEALTH_EVENTS, MODEL_HEALTH, TRIGGERS
from sparkdrift.spark.operation_tables import OPERATIONS
from sparkdrift.spark.profile_tables import PROFILES, STATES
from sparkdrift.spark.reference_tables import (
    DEBT_EVENTS,
    REFERENCE_CHECKS,
    REFERENCE_EVENTS,
    REFERENCE_PROFILES,
    REFERENCE_SNAPSHOTS,
)
from sparkdrift.spark.table import Column, Table

# Raised when a column or a property is added; `migrate` brings older stores up to it.
STORE_VERSION = 10

RUNS = Table(
    "runs",
    "log",
    "What ran: one row when a step finds work, one when it ends",
    ("monitor", "run_id", "step", "attempt", "phase"),
    (
        Column("monitor", "string", "Id of the monitor"),
        Column("run_id", "string", "Id of the run, given by the scheduler or made up"),
        Column(
            "step",
            "string",
            "profile, snapshot, drift, assumptions or reference; prune and a grain; forget",
        ),
        Column("attempt", "int", "Number of the attempt with this run_id"),
        Column("phase", "string", "STARTED, SUCCEEDED or FAILED"),
        Column("at", "timestamp", "When the step started or ended"),
        Column(
            "inputs",
            "array<struct<role:string,table_id:string,version:bigint>>",
            "Delta tables that were read, and their versions",
        ),
        Column("as_of", "timestamp", "Event time up to which windows counted as closed"),
        Column("windows", "bigint", "Windows written"),
        Column("rows_scanned", "bigint", "Source rows whose values were read"),
        Column("seconds", "double", "Wall time"),
        Column("scope_digest", "string", "Digests of the windows and the definitions covered"),
        Column("policy_hash", "string", "Digest of the thresholds and the name of the reference"),
        Column("warnings", "array<string>", "What the reader should know"),
        Column("error", "string", "Why it failed"),
        Column("package_version", "string", "sparkdrift version that wrote the row"),
    ),
)

TABLES = (
    PROFILES,
    STATES,
    REFERENCE_SNAPSHOTS,
    REFERENCE_PROFILES,
    REFERENCE_EVENTS,
    REFERENCE_CHECKS,
    DEBT_EVENTS,
    DRIFT,
    ASSUMPTIONS,
    PERFORMANCE,
    EVAL_STALENESS,
    FEATURE_DEBT,
    PROPOSALS,
    OPERATIONS,
    MODEL_HEALTH,
    HEALTH_EVENTS,
    TRIGGERS,
    RUNS,
)

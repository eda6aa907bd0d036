"""References: versions, what they hold, what happened to them, and what is owed."""

from __future__ import annotations

from sparkdrift.spark.profile_tables import FIGURES, STATE
from sparkdrift.spark.table import REFERENCE, SLICE, WRITTEN, Column, Table

REFERENCE_SNAPSHOTS = Table(
    "reference_snapshots",
    "log",
    "References: immutable, numbered copies of sketches to compare windows with",
    ("monitor", "role", "name", "version"),
    (
        *REFERENCE,
        Column("version", "int", "Number of the reference, from 1"),
        Column("source", "string", "Table it was taken from"),
        Column("source_filter", "string", "Condition on its rows; NULL: all of them"),
        Column("source_id", "string", "Delta id of that table"),
        Column("source_version", "bigint", "Delta version of that table"),
        Column("interval_start", "timestamp", "First instant covered (UTC); NULL: not by time"),
        Column("interval_end", "timestamp", "First instant no longer covered (UTC)"),
        Column("granularity", "string", "Grain of the windows it was merged from"),
        Column("windows", "int", "Windows it was merged from; 0: read in one scan"),
        Column("rows", "bigint", "Rows it holds"),
        Column("k_effective", "int", "KLL size that bounds its error"),
        Column("parent", "int", "Version it replaces"),
        Column("digest", "string", "Digest of its content"),
        Column("created_at", "timestamp", "When it was written"),
        Column("created_by", "string", "Who wrote it"),
        Column("note", "string", "Free text"),
        Column(
            "newest_event",
            "timestamp",
            "The day (UTC) of its newest row, of an interval its end; NULL: not known, as of a "
            "table without the timestamp column, and in references of older stores",
        ),
        Column(
            "declared",
            "string",
            "Of an evaluation set: the thresholds, and what the dashboard showed, as the spec said "
            "when it was frozen, as JSON",
        ),
        *WRITTEN,
    ),
)

REFERENCE_PROFILES = Table(
    "reference_profiles",
    "log",
    "What each reference holds, per slice and feature, with its bins",
    ("monitor", "role", "name", "version", "run_id", "slice_key", "slice_value", "column_name"),
    (
        *REFERENCE,
        Column("version", "int", "Number of the reference"),
        *SLICE,
        *FIGURES,
        *STATE,
        Column(
            "bins",
            "struct<edges:array<double>,items:array<string>,counts:array<double>>",
            "Bins of the comparison: inner upper edges or items, and the rows in each; of a pair "
            "(column_name ':pair' and its features), its features and its state, as in `states`; "
            "of an evaluation set's scores (':scores', ':scores:CLASS', ':errors') edges and "
            "state, of the value of its rows (':value') rows, sum and sum of squares by bin, of "
            "its features by class of the label (':class_moments[FEATURE, CLASS]') the state",
        ),
        Column(
            "window_bins",
            "array<struct<window_start:timestamp,k:int,counts:array<double>>>",
            "Each window of the reference: the rows in its bins, k NULL while the sketch is exact; "
            "of a metric, its value and the noise that its rows leave; of a pair, its state",
        ),
        Column(
            "window_shares",
            "array<struct<window_start:timestamp,rows:bigint,nulls:bigint,nans:bigint,"
            "infinites:bigint>>",
            "Each window of the reference: its rows, and how many of them were NULL, NaN or "
            "infinite; NULL in references of older stores",
        ),
        Column(
            "window_unseen",
            "array<bigint>",
            "Of categories, each window of window_shares: its rows in categories that no other "
            "window of the reference lists; NULL in references of older stores",
        ),
        Column(
            "key_sketch",
            "binary",
            "Of column_name ':key' alone: Apache DataSketches theta sketch of the rows' keys "
            "(prediction.key), hashes and no key; distinct_count has their number, null_count the "
            "rows without one",
        ),
        Column("status", "string", "ok, insufficient_data or schema_changed"),
        Column("reason", "string", "Why the status is not ok"),
        Column("definition_hash", "string", "Digest of what gives the row its meaning"),
        *WRITTEN,
    ),
)

REFERENCE_EVENTS = Table(
    "reference_events",
    "log",
    "What happened to references: who put which version in force, from when, and why",
    ("monitor", "role", "name", "seq"),
    (
        *REFERENCE,
        Column(
            "seq", "bigint", "Number of the event, from 1; the highest that applies is in force"
        ),
        Column("version", "int", "Version of the reference that it concerns"),
        Column(
            "action",
            "string",
            "propose (a candidate), activate, force (activate although the gate blocks), retire, "
            "reject, export (written to the file that `reason` names) or erase (its rows are gone)",
        ),
        Column("effective_from", "timestamp", "First window start (event time) that it applies to"),
        Column("created_at", "timestamp", "When it was written"),
        Column("created_by", "string", "Who decided"),
        Column("reason", "string", "Why"),
        Column(
            "gate",
            "string",
            "What the gate said of a promotion: passed or blocked; NULL where it was not asked: of "
            "a monitor's first baseline, of one that goes back into force, and in older stores; "
            "erasure where an erasure wrote anew what was in force",
        ),
        *WRITTEN,
    ),
)

REFERENCE_CHECKS = Table(
    "reference_checks",
    "log",
    "What the gate found when a version of a reference was to be promoted: a row for each check",
    ("monitor", "role", "name", "version", "run_id", "check_name", "column_name"),
    (
        *REFERENCE,
        Column("version", "int", "Version that was to be promoted"),
        Column("run_id", "string", "Run that asked; also that of the event it led to"),
        Column(
            "check_name",
            "string",
            "sample size, schema, domain, step, creep, contamination, labels, shaped or overlap",
        ),
        Column("column_name", "string", "Feature; ':table' for the version as a whole"),
        Column(
            "verdict",
            "string",
            "passed, warned, blocked (also where it was to be measured and is not: value is NULL "
            "then) or not_measured: there was nothing to measure",
        ),
        Column("value", "double", "What was found, in the unit that reason names"),
        Column("limit_value", "double", "The limit that it was held against"),
        Column("against_version", "int", "Version that it was held against"),
        Column("reason", "string", "The verdict in words"),
        Column("checked_at", "timestamp", "When it was written"),
        Column("package_version", "string", "sparkdrift version that wrote the row"),
    ),
)

DEBT_EVENTS = Table(
    "debt_events",
    "log",
    "What is owed: each debt's events, with owner and evidence",
    ("monitor", "debt", "seq"),
    (
        Column("monitor", "string", "Id of the monitor"),
        Column("debt", "string", "What the debt is, the same in all of its events"),
        Column("seq", "int", "Number of the event of this debt, from 1"),
        Column("kind", "string", "data, feature, evaluation, feedback or ownership"),
        Column(
            "action",
            "string",
            "opened, seen (it changed), reopened (a waiver is over), escalated (it is overdue), "
            "closed; acknowledged, waived, assigned: what somebody said; corrected: rows changed, "
            "what followed of this debt from here on is taken back",
        ),
        Column("window_start", "timestamp", "Event time from which on it counts"),
        Column("owner", "string", "Who answers for it from here on"),
        Column("until", "timestamp", "Of waived: up to when, in event time"),
        Column("severity", "string", "minor, major or critical"),
        Column("cost", "double", "Cost per window in business units; NULL: not known"),
        Column("evidence", "string", "What it rests on, in words"),
        Column("reason", "string", "Why it was accepted, or is settled"),
        Column("created_at", "timestamp", "When it was written"),
        Column("created_by", "string", "Who decided"),
        *WRITTEN,
    ),
)

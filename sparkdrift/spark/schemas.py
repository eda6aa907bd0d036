"""The tables: names, keys, columns, types and comments, in one place.

A results table is rewritten window by window; a log table only grows, but for an erasure.
"""

from __future__ import annotations

from sparkdrift.spark.evaluation_tables import EVAL_STALENESS, PERFORMANCE, PROPOSALS
from sparkdrift.spark.feature_tables import FEATURE_DEBT
from sparkdrift.spark.health_tables import HEALTH_EVENTS, MODEL_HEALTH, TRIGGERS
from sparkdrift.spark.operation_tables import OPERATIONS
from sparkdrift.spark.table import (
    DERIVED,
    REFERENCE,
    SLICE,
    WINDOW,
    WRITTEN,
    Column,
    Table,
)

# Raised when a column is added; `migrate` brings older stores up to it.
STORE_VERSION = 8

_ITEMS = "array<struct<item:string,count:bigint>>"


FIGURES = (
    Column("kind", "string", "numeric, categorical or metric; table for ':table'"),
    Column(
        "data_type",
        "string",
        "Type of the column when it was read; of an expression, vector or text: of its value",
    ),
    Column("row_count", "bigint", "Rows in the window and slice"),
    Column("null_count", "bigint", "Rows where the feature is NULL"),
    Column("nan_count", "bigint", "Rows where it is NaN"),
    Column("positive_infinity_count", "bigint", "Rows where it is +Infinity"),
    Column("negative_infinity_count", "bigint", "Rows where it is -Infinity"),
    Column("distinct_count", "bigint", "Distinct values: exact for categories, estimated else"),
    Column("mean", "double", "Mean of the finite values"),
    Column("stddev", "double", "Population standard deviation of the finite values"),
    Column("min", "double", "Smallest finite value, to the 53 bits of a double"),
    Column("max", "double", "Largest finite value, to the 53 bits of a double"),
    Column("zeros", "bigint", "Rows where it is exactly 0"),
    Column("min_length", "int", "Shortest text, in characters"),
    Column("max_length", "int", "Longest text, in characters"),
    Column("avg_length", "double", "Mean length of the texts, in characters"),
    Column("value", "double", "Value of a custom metric"),
    Column("quantiles", "array<double>", "Approximate quantiles at 0, 0.01, ... 1"),
    Column("frequent_items", _ITEMS, "The 20 most frequent values with their counts"),
)
STATE = (
    Column("kll", "binary", "Apache DataSketches KLL sketch of the finite values"),
    Column(
        "categories",
        f"struct<items:{_ITEMS},offset:bigint,total:bigint,exact:boolean>",
        "Mergeable counts: an item that is not listed occurs at most `offset` times",
    ),
    Column("hll", "binary", "Apache DataSketches HLL sketch of the distinct values"),
    Column(
        "moments",
        "struct<n:bigint,mean:double,m2:double>",
        "Finite rows, mean, sum of squared deviations",
    ),
    Column(
        "cells",
        "array<struct<merge:string,value:double>>",
        "What a custom metric is computed from; each cell says how it merges",
    ),
    Column("sample_weight", "double", "Rows that one sketched row stands for"),
    Column(
        "effective_rows",
        "double",
        "Evenly sampled rows that a merged sketch is worth; NULL: as many as it holds",
    ),
    Column("state_version", "int", "Format of the stored state"),
)

PROFILES = Table(
    "profiles",
    "results",
    "What each closed window held: one row per window, slice and feature",
    ("monitor", "window_start", "granularity", "slice_key", "slice_value", "column_name"),
    (
        *WINDOW,
        *SLICE,
        *FIGURES,
        *STATE,
        Column("fingerprint", "string", "Digest of which rows of which data files the window has"),
        Column("status", "string", "ok, insufficient_data, schema_changed or source_unavailable"),
        Column("reason", "string", "Why the status is not ok"),
        *DERIVED,
    ),
)

STATES = Table(
    "states",
    "results",
    "Mergeable state besides profiles: one row per window, slice, kind and name",
    ("monitor", "window_start", "granularity", "slice_key", "slice_value", "kind", "name"),
    (
        *WINDOW,
        Column("slice_key", "string", "'*': the whole table; else as in profiles"),
        Column("slice_value", "string", "'*': the whole table; else as in profiles"),
        Column(
            "kind",
            "string",
            "pairs: what the correlation of two features is computed from; scores, errors: what a "
            "model's scores and labels say, by score bin; baseline: the simple rule on the same "
            "rows; value: what labelled rows are worth; arrival, labels: how late labels come, and "
            "what is odd about them; operations: rows with an event, by score bin; class_moments: "
            "a feature by class of the label; importance: how much features count for the score, "
            "estimated from a sample",
        ),
        Column(
            "name",
            "string",
            "What it is of: of a pair, its features as a JSON array; of scores SET:VERSION, the "
            "evaluation set whose edges cut the bins (':none:0': there is none), and :CLASS; of "
            "class_moments feature and class as a JSON array; of importance the model's version",
        ),
        Column(
            "columns",
            "array<string>",
            "The features that it is of; of arrival and labels, what the numbers count; of "
            "operations the signals; of class_moments the feature, the class (NULL: the label is "
            "a number), and categories; of importance why there is none, or '', and the features",
        ),
        Column(
            "cells",
            "array<double>",
            "The state. Of a pair, over the rows in which both are finite: rows, mean of the first "
            "and second, sum of squared deviations of each, sum of their cross products. Of scores "
            "bin by bin: rows, labelled, positives, sums of scores, of labelled scores and of "
            "squared losses, decisions known, positive decisions, TP, FP, FN, TN; then the rows "
            "without score, with one outside [0, 1], and with an odd label. Of errors, bin by bin: "
            "rows, unusable ones, sums of |e|, e^2, e^4, e, targets that are not 0, sums of "
            "|e / target| and its square. Of a baseline TP, FP, FN, TN, or as errors. Of value "
            "rows, sum, sum of squares. Of operations bin by bin, for each signal: rows of which "
            "it is known, rows with the event. Of class_moments, of labelled rows: of a number "
            "rows, mean and sum of squared deviations; of a category rows by category; where the "
            "label is a number as of a pair, or rows, mean and squared deviations of it by "
            "category. Of importance rows, H, its error, the share of each feature, then their "
            "errors",
        ),
        Column("fingerprint", "string", "That of the profile it was made with; another: stale"),
        *DERIVED,
    ),
)

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
            "Event time of its newest row, of an interval its end; NULL: not known, as of a table "
            "without the timestamp column, and in references of older stores",
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
            "a first version, of one that goes back into force, and in older stores; erasure where "
            "an erasure wrote anew what was in force",
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
        Column("verdict", "string", "passed, warned, blocked or not_measured"),
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

DRIFT = Table(
    "drift",
    "results",
    "How far each window is from its reference: one row per window, slice, feature and comparison",
    (
        "monitor",
        "window_start",
        "granularity",
        "slice_key",
        "slice_value",
        "column_name",
        "comparison",
        "reference_version",
        "policy_hash",
    ),
    (
        *WINDOW,
        *SLICE[:2],
        Column(
            "column_name",
            "string",
            "Feature; 'metric:NAME' for a custom metric; ':inputs' for all inputs together; the "
            "name of a vector for its projections together",
        ),
        Column(
            "comparison",
            "string",
            "What it is compared with: baseline, consecutive, seasonal, origin, training; "
            "evaluation:NAME, an evaluation set; unshaped: rows that the model shaped, with the "
            "others of their window",
        ),
        Column("reference_name", "string", "Name of the reference that the spec asks for"),
        Column(
            "reference_version",
            "int",
            "Version of the reference, of consecutive and seasonal that which the bins are of; "
            "0: there was none in force",
        ),
        Column("policy_hash", "string", "Digest of the thresholds and the name of the reference"),
        Column("status", "string", "Verdict on this window alone; 'ok' only where it was measured"),
        Column("reason", "string", "The verdict in words"),
        Column(
            "explanation",
            "string",
            "Where the window alerts: what moved, how far, what carried it, and in which slice",
        ),
        Column(
            "since",
            "timestamp",
            "Start of the first window of the alert that stands in this window, or that it counts "
            "towards; NULL: none",
        ),
        Column("psi", "double", "Population stability index"),
        Column("psi_error", "double", "Error that the sketches can add to psi (99 %)"),
        Column("js_distance", "double", "Jensen-Shannon distance, base 2, 0 to 1"),
        Column(
            "js_error",
            "double",
            "Error that the sketches (99 %) or untracked categories can add to js_distance",
        ),
        Column("ks_statistic", "double", "Largest gap between the two cumulative distributions"),
        Column("ks_error", "double", "Error that the sketches can add to ks_statistic (99 %)"),
        Column("ks_pvalue", "double", "Chance of such a gap without drift"),
        Column(
            "wasserstein_distance",
            "double",
            "Mean move of the values, in robust sd: the reference's interquartile range / 1.349 "
            "(its sd where that is 0); of a vector, in its spread over the projections",
        ),
        Column("wasserstein_error", "double", "Error that the sketches can add to it (99 %)"),
        Column("tv_distance", "double", "Total variation distance of the shares, 0 to 1"),
        Column("tv_error", "double", "Error that untracked categories can add to it"),
        Column("l_infinity_distance", "double", "Largest change of one category's share"),
        Column("l_infinity_error", "double", "Error that untracked categories can add to it"),
        Column("chi2_statistic", "double", "Chi-square of the binned counts"),
        Column("chi2_pvalue", "double", "Chance of such a chi-square without drift"),
        Column("d_statistic", "double", "Pooled squared distance of the bin shares, D"),
        Column(
            "effect",
            "double",
            "Debiased size of the shift, in units of effect_size: that of a normal distribution, "
            "in its sd, which shows the same D; of a metric, in sd between the reference's windows",
        ),
        Column("effect_low", "double", "Lower end of its 95 % interval"),
        Column("effect_high", "double", "Upper end of its 95 % interval"),
        Column(
            "n_eff",
            "double",
            "Rows that the comparison is worth, sketch error included; of a metric, windows",
        ),
        Column(
            "p_unusual", "double", "Chance of D given how much the reference's own windows vary"
        ),
        Column("p_material", "double", "Chance of D if the shift were too small to matter"),
        Column("q_value", "double", "p_unusual after Benjamini-Hochberg over the window"),
        Column("power", "double", "Chance to find a shift of effect_size in this family"),
        Column("null_delta", "double", "Change of the share of NULLs"),
        Column("nan_delta", "double", "Change of the share of NaNs"),
        Column("infinite_delta", "double", "Change of the share of infinite values"),
        Column("new_category_share", "double", "Share of rows in categories the reference lacks"),
        Column("new_category_error", "double", "Error that untracked categories can add to it"),
        Column(
            "new_categories",
            _ITEMS,
            "The most frequent of them; none where the reference dropped categories itself",
        ),
        Column("vanished_share", "double", "Reference share of categories the window lacks"),
        Column("vanished_error", "double", "Error that untracked categories can add to it"),
        Column("out_of_range_share", "double", "Share of rows outside the reference's range"),
        Column("below_range_share", "double", "The part of it below the range, as a share of rows"),
        Column(
            "joint",
            "double",
            "Of ':inputs': the average over all inputs of -ln p_unusual, 1 without drift",
        ),
        Column(
            "stratum",
            "string",
            "Weekday or hour of the reference's windows that effect and its tests are against; "
            "NULL: all of them",
        ),
        Column(
            "magnitude",
            "double",
            "The largest change that alerts, in multiples of its limit, at most 1000; NULL: none",
        ),
        Column("importance", "double", "How much the feature counts, by the spec; 1 as usual"),
        Column(
            "severity",
            "string",
            "minor, major or critical for drift, by magnitude times importance; warning; NULL",
        ),
        Column(
            "alerting",
            "boolean",
            "Whether this window counts towards an alert; NULL: it neither raises nor clears one, "
            "as with all comparisons that alerts.comparisons does not name",
        ),
        Column("suppression", "string", "Why the window calls nobody; NULL: it is not suppressed"),
        Column("alert_windows", "int", "So many alerting windows raise an alert ..."),
        Column("alert_of", "int", "... out of so many measured ones in succession"),
        Column("row_count", "bigint", "Rows in the window and slice"),
        Column(
            "shift",
            "double",
            "Signed shift by ranks (positive: up): that of a normal distribution, in its sd, which "
            "puts as many values above the reference's; like effect, against the stratum where "
            "there is one; of a metric, its deviation in sd between the reference's windows; NULL "
            "for categories",
        ),
        Column(
            "carriers",
            "array<struct<item:string,reference:double,share:double>>",
            "The bins or categories whose share changed most, with both shares, `reference` being "
            "the stratum where there is one; of ':inputs' the features that moved most, `share` "
            "being their part of the shift; at most 10",
        ),
        Column(
            "earlier_start",
            "timestamp",
            "Start of the earlier window that it is compared with; NULL: a reference, or none",
        ),
        *DERIVED,
    ),
)

ASSUMPTIONS = Table(
    "assumptions",
    "results",
    "What must hold of each window, learned from the reference or declared, and whether it does",
    (
        "monitor",
        "window_start",
        "granularity",
        "slice_key",
        "slice_value",
        "column_name",
        "other_column",
        "assumption",
        "reference_version",
        "policy_hash",
    ),
    (
        *WINDOW,
        Column("slice_key", "string", "'*': the whole table"),
        Column("slice_value", "string", "'*': the whole table"),
        Column("column_name", "string", "Feature"),
        Column("other_column", "string", "The other feature of a pair; NULL: there is none"),
        Column(
            "assumption",
            "string",
            "range, domain, not_null, monotone or independence; none: no check applies",
        ),
        Column("reference_name", "string", "Name of the reference that the spec asks for"),
        Column("reference_version", "int", "Version of the reference; 0: there was none in force"),
        Column("policy_hash", "string", "Digest of what is assumed and of the reference's name"),
        Column("status", "string", "violated, warning, ok, or why it was not measured"),
        Column("reason", "string", "The verdict in words"),
        Column(
            "since",
            "timestamp",
            "Of a violated one: start of the first window of those in a row that are violated, "
            "windows that were not measured aside",
        ),
        Column("source", "string", "declared in the spec, or learned from the reference"),
        Column("expected", "string", "What is assumed, in words"),
        Column(
            "value",
            "double",
            "What is held against `limit`: the violating share; of a pair, the change of its "
            "correlation; of a monotone feature, the step of its median, or its correlation",
        ),
        Column("low", "double", "Lower end of what `value` can be: 95 %, or the sketch's bound"),
        Column("high", "double", "Upper end of it"),
        Column("limit", "double", "From which value on it is violated"),
        Column("rows", "bigint", "Rows that could break it"),
        Column("violations", "bigint", "Rows that did; of pairs and order NULL"),
        Column("share", "double", "Part of the rows that did"),
        Column("correlation", "double", "Pearson's r of a pair in this window"),
        Column("examples", "array<string>", "Values that broke it, as the spec allows to show"),
        Column("p_unusual", "double", "Chance of this without a change"),
        Column("p_material", "double", "Chance of this if the change were the limit"),
        Column("q_value", "double", "p_unusual after Benjamini-Hochberg over the window"),
        Column("power", "double", "Learned shares, pairs: chance to notice twice the limit"),
        *DERIVED,
    ),
)

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

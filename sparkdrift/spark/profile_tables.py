"""What is stored of each window: profiles, and mergeable states beside them."""

from __future__ import annotations

from collections.abc import Mapping

from sparkdrift.spark.table import DERIVED, ITEMS, SLICE, WINDOW, Column, Table

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
    Column("frequent_items", ITEMS, "The 20 most frequent values with their counts"),
)

STATE = (
    Column("kll", "binary", "Apache DataSketches KLL sketch of the finite values"),
    Column(
        "categories",
        f"struct<items:{ITEMS},offset:bigint,total:bigint,exact:boolean>",
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
        Column(
            "label_version",
            "bigint",
            "Version of the table of labels that is counted in it; NULL: it has none",
        ),
        Column(
            "counted",
            "string",
            "Digest of the slices, signals and features that were counted together: labels are "
            "added to what was counted alike; NULL: of other kinds",
        ),
        *DERIVED,
    ),
)

NOT_OF_LABELS: Mapping[str, None] = {"label_version": None, "counted": None}
"""What states have in these columns that no label is counted in."""

"""How far windows are from their references, and what does not hold of them."""

from __future__ import annotations

from sparkdrift.spark.table import DERIVED, ITEMS, SLICE, WINDOW, Column, Table

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
            "alerting_tests",
            "array<string>",
            "Where the window alerts: which tests do: shift (the distance), null, nan, infinite, "
            "new, range, rare_value, rare_category, single_value, single_category, "
            "grown_category; NULL: none does, or it was judged before store version 10",
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
            ITEMS,
            "The most frequent of them; none where the reference dropped categories itself",
        ),
        Column("vanished_share", "double", "Reference share of categories the window lacks"),
        Column("vanished_error", "double", "Error that untracked categories can add to it"),
        Column("out_of_range_share", "double", "Share of rows outside the reference's range"),
        Column("below_range_share", "double", "The part of it below the range, as a share of rows"),
        Column(
            "min_shift",
            "double",
            "How far the minimum is above that of what it is compared with (negative: below), in "
            "robust sd as wasserstein_distance; exact but for that unit",
        ),
        Column("p001_shift", "double", "The same of the 0.1 % quantile"),
        Column("p001_error", "double", "Error that the sketches can add to it (99 %)"),
        Column("p999_shift", "double", "The same of the 99.9 % quantile"),
        Column("p999_error", "double", "Error that the sketches can add to it (99 %)"),
        Column("max_shift", "double", "The same of the maximum; exact but for that unit"),
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

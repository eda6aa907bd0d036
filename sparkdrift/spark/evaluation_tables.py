"""The tables of evaluation: performance, what of it went stale, and what is proposed."""

from __future__ import annotations

from sparkdrift.spark.table import DERIVED, SLICE, WINDOW, WRITTEN, Column, Table

_SET = (
    Column("evaluation_set", "string", "Name of the evaluation set; ':none': there is none"),
    Column("evaluation_version", "int", "Its version in force at the window's start; 0: none"),
)
_INTERVAL = "Lower end of its 95 % interval"

PERFORMANCE = Table(
    "performance",
    "results",
    "How well the model did: one row per window, slice, evaluation set and metric",
    (
        *("monitor", "window_start", "granularity", "slice_key", "slice_value"),
        *("evaluation_set", "metric", "class_name"),
    ),
    (
        *WINDOW,
        *SLICE[:2],
        _SET[0],
        Column(
            "metric",
            "string",
            "accuracy, precision, recall, f1, specificity, roc_auc, average_precision, brier, "
            "prevalence, decision_rate, mae, rmse, mape, bias, business_value; of a slice against "
            "all others: statistical_parity, equal_opportunity, predictive_parity",
        ),
        Column("class_name", "string", "Class that it is of; '*': all, or the positive one"),
        _SET[1],
        Column("rows", "bigint", "Rows with a usable score"),
        Column("labelled", "bigint", "Those of them whose label is known"),
        Column(
            "unusable",
            "bigint",
            "Rows left out, score missing or not in [0, 1], and rows whose odd label is left out",
        ),
        Column("mature", "boolean", "Whether all labels should have arrived: label_delay is over"),
        Column("estimated", "double", "What the evaluation set lets expect, without labels"),
        Column("estimated_low", "double", _INTERVAL),
        Column("estimated_high", "double", "Upper end"),
        Column("realised", "double", "What the labels show"),
        Column("realised_low", "double", _INTERVAL),
        Column("realised_high", "double", "Upper end"),
        Column("evaluated", "double", "What the evaluation set itself shows, in the same slice"),
        Column("evaluated_low", "double", _INTERVAL),
        Column("evaluated_high", "double", "Upper end"),
        Column("baseline", "double", "What the declared simple baseline reaches on the same rows"),
        Column("skill", "double", "1: perfect, 0: no better than the baseline, below 0: worse"),
        Column("ess_ratio", "double", "Effective share of the evaluation set on the window's mix"),
        Column("outside", "double", "Share of rows in score bins that the evaluation set lacks"),
        Column(
            "concept_drift",
            "boolean",
            "Whether the realised value is outside what the evaluation set lets expect of the "
            "labelled rows (by chance in about 1 % of windows and slices, over all metrics); NULL: "
            "not measured",
        ),
        Column(
            "loss",
            "double",
            "Lost against the evaluation set by what labels show, in the metric's unit; below 0: "
            "gained; NULL: the labels are not all due, or not known",
        ),
        Column(
            "loss_value",
            "double",
            "The same in business units: of a window's grain and the whole table by "
            "degraded.value_per_point, of any row by a payoff; NULL: not priced",
        ),
        Column(
            "estimated_loss",
            "double",
            "Where `loss` is NULL: what the evaluation set lets expect to be lost, which labels "
            "have not confirmed",
        ),
        Column("estimated_loss_low", "double", _INTERVAL),
        Column("estimated_loss_high", "double", "Upper end"),
        Column(
            "estimated_loss_value",
            "double",
            "The same in business units; NULL: not priced, or the estimate may not be relied upon",
        ),
        Column(
            "basis",
            "string",
            "What loss and status rest on: realised (labels) or estimated (the evaluation set); "
            "NULL: on neither",
        ),
        Column(
            "status",
            "string",
            "ok, degraded, insufficient_data, undetermined, no_reference; NULL: shown, not judged, "
            "as prevalence is",
        ),
        Column("reason", "string", "The status in words"),
        Column("policy_hash", "string", "Digest of the limits and what counts as degraded"),
        *DERIVED,
    ),
)

EVAL_STALENESS = Table(
    "eval_staleness",
    "results",
    "Whether the evaluation still fits: one row per window, evaluation set and figure",
    ("monitor", "window_start", "granularity", "evaluation_set", "figure", "subject"),
    (
        *WINDOW,
        *_SET,
        Column(
            "figure",
            "string",
            "eval_age, training_age, gap_max, gap_mean, outside, thin, ess_ratio, decision_rate, "
            "threshold_age, prior_shift, calibration_error, calibration_slope, "
            "calibration_intercept, brier, outcome_link, outcome_decay, acceptance_limit, "
            "reweighted, missing_slices, blind_spot, dashboard",
        ),
        Column(
            "subject", "string", "What it is of: a threshold, metric or feature; '*': the whole set"
        ),
        Column("value", "double", "The figure; NULL: not measured"),
        Column("low", "double", _INTERVAL),
        Column("high", "double", "Upper end"),
        Column(
            "threshold_low",
            "double",
            "Below which it warns as well: of decision_rate, prior_shift, calibration_slope and "
            "calibration_intercept; NULL: it has an upper limit only",
        ),
        Column("threshold", "double", "From where on it warns; of ess_ratio: below which"),
        Column("unit", "string", "days, share, points (1: 0.01 of a share), sd, or of the metric"),
        Column(
            "status",
            "string",
            "ok, warning, drifted, insufficient_data, undetermined, no_reference; of blind_spot "
            "and dashboard "
            "green, amber, red",
        ),
        Column("reason", "string", "The status in words"),
        Column(
            "since",
            "timestamp",
            "Of a red blind_spot: start of the first window since which it is red without a break, "
            "in which the dashboard should have turned",
        ),
        Column("policy_hash", "string", "Digest of the limits"),
        *DERIVED,
    ),
)

PROPOSALS = Table(
    "proposals",
    "log",
    "What is proposed and changes nothing by itself: thresholds, and rows to label",
    ("monitor", "kind", "name", "seq"),
    (
        Column("monitor", "string", "Id of the monitor"),
        Column("kind", "string", "threshold or sample"),
        Column("name", "string", "The threshold, or the evaluation set to refresh"),
        Column("seq", "bigint", "Number of the proposal, from 1"),
        Column("evaluation_version", "int", "Version of the evaluation set that it rests on"),
        Column("window_start", "timestamp", "First instant of the windows it is for (UTC)"),
        Column("window_end", "timestamp", "First instant after them (UTC)"),
        Column("target", "string", "What it is to restore, as the spec says"),
        Column("present", "double", "The threshold now, or the ESS ratio now"),
        Column("proposed", "double", "The threshold proposed, or the ESS ratio it would bring"),
        Column("low", "double", _INTERVAL),
        Column("high", "double", "Upper end"),
        Column("reached_now", "double", "What the present threshold reaches of the target"),
        Column("reached_then", "double", "What the proposed one would reach"),
        Column("rows", "bigint", "Rows it rests on, or rows to label"),
        Column("destination", "string", "Table with the rows to label"),
        Column("at", "timestamp", "When it was made"),
        Column("by", "string", "Who asked for it"),
        Column("reason", "string", "In words"),
        *WRITTEN,
    ),
)

"""The table of operations: how a model is worked with, without any label."""

from __future__ import annotations

from sparkdrift.spark.table import DERIVED, SLICE, WINDOW, Column, Table

OPERATIONS = Table(
    "operations",
    "results",
    "How the model is worked with, label-free: one row per window, slice and declared signal",
    ("monitor", "window_start", "granularity", "slice_key", "slice_value", "signal"),
    (
        *WINDOW,
        *SLICE[:2],
        Column("signal", "string", "Name of the signal in the spec; its metric is metric:SIGNAL"),
        Column(
            "kind",
            "string",
            "override, escalation, abstention, manual_review, complaint, latency or other",
        ),
        Column("rows", "bigint", "Rows in the window and slice"),
        Column("known_rows", "bigint", "Those of them of which it is known: not NULL"),
        Column("events", "bigint", "Those with the event; NULL: the signal is a mean, not a share"),
        Column("value", "double", "Share of the known rows with the event, 0 to 1, or the mean"),
        Column("low", "double", "Lower end of its 95 % interval: Wilson's; of a mean a normal one"),
        Column("high", "double", "Upper end"),
        Column(
            "comparison", "string", "Comparison in drift that the status is of: mostly baseline"
        ),
        Column("reference_version", "int", "Version of the reference held against; 0: none"),
        Column("reference_value", "double", "The value over that reference; NULL: not known"),
        Column("change", "double", "value less reference_value"),
        Column(
            "trend",
            "double",
            "Theil-Sen slope per window over the last 30 windows; NULL: see trend_reason",
        ),
        Column("trend_low", "double", "Lower end of its 95 % interval"),
        Column("trend_high", "double", "Upper end"),
        Column("trend_pvalue", "double", "Chance of such a trend without one (Mann-Kendall)"),
        Column("trend_reason", "string", "Why there is none"),
        Column(
            "status",
            "string",
            "As in drift; ok also for what moved for the better. NULL: shown, not judged, as "
            "roll-ups are",
        ),
        Column("reason", "string", "The status in words"),
        Column("power", "double", "Chance to find a change of the signal's effect_size"),
        Column(
            "alerting",
            "boolean",
            "Whether this window counts towards an alert, which alerts.windows of the last "
            "alerts.of measured ones raise; NULL: it neither raises nor clears one",
        ),
        Column("suppression", "string", "Why the window calls nobody; NULL: it is not suppressed"),
        Column(
            "since",
            "timestamp",
            "Start of the first window of the alert that stands in this window, or that it counts "
            "towards; NULL: none",
        ),
        Column(
            "score_pvalue",
            "double",
            "Chance that the events are spread over scores as the rows are (chi-square); NULL: "
            "see score_reason",
        ),
        Column("score_groups", "int", "Groups of scores that were told apart for it"),
        Column(
            "score_low",
            "double",
            "Of the scores that hold most of them beyond their rows: lower end; NULL: open",
        ),
        Column("score_high", "double", "Upper end, itself outside; NULL: open"),
        Column("score_rows", "double", "Part of the rows at these scores, 0 to 1"),
        Column("score_events", "double", "Part of the events at these scores, 0 to 1"),
        Column(
            "score_events_low",
            "double",
            "Lower end of its 95 % interval, which allows for the scores having been chosen",
        ),
        Column("score_events_high", "double", "Upper end"),
        Column(
            "score_reason", "string", "Where they are concentrated, in words, or why it is unknown"
        ),
        Column("policy_hash", "string", "Digest of the signals and of what counts as drift"),
        *DERIVED,
    ),
)

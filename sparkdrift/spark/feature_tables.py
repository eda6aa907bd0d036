"""The table of the debt of features."""

from __future__ import annotations

from sparkdrift.spark.table import DERIVED, WINDOW, Column, Table

_INTERVAL = "Lower end of its 95 % interval; NULL: it has none"

FEATURE_DEBT = Table(
    "feature_debt",
    "results",
    "What features cost: association with the label, importance, and how both compound: one row "
    "per window, figure and subject",
    ("monitor", "window_start", "granularity", "figure", "subject"),
    (
        *WINDOW,
        Column("model_version", "string", "Version of the model; NULL: the spec names none"),
        Column(
            "figure",
            "string",
            "Of a feature: association, association_change, importance, dead, encoding, creep. Of "
            "the model: concentration, concentration_change, drifted_importance, cliff_risk (a "
            "heuristic), drift_on_concentration, and _trend and _acceleration of "
            "drifted_importance, concentration, dead_features, moved_associations, feedback",
        ),
        Column("subject", "string", "The feature that it is of; '*': the model as a whole"),
        Column("value", "double", "The figure; NULL: not measured"),
        Column("low", "double", _INTERVAL),
        Column("high", "double", "Upper end"),
        Column("limit", "double", "From where on it warns"),
        Column(
            "unit",
            "string",
            "r, V or eta, share, share of rows, H (the sum of squared importances), sd, per window",
        ),
        Column(
            "status",
            "string",
            "ok, warning, drifted, insufficient_data, undetermined, no_reference, schema_changed, "
            "source_unavailable; NULL: shown, not judged",
        ),
        Column("reason", "string", "The status in words"),
        Column(
            "since",
            "timestamp",
            "Of warning and drifted: start of the first window of those in a row that are, windows "
            "that were not measured aside",
        ),
        Column("policy_hash", "string", "Digest of the limits and of where importances come from"),
        *DERIVED,
    ),
)

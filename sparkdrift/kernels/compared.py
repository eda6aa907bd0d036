"""The rows between the two kernels of a comparison: what the first makes and the second judges."""

from __future__ import annotations

from sparkdrift.kernels.powers import VARIATION

REFERENCE, WINDOW, ASKED = 0, 1, 2
"""`part`: a reference's row, a stored window, and which comparison is asked of which window."""
KEYS = ("slice_key", "slice_value", "column_name")
KEPT = {
    "window_start": "timestamp",
    "comparison": "string",
    "reference_version": "int",
    "earlier_start": "timestamp",
    "slice_key": "string",
    "slice_value": "string",
    "column_name": "string",
    "input_digest": "string",
    "definition_hash": "string",
    "row_count": "bigint",
}
FIGURES = {
    **dict.fromkeys(
        (
            *("psi", "psi_error", "js_distance", "js_error"),
            *("ks_statistic", "ks_error", "ks_pvalue"),
            *("wasserstein_distance", "wasserstein_error", "tv_distance", "tv_error"),
            *("l_infinity_distance", "l_infinity_error", "chi2_statistic", "chi2_pvalue"),
            *("d_statistic", "effect", "effect_low", "effect_high", "n_eff"),
            *("p_unusual", "p_material", "power", "null_delta", "nan_delta", "infinite_delta"),
            *("new_category_share", "vanished_share", "out_of_range_share", "below_range_share"),
            *("min_shift", "p001_shift", "p999_shift", "max_shift", "p001_error", "p999_error"),
            *("shift", "joint"),
        ),
        "double",
    ),
    **dict.fromkeys(("new_category_error", "vanished_error"), "double"),
    "new_categories": "array<struct<item:string,count:bigint>>",
    "stratum": "string",
    "carriers": "array<struct<item:string,reference:double,share:double>>",
}
# What the verdict needs besides the figures: the share tests, and words.
TESTS = {
    "unmeasured": "string",
    "unmeasured_reason": "string",
    "undetermined": "string",
    "warn_at": "double",
    "effect_size": "double",
    "moved": "string",
    "season": "string",
    "variants": "string",
    "scarce": "string",
    "caveat": "string",
    "grown": "string",
    "lacking": "string",
    "alone": "double",
    "test_names": "array<string>",
    "test_deltas": "array<double>",
    "test_unusual": "array<double>",
    "test_material": "array<double>",
    "test_power": "array<double>",
    "test_wander": "array<double>",
    "silent": "boolean",
}
# What only rows of several columns together are made of, see kernels/together.py.
PARTS = {
    "binned_distance": "double",
    "binned_noise": "double",
    "known_columns": "array<string>",
    "known": "array<double>",
}
COMPARED = {**KEPT, **FIGURES, **TESTS, **VARIATION, **PARTS}

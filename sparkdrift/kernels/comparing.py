"""Comparing windows with their reference: one row of figures and tests for each.

The rows that come out hold p-values, not verdicts: whether something alerts depends on
the whole family of a window's tests, which `judging` sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import arrow_schema, categories, counts, groups
from sparkdrift.kernels.distributions import Bins, categorical_figures, numeric_figures
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.kernels.metrics import metric_figures
from sparkdrift.kernels.policy import Policy
from sparkdrift.measures.arrays import Floats, divide
from sparkdrift.measures.share_evidence import share_test

REFERENCE, WINDOW = 0, 1
KEYS = ("reference_version", "slice_key", "slice_value", "column_name")
KEPT = {
    "window_start": "timestamp",
    "reference_version": "int",
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
            *("psi", "psi_error", "js_distance", "ks_statistic", "ks_error", "ks_pvalue"),
            *("wasserstein_distance", "wasserstein_error", "tv_distance", "tv_error"),
            *("l_infinity_distance", "l_infinity_error", "chi2_statistic", "chi2_pvalue"),
            *("d_statistic", "effect", "effect_low", "effect_high", "n_eff"),
            *("p_unusual", "p_material", "power", "null_delta", "nan_delta", "infinite_delta"),
            *("new_category_share", "vanished_share", "out_of_range_share", "shift"),
        ),
        "double",
    ),
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
    "test_names": "array<string>",
    "test_deltas": "array<double>",
    "test_unusual": "array<double>",
    "test_material": "array<double>",
}
COMPARED = {**KEPT, **FIGURES, **TESTS}

_NO_REFERENCE = "no reference was in force when the window began"
_NOT_HELD = "the reference does not hold this feature and slice"


def compare(policy: Policy) -> Kernel:
    """A kernel that compares the windows of each group with the group's reference.

    Takes rows sorted by KEYS and `part`: the reference's row first, if there is one.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for group in groups(batches, KEYS):
            yield from _compare(group, policy)

    return run


def _compare(group: pa.Table, policy: Policy) -> Iterator[pa.RecordBatch]:
    parts = group.column("part").to_pylist()
    has_reference = parts[0] == REFERENCE
    windows = group.slice(1 if has_reference else 0)
    if not windows.num_rows:
        return
    rows: dict[str, Any] = {name: windows.column(name).combine_chunks() for name in KEPT}
    feature = rows["column_name"][0].as_py()
    effect, warn = policy.thresholds(feature)
    size = windows.num_rows
    rows |= {"effect_size": np.full(size, effect), "warn_at": np.full(size, warn)}
    reference = group.slice(0, 1).to_pylist()[0] if has_reference else None
    rows |= _unmeasured(reference, windows)
    if reference is not None and reference["kind"] == "metric":
        rows |= metric_figures(reference, windows, effect)
        _say_missing(rows)
    elif reference is not None:
        rows |= _measured(reference, group, windows, effect, policy)
    yield _batch(rows, size)


def _say_missing(rows: dict[str, Any]) -> None:
    """Give windows that could be compared, but for what `missing` says, the status for that."""
    for i, reason in enumerate(rows.pop("missing")):
        if reason is not None and rows["unmeasured"][i] is None:
            rows["unmeasured"][i] = "insufficient_data"
            rows["unmeasured_reason"][i] = reason


def _unmeasured(reference: Mapping[str, Any] | None, windows: pa.Table) -> dict[str, list[Any]]:
    """Status and reason where a comparison makes no sense, None where it does."""
    found: list[tuple[str | None, str | None]] = []
    for window in windows.select(["definition_hash", "data_type", "status", "reason"]).to_pylist():
        if window["status"] == "schema_changed":
            found.append(("schema_changed", window["reason"]))
        elif reference is None:
            version = windows.column("reference_version")[0].as_py()
            found.append(("no_reference", _NOT_HELD if version else _NO_REFERENCE))
        elif reference["definition_hash"] != window["definition_hash"]:
            found.append(("no_reference", "the definition changed since the reference was frozen"))
        elif family(reference["data_type"]) != family(window["data_type"]):
            found.append(
                (
                    "schema_changed",
                    f"the type was {reference['data_type']} and is {window['data_type']}",
                )
            )
        else:
            found.append((None, None))
    return {
        "unmeasured": [status for status, _ in found],
        "unmeasured_reason": [reason for _, reason in found],
    }


def family(data_type: str | None) -> str:
    """Types whose values mean the same have one family: int and double, not int and string."""
    base = (data_type or "").split("(")[0]
    if base in ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal"):
        return "number"
    return "text" if base in ("string", "char", "varchar") else base


def _measured(
    reference: Mapping[str, Any],
    group: pa.Table,
    windows: pa.Table,
    effect_size: float,
    policy: Policy,
) -> dict[str, Any]:
    bins = Bins.read(reference["bins"])
    figures: dict[str, Any] = {}
    if bins is not None and bins.edges is not None:
        figures = numeric_figures(reference, windows, bins, policy, effect_size)
    elif bins is not None:
        known = categories(group.slice(0, 1))[0]
        if known is not None:
            figures = categorical_figures(reference, known, windows, bins, policy, effect_size)
    if "new_category_low" in figures:
        figures["undetermined"] = _undetermined(figures, policy.new_categories)
    tests = _share_tests(reference, windows, figures, policy)
    names = list(tests)
    size = windows.num_rows
    return figures | {
        "null_delta": tests["null"][0],
        "nan_delta": tests["nan"][0],
        "infinite_delta": tests["infinite"][0],
        "test_names": [names] * size,
        "test_deltas": np.stack([tests[name][0] for name in names], axis=1).tolist(),
        "test_unusual": np.stack([tests[name][1] for name in names], axis=1).tolist(),
        "test_material": np.stack([tests[name][2] for name in names], axis=1).tolist(),
    }


def _share_tests(
    reference: Mapping[str, Any], windows: pa.Table, figures: Mapping[str, Any], policy: Policy
) -> dict[str, tuple[Floats, Floats, Floats]]:
    """(change, p_unusual, p_material), each (W,), for every share that has a test of its own.

    A share that is zero on both sides is no test: it would only dilute the family.
    """
    rows, known_rows = counts(windows, "row_count"), float(reference["row_count"])
    up, down = "positive_infinity_count", "negative_infinity_count"
    infinite = counts(windows, up) + counts(windows, down)
    known_infinite = float((reference[up] or 0) + (reference[down] or 0))
    null = counts(windows, "null_count")
    tested = {
        "null": (null, rows, float(reference["null_count"] or 0), policy.null_share),
        "nan": (
            counts(windows, "nan_count"),
            rows,
            float(reference["nan_count"] or 0),
            policy.nan_share,
        ),
        "infinite": (infinite, rows, known_infinite, policy.infinite_share),
    }
    results = {
        name: _where_any(x, n, known, known_rows, limit)
        for name, (x, n, known, limit) in tested.items()
    }
    present = rows - null
    known_present = known_rows - float(reference["null_count"] or 0)
    if "new_category_low" in figures:
        new = np.round(np.nan_to_num(figures["new_category_low"]) * present)
        expected = figures["expected_new"]
        expected = 0.0 if np.isnan(expected) else expected * known_present
        results["new"] = _where_any(new, present, expected, known_present, policy.new_categories)
    if "out_of_range_share" in figures:
        # Of the rows that were sketched: of a sample, the others were not looked at.
        n, known = figures["sketched_rows"], float(figures["known_sketched"])
        outside = np.round(np.nan_to_num(figures["out_of_range_share"]) * n)
        results["range"] = _where_any(outside, n, 0.0, known, policy.out_of_range)
    return results


def _undetermined(figures: Mapping[str, Any], limit: float) -> list[str | None]:
    """Why it is open if new categories are material: untracked ones could hide them."""
    bounds = zip(figures["new_category_low"], figures["new_category_high"], strict=True)
    return [
        f"new categories hold between {100 * low:.1f} and {100 * high:.1f} % of the rows: "
        "raise sketch.categories to know"
        if low <= limit < high and high - low > limit
        else None
        for low, high in bounds
    ]


def _where_any(
    x: Floats, n: Floats, known: float, known_rows: float, limit: float
) -> tuple[Floats, Floats, Floats]:
    """`share_test`, asked only where the shares differ at all."""
    delta = divide(x, n) - divide(known, known_rows)
    unusual, material = np.full(delta.shape, np.nan), np.full(delta.shape, np.nan)
    differs = np.isfinite(delta) & (delta != 0)
    if differs.any():
        _, unusual[differs], material[differs] = share_test(
            x[differs], n[differs], known, known_rows, limit
        )
    return delta, unusual, material


def _batch(rows: Mapping[str, Any], size: int) -> pa.RecordBatch:
    schema = arrow_schema(COMPARED)
    measured = np.array([status is None for status in rows["unmeasured"]])
    arrays = []
    for field in schema:
        value = rows.get(field.name)
        if value is None:
            arrays.append(pa.nulls(size, field.type))
        elif field.name in FIGURES and pa.types.is_floating(field.type):
            finite = measured & np.isfinite(value)
            arrays.append(pa.array(np.asarray(value, dtype=np.float64), mask=~finite))
        elif field.name in FIGURES:
            kept = zip(value, measured, strict=True)
            arrays.append(pa.array([one if whole else None for one, whole in kept], field.type))
        elif isinstance(value, pa.Array):
            arrays.append(value.cast(field.type))
        else:
            arrays.append(pa.array(value, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)

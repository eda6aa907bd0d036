"""The shares that have tests of their own: NULL, NaN, infinite, new categories, out of range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import counts
from sparkdrift.kernels.policy import Policy
from sparkdrift.measures.arrays import Floats, divide
from sparkdrift.measures.share_evidence import share_test
from sparkdrift.measures.share_variation import p_apart, share_variation

_UP, _DOWN = "positive_infinity_count", "negative_infinity_count"


def share_figures(
    known: pa.Table,
    windows: pa.Table,
    figures: Mapping[str, Any],
    policy: Policy,
    shares: Sequence[Mapping[str, Any]] | None,
    sides: int,
) -> dict[str, Any]:
    """The columns of all share tests of windows (W,).

    known: the reference as one row, or W earlier windows. figures: those of the distribution,
    with what the tests of new categories and of the range take from them. shares: the
    reference's `window_shares`, by which NULLs, NaNs and infinite values vary anyway; None where
    it has none. sides: 2 where `known` are windows, which vary as well, else 1.
    """
    tests = _tests(known, windows, figures, policy, shares or [], sides)
    names, size = list(tests), windows.num_rows
    return {
        "null_delta": tests["null"][0],
        "nan_delta": tests["nan"][0],
        "infinite_delta": tests["infinite"][0],
        "test_names": [names] * size,
        "test_deltas": np.stack([tests[name][0] for name in names], axis=1).tolist(),
        "test_unusual": np.stack([tests[name][1] for name in names], axis=1).tolist(),
        "test_material": np.stack([tests[name][2] for name in names], axis=1).tolist(),
    }


def _tests(
    known: pa.Table,
    windows: pa.Table,
    figures: Mapping[str, Any],
    policy: Policy,
    own: Sequence[Mapping[str, Any]],
    sides: int,
) -> dict[str, tuple[Floats, Floats, Floats]]:
    """(change, p_unusual, p_material), each (W,), for every share that has a test of its own.

    A share that is zero on both sides is no test: it would only dilute the family.
    """
    rows, known_rows = counts(windows, "row_count"), counts(known, "row_count")
    null, known_null = counts(windows, "null_count"), counts(known, "null_count")
    nan, known_nan = counts(windows, "nan_count"), counts(known, "nan_count")
    infinite, known_infinite = (counts(one, _UP) + counts(one, _DOWN) for one in (windows, known))
    tested = {
        "null": (null, known_null, policy.null_share, "nulls"),
        "nan": (nan, known_nan, policy.nan_share, "nans"),
        "infinite": (infinite, known_infinite, policy.infinite_share, "infinites"),
    }
    results = {}
    for name, (x, y, limit, counted) in tested.items():
        delta, unusual, material = _where_any(x, rows, y, known_rows, limit)
        varies = share_variation([one[counted] for one in own], [one["rows"] for one in own])
        apart = p_apart(delta, rows, varies, sides)
        both = np.where(np.isnan(apart), unusual, np.maximum(unusual, apart))
        results[name] = (delta, both, material)
    present, known_present = rows - null, known_rows - known_null
    if "new_category_low" in figures:
        new = np.round(np.nan_to_num(figures["new_category_low"]) * present)
        expected = np.nan_to_num(figures["expected_new"]) * known_present
        results["new"] = _where_any(new, present, expected, known_present, policy.new_categories)
    if "out_of_range_share" in figures and sides == 1:
        # Not of an earlier window, whose own ends are the range: some of the next one's rows
        # lie beyond them anyway, and a larger reference is not there to say how many.
        # Of the rows that were sketched: of a sample, the others were not looked at.
        n, known_n = figures["sketched_rows"], figures["known_sketched"]
        outside = np.round(np.nan_to_num(figures["out_of_range_share"]) * n)
        results["range"] = _where_any(outside, n, np.zeros(1), known_n, policy.out_of_range)
    return results


def undetermined(figures: Mapping[str, Any], limit: float) -> list[str | None]:
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
    x: Floats, n: Floats, known: Floats, known_rows: Floats, limit: float
) -> tuple[Floats, Floats, Floats]:
    """`share_test`, asked only where the shares differ at all; known, known_rows: (1,) or (W,)."""
    x, n, y, m = np.broadcast_arrays(x, n, known, known_rows)
    delta = divide(x, n) - divide(y, m)
    unusual, material = np.full(delta.shape, np.nan), np.full(delta.shape, np.nan)
    differs = np.isfinite(delta) & (delta != 0)
    if differs.any():
        _, unusual[differs], material[differs] = share_test(
            x[differs], n[differs], y[differs], m[differs], limit
        )
    return delta, unusual, material

"""The shares that have tests of their own: NULL, NaN, infinite, new categories, out of range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkdrift.kernels.batches import counts
from sparkdrift.kernels.policy import Policy
from sparkdrift.measures.arrays import Floats, divide
from sparkdrift.measures.share_evidence import beyond_range, change_power, share_test
from sparkdrift.measures.share_variation import p_apart, p_silent, share_variation, wandering

_MISSING = ("null", "nan", "infinite")
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
    silent = _where_silent(tests, known, windows, shares or [])

    def each(figure: str) -> list[list[float]]:
        columns = [np.broadcast_to(getattr(tests[name], figure), (size,)) for name in names]
        rows: list[list[float]] = np.stack(columns, axis=1).tolist()
        return rows

    return {
        "null_delta": tests["null"].delta,
        "nan_delta": tests["nan"].delta,
        "infinite_delta": tests["infinite"].delta,
        "test_names": [names] * size,
        "test_deltas": each("delta"),
        "test_unusual": each("unusual"),
        "test_material": each("material"),
        "test_power": each("power"),
        "test_wander": each("wander"),
        "silent": silent.tolist(),
    }


@dataclass
class _Test:
    """Of one share, (W,) each: its change, p_unusual by the rows' chance alone and by all,
    p_material, `change_power`, its limit, and by how much it wanders beyond chance."""

    delta: Floats
    by_chance: Floats
    unusual: Floats
    material: Floats
    power: Floats
    limit: float
    wander: float = 0.0


def _tests(
    known: pa.Table,
    windows: pa.Table,
    figures: Mapping[str, Any],
    policy: Policy,
    own: Sequence[Mapping[str, Any]],
    sides: int,
) -> dict[str, _Test]:
    """Every share that has a test of its own.

    A share that is zero on both sides is no test: it would only dilute the family.
    """
    rows, known_rows = counts(windows, "row_count"), counts(known, "row_count")
    null, known_null = counts(windows, "null_count"), counts(known, "null_count")
    tested = {
        "null": (null, known_null, policy.null_share, "nulls"),
        "nan": (*_both(windows, known, "nan_count"), policy.nan_share, "nans"),
        "infinite": (*_both(windows, known, _UP, _DOWN), policy.infinite_share, "infinites"),
    }
    results = {}
    for name, (x, y, limit, counted) in tested.items():
        varies = share_variation([one[counted] for one in own], [one["rows"] for one in own])
        one = _where_any(x, rows, y, known_rows, limit, wandering(varies, sides))
        apart = p_apart(one.delta, rows, varies, sides)
        one.unusual = np.fmax(one.unusual, np.where(np.isnan(one.unusual), np.nan, apart))
        results[name] = one
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
        one = _where_any(outside, n, np.zeros(1), known_n, policy.out_of_range)
        # An entry of a sketch stands for several rows, of which one alone may have been outside.
        each = figures["outside_weight"]
        lie = beyond_range(np.round(divide(outside, each)), divide(n, each), known_n)
        one.unusual = np.maximum(one.unusual, lie)
        results["range"] = one
    return results


def _both(windows: pa.Table, known: pa.Table, *names: str) -> tuple[Floats, Floats]:
    """The sum of these counts on both sides."""
    here, there = (
        np.sum([counts(table, name) for name in names], axis=0) for table in (windows, known)
    )
    return here, there


def _where_silent(
    tests: Mapping[str, _Test],
    known: pa.Table,
    windows: pa.Table,
    own: Sequence[Mapping[str, Any]],
) -> NDArray[np.bool_]:
    """Which windows have no finite value at all, though the reference always had some.

    There the share that changed most alerts whatever it did before, and whatever its limit is: a
    sensor that falls silent is no larger swing of a share.
    """
    gone, known_gone = _both(windows, known, "null_count", "nan_count", _UP, _DOWN)
    rows, known_rows = counts(windows, "row_count"), counts(known, "row_count")
    known_silent = np.broadcast_to(known_gone >= known_rows, rows.shape)
    missing = [one["nulls"] + one["nans"] + one["infinites"] for one in own]
    of_windows = [one["rows"] for one in own]
    chance = (
        p_silent(rows, missing, of_windows)
        if len(own)
        else np.power(np.broadcast_to(divide(known_gone + 0.5, known_rows + 1), rows.shape), rows)
    )
    silent = np.asarray((rows > 0) & (gone >= rows) & ~known_silent & (chance < 1))
    most = np.stack([tests[name].delta for name in _MISSING]).argmax(axis=0)
    for i, name in enumerate(_MISSING):
        test = tests[name]
        cause = silent & (most == i)
        # One row shows no change to be larger than a limit, here as anywhere.
        least = np.maximum(chance, test.limit**rows)
        unusual = np.fmin(test.unusual, np.maximum(test.by_chance, least))
        test.unusual = np.where(cause, unusual, test.unusual)
        test.material = np.where(cause, np.fmin(test.material, least), test.material)
    return silent


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
    x: Floats, n: Floats, known: Floats, known_rows: Floats, limit: float, wander: float = 0.0
) -> _Test:
    """`share_test`, asked only where the shares differ at all; known, known_rows: (1,) or (W,)."""
    x, n, y, m = np.broadcast_arrays(x, n, known, known_rows)
    delta = divide(x, n) - divide(y, m)
    unusual, material = np.full(delta.shape, np.nan), np.full(delta.shape, np.nan)
    differs = np.isfinite(delta) & (delta != 0)
    if differs.any():
        _, unusual[differs], material[differs] = share_test(
            x[differs], n[differs], y[differs], m[differs], limit
        )
    power = change_power(n, y, m, limit, wander)
    return _Test(delta, unusual, unusual, material, power, limit, wander)

"""The shares that have tests of their own: NULL, NaN, infinite, new categories, out of range.

And what stands in for a distance: the share of rare values beside a usual one, a window of a
single value, a category that grew among more than have bins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkdrift.kernels.batches import counts
from sparkdrift.kernels.policy import Policy
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.share_evidence import beyond_range, change_power, share_test
from sparkdrift.measures.share_variation import p_apart, p_silent, share_variation, wandering

_MISSING = ("null", "nan", "infinite")


@dataclass(frozen=True, eq=False)
class OwnShares:
    """Of the V windows of a reference, (V,): rows, and those without a number or in categories
    that no other of its windows has; all empty where a reference has none, `unseen` where it is
    older or not of categories."""

    rows: Floats
    nulls: Floats
    nans: Floats
    infinites: Floats
    unseen: Floats

    @classmethod
    def read(cls, reference: Mapping[str, Any] | None) -> OwnShares:
        cells = [] if reference is None else reference["window_shares"] or []
        unseen = None if reference is None else reference.get("window_unseen")
        columns = ("rows", "nulls", "nans", "infinites")
        read = {name: floats([cell[name] for cell in cells]) for name in columns}
        return cls(**read, unseen=floats(unseen or []))


_UP, _DOWN = "positive_infinity_count", "negative_infinity_count"


def share_figures(
    known: pa.Table,
    windows: pa.Table,
    figures: Mapping[str, Any],
    policy: Policy,
    own: OwnShares,
    sides: int,
) -> dict[str, Any]:
    """The columns of all share tests of windows (W,).

    known: the reference as one row, or W earlier windows. figures: those of the distribution,
    with what the other tests take from them. own: how shares of the reference's
    windows vary anyway. sides: 2 where `known` are windows, which vary as well, else 1.
    """
    tests = _tests(known, windows, figures, policy, own, sides)
    tests |= _stand_ins(figures, policy)
    names, size = list(tests), windows.num_rows
    silent = _where_silent(tests, known, windows, own)

    def each(figure: str) -> pa.Array:
        columns = [np.broadcast_to(getattr(tests[name], figure), (size,)) for name in names]
        ends = np.arange(size + 1, dtype=np.int32) * np.int32(len(names))
        return pa.ListArray.from_arrays(pa.array(ends), pa.array(np.stack(columns, axis=1).ravel()))

    return {
        "null_delta": tests["null"].delta,
        "nan_delta": tests["nan"].delta,
        "infinite_delta": tests["infinite"].delta,
        "test_names": pa.array([names]).take(pa.array(np.zeros(size, dtype=np.int32))),
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
    limit: Floats | float
    wander: Floats | float = 0.0

    def each(self) -> list[_Test]:
        """Tests made at once, (T, W) with limits and wander (T, 1), one by one."""
        limits, wander = (np.ravel(one).tolist() for one in (self.limit, self.wander))
        parts = zip(
            self.delta, self.by_chance, self.unusual, self.material, self.power, limits, wander,
            strict=True,
        )  # fmt: skip
        return [_Test(*one) for one in parts]

    def beyond(self, apart: Floats) -> _Test:
        """Unusual also by how windows vary, where that is known; NaN stays where it was none."""
        varied = np.where(np.isnan(self.unusual), np.nan, apart)
        return replace(self, unusual=np.fmax(self.unusual, varied))


def _tests(
    known: pa.Table,
    windows: pa.Table,
    figures: Mapping[str, Any],
    policy: Policy,
    own: OwnShares,
    sides: int,
) -> dict[str, _Test]:
    """Every share that has a test of its own.

    A share that is zero on both sides is no test: it would only dilute the family.
    """
    rows, known_rows = counts(windows, "row_count"), counts(known, "row_count")
    null, known_null = counts(windows, "null_count"), counts(known, "null_count")
    nans, infinites = _both(windows, known, "nan_count"), _both(windows, known, _UP, _DOWN)
    x, y = (np.stack(side) for side in zip((null, known_null), nans, infinites, strict=True))
    limits = floats([policy.null_share, policy.nan_share, policy.infinite_share])
    counted = (own.nulls, own.nans, own.infinites)
    variations = [share_variation(one, own.rows) for one in counted]
    wander = floats([wandering(one, sides) for one in variations])
    # All at once: of some windows a call takes longer than its rows do.
    together = _where_any(x, rows, y, known_rows, limits[:, None], wander[:, None])
    results = {
        name: one.beyond(p_apart(one.delta, rows, varies, sides))
        for name, one, varies in zip(_MISSING, together.each(), variations, strict=True)
    }
    present, known_present = rows - null, known_rows - known_null
    if "new_category_low" in figures:
        results["new"] = _new(figures, present, known_present, own, policy.new_categories, sides)
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


def _new(
    figures: Mapping[str, Any],
    present: Floats,
    known_present: Floats,
    own: OwnShares,
    limit: float,
    sides: int,
) -> _Test:
    """The test of new categories, against those that are new in every window.

    Expected are the rare ones that a reference has not met (Good 1953), or the rows that its own
    windows had in categories of no other one, if these are more: a campaign a day. Where that
    share varies by more than chance, a change must be unusual against that, too.
    """
    new = np.round(np.nan_to_num(figures["new_category_low"]) * present)
    share = np.nan_to_num(figures["expected_new"])
    varies, rows = None, own.rows - own.nulls
    if len(own.unseen) == len(rows) > 1 and rows.sum():
        share = np.maximum(share, own.unseen.sum() / rows.sum())
        varies = share_variation(own.unseen, rows)
    # Fewer than usual is no finding, and where the reference dropped some none is surely new.
    share = np.fmin(share, divide(new, present))
    expected = share * known_present
    wander = wandering(varies, sides)
    found = _where_any(new, present, expected, known_present, limit, wander)
    return found.beyond(p_apart(found.delta, present, varies, sides))


def _stand_ins(figures: Mapping[str, Any], policy: Policy) -> dict[str, _Test]:
    """What shows a change where D can't, see `few_values` and `many_categories`; of numbers and
    categories the limits are those of values out of range and of new ones."""
    results = {}
    categories = "new_category_low" in figures
    limit = policy.new_categories if categories else policy.out_of_range
    kind = "category" if categories else "value"
    if "rare_rows" in figures:
        x, n = figures["rare_rows"], figures["rare_of"]
        y, m = figures["rare_known"], figures["rare_known_of"]
        wander = float(np.nanmax(figures["rare_wander"], initial=0.0))
        found = _where_any(x, n, y, m, limit, wander)
        results[f"rare_{kind}"] = found.beyond(figures["rare_apart"])
    if "single_unusual" in figures:
        # Whatever the limit: a feature of one value says nothing any more.
        unusual, never = figures["single_unusual"], np.full(len(figures["single_unusual"]), np.nan)
        certain = np.where(np.isnan(unusual), np.nan, 0.0)
        change = figures["single_change"]
        results[f"single_{kind}"] = _Test(change, unusual, unusual, certain, never, limit)
    if "grown_rows" in figures:
        x, n = figures["grown_rows"], figures["grown_of"]
        found = _where_any(x, n, figures["grown_known"], figures["grown_known_of"], limit)
        # It is the largest of so many, and one that never grew is none to have been missed.
        found.unusual = np.minimum(figures["grown_among"] * found.unusual, 1.0)
        found.material = np.minimum(figures["grown_among"] * found.material, 1.0)
        found.power = np.full(len(x), np.nan)
        results["grown_category"] = found
    return results


def _both(windows: pa.Table, known: pa.Table, *names: str) -> tuple[Floats, Floats]:
    """The sum of these counts on both sides."""
    here, there = (
        np.sum([counts(table, name) for name in names], axis=0) for table in (windows, known)
    )
    return here, there


def _where_silent(
    tests: Mapping[str, _Test], known: pa.Table, windows: pa.Table, own: OwnShares
) -> NDArray[np.bool_]:
    """Which windows have no finite value at all, though the reference always had some.

    There the share that changed most alerts whatever it did before, and whatever its limit is: a
    sensor that falls silent is no larger swing of a share.
    """
    gone, known_gone = _both(windows, known, "null_count", "nan_count", _UP, _DOWN)
    rows, known_rows = counts(windows, "row_count"), counts(known, "row_count")
    known_silent = np.broadcast_to(known_gone >= known_rows, rows.shape)
    chance = (
        p_silent(rows, own.nulls + own.nans + own.infinites, own.rows)
        if len(own.rows)
        else np.power(np.broadcast_to(divide(known_gone + 0.5, known_rows + 1), rows.shape), rows)
    )
    silent = np.asarray((rows > 0) & (gone >= rows) & ~known_silent & (chance < 1))
    most = np.stack([tests[name].delta for name in _MISSING]).argmax(axis=0)
    for i, name in enumerate(_MISSING):
        test = tests[name]
        cause = silent & (most == i)
        # One row shows no change to be larger than a limit, here as anywhere.
        least = np.maximum(chance, np.power(test.limit, rows))
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
        if low <= limit < high
        else None
        for low, high in bounds
    ]


def _where_any(
    x: Floats,
    n: Floats,
    known: Floats,
    known_rows: Floats,
    limit: Floats | float,
    wander: Floats | float = 0.0,
) -> _Test:
    """`share_test`, asked only where the shares differ at all; known, known_rows: (1,) or (W,)."""
    x, n, y, m, size = np.broadcast_arrays(x, n, known, known_rows, limit)
    delta = divide(x, n) - divide(y, m)
    unusual, material = np.full(delta.shape, np.nan), np.full(delta.shape, np.nan)
    differs = np.isfinite(delta) & (delta != 0)
    if differs.any():
        _, unusual[differs], material[differs] = share_test(
            x[differs], n[differs], y[differs], m[differs], size[differs]
        )
    power = change_power(n, y, m, limit, wander)
    return _Test(delta, unusual, unusual, material, power, limit, wander)

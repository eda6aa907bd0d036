"""Which of a drift row's figures alerts, and that same figure read from other rows.

A signal is linear in the rows behind it, so slices add up to the whole table and windows
make a series; the distances that decide alerts are neither signed nor linear.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy import special

from sparkdrift.explain.told_shares import told_grown, told_tests
from sparkdrift.measures.evidence import FAMILY_LEVEL, MATERIAL_LEVEL

Row: TypeAlias = Mapping[str, Any]
Kind: TypeAlias = Literal[
    "values",
    "shape",
    "metric",
    "joint",
    "vector",
    "category",
    "new",
    "null",
    "nan",
    "infinite",
    "range",
    "rare",
    "single",
]
UNSTRATIFIED: tuple[Kind, ...] = ("null", "nan", "infinite", "new", "range", "metric")
"""Kinds that are held against all of the reference, whatever the stratum of the row."""
ALERTS = ("drifted", "warning")
BETWEEN_WINDOWS = ("consecutive", "seasonal")
"""The comparisons of a window with an earlier one; all others are with a reference."""
UNSHAPED = "unshaped"
"""The comparison of rows that the model shaped with the others of the same window."""
SHAPED_ROWS = ":shaped"
"""The slice_key of rows by whether the model shaped them: slice_value 'true', 'false' or NULL."""
SHIFT = "shift"
"""Among the tests that alert: that of the distance."""
METRIC = "metric:"
INPUTS = ":inputs"
"""The column_name of what all inputs show together."""
WHOLE = "*"
"""slice_key and slice_value of the whole table."""
UNSIGNED: tuple[Kind, ...] = ("shape", "joint", "vector")
"""Kinds whose figure is a length, without a direction."""
_RANK_ERROR = 1.023  # of a rank-based shift: sqrt(2) / phi(0) / sqrt(12)
# A rank shift below this part of what one way would cause says that values moved both ways.
_LEAST_SIGNED = 0.5
# Values out of range are what is told first where they are at least this part of the rows that
# moved, and fewer than this part of all.
_MOST, _FEW = 0.5, 0.5
# Part of what is out of range that one side must have to be named.
_BOTH = 0.1
_STANDING_IN: Mapping[str, Kind] = {
    "single_value": "single",
    "single_category": "single",
    "grown_category": "category",
    "rare_category": "category",
    "rare_value": "rare",
}
"""What is told where one of these tests alerts, the first that does: they stand in for a distance
that can't be had of nearly one value, or does not see one category among hundreds."""
_SHARES: Mapping[Kind, str] = {
    "new": "new_category_share",
    "null": "null_delta",
    "nan": "nan_delta",
    "infinite": "infinite_delta",
    "range": "out_of_range_share",
}


@dataclass(frozen=True)
class Limits:
    """Changes of a share (0..1) from which on they are material: the spec's `drift.limits`."""

    null: float = 0.02
    nan: float = 0.02
    infinite: float = 0.02
    new: float = 0.01
    range: float = 0.01


@dataclass(frozen=True)
class Signal:
    """The figure to follow. item: the category, else None. also: other kinds that alert."""

    kind: Kind
    item: str | None = None
    also: tuple[Kind, ...] = field(default=(), compare=False)

    @property
    def is_share(self) -> bool:
        """Whether its unit is a share (0..1), not a standard deviation."""
        return self.kind not in ("values", "metric", *UNSIGNED)

    def read(self, row: Row) -> tuple[float, float]:
        """(value, standard error) in `row`; NaN where not measured, error 0 where unknown."""
        if self.kind == "category":
            return self._of_category(row)
        if self.kind == "metric":
            return _number(row["shift"]), 0.0
        if self.kind in ("values", *UNSIGNED):
            value = _number(row["shift" if self.kind == "values" else "effect"])
            n = _number(row["n_eff"])
            return value, _RANK_ERROR / float(np.sqrt(n)) if n > 0 else float("nan")
        if self.kind in ("rare", "single"):
            return self._of_usual(row)
        value, rows = _number(row[_SHARES[self.kind]]), _number(row["row_count"])
        return value, _share_error(abs(value), rows)

    def _of_usual(self, row: Row) -> tuple[float, float]:
        """Of the value that nearly all rows of the reference, or all of the window, have.

        The share of all others now less before for 'rare', its own for 'single'.
        """
        if not row["carriers"]:
            return float("nan"), float("nan")
        if self.kind == "rare":
            one = max(row["carriers"], key=lambda one: one["reference"])
            change = one["reference"] - one["share"]
        else:
            one = max(row["carriers"], key=lambda one: one["share"])
            change = one["share"] - one["reference"]
        wide = max((one["reference"], one["share"]), key=lambda share: share * (1 - share))
        return change, _share_error(wide, _number(row["n_eff"]))

    def _of_category(self, row: Row) -> tuple[float, float]:
        if not row["carriers"]:
            return float("nan"), float("nan")
        for one in row["carriers"]:
            if one["item"] == self.item:
                wide = max((one["reference"], one["share"]), key=lambda share: share * (1 - share))
                return one["share"] - one["reference"], _share_error(wide, _number(row["n_eff"]))
        grown = told_grown(row.get("reason") or "")
        if grown is not None and grown[0] == self.item:
            return grown[1], _share_error(grown[1], _number(row["n_eff"]))
        # Not among those that moved most: nearer to 0 than the last of them.
        least = abs(row["carriers"][-1]["share"] - row["carriers"][-1]["reference"])
        return 0.0, max(least, _share_error(0.0, _number(row["n_eff"])))


def range_side(row: Row) -> str:
    """On which side of the reference's range the values outside it lie, in words.

    Both sides are named where each has at least a tenth of them. Rows of an older store
    (below_range_share is NULL) don't know.
    """
    outside, below = _number(row["out_of_range_share"]), row.get("below_range_share")
    if below is None or not outside > 0:
        return "on an unknown side of it"
    part = below / outside
    if part > 1 - _BOTH:
        return "below it"
    return "above it" if part < _BOTH else "on both sides of it"


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _share_error(share: float, rows: float) -> float:
    if not rows > 0:
        return float("nan")
    return float(np.sqrt(max(share * (1 - share), 1 / rows) / rows))


def alerting_signal(row: Row, limits: Limits) -> Signal:
    """What made an alerting row alert; the size of a shift goes before shares of rows.

    By the tests that the row names (`alerting_tests`): a share far beyond its limit that chance,
    or what is usual, explains is no part of it. limits: in whose multiples shares are ordered.
    """
    tests = alerting_tests(row)
    shares = _alerting_shares(row, tests, limits)
    own = _own(row)
    of_numbers = own is not None and own.kind in ("values", "shape")
    if "range" in shares and of_numbers and _outside_is_most(row):
        return Signal("range", also=tuple(kind for kind in shares if kind != "range"))
    if SHIFT not in tests and own is not None:
        stands = _standing_in(row, tests, shares, limits)
        if stands is not None:
            return stands
    if shares and (own is None or SHIFT not in tests):
        return Signal(shares[0], also=tuple(shares[1:]))
    # Without a sign or bins (rows of an older store), the effect is what is left to tell.
    own = own or Signal("shape")
    return Signal(own.kind, own.item, tuple(shares))


def quiet_signal(row: Row) -> Signal:
    """What to follow of a row that does not alert: the size of its shift, signed where it is."""
    own = _own(row)
    if own is not None and own.kind == "shape":
        return Signal("values")
    # No category leads while nothing moves: of categories the effect is followed.
    return Signal("shape") if own is None or own.kind == "category" else own


def alerting_tests(row: Row) -> frozenset[str]:
    """The names of the tests that alert in an alerting row: SHIFT, and those of shares.

    Rows of a store before version 10 don't hold them: their reason says which shares changed, and
    begins with the distance where it alerted; without one their q-value says so.
    """
    named = row.get("alerting_tests")
    if named is not None:
        return frozenset(named)
    if row.get("reason"):
        return frozenset(told_tests(row["reason"]))
    return frozenset({SHIFT} if _own_alerts(row) else ())


def _standing_in(
    row: Row, tests: Collection[str], shares: Sequence[Kind], limits: Limits
) -> Signal | None:
    """What a test says that stands in for the distance, where it goes before the `shares`.

    A single value does; others do where they moved by a larger multiple of their limit.
    """
    test = next((one for one in _STANDING_IN if one in tests), None)
    if test is None or not row["carriers"]:
        return None
    kind = _STANDING_IN[test]
    signal = Signal(kind, _item(row, test) if kind == "category" else None, tuple(shares))
    limit = limits.range if kind == "rare" else limits.new
    most = max((_excess(row, one, limits) for one in shares), default=0.0)
    if kind == "single" or not most > abs(signal.read(row)[0]) / max(limit, 1e-12):
        return signal
    return None


def _item(row: Row, test: str) -> str:
    """The category that such a test is about: that which grew, or of rare ones what moved most."""
    if test == "grown_category":
        told = told_grown(row.get("reason") or "")
        named = row.get("grown") or (told[0] if told is not None else None)
        if named is not None:
            return str(named)
    usual = max(row["carriers"], key=lambda one: one["reference"])
    others = [one for one in row["carriers"] if one is not usual] or [usual]
    return str(max(others, key=lambda one: abs(one["share"] - one["reference"]))["item"])


def _excess(row: Row, kind: Kind, limits: Limits) -> float:
    return abs(_number(row[_SHARES[kind]])) / max(float(getattr(limits, kind)), 1e-12)


def _alerting_shares(row: Row, tests: Collection[str], limits: Limits) -> list[Kind]:
    """Those of `tests` that are of a share, the largest multiple of its limit first."""
    excess = {kind: _excess(row, kind, limits) for kind in _SHARES if kind in tests}
    # What was not measured (NaN) goes last.
    return sorted(excess, key=lambda kind: -np.nan_to_num(excess[kind], nan=-1.0))


def _outside_is_most(row: Row) -> bool:
    """Whether few rows left the reference's range, and the others stayed where they were."""
    outside = _number(row["out_of_range_share"])
    return bool(outside < _FEW and outside >= _MOST * _moved_part(row))


def _moved_part(row: Row) -> float:
    """Total variation of the bins (0..1): the part of the rows that is in another bin now.

    Of those that are stored, which are all where there are at most ten.
    """
    gaps = [abs(one["share"] - one["reference"]) for one in row["carriers"] or []]
    return float(sum(gaps)) / 2


def _one_way(row: Row) -> bool:
    """Whether values moved up or down, not both ways.

    Rows that move one way, a part t of all from anywhere to one end, change P(window > reference)
    by t / 2; those that move to both ends, or to the middle, leave it at a half. Where few rows
    move far, the shift by ranks is small beside the effect, and still one way.
    """
    shift = _number(row["shift"])
    # Where nearly all rows have one value there is no effect, and the shift is told.
    if not abs(shift) < _LEAST_SIGNED * _number(row["effect"]):
        return True
    part = _moved_part(row)
    changed = abs(float(special.ndtr(shift / np.sqrt(2))) - 0.5)
    return bool(part > 0 and changed >= _LEAST_SIGNED * part / 2)


def _own_alerts(row: Row) -> bool:
    unusual = _number(row["q_value"]) <= FAMILY_LEVEL
    material = _number(row["p_material"]) < MATERIAL_LEVEL
    return unusual and (material or row["status"] == "warning")


def _own(row: Row) -> Signal | None:
    if row["column_name"].startswith(METRIC):
        return Signal("metric")
    if row["column_name"] == INPUTS:
        return Signal("joint")
    # A vector has no bins: a number with nearly one value has these, though no D.
    if (
        row.get("psi", row.get("d_statistic")) is None
        and row.get("wasserstein_distance") is not None
    ):
        return Signal("vector")
    if row["shift"] is not None:
        return Signal("values" if _one_way(row) else "shape")
    if row["carriers"]:
        return Signal("category", row["carriers"][0]["item"])
    return None

"""Whether a feature still says anything, and whether its values are written as they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sparkdrift.kernels.feature_rows import (
    DRIFTED,
    INSUFFICIENT,
    NO_REFERENCE,
    OK,
    SCHEMA_CHANGED,
    UNAVAILABLE,
    UNDETERMINED,
    WARNING,
    FeatureRow,
)
from sparkdrift.measures import intervals
from sparkdrift.measures.encoding import Respelled, rank_noise, rescaled, respelled, unseen_flip

DEAD, ENCODING = "dead", "encoding"
LEAST_ROWS = 30
_CHANCE = 0.01
_UNIT = "share of rows"


class _Row(Protocol):
    def __call__(
        self, status: str, reason: str, value: float = ..., low: float = ..., high: float = ...
    ) -> FeatureRow: ...


@dataclass(frozen=True)
class Profiled:
    """What a profile or a reference says of one feature. quantiles: 101 of a number, or none;
    items: rows by category, complete or not; low, high: of a number. rows NaN: not known."""

    kind: str
    status: str
    reason: str
    rows: float
    nulls: float
    distinct: float = np.nan
    low: float = np.nan
    high: float = np.nan
    quantiles: Sequence[float] = ()
    items: Mapping[str, int] = field(default_factory=dict)

    @property
    def present(self) -> float:
        return self.rows - self.nulls

    @property
    def constant(self) -> bool:
        """Whether all values that are there are one."""
        if not self.present > 0:
            return False
        if self.kind == "numeric":
            return bool(self.low == self.high)
        return self.distinct == 1


def condition_rows(
    feature: str, now: Profiled, reference: Profiled | None, limit: float, lacking: str
) -> list[FeatureRow]:
    """Both figures of one window; lacking: why there is no reference."""
    gone = _gone(now)
    if gone is not None:
        return [
            FeatureRow(DEAD, feature, *gone, limit=1.0, unit=_UNIT),
            FeatureRow(ENCODING, feature, *gone, limit=limit, unit=_UNIT),
        ]
    return [_dead(feature, now, reference), _encoding(feature, now, reference, limit, lacking)]


def _gone(now: Profiled) -> tuple[str, str] | None:
    if now.status in (SCHEMA_CHANGED, UNAVAILABLE):
        return now.status, now.reason or "the column is not there as it was"
    if not now.rows > 0:
        return INSUFFICIENT, now.reason or "the window has no rows"
    return None


def _dead(feature: str, now: Profiled, reference: Profiled | None) -> FeatureRow:
    """The largest share of rows that say the same: all NULL, or all of one value."""

    def row(status: str, reason: str, value: float) -> FeatureRow:
        return FeatureRow(DEAD, feature, status, reason, value, limit=1.0, unit=_UNIT)

    empty, rows = now.nulls / now.rows, f"all {now.rows:,.0f} rows"
    if not (empty == 1 or now.constant):
        return row(OK, "its values differ", max(empty, _most_frequent(now)))
    if now.rows < LEAST_ROWS:
        reason = f"{now.rows:,.0f} rows, {LEAST_ROWS} are needed to call a feature dead"
        return row(INSUFFICIENT, reason, 1.0)
    if empty == 1:
        if reference is not None and reference.rows > 0 and reference.present == 0:
            return row(WARNING, f"NULL in {rows}, as in the reference", 1.0)
        return row(DRIFTED, f"NULL in {rows}: unavailable", 1.0)
    if now.present < LEAST_ROWS:
        # One value in a few rows is no constant, however many others are NULL.
        few = "1 row has" if now.present == 1 else f"{now.present:,.0f} rows have"
        reason = f"{few} a value, {LEAST_ROWS} are needed to call it constant"
        return row(INSUFFICIENT, reason, max(empty, 1 - empty))
    told = f"constant: {_shown(now)} in all {now.present:,.0f} rows with a value"
    if reference is not None and reference.constant:
        return row(WARNING, f"{told}, as in the reference", 1.0)
    usual = _usual(now, reference)
    if now.present * np.log(max(usual, 1e-300)) > np.log(_CHANCE):
        reason = f"{told}; in the reference {usual:.1%} are, so that may be chance"
        return row(UNDETERMINED, reason, 1.0)
    return row(DRIFTED, told, 1.0)


def _encoding(
    feature: str, now: Profiled, reference: Profiled | None, limit: float, lacking: str
) -> FeatureRow:
    def row(
        status: str,
        reason: str,
        value: float = np.nan,
        low: float = np.nan,
        high: float = np.nan,
    ) -> FeatureRow:
        return FeatureRow(ENCODING, feature, status, reason, value, low, high, limit, _UNIT)

    if reference is None:
        return row(NO_REFERENCE, lacking)
    if now.kind != reference.kind:
        return row(SCHEMA_CHANGED, f"{now.kind} now, {reference.kind} in the reference")
    if min(now.present, reference.present) < LEAST_ROWS:
        least = min(now.present, reference.present)
        return row(INSUFFICIENT, f"{least:,.0f} rows with a value, {LEAST_ROWS} are needed")
    if now.kind == "numeric":
        return _units(now, reference, row)
    return _spelling(now, reference, limit, row)


def _units(now: Profiled, reference: Profiled, row: _Row) -> FeatureRow:
    if not (len(now.quantiles) == len(reference.quantiles) == 101):
        return row(INSUFFICIENT, "quantiles are not stored of both")
    noise = rank_noise(reference.present, now.present)
    found = rescaled(reference.quantiles, now.quantiles, noise)
    if found is None:
        moved = unseen_flip(reference.quantiles)
        if moved is not None:
            reason = f"a flipped sign would move the quantiles by {moved:.2f} sd, and be unseen"
            return row(UNDETERMINED, f"{reason}; no other unit or scale explains what differs")
        return row(OK, "no other unit, scale or sign explains what differs", 0.0)
    reason = f"{found.conversion.words}: the quantiles are {found.before:,.1f} sd apart, and "
    reason += f"{found.after:.2f} once that is taken back"
    return row(DRIFTED if found.conversion.grave else WARNING, reason, 1.0)


def _spelling(now: Profiled, reference: Profiled, limit: float, row: _Row) -> FeatureRow:
    if not reference.items or not now.items:
        return row(INSUFFICIENT, "categories are not stored of both")
    found = respelled(reference.items, now.items)
    value, low, high = (
        float(one) for one in intervals.wilson(found.rows, max(now.present, found.rows))
    )
    if not found.rows:
        more = f"{found.new_rows:,} rows are of new categories; " if found.new_rows else ""
        return row(OK, f"{more}none is a known one in another spelling", value, low, high)
    status = DRIFTED if low > limit else (OK if high <= limit else UNDETERMINED)
    return row(status, _told(found), value, low, high)


def _told(found: Respelled) -> str:
    pairs = ", ".join(f"{new!r} for {old!r}" for new, old in found.examples.items())
    return f"looks like another spelling of known values ({found.words}): {pairs}"


def _shown(now: Profiled) -> str:
    return f"{now.low:,.6g}" if now.kind == "numeric" else repr(next(iter(now.items), "one value"))


def _most_frequent(now: Profiled) -> float:
    if now.kind == "numeric":
        values = np.asarray(now.quantiles)
        if not len(values):
            return np.nan
        return float(np.unique(values, return_counts=True)[1].max() / len(values))
    return max(now.items.values(), default=0) / now.rows


def _usual(now: Profiled, reference: Profiled | None) -> float:
    """The reference's share of the one value that the window has."""
    if reference is None or not reference.present > 0:
        return 0.0
    if now.kind == "numeric":
        values = np.asarray(reference.quantiles)
        return float((values == now.low).mean()) if len(values) else 0.0
    return reference.items.get(next(iter(now.items), ""), 0) / reference.present

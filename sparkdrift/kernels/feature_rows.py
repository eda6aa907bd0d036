"""What a row of the debt of features is, and what it is judged by."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sparkdrift.measures.association import Change

OK, WARNING, DRIFTED = "ok", "warning", "drifted"
INSUFFICIENT, UNDETERMINED, NO_REFERENCE = "insufficient_data", "undetermined", "no_reference"
SCHEMA_CHANGED, UNAVAILABLE = "schema_changed", "source_unavailable"
MODEL = "*"
"""The subject of a figure that is of the model as a whole."""

FOUND = {
    "window_start": "timestamp",
    "figure": "string",
    "subject": "string",
    "value": "double",
    "low": "double",
    "high": "double",
    "limit": "double",
    "unit": "string",
    "status": "string",
    "reason": "string",
}
MEASURED = {**FOUND, "p_value": "double"}
"""Rows before those of a window were judged together."""


@dataclass(frozen=True)
class FeatureRow:
    """One figure of one window; NaN where not measured. status None: shown, not judged; p_value: of
    a member of a family of tests."""

    figure: str
    subject: str
    status: str | None
    reason: str
    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    limit: float = np.nan
    unit: str = "share"
    p_value: float = np.nan

    def told(self) -> dict[str, Any]:
        """Its columns, NULL for NaN."""
        return {key: _plain(one) for key, one in asdict(self).items()}


def _plain(value: Any) -> Any:
    """A number as Spark takes it: a float of Python, None for NaN."""
    if not isinstance(value, float):
        return value
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True)
class FeaturePolicy:
    """The limits as executors need them: changes of an association and of the concentration,
    shares of importance, and the share of rows in another spelling."""

    association: float = 0.1
    concentration: float = 0.1
    drifted_importance: float = 0.25
    cliff_risk: float = 0.1
    encoding: float = 0.01


def judged_change(found: Change, limit: float) -> str:
    """Of one feature by itself: drifted where the change surely exceeds the limit, whichever way
    (at 1 %); warning where it exceeds it and may be no chance, which the family of all features
    decides (`feature_family`); ok where it surely does not; else undetermined: never ok for want of
    rows."""
    if found.surely_low > limit or found.surely_high < -limit:
        return DRIFTED
    if abs(found.value) > limit and (found.low > 0 or found.high < 0):
        return WARNING
    return OK if -limit <= found.low and found.high <= limit else UNDETERMINED


def judged_share(value: float, low: float, high: float, limit: float) -> str:
    """The same of a share that should not exceed a limit; without an interval by itself."""
    if np.isnan(value):
        return INSUFFICIENT
    if np.isnan(low):
        return WARNING if value > limit else OK
    if low > limit:
        return WARNING
    return OK if high <= limit else UNDETERMINED

"""Whether the evaluation still fits, as lines: figures beside limits, then the blind spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sparkdrift.report.plain import day, plain, share

LISTED = ("figure", "of", "value", "95 %", "limit", "status", "reason")
BLIND = "blind_spot"
COLOURED = (BLIND, "dashboard")
"""Figures whose status is green, amber or red."""
_ORDER = (
    *("eval_age", "training_age", "gap_max", "gap_mean", "outside", "thin", "ess_ratio"),
    *("missing_slices", "decision_rate", "threshold_age", "prior_shift", "calibration_error"),
    *("calibration_slope", "calibration_intercept", "brier", "acceptance_limit", "outcome_link"),
    "outcome_decay",
)
_NAMES = {
    "eval_age": "age of the evaluation set",
    "training_age": "age of the training data",
    "gap_max": "largest gap to production",
    "gap_mean": "mean gap to production",
    "outside": "outside the set's support",
    "thin": "where the set is thin",
    "ess_ratio": "effective share of the set",
    "missing_slices": "in slices that the set lacks",
    "decision_rate": "change of the decision rate",
    "threshold_age": "age of the threshold",
    "prior_shift": "shift of the prior",
    "calibration_error": "calibration error",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
    "brier": "Brier score",
    "acceptance_limit": "limit on production's mix",
    "outcome_link": "link with the outcome",
    "outcome_decay": "decay of that link",
}


def evaluation_lines(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The figures of one window and evaluation set as cells of LISTED, in a fixed order."""
    own = [row for row in rows if row["figure"] not in COLOURED]
    places = {name: i for i, name in enumerate(_ORDER)}
    own.sort(key=lambda row: (places.get(row["figure"], len(_ORDER)), row["subject"]))
    return [_line(row) for row in own]


def _line(row: Mapping[str, Any]) -> list[str]:
    low, high = row["low"], row["high"]
    around = "" if low is None or low == high else f"{_told(low, row)} to {_told(high, row)}"
    return [
        _NAMES.get(row["figure"], row["figure"]),
        "" if row["subject"] == "*" else plain(row["subject"], lines=False),
        "" if row["value"] is None else _told(row["value"], row),
        around,
        "" if row["threshold"] is None else _told(row["threshold"], row),
        row["status"],
        plain(row["reason"], lines=False),
    ]


def _told(value: float, row: Mapping[str, Any]) -> str:
    if row["unit"] == "days":
        return f"{value:.0f} days"
    if row["unit"] == "share":
        return share(value)
    return f"{value:.2f} sd" if row["unit"] == "sd" else f"{value:.3g}"


def blind_spot_lines(rows: Sequence[Mapping[str, Any]], zone: str) -> list[str]:
    """What the newest window's rows say of the dashboard: the verdict, since when, and each
    reason on a line of its own. One block for each evaluation set."""
    found: list[str] = []
    for row in sorted(rows, key=lambda one: str(one["evaluation_set"])):
        if row["figure"] != BLIND:
            continue
        since = "" if row["since"] is None else f", since {day(row['since'], zone)}"
        found.append(
            f"blind spot ({row['evaluation_set']}): {row['status']} in the window of "
            f"{day(row['window_start'], zone)}{since}"
        )
        found += [f"  {plain(one, lines=False)}" for one in row["reason"].split("; ")]
    return found or ["blind spot: not measured yet; `sparkdrift eval SPEC` tells it"]

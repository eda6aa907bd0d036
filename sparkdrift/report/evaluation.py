"""Whether the evaluation still fits, as lines: figures beside limits, then the blind spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sparkdrift.explain.blind_spots import reasons_of
from sparkdrift.report.plain import day, plain, share

LISTED = ("figure", "of", "value", "95 %", "limit", "status", "reason")
BLIND = "blind_spot"
COLOURED = (BLIND, "dashboard")
"""Figures whose status is green, amber or red."""
_LEGEND = (
    "red: in its band while something alerts; amber: evidence is missing; green: all was tested, "
    "and nothing alerts or the dashboard shows it"
)
_ORDER = (
    *("eval_age", "training_age", "gap_max", "gap_mean", "outside", "thin", "ess_ratio"),
    *("missing_slices", "decision_rate", "threshold_age", "prior_shift", "calibration_error"),
    *("calibration_slope", "calibration_intercept", "brier", "acceptance_limit", "reweighted"),
    *("outcome_link", "outcome_decay"),
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
    "reweighted": "metric on production's mix",
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
        _limit(row),
        row["status"],
        plain(row["reason"], lines=False),
    ]


def _limit(row: Mapping[str, Any]) -> str:
    """The upper limit, or both; '' where it has none."""
    if row["threshold"] is None:
        return ""
    upper = _told(row["threshold"], row)
    return upper if row["threshold_low"] is None else f"{_told(row['threshold_low'], row)}, {upper}"


def _told(value: float, row: Mapping[str, Any]) -> str:
    if row["unit"] == "days":
        return f"{value:.0f} days"
    if row["unit"] == "share":
        return share(value)
    if row["unit"] == "points":
        return f"{value:.3g} point{'' if abs(value) == 1 else 's'}"
    return f"{value:.2f} sd" if row["unit"] == "sd" else f"{value:.3g}"


def blind_spot_lines(rows: Sequence[Mapping[str, Any]], zone: str) -> list[str]:
    """What the newest window's rows say of the dashboard: the verdict, since when, and each
    reason on a line of its own. One block for each evaluation set, what the colours mean last."""
    found: list[str] = []
    for row in sorted(rows, key=lambda one: str(one["evaluation_set"])):
        if row["figure"] != BLIND:
            continue
        since = "" if row["since"] is None else f", since {day(row['since'], zone)}"
        found.append(
            f"blind spot ({row['evaluation_set']}): {row['status']} in the window of "
            f"{day(row['window_start'], zone)}{since}"
        )
        reasons = [plain(one, lines=False) for one in reasons_of(row["reason"])]
        if row["status"] == "amber":
            found.append(f"  amber because: {_because(reasons)}")
        found += [f"  {one}" for one in reasons]
    if not found:
        return ["blind spot: not measured yet; `sparkdrift eval SPEC` tells it"]
    return [*found, _LEGEND]


def _because(reasons: Sequence[str]) -> str:
    """What is missing, as one sentence, from the reasons of an amber verdict."""
    missing = list(dict.fromkeys(told for one in reasons if (told := _missing(one))))
    text = _listed(missing) or "some of what would show it was not measured"
    alerts = [one.removeprefix("alert: ").split(" (")[0] for one in reasons if _alerts(one)]
    if alerts:
        text += f"; an alert stands ({', '.join(alerts)}), but the dashboard can't be held to it"
    return text


def _alerts(reason: str) -> bool:
    return reason.startswith("alert: ")


def _missing(reason: str) -> str:
    """'the score is not measured' of 'not measured: score (why)'; '' of an alert."""
    head = reason.split(" (")[0]
    kind, _, name = head.partition(": ")
    if kind == "not measured":
        return f"{name} {'are' if name.endswith('s') else 'is'} not measured"
    if kind == "dashboard metric without value or limit":
        return f"the dashboard has no {name} that is of now and has a limit"
    if kind.startswith("power"):
        return f"there are too few rows to see a change of {name}"
    if kind.startswith("ESS ratio"):
        return "the evaluation set stands for too little of production"
    return {
        "no dashboard metric": "no metric of a dashboard is declared",
        "no fresh labels": "there are no fresh labels",
    }.get(head, "")


def _listed(parts: Sequence[str]) -> str:
    """'a, b and c'."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)

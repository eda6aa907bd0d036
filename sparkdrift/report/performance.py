"""How well the model did, as lines: estimated beside realised beside the evaluation set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sparkdrift.report.plain import day

LISTED = ("window", "metric", "estimated", "realised", "evaluated", "status")
CONCEPT_DRIFT = "concept drift"


def performance_lines(rows: Sequence[Mapping[str, Any]], zone: str) -> list[list[str]]:
    """Rows of `performance` as cells of LISTED, in their order; what is not measured says why."""
    return [_line(row, zone) for row in rows]


def _line(row: Mapping[str, Any], zone: str) -> list[str]:
    return [
        day(row["window_start"], zone),
        row["metric"] if row["class_name"] == "*" else f"{row['metric']} of {row['class_name']}",
        *(_figure(row, name) for name in ("estimated", "realised", "evaluated")),
        _status(row),
    ]


def _figure(row: Mapping[str, Any], name: str) -> str:
    """'0.912 (0.903 to 0.920)'; '' where it is not measured."""
    value, low, high = (row[part] for part in (name, f"{name}_low", f"{name}_high"))
    if value is None:
        return ""
    around = "" if low is None or high is None else f" ({low:.3g} to {high:.3g})"
    return f"{value:.3g}{around}"


def _status(row: Mapping[str, Any]) -> str:
    """The status; with what labels show against the estimate, and without an ok why."""
    told = row["status"] or "not judged"
    if row["basis"] == "estimated" and row["status"] == "degraded":
        told += " (estimated)"
    if row["concept_drift"]:
        told += f", {CONCEPT_DRIFT}"
    silent = row["status"] in ("ok", None) and not row["concept_drift"]
    return told if silent else f"{told}: {row['reason']}"

"""How well the model did, as lines: estimated beside realised beside the evaluation set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sparkdrift.report.facts import slice_name
from sparkdrift.report.plain import day, plain

LISTED = ("window", "metric", "estimated", "realised", "evaluated", "status")
CONCEPT_DRIFT = "concept drift"
_NAMED = 5


def performance_lines(rows: Sequence[Mapping[str, Any]], zone: str) -> list[list[str]]:
    """Rows of `performance` as cells of LISTED, in their order; what is not measured says why."""
    return [_line(row, zone) for row in rows]


def _line(row: Mapping[str, Any], zone: str) -> list[str]:
    return [
        day(row["window_start"], zone),
        _metric(row),
        *(_figure(row, name) for name in ("estimated", "realised", "evaluated")),
        _status(row),
    ]


def slice_lines(rows: Sequence[Mapping[str, Any]], zone: str) -> list[str]:
    """Rows of slices that are degraded, the greatest losses first; no more than _NAMED of them."""
    found = sorted(rows, key=lambda row: -abs(row["loss"] or row["estimated_loss"] or 0.0))
    lines = []
    for row in found[:_NAMED]:
        where = f"{day(row['window_start'], zone)}, {slice_name(row)}"
        lines.append(f"degraded in {where}: {_metric(row)}, {plain(row['reason'], lines=False)}")
    if len(found) > _NAMED:
        others = dict.fromkeys(slice_name(row) for row in found[_NAMED:])
        lines.append(f"and {len(found) - _NAMED} more rows of slices, of {', '.join(others)}")
    return lines


def _metric(row: Mapping[str, Any]) -> str:
    return row["metric"] if row["class_name"] == "*" else f"{row['metric']} of {row['class_name']}"


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

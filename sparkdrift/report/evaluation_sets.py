"""An evaluation set in words: rows, positives, edges, and what was declared when it was frozen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sparkdrift.measures.regression_error import COLUMNS as ERRORS
from sparkdrift.measures.score_bins import COLUMNS, unflat
from sparkdrift.report.plain import joined

_SHOWN = 12


def score_facts(
    name: str, edges: tuple[float, ...], cells: tuple[float, ...], *, regression: bool
) -> dict[str, Any]:
    """What is known of one score of a version; name: its class, '' where it is the only one."""
    if regression:
        sums = [sum(cells[i :: len(ERRORS)]) for i in range(2)]
        return {
            "score": name,
            "rows": round(sum(sums)),
            "labelled": round(sums[0]),
            "bins": len(edges) + 1,
            "edges": list(edges),
        }
    state = unflat(edges, cells)
    missing, outside, odd = (round(float(one)) for one in state.unusable)
    total = {key: round(float(state.total(key))) for key in COLUMNS[:3]}
    return {
        "score": name,
        "rows": total["rows"] + missing + outside,
        "labelled": total["labelled"],
        "positives": total["positives"],
        "without_score": missing,
        "odd_labels": odd,
        "bins": len(edges) + 1,
        "edges": list(edges),
    }


def score_lines(facts: Mapping[str, Any]) -> tuple[str, str]:
    """(what, value) for one score."""
    what = f"score of {facts['score']}" if facts["score"] else "score"
    parts = [f"{facts['labelled']:,} of {facts['rows']:,} rows labelled"]
    if facts["labelled"] and "positives" in facts:
        share = facts["positives"] / facts["labelled"]
        parts.append(f"{facts['positives']:,} positive ({share:.1%})")
    for key, text in (("without_score", "without score"), ("odd_labels", "odd labels")):
        if facts.get(key):
            parts.append(f"{facts[key]:,} {text}")
    ends = facts["edges"]
    span = f", edges from {ends[0]:.4g} to {ends[-1]:.4g}" if ends else ""
    return what, f"{', '.join(parts)}; {facts['bins']} bins{span}"


def declared_lines(declared: str | None) -> list[tuple[str, str]]:
    """(what, value): thresholds, with who calibrated them when on what, and the dashboard."""
    if declared is None:
        return []
    content = json.loads(declared)
    lines = []
    for name, one in content.get("thresholds", {}).items():
        made = [
            f"{word} {one[key]}"
            for key, word in (
                *(("calibrated_at", "calibrated"), ("calibrated_by", "by")),
                ("calibrated_on", "on"),
            )
            if one.get(key)
        ]
        target = {key: of for key, of in (one.get("target") or {}).items() if of is not None}
        made += [f"for {key} {of}" for key, of in target.items()]
        lines.append((f"threshold {name}", " ".join([f"{one['value']:g}", *made])))
    for name, one in content.get("dashboard", {}).items():
        said = [f"{key.replace('_', ' ')} {of:g}" for key, of in one.items() if of is not None]
        lines.append((f"dashboard {name}", joined(said, _SHOWN)))
    return lines

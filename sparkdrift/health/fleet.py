"""The fleet as people look at it: rows of the view `fleet` beside what the registry declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sparkdrift.health.ownership import NO_MONITOR, fleet_findings
from sparkdrift.spec.registry import DeclaredModel, Registry


def together(
    rows: Sequence[Mapping[str, Any]], registry: Registry | None, at: datetime
) -> list[dict[str, Any]]:
    """The fleet in its order, ranked anew; `notes` of each say what contradicts or is missing.

    Models that the registry declares and nobody watches come first: of them nothing at all is
    known. A registry that is None adds and contradicts nothing.
    """
    models = registry.models if registry else {}
    monitors = {str(row["model_id"]): list(row["monitors"] or ()) for row in rows}
    fresh = {str(row["model_id"]): bool(row["fresh"]) for row in rows}
    owed = fleet_findings(models, monitors, fresh, at)
    seen = []
    for row in rows:
        name = str(row["model_id"])
        found = [f"{one.debt}: {one.evidence}" for one in owed.get(name, ())]
        found += _contradictions(row, models.get(name))
        if not row["fresh"] and row["stage"] != "retired" and name not in models:
            found.append("no fresh verdict: its newest verdict is out of date")
        seen.append({**row, "notes": found})
    unseen = [
        _unseen(name, model, [f"{one.debt}: {one.evidence}" for one in owed.get(name, ())])
        for name, model in sorted(models.items())
        if name not in monitors
    ]
    blind = [row for row in unseen if row["blind"]]
    others = [row for row in unseen if not row["blind"]]
    return [{**row, "rank": rank} for rank, row in enumerate((*blind, *seen, *others), 1)]


def _contradictions(row: Mapping[str, Any], model: DeclaredModel | None) -> Iterable[str]:
    owners = list(row["owners"] or ())
    if len(owners) > 1:
        yield f"{len(owners)} owners: {', '.join(owners)}"
    if model is None:
        return
    if model.owner is not None and owners and owners != [model.owner]:
        yield f"the registry names another owner: {model.owner}"
    if model.stage != row["stage"]:
        yield f"the registry says {model.stage}, its monitors say {row['stage']}"
    retired, end = model.retired_at, row["window_end"]
    if retired is not None and end is not None and end.date() > retired:
        yield f"retired since {retired}, and judged up to {end:%Y-%m-%d}"


def _unseen(name: str, model: DeclaredModel, notes: list[str]) -> dict[str, Any]:
    """A declared model without a row: what nobody measured is None, and never zero."""
    blind = any(note.startswith(NO_MONITOR) for note in notes)
    return {
        "model_id": name,
        "model_version": model.version,
        "stage": model.stage,
        "verdict": "blind" if blind else None,
        "blind": blind,
        "fresh": False if blind else None,
        "owner": model.owner or model.business_owner,
        "owners": [model.owner] if model.owner else [],
        "overdue": False,
        **dict.fromkeys(
            (
                *("severity", "since", "window_end", "confidence", "escalation", "due"),
                *("dashboard_status", "blind_spot", "open_debts", "oldest_debt", "cost", "loss"),
                *("cost_so_far", "currency", "answer", "answered_by"),
            )
        ),
        "monitors": list(model.monitors),
        "notes": notes,
    }

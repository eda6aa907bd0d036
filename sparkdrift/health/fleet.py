"""The fleet as people look at it: rows of the view `fleet` beside what the registry declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sparkdrift.health.declared import Owed, ledger_of, owed_by
from sparkdrift.health.events import Event
from sparkdrift.health.findings import SEVERITIES, Finding
from sparkdrift.health.ledger import RETIRED
from sparkdrift.health.ownership import (
    NO_MONITOR,
    fleet_findings,
    watched_models,
)
from sparkdrift.spec.model import Stage
from sparkdrift.spec.registry import DeclaredModel, Registry


def together(
    rows: Sequence[Mapping[str, Any]],
    registry: Registry | None,
    at: datetime,
    events: Mapping[str, Sequence[Event]] | None = None,
    scored: Mapping[str, Sequence[Event]] | None = None,
) -> list[dict[str, Any]]:
    """The fleet in its order, ranked anew; `notes` of each say what contradicts or is missing.

    Models that the registry declares and nobody watches come first: of them nothing at all is
    known. A registry that is None adds and contradicts nothing. events: of declared models, by
    ledger; what is on their books counts among the open debts, and its note says since when.
    scored: by monitor of a retired model, what stands in its ledger of that it is still scored.
    """
    models, scored = registry.models if registry else {}, scored or {}
    watched = watched_models(rows)
    staged = {str(row["model_id"]): row for row in rows}
    models = {
        name: model.model_copy(update={"stage": _stage(model, staged[name], at)})
        if name in staged and "stage" not in model.model_fields_set
        else model
        for name, model in models.items()
    }
    owed = fleet_findings(models, watched, at)
    books = {
        name: owed_by(name, model, owed.get(name, ()), events[ledger_of(name)], at)
        for name, model in models.items()
        if events and ledger_of(name) in events
    }
    seen = []
    for row in rows:
        name = str(row["model_id"])
        found = _notes(owed.get(name, ()), books.get(name))
        found += _contradictions(row, models.get(name), at)
        found += [_scored(scored[one]) for one in row["monitors"] or () if one in scored]
        if not row["fresh"] and row["stage"] != "retired" and name not in models:
            found.append("no fresh verdict: its newest verdict is out of date")
        seen.append({**row, **_booked(row, books.get(name), at), "notes": found})
    unseen = [
        _unseen(name, model, _notes(owed.get(name, ()), books.get(name)), books.get(name), at)
        for name, model in sorted(models.items())
        if name not in watched
    ]
    seen.sort(key=_order)
    blind = [row for row in unseen if row["blind"]]
    others = [row for row in unseen if not row["blind"]]
    return [{**row, "rank": rank} for rank, row in enumerate((*blind, *seen, *others), 1)]


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """As the view `fleet` orders them; what is not known comes last."""

    def most(name: str) -> tuple[bool, float]:
        value = row.get(name)
        return (value is None, 0.0 if value is None else -value)

    oldest, severity = row.get("oldest_debt"), row.get("severity")
    return (
        row["stage"] == "retired",
        not row["blind"],
        most("cost"),
        most("loss"),
        -SEVERITIES.index(severity) if severity else 1,
        (oldest is None, oldest.timestamp() if oldest else 0.0),
        row["model_id"],
    )


def _notes(found: Sequence[Finding], books: Owed | None) -> list[str]:
    """What a model owes, and since when it is on the books, or waived."""
    known = {one.name: one for one in books.debts} if books else {}
    notes = []
    for one in found:
        text, debt = f"{one.debt}: {one.evidence}", known.get(one.debt)
        if debt is not None:
            text += f", since {debt.opened:%Y-%m-%d}"
            if debt.status == "waived" and debt.until is not None:
                text += f", waived until {debt.until:%Y-%m-%d}"
        notes.append(text)
    return notes


def _scored(events: Sequence[Event]) -> str:
    """That a retired model is still scored, since when, and what was said of it last."""
    first, last = events[0], events[-1]
    text = f"{RETIRED} since {first.window_start:%Y-%m-%d}: {first.evidence}"
    return text if last is first else f"{text}, {last.action} by {last.by or last.owner}"


def _booked(row: Mapping[str, Any], books: Owed | None, at: datetime) -> dict[str, Any]:
    """How many debts are open, since when the oldest is and when the first is due, with those of
    the model itself. What is waived is due nowhere."""
    if books is None or not books.debts:
        return {}
    due = [one.due for one in books.debts if one.status != "waived"]
    known = {name: row[name] for name in ("oldest_debt", "due") if row.get(name) is not None}
    first = min([*due, *([known["due"]] if "due" in known else [])], default=None)
    opened = [one.opened for one in books.debts]
    return {
        "open_debts": (row.get("open_debts") or 0) + len(books.debts),
        "oldest_debt": min([*opened, *([known["oldest_debt"]] if "oldest_debt" in known else [])]),
        "due": first,
        "overdue": bool(row.get("overdue")) or any(one < at for one in due),
    }


def _stage(model: DeclaredModel, row: Mapping[str, Any], at: datetime) -> Stage:
    """As the registry says, else, where it leaves that open, as the monitors do."""
    said = {"stage", "deployed_at", "retired_at"} & model.model_fields_set
    stage: Stage = model.stage_at(at.date()) if said else row["stage"]
    return stage


def _contradictions(
    row: Mapping[str, Any], model: DeclaredModel | None, at: datetime
) -> Iterable[str]:
    owners = list(row["owners"] or ())
    if len(owners) > 1:
        yield f"{len(owners)} owners: {', '.join(owners)}"
    if model is None:
        return
    if model.owner is not None and owners and owners != [model.owner]:
        yield f"the registry names another owner: {model.owner}"
    stage = _stage(model, row, at)
    if stage != row["stage"]:
        yield f"the registry says {stage}, its monitors say {row['stage']}"
    unlisted = row["unlisted_monitors"]
    if unlisted:
        yield f"the registry does not list its monitor, which counts no more: {', '.join(unlisted)}"
    retired, end = model.retired_at, row["window_end"]
    # That a model was retired is told by a row of the window after it.
    after = retired is not None and end is not None and end.date() > retired
    if after and row["stage"] != "retired":
        yield f"retired since {retired}, and judged up to {end:%Y-%m-%d}"


def _unseen(
    name: str, model: DeclaredModel, notes: list[str], books: Owed | None, at: datetime
) -> dict[str, Any]:
    """A declared model without a row: what nobody measured is None, and never zero."""
    blind = any(note.startswith(NO_MONITOR) for note in notes)
    return {
        "model_id": name,
        "model_version": model.version,
        "stage": model.stage_at(at.date()),
        "verdict": "blind" if blind else None,
        "blind": blind,
        "fresh": False if blind else None,
        "owner": _in_charge(model, books),
        "owners": [model.owner] if model.owner else [],
        "overdue": False,
        **dict.fromkeys(
            (
                *("severity", "since", "window_end", "confidence", "escalation", "due"),
                *("dashboard_status", "blind_spot", "open_debts", "oldest_debt", "cost", "loss"),
                *("cost_so_far", "currency", "stale_monitors", "answer", "answered_by"),
            )
        ),
        **_booked({}, books, at),
        "monitors": list(model.monitors),
        "unlisted_monitors": [],
        "notes": notes,
    }


def _in_charge(model: DeclaredModel, books: Owed | None) -> str | None:
    """Who answers for a model that nobody watches: the second owner once a debt is overdue."""
    escalated = [one.owner for one in books.debts if one.escalated] if books else []
    return escalated[0] if escalated else model.owner or model.business_owner

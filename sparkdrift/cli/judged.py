"""What the step `health` found, as facts: for `health` itself, and for `run`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparkdrift.health.judged import Judged


def health_facts(found: Judged, currency: str | None) -> dict[str, Any]:
    """The newest verdict for --json; None where there is none yet."""
    newest, standing = found.newest, found.standing
    if standing is None:
        return {"verdict": None}
    if newest is None:
        return {**asdict(standing), "windows_judged": 0, "debt_events": 0}
    judgement = newest.judgement
    return {
        "window_start": newest.window.start,
        "verdict": judgement.verdict,
        "severity": judgement.severity,
        "confidence": round(judgement.confidence, 4),
        "since": newest.since,
        "due": newest.due,
        "owner": newest.owner,
        "escalation": newest.escalation,
        "reasons": [
            {"weight": one.weight, "kind": one.kind, "reason": one.reason, "rows": list(one.rows)}
            for one in judgement.reasons
        ],
        "rules": list(judgement.rules),
        "would_change": judgement.would_change,
        "levels": {
            name: {"level": level.value, "measured": round(level.measured, 4), "why": level.why}
            for name, level in newest.levels.items()
        },
        "dashboard_status": newest.dashboard_status,
        "blind_spot": newest.blind_spot,
        "open_debts": len(newest.debts),
        "oldest_debt": newest.oldest_debt,
        "cost_so_far": newest.cost_so_far,
        "currency": currency,
        "windows_judged": len(found.due),
        "debt_events": len(found.entries),
    }

"""Which hooks are due for the present verdict, and what they are told: pure functions of rows.

A verdict is told once: in the window in which it began, to each hook that names it. Who looks at it
again finds the row in `triggers` and tells nobody; a delivery that failed is tried again by the
next run, as long as the verdict stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sparkdrift.spec.hooks import Hook

DONE = ("written", "sent")
FAILED = "failed"
FORMAT = 1
"""Of the document that a webhook is sent; raised when a field changes its meaning."""


@dataclass(frozen=True)
class Present:
    """The verdict that stands in a monitor's newest window.

    since: start of the window in which it began; previous: the verdict of the one before that,
    None where there was none. row: the row of `model_health`, by its columns.
    """

    monitor: str
    granularity: str
    verdict: str
    since: datetime
    previous: str | None
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """A row of `triggers`. since: start of the window in which the verdict began that was told."""

    hook: str
    seq: int
    verdict: str
    status: str
    since: datetime


def due_hooks(
    hooks: Sequence[Hook], present: Present, told: Sequence[Told]
) -> list[tuple[Hook, int]]:
    """(hook, number of the attempt) for each hook that has yet to be told of the verdict.

    told: since the present verdict began, the last of them last.
    """
    due = []
    for hook in hooks:
        if present.verdict not in hook.verdicts:
            continue
        own = [one for one in told if one.hook == hook.title]
        if own and own[-1].verdict == present.verdict and own[-1].status in DONE:
            continue
        tried = [one.seq for one in own if one.since == present.since]
        due.append((hook, max(tried, default=0) + 1))
    return due


def delivery_id(present: Present, hook: Hook) -> str:
    """The same for every attempt to tell a hook of one verdict, so that a receiver can drop
    repetitions."""
    parts = (present.monitor, present.granularity, _iso(present.since), present.verdict, hook.title)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def document(present: Present, delivery: str) -> dict[str, Any]:
    """What a webhook is sent; times are ISO 8601 in UTC, and NULL stays null."""
    row = present.row
    kept = (
        *("severity", "confidence", "would_change", "owner", "escalation", "dashboard_status"),
        *("blind_spot", "open_debts", "loss", "cost", "cost_so_far", "currency"),
    )
    return {
        "format": FORMAT,
        "delivery": delivery,
        "monitor": present.monitor,
        "model": {
            "id": row.get("model_id"),
            "version": row.get("model_version"),
            "stage": row.get("stage"),
        },
        "window": {
            "start": _iso(row.get("window_start")),
            "end": _iso(row.get("window_end")),
            "granularity": present.granularity,
        },
        "verdict": present.verdict,
        "previous": present.previous,
        "since": _iso(present.since),
        "due": _iso(row.get("due")),
        "reasons": [
            {key: one[key] for key in ("weight", "kind", "reason", "evidence")}
            for one in row.get("reasons") or ()
        ],
        **{key: row.get(key) for key in kept},
    }


def tags(present: Present) -> dict[str, str]:
    """The tags of a version of a registered model; what is not known is an empty text, so that
    nothing of an earlier verdict stays."""
    row = present.row
    known = {
        "verdict": present.verdict,
        "since": _iso(present.since),
        "window_end": _iso(row.get("window_end")),
        "monitor": present.monitor,
        "owner": row.get("owner"),
        "due": _iso(row.get("due")),
    }
    return {
        f"sparkdrift.{key}": "" if value is None else str(value) for key, value in known.items()
    }


def _iso(instant: datetime | None) -> str:
    if instant is None:
        return ""
    return instant.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")

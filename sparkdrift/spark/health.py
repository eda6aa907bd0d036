"""Writing the table `model_health`, and the events of its ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from sparkdrift import __version__
from sparkdrift.health.assessing import Health
from sparkdrift.health.events import CORRECTED, Event
from sparkdrift.health.ledger import LEDGER, Debt, Entry
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.health_tables import MODEL_HEALTH
from sparkdrift.spark.reference_tables import DEBT_EVENTS
from sparkdrift.spark.writer import Case, Scope, insert_rows, replace_all, rows_frame
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store


def write_events(
    spark: SparkSession,
    store: Store,
    entries: Mapping[str, Sequence[Entry]],
    stored: Mapping[str, Sequence[Event]],
    run_id: str,
    by: Mapping[str, str] | None = None,
) -> int:
    """Add what follows from rows, of any number of monitors, in one commit; returns how many rows.

    by: who writes; the ledger where it does not say.

    Of two who write the same event one does: fewer rows than entries means that somebody else took
    numbers, and that what was written of these debts has gaps.
    """
    at = datetime.now(timezone.utc)
    rows: list[dict[str, Any]] = []
    for monitor, own in entries.items():
        numbers: dict[str, int] = {}
        for event in stored.get(monitor, ()):
            numbers[event.debt] = max(numbers.get(event.debt, 0), event.seq)
        for one in own:
            numbers[one.name] = numbers.get(one.name, 0) + 1
            row = _event(monitor, one, numbers[one.name], at, run_id)
            rows.append(row | {"created_by": (by or {}).get(monitor, LEDGER)})
    if not rows:
        return 0
    with few_rows(spark):
        return insert_rows(spark, store, DEBT_EVENTS, rows)


def _event(monitor: str, one: Entry, seq: int, at: datetime, run_id: str) -> dict[str, Any]:
    return {
        "monitor": monitor,
        "debt": one.name,
        "seq": seq,
        "kind": one.finding.kind,
        "action": one.action,
        "window_start": one.window_start,
        "owner": one.owner,
        "severity": one.finding.severity,
        "cost": one.finding.cost,
        "evidence": one.finding.evidence,
        "reason": one.reason or ("found" if one.action != CORRECTED else ""),
        "created_at": at,
        "run_id": run_id,
        "package_version": __version__,
    }


def write_decision(
    spark: SparkSession, store: Store, monitor: str, event: Event, run_id: str
) -> bool:
    """Add what somebody said of a debt; False where meanwhile another event took its number."""
    row = {
        "monitor": monitor,
        "debt": event.debt,
        "seq": event.seq,
        "kind": event.kind,
        "action": event.action,
        "window_start": event.window_start,
        "owner": event.owner,
        "severity": event.severity,
        "until": event.until,
        "evidence": event.evidence,
        "reason": event.reason,
        "created_at": datetime.now(timezone.utc),
        "created_by": event.by,
        "run_id": run_id,
        "package_version": __version__,
    }
    with few_rows(spark):
        return insert_rows(spark, store, DEBT_EVENTS, [row]) == 1


@dataclass(frozen=True)
class Verdicts:
    """The verdicts of one monitor that are to be written. stages, versions: of the model, by start
    of window."""

    spec: MonitorSpec
    health: Sequence[Health]
    policy: str
    stages: Mapping[datetime, str]
    versions: Mapping[datetime, str | None]


def verdict_rows(spark: SparkSession, due: Sequence[Verdicts], run_id: str) -> DataFrame:
    """The rows of any number of monitors, for `write_health`."""
    rows = [
        _row(own, one, own.stages[one.window.start], own.versions[one.window.start], run_id)
        for own in due
        for one in own.health
    ]
    return rows_frame(spark, MODEL_HEALTH, rows)


def write_health(
    spark: SparkSession, store: Store, due: Sequence[Verdicts], rows: DataFrame, run_id: str
) -> None:
    """Make these the rows of their windows, of any number of monitors, in one commit."""
    scopes = [
        Scope(own.spec.monitor, own.spec.windows.grain, [Case([one.window for one in own.health])])
        for own in due
    ]
    with few_rows(spark):
        replace_all(store, MODEL_HEALTH, rows, scopes, run_id=run_id)


def _row(
    own: Verdicts, one: Health, stage: str, version: str | None, run_id: str
) -> dict[str, Any]:
    spec, judgement = own.spec, one.judgement
    return {
        "monitor": spec.monitor,
        "window_start": one.window.start,
        "window_end": one.window.end,
        "granularity": spec.windows.grain,
        "model_id": spec.model_id,
        "model_version": version,
        "stage": stage,
        "verdict": judgement.verdict,
        "severity": judgement.severity,
        "confidence": judgement.confidence,
        "reasons": [
            (reason.weight, reason.kind, reason.reason, list(reason.rows))
            for reason in judgement.reasons
        ],
        "rules": list(judgement.rules),
        "would_change": judgement.would_change,
        "since": one.since,
        "owner": one.owner,
        "escalation": one.escalation,
        "due": one.due,
        "dashboard_status": one.dashboard_status,
        "blind_spot": one.blind_spot,
        "debts": [_debt(debt, one) for debt in one.debts],
        "open_debts": len(one.debts),
        "oldest_debt": one.oldest_debt,
        "loss": one.loss,
        "cost": one.cost,
        "cost_so_far": one.cost_so_far,
        "currency": spec.degraded.currency if spec.degraded else None,
        "policy_hash": own.policy,
        "definition_hash": own.policy,
        "input_digest": one.digest,
        "source_version": None,
        "run_id": run_id,
        "package_version": __version__,
    }


def _debt(debt: Debt, one: Health) -> tuple[Any, ...]:
    now = debt.last_seen == one.window.start
    finding = debt.finding
    return (
        finding.debt,
        finding.kind,
        finding.severity,
        debt.status,
        debt.owner,
        debt.opened,
        debt.last_seen,
        debt.until,
        debt.due,
        debt.windows,
        finding.loss if now else None,
        finding.cost if now else None,
        debt.interest_loss,
        debt.interest,
        finding.evidence,
    )

"""The rows of `debt_events` that versions of references leave behind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import SparkSession

from sparkdrift import __version__
from sparkdrift.references.gate import Check, blocking
from sparkdrift.references.ledger import Entry
from sparkdrift.references.life import Name
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.gate_figures import stored_checks
from sparkdrift.spark.reference_tables import DEBT_EVENTS
from sparkdrift.spark.sql import string
from sparkdrift.spark.writer import insert_rows
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store


def write_debts(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    name: Name,
    owed: Sequence[Entry],
    run_id: str,
) -> int:
    """Write those of the entries that the table lacks; returns how many that were.

    What a debt rests on is what the gate found, as it is stored.
    """
    known = _known(spark, store, name, {debt_of(name, entry.version) for entry in owed})
    rows = []
    for entry in owed:
        have = known.setdefault(debt_of(name, entry.version), _Known())
        if entry.seq > have.entries:
            have.newest += 1
            row = _row(spark, store, spec, name, entry, run_id)
            rows.append({**row, "seq": have.newest})
    return insert_rows(spark, store, DEBT_EVENTS, rows) if rows else 0


def debt_of(name: Name, version: int) -> str:
    """The id of the debt that a forced version is."""
    return f"forced reference {name.role}/{name.name} version {version}"


@dataclass
class _Known:
    """How many entries of a debt are stored, and the number of its newest event of any kind."""

    entries: int = 0
    newest: int = 0


def _known(
    spark: SparkSession, store: Store, name: Name, debts: Collection[str]
) -> dict[str, _Known]:
    """By debt. Others say of it as well that it is overdue, or what is done about it."""
    listed = ", ".join(string(debt) for debt in sorted(debts))
    with few_rows(spark):
        rows = spark.sql(
            "SELECT debt, count_if(action IN ('opened', 'closed')) AS entries, max(seq) AS newest"
            f" FROM {store.table(DEBT_EVENTS.name)} WHERE monitor = {string(name.monitor)}"
            f" AND debt IN ({listed}) GROUP BY debt"
        ).collect()
    return {row["debt"]: _Known(row["entries"], row["newest"]) for row in rows}


def _row(
    spark: SparkSession, store: Store, spec: MonitorSpec, name: Name, entry: Entry, run_id: str
) -> dict[str, Any]:
    event, evidence = entry.event, entry.evidence
    if entry.opens:
        checks = [
            Check(
                name=one["check_name"],
                column=one["column_name"],
                verdict=one["verdict"],
                value=one["value"],
                limit=one["limit_value"],
                reason=one["reason"],
            )
            for one in stored_checks(spark, store, name, entry.version)
        ]
        evidence = "; ".join(blocking(checks))
    return {
        "monitor": name.monitor,
        "debt": debt_of(name, entry.version),
        "kind": "evaluation" if name.role in ("evaluation", "calibration") else "data",
        "action": "opened" if entry.opens else "closed",
        "window_start": event.effective_from,
        "owner": spec.owner,
        "severity": "major",
        "cost": None,
        "evidence": evidence,
        "reason": event.reason,
        "created_at": event.at or datetime.now(timezone.utc),
        "created_by": event.by,
        "run_id": run_id,
        "package_version": __version__,
    }

"""The store's tables under their plain names, and the views that answer common questions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyspark.sql import SparkSession

from sparkdrift.errors import StoreError
from sparkdrift.spark.failures import FAILURES
from sparkdrift.spark.schemas import TABLES, Table
from sparkdrift.spark.sql import quote
from sparkdrift.store import Store

# An event overrules all earlier ones from its own start on. So a version is in force from
# there until the earliest start that any later event has; where that leaves nothing, never.
ACTIVE_REFERENCES = """
SELECT e.monitor, e.role, e.name, e.version, e.effective_from, e.effective_until, e.seq,
       s.source, s.source_version, s.interval_start, s.interval_end, s.windows, s.rows,
       s.digest, s.run_id, e.created_at AS activated_at, e.created_by AS activated_by, e.reason
FROM (SELECT *, min(effective_from) OVER (
          PARTITION BY monitor, role, name ORDER BY seq
          ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS effective_until
      FROM {reference_events} WHERE action IN ('activate', 'force')) AS e
JOIN {reference_snapshots} AS s
  ON s.monitor = e.monitor AND s.role = e.role AND s.name = e.name AND s.version = e.version
WHERE e.effective_until IS NULL OR e.effective_from < e.effective_until
"""

# Which thresholds and which reference are in force is known from the last drift step that
# succeeded. A row with reference_version 0 counts where no version of it was in force when
# its window began.
CURRENT_DRIFT = """
SELECT d.*
FROM {drift} AS d
JOIN (SELECT monitor, max_by(policy_hash, at) AS policy_hash FROM {runs}
      WHERE step = 'drift' AND phase = 'SUCCEEDED' GROUP BY monitor) AS p
  ON p.monitor = d.monitor AND p.policy_hash = d.policy_hash
LEFT JOIN {active_references} AS a
  ON a.monitor = d.monitor AND a.role = 'baseline' AND d.window_start >= a.effective_from
 AND (a.effective_until IS NULL OR d.window_start < a.effective_until)
 AND a.name = d.reference_name
WHERE d.reference_version = coalesce(a.version, 0)
"""

VIEWS = {"active_references": ACTIVE_REFERENCES, "current_drift": CURRENT_DRIFT}
NAMES = (*(table.name for table in TABLES), *VIEWS)
_PREFIX = "sparkdrift_empty_"


def register(spark: SparkSession, store: Store, statement: str | None = None) -> tuple[str, ...]:
    """Create a temporary view for each table and view of the store; returns their names.

    With `statement`, only what that SQL text could mean. Raises StoreError where the
    store lacks a table.
    """
    wanted = _mentioned(statement) if statement is not None else set(NAMES)
    for table in TABLES:
        if table.name in wanted:
            try:
                spark.table(store.table(table.name)).createOrReplaceTempView(table.name)
            except FAILURES as error:
                raise StoreError(
                    f"the store {store} lacks table {table.name} or it can't be read; "
                    "`sparkdrift migrate` creates what is missing"
                ) from error
    for name, query in VIEWS.items():
        if name in wanted:
            spark.sql(
                query.format(**{known: quote(known) for known in NAMES})
            ).createOrReplaceTempView(name)
    return tuple(name for name in NAMES if name in wanted)


def unregister(spark: SparkSession, names: tuple[str, ...]) -> None:
    """Drop what `register` created: a session of somebody else is left as it was."""
    for name in reversed(names):
        spark.catalog.dropTempView(name)


@dataclass(frozen=True)
class EmptyStore(Store):
    """A store without rows that exists in one session only: what a dry run reads."""

    def __str__(self) -> str:
        return "(a new store)"

    def table(self, name: str) -> str:
        return quote(f"{_PREFIX}{name}")


def empty_store(spark: SparkSession) -> EmptyStore:
    """Every table of a store as a temporary view without rows: nothing is written."""
    for table in TABLES:
        spark.sql(f"SELECT {_nulls(table)} WHERE false").createOrReplaceTempView(
            f"{_PREFIX}{table.name}"
        )
    return EmptyStore()


def _nulls(table: Table) -> str:
    return ", ".join(f"CAST(NULL AS {one.type}) AS {quote(one.name)}" for one in table.columns)


def _mentioned(statement: str) -> set[str]:
    """The names in a SQL text, with what they are made of; all of them for SHOW TABLES."""
    words = set(re.findall(r"\w+", statement.lower()))
    if "show" in words:
        return set(NAMES)
    found = words.intersection(NAMES)
    if "current_drift" in found:
        found |= {"drift", "runs", "active_references"}
    if "active_references" in found:
        found |= {"reference_events", "reference_snapshots"}
    return found

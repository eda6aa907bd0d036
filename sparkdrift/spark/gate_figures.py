"""What the gate reads of alerts, labels and shaped rows, and the rows it leaves behind."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import SparkSession

from sparkdrift import __version__
from sparkdrift.explain.signals import WHOLE
from sparkdrift.references.gate import Check
from sparkdrift.references.life import Name
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_tables import DRIFT
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.labels import LABELLED, joined_labels
from sparkdrift.spark.reference_life import ROLE, Snapshot, same
from sparkdrift.spark.reference_tables import REFERENCE_CHECKS, REFERENCE_EVENTS
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import in_windows, quote, string
from sparkdrift.spark.views import alerts_query, registered
from sparkdrift.spark.writer import insert_rows
from sparkdrift.spec.feedback import SHAPED
from sparkdrift.spec.metrics import PREFIX
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window

_JUDGED = """
SELECT * FROM (
  SELECT *, row_number() OVER (PARTITION BY window_start, column_name, comparison
                               ORDER BY in_force DESC, put_at DESC NULLS LAST,
                                        alerting DESC NULLS LAST) AS place
  FROM (
    SELECT *, 1 AS in_force, CAST(NULL AS TIMESTAMP) AS put_at FROM {current_drift}
    WHERE {inside}
    UNION ALL
    SELECT d.*, 0, e.created_at FROM (SELECT * FROM {drift} WHERE {inside}) AS d
    LEFT JOIN (SELECT * FROM {reference_events} WHERE action IN ('activate', 'force')) AS e
      ON e.monitor = d.monitor AND e.name = d.reference_name AND e.version = d.reference_version
     AND e.role = CASE WHEN d.comparison = 'training' THEN 'training'
                       WHEN d.comparison LIKE 'evaluation:%' THEN 'evaluation' ELSE 'baseline' END
     AND e.effective_from <= d.window_start
    WHERE e.version IS NOT NULL OR d.reference_version = 0))
WHERE place = 1
"""


def judged_query(names: Mapping[str, str], inside: str) -> str:
    """One row of drift for each window, column and comparison: the judgement that counts.

    What is in force now; where that is none, the one by the version that was put in force last,
    of those that ever were for this window; of several policies one that alerted. A version that
    judged the window in hindsight alone, as `run --recompute` does, says nothing of it: it may
    have been made of it. inside: a condition on rows of drift. names: quoted ones of
    current_drift, drift and reference_events.
    """
    return _JUDGED.format(**names, inside=inside)


def alerted(
    spark: SparkSession, store: Store, spec: MonitorSpec, interval: Window
) -> tuple[set[datetime], set[datetime]]:
    """Starts of the windows of `interval` (that were compared, that an alert rests on).

    Compared is a window of which any feature has a figure or a verdict in a comparison that may
    alert, also where so few rows would not have shown a shift: an alert counts there as well. What
    counts of several judgements is told by `judged_query`. Of the whole table, suppressed
    alerts too: what is expected is no less unusual. A window counts that alerts itself, where an
    alert came of it: not a single window that alerted by chance, and not those in which an alert
    merely still stands.
    """
    asked = ", ".join(map(string, spec.alerts.comparisons))
    inside = (
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND slice_key = {string(WHOLE)} AND comparison IN ({asked})"
        " AND (d_statistic IS NOT NULL OR status IN ('ok', 'warning', 'drifted'))"
    )
    view = f"sparkdrift_judged_{uuid.uuid4().hex[:8]}"
    with registered(spark, store, "SELECT * FROM current_drift"):
        names = {"current_drift": "current_drift"} | {
            table.name: store.table(table.name) for table in (DRIFT, REFERENCE_EVENTS)
        }
        spark.sql(judged_query(names, inside)).createOrReplaceTempView(view)
        try:
            rows = spark.sql(
                f"WITH stretches AS (SELECT column_name, comparison, since,"
                f" max(window_start) AS last FROM ({alerts_query(quote(view))})"
                " GROUP BY column_name, comparison, since)"
                " SELECT unix_micros(d.window_start) AS start,"
                " coalesce(max(d.alerting AND s.since IS NOT NULL), false) AS bad"
                f" FROM (SELECT * FROM {quote(view)}"
                f" WHERE {in_windows('window_start', [interval])}) AS d"
                " LEFT JOIN stretches AS s ON s.column_name = d.column_name"
                " AND s.comparison = d.comparison AND d.window_start BETWEEN s.since AND s.last"
                " GROUP BY d.window_start"
            ).collect()
        finally:
            spark.catalog.dropTempView(view)
    return (
        {from_micros(row["start"]) for row in rows},
        {from_micros(row["start"]) for row in rows if row["bad"]},
    )


def judging_names(spark: SparkSession, store: Store, monitor: str) -> set[str]:
    """The names of the baselines that windows of a monitor were judged by so far."""
    rows = spark.sql(
        f"SELECT DISTINCT reference_name FROM {store.table(DRIFT.name)}"
        f" WHERE monitor = {string(monitor)} AND comparison = {string(ROLE)}"
        " AND reference_version > 0"
    ).collect()
    return {row["reference_name"] for row in rows}


def labelled(spark: SparkSession, source: Source, label: str) -> tuple[int, int]:
    """(rows, rows with a label) of a source, in one scan of one column."""
    row = source.select(spark, "count(*) AS rows", f"count({quote(label)}) AS labelled")
    found = row.collect()[0]
    return int(found["rows"]), int(found["labelled"])


def labelled_by_key(
    spark: SparkSession, spec: MonitorSpec, source: Source, table: Source | None
) -> tuple[int, int]:
    """The same where labels stand in a table of their own: one scan of each, joined by key.

    A label counts as it does when windows are evaluated: of two of the same time that differ none.
    """
    rows = joined_labels(spark, spec, source.rows(spark), table, of_few=True)
    (found,) = rows.selectExpr("count(*) AS rows", f"count_if({LABELLED}) AS labelled").collect()
    return int(found["rows"]), int(found["labelled"])


def shaped_rows(
    spark: SparkSession, store: Store, name: Name, version: Snapshot
) -> tuple[int, int, str | None]:
    """(rows of which it is known, rows that the model shaped, why they were not counted or None).

    From what is stored of the version; no source row is read.
    """
    found = (
        frozen_rows(spark, store, [(name, version)])
        .where(f"slice_key = {string(WHOLE)} AND column_name = {string(PREFIX + SHAPED)}")
        .selectExpr(
            "CAST(coalesce(cells[2].value, 0) AS BIGINT) AS known",
            "CAST(coalesce(cells[0].value, 0) AS BIGINT) AS shaped",
            "CASE WHEN cells IS NULL THEN coalesce(reason, 'it was not counted') END AS reason",
        )
        .collect()
    )
    if not found:
        return 0, 0, "the version was made before the spec said which rows the model shaped"
    row = found[0]
    return row["known"], row["shaped"], row["reason"]


def write_checks(
    spark: SparkSession,
    store: Store,
    name: Name,
    version: int,
    checks: Sequence[Check],
    run_id: str,
) -> None:
    """Store what the gate found, whatever comes of it."""
    rows = [
        {
            "monitor": name.monitor,
            "role": name.role,
            "name": name.name,
            "version": version,
            "run_id": run_id,
            "check_name": one.name,
            "column_name": one.column,
            "verdict": one.verdict,
            "value": one.value,
            "limit_value": one.limit,
            "against_version": one.against,
            "reason": one.reason,
            "checked_at": datetime.now(timezone.utc),
            "package_version": __version__,
        }
        for one in checks
    ]
    insert_rows(spark, store, REFERENCE_CHECKS, rows)


def stored_checks(
    spark: SparkSession, store: Store, name: Name, version: int
) -> list[dict[str, Any]]:
    """What the gate found of a version, the newest asking alone, gravest first."""
    rows = spark.sql(
        "SELECT check_name, column_name, verdict, value, limit_value, against_version, reason"
        f" FROM {store.table(REFERENCE_CHECKS.name)} WHERE {same(name)}"
        f" AND version = {int(version)} AND run_id = (SELECT max_by(run_id, checked_at) FROM"
        f" {store.table(REFERENCE_CHECKS.name)} WHERE {same(name)} AND version = {int(version)})"
    ).collect()
    order = ("blocked", "warned", "not_measured", "passed")
    found = [row.asDict() for row in rows]
    return sorted(
        found,
        key=lambda row: (order.index(row["verdict"]), row["check_name"], row["column_name"]),
    )

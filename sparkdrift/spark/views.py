"""The store's tables under their plain names, and the views that answer common questions.

Importing this loads no pyspark: the texts of the views are read without Java as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparkdrift.errors import StoreError
from sparkdrift.spark import monitor_views
from sparkdrift.spark.debt_views import DEBTS
from sparkdrift.spark.health_views import FLEET, LATEST_HEALTH
from sparkdrift.spark.schemas import RUNS, TABLES
from sparkdrift.spark.sql import quote, string
from sparkdrift.spark.table import Table
from sparkdrift.spec.alerts import MOST_WINDOWS
from sparkdrift.store import Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# An event overrules all earlier ones from its own start on. So a version is in force from
# there until the earliest start that any later event has; where that leaves nothing, never, and
# never where its rows were erased.
ACTIVE_REFERENCES = """
SELECT e.monitor, e.role, e.name, e.version, e.effective_from, e.effective_until, e.seq,
       s.source, s.source_version, s.interval_start, s.interval_end, s.windows, s.rows,
       s.newest_event, s.digest, s.run_id, e.created_at AS activated_at,
       e.created_by AS activated_by, e.reason
FROM (SELECT *, min(effective_from) OVER (
          PARTITION BY monitor, role, name ORDER BY seq
          ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS effective_until
      FROM {reference_events} WHERE action IN ('activate', 'force')) AS e
JOIN {reference_snapshots} AS s
  ON s.monitor = e.monitor AND s.role = e.role AND s.name = e.name AND s.version = e.version
LEFT ANTI JOIN (SELECT * FROM {reference_events} WHERE action = 'erase') AS x
  ON x.monitor = e.monitor AND x.role = e.role AND x.name = e.name AND x.version = e.version
WHERE e.effective_until IS NULL OR e.effective_from < e.effective_until
"""

# The policy of the last drift step that succeeded, and where version 1 first came into force, until
# it was erased.
POLICIES = """SELECT monitor, max_by(policy_hash, at) AS policy_hash FROM {runs}
      WHERE step = 'drift' AND phase = 'SUCCEEDED' GROUP BY monitor"""
ORIGINS = """SELECT monitor, name, min_by(effective_from, seq)
                  FILTER (WHERE action IN ('activate', 'force')) AS effective_from
           FROM {reference_events} WHERE role = 'baseline' AND version = 1
           GROUP BY monitor, name HAVING count_if(action = 'erase') = 0"""

# Which thresholds and which reference are in force is known from the last drift step that
# succeeded. A row with reference_version 0 counts where no version of it was in force when
# its window began. The comparison `origin` stays with version 1 from where that first came into
# force, until it is erased; `unshaped` reads no reference.
_IN_FORCE = """
SELECT d.*
FROM {drift} AS d
JOIN {policies} AS p
  ON p.monitor = d.monitor AND p.policy_hash = d.policy_hash
LEFT JOIN {active_references} AS a
  ON a.monitor = d.monitor
 AND a.role = CASE WHEN d.comparison = 'training' THEN 'training'
                   WHEN d.comparison LIKE 'evaluation:%' THEN 'evaluation' ELSE 'baseline' END
 AND d.window_start >= a.effective_from
 AND (a.effective_until IS NULL OR d.window_start < a.effective_until)
 AND a.name = d.reference_name
LEFT JOIN {origins} AS o
  ON o.monitor = d.monitor AND o.name = d.reference_name
WHERE d.reference_version = CASE
  WHEN d.comparison = 'unshaped' THEN 0
  WHEN d.comparison <> 'origin' THEN coalesce(a.version, 0)
  WHEN d.window_start >= o.effective_from THEN 1 ELSE 0 END
"""
CURRENT_DRIFT = _IN_FORCE.replace("{policies}", f"({POLICIES})").replace(
    "{origins}", f"({ORIGINS})"
)

# A measured window has a number; one that was not measured shares that of the window before,
# so that it sees the same windows and changes nothing. `measures/persistence.py` is the same
# rule in Python. {most} is the largest alert_of: a frame can't be as long as a column says.
ALERTS = """
WITH graded AS (
  SELECT *, array_position(array('warning', 'minor', 'major', 'critical'), severity) AS grade,
         count(alerting) OVER ordered AS number, count_if(alerting) OVER ordered AS nth
  FROM {current_drift}
  WINDOW ordered AS (
    PARTITION BY monitor, granularity, slice_key, slice_value, column_name, comparison
    ORDER BY window_start ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)),
gathered AS (
  SELECT *, collect_list(CASE WHEN alerting THEN
           struct(number, nth, window_start AS start, grade, suppression, reason, explanation)
           END) OVER (
             PARTITION BY monitor, granularity, slice_key, slice_value, column_name, comparison
             ORDER BY number RANGE BETWEEN {most} - 1 PRECEDING AND CURRENT ROW) AS found
  FROM graded),
recent AS (
  SELECT *, array_sort(filter(found, one -> one.number > number - alert_of)) AS hits
  FROM gathered),
standing AS (
  SELECT *, coalesce(size(hits) >= alert_windows, false) AS stands FROM recent),
begun AS (
  SELECT *, stands AND NOT lag(stands, 1, false) OVER (
    PARTITION BY monitor, granularity, slice_key, slice_value, column_name, comparison
    ORDER BY window_start) AS begins
  FROM standing),
runs_of_windows AS (
  SELECT *, count_if(begins) OVER (
    PARTITION BY monitor, granularity, slice_key, slice_value, column_name, comparison
    ORDER BY window_start ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run
  FROM begun),
told AS (
  SELECT monitor, window_start, window_end, granularity, slice_key, slice_value, column_name,
         comparison, status, effect, magnitude, importance, alert_windows, alert_of,
         q_value, shift, carriers, alerting_tests,
         null_delta, new_category_share, new_categories, out_of_range_share,
         reference_name, reference_version, policy_hash,
         min(get(hits, 0).start) OVER whole AS since,
         number - min(get(hits, 0).number) OVER whole + 1 AS windows,
         nth - min(get(hits, 0).nth) OVER whole + 1 AS alerting_windows,
         get(array('warning', 'minor', 'major', 'critical'), CAST(get(sort_array(
           transform(hits, one -> one.grade), false), alert_windows - 1) AS INT) - 1) AS severity,
         try_element_at(hits, -1).reason AS reason,
         try_element_at(hits, -1).explanation AS explanation,
         coalesce(suppression, CASE
           WHEN size(filter(hits, one -> one.suppression IS NULL)) < alert_windows
           THEN try_element_at(filter(hits, one -> one.suppression IS NOT NULL), -1).suppression
         END) AS suppression
  FROM runs_of_windows WHERE stands
  WINDOW whole AS (
    PARTITION BY monitor, granularity, slice_key, slice_value, column_name, comparison, run))
SELECT monitor, window_start, window_end, granularity, slice_key, slice_value, column_name,
       comparison, since, windows, alerting_windows, status, severity, suppression, reason,
       explanation,
       effect, magnitude, importance, alert_windows, alert_of,
       q_value, shift, carriers, alerting_tests,
       null_delta, new_category_share, new_categories, out_of_range_share,
       reference_name, reference_version, policy_hash
FROM told
"""

# Told here and not stored: a row is judged by its own window, and a late one may have had the
# category first. A window lists its twenty most frequent new categories.
FIRST_SEEN = """
SELECT monitor, granularity, slice_key, slice_value, column_name, comparison, item,
       min(window_start) AS first_window, max(window_start) AS last_window,
       count(*) AS windows, sum(item_rows) AS rows
FROM (SELECT monitor, granularity, slice_key, slice_value, column_name, comparison, window_start,
             one.item AS item, one.count AS item_rows
      FROM (SELECT *, explode(new_categories) AS one FROM {current_drift}
            WHERE size(new_categories) > 0) AS listed) AS found
GROUP BY monitor, granularity, slice_key, slice_value, column_name, comparison, item
"""

# `since` as it is stored (`spark/dating.py`), with no bound on how far back. A window that was not
# measured neither begins nor ends a run of them.
CURRENT_ASSUMPTIONS = """
WITH in_force AS (
  SELECT c.* FROM {assumptions} AS c
  JOIN (SELECT monitor, max_by(policy_hash, at) AS policy_hash FROM {runs}
        WHERE step = 'assumptions' AND phase = 'SUCCEEDED' GROUP BY monitor) AS p
    ON p.monitor = c.monitor AND p.policy_hash = c.policy_hash
  LEFT JOIN {active_references} AS a
    ON a.monitor = c.monitor AND a.role = 'baseline' AND c.window_start >= a.effective_from
   AND (a.effective_until IS NULL OR c.window_start < a.effective_until)
   AND a.name = c.reference_name
  WHERE c.reference_version = coalesce(a.version, 0)),
numbered AS (
  SELECT *, count_if(status IN ('ok', 'warning')) OVER (
    PARTITION BY monitor, granularity, slice_key, slice_value, column_name, other_column,
                 assumption
    ORDER BY window_start ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run
  FROM in_force)
SELECT * EXCEPT (run, since),
       CASE WHEN status = 'violated' THEN
         min(CASE WHEN status = 'violated' THEN window_start END) OVER so_far END AS since,
       CASE WHEN status = 'violated' THEN count_if(status = 'violated') OVER so_far END
         AS violated_windows
FROM numbered
WINDOW so_far AS (
  PARTITION BY monitor, granularity, slice_key, slice_value, column_name, other_column,
               assumption, run
  ORDER BY window_start ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
"""

# The share rides on the counters of the profile's pass, as the metric SHAPED. The interval is
# Wilson's, 95 %, as `measures/intervals.py` has it; {z2} is the square of its quantile.
FEEDBACK = """
WITH counted AS (
  SELECT *, row_count AS rows, CAST(cells[2].value AS BIGINT) AS known_rows,
         CAST(cells[0].value AS BIGINT) AS shaped_rows
  FROM {profiles}
  WHERE kind = 'metric' AND column_name = 'metric:shaped' AND slice_key <> ':shaped'),
shares AS (
  SELECT *, try_divide(shaped_rows, known_rows) AS share,
         try_divide(shaped_rows + {z2} / 2, known_rows + {z2}) AS middle,
         sqrt({z2} * (shaped_rows * try_divide(known_rows - shaped_rows, known_rows) + {z2} / 4))
           / (known_rows + {z2}) AS half
  FROM counted),
ended AS (
  SELECT *, CASE WHEN shaped_rows = 0 AND known_rows > 0 THEN 0D ELSE middle - half END AS low,
         CASE WHEN shaped_rows = known_rows AND known_rows > 0 THEN 1D ELSE middle + half END
           AS high
  FROM shares)
SELECT monitor, window_start, window_end, granularity, slice_key, slice_value, rows, known_rows,
       shaped_rows, share, low, high, status, reason
FROM ended
"""

# The figures are those of the comparison `training`: nothing is computed again. Of ':all' the
# distance is the largest one, and beside it the mean of all, weighed by importance. A feature is
# outside what the model was trained on by new categories or by values beyond the range: a row has
# one of both, and of several features the largest share is the least that all of them can have.
TRAINING_STALENESS = """
WITH compared AS (
  SELECT d.*, s.newest_event, greatest(out_of_range_share, new_category_share) AS outside_share
  FROM {current_drift} AS d
  LEFT JOIN {reference_snapshots} AS s
    ON s.monitor = d.monitor AND s.role = 'training' AND s.name = d.reference_name
   AND s.version = d.reference_version
  WHERE d.comparison = 'training' AND d.slice_key = '*' AND d.column_name NOT LIKE 'metric:%'),
every AS (
  SELECT monitor, window_start, window_end, granularity, column_name, reference_version,
         newest_event, outside_share, effect, effect_low, effect_high, effect AS mean_effect,
         column_name AS widest, CAST(effect IS NOT NULL AS BIGINT) AS measured,
         1L AS columns, status = 'drifted' AS drifted, status, reason
  FROM compared
  UNION ALL
  SELECT monitor, window_start, window_end, granularity, ':all', reference_version,
         newest_event, max(outside_share), max(effect), max_by(effect_low, effect),
         max_by(effect_high, effect),
         try_divide(sum(effect * importance),
                    sum(importance) FILTER (WHERE effect IS NOT NULL)),
         max_by(column_name, effect), count(effect), count(*), bool_or(status = 'drifted'),
         CASE WHEN bool_or(status = 'drifted') THEN 'drifted'
              WHEN bool_or(status = 'warning') THEN 'warning'
              WHEN bool_and(status = 'ok') THEN 'ok'
              ELSE max_by(status, status NOT IN ('ok')) END,
         CASE WHEN NOT bool_and(status IN ('ok', 'warning', 'drifted')) THEN
           concat(count_if(status NOT IN ('ok', 'warning', 'drifted')), ' of ', count(*),
                  ' columns were not measured') END
  FROM compared
  GROUP BY monitor, window_start, window_end, granularity, reference_version, newest_event),
aged AS (
  SELECT *, timestampdiff(SECOND, newest_event, window_end) / 86400D AS age_days,
         min(CASE WHEN drifted THEN window_start END) OVER (
           PARTITION BY monitor, granularity, column_name, reference_version
           ORDER BY window_start ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
           AS first_material
  FROM every)
SELECT monitor, window_start, window_end, granularity, column_name, status, newest_event, age_days,
       outside_share, effect, effect_low, effect_high, mean_effect, widest, first_material,
       measured, columns, reference_version, reason
FROM aged
"""

VIEWS = {
    "active_references": ACTIVE_REFERENCES,
    "current_drift": CURRENT_DRIFT,
    "alerts": ALERTS,
    "first_seen": FIRST_SEEN,
    "current_assumptions": CURRENT_ASSUMPTIONS,
    "debts": DEBTS,
    "feedback": FEEDBACK,
    "training_staleness": TRAINING_STALENESS,
    "latest_health": LATEST_HEALTH,
    "fleet": FLEET,
}
_NOW = "current_timestamp()"
_Z2 = "3.841458820694124D"
NAMES = (*(table.name for table in TABLES), *VIEWS)
_PREFIX = "sparkdrift_empty_"
# Monitors whose views SHOW TABLES lists: planning one takes a tenth of a second.
_MOST_SHOWN = 20
_AT_ONCE = 4


def register(spark: SparkSession, store: Store, statement: str | None = None) -> tuple[str, ...]:
    """Create a temporary view for each table and view of the store; returns their names.

    With `statement`, only what that SQL text could mean, and of each monitor that it could mean
    the views of `monitor_views`, which are left out without it. Raises StoreError where the store
    lacks a table.
    """
    from sparkdrift.spark.failures import FAILURES, reason

    wanted = mentioned(statement) if statement is not None else set(NAMES)

    def look(table: Table) -> None:
        try:
            spark.table(store.table(table.name)).createOrReplaceTempView(table.name)
        except FAILURES as error:
            raise StoreError(
                f"the store {store} lacks table {table.name} or it can't be read "
                f"({reason(error)}); `sparkdrift migrate` creates what is missing, and a right is "
                "its owner's to give"
            ) from error

    # Each reads the log of its table, which is waiting more than work.
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(look, [table for table in TABLES if table.name in wanted]))
    plain = {known: quote(known) for known in NAMES}
    for name in VIEWS:
        if name in wanted:
            spark.sql(query_of(name, plain)).createOrReplaceTempView(name)
    made = tuple(name for name in NAMES if name in wanted)
    if statement is not None:
        made += _register_of_monitors(spark, statement, plain)
    return made


def _register_of_monitors(
    spark: SparkSession, statement: str, plain: Mapping[str, str]
) -> tuple[str, ...]:
    """The views of those monitors that a SQL text could mean; for SHOW TABLES of the first ones."""
    words = words_of(statement)
    shown = "show" in words
    if not (shown or monitor_views.names_one(statement)):
        return ()
    made = []
    for monitor in monitors(spark, quote(RUNS.name))[: _MOST_SHOWN if shown else None]:
        for name, query in monitor_views.monitor_views(monitor, plain).items():
            if shown or name in words:
                spark.sql(query).createOrReplaceTempView(name)
                made.append(name)
    return tuple(made)


def query_of(name: str, names: Mapping[str, str]) -> str:
    """The SQL of a view; `names`: what stands in it for each table and view."""
    return VIEWS[name].format(**names, most=MOST_WINDOWS, z2=_Z2, now=_NOW)


def monitors(spark: SparkSession, runs: str) -> list[str]:
    """The monitors of a store, in order; `runs` is its quoted table."""
    found = spark.sql(f"SELECT DISTINCT monitor FROM {runs} ORDER BY monitor")
    return [row["monitor"] for row in found.collect()]


def view_text(store: Store, name: str) -> str:
    """A view as one query over the tables themselves: no name in it needs a session to know it.

    A DataFrame that is asked over Connect is resolved each time, when a temporary view may be gone.
    """
    text = f"({VIEWS[name]})"
    while found := [one for one in VIEWS if f"{{{one}}}" in text]:
        for one in found:
            text = text.replace(f"{{{one}}}", f"({VIEWS[one]})")
    names = {table.name: store.table(table.name) for table in TABLES}
    filled = text.format(**names, most=MOST_WINDOWS, z2=_Z2, now=_NOW)
    return f"SELECT * FROM {filled}"


def alerts_query(rows: str) -> str:
    """The view `alerts` over other rows than `current_drift`: `rows` is a quoted view of them."""
    return ALERTS.format(current_drift=rows, most=MOST_WINDOWS)


def drift_query(names: Mapping[str, str]) -> str:
    """The view `current_drift` where what is in force was looked up before: `names` are quoted
    views for drift, policies, active_references and origins."""
    return _IN_FORCE.format(**names)


def fleet_query(now: str, without: Collection[str] = ()) -> str:
    """The view `fleet` as things were at `now`, an SQL expression; reads `latest_health`, but for
    what it has of the monitors `without`."""
    rows = quote("latest_health")
    if without:
        names = ", ".join(map(string, sorted(without)))
        rows = f"(SELECT * FROM {rows} WHERE monitor NOT IN ({names}))"
    return FLEET.format(latest_health=rows, now=now)


def unregister(spark: SparkSession, names: tuple[str, ...]) -> None:
    """Drop what `register` created: a session of somebody else is left as it was."""
    for name in reversed(names):
        spark.catalog.dropTempView(name)


@contextmanager
def registered(spark: SparkSession, store: Store, statement: str | None = None) -> Iterator[None]:
    """The views of `register` inside, and no longer."""
    names = register(spark, store, statement)
    try:
        yield
    finally:
        unregister(spark, names)


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


def mentioned(statement: str) -> set[str]:
    """The names in a SQL text, with what they are made of; all of them for SHOW TABLES."""
    words = words_of(statement)
    if "show" in words:
        return set(NAMES)
    found = words.intersection(NAMES)
    if monitor_views.names_one(statement):
        found.update(monitor_views.READ)
    if "feedback" in found:
        found.add("profiles")
    if "debts" in found:
        found |= {"debt_events", "model_health"}
    if "training_staleness" in found:
        found.add("reference_snapshots")
    if "fleet" in found:
        found.add("latest_health")
    if "latest_health" in found:
        found |= {"model_health", "health_events"}
    if found & {"alerts", "first_seen", "training_staleness"}:
        found.add("current_drift")
    if "current_assumptions" in found:
        found |= {"assumptions", "runs", "active_references"}
    if "current_drift" in found:
        found |= {"drift", "runs", "active_references", "reference_events"}
    if "active_references" in found:
        found |= {"reference_events", "reference_snapshots"}
    return found


def words_of(statement: str) -> set[str]:
    """The words of a SQL text in small letters."""
    return set(re.findall(r"\w+", statement.lower()))

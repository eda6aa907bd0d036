"""What a model owner asks of the tables, as a few bounded queries.

Each answer is a list of rows (dicts), at most one per slice and feature; times are
aware UTC. What is said about them is decided in `sparkdrift.report`.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from pyspark.sql import SparkSession

from sparkdrift.explain.signals import WHOLE
from sparkdrift.measures.evidence import FAMILY_LEVEL
from sparkdrift.spark.answers import Ask
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.querying import asking
from sparkdrift.spark.sql import string
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

# Slices times features; a monitor with more is read by SQL, not by a page of text.
MOST_ROWS = 50_000
_FEATURE = "slice_key, slice_value, column_name"
# The tests of a distribution, and those that stand in for it where there is none.
_OF_VALUES = (
    "array('shift', 'rare_value', 'rare_category', 'single_value', 'single_category',"
    " 'grown_category')"
)


@contextmanager
def overview(spark: SparkSession, store: Store) -> Iterator[Overview]:
    """The questions below, over the views of `store`, which are dropped afterwards."""
    with asking(spark, store) as ask:
        yield Overview(ask)


class Overview:
    """Questions about one monitor, asked of its store."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def everything(self, spec: MonitorSpec) -> dict[str, list[dict[str, Any]]]:
        """All of the answers below that are lists of rows, by name.

        Asked at the same time: planning a question takes longer than its rows, on one core.
        """
        questions = (
            *(self.coverage, self.references, self.verdicts),
            *(self.unmeasured, self.silences, self.assumptions, self.alerts),
        )
        with ThreadPoolExecutor(len(questions)) as threads:
            answers = threads.map(lambda ask: ask(spec), questions)
            return {ask.__name__: rows for ask, rows in zip(questions, answers, strict=True)}

    def coverage(self, spec: MonitorSpec) -> list[dict[str, Any]]:
        """Per granularity: windows, empty and vanished ones, rows, first and last instant."""
        return self._rows(f"""
            SELECT granularity, count(*) AS windows, sum(row_count) AS rows,
                   count_if(row_count = 0) AS empty,
                   count_if(status = 'source_unavailable') AS vanished,
                   min(window_start) AS begin, max(window_end) AS end
            FROM profiles WHERE monitor = {string(spec.monitor)}
              AND column_name = {string(TABLE_ROW)} AND slice_key = {string(WHOLE)}
            GROUP BY granularity""")

    def references(self, spec: MonitorSpec) -> list[dict[str, Any]]:
        """The versions in force, newest first."""
        return self._rows(f"""
            SELECT name, version, source, rows, windows, interval_start, interval_end,
                   effective_from, effective_until
            FROM active_references WHERE monitor = {string(spec.monitor)} AND role = 'baseline'
            ORDER BY effective_from DESC""")

    def verdicts(self, spec: MonitorSpec) -> list[dict[str, Any]]:
        """Per slice and feature: windows by status, and its last lasting drift.

        Drift lasts where the spec's rule for alerts holds (default: 2 of the last 3
        windows), suppressed windows left out. `since` is the first window of that run,
        `until` the end of its last one, `lasting` whether the newest measured window is in
        it; NULL where there was none. As in `alerts`, a window that was not measured
        neither adds to a run nor ends it.
        """
        rule = spec.alerts
        alike = f"PARTITION BY {_FEATURE}, measured"
        partition = f"{alike} ORDER BY window_start"
        return self._rows(f"""
            WITH judged AS (
              SELECT {_FEATURE}, window_start, window_end, status, reason, effect,
                     new_categories, new_category_share,
                     status = 'drifted' AND suppression IS NULL AS alert,
                     alerting IS NOT NULL OR status IN ('ok', 'warning', 'drifted') AS measured
              FROM current_drift WHERE {_of(spec)} AND status <> 'no_reference'),
            counted AS (
              SELECT *, count_if(alert) OVER recent >= {int(rule.windows)} AS lasts,
                     min(CASE WHEN alert THEN window_start END) OVER recent AS first_alert
              FROM judged WINDOW recent AS ({partition}
                ROWS BETWEEN {int(rule.of) - 1} PRECEDING AND CURRENT ROW)),
            begun AS (
              SELECT *, lasts AND NOT lag(lasts, 1, false) OVER ({partition}) AS begins
              FROM counted),
            numbered AS (
              SELECT *, count_if(begins) OVER ({partition}) AS run FROM begun),
            known AS (
              SELECT *, lasts AND run = max(run) OVER ({alike}) AS last
              FROM numbered)
            SELECT {_FEATURE}, count(*) AS windows,
                   count_if(status = 'ok') AS ok, count_if(status = 'warning') AS warning,
                   count_if(status = 'drifted') AS drifted,
                   max_by(lasts, window_start) FILTER (WHERE measured) AS lasting,
                   max_by(status, window_start) AS newest_status,
                   min(first_alert) FILTER (WHERE last) AS since,
                   max(window_end) FILTER (WHERE last AND alert) AS until,
                   max_by(reason, window_start) FILTER (WHERE last AND alert) AS reason,
                   max_by(effect, window_start) FILTER (WHERE last AND alert) AS effect,
                   max_by(new_categories, window_start)
                     FILTER (WHERE last AND new_category_share > 0) AS new_categories,
                   max_by(new_category_share, window_start)
                     FILTER (WHERE last AND new_category_share > 0) AS new_category_share
            FROM known GROUP BY {_FEATURE}
            ORDER BY {_FEATURE}""")

    def unmeasured(self, spec: MonitorSpec) -> list[dict[str, Any]]:
        """Per status and slice: comparisons that gave no verdict, and their newest reason."""
        return self._rows(f"""
            SELECT status, slice_key, slice_value, count(*) AS comparisons,
                   count(DISTINCT window_start) AS windows,
                   count(DISTINCT column_name) AS features,
                   max_by(column_name, struct(window_start, column_name)) AS column_name,
                   max_by(reason, struct(window_start, column_name)) AS reason,
                   min(window_start) AS begin, max(window_end) AS end
            FROM current_drift
            WHERE {_of(spec)} AND status NOT IN ('ok', 'warning', 'drifted')
            GROUP BY status, slice_key, slice_value
            ORDER BY status, slice_key, slice_value""")

    def silences(self, spec: MonitorSpec) -> list[dict[str, Any]]:
        """Features that lasted mostly NULL, or at one value, as they never were before.

        Asked of the windows after the reference; what one of its own windows did too, such
        as a day without rain, is how the feature is.
        """
        least = spec.alerts.windows
        return self._rows(f"""
            WITH known AS (
              SELECT r.column_name, r.null_count / nullif(r.row_count, 0) AS null_share,
                     r.distinct_count, a.interval_start, a.interval_end
              FROM reference_profiles AS r JOIN active_references AS a
                ON a.monitor = r.monitor AND a.role = r.role AND a.name = r.name
               AND a.version = r.version AND a.run_id = r.run_id
               AND a.effective_until IS NULL
              WHERE r.monitor = {string(spec.monitor)} AND r.slice_key = {string(WHOLE)}
               AND r.name = {string(spec.reference.name if spec.reference else "")}),
            seen AS (
              SELECT p.column_name, window_start, window_end, min, frequent_items,
                     row_count > 0 AND null_count >= 0.5 * row_count
                       AND k.null_share < 0.5 AS silent,
                     row_count - null_count > 20 AND p.distinct_count = 1
                       AND k.distinct_count > 1 AS constant,
                     coalesce(window_start < k.interval_end, false) AS early,
                     coalesce(window_start < k.interval_end
                       AND window_start >= k.interval_start, false) AS usual
              FROM profiles AS p JOIN known AS k ON k.column_name = p.column_name
              WHERE p.monitor = {string(spec.monitor)} AND p.slice_key = {string(WHOLE)}
               AND p.granularity = {string(spec.windows.grain)}),
            fresh AS (
              SELECT *, silent AND NOT early AND NOT coalesce(
                       bool_or(silent AND usual) OVER (PARTITION BY column_name), false) AS mute,
                     constant AND NOT early AND NOT coalesce(
                       bool_or(constant AND usual) OVER (PARTITION BY column_name), false) AS stuck
              FROM seen)
            SELECT column_name, count_if(mute) AS silent_windows,
                   min(window_start) FILTER (WHERE mute) AS silent_since,
                   max(window_end) FILTER (WHERE mute) AS silent_until,
                   count_if(stuck) AS constant_windows,
                   min(window_start) FILTER (WHERE stuck) AS constant_since,
                   max(window_end) FILTER (WHERE stuck) AS constant_until,
                   max_by(coalesce(CAST(min AS STRING), frequent_items[0].item), window_start)
                     FILTER (WHERE stuck) AS value
            FROM fresh GROUP BY column_name
            HAVING count_if(mute) >= {int(least)} OR count_if(stuck) >= {int(least)}
            ORDER BY column_name""")

    def assumptions(self, spec: MonitorSpec) -> list[dict[str, Any]]:
        """Per assumption: windows, those that were measured, and how the newest of these stands.

        `since` and `violated_windows` are of the run of violated windows that is in, else NULL.
        """
        return self._rows(f"""
            SELECT assumption, column_name, other_column, count(*) AS windows,
                   count_if(measured) AS measured,
                   max_by(source, window_start) FILTER (WHERE measured) AS source,
                   max_by(expected, window_start) FILTER (WHERE measured) AS expected,
                   max_by(status, window_start) FILTER (WHERE measured) AS status,
                   max_by(reason, window_start) FILTER (WHERE measured) AS reason,
                   max_by(since, window_start) FILTER (WHERE measured) AS since,
                   max_by(violated_windows, window_start) FILTER (WHERE measured)
                     AS violated_windows
            FROM (SELECT *, status IN ('ok', 'warning', 'violated') AS measured
                  FROM current_assumptions
                  WHERE monitor = {string(spec.monitor)} AND status <> 'no_reference'
                    AND granularity = {string(spec.windows.grain)})
            GROUP BY assumption, column_name, other_column
            ORDER BY assumption, column_name, other_column""")

    def alerts(self, spec: MonitorSpec) -> list[dict[str, Any]]:
        """Every alert that called somebody: one row per slice, feature and run of windows.

        `since`: its first alerting window; `until`: the end of the last one in which it stands.
        `windows` of those are counted: in `moved` the test of the distribution alerts, in `silent`
        that of NULLs, of which there are more, in `fresh` that of new categories, in `outside` that
        of values outside the reference's range. `shift` is their mean; `reason`, `new_categories`
        and `carriers` are of the last. Of rows from before store version 10 it is what is beyond
        the spec's limit.
        """
        limits, warn = spec.drift.limits, spec.drift.thresholds.warn_at
        return self._rows(f"""
            WITH told AS (
              SELECT *, status IN ('drifted', 'warning') AS counts,
                     coalesce(arrays_overlap(alerting_tests, {_OF_VALUES}),
                       q_value <= {FAMILY_LEVEL} AND effect >= {float(warn)}) AS moved,
                     coalesce(array_contains(alerting_tests, 'null') AND null_delta > 0,
                       null_delta > {float(limits.null_share)}) AS silent,
                     coalesce(array_contains(alerting_tests, 'new'),
                       new_category_share > {float(limits.new_categories)}) AS fresh,
                     coalesce(array_contains(alerting_tests, 'range'),
                       out_of_range_share > {float(limits.out_of_range)}) AS outside
              FROM alerts
              WHERE monitor = {string(spec.monitor)} AND suppression IS NULL
                AND granularity = {string(spec.windows.grain)})
            SELECT comparison, {_FEATURE}, since, max(window_end) AS until,
                   count_if(counts) AS windows, count_if(counts AND moved) AS moved,
                   count_if(counts AND silent) AS silent, count_if(counts AND fresh) AS fresh,
                   count_if(counts AND outside) AS outside,
                   avg(shift) FILTER (WHERE counts) AS shift,
                   max_by(reason, window_start) AS reason,
                   max_by(new_categories, window_start) FILTER (WHERE counts) AS new_categories,
                   max_by(carriers, window_start) FILTER (WHERE counts) AS carriers
            FROM told GROUP BY comparison, {_FEATURE}, since
            ORDER BY column_name, since, slice_key, slice_value, comparison""")

    def alarms(self, spec: MonitorSpec) -> dict[str, Any]:
        """By the spec's thresholds, in force or not: comparisons, and how many of them alarm."""
        return self._rows(f"""
            SELECT count_if(status IN ('drifted', 'warning')) AS alarms, count(*) AS comparisons
            FROM drift
            WHERE {_of(spec)} AND status <> 'no_reference'
              AND policy_hash = {string(policy_hash(spec))}""")[0]

    def _rows(self, statement: str) -> list[dict[str, Any]]:
        return self._ask(statement, MOST_ROWS)


def _of(spec: MonitorSpec) -> str:
    return (
        f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        " AND comparison = 'baseline'"
    )

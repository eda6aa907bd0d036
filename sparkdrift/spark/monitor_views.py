"""Two views of one monitor, with the columns that Databricks data profiling gives its tables.

Queries and dashboards that were written for those read these. What a column means differs in
places: docs/databricks.md has the list. Nothing is stored for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sparkdrift.spark.sql import string

# Shares are in per cent of the rows, as the names say. What is counted is not NULL.
_FIGURES = """
       CASE WHEN kind = 'table' THEN NULL ELSE data_type END AS data_type,
       row_count - coalesce(null_count, 0) AS count, mean AS avg,
       100D * try_divide(null_count, row_count) AS percent_null,
       100D * try_divide(nan_count, row_count) AS percent_nan,
       100D * try_divide(zeros, row_count) AS percent_zeros,
       CASE WHEN kind <> 'table' THEN 100D * try_divide(distinct_count, row_count) END
         AS percent_distinct"""

# A metric of the spec has no column in theirs; nor have the rows that the model shaped a slice.
_WATCHED = """kind IN ('numeric', 'categorical', 'table') AND slice_key <> ':shaped'
  AND (column_name = ':table' OR column_name NOT LIKE ':%')"""

PROFILE_METRICS = f"""
WITH held AS (
  SELECT struct(window_start AS start, window_end AS end) AS window, 'INPUT' AS log_type,
         concat('1 ', granularity) AS granularity, slice_key, slice_value, column_name, kind,
         null_count, nan_count, quantiles, min, max, stddev, zeros, min_length, max_length,
         avg_length, frequent_items, distinct_count, {_FIGURES}
  FROM {{profiles}} WHERE monitor = {{monitor}} AND {_WATCHED}
  UNION ALL
  SELECT struct(interval_start AS start, interval_end AS end), 'BASELINE',
         CAST(NULL AS STRING), slice_key, slice_value, column_name, kind,
         null_count, nan_count, quantiles, min, max, stddev, zeros, min_length, max_length,
         avg_length, frequent_items, distinct_count, {_FIGURES}
  FROM (SELECT r.*, a.interval_start, a.interval_end
        FROM {{reference_profiles}} AS r
        JOIN {{active_references}} AS a
          ON a.monitor = r.monitor AND a.role = r.role AND a.name = r.name
         AND a.version = r.version AND a.run_id = r.run_id
        WHERE a.role = 'baseline' AND a.effective_until IS NULL) AS frozen
  WHERE monitor = {{monitor}} AND {_WATCHED})
SELECT window, log_type, granularity, nullif(slice_key, '*') AS slice_key,
       CASE WHEN slice_key <> '*' THEN slice_value END AS slice_value, column_name, count,
       data_type, null_count AS num_nulls, avg, quantiles, min, max, stddev, zeros AS num_zeros,
       nan_count AS num_nan, min_length, max_length, avg_length, frequent_items,
       quantiles[50] AS median, CASE WHEN kind <> 'table' THEN distinct_count END
         AS distinct_count, percent_nan, percent_null, percent_zeros, percent_distinct
FROM held
"""

# The row ':table' is judged with any column: it is held against what most of them are.
# A column that has values in one of both only was added, or is missing. What try_cast gives may be
# NULL as far as Spark knows: Arrow refuses a NULL struct whose fields may not.
DRIFT_METRICS = f"""
WITH judged AS (
  SELECT window_start, granularity, slice_key, slice_value, column_name, comparison,
         reference_name, reference_version, earlier_start, js_distance,
         CASE WHEN ks_statistic IS NOT NULL
              THEN struct(ks_statistic AS statistic, ks_pvalue AS pvalue) END AS ks_test,
         wasserstein_distance, psi,
         CASE WHEN chi2_statistic IS NOT NULL
              THEN struct(chi2_statistic AS statistic, chi2_pvalue AS pvalue) END AS chi2_test,
         tv_distance, l_infinity_distance
  FROM {{current_drift}}
  WHERE monitor = {{monitor}} AND slice_key <> ':shaped'
    AND ((comparison = 'baseline' AND reference_version > 0)
         OR (comparison = 'consecutive' AND earlier_start IS NOT NULL))),
asked AS (
  SELECT * FROM judged
  UNION ALL
  SELECT window_start, granularity, slice_key, slice_value, ':table', comparison,
         max(reference_name), max(reference_version), max(earlier_start),
         NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM judged GROUP BY window_start, granularity, slice_key, slice_value, comparison),
held AS (
  SELECT window_start, window_end, granularity, slice_key, slice_value, column_name,
         {_FIGURES}
  FROM {{profiles}} WHERE monitor = {{monitor}} AND {_WATCHED}),
frozen AS (
  SELECT name, version, interval_start, interval_end, slice_key, slice_value, column_name,
         {_FIGURES}
  FROM (SELECT r.*, s.interval_start, s.interval_end
        FROM {{reference_profiles}} AS r
        JOIN {{reference_snapshots}} AS s
          ON s.monitor = r.monitor AND s.role = r.role AND s.name = r.name
         AND s.version = r.version AND s.run_id = r.run_id
        WHERE s.role = 'baseline') AS stored
  WHERE monitor = {{monitor}} AND {_WATCHED}),
others AS (
  SELECT 'consecutive' AS comparison, granularity, CAST(NULL AS STRING) AS reference_name,
         CAST(NULL AS INT) AS reference_version, window_start AS earlier_start,
         struct(window_start AS start, window_end AS end) AS window, slice_key, slice_value,
         column_name, count, avg, percent_null, percent_zeros, percent_distinct
  FROM held
  UNION ALL
  SELECT 'baseline', NULL, name, version, NULL,
         struct(interval_start AS start, interval_end AS end), slice_key, slice_value,
         column_name, count, avg, percent_null, percent_zeros, percent_distinct
  FROM frozen),
pairs AS (
  SELECT a.*, h.window_end, h.data_type, o.window AS window_cmp,
         h.count AS count, o.count AS count_cmp, h.avg - o.avg AS avg_delta,
         h.percent_null - o.percent_null AS percent_null_delta,
         h.percent_zeros - o.percent_zeros AS percent_zeros_delta,
         h.percent_distinct - o.percent_distinct AS percent_distinct_delta
  FROM asked AS a
  JOIN held AS h
    ON h.window_start = a.window_start AND h.granularity = a.granularity
   AND h.slice_key = a.slice_key AND h.slice_value <=> a.slice_value
   AND h.column_name = a.column_name
  LEFT JOIN others AS o
    ON o.comparison = a.comparison AND o.slice_key = a.slice_key
   AND o.slice_value <=> a.slice_value AND o.column_name = a.column_name
   AND CASE WHEN a.comparison = 'baseline'
            THEN o.reference_name = a.reference_name
             AND o.reference_version = a.reference_version
            ELSE o.granularity = a.granularity AND o.earlier_start = a.earlier_start END),
counted AS (
  SELECT *,
         count_if(column_name <> ':table' AND count > 0 AND coalesce(count_cmp, 0) = 0)
           OVER together AS added,
         count_if(column_name <> ':table' AND count = 0 AND count_cmp > 0)
           OVER together AS missing
  FROM pairs
  WINDOW together AS (PARTITION BY window_start, granularity, slice_key, slice_value, comparison))
SELECT struct(window_start AS start, window_end AS end) AS window,
       concat('1 ', granularity) AS granularity, nullif(slice_key, '*') AS slice_key,
       CASE WHEN slice_key <> '*' THEN slice_value END AS slice_value, column_name, data_type,
       window_cmp, upper(comparison) AS drift_type, count - count_cmp AS count_delta, avg_delta,
       percent_null_delta, percent_zeros_delta, percent_distinct_delta,
       CASE WHEN column_name = ':table' THEN
         struct(try_cast(string(added) AS INT) AS added,
                try_cast(string(missing) AS INT) AS missing) END AS non_null_columns_delta,
       js_distance, ks_test, wasserstein_distance, psi AS population_stability_index,
       chi2_test AS chi_squared_test, tv_distance, l_infinity_distance
FROM counted
"""

OF_A_MONITOR = {"profile_metrics": PROFILE_METRICS, "drift_metrics": DRIFT_METRICS}
READ = ("profiles", "current_drift", "active_references", "reference_profiles")
"""The tables and views that they are made of; those of `current_drift` come with it."""

# Also what comes near to one: who misspells it is told which was meant.
_NAMED = re.compile(r"_(?:profile|drift)_met", re.IGNORECASE)


def names_one(statement: str) -> bool:
    """Whether an SQL text could mean a view of a monitor."""
    return _NAMED.search(statement) is not None


def monitor_views(monitor: str, names: Mapping[str, str]) -> dict[str, str]:
    """The query of each view of a monitor, by the view's name.

    `names`: what stands in SQL for each table and view that they are made of.
    """
    return {
        f"{monitor}_{kind}": query.format(monitor=string(monitor), **names)
        for kind, query in OF_A_MONITOR.items()
    }

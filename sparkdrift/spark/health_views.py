"""The views of health: the newest verdict of each monitor, and one row for each model."""

from __future__ import annotations

# One scan: Spark cuts each task's rows down to the newest of each monitor before it moves any
# (WindowGroupLimit, for `= 1` alone), and reads no column that is not asked for. Looking the row up
# by its key would open every file twice. An answer counts for the verdict that it was given to, for
# as long as that stands; what was said to earlier ones takes nothing from it. Where the grain was
# changed, the window that ends last is the newest; of two that end together the longer, as a
# shorter one would soon have a successor.
LATEST_HEALTH = """
WITH numbered AS (
  SELECT *, row_number() OVER (PARTITION BY monitor ORDER BY window_end DESC, window_start)
    AS number
  FROM {model_health}),
standing AS (SELECT * EXCEPT (number) FROM numbered WHERE number = 1),
answered AS (
  SELECT monitor, collect_list(struct(seq, window_start, verdict, action, created_by, created_at,
                                      reason)) AS given
  FROM {health_events} WHERE action IN ('accepted', 'declined') GROUP BY monitor),
joined AS (
  SELECT /*+ BROADCAST(a) */ h.*, array_max(filter(a.given, one -> one.verdict = h.verdict
           AND one.window_start >= h.since AND one.window_start <= h.window_start)) AS given
  FROM standing AS h LEFT JOIN answered AS a ON a.monitor = h.monitor)
SELECT * EXCEPT (given), given.action AS answer, given.created_by AS answered_by,
       given.created_at AS answered_at, given.reason AS answer_reason
FROM joined
"""

# A verdict is fresh for two days and for three of its windows, whichever is longer. Source: the
# project's own. {now} is what is due held against. Several monitors of one model: the weightiest
# verdict counts, of two alike the graver, then the last by name: owner, since and colours are all
# of one monitor. What they lose is added, and amounts in two currencies can't be. A monitor that is
# retired is watched no more: it says nothing of a model that another one still watches.
FLEET = """
WITH placed AS (
  SELECT *, array_position(array('healthy', 'watch', 'blind', 'recalibrate', 'refresh_evaluation',
                                 'retrain', 'retire'), verdict) AS weight,
         array_position(array('minor', 'major', 'critical'), severity) AS grade,
         {now} <= window_end + greatest(INTERVAL '2' DAY, 3 * (window_end - window_start))
           AS current,
         CASE WHEN stage = 'retired' THEN 0 ELSE 1 END AS used
  FROM {latest_health}),
ordered AS (
  SELECT *, struct(used, weight, coalesce(grade, 0), monitor) AS weightiest,
         struct(used, window_end, monitor) AS newest
  FROM placed),
summed AS (
  SELECT model_id, max_by(model_version, newest) AS model_version,
         max_by(stage, newest) AS stage, max_by(verdict, weightiest) AS verdict,
         max_by(severity, grade) AS severity, max_by(since, weightiest) AS since,
         coalesce(min(CASE WHEN used = 1 THEN confidence END), min(confidence)) AS confidence,
         coalesce(bool_and(CASE WHEN used = 1 THEN current END), bool_and(current)) AS fresh,
         max(window_end) AS window_end,
         max_by(owner, weightiest) AS owner, max_by(escalation, weightiest) AS escalation,
         array_sort(collect_set(owner)) AS owners, min(due) AS due,
         coalesce(min(due) < {now}, false) AS overdue,
         max_by(dashboard_status, weightiest) AS dashboard_status,
         max_by(blind_spot, weightiest) AS blind_spot, sum(open_debts) AS open_debts,
         min(oldest_debt) AS oldest_debt, sum(loss) AS loss,
         CASE WHEN count(DISTINCT currency) <= 1 THEN sum(cost) END AS cost,
         CASE WHEN count(DISTINCT currency) <= 1 THEN sum(cost_so_far) END AS cost_so_far,
         CASE WHEN count(DISTINCT currency) <= 1 THEN any_value(currency, true) END AS currency,
         array_sort(collect_set(monitor)) AS monitors,
         array_sort(CASE WHEN max(used) = 1
                         THEN collect_set(CASE WHEN used = 1 AND NOT current THEN monitor END)
                         ELSE collect_set(CASE WHEN NOT current THEN monitor END) END)
           AS stale_monitors,
         max_by(answer, weightiest) AS answer,
         max_by(answered_by, weightiest) AS answered_by, max(grade) AS grade
  FROM ordered GROUP BY model_id),
seen AS (
  SELECT *, stage IN ('deployed', 'deprecated') AND (verdict = 'blind' OR NOT fresh) AS blind
  FROM summed),
ranked AS (
  SELECT *, CAST(row_number() OVER (ORDER BY stage = 'retired', NOT blind, cost DESC NULLS LAST,
                 loss DESC NULLS LAST, grade DESC NULLS LAST, oldest_debt NULLS LAST, model_id)
                 AS INT) AS rank
  FROM seen)
SELECT rank, model_id, model_version, stage, verdict, blind, fresh, severity, since, window_end,
       confidence, owner, owners, escalation, due, overdue, dashboard_status, blind_spot,
       open_debts, oldest_debt, cost, loss, cost_so_far, currency, monitors,
       stale_monitors, answer, answered_by
FROM ranked
"""

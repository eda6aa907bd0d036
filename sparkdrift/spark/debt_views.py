"""The view of what is owed now: the events of each debt, read in order of event time."""

from __future__ import annotations

# Like `health/events.py`: what a later `corrected` takes back does not count, but for decisions
# and what others write; of a debt that came back the newest life counts. What it costs by now, and
# who has it, is in the newest verdict of the monitor.
DEBTS = """
WITH told AS (
  SELECT *, min(CASE WHEN action = 'corrected' THEN window_start END) OVER (
             PARTITION BY monitor, debt ORDER BY seq
             ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS taken_back,
         action IN ('acknowledged', 'waived', 'assigned')
           OR ((startswith(debt, 'forced reference ')
                OR (debt = 'retired but scored' AND created_by <> 'the ledger'))
               AND action IN ('opened', 'seen', 'closed')) AS stays,
         CASE WHEN action IN ('acknowledged', 'waived', 'assigned') THEN 4 ELSE
           array_position(array('opened', 'seen', 'closed', '', 'reopened', 'escalated'), action)
           END AS place
  FROM {debt_events}),
standing AS (
  SELECT *, struct(window_start, place, seq) AS at,
         count_if(action = 'opened') OVER (
           PARTITION BY monitor, debt ORDER BY window_start, place, seq
           ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS life
  FROM told
  WHERE action <> 'corrected' AND (stays OR taken_back IS NULL OR window_start < taken_back)),
lives AS (
  SELECT *, max(life) OVER (PARTITION BY monitor, debt) AS newest_life FROM standing),
summed AS (
  SELECT monitor, debt, min_by(kind, at) AS kind, max_by(owner, at) AS owner,
         max_by(severity, at) AS severity, max_by(cost, at) AS cost,
         min_by(window_start, at) AS window_start, min_by(created_at, at) AS opened,
         max(created_at) AS last_seen,
         -- What closed stays so, whatever was said of it afterwards; a look ends no waiver.
         coalesce(max(CASE WHEN action = 'closed' THEN action END),
                  CASE max_by(action, at)
                         FILTER (WHERE action IN ('opened', 'waived', 'reopened'))
                  WHEN 'waived' THEN 'waived' END,
                  max_by(action, at) FILTER (WHERE action NOT IN ('seen', 'assigned', 'escalated'))
         ) AS newest,
         max_by(until, at) FILTER (WHERE action = 'waived') AS until,
         coalesce(max(CASE WHEN action = 'closed' THEN created_at END), max_by(created_at, at))
           AS newest_at,
         coalesce(max(CASE WHEN action = 'closed' THEN window_start END),
                  max_by(window_start, at)) AS newest_window,
         min_by(evidence, at) AS evidence, min_by(reason, at) AS reason,
         min_by(created_by, at) AS opened_by
  FROM lives WHERE life = newest_life AND life > 0 GROUP BY monitor, debt),
newest AS (
  SELECT monitor, max_by(window_end, window_start) AS window_end,
         max_by(debts, window_start) AS debts, max_by(reasons, window_start) AS reasons
  FROM {model_health} GROUP BY monitor),
open AS (
  SELECT monitor, window_end, one.* FROM (SELECT monitor, window_end, explode(debts) AS one
                                          FROM newest) AS exploded),
joined AS (
  SELECT s.*, n.window_end AS until_now, o.last_seen AS seen_window, o.windows AS open_windows,
         o.owner AS present_owner, o.severity AS present_severity, o.due AS present_due,
         o.evidence AS present_evidence, o.cost AS present_cost, o.interest AS present_interest,
         o.interest_loss AS present_loss,
         CASE WHEN o.debt IS NOT NULL THEN flatten(transform(
           filter(n.reasons, one -> startswith(one.reason, concat(s.debt, ' ('))),
           one -> one.evidence)) END AS present_keys,
         coalesce(o.until, s.until) AS waived_until,
         -- As it was judged: a look at what is waived, or its coming back, ends no waiver.
         coalesce(o.status, CASE s.newest WHEN 'opened' THEN 'open' WHEN 'reopened' THEN 'open'
                            ELSE s.newest END) AS state
  FROM summed AS s
  LEFT JOIN newest AS n ON n.monitor = s.monitor
  LEFT JOIN open AS o ON o.monitor = s.monitor AND o.debt = s.debt AND s.newest <> 'closed'),
shown AS (SELECT monitor, debt, kind, coalesce(present_owner, owner) AS owner,
       coalesce(present_severity, severity) AS severity, coalesce(present_cost, cost) AS cost,
       window_start, opened, last_seen, CASE WHEN state = 'closed' THEN newest_at END AS closed,
       state AS status, CASE WHEN state = 'waived' THEN waived_until END AS until,
       -- Declared models have no windows: their days are those of the clock, and no policy.
       CASE WHEN state = 'closed' OR NOT startswith(monitor, 'model:') THEN present_due
            ELSE window_start + CASE severity WHEN 'critical' THEN INTERVAL '8' DAY
                                WHEN 'major' THEN INTERVAL '31' DAY ELSE INTERVAL '91' DAY END
            END AS due,
       coalesce(seen_window, newest_window) AS seen,
       timestampdiff(SECOND, window_start,
         CASE WHEN state = 'closed' THEN newest_window
              WHEN startswith(monitor, 'model:') THEN current_timestamp()
              ELSE until_now END) / 86400D AS age_days,
       CASE WHEN startswith(monitor, 'model:') AND state <> 'closed'
            THEN CAST(timestampdiff(DAY, window_start, current_timestamp()) + 1 AS INT)
            ELSE open_windows END AS windows,
       present_interest AS interest, present_loss AS interest_loss,
       CASE WHEN coalesce(present_interest, present_loss) IS NOT NULL OR state = 'closed' THEN NULL
            WHEN startswith(debt, 'performance of ')
            THEN 'not measured: nothing prices it; only the metric of `degraded` has a price'
            WHEN kind = 'ownership'
            THEN 'not measured: what nobody answers for, or did in time, has no price of its own'
            ELSE 'not measured apart: what it costs is part of what the performance costs'
            END AS interest_reason,
       coalesce(present_evidence, evidence) AS evidence, present_keys AS evidence_keys, reason,
       opened_by
FROM joined)
SELECT monitor, debt, kind, status, owner, severity, due, until, window_start, seen,
       windows, age_days, cost, interest, interest_loss, interest_reason, opened, last_seen, closed,
       evidence, evidence_keys, reason, opened_by
FROM shown
"""

"""The tables of health: the verdict on each model, what was answered, and who was told."""

from __future__ import annotations

from sparkdrift.spark.table import BUCKET, DERIVED, WINDOW, WRITTEN, Column, Table

_MONITOR = WINDOW[0]
_START = WINDOW[1]

MODEL_HEALTH = Table(
    "model_health",
    "results",
    "The verdict on each model: one row per window",
    ("monitor", "window_start", "granularity"),
    (
        *WINDOW,
        BUCKET,
        Column("model_id", "string", "Id of the model"),
        Column("model_version", "string", "Its version; NULL: the spec names none"),
        Column("stage", "string", "shadow, deployed, deprecated or retired"),
        Column(
            "verdict",
            "string",
            "healthy, watch, recalibrate, refresh_evaluation, retrain, retire, or blind: there is "
            "too little evidence for one",
        ),
        Column("severity", "string", "minor, major or critical; NULL: nothing is to be done"),
        Column("confidence", "double", "Part of the evidence that was there, by weight, 0 to 1"),
        Column(
            "reasons",
            "array<struct<weight:double,kind:string,reason:string,evidence:array<string>>>",
            "Why, the weightiest first, with the keys of the rows that it rests on",
        ),
        Column("rules", "array<string>", "The rules of the policy that led to it, in words"),
        Column("would_change", "string", "What would change the verdict, in words"),
        Column("since", "timestamp", "Start of the first of the windows in a row of this verdict"),
        Column("owner", "string", "Who answers for it"),
        Column("escalation", "string", "Who does once it is overdue; NULL: nobody is declared"),
        Column("due", "timestamp", "By when, in event time; NULL: nothing is to be done"),
        Column("dashboard_status", "string", "green, amber or red, by the dashboard's own metrics"),
        Column("blind_spot", "string", "green, amber or red: whether the dashboard sees it"),
        Column(
            "debts",
            "array<struct<debt:string,kind:string,severity:string,status:string,owner:string,"
            "opened:timestamp,last_seen:timestamp,until:timestamp,due:timestamp,windows:int,"
            "loss:double,cost:double,interest_loss:double,interest:double,evidence:string>>",
            "The debts that are open at the window's end: status open, acknowledged or waived; "
            "loss and cost in this window, interest what they add up to since it was opened",
        ),
        Column("open_debts", "int", "Debts that are open at the window's end"),
        Column("oldest_debt", "timestamp", "Since when the oldest of them is open"),
        Column("loss", "double", "Estimated loss in this window, in the degraded metric's unit"),
        Column("cost", "double", "The same in business units; NULL: not known"),
        Column("cost_so_far", "double", "Sum of it since the verdict stands; NULL: not known"),
        Column("currency", "string", "Name of the business unit"),
        Column("policy_hash", "string", "Digest of the rules that it was judged by"),
        *DERIVED,
    ),
)

HEALTH_EVENTS = Table(
    "health_events",
    "log",
    "How verdicts were answered: accepted or declined, by whom and why",
    ("monitor", "seq"),
    (
        _MONITOR,
        Column("seq", "int", "Number of the answer, from 1"),
        Column("window_start", "timestamp", "Start of the window whose verdict is answered"),
        Column("verdict", "string", "The verdict as it was then"),
        Column("action", "string", "accepted or declined; what is declined stays open"),
        Column("reason", "string", "Why"),
        Column("created_at", "timestamp", "When it was written"),
        Column("created_by", "string", "Who decided"),
        *WRITTEN,
    ),
)

TRIGGERS = Table(
    "triggers",
    "log",
    "What verdicts set off: a row for a scheduler to act on, and how each hook ended",
    ("monitor", "window_start", "granularity", "hook", "seq"),
    (
        _MONITOR,
        _START,
        WINDOW[3],
        Column("hook", "string", "Name of the hook in the spec; table: the row itself is it"),
        Column("seq", "int", "Number of the attempt, from 1"),
        Column("model_id", "string", "Id of the model"),
        Column("verdict", "string", "The verdict that set it off"),
        Column("previous", "string", "The verdict of the window before; NULL: there was none"),
        Column("owner", "string", "Who answers for it"),
        Column("due", "timestamp", "By when"),
        Column("status", "string", "written, sent or failed"),
        Column("detail", "string", "The answer or the failure, without secrets"),
        Column("created_at", "timestamp", "When it was written"),
        *WRITTEN,
    ),
)

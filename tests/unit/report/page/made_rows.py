"""Rows of a made-up store, as many as asked for, for pages without Spark; seeded by `SEED`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import numpy as np

from sparkdrift.report.facts import Findings
from sparkdrift.report.page.material import Material
from sparkdrift.spec.loading import parse_spec

SEED = 11
BEGIN = datetime(2025, 1, 1, tzinfo=timezone.utc)
MADE = datetime(2026, 3, 1, 8, 30, tzinfo=timezone.utc)
SPEC = """
monitor: claims
title: {title}
owner: {owner}
model: {{id: claims, version: "3"}}
source: {{table: main.claims.log}}
timestamp: {{column: at}}
windows: {{grain: day}}
features: {{numeric: [amount], categorical: [channel]}}
prediction: {{key: id, score: score, decision: inspect}}
reference: {{begin: 2025-01-01, end: 2025-02-01}}
degraded: {{metric: accuracy, tolerated_loss: 0.03, value_per_point: 9000, currency: EUR}}
"""
HOSTILE = "<script>document.title='owned'</script>\"'><img src=x onerror=document.title='owned'>"
"""A name as an attacker would choose it; the page shows it, and nothing of it runs."""
TURNED = "amount\u202etxt.exe"
"""A name with a mark that turns around what stands behind it."""
JINJA = "{{ 7 * 7 }}{% raw %}"


def spec(title="Claim triage", owner="claims-models"):
    return parse_spec(SPEC.format(title=json.dumps(title), owner=json.dumps(owner)))


def day(number):
    return BEGIN + timedelta(days=number)


def names(count):
    return [HOSTILE, TURNED, JINJA, *(f"feature_{i:03d}" for i in range(count))][:count]


def cells(count, windows, rng):
    """Every third feature drifts from the middle on; every window of the first 10 % is unjudged."""
    rows = []
    for j, name in enumerate(names(count)):
        effects = np.abs(rng.normal(0.08, 0.05, windows))
        if j % 3 == 0:
            effects[windows // 2 :] += 0.6
        for i in range(windows):
            effect = None if i < windows // 10 else float(effects[i])
            status = "no_reference" if effect is None else "ok"
            if effect is not None and effect > 0.2:
                status = "drifted" if effect > 0.32 else "warning"
            rows.append(
                {
                    "window_start": day(i),
                    "window_end": day(i + 1),
                    "column_name": name,
                    "status": status,
                    "effect": effect,
                    "effect_low": None if effect is None else max(0.0, effect - 0.05),
                    "effect_high": None if effect is None else effect + 0.05,
                    "null_delta": 0.0,
                    "reason": f"shifted: {name}",
                    "reference_name": "baseline",
                    "reference_version": 1,
                }
            )
    rows.sort(key=lambda one: one["window_start"], reverse=True)
    return rows


def shape(name, j, rng, shift, window):
    row = {
        "column_name": name,
        "row_count": 5000,
        "null_count": 25,
        "mean": None,
        "quantiles": None,
        "frequent_items": None,
        "min": None,
        "max": None,
        "window_start": day(window),
        "window_end": day(window + 1),
        "version": 1,
    }
    if j % 2 == 0:
        values = np.sort(rng.lognormal(4 + shift, 0.4, 5000))
        quantiles = np.quantile(values, np.linspace(0, 1, 101)).tolist()
        return row | {"kind": "numeric", "quantiles": quantiles, "mean": float(values.mean())}
    counts = [1500, 1200, 900, 600, int(700 * shift)]
    labels = ["web", "phone", "agent", HOSTILE, "<b>app</b>"]
    items = [{"item": a, "count": b} for a, b in zip(labels, counts, strict=True) if b]
    return row | {"kind": "categorical", "frequent_items": items}


def verdicts(count, windows):
    rows = []
    for j, name in enumerate(names(count)):
        drifts = j % 3 == 0
        rows.append(
            {
                "slice_key": "*",
                "slice_value": "*",
                "column_name": name,
                "windows": windows,
                "ok": windows // 2,
                "warning": 0,
                "drifted": windows // 2 if drifts else 0,
                "lasting": drifts,
                "newest_status": "drifted" if drifts else "ok",
                "since": day(windows // 2) if drifts else None,
                "until": day(windows) if drifts else None,
                "reason": f"shifted by 0.6 sd: {name}" if drifts else None,
                "effect": 0.6,
                "new_categories": None,
                "new_category_share": None,
            }
        )
    first = names(1)[0]
    rows.append({**rows[0], "slice_key": "region", "slice_value": HOSTILE, "column_name": first})
    return rows


def performance(windows):
    """Falling from 0.86; labels of the last 30 windows are still due."""
    rows = []
    for i in range(windows):
        mature = i < windows - 30
        value = 0.86 - 0.06 * i / windows if i < windows - 15 else None
        interval = (None, None) if value is None else (value - 0.01, value + 0.01)
        rows.append(
            {
                "window_start": day(i),
                "window_end": day(i + 1),
                "evaluation_set": "launch",
                "slice_key": "*",
                "slice_value": "*",
                "metric": "accuracy",
                "class_name": "*",
                "labelled": 400,
                "mature": mature,
                "realised": value,
                "realised_low": interval[0],
                "realised_high": interval[1],
                "estimated": 0.86,
                "estimated_low": 0.85,
                "estimated_high": 0.87,
                "evaluated": 0.861,
                "evaluated_low": 0.85,
                "evaluated_high": 0.87,
                "estimated_loss": None,
                "estimated_loss_value": None,
                "basis": "realised",
                "concept_drift": mature and i > windows // 2,
                "loss": 0.02,
                "loss_value": None,
                "status": "degraded" if mature and i > windows // 2 else "ok",
                "reason": HOSTILE,
            }
        )
    return rows


def health(windows):
    rows = []
    for i in range(windows):
        bad = i > windows // 2
        rows.append(
            {
                "monitor": "claims",
                "window_start": day(i),
                "window_end": day(i + 1),
                "granularity": "day",
                "model_id": "claims",
                "model_version": "3",
                "stage": "deployed",
                "verdict": "retrain" if bad else "healthy",
                "severity": "major" if bad else None,
                "confidence": 0.82,
                "reasons": [
                    {"weight": 0.2, "kind": "drift", "reason": HOSTILE, "evidence": []},
                    {"weight": 0.6, "kind": "performance", "reason": "the most", "evidence": []},
                ],
                "rules": ["loss beyond what is tolerated"],
                "would_change": "labels that show less than 0.03 lost",
                "since": day(0),
                "owner": "claims-models",
                "escalation": "head-of-claims",
                "due": day(400),
                "dashboard_status": "green",
                "blind_spot": "red" if bad else "green",
                "open_debts": 1,
                "oldest_debt": day(3),
                "loss": 0.021,
                "cost": 18_900.0,
                "cost_so_far": 410_000.0,
                "currency": "EUR",
                "watched_until": day(i + 1),
            }
        )
    return rows[::-1]


def debts():
    row = {
        "monitor": "claims",
        "debt": HOSTILE,
        "kind": "data",
        "owner": "claims-models",
        "severity": "major",
        "cost": 1200.0,
        "window_start": day(3),
        "opened": day(3),
        "last_seen": day(3),
        "closed": None,
        "evidence": "forced",
        "reason": "no time",
        "opened_by": "anna",
        "status": "open",
        "until": None,
        "due": day(90),
        "age_days": 117.4,
        "interest": 14_400.0,
        "interest_loss": 0.3,
    }
    return [row, {**row, "debt": "an old one", "status": "closed", "closed": day(40)}]


def staleness(windows):
    row = {
        "window_start": day(windows - 1),
        "window_end": day(windows),
        "evaluation_set": "launch",
        "subject": "*",
        "low": None,
        "high": None,
        "threshold": 0.1,
        "threshold_low": None,
        "unit": "share",
        "since": None,
    }
    return [
        {**row, "figure": "outside", "value": 0.2, "status": "drifted", "reason": HOSTILE},
        {**row, "figure": "eval_age", "value": 90.0, "unit": "days", "status": "ok", "reason": ""},
        {**row, "figure": "blind_spot", "value": None, "status": "red", "reason": "in band; alert"},
        {**row, "figure": "thin", "value": None, "status": "insufficient_data", "reason": "few"},
    ]


def findings(count, windows):
    return Findings(
        coverage=[
            {
                "granularity": "day",
                "windows": windows,
                "rows": 5000 * windows,
                "empty": 0,
                "vanished": 0,
                "begin": day(0),
                "end": day(windows),
            }
        ],
        references=[
            {
                "name": "baseline",
                "version": 1,
                "source": "main.claims.log",
                "rows": 150_000,
                "windows": 31,
                "interval_start": day(0),
                "interval_end": day(31),
                "effective_from": day(0),
                "effective_until": None,
            }
        ],
        verdicts=verdicts(count, windows),
    )


def material(count=12, windows=120, *, judged=True):
    """A store of `count` features x `windows` days. judged: there are verdicts on the model."""
    rng = np.random.default_rng(SEED)
    told = [(j, name) for j, name in enumerate(names(count)) if j % 3 == 0]
    last = windows - 1
    return Material(
        findings(count, windows),
        store="./store",
        made_at=MADE,
        package="0.1.0",
        metric="accuracy",
        health=health(windows) if judged else [],
        cells=cells(count, windows, rng),
        shapes=[shape(name, j, rng, 0.6, last) for j, name in told],
        frozen=[shape(name, j, rng, 0.0, 0) for j, name in told],
        performance=performance(windows),
        measured=performance(windows)[-1:],
        dashboard=[
            {"time": day(i + 1), "value": 0.858 + 0.002 * (i % 3), "limit": 0.83}
            for i in range(windows)
        ],
        blind_spots=[
            {
                "window_start": day(i),
                "window_end": day(i + 1),
                "evaluation_set": "launch",
                "status": "red" if i > windows // 2 else "amber",
                "reason": "in band",
                "since": day(windows // 2 + 1) if i > windows // 2 else None,
            }
            for i in reversed(range(windows))
        ],
        staleness=staleness(windows),
        first_seen=[
            {
                "column_name": names(4)[3] if count > 3 else "x",
                "item": "<b>app</b>",
                "first_window": day(60),
                "last_window": day(last),
                "windows": 60,
                "rows": 9000,
            }
        ],
        debts=debts(),
        steps=[
            {
                "step": "drift",
                "run_id": HOSTILE,
                "at": MADE,
                "phase": "SUCCEEDED",
                "windows": 3,
                "rows_scanned": None,
                "error": None,
                "package_version": "0.1.0",
                "source_version": 3,
                "as_of": MADE,
            }
        ],
    )


def fleet_row(model, verdict, rank=1, **more):
    """A row of the view `fleet`."""
    row = {
        "rank": rank,
        "model_id": model,
        "model_version": "3",
        "stage": "deployed",
        "verdict": verdict,
        "blind": verdict == "blind",
        "fresh": True,
        "severity": "major",
        "since": day(3),
        "window_end": day(9),
        "confidence": 0.8,
        "owner": "claims-models",
        "owners": ["claims-models"],
        "escalation": None,
        "due": day(20),
        "overdue": False,
        "dashboard_status": "green",
        "blind_spot": "red",
        "open_debts": 2,
        "oldest_debt": day(1),
        "cost": 18_900.0,
        "loss": 0.021,
        "cost_so_far": 410_000.0,
        "currency": "EUR",
        "monitors": [model],
        "stale_monitors": [] if more.get("fresh", True) else [model],
        "unlisted_monitors": [],
        "answer": None,
        "answered_by": None,
    }
    return row | more

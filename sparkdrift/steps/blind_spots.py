"""What is told from all windows at once: the blind spot, and the link with the outcome.

Written anew for all windows whenever anything changed that they are told from: a late label may
turn an earlier window, and with it since when the dashboard should have turned.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import numpy as np

from sparkdrift.explain.blind_spots import (
    Evidence,
    Moved,
    Persistence,
    Shown,
    blind_spots,
    local_day,
)
from sparkdrift.kernels.performance_rules import BETTER, NO_SET, WITHOUT_LABELS
from sparkdrift.kernels.performance_words import SELECTED
from sparkdrift.kernels.stale_outcome import DECAY, LINK
from sparkdrift.kernels.stale_rows import Stale
from sparkdrift.spark.eval_staleness import write_across
from sparkdrift.spark.outside_tables import Dashboard, Told, outcome_table
from sparkdrift.spark.reference_life import (
    References,
    evaluation_sets,
    stored_references,
    with_set,
)
from sparkdrift.spark.source import Source
from sparkdrift.spark.window_course import (
    Drifted,
    Figures,
    Performed,
    drifted,
    figures_of_windows,
    inputs_digest,
    operations_of_windows,
    performance_of_windows,
)
from sparkdrift.spec.digests import operation_hash
from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.journal import Record
from sparkdrift.steps.outcome_links import outcome_links
from sparkdrift.windows import Window, window_at

BLIND, SHOWN = "blind_spot", "dashboard"
ACROSS = (BLIND, SHOWN, LINK, DECAY)
"""The figures that look at all windows."""
# Raised when they change without a change of their inputs.
_VERSION = 4

Row = dict[str, Any]


def tell_blind_spots(
    context: Context,
    spec: MonitorSpec,
    policy: str,
    record: Record,
    dashboard: Dashboard | None,
) -> int:
    """Write what is due of ACROSS for one monitor; returns how many windows were written.

    dashboard: its table as it was read, None where it has none.
    """
    spark, store = context.spark, context.store
    name = spec.reference.name if spec.reference else None
    stored = stored_references(spark, store, spec, name)
    outcome = outcome_table(spark, spec)
    beside = {"policy": policy, "version": str(_VERSION)}
    if spec.operations:
        beside["operations"] = operation_hash(spec)
    beside |= {
        key: f"{one.table_id}:{one.version}"
        for key, one in (
            ("dashboard", dashboard.source if dashboard else None),
            ("outcome", outcome),
        )
        if one is not None
    }
    text, have, starts = inputs_digest(spark, store, spec, stored, ACROSS, beside)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if set(have) == starts and all(one == digest for one in have.values()):
        return 0
    context.journal.started(record)
    rows = _rows(context, spec, stored, dashboard, outcome)
    zone, grain = spec.timestamp.zone, spec.windows.grain
    windows = [Window(one, window_at(one, grain, zone).end) for one in sorted({*starts, *have})]
    write_across(
        spark,
        store,
        spec,
        [{**row, "input_digest": digest} for row in rows],
        ACROSS,
        windows,
        policy=policy,
        run_id=context.journal.run_id,
    )
    return len(starts)


def _rows(
    context: Context,
    spec: MonitorSpec,
    stored: References,
    dashboard: Dashboard | None,
    outcome: Source | None,
) -> Iterator[Row]:
    spark, store = context.spark, context.store
    figures = figures_of_windows(spark, store, spec)
    performance = performance_of_windows(spark, store, spec, spec.windows.grain)
    moved = drifted(spark, store, spec, stored)
    operated = operations_of_windows(spark, store, spec)
    told = None if dashboard is None else _by_metric(dashboard.rows)
    links = outcome_links(context, spec, outcome)
    for name in evaluation_sets(spec) or (NO_SET,):
        starts = sorted(start for of, start in figures if of == name)
        evidence = [
            Evidence(
                start,
                _shown(spec, told, start, performance.get((name, start), {})),
                *_moved(spec, name, start, moved),
                bool(spec.alerts.importance),
                figures[name, start].rates,
                _judged(spec, performance.get((name, start), {})),
                _fresh(performance.get((name, start), {})),
                figures[name, start].ess_ratio,
                _distrust(spec),
                operated.get(start, dict.fromkeys(spec.operations)),
                decides=(spec.evaluation or Evaluation()).task != "regression",
            )
            for start in starts
        ]
        shown = {one.start: _dashboard(one.shown) for one in evidence}
        verdicts = blind_spots(
            evidence,
            Persistence(spec.alerts.windows, spec.alerts.of),
            _persistence(spec),
            spec.timestamp.zone,
        )
        for one in verdicts:
            about = _about(name, figures[name, one.start], one.start)
            row = Stale(BLIND, "*", one.verdict, one.reason, unit="")
            yield {**about, **_told(row), "since": one.since}
            yield {**about, **_told(shown[one.start]), "since": None}
            for link in links.of(name, one.start):
                yield {**about, **_told(link), "since": None}


def _dashboard(shown: Mapping[str, Shown]) -> Stale:
    """What the dashboard itself shows: red where a metric is out of its band."""
    out = sorted(name for name, one in shown.items() if one.in_band is False)
    unseen = sorted(name for name, one in shown.items() if one.in_band is None)
    if out:
        return Stale(SHOWN, "*", "red", f"out of band: {', '.join(out)}", unit="")
    if unseen or not shown:
        text = f"without value or limit: {', '.join(unseen)}" if shown else "no dashboard metric"
        return Stale(SHOWN, "*", "amber", text, unit="")
    return Stale(SHOWN, "*", "green", "every metric is in its band", unit="")


def _about(name: str, figures: Figures, start: datetime) -> Row:
    return {
        "evaluation_set": name,
        "evaluation_version": figures.version,
        "window_start": start,
    }


def _told(row: Stale) -> Row:
    return {
        key: None if isinstance(one, float) and np.isnan(one) else one
        for key, one in asdict(row).items()
    }


def _persistence(spec: MonitorSpec) -> Persistence:
    if spec.degraded is None:
        return Persistence()
    return Persistence(spec.degraded.persistence.windows, spec.degraded.persistence.of)


def _moved(
    spec: MonitorSpec, name: str, start: datetime, moved: Mapping[tuple[datetime, str], Drifted]
) -> tuple[list[Moved], list[Moved]]:
    """Score and features, by the comparisons that may alert and that with the set; one that has
    no row in this window is one without rows."""
    wanted = (*spec.alerts.comparisons, with_set(name))
    found = [(one, moved.get((start, one))) for one in wanted]
    return (
        [replace(row.score if row else Moved(), of=one) for one, row in found],
        [replace(row.features if row else Moved(), of=one) for one, row in found],
    )


def _judged(spec: MonitorSpec, rows: Mapping[str, Performed]) -> dict[str, tuple[str, str]]:
    """The metric that says degraded, else those of the dashboard, else all that are judged."""
    dashboard = spec.dashboard
    names: set[str] = set(dashboard.metrics if dashboard else ())
    if spec.degraded is not None:
        names = {spec.degraded.metric}
    wanted = names or {metric for metric, one in rows.items() if one.status is not None}
    return {
        m: (rows[m].status, rows[m].reason or "")
        if m in rows
        else ("insufficient_data", "not measured; is it left out of evaluation.metrics?")
        for m in wanted
        if rows
    }


def _fresh(rows: Mapping[str, Performed]) -> bool:
    """Whether a metric rests on labels that had the time to arrive, and that stand for all rows;
    rates need none of them."""
    return any(
        one.mature and one.realised is not None and SELECTED not in (one.reason or "")
        for metric, one in rows.items()
        if metric not in WITHOUT_LABELS
    )


def _distrust(spec: MonitorSpec) -> float:
    return (spec.evaluation or Evaluation()).limits.distrust_ess_ratio


def _by_metric(rows: Sequence[Told]) -> dict[str, list[Told]]:
    """In order of time."""
    found: dict[str, list[Told]] = {}
    for one in sorted(rows, key=lambda row: row.at):
        found.setdefault(one.metric, []).append(one)
    return found


def _shown(
    spec: MonitorSpec,
    told: Mapping[str, list[Told]] | None,
    start: datetime,
    performance: Mapping[str, Performed],
) -> dict[str, Shown]:
    """What the dashboard shows at a window's end: its table's newest rows, or, as dashboards do
    that are computed from it, the evaluation set's own metrics."""
    dashboard = spec.dashboard
    if dashboard is None:
        return {}
    declared = {str(metric): one for metric, one in dashboard.metrics.items()}
    end = window_at(start, spec.windows.grain, spec.timestamp.zone).end
    found: dict[str, Shown] = {}
    for metric in {*declared, *(told or ())}:
        band = declared.get(metric)
        least, most = (band.at_least, band.at_most) if band else (None, None)
        if told is None:
            value = performance[metric].evaluated if metric in performance else None
            found[metric] = Shown(value, least, most)
            continue
        rows = told.get(metric, [])
        place = bisect_left(rows, end, key=lambda row: row.at)
        one = rows[place - 1] if place else None
        note = ""
        if one is not None and one.limit is not None:
            least, most, note = _band(metric, one.limit, (least, most))
        age = None if one is None else end - one.at
        limit = (spec.evaluation or Evaluation()).limits.dashboard_age
        if one is not None and age is not None and age > limit:
            # What is shown of long ago says nothing of this window, in band or out of it.
            note = f"its newest row is of {local_day(one.at, spec.timestamp.zone)}, {age.days} days"
            note += f" before the window's end; limit {limit.days}"
            found[metric] = Shown(None, least, most, note)
            continue
        found[metric] = Shown(one.value if one else None, least, most, note)
    return found


def _band(
    metric: str, limit: float, declared: tuple[float | None, float | None]
) -> tuple[float | None, float | None, str]:
    """(at_least, at_most, note) by a limit of the table: on the side of the worse, or, of what
    should be near 0, on both. Where that side is not known a limit says nothing: of a latency it
    is an upper one, of a volume a lower one."""
    better = BETTER.get(metric)
    if better is None:
        why = f"the table's limit is {limit:g}, and which side of it is the better one is not known"
        return *declared, f"{why} of this metric; evaluation.dashboard.filter can leave it out"
    if not better:
        return -abs(limit), abs(limit), ""
    return (limit, None, "") if better > 0 else (None, limit, "")

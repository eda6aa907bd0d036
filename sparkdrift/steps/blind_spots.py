"""What is told from all windows at once: the blind spot, and the link with the outcome.

Written anew for all windows whenever anything changed that they are told from: a late label may
turn an earlier window, and with it since when the dashboard should have turned.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from sparkdrift.explain.blind_spots import (
    LOSSES,
    Evidence,
    Moved,
    Persistence,
    Shown,
    blind_spots,
    local_day,
)
from sparkdrift.kernels.performance_rules import NO_SET, WITHOUT_LABELS
from sparkdrift.kernels.stale_outcome import DECAY, LINK, outcome_rows, without_outcome
from sparkdrift.kernels.stale_rows import Stale
from sparkdrift.spark.eval_staleness import write_across
from sparkdrift.spark.outside_tables import (
    Told,
    dashboard_table,
    outcome_table,
    outcomes,
    told_by_dashboard,
)
from sparkdrift.spark.reference_life import (
    References,
    evaluation_sets,
    stored_references,
    with_set,
)
from sparkdrift.spark.source import Source
from sparkdrift.spark.window_course import (
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
from sparkdrift.windows import Window, window_at

BLIND, SHOWN = "blind_spot", "dashboard"
ACROSS = (BLIND, SHOWN, LINK, DECAY)
"""The figures that look at all windows."""
# Raised when they change without a change of their inputs.
_VERSION = 3

Row = dict[str, Any]


@dataclass(frozen=True)
class _Tables:
    dashboard: Source | None
    outcome: Source | None


def tell_blind_spots(context: Context, spec: MonitorSpec, policy: str, record: Record) -> int:
    """Write what is due of ACROSS for one monitor; returns how many windows were written."""
    spark, store = context.spark, context.store
    name = spec.reference.name if spec.reference else None
    stored = stored_references(spark, store, spec, name)
    tables = _Tables(dashboard_table(spark, spec), outcome_table(spark, spec))
    beside = {"policy": policy, "version": str(_VERSION)}
    if spec.operations:
        beside["operations"] = operation_hash(spec)
    beside |= {
        key: f"{one.table_id}:{one.version}"
        for key, one in (("dashboard", tables.dashboard), ("outcome", tables.outcome))
        if one is not None
    }
    text, have, starts = inputs_digest(spark, store, spec, stored, ACROSS, beside)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if set(have) == starts and all(one == digest for one in have.values()):
        return 0
    context.journal.started(record)
    rows = _rows(context, spec, stored, tables)
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
    context: Context, spec: MonitorSpec, stored: References, tables: _Tables
) -> Iterator[Row]:
    spark, store = context.spark, context.store
    figures = figures_of_windows(spark, store, spec)
    performance = performance_of_windows(spark, store, spec, spec.windows.grain)
    moved = drifted(spark, store, spec, stored)
    operated = operations_of_windows(spark, store, spec)
    told = None
    if tables.dashboard is not None:
        told = _by_metric(told_by_dashboard(spark, spec, tables.dashboard))
    links = _links(context, spec, tables)
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
    spec: MonitorSpec, name: str, start: datetime, moved: Mapping[tuple[datetime, str], Any]
) -> tuple[list[Moved], list[Moved]]:
    """Score and features, by the comparisons that may alert and that with the set."""
    found = [moved.get((start, one)) for one in (*spec.alerts.comparisons, with_set(name))]
    known = [one for one in found if one is not None]
    return [one.score for one in known], [one.features for one in known]


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
    """Whether a metric rests on labels that had the time to arrive; rates need none of them."""
    return any(
        one.mature and one.realised is not None
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
        if one is not None and one.limit is not None:
            least, most = (None, one.limit) if metric in LOSSES else (one.limit, None)
        age = None if one is None else end - one.at
        limit = (spec.evaluation or Evaluation()).limits.dashboard_age
        if one is not None and age is not None and age > limit:
            # What is shown of long ago says nothing of this window, in band or out of it.
            note = f"its newest row is of {local_day(one.at, spec.timestamp.zone)}, {age.days} days"
            note += f" before the window's end; limit {limit.days}"
            found[metric] = Shown(None, least, most, note)
            continue
        found[metric] = Shown(one.value if one else None, least, most)
    return found


@dataclass(frozen=True)
class _Links:
    """By set: from when on each pair of metric and outcome is known, and both series."""

    metric: str
    grain: str
    reason: str
    ends: Mapping[str, list[datetime]]
    values: Mapping[str, tuple[list[float], list[float]]]
    zone: str
    window: str

    def of(self, name: str, start: datetime) -> list[Stale]:
        """Both rows of a window, by the periods that were over at its end."""
        if self.reason:
            return without_outcome(self.reason, self.metric)
        end = window_at(start, self.window, self.zone).end
        known = self.ends.get(name, [])
        size = bisect_right(known, end)
        metric, outcome = self.values.get(name, ([], []))
        return outcome_rows(self.metric, metric[:size], outcome[:size], self.grain)


def _links(context: Context, spec: MonitorSpec, tables: _Tables) -> _Links:
    outcome = spec.outcome
    zone, window = spec.timestamp.zone, spec.windows.grain
    if outcome is None or tables.outcome is None:
        reason = "evaluation.outcome declares no table of the business outcome"
        return _Links("*", window, reason, {}, {}, zone, window)
    grain = outcome.grain
    metric = outcome.metric or (spec.degraded.metric if spec.degraded else None)
    if metric is None:
        reason = "evaluation.outcome.metric names none, and neither does degraded.metric"
        return _Links("*", grain, reason, {}, {}, zone, window)
    if grain not in (window, *spec.windows.rollups):
        reason = f"windows of a {grain} are not kept: add {grain} to windows.rollups"
        return _Links(metric, grain, reason, {}, {}, zone, window)
    shown = outcomes(context.spark, spec, tables.outcome)
    realised = performance_of_windows(context.spark, context.store, spec, grain)
    ends: dict[str, list[datetime]] = {}
    values: dict[str, tuple[list[float], list[float]]] = {}
    for (name, start), rows in sorted(realised.items()):
        one = rows.get(metric)
        period = window_at(start + outcome.lag, grain, zone)
        if one is None or one.realised is None or not one.mature or period.start not in shown:
            continue
        ends.setdefault(name, []).append(max(period.end, window_at(start, grain, zone).end))
        pair = values.setdefault(name, ([], []))
        pair[0].append(one.realised)
        pair[1].append(shown[period.start])
    return _Links(metric, grain, "", ends, values, zone, window)

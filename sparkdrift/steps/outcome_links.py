"""The metric beside the business outcome: which pairs of windows and periods were known when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sparkdrift.kernels.stale_outcome import outcome_rows, without_outcome
from sparkdrift.kernels.stale_rows import Stale
from sparkdrift.spark.outside_tables import outcomes
from sparkdrift.spark.source import Source
from sparkdrift.spark.window_course import performance_of_windows
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.windows import window_at


@dataclass(frozen=True)
class OutcomeLinks:
    """By set: from when on each pair of metric and outcome is known, and both series."""

    metric: str
    grain: str
    reason: str
    ends: Mapping[str, list[datetime]]
    values: Mapping[str, tuple[list[float], list[float]]]
    zone: str
    window: str
    better: str = "up"

    def of(self, name: str, start: datetime) -> list[Stale]:
        """Both rows of a window, by the periods that were over at its end."""
        if self.reason:
            return without_outcome(self.reason, self.metric)
        end = window_at(start, self.window, self.zone).end
        known = self.ends.get(name, [])
        size = bisect_right(known, end)
        metric, outcome = self.values.get(name, ([], []))
        return outcome_rows(self.metric, metric[:size], outcome[:size], self.grain, self.better)


def outcome_links(context: Context, spec: MonitorSpec, source: Source | None) -> OutcomeLinks:
    outcome = spec.outcome
    zone, window = spec.timestamp.zone, spec.windows.grain
    if outcome is None or source is None:
        reason = "evaluation.outcome declares no table of the business outcome"
        return OutcomeLinks("*", window, reason, {}, {}, zone, window)
    grain = outcome.grain
    metric = outcome.metric or (spec.degraded.metric if spec.degraded else None)
    if metric is None:
        reason = "evaluation.outcome.metric names none, and neither does degraded.metric"
        return OutcomeLinks("*", grain, reason, {}, {}, zone, window)
    if grain not in (window, *spec.windows.rollups):
        reason = f"windows of a {grain} are not kept: add {grain} to windows.rollups"
        return OutcomeLinks(metric, grain, reason, {}, {}, zone, window)
    shown = outcomes(context.spark, spec, source)
    realised = performance_of_windows(context.spark, context.store, spec, grain)
    ends: dict[str, list[datetime]] = {}
    values: dict[str, tuple[list[float], list[float]]] = {}
    for (name, start), rows in sorted(realised.items()):
        one = rows.get(metric)
        # By the clocks of the zone: 14 days on it is Monday again, whether they changed or not.
        period = window_at(start.astimezone(ZoneInfo(zone)) + outcome.lag, grain, zone)
        if one is None or one.realised is None or not one.mature or period.start not in shown:
            continue
        ends.setdefault(name, []).append(max(period.end, window_at(start, grain, zone).end))
        pair = values.setdefault(name, ([], []))
        pair[0].append(one.realised)
        pair[1].append(shown[period.start])
    return OutcomeLinks(metric, grain, "", ends, values, zone, window, outcome.better)

"""Explain: what stored drift rows say of one window, put together for a reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from sparkdrift.errors import UsageError, nearest
from sparkdrift.explain.course import Quiet, quiet_courses
from sparkdrift.explain.explaining import Explanation, with_first_seen
from sparkdrift.explain.explaining import explain as explanations
from sparkdrift.explain.signals import Limits
from sparkdrift.report.plain import day
from sparkdrift.spark.explained_rows import (
    Asked,
    Found,
    Judged,
    first_seen,
    judged,
    monitors,
    rows_to_explain,
)
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import local_instant, window_at

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Of:
    """What the spec says of a monitor; of an id alone, what is usual."""

    name: str
    zone: str = "UTC"
    limits: Limits = field(default_factory=Limits)
    comparisons: tuple[str, ...] = ("baseline",)
    effect: float = 0.32
    effects: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Explained:
    """One window: the alerts, what moves without one, and what was not read, in words."""

    window_start: datetime
    alerts: tuple[Explanation, ...]
    quiet: tuple[Quiet, ...]
    left_out: tuple[str, ...]


def of_spec(spec: MonitorSpec) -> Of:
    """The zone, limits and comparisons of a spec."""
    own = spec.drift.limits
    limits = Limits(
        own.null_share, own.nan_share, own.infinite_share, own.new_categories, own.out_of_range
    )
    return Of(
        spec.monitor,
        spec.timestamp.zone,
        limits,
        tuple(spec.alerts.comparisons),
        spec.drift.thresholds.effect_size,
        {name: one.effect_size for name, one in spec.all_thresholds().items()},
    )


def explain(
    spark: SparkSession, store: Store, of: Of, at: date | datetime | None, column: str | None
) -> Explained:
    """What moved in the window that holds `at` (None: the newest that alerts, else the newest).

    column: this one only; None: all. Raises UsageError, with the nearest that is there, where the
    monitor, the column or the window has no verdict.
    """
    asked = Asked(of.name, of.comparisons, column)
    known = judged(spark, store, asked)
    if not known.columns:
        raise UsageError(_unknown("monitor", of.name, monitors(spark, store)))
    if not known.starts:
        raise UsageError(_unknown("column", str(column), list(known.columns)))
    chosen = _chosen(known, of.zone, at)
    found = rows_to_explain(spark, store, asked, known.starts, chosen)
    told = explanations(found.rows, of.limits, chosen)
    told = with_first_seen(told, first_seen(spark, store, asked, told))
    named = {(one.column_name, one.comparison) for one in told}
    quiet = [
        one
        for one in quiet_courses(found.rows, of.effects, of.effect, chosen)
        if (one.column_name, one.comparison) not in named
    ]
    return Explained(chosen, tuple(told), tuple(quiet), tuple(_left_out(found, of.zone)))


def _chosen(known: Judged, zone: str, time: date | datetime | None) -> datetime:
    """The start of the window that is meant; raises UsageError where it has no verdict."""
    if time is None:
        return known.newest_alert or known.starts[-1]
    chosen = window_at(local_instant(time, zone), known.grain, zone).start
    if chosen not in known.starts:
        first, last = day(known.starts[0], zone), day(known.starts[-1], zone)
        raise UsageError(
            f"WINDOW {day(chosen, zone)} has no verdict; judged are the windows from "
            f"{first} to {last}"
        )
    return chosen


def _left_out(found: Found, zone: str) -> list[str]:
    """What to say where rows were left out."""
    said = []
    if found.cut_window:
        said.append(
            "not all slices were read: the window has too many; name a COLUMN to read all of it"
        )
    if found.cut is not None:
        said.append(
            f"starts and trends go by the windows from {day(found.cut, zone)} on: there are too "
            "many rows before; name a COLUMN to go further back"
        )
    return said


def _unknown(kind: str, given: str, accepted: list[str]) -> str:
    close = nearest(given, accepted)
    listed = ", ".join(sorted(accepted)[:12]) or "none: nothing is judged yet"
    return f"{kind} {given!r} has no verdicts; there are {listed}" + (
        f"; did you mean {close!r}?" if close else ""
    )

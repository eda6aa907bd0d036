"""Reading what is stored: explanations, the fleet, and what would fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sparkdrift.api.opening import Moment, asked, instant, loaded, options_of, reading
from sparkdrift.api.results import Shown
from sparkdrift.api.tables import Rows, rows_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spec.models import MonitorSpec


@dataclass(frozen=True)
class Explained(Shown):
    """What moved in one window: `sentence` of each alert, and of what moves without one.

    left_out: what was not read, in words.
    """

    monitor: str
    window_start: datetime
    alerts: Rows
    quiet: Rows
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feedback(Shown):
    """How far the model shapes its rows: the share in each window, and in words.

    features: those that differ between shaped rows and others; None: the spec does not compare.
    """

    monitor: str
    told: tuple[str, ...]
    windows: Rows
    features: Rows | None


@dataclass(frozen=True)
class Calibration(Shown):
    """Alarms a month that the reference's own windows would have raised, by thresholds.

    effect_size: the present one. per_month: of it, with its 95 % interval, over windows that were
    `judged`, of `possible` ones over features and slices; None: too few were. suggested: one by
    which no more than `wanted` are raised, None: none fits. told: all of it in words, with the
    lines for the spec.
    """

    _absent: ClassVar[Mapping[str, str]] = {
        "suggested": "none fits",
        **dict.fromkeys(("per_month", "low", "high"), "not measured"),
    }

    monitor: str
    version: int
    windows: int
    effect_size: float
    possible: int
    judged: int
    per_month: float | None
    low: float | None
    high: float | None
    wanted: float
    suggested: float | None
    told: tuple[str, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Classification(Shown):
    """Whether a classifier tells a window's rows from the reference's. auc: NaN where `reason`
    says why it was not learnt. features: (name, loss of AUC without it), largest first."""

    monitor: str
    version: int
    window_start: datetime
    status: str
    auc: float
    low: float
    high: float
    effect: float
    features: tuple[tuple[str, float], ...]
    reason: str
    told: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def explain(
    monitor: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    window: Moment | None = None,
    column: str | None = None,
    spark: SparkSession | None = None,
) -> Explained:
    """What moved, how far, what carried it and since when, as `sparkdrift explain`.

    monitor: a spec, whose zone and limits then hold, or an id. window: a time in it; None: the
    newest that alerts. Raises UsageError, with the nearest, where there is no verdict.
    """
    from sparkdrift.explain.sentences import tell, tell_quiet
    from sparkdrift.steps.explaining import Of, of_spec
    from sparkdrift.steps.explaining import explain as explained

    if isinstance(monitor, str) and not monitor.endswith((".yml", ".yaml")):
        of = Of(monitor)
    else:
        of = of_spec(loaded(monitor))
    with reading(store, spark) as (session, place):
        found = explained(session, place, of, window, column)
    alerts = [{**asdict(one), "sentence": tell(one, of.zone)} for one in found.alerts]
    quiet = [{**asdict(one), "sentence": tell_quiet(one, of.zone)} for one in found.quiet]
    return Explained(of.name, found.window_start, rows_of(alerts), rows_of(quiet), found.left_out)


def feedback(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    last: int = 60,
    spark: SparkSession | None = None,
) -> Feedback:
    """How far the model shapes the rows that it will learn from, in its newest `last` windows.

    Raises UsageError where the spec does not say which rows it shaped.
    """
    from sparkdrift.errors import UsageError
    from sparkdrift.explain.feedback import differing_lines, watch, watched_lines
    from sparkdrift.spark.feedback import feature_differences, newest_shares

    own = loaded(spec)
    if own.feedback is None:
        raise UsageError(
            f"{own.monitor} does not say which rows the model shaped; accepted is a section such "
            "as `feedback: {shaped: acted_on}`, then `sparkdrift run SPEC`"
        )
    with reading(store, spark) as (session, place):
        rows = newest_shares(session, place, own, last)
        compared = own.feedback.compare
        features = feature_differences(session, place, own, last) if compared else None
    zone = own.timestamp.zone
    told = watched_lines(watch(rows, own.feedback.limit), own.feedback.limit, zone)
    if features is not None:
        told += differing_lines(features, zone)
    differing = None if features is None else rows_of(features)
    return Feedback(own.monitor, tuple(told), rows_of(rows), differing)


def fleet(
    store: str | None = None,
    *,
    models: str | Path | None = None,
    as_of: datetime | None = None,
    spark: SparkSession | None = None,
) -> Rows:
    """All models, each with its newest verdict: blind ones first, then by what they cost.

    models: the registry's file, so that those are told that nobody watches. as_of: what is due and
    fresh is held against this time, aware; None: now.
    """
    from sparkdrift.spark.fleet import whole_fleet
    from sparkdrift.spec.loading import load_registry

    at = as_of or datetime.now(timezone.utc)
    registry = None if models is None else load_registry(models)
    return rows_of(asked(store, spark, lambda ask, *_: whole_fleet(ask, registry, at)))


def calibrate(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    alarms: float = 1.0,
    spark: SparkSession | None = None,
) -> Calibration:
    """Replay the reference: how often good windows alarm, and what would fit `alarms` a month."""
    from sparkdrift.report.calibration import calibrated
    from sparkdrift.steps.calibrate import calibrate as replay

    own = loaded(spec)
    with reading(store, spark) as (session, place):
        found = replay(session, place, own, alarms)
    return Calibration(
        own.monitor,
        found.reference.version,
        found.windows,
        found.effect,
        found.possible,
        found.judged,
        None if found.now is None else found.now.per_month,
        None if found.now is None else found.now.low,
        None if found.now is None else found.now.high,
        found.wanted,
        found.suggested,
        tuple(calibrated(own, found)),
        found.remarks,
    )


def classify(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    window: Moment | None = None,
    rows: int = 5_000,
    spark: SparkSession | None = None,
) -> Classification:
    """Learn to tell a window's rows from the reference's; reads so many rows of each side."""
    from sparkdrift.report.classification import classified
    from sparkdrift.steps.classify import classify as tell_apart

    own = loaded(spec)
    with reading(store, spark) as (session, place):
        found = tell_apart(session, place, own, instant(own, window), rows)
    told = found.told
    return Classification(
        own.monitor,
        found.reference.version,
        found.window.start,
        found.status,
        told.auc,
        told.low,
        told.high,
        found.effect,
        told.features,
        told.reason,
        tuple(classified(own, found)),
        found.remarks,
    )


def merge(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    begin: Moment | None = None,
    end: Moment | None = None,
    slices: Mapping[str, Sequence[str | None]] | None = None,
    spark: SparkSession | None = None,
) -> Rows:
    """Merge stored windows, and values of a slice, as `sparkdrift merge`; reads no source row.

    slices: values by column, None: rows without one. Raises UsageError, with the nearest that is
    there, where no such window or value is stored.
    """
    from sparkdrift.steps.ranges import figures, merge_range

    own = loaded(spec)
    options = options_of(own, None, begin, end)
    only: dict[str, Any] = {key: list(values) for key, values in (slices or {}).items()}
    with reading(store, spark) as (session, place):
        found = merge_range(session, place, own, options.begin, options.end, only)
        answer = figures(found)
    return Rows(answer.columns, answer.rows, answer.more, tuple(found.notes))

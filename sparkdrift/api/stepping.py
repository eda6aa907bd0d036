"""One step alone, for one monitor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sparkdrift.api.opening import Moment, instant, loaded, options_of, working
from sparkdrift.api.results import Drift, Evaluation, Features, Operations, Profile, Rollup
from sparkdrift.api.tables import rows_of
from sparkdrift.api.versions import Frozen, frozen_of
from sparkdrift.api.watching import evaluation_of, retired

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spec.models import MonitorSpec


def profile(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    as_of: Moment | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Profile:
    """Profile every closed window whose source rows changed; the arguments are those of `run`."""
    from sparkdrift.steps.profile import profile_windows

    own = loaded(spec)
    options = options_of(own, as_of, begin, end)
    with working(store, spark, run_id) as context:
        number = context.journal.run_id
        if (skipped := retired(context, own)) is not None:
            return Profile(own.monitor, number, 0, 0, 0, skipped)
        done = profile_windows(context, own, options)
    return Profile(
        own.monitor,
        number,
        len(done.due),
        done.rows,
        len(done.vanished),
        done.reason,
        tuple(done.remarks),
    )


def rollup(
    spec: str | Path | MonitorSpec,
    granularity: str,
    store: str | None = None,
    *,
    as_of: Moment | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Rollup:
    """Merge stored windows into days, weeks or months, as `sparkdrift profile --granularity`.

    No source row is read. Raises UsageError for a granularity that they can't be merged into.
    """
    from sparkdrift.steps.profile import merge_windows

    own = loaded(spec)
    options = options_of(own, as_of, begin, end)
    with working(store, spark, run_id) as context:
        windows = merge_windows(context, own, granularity, options)
        number = context.journal.run_id
    return Rollup(own.monitor, number, granularity, tuple((w.start, w.end) for w in windows))


def snapshot(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    note: str | None = None,
    effective_from: Moment | None = None,
    candidate: bool = False,
    begin: Moment | None = None,
    end: Moment | None = None,
    table: str | None = None,
    path: str | None = None,
    row_filter: str | None = None,
    version_as_of: int | None = None,
    timestamp_as_of: Moment | None = None,
    role: str | None = None,
    name: str | None = None,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Frozen:
    """Freeze a new version of a reference, and put it in force if the gate lets it pass.

    Without arguments of its own: of what the spec asks for. begin, end: of the watched table;
    table or path: another one, with row_filter, version_as_of or timestamp_as_of. candidate: it is
    not put in force. Raises UsageError where arguments don't go together.
    """
    from sparkdrift.steps.by_hand import Asked, require_sense, wanted_by
    from sparkdrift.steps.snapshot import Freeze, snapshot_by_hand, snapshot_reference

    own = loaded(spec)
    asked = Asked(begin, end, table, path, row_filter, version_as_of, timestamp_as_of, role, name)
    require_sense(asked)
    freeze = Freeze(True, note, instant(own, effective_from), candidate=candidate)
    with working(store, spark, run_id) as context:
        if asked.is_other:
            done = snapshot_by_hand(context, own, wanted_by(asked, own), freeze)
        else:
            done = snapshot_reference(context, own, freeze)
    return frozen_of(own.monitor, done)


def drift(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    as_of: Moment | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Drift:
    """Judge every stored window whose verdict is missing or out of date; check its assumptions."""
    from sparkdrift.spark.findings import count_statuses
    from sparkdrift.steps.assumptions import check_assumptions
    from sparkdrift.steps.drift import compute_drift

    own = loaded(spec)
    options = options_of(own, as_of, begin, end)
    with working(store, spark, run_id) as context:
        number = context.journal.run_id
        if retired(context, own) is not None:
            return Drift(own.monitor, number, 0, {}, {}, None, None)
        done = compute_drift(context, own, options)
        checked = check_assumptions(context, own, options, done.stored)
        context.journal.close()
        found = count_statuses(context.spark, context.store, own, done.active, done.windows)
    return Drift(
        monitor=own.monitor,
        run_id=number,
        windows=len(done.windows),
        statuses=dict(found.statuses),
        suppressed=dict(found.suppressed),
        checked=None if checked.windows is None else len(checked.windows),
        violated=checked.violated if checked.windows else None,
    )


def operations(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    begin: Moment | None = None,
    end: Moment | None = None,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Operations:
    """Tell overrides, escalations, complaints and latency of the windows that are due."""
    from sparkdrift.report.operations import standing_alerts
    from sparkdrift.spark.operation_overview import newest_operations
    from sparkdrift.steps.operations import watch_operations

    own = loaded(spec)
    options = options_of(own, None, begin, end)
    with working(store, spark, run_id) as context:
        number = context.journal.run_id
        done = watch_operations(context, own, options)
        if done.windows is None:
            return Operations(own.monitor, number, None, rows_of([]), rows_of([]))
        context.journal.close()
        rows = newest_operations(context.spark, context.store, own)
    alerts = standing_alerts(rows, own.alerts.windows, own.alerts.of)
    newest = [one for one in rows if one["window_start"] == rows[-1]["window_start"]]
    return Operations(own.monitor, number, len(done.windows), rows_of(newest), rows_of(alerts))


def evaluate(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    as_of: Moment | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Evaluation:
    """Measure performance and what of the evaluation went stale, as `sparkdrift eval`; the
    arguments are those of `run`."""
    from sparkdrift.steps.evaluate import Evaluated
    from sparkdrift.steps.evaluate import evaluate as evaluate_monitor

    own = loaded(spec)
    options = options_of(own, as_of, begin, end)
    with working(store, spark, run_id) as context:
        number = context.journal.run_id
        if retired(context, own) is not None:
            return evaluation_of(own, number, Evaluated())
        return evaluation_of(own, number, evaluate_monitor(context, own, options))


def features(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    as_of: Moment | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Features:
    """Tell which features changed their link with the label, died, or came in another form."""
    from sparkdrift.spark.feature_overview import newest_debt
    from sparkdrift.steps.feature_debt import assess_features

    own = loaded(spec)
    options = options_of(own, as_of, begin, end)
    with working(store, spark, run_id) as context:
        number = context.journal.run_id
        if not own.has_feature_debt:
            return Features(own.monitor, number, None, 0, rows_of([]))
        done = assess_features(context, own, options)
        context.journal.close()
        newest = rows_of(newest_debt(context.spark, context.store, own))
    windows = len(done.windows or ())
    return Features(own.monitor, number, windows, done.estimated, newest, tuple(done.remarks))

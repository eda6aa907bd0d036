"""The gate, of a version's rows: alerts in the windows they are from, labels, who shaped them."""

from __future__ import annotations

from collections.abc import Sequence

from sparkdrift.errors import SourceError
from sparkdrift.references.gate import Check, Gap
from sparkdrift.references.gate_rows import (
    NEEDS_LABELS,
    Origins,
    contamination,
    labels,
    of_no_interval,
    rows_within,
    shaped,
)
from sparkdrift.references.judging import able, due
from sparkdrift.references.life import Event, Name
from sparkdrift.references.places import same_place
from sparkdrift.spark.evaluation_sources import labels_of
from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.gate_figures import alerted, labelled, labelled_by_key, shaped_rows
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.reference_differences import described, differences
from sparkdrift.spark.reference_life import Snapshot, read_references, role_of
from sparkdrift.spark.references import merged_reference
from sparkdrift.spark.source import source_of
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.scoring import label_column
from sparkdrift.steps.context import Context
from sparkdrift.steps.evaluation_scores import declared_set
from sparkdrift.steps.freezing import hashes_of
from sparkdrift.steps.gate_columns import EVALUATION, by_column, gap_of, limits_of
from sparkdrift.steps.verifying import source_then
from sparkdrift.windows import Window, window_at, windows_meeting


def contamination_checks(
    context: Context, spec: MonitorSpec, name: Name, candidate: Snapshot
) -> list[Check]:
    """Asked of the windows that are stored of its interval, also where it was read in one scan."""
    interval = candidate.interval
    if not same_place(candidate.source, spec.source.table or spec.source.path):
        return contamination(None, None)
    stored = stored_windows(context.spark, context.store, spec)
    if interval is None:
        return of_no_interval(due=bool(due(_judging(context, spec), stored)))
    inside = _of(spec, candidate, interval)
    held = {one: stored[one.start].rows for one in inside if one.start in stored}
    # What was read in one scan may hold rows that no stored window has, as of pruned ones.
    missing = {one.start for one in inside} - set(stored)
    rows = {one.start: many for one, many in held.items()}
    if not candidate.windows:
        rows = rows_within(held, interval, None if missing else candidate.rows)
    begin = min((one.start for one in inside), default=interval.start)
    judged, bad = alerted(context.spark, context.store, spec, Window(begin, interval.end))
    left = max(candidate.rows - sum(rows.values()), 0) if missing else 0
    events = _judging(context, spec)
    expected = due(events, [*rows, *missing])
    late = {start for start in rows if start in expected - judged}
    pruned = left if missing & expected else 0
    origins = Origins(
        rows=sum(rows.values()) + left,
        judged=sum(rows[start] for start in rows if start in judged),
        alerted=sum(rows[start] for start in rows if start in bad),
        due=sum(rows[start] for start in late) + pruned,
        lost=sum(rows[start] for start in late - able(events, late)) + pruned,
    )
    others = {start for start in rows if rows[start]} - bad
    if not (origins.alerted and others and candidate.windows):
        return contamination(origins, None)
    grain, zone = spec.windows.grain, spec.timestamp.zone
    left_out = [window_at(start, grain, zone) for start in sorted(bad) if start in rows]
    (columns,) = described(context.spark, context.store, [(name, candidate)])
    gaps = _without(context, spec, name, candidate, interval, left_out)
    return contamination(origins, gaps, by_column(columns))


def _of(spec: MonitorSpec, candidate: Snapshot, interval: Window) -> list[Window]:
    """The windows that a version has rows of: merged are those that begin in its interval, whole;
    read are rows of all that meet it."""
    met = windows_meeting(interval, spec.windows.grain, spec.timestamp.zone)
    return [one for one in met if not candidate.windows or one.start >= interval.start]


def _judging(context: Context, spec: MonitorSpec) -> list[Sequence[Event]]:
    """The events of each reference that a comparison which may alert reads."""
    every = read_references(context.spark, context.store, spec.monitor)
    roles = {role_of(one) for one in spec.alerts.comparisons}
    return [own.events for one, own in every.items() if one.role in roles]


def _without(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    candidate: Snapshot,
    interval: Window,
    windows: Sequence[Window],
) -> list[Gap]:
    """How far the version moves where these windows are left out; nothing is stored."""
    resolution = resolve_source(context.spark, spec, source_of(context.spark, spec))
    rebuilt = merged_reference(
        context.spark, context.store, spec, interval, hashes_of(spec, resolution), windows
    )
    found = differences(context.spark, context.store, spec, [((name, candidate), rebuilt)])
    limits = limits_of(spec).missing
    return sorted((gap_of(one, name, limits) for one in found), key=lambda one: one.column)


def label_checks(
    context: Context, spec: MonitorSpec, name: Name, candidate: Snapshot
) -> list[Check]:
    """Labels in the rows themselves, or joined to them by key, as the evaluation does it.

    Rows of another table that need labels have them in the column that the table of labels has them
    in, if the prediction names none.
    """
    own = same_place(candidate.source, spec.source.table or spec.source.path)
    joins = own and spec.evaluation is not None and spec.evaluation.labels is not None
    needed = joins or name.role in NEEDS_LABELS
    label = label_column(spec) if needed else spec.prediction.label
    if name.role == EVALUATION and not joins:
        label = declared_set(spec, name).label or label
    if label is None and not joins:
        return []
    try:
        source = source_then(context.spark, spec, candidate)
        if joins:
            table = labels_of(context.spark, spec)
            return labels(name.role, *labelled_by_key(context.spark, spec, source, table))
        if str(label).lower() not in {column.lower() for column in source.schema}:
            return labels(name.role, None, None, f"{source.name} has no column {label!r}")
        return labels(name.role, *labelled(context.spark, source, str(label)))
    except SourceError as error:
        return labels(name.role, None, None, str(error))
    except FAILURES as error:
        return labels(name.role, None, None, reason(error))


def shaped_checks(
    context: Context, spec: MonitorSpec, name: Name, candidate: Snapshot
) -> list[Check]:
    if spec.feedback is None:
        return []
    known, influenced, why = shaped_rows(context.spark, context.store, name, candidate)
    return shaped(candidate.rows, known, influenced, spec.feedback.limit, why)

"""The debt of features: every window whose figures are missing or out of date, told anew.

Importances that are to be estimated come first, from a sample of rows of the windows that lack
them; all else is told from stored rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sparkdrift.errors import SpecError
from sparkdrift.kernels.feature_course import (
    LOOK,
    Before,
    ModelWindow,
    course_rows,
    model_rows,
)
from sparkdrift.kernels.feature_rows import FeatureRow
from sparkdrift.spark.class_moments import associated_features
from sparkdrift.spark.dating import around
from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.feature_debt import (
    OF_FEATURES,
    OF_MODELS,
    feature_policy,
    feature_rows,
    model_frame,
    with_evidence,
    write_debt,
)
from sparkdrift.spark.feature_digests import Digests, debt_digests
from sparkdrift.spark.feature_importance import (
    NONE_KNOWN,
    Known,
    known_importances,
    summed_importances,
)
from sparkdrift.spark.importance_states import lacking_importances, write_importances
from sparkdrift.spark.importance_tables import importance_table, written_importances
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.reference_life import References, stored_references, version_at
from sparkdrift.spark.source import Source, source_of
from sparkdrift.spec.digests import feature_debt_hash, importance_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.journal import Record
from sparkdrift.steps.outdated import batches, outdated
from sparkdrift.windows import Window, window_at

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STEP = "feature_debt"
_AT_ONCE = 100
"""Windows whose importances are estimated in one commit."""


@dataclass(frozen=True)
class Assessed:
    """What the step did: windows whose figures were written, None where nothing is asked for;
    estimated: those whose importances were estimated. remarks: what is odd, in words."""

    windows: tuple[Window, ...] | None = None
    estimated: int = 0
    remarks: tuple[str, ...] = ()


def assess_features(context: Context, spec: MonitorSpec, options: Options) -> Assessed:
    """Tell what is due for one monitor and write it.

    Reads stored rows, the table of importances, and of source rows only those that importances
    are estimated from. Raises SpecError, with nothing written, where that table lacks a column.
    """
    if not spec.has_feature_debt:
        return Assessed()
    with context.journal.step(spec.monitor, STEP) as record:
        table = importance_table(context.spark, spec)
        if table is not None:
            record.inputs.append(("importance", table.table_id, table.version))
        record.policy_hash = policy = feature_debt_hash(spec)
        estimated = _estimate(context, spec, record)
        stored = _references(context, spec)
        digests = _digests(context, spec, stored, table)
        found = outdated(spec, options, digests.wanted, digests.have)
        if not found.due and not found.dropped:
            return Assessed((), estimated)
        written = None if table is None else written_importances(context.spark, spec, table)
        known = known_importances(
            context.spark, context.store, spec, written, sorted(digests.wanted)
        )
        record.warnings += known.remarks
        for batch, version in batches(context, spec, record, found):
            write = partial(
                write_debt,
                context.spark,
                context.store,
                spec,
                windows=batch,
                digests=digests.wanted,
                near=around(spec, batch, digests.have),
                policy=policy,
                source_version=version,
                run_id=context.journal.run_id,
            )
            _tell(context, spec, stored, known, batch, digests, write)
        return Assessed(found.due, estimated, known.remarks)


def due_windows(context: Context, spec: MonitorSpec, options: Options) -> int:
    """How many windows `assess_features` would tell of now; writes nothing."""
    if not spec.has_feature_debt:
        return 0
    table = importance_table(context.spark, spec)
    digests = _digests(context, spec, _references(context, spec), table)
    return len(outdated(spec, options, digests.wanted, digests.have).due)


def _references(context: Context, spec: MonitorSpec) -> References:
    name = spec.reference.name if spec.reference else None
    return stored_references(context.spark, context.store, spec, name)


def _digests(
    context: Context, spec: MonitorSpec, stored: References, table: Source | None
) -> Digests:
    token = "" if table is None else f"{table.table_id}:{table.version}"
    policy = feature_debt_hash(spec)
    return debt_digests(context.spark, context.store, spec, stored, policy, token)


def _estimate(context: Context, spec: MonitorSpec, record: Record) -> int:
    """Estimate the importances that are missing; returns of how many windows."""
    own = spec.importance
    if own is None or own.estimate is None:
        return 0
    spark, store = context.spark, context.store
    source = source_of(spark, spec)
    resolution = resolve_source(spark, spec, source)
    if resolution.blocking:
        raise SpecError(resolution.blocking)
    windows = stored_windows(spark, store, spec)
    if not windows:
        return 0
    every = [one.window for one in windows.values()]
    features = associated_features(spark, store, spec, resolution, every)
    definition = importance_hash(spec, features)
    lacking = lacking_importances(spark, store, spec, windows, definition)
    if lacking:
        context.journal.started(record)
        record.inputs.append(("source", source.table_id, source.version))
    for first in range(0, len(lacking), _AT_ONCE):
        batch = lacking[first : first + _AT_ONCE]
        run_id = context.journal.run_id
        write_importances(spark, store, spec, source, features, own, batch, definition, run_id)
        record.rows_scanned += sum(one.rows for one in batch)
        context.progress.advance(
            STEP, windows=first + len(batch), of=len(lacking), rows=record.rows_scanned
        )
    return len(lacking)


def _tell(
    context: Context,
    spec: MonitorSpec,
    stored: References,
    known: Known,
    batch: Sequence[Window],
    digests: Digests,
    write: Callable[[DataFrame, Sequence[str]], None],
) -> None:
    """Two commits: features first, then the model, by which a window counts as done."""
    spark, store = context.spark, context.store
    write(feature_rows(spark, store, spec, stored, known, batch), OF_FEATURES)
    own, starts = {one.start for one in batch}, sorted(digests.wanted)
    zone, grain = spec.timestamp.zone, spec.windows.grain
    looked = [Window(one, window_at(one, grain, zone).end) for one in _looked_at(starts, own)]
    summed = summed_importances(spark, store, spec, stored, known, looked)
    evidence = with_evidence(spark, store, spec, summed.windows)
    rows = list(_model_rows(spec, stored, starts, own, evidence, summed.before))
    write(model_frame(spark, rows), OF_MODELS)


def _looked_at(starts: Sequence[datetime], own: set[datetime]) -> list[datetime]:
    """The windows of `own`, and those before each that its courses look back at."""
    found: set[datetime] = set()
    for i, start in enumerate(starts):
        if start in own:
            found.update(starts[max(0, i - LOOK + 1) : i + 1])
    return sorted(found)


def _model_rows(
    spec: MonitorSpec,
    stored: References,
    starts: Sequence[datetime],
    own: set[datetime],
    evidence: Mapping[datetime, ModelWindow],
    before: Mapping[int, Before],
) -> Iterator[tuple[datetime, FeatureRow]]:
    policy = feature_policy(spec)
    lacking = "" if spec.has_importance else NONE_KNOWN
    for i, start in enumerate(starts):
        if start not in own:
            continue
        now = evidence.get(start, ModelWindow())
        now = replace(now, reason=now.reason or lacking)
        compared = before.get(version_at(stored.active, start), Before())
        course = [evidence.get(one, ModelWindow()) for one in starts[max(0, i - LOOK + 1) : i + 1]]
        for row in (*model_rows(now, compared, policy), *course_rows(course)):
            yield start, row

"""Counting scores and labels of windows: all of their rows, or those alone whose label changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sparkdrift.errors import SpecError
from sparkdrift.measures.score_bins import plain_edges
from sparkdrift.spark.changes import Fingerprint
from sparkdrift.spark.class_moments import Target, associated_features, class_moments, target_of
from sparkdrift.spark.evaluation_sources import row_problems
from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.labels import arrival_states, scores_with_labels
from sparkdrift.spark.operation_inputs import countable, of_operations
from sparkdrift.spark.score_states import LABELS, edges_of_sets, profiled_slices, write_scores
from sparkdrift.spark.scores import Cut, count_scores
from sparkdrift.spark.slicing import Slices, slice_name, slices_of
from sparkdrift.spark.source import Source
from sparkdrift.spec.digests import counted_hash, evaluation_hash
from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature, Resolution
from sparkdrift.spec.scoring import WHOLE_SCORE, OneScore, binned_operations
from sparkdrift.steps.context import Context
from sparkdrift.steps.due_scores import Due, by_class
from sparkdrift.steps.evaluation_sets import Sets, name_of_set
from sparkdrift.windows import Window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_NO_OWN = ("CAST(NULL AS STRING) AS own_definition", "1 AS sign")
_BATCH_ROWS = 20_000_000
_BATCH_WINDOWS = 400


@dataclass(frozen=True)
class Counting:
    """What the windows of one run are counted by. edges: by set, version and score; digests: of
    the sets, by the names of states; names: of the states of each window, by its start."""

    spec: MonitorSpec
    evaluation: Evaluation
    source: Source
    labels: Source | None
    scores: Sequence[OneScore]
    edges: Mapping[tuple[str, int], Mapping[str, tuple[float, ...]]]
    digests: Mapping[str, str]
    names: Mapping[datetime, frozenset[str]]
    signals: Sequence[str]
    target: Target | None
    resolution: Resolution | None


@dataclass(frozen=True)
class Batch:
    """The windows of one commit, with what is counted of them. counted: its digest."""

    due: Sequence[Fingerprint]
    cuts: Sequence[Cut]
    slices: Slices
    features: Sequence[Feature]
    counted: str

    @property
    def windows(self) -> list[Window]:
        return [one.window for one in self.due]


def counting(
    context: Context,
    spec: MonitorSpec,
    evaluation: Evaluation,
    sets: Sets,
    due: Due,
    source: Source,
    labels: Source | None,
) -> Counting:
    """Raises SpecError where the watched table or that of the labels lacks a column."""
    spark, store = context.spark, context.store
    problems = row_problems(spark, spec, source.schema, labels.schema if labels else None)
    if problems:
        raise SpecError(problems)
    snapshots = [
        (name_of_set(spec, name), term.snapshot)
        for name, own in sets.active.items()
        for term in own
        if term.snapshot.declared is not None
    ]
    digests = {
        full: one.digest
        for name, one in snapshots
        for full in by_class(spec, f"{name.name}:{one.version}")
    }
    scores = scores_with_labels(spec, labels)
    target = target_of(spec, scores)
    return Counting(
        spec,
        evaluation,
        source,
        labels,
        scores,
        edges_of_sets(spark, store, snapshots) if snapshots else {},
        digests,
        due.names,
        countable(spark, spec, source) if binned_operations(spec) else (),
        target,
        None if target is None else resolve_source(spark, spec, source),
    )


def batches(due: Sequence[Fingerprint]) -> Iterator[list[Fingerprint]]:
    """Windows that are counted together, in order."""
    batch: list[Fingerprint] = []
    rows = 0
    for one in due:
        if batch and (rows + one.rows > _BATCH_ROWS or len(batch) >= _BATCH_WINDOWS):
            yield batch
            batch, rows = [], 0
        batch.append(one)
        rows += one.rows
    if batch:
        yield batch


def batch_of(context: Context, by: Counting, due: Sequence[Fingerprint]) -> Batch:
    """What is counted of these windows: slices that were profiled, features that can be read."""
    spec, windows = by.spec, [one.window for one in due]
    kept = profiled_slices(context.spark, context.store, spec, windows)
    slices = slices_of(spec, [keys for keys in spec.slices if slice_name(keys) in kept])
    features: list[Feature] = []
    if by.target is not None and by.resolution is not None:
        features = associated_features(context.spark, context.store, spec, by.resolution, windows)
    named = [slice_name(keys) for keys in slices.keys]
    digest = counted_hash(spec, named, by.signals, features)
    return Batch(due, _cuts(by, windows), slices, features, digest)


def part_of(by: Counting, batch: Batch, due: Sequence[Fingerprint]) -> Batch:
    """The same of some of its windows."""
    return replace(batch, due=due, cuts=_cuts(by, [one.window for one in due]))


def states(
    by: Counting, batch: Batch, rows: DataFrame, source: Source, sign: str = "1"
) -> DataFrame:
    """States of `rows`, source rows with window and label: KEYS, kind, name, columns, cells,
    own_definition, and the sign that is not in the cells yet. sign: as in `count_scores`."""
    spec = by.spec
    events = [spec.operations[one].event for one in by.signals]
    found = count_scores(
        rows, by.evaluation, by.scores, batch.cuts, batch.slices, events, sign=sign
    ).selectExpr("*", f"{of_operations(by.signals)} AS columns", *_NO_OWN)
    if by.labels is not None:
        late = arrival_states(rows, spec, source, sign)
        found = found.unionByName(late.selectExpr("*", f"'{LABELS}' AS name", *_NO_OWN))
    if batch.features and by.target is not None:
        found = found.unionByName(class_moments(rows, spec, batch.features, by.target, sign))
    return found


def write(context: Context, by: Counting, batch: Batch, found: DataFrame, source: Source) -> None:
    """Make `found` all states of the windows of `batch`, in one commit."""
    write_scores(
        context.store,
        by.spec,
        found.drop("sign"),
        batch.due,
        definition=evaluation_hash(by.spec),
        digests=by.digests,
        labels=by.labels,
        counted=batch.counted,
        source_version=source.version,
        run_id=context.journal.run_id,
        names=len(batch.cuts) + (0 if by.resolution is None else len(by.resolution.usable) // 20),
    )


def _cuts(by: Counting, windows: Sequence[Window]) -> list[Cut]:
    """The edges by which the windows of a batch are binned."""
    by_name: dict[str, list[Window]] = {}
    for window in windows:
        for name in sorted(by.names[window.start]):
            by_name.setdefault(name, []).append(window)
    scores = [one.name for one in by.scores]
    cuts = []
    for name, own in by_name.items():
        # The name of a set has no colon, that of a class may have.
        set_name, version, *rest = name.removeprefix(":").split(":", 2)
        score = rest[0] if rest else WHOLE_SCORE
        known = by.edges.get((set_name, int(version)), {}).get(score)
        bare = known is None or name.startswith(":")
        cut = _without_set(by.evaluation) if bare or known is None else known
        cuts.append(Cut(name, scores.index(score), cut, tuple(own)))
    return cuts


def _without_set(evaluation: Evaluation) -> tuple[float, ...]:
    if evaluation.task == "regression":
        return ()
    return tuple(plain_edges([one.value for one in evaluation.thresholds.values()]).tolist())

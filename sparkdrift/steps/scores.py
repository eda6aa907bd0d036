"""Scores: every window whose states of scores and labels are missing or out of date, counted.

A window is due when its rows changed, what a state means changed, another version of an evaluation
set is in force for it, or labels of its predictions came in or were restated. The last is found
from the labels that changed, and only these windows are read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sparkdrift.errors import SpecError
from sparkdrift.measures.score_bins import plain_edges
from sparkdrift.spark.changes import Fingerprint
from sparkdrift.spark.class_moments import associated_features, class_moments, target_of
from sparkdrift.spark.evaluation_sources import labels_of, row_problems
from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.labels import arrival_states, joined_labels, scores_with_labels
from sparkdrift.spark.operation_inputs import countable, of_operations
from sparkdrift.spark.profiles import stored_windows, window_rows
from sparkdrift.spark.reference_life import Active
from sparkdrift.spark.score_rollups import due_score_rollups, write_score_rollups
from sparkdrift.spark.score_states import (
    LABELS,
    counted_windows,
    delete_scores,
    edges_of_sets,
    label_totals,
    profiled_slices,
    unusable_totals,
    write_scores,
)
from sparkdrift.spark.scores import Cut, count_scores
from sparkdrift.spark.slicing import slice_name, slices_of
from sparkdrift.spark.source import Source, source_of
from sparkdrift.spec.digests import evaluation_hash
from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.scoring import WHOLE_SCORE, binned_operations
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.due_scores import STEP, Due, by_class, due_scores
from sparkdrift.steps.evaluation_sets import Sets, name_of_set
from sparkdrift.steps.journal import Record
from sparkdrift.steps.rollup import declared, merged_from
from sparkdrift.windows import Window, window_at

_NO_OWN = "CAST(NULL AS STRING) AS own_definition"
_BATCH_ROWS = 20_000_000
_BATCH_WINDOWS = 400


@dataclass(frozen=True)
class Counted:
    """What the step did. windows: counted; relabelled: those of them that only labels asked for.

    profiled: how many windows have profiles, which are what can be counted; None: not looked at.
    alone: how many of the labels that were looked at have no prediction. dropped: windows whose
    states went, since they are profiled no more. longer: roll-ups, by grain. remarks: rows that
    were left out, in words.
    """

    windows: tuple[Window, ...] = ()
    relabelled: tuple[Window, ...] = ()
    alone: int = 0
    dropped: tuple[Window, ...] = ()
    longer: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    profiled: int | None = None


def count_windows(context: Context, spec: MonitorSpec, options: Options, sets: Sets) -> Counted:
    """Count what is due for one monitor and write it.

    Reads source rows of the windows that are due, and of the whole table the key and time where
    labels in another table changed; nothing where nothing changed. Raises SpecError, with nothing
    written, where the watched table or that of the labels lacks a column.
    """
    evaluation = spec.evaluation
    if evaluation is None:
        return Counted()
    with context.journal.step(spec.monitor, STEP) as record:
        record.scope_digest = definition = evaluation_hash(spec)
        labels = labels_of(context.spark, spec)
        if labels is not None:
            record.inputs.append(("labels", labels.table_id, labels.version))
        stored = stored_windows(context.spark, context.store, spec)
        have = counted_windows(context.spark, context.store, spec)
        due = due_scores(context, spec, options, sets.active, stored, have, labels, record)
        dropped = [_window(spec, start) for start in have if start not in stored]
        if due.batch or dropped:
            context.journal.started(record)
        if dropped:
            delete_scores(
                context.spark,
                context.store,
                spec,
                spec.windows.grain,
                dropped,
                context.journal.run_id,
            )
        if due.batch:
            # Of a part of the windows the labels are a part as well.
            few = 2 * sum(one.rows for one in due.batch) < sum(one.rows for one in stored.values())
            _count(context, spec, evaluation, sets.active, due, labels, record, of_few=few)
        longer = {
            grain: _roll_up(context, spec, grain, definition, record) for grain in declared(spec)
        }
        windows = tuple(one.window for one in due.batch)
        if labels is not None and windows:
            record.warnings += _told(context, spec, windows, due.alone)
        left_out: tuple[str, ...] = ()
        if windows and evaluation.task != "regression":
            left_out = _left_out(context, spec, due.batch)
            record.warnings += left_out
        return Counted(
            windows,
            tuple(one for one in windows if one.start in due.relabelled),
            due.alone,
            tuple(dropped),
            longer,
            left_out,
            len(stored),
        )


def _count(
    context: Context,
    spec: MonitorSpec,
    evaluation: Evaluation,
    active: Mapping[str, Sequence[Active]],
    due: Due,
    labels: Source | None,
    record: Record,
    *,
    of_few: bool,
) -> None:
    """Count the windows that are due, a commit for each batch."""
    spark, store = context.spark, context.store
    source = source_of(spark, spec)
    record.inputs.append(("source", source.table_id, source.version))
    problems = row_problems(spark, spec, source.schema, labels.schema if labels else None)
    if problems:
        raise SpecError(problems)
    snapshots = [
        (name_of_set(spec, name), term.snapshot)
        for name, own in active.items()
        for term in own
        if term.snapshot.declared is not None
    ]
    edges = edges_of_sets(spark, store, snapshots) if snapshots else {}
    digests = {
        full: one.digest
        for name, one in snapshots
        for full in by_class(spec, f"{name.name}:{one.version}")
    }
    scores = scores_with_labels(spec, labels)
    token = "" if labels is None else f"{labels.table_id}:{labels.version}"
    binned = countable(spark, spec, source) if binned_operations(spec) else ()
    target = target_of(spec, scores)
    resolution = None if target is None else resolve_source(spark, spec, source)
    done = 0
    for batch in _batches(due.batch):
        windows = [one.window for one in batch]
        cuts = _cuts(spec, evaluation, edges, [one.name for one in scores], windows, due.names)
        kept = profiled_slices(spark, store, spec, windows)
        slices = slices_of(spec, [keys for keys in spec.slices if slice_name(keys) in kept])
        read = window_rows(spark, source, spec, windows)
        rows = joined_labels(spark, spec, read, labels, of_few=of_few)
        found = count_scores(
            rows, evaluation, scores, cuts, slices, [spec.operations[one].event for one in binned]
        ).selectExpr("*", f"{of_operations(binned)} AS columns", _NO_OWN)
        if labels is not None:
            late = arrival_states(rows, spec, source)
            found = found.unionByName(late.selectExpr("*", f"'{LABELS}' AS name", _NO_OWN))
        if target is not None and resolution is not None:
            features = associated_features(spark, store, spec, resolution, windows)
            if features:
                found = found.unionByName(class_moments(rows, spec, features, target))
        write_scores(
            store,
            spec,
            found,
            batch,
            definition=evaluation_hash(spec),
            digests=digests,
            token=token,
            source_version=source.version,
            run_id=context.journal.run_id,
            names=len(cuts) + (0 if resolution is None else len(resolution.usable) // 20),
        )
        done += len(batch)
        record.windows = done
        record.rows_scanned += sum(one.rows for one in batch)
        context.progress.advance(STEP, windows=done, of=len(due.batch), rows=record.rows_scanned)


def _cuts(
    spec: MonitorSpec,
    evaluation: Evaluation,
    edges: Mapping[tuple[str, int], Mapping[str, tuple[float, ...]]],
    scores: Sequence[str],
    windows: Sequence[Window],
    names: Mapping[datetime, frozenset[str]],
) -> list[Cut]:
    """The edges by which the windows of a batch are binned."""
    by_name: dict[str, list[Window]] = {}
    for window in windows:
        for name in sorted(names[window.start]):
            by_name.setdefault(name, []).append(window)
    cuts = []
    for name, own in by_name.items():
        # The name of a set has no colon, that of a class may have.
        set_name, version, *rest = name.removeprefix(":").split(":", 2)
        score = rest[0] if rest else WHOLE_SCORE
        known = edges.get((set_name, int(version)), {}).get(score)
        bare = known is None or name.startswith(":")
        cut = _without_set(evaluation) if bare or known is None else known
        cuts.append(Cut(name, scores.index(score), cut, tuple(own)))
    return cuts


def _without_set(evaluation: Evaluation) -> tuple[float, ...]:
    if evaluation.task == "regression":
        return ()
    return tuple(plain_edges([one.value for one in evaluation.thresholds.values()]).tolist())


def _batches(due: Sequence[Fingerprint]) -> Iterator[list[Fingerprint]]:
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


def _roll_up(
    context: Context, spec: MonitorSpec, granularity: str, definition: str, record: Record
) -> tuple[Window, ...]:
    """Add up what changed into longer windows; no source row is read."""
    spark, store, run_id = context.spark, context.store, context.journal.run_id
    finer = merged_from(spec, granularity)
    due, gone = due_score_rollups(spark, store, spec, granularity, finer, definition)
    if due or gone:
        context.journal.started(record)
    if gone:
        delete_scores(spark, store, spec, granularity, gone, run_id)
    if due:
        names = max(1, len(spec.evaluation.sets) if spec.evaluation else 0)
        write_score_rollups(spark, store, spec, granularity, finer, due, definition, names, run_id)
        record.windows += len(due)
    return tuple(due)


def _told(context: Context, spec: MonitorSpec, windows: Sequence[Window], alone: int) -> list[str]:
    """What is odd about the labels of the windows that were counted, with numbers."""
    found = label_totals(context.spark, context.store, spec, windows)
    texts = {
        "duplicated": "have several equal labels: the newest counts",
        "restated": "have a label that was changed later: the newest counts",
        "conflicting": "have two labels of the same time that differ: they count as without label",
        "early": "have a label that was known before the prediction was made: it counts, "
        "but look whether the model could see it",
    }
    labelled = f"of {found['labelled']:,} labelled predictions"
    return [f"{found[key]:,} {labelled} {text}" for key, text in texts.items() if found[key]]


def _left_out(context: Context, spec: MonitorSpec, batch: Sequence[Fingerprint]) -> tuple[str, ...]:
    """Which rows of the windows that were counted have no usable score or label, with numbers."""
    windows = [one.window for one in batch]
    found = unusable_totals(context.spark, context.store, spec, windows)
    texts = {
        "missing": "have no score: they are left out",
        "outside": "have a score outside [0, 1]: they are left out; a score is a probability, so "
        "let a view divide percentages by 100",
        "odd": "have a label that is neither 0 nor 1: they count as without label",
    }
    rows = f"of {sum(one.rows for one in batch):,} rows counted"
    return tuple(f"{found[key]:,} {rows} {text}" for key, text in texts.items() if found[key])


def _window(spec: MonitorSpec, start: datetime) -> Window:
    # A window stored under another zone keeps its own start, by which its rows are known.
    return Window(start, window_at(start, spec.windows.grain, spec.timestamp.zone).end)

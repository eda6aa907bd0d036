"""Scores: every window whose states of scores and labels are missing or out of date, counted.

A window is due when its rows changed, what a state means changed, another version of an evaluation
set is in force for it, or labels of its predictions came in or were restated. The last is found
from the labels that changed. Of windows of which a part changed this part alone is counted where
the sum is exact (`score_changes`); the others are read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sparkdrift.spark.changes import Fingerprint
from sparkdrift.spark.evaluation_sources import labels_of
from sparkdrift.spark.labels import joined_labels
from sparkdrift.spark.profiles import stored_windows, window_rows
from sparkdrift.spark.score_rollups import due_score_rollups, write_score_rollups
from sparkdrift.spark.score_states import (
    counted_windows,
    delete_scores,
    label_totals,
    unusable_totals,
)
from sparkdrift.spark.source import Source, source_of
from sparkdrift.spec.digests import evaluation_hash
from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.counting import batch_of, batches, counting, states, write
from sparkdrift.steps.due_scores import STEP, Due, due_scores
from sparkdrift.steps.evaluation_sets import Sets
from sparkdrift.steps.journal import Record
from sparkdrift.steps.rollup import declared, merged_from
from sparkdrift.steps.score_changes import Added, add_labels, add_rows
from sparkdrift.windows import Window, window_at


@dataclass(frozen=True)
class Counted:
    """What the step did. windows: counted; relabelled: those of them that only labels asked for.

    profiled: how many windows have profiles, which are what can be counted; None: not looked at.
    alone: how many of the labels that were looked at have no prediction. dropped: windows whose
    states went, since they are profiled no more. longer: roll-ups, by grain. remarks: rows that
    were left out and labels that are odd, in words.
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
            _count(context, spec, evaluation, sets, due, labels, record, of_few=few)
        longer = {
            grain: _roll_up(context, spec, grain, definition, record) for grain in declared(spec)
        }
        windows = tuple(one.window for one in due.batch)
        remarks: tuple[str, ...] = ()
        if windows:
            quality = label_totals(context.spark, context.store, spec, windows) if labels else {}
            if evaluation.task != "regression":
                remarks = _left_out(context, spec, due.batch, quality.get("conflicting", 0))
            remarks += _odd_labels(quality)
            record.warnings += remarks
        return Counted(
            windows,
            tuple(one for one in windows if one.start in due.relabelled.windows),
            due.relabelled.alone,
            tuple(dropped),
            longer,
            remarks,
            len(stored),
        )


def _count(
    context: Context,
    spec: MonitorSpec,
    evaluation: Evaluation,
    sets: Sets,
    due: Due,
    labels: Source | None,
    record: Record,
    *,
    of_few: bool,
) -> None:
    """Count the windows that are due, a commit for each batch; those of which a part changed by
    this part, as far as that is exact."""
    spark = context.spark
    source = source_of(spark, spec)
    record.inputs.append(("source", source.table_id, source.version))
    by = counting(context, spec, evaluation, sets, due, source, labels)
    relabelled, refilled = (
        [one for one in due.batch if one.window.start in asked]
        for asked in (due.relabelled.windows, due.refilled if source.feed else ())
    )
    # Labels in a table of their own, or a label column: never both.
    added = Added()
    if relabelled:
        added = add_labels(context, by, relabelled, due.relabelled, record)
    elif refilled:
        added = add_rows(context, by, refilled, record)
    record.warnings += added.told()
    done = {one.window.start for one in (*relabelled, *refilled)}
    done -= {one.window.start for one in added.left}
    for part in batches([one for one in due.batch if one.window.start not in done]):
        batch = batch_of(context, by, part)
        read = window_rows(spark, source, spec, batch.windows)
        rows = joined_labels(spark, spec, read, labels, of_few=of_few)
        write(context, by, batch, states(by, batch, rows, source), source)
        record.windows += len(part)
        record.rows_scanned += sum(one.rows for one in part)
        context.progress.advance(
            STEP, windows=record.windows, of=len(due.batch), rows=record.rows_scanned
        )


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


def _odd_labels(found: Mapping[str, int]) -> tuple[str, ...]:
    """What is odd about the labels of the windows that were counted, with numbers."""
    texts = {
        "duplicated": "have several equal labels: the newest counts",
        "restated": "have a label that was changed later: the newest counts",
        "conflicting": "have two labels of the same time that differ: they count as without label",
        "early": "have a label that was known before the prediction was made: it counts, "
        "but look whether the model could see it",
    }
    labelled = f"of {found.get('labelled', 0):,} labelled predictions"
    return tuple(
        f"{found[key]:,} {labelled} {text}" for key, text in texts.items() if found.get(key)
    )


def _left_out(
    context: Context, spec: MonitorSpec, batch: Sequence[Fingerprint], conflicting: int
) -> tuple[str, ...]:
    """Which rows of the windows that were counted have no usable score or label, with numbers.

    conflicting: of how many two labels differ, which are stored as odd ones and told by themselves.
    """
    windows = [one.window for one in batch]
    found = dict(unusable_totals(context.spark, context.store, spec, windows))
    found["odd"] = max(found["odd"] - conflicting, 0)
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

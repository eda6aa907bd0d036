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
from sparkdrift.references.life import covering
from sparkdrift.spark.changed.found import UnprovenError
from sparkdrift.spark.changes import Fingerprint
from sparkdrift.spark.evaluation_sources import labels_of, row_problems
from sparkdrift.spark.history import since
from sparkdrift.spark.key_changes import all_keys, changed_keys, touched_windows
from sparkdrift.spark.labels import (
    arrival_states,
    joined_by_key,
    joined_labels,
    scores_with_labels,
)
from sparkdrift.spark.profiles import StoredWindow, stored_windows, window_rows
from sparkdrift.spark.reference_life import Active
from sparkdrift.spark.runs import Success
from sparkdrift.spark.score_states import (
    LABELS,
    Have,
    counted_windows,
    delete_scores,
    due_score_rollups,
    edges_of_sets,
    label_totals,
    profiled_slices,
    write_score_rollups,
    write_scores,
)
from sparkdrift.spark.scores import Cut, count_scores
from sparkdrift.spark.slicing import slice_name, slices_of
from sparkdrift.spark.source import Source, source_of
from sparkdrift.spec.digests import evaluation_hash
from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.scoring import WHOLE_SCORE
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.evaluation_sets import Sets, name_of_set
from sparkdrift.steps.journal import Record
from sparkdrift.steps.rollup import declared, merged_from
from sparkdrift.windows import Window, window_at

STEP = "scores"
NO_SET = ":none:0"
"""The name of states that no evaluation set has edges for: they are k/128, and the thresholds."""
_BATCH_ROWS = 20_000_000
_BATCH_WINDOWS = 400


@dataclass(frozen=True)
class Counted:
    """What the step did. windows: counted; relabelled: those of them that only labels asked for.

    alone: how many of the labels that were looked at have no prediction. dropped: windows whose
    states went, since they are profiled no more. longer: roll-ups, by grain.
    """

    windows: tuple[Window, ...] = ()
    relabelled: tuple[Window, ...] = ()
    alone: int = 0
    dropped: tuple[Window, ...] = ()
    longer: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Due:
    """The windows to be counted, in order, and by which edges each."""

    batch: tuple[Fingerprint, ...]
    names: Mapping[datetime, frozenset[str]]
    relabelled: frozenset[datetime]
    alone: int = 0


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
        due = _due(context, spec, options, sets.active, stored, have, labels, record)
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
        return Counted(
            windows,
            tuple(one for one in windows if one.start in due.relabelled),
            due.alone,
            tuple(dropped),
            longer,
        )


def due_windows(context: Context, spec: MonitorSpec, options: Options, sets: Sets) -> int:
    """How many windows `count_windows` would count now; writes nothing."""
    stored = stored_windows(context.spark, context.store, spec)
    have = counted_windows(context.spark, context.store, spec)
    labels = labels_of(context.spark, spec)
    record = Record(spec.monitor, STEP)
    return len(_due(context, spec, options, sets.active, stored, have, labels, record).batch)


def _due(
    context: Context,
    spec: MonitorSpec,
    options: Options,
    active: Mapping[str, Sequence[Active]],
    stored: Mapping[datetime, StoredWindow],
    have: Mapping[datetime, Have],
    labels: Source | None,
    record: Record,
) -> _Due:
    definition = evaluation_hash(spec)
    # What lost its rows keeps the states that it had.
    present = {
        start: one for start, one in sorted(stored.items()) if one.status != "source_unavailable"
    }
    names = {start: _names(spec, active, start) for start in present}
    own = {
        start
        for start, one in present.items()
        if have.get(start) != Have(one.fingerprint, definition, names[start])
        or (options.backfill and options.selects(one.window.start, one.window.end))
    }
    relabelled, alone = frozenset[datetime](), 0
    if labels is not None:
        known = [present[start].window for start in present if start not in own]
        relabelled, alone = _relabelled(context, spec, labels, known, bool(own), record)
        relabelled &= present.keys() - own
    batch = tuple(
        Fingerprint(one.window, one.rows, one.fingerprint)
        for start, one in present.items()
        if start in own or start in relabelled
    )
    return _Due(batch, names, relabelled, alone)


def _relabelled(
    context: Context,
    spec: MonitorSpec,
    labels: Source,
    known: Sequence[Window],
    others: bool,
    record: Record,
) -> tuple[frozenset[datetime], int]:
    """(windows of `known` whose labels may have changed, changed labels without a prediction).

    others: whether windows are counted anyway, so that the watched table is read.
    """
    last = context.journal.last_success(spec.monitor, STEP)
    before, joined = _before(last, record), joined_by_key(spec, labels)
    if before is not None:
        history = since(context.spark, labels, before[1], before[0])
        if history.unchanged:
            return frozenset(), 0
        try:
            found = changed_keys(context.spark, joined, history, before[1])
        except UnprovenError as error:
            record.warnings.append(f"labels of all windows are joined again: {error}")
            return frozenset(one.start for one in known), 0
    elif not known and not others:
        return frozenset(), 0
    else:
        found = all_keys(context.spark, joined)
    record.warnings.append(f"changed labels: {found.proof}")
    source = source_of(context.spark, spec)
    touched = touched_windows(context.spark, spec, source, joined, found)
    if touched.alone:
        record.warnings.append(
            f"{touched.alone:,} of {touched.changed:,} labels that are new or changed have no "
            "prediction in the watched table (yet)"
        )
    return touched.windows, touched.alone


def _before(last: Success | None, record: Record) -> tuple[str, int] | None:
    """(table id, version) of the labels that the last success saw, if they meant the same."""
    if last is None or last.scope_digest != record.scope_digest:
        return None
    return last.inputs.get("labels")


def _names(
    spec: MonitorSpec, active: Mapping[str, Sequence[Active]], start: datetime
) -> frozenset[str]:
    """The names of the states of a window: of each set the version in force at its start."""
    found = []
    for name, own in active.items():
        term = covering(own, start)
        # A version of before the section `evaluation` has no scores.
        if term is not None and term.snapshot.declared is not None:
            found.append(f"{name}:{term.snapshot.version}")
    return frozenset(full for one in found or [NO_SET] for full in _by_class(spec, one))


def _by_class(spec: MonitorSpec, name: str) -> list[str]:
    classes = spec.evaluation.classes if spec.evaluation else {}
    return [f"{name}:{one}" for one in classes] or [name]


def _count(
    context: Context,
    spec: MonitorSpec,
    evaluation: Evaluation,
    active: Mapping[str, Sequence[Active]],
    due: _Due,
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
        for full in _by_class(spec, f"{name.name}:{one.version}")
    }
    scores = scores_with_labels(spec, labels)
    token = "" if labels is None else f"{labels.table_id}:{labels.version}"
    done = 0
    for batch in _batches(due.batch):
        windows = [one.window for one in batch]
        cuts = _cuts(spec, evaluation, edges, [one.name for one in scores], windows, due.names)
        kept = profiled_slices(spark, store, spec, windows)
        slices = slices_of(spec, [keys for keys in spec.slices if slice_name(keys) in kept])
        read = window_rows(spark, source, spec, windows)
        rows = joined_labels(spark, spec, read, labels, of_few=of_few)
        found = count_scores(rows, evaluation, scores, cuts, slices).selectExpr(
            "*", "CAST(NULL AS ARRAY<STRING>) AS columns"
        )
        if labels is not None:
            late = arrival_states(rows, spec, source)
            found = found.unionByName(late.selectExpr("*", f"'{LABELS}' AS name"))
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
            names=len(cuts),
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


def _window(spec: MonitorSpec, start: datetime) -> Window:
    # A window stored under another zone keeps its own start, by which its rows are known.
    return Window(start, window_at(start, spec.windows.grain, spec.timestamp.zone).end)

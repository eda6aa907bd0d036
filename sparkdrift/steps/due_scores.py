"""Which windows are to be counted again: their rows, edges or labels are not what was counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sparkdrift.kernels.performance_rules import NO_SET
from sparkdrift.references.life import covering
from sparkdrift.spark.changed.found import UnprovenError
from sparkdrift.spark.changes import Fingerprint
from sparkdrift.spark.evaluation_sources import labels_of
from sparkdrift.spark.history import since
from sparkdrift.spark.key_changes import Changes, all_keys, changed_keys, touched_windows
from sparkdrift.spark.key_ranges import Ranges
from sparkdrift.spark.labels import joined_by_key
from sparkdrift.spark.profiles import StoredWindow, stored_windows
from sparkdrift.spark.reference_life import Active
from sparkdrift.spark.runs import Success
from sparkdrift.spark.score_states import (
    Have,
    counted_windows,
)
from sparkdrift.spark.source import Source, source_of
from sparkdrift.spec.digests import evaluation_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.evaluation_sets import Sets
from sparkdrift.steps.journal import Record
from sparkdrift.windows import Window

STEP = "scores"
WITHOUT_SET = f"{NO_SET}:0"
"""The name of states that no evaluation set has edges for: they are k/128, and the thresholds."""


@dataclass(frozen=True)
class Relabelled:
    """What labels alone ask for: windows of which the rest is as it was counted.

    alone: changed labels that have no prediction. changes: the keys that changed since version
    `since` of the table of labels, `ranges` where they are; None: any may have. predictions: rows
    with one.
    """

    windows: frozenset[datetime] = frozenset()
    alone: int = 0
    predictions: int = 0
    changes: Changes | None = None
    ranges: Ranges | None = None
    since: int | None = None


NONE = Relabelled()


@dataclass(frozen=True)
class Due:
    """The windows to be counted, in order, and by which edges each. refilled: those of them that
    were counted in the same way, of other rows."""

    batch: tuple[Fingerprint, ...]
    names: Mapping[datetime, frozenset[str]]
    relabelled: Relabelled = NONE
    refilled: frozenset[datetime] = frozenset()


def due_windows(context: Context, spec: MonitorSpec, options: Options, sets: Sets) -> int:
    """How many windows `count_windows` would count now; writes nothing."""
    stored = stored_windows(context.spark, context.store, spec)
    have = counted_windows(context.spark, context.store, spec)
    labels = labels_of(context.spark, spec)
    record = Record(spec.monitor, STEP)
    return len(due_scores(context, spec, options, sets.active, stored, have, labels, record).batch)


def due_scores(
    context: Context,
    spec: MonitorSpec,
    options: Options,
    active: Mapping[str, Sequence[Active]],
    stored: Mapping[datetime, StoredWindow],
    have: Mapping[datetime, Have],
    labels: Source | None,
    record: Record,
) -> Due:
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
    relabelled = NONE
    if labels is not None:
        known = [present[start].window for start in present if start not in own]
        found = _relabelled(context, spec, labels, known, bool(own), record)
        relabelled = replace(found, windows=found.windows & (present.keys() - own))
    batch = tuple(
        Fingerprint(one.window, one.rows, one.fingerprint)
        for start, one in present.items()
        if start in own or start in relabelled.windows
    )
    refilled = frozenset[datetime]()
    if labels is None and not options.backfill:
        refilled = frozenset(
            start
            for start in own & have.keys()
            if (have[start].definition, have[start].names) == (definition, names[start])
        )
    return Due(batch, names, relabelled, refilled)


def _relabelled(
    context: Context,
    spec: MonitorSpec,
    labels: Source,
    known: Sequence[Window],
    others: bool,
    record: Record,
) -> Relabelled:
    """The windows of `known` whose labels may have changed, among others.

    others: whether windows are counted anyway, so that the watched table is read.
    """
    last = context.journal.last_success(spec.monitor, STEP)
    before, joined = _before(last, record), joined_by_key(spec, labels)
    if before is not None:
        history = since(context.spark, labels, before[1], before[0])
        if history.unchanged:
            return NONE
        try:
            found = changed_keys(context.spark, joined, history, before[1])
        except UnprovenError as error:
            record.warnings.append(f"labels of all windows are joined again: {error}")
            return Relabelled(frozenset(one.start for one in known))
    elif not known and not others:
        return NONE
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
    found_of = Relabelled(touched.windows, touched.alone)
    if before is None:
        return found_of
    return replace(
        found_of,
        predictions=touched.predictions,
        changes=found,
        ranges=touched.ranges,
        since=before[1],
    )


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
    return frozenset(full for one in found or [WITHOUT_SET] for full in by_class(spec, one))


def by_class(spec: MonitorSpec, name: str) -> list[str]:
    classes = spec.evaluation.classes if spec.evaluation else {}
    return [f"{name}:{one}" for one in classes] or [name]

"""Windows of which a part of the rows changed: what was counted, less these rows, plus as they are.

Labels in a table of their own come without a change of the window's rows: those of changed keys are
counted by the label of before and of now. Where the watched table records a change data feed, as
one whose label column is filled in later may, it says how each changed row was and is. Where the
sum can't be told to be exact the window is counted whole, and the run says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sparkdrift.spark.changed_rows import changed_counts, signed_changes
from sparkdrift.spark.changes import Fingerprint
from sparkdrift.spark.class_moments import MOST_CATEGORIES
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.labels import SIGN, relabelled_rows
from sparkdrift.spark.profiles import crowded_windows, window_rows
from sparkdrift.spark.score_states import Basis, bases, with_changes, written_version
from sparkdrift.spark.source import Source
from sparkdrift.spec.scoring import label_column
from sparkdrift.steps.context import Context
from sparkdrift.steps.counting import Batch, Counting, batch_of, batches, part_of, states, write
from sparkdrift.steps.due import STEP as PROFILE
from sparkdrift.steps.due_scores import Relabelled
from sparkdrift.steps.journal import Record
from sparkdrift.windows import Window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_LARGEST_PART = 0.5
"""A changed row stands in the feed as it was and as it is: past so many rows of the feed, as a
share of the window's, it is no gain over counting the window whole."""


@dataclass
class Added:
    """What became of windows with changed rows: `done`, or `left` to be counted whole."""

    done: int = 0
    left: list[Fingerprint] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)

    def leave(self, windows: Sequence[Fingerprint], why: str) -> None:
        if windows:
            self.left += windows
            self.reasons[why] = self.reasons.get(why, 0) + len(windows)

    def told(self) -> list[str]:
        """Why windows are counted whole though a part of their rows changed, with numbers."""
        return [
            f"{count:,} windows with changed rows or labels counted whole: {why}"
            for why, count in self.reasons.items()
        ]


def add_labels(
    context: Context,
    by: Counting,
    due: Sequence[Fingerprint],
    relabelled: Relabelled,
    record: Record,
) -> Added:
    """Count the labels that are new or changed into the stored states of the windows of `due`.

    Reads the labels of the keys that changed, before and now, and of the watched table, in these
    windows, the rows with one of them: its other rows are looked at for their key alone. A commit
    for each batch.
    """
    found = Added()
    labels, changes = by.labels, relabelled.changes
    ranges, since = relabelled.ranges, relabelled.since
    if labels is None or changes is None or ranges is None or since is None:
        found.leave(due, "which labels changed is not known")
        return found
    source = _as_profiled(context, by, due, found)
    if source is None:
        return found
    spark, spec = context.spark, by.spec
    near = ranges.within(spec.prediction.key or (), source.schema)

    def rows(batch: Batch) -> DataFrame:
        own = window_rows(spark, source, spec, batch.windows, near)
        return relabelled_rows(spark, spec, own, labels, changes.keys, ranges, since)

    def lacking(basis: Basis) -> str:
        if basis.label_version is None:
            return "which labels were counted is not known"
        return "" if basis.label_version <= since else "a run that did not end counted later labels"

    _add(context, by, _ready(due, found), source, rows, lacking, record, found)
    if found.done:
        record.rows_scanned += relabelled.predictions
        record.warnings.append(
            f"{relabelled.predictions:,} predictions with a new or changed label added to what "
            f"was counted of {found.done:,} windows"
        )
    return found


def add_rows(context: Context, by: Counting, due: Sequence[Fingerprint], record: Record) -> Added:
    """Count the rows that came, changed or went into the stored states of the windows of `due`.

    Reads these rows alone, from the change data feed of the watched table.
    """
    found = Added()
    source = _as_profiled(context, by, due, found)
    if source is None:
        return found
    spark, spec = context.spark, by.spec
    ready = _ready(due, found)
    stored = bases(spark, context.store, spec, [one.window for one in ready])
    since = {start: basis.source_version for start, basis in stored.items()}
    try:
        changed = changed_counts(spark, source, spec, since)
    except FAILURES as error:
        found.leave(ready, reason(error))
        return found
    few = [o for o in ready if changed.get(o.window.start, 0) <= _LARGEST_PART * o.rows]
    found.leave([one for one in ready if one not in few], "most of its rows changed")

    def rows(batch: Batch) -> DataFrame:
        own = {window.start: since[window.start] for window in batch.windows}
        return signed_changes(spark, source, spec, own)

    def lacking(basis: Basis) -> str:
        return "" if basis.label_version is None else "labels came from a table then"

    _add(context, by, few, source, rows, lacking, record, found)
    if found.done:
        left = {one.window.start for one in found.left}
        read = sum(n for start, n in changed.items() if start not in left)
        record.rows_scanned += read
        record.warnings.append(
            f"{read:,} rows of the change data feed added to what was counted of "
            f"{found.done:,} windows"
        )
    return found


def _add(
    context: Context,
    by: Counting,
    due: Sequence[Fingerprint],
    source: Source,
    rows: Callable[[Batch], DataFrame],
    lacking: Callable[[Basis], str],
    record: Record,
    found: Added,
) -> None:
    """Add and take away the `rows` of each batch of windows, each with its sign."""
    for part in batches(due):
        batch = batch_of(context, by, part)
        stored = bases(context.spark, context.store, by.spec, batch.windows)
        crowded = _crowded(context, by, batch)
        kept = []
        for one in part:
            basis = stored.get(one.window.start)
            why = "it has states of several readings" if basis is None else lacking(basis)
            why = why or _unlike(basis, one.window, source, batch, crowded)
            if why:
                found.leave([one], why)
            else:
                kept.append(one)
        if not kept:
            continue
        own = part_of(by, batch, kept)
        try:
            version = written_version(context.spark, context.store)
            parts = states(by, own, rows(own), source, f"`{SIGN}`")
            both = with_changes(context.store, by.spec, version, own.windows, parts)
            write(context, by, own, both, source)
        except FAILURES as error:
            found.leave(kept, reason(error))
            continue
        found.done += len(kept)
        record.windows += len(kept)


def _unlike(
    basis: Basis | None,
    window: Window,
    source: Source,
    batch: Batch,
    crowded: frozenset[datetime],
) -> str:
    """Why stored states are not what is to be added to."""
    if basis is None or basis.source_version > source.version:
        return "it was counted of later rows than those profiled"
    if basis.counted != batch.counted:
        return "slices, signals or features were others"
    if basis.pooled or window.start in crowded:
        return f"a feature has more than {MOST_CATEGORIES} categories in it"
    return "" if basis.finite else "a sum of it is past counting"


def _crowded(context: Context, by: Counting, batch: Batch) -> frozenset[datetime]:
    """Windows in which not all categories are kept: which ones depends on all of their rows."""
    texts = [one.name for one in batch.features if one.kind == "categorical"]
    if not texts:
        return frozenset()
    return crowded_windows(
        context.spark, context.store, by.spec, batch.windows, texts, MOST_CATEGORIES
    )


def _ready(due: Sequence[Fingerprint], found: Added) -> list[Fingerprint]:
    left = {one.window.start for one in found.left}
    return [one for one in due if one.window.start not in left]


def _as_profiled(
    context: Context, by: Counting, due: Sequence[Fingerprint], found: Added
) -> Source | None:
    """The watched table as the last profile saw it; what that did not look at is left.

    Stored windows are known to be of its rows then; later ones may be others.
    """
    spec, source = by.spec, by.source
    last = context.journal.last_success(spec.monitor, PROFILE)
    label = label_column(spec)
    why = ""
    if source.decided is not None or source.flattened is not None:
        why = "its rows are joined or flattened before they are counted"
    elif label and label.lower() in {name.lower() for keys in spec.slices for name in keys}:
        why = "the label is a slice"
    elif last is None or last.source_version is None or last.as_of is None:
        why = "no profile of all windows is known"
    elif last.source_id != source.table_id:
        why = "the watched table was recreated"
    elif last.source_version != source.version:
        source = replace(source, version=last.source_version)
        try:
            _ = source.select(context.spark, "1").schema
        except FAILURES as error:
            why = f"the version that was profiled can't be read: {reason(error)}"
    if why or last is None or last.as_of is None:
        found.leave(due, why)
        return None
    until = last.as_of - spec.windows.lateness
    found.leave([o for o in due if o.window.end > until], "the last profile did not look at it")
    return source

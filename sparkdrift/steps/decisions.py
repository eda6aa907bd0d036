"""Windows whose stored share of shaped rows is out of date, since decisions came or changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sparkdrift.spark.changed.found import UnprovenError
from sparkdrift.spark.decided import Decided
from sparkdrift.spark.history import since
from sparkdrift.spark.key_changes import Joined, changed_keys, touched_windows
from sparkdrift.spark.profiles import StoredWindow
from sparkdrift.spark.runs import Success
from sparkdrift.spark.source import Source
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.journal import Record

ROLE = "decisions"
"""What the table is called among the inputs of a run."""


def undecided(context: Context, source: Source, last: Success | None) -> bool:
    """Whether decisions may have come or changed since the last success."""
    decided = _joined(source)
    if decided is None:
        return False
    before = last.inputs.get(ROLE) if last else None
    if before is None:
        return True
    return not since(context.spark, decided.table, before[1], before[0]).unchanged


def redecided(
    context: Context,
    spec: MonitorSpec,
    source: Source,
    last: Success | None,
    stored: Mapping[datetime, StoredWindow],
    record: Record,
) -> frozenset[datetime]:
    """Starts of the `stored` windows with rows whose decision came or changed since.

    One narrow pass over the watched table, its key and time. All windows where the changes can't
    be told; none where decisions are declared newly, since stored windows then keep what they
    had, as with every changed definition.
    """
    decided = _joined(source)
    if decided is None or not stored:
        return frozenset()
    before = last.inputs.get(ROLE) if last else None
    if before is None:
        # Windows of a run that did not end were joined with what there was then.
        begun = last is None or context.journal.begun(spec.monitor, record.step)
        return frozenset(stored) if begun else frozenset()
    history = since(context.spark, decided.table, before[1], before[0])
    if history.unchanged:
        return frozenset()
    columns = (*decided.columns, *([decided.at] if decided.at else ()))
    joined = Joined(ROLE, decided.table, decided.keys, columns)
    try:
        found = changed_keys(context.spark, joined, history, before[1])
    except UnprovenError as error:
        record.warnings.append(f"decisions of all windows are joined again: {error}")
        return frozenset(stored)
    touched = touched_windows(context.spark, spec, source, joined, found)
    windows = touched.windows & stored.keys()
    record.warnings.append(
        f"changed decisions: {found.proof}; {touched.changed:,} keys, {touched.alone:,} of them "
        f"without a row in the watched table (yet), {len(windows):,} stored windows"
    )
    return frozenset(windows)


def remember(
    record: Record, last: Success | None, touched: Collection[datetime], due: Collection[datetime]
) -> None:
    """Where some of the windows are left for later, let the next run look at their changes again.

    A run up to a given time leaves later windows as they are.
    """
    if set(touched) <= set(due):
        return
    others = [one for one in record.inputs if one[0] != ROLE]
    before = last.inputs.get(ROLE) if last else None
    record.inputs = [*others, *([] if before is None else [(ROLE, *before)])]


def _joined(source: Source) -> Decided | None:
    """The decisions, if there are any that fit the watched table."""
    return source.decided if source.decided is not None and source.decided.columns else None

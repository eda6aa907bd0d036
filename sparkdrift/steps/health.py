"""Health: from stored rows to a verdict for each window, and the ledger brought up to date.

Any number of monitors at a time: one question to the store, one commit of verdicts and one of
events. A window is written anew whenever anything that its verdict follows from has changed,
earlier windows, decisions and the policy included; so a run twice writes nothing new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparkdrift.errors import StoreError
from sparkdrift.health.assessing import FORMAT, Standing
from sparkdrift.health.judged import Judged, judged
from sparkdrift.health.maintenance import dated_ahead
from sparkdrift.spark.answers import ALL_ROWS, Ask
from sparkdrift.spark.health import Verdicts, verdict_rows, write_events, write_health
from sparkdrift.spark.health_findings import Stored, stored_by_ask
from sparkdrift.spark.runs import LookedUp, looked_up_of, looked_up_query, settled_scope
from sparkdrift.spark.schemas import RUNS
from sparkdrift.spark.verdicts import read_verdict
from sparkdrift.spec.digests import health_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.health_stored import health_stored
from sparkdrift.steps.retiring import today

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STEP = "health"
_TRIES = 5


def health_after_run(context: Context, spec: MonitorSpec) -> Judged:
    """`assess_health` of one monitor; the verdict that stands where nothing can have changed it.

    That is so where no step of the monitor began any work since, and the spec is the same: a step
    says so before it writes.
    """
    scope = settled_scope(context.spark, context.store, spec.monitor, STEP)
    if scope == _scope(spec):
        row = read_verdict(context.spark, context.store, spec)
        if row is not None:
            return Judged(settled=standing_of(row))
    # Which rows of drift are in force is known from its success, which may still be held back.
    context.journal.close()
    return assess_health(context, [spec])[spec.monitor]


def standing_of(row: Mapping[str, Any]) -> Standing:
    """The verdict of a row of `model_health`."""
    return Standing(row["verdict"], row["severity"], row["since"], row["owner"], row["due"])


def _scope(spec: MonitorSpec) -> str:
    """Digest of all that a spec says: anything in it may be a finding, or what one is judged by."""
    text = json.dumps([FORMAT, spec.model_dump(mode="json")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def assess_health(
    context: Context,
    specs: Sequence[MonitorSpec],
    *,
    write: bool = True,
    known: Known | None = None,
) -> dict[str, Judged]:
    """Judge every stored window of these monitors and write what is due; by monitor.

    known: what `known_by_ask` says of them, where the store is as it was then.
    """
    journal, names = context.journal, [one.monitor for one in specs]
    if known is not None:
        journal.knows(names, known.looked_up)
    with ExitStack() as steps, ThreadPoolExecutor(1) as meanwhile:
        records = [steps.enter_context(journal.step(name, STEP)) for name in names]
        looked_up = meanwhile.submit(journal.look_up, names if write else ())
        found = judge_monitors(context, specs) if known is None else known.judged
        looked_up.result()
        busy = []
        for spec, record in zip(specs, records, strict=True):
            own = found[spec.monitor]
            record.policy_hash, record.scope_digest = health_hash(spec), _scope(spec)
            record.windows = len(own.due)
            record.warnings += dated_ahead(spec, today(spec))
            if own.due or own.entries:
                busy.append(record)
        if not write or not busy:
            return found
        with journal.starting(*busy):
            due, rows = _due(context, specs, found)
        # Events first: a verdict that stands without them would settle what they follow from.
        found, before = _write_events(context, specs, found), found
        if found is not before:
            due, rows = _due(context, specs, found)
        if rows is not None:
            write_health(context.spark, context.store, due, rows, journal.run_id)
    return found


def judge_monitors(context: Context, specs: Sequence[MonitorSpec]) -> dict[str, Judged]:
    """The same, and nothing is written."""
    return judge_stored(specs, health_stored(context, specs))


@dataclass(frozen=True)
class Known:
    """All that is read before verdicts are written: what follows from rows, and what the journal
    asks of `runs`."""

    judged: dict[str, Judged]
    looked_up: Mapping[str, LookedUp]


def known_by_ask(ask: Ask, specs: Sequence[MonitorSpec], run_id: str | None) -> Known:
    """`judge_monitors`, and what the journal of a run asks, without Spark. run_id: as given."""
    judged_now = judge_stored(specs, stored_by_ask(ask, specs))
    query = looked_up_query(RUNS.name, [spec.monitor for spec in specs], run_id)
    return Known(judged_now, looked_up_of(ask(query, ALL_ROWS)))


def judge_stored(specs: Sequence[MonitorSpec], stored: Stored) -> dict[str, Judged]:
    """What follows from these rows; pure."""
    return {
        spec.monitor: judged(spec, stored.rows[spec.monitor], stored.events[spec.monitor])
        for spec in specs
    }


def _due(
    context: Context, specs: Sequence[MonitorSpec], found: Mapping[str, Judged]
) -> tuple[list[Verdicts], DataFrame | None]:
    """The verdicts that are to be written, and their rows; None: there are none."""
    due = [
        Verdicts(spec, own.due, health_hash(spec), own.stages, own.versions)
        for spec in specs
        if (own := found[spec.monitor]).due
    ]
    return due, verdict_rows(context.spark, due, context.journal.run_id) if due else None


def _write_events(
    context: Context, specs: Sequence[MonitorSpec], found: dict[str, Judged]
) -> dict[str, Judged]:
    """Add what follows; where another run took numbers meanwhile, what follows from its events.

    Returns what was judged last.
    """
    for _ in range(_TRIES):
        entries = {name: own.entries for name, own in found.items() if own.entries}
        events = {name: found[name].events for name in entries}
        written = write_events(
            context.spark, context.store, entries, events, context.journal.run_id
        )
        if written == sum(len(own) for own in entries.values()):
            return found
        found = judge_monitors(context, specs)
    raise StoreError(
        "other runs wrote events of the same debts at the same time, again and again; the ledger "
        "is brought up to date by the next run: `sparkdrift health SPEC`"
    )

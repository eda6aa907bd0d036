"""Sample-eval: which production rows to label next. It proposes, and changes nothing.

The newest windows say what production is like now, the frozen evaluation set what is labelled
already. What is written are keys and strata, for a queue of people who label.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

import numpy as np

from sparkdrift.errors import SnapshotError, UsageError, nearest
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.density_ratio import coverage
from sparkdrift.measures.label_sample import allocate
from sparkdrift.measures.representation import ess_ratio
from sparkdrift.measures.score_bins import ScoreBins
from sparkdrift.spark.label_queue import (
    OWN,
    Queue,
    add_to_queue,
    picked,
)
from sparkdrift.spark.proposals import destinations, write_proposal
from sparkdrift.spark.score_totals import Counted, evaluation_scores, newest_scores
from sparkdrift.spark.source import Source
from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.label_strata import LabelStrata
from sparkdrift.steps.snapshot import user
from sparkdrift.windows import Window


@dataclass(frozen=True)
class Wanted:
    """So many rows to label, written to `to`; of the newest `windows`; set_name None: the first."""

    rows: int
    to: str
    seed: int = 0
    set_name: str | None = None
    windows: int = 4


@dataclass(frozen=True)
class Sampled:
    """What was sampled. ess_now, ess_then: ESS ratio of the evaluation set on the windows' scores,
    without and with these rows labelled; outside: share of the windows in score bins without any
    labelled row. `seq`: number of the proposal; None: no row is free, and `reason` says why."""

    evaluation_set: str
    evaluation_version: int
    interval: Window
    rows: int
    strata: int
    destination: str
    ess_now: float
    ess_then: float
    outside_now: float
    outside_then: float
    reason: str = ""
    remarks: tuple[str, ...] = ()
    seq: int | None = None


def sample_eval(context: Context, spec: MonitorSpec, wanted: Wanted) -> Sampled:
    """Pick rows, write them to the queue, and a row of `proposals`.

    Raises UsageError where the spec declares no key, no such evaluation set, or the queue is
    another table; SnapshotError where the set is not frozen or no window is counted by it.
    """
    evaluation, name, keys = _declared(spec, wanted)
    spark, store = context.spark, context.store
    queue = Queue.named(wanted.to)
    present = queue.open(spark, keys)
    with context.journal.step(spec.monitor, "sample-eval") as record:
        counts = newest_scores(spark, store, spec, name, wanted.windows)
        known = None
        if counts is not None:
            known = evaluation_scores(spark, store, spec, name, counts.version)
        if counts is None or known is None:
            raise SnapshotError(
                f"no window of {spec.monitor} is counted by the evaluation set {name} yet: "
                "`sparkdrift run` or `sparkdrift eval` freezes it and counts"
            )
        record.windows = len(counts.windows)
        looked = LabelStrata(context, spec, evaluation, name, keys, counts)
        rows, found = looked.candidates(_queues(context, spec, present, queue))
        labelled = looked.labelled(found)
        strata = sorted(found)
        quotas = allocate(
            [labelled.get(one, 0) for one in strata],
            [found[one][0] for one in strata],
            [found[one][1] for one in strata],
            wanted.rows,
        )
        chosen = dict(zip(strata, map(int, quotas), strict=True))
        if not quotas.sum():
            return _sampled(counts, known, queue, np.zeros(0), 0, looked.remarks)
        context.journal.started(record)
        table = picked(spark, rows, keys, chosen, wanted.seed)
        now = datetime.now(timezone.utc)
        run_id = context.journal.run_id
        about = {"monitor": spec.monitor, "evaluation_set": name, "run_id": run_id}
        add_to_queue(spark, queue, table, about, now)
        scores = floats(table.column("score").to_numpy())
        done = _sampled(counts, known, queue, scores, int((quotas > 0).sum()), looked.remarks)
        seq = write_proposal(spark, store, _row(spec, wanted, done, now), run_id=run_id)
        return replace(done, seq=seq)


def _declared(spec: MonitorSpec, wanted: Wanted) -> tuple[Evaluation, str, tuple[str, ...]]:
    """(the section, the evaluation set's name, the key's columns)."""
    evaluation, keys = spec.evaluation, spec.prediction.key
    if evaluation is None or not evaluation.sets or evaluation.task != "binary":
        raise UsageError(
            f"{spec.monitor} has no evaluation set of a score to refresh; accepted is a spec with "
            "evaluation.sets and the task binary"
        )
    name = wanted.set_name or next(iter(evaluation.sets))
    if name not in evaluation.sets:
        close = nearest(name, list(evaluation.sets))
        hint = f"; did you mean {close!r}?" if close else ""
        raise UsageError(
            f"there is no evaluation set {name!r}; accepted: {', '.join(evaluation.sets)}{hint}"
        )
    if not keys:
        raise UsageError(
            f"rows to label are named by their key, and {spec.monitor} declares none; write "
            "prediction: {key: COLUMN}"
        )
    taken = [key for key in keys if key.lower() in OWN]
    if taken:
        raise UsageError(
            f"the key column {taken[0]!r} is called as a column of the queue itself; accepted are "
            f"other names than {', '.join(OWN)}"
        )
    return evaluation, name, tuple(keys)


def _queues(
    context: Context, spec: MonitorSpec, present: Source | None, queue: Queue
) -> list[Source]:
    """All tables that rows of this monitor wait for a label in; those that are gone are not."""
    found = [] if present is None else [present]
    for name in destinations(context.spark, context.store, spec.monitor):
        if name != queue.name:
            other = Queue.named(name).open(context.spark)
            found += [] if other is None else [other]
    return found


def _sampled(
    counts: Counted,
    known: ScoreBins,
    queue: Queue,
    scores: Floats,
    strata: int,
    remarks: tuple[str, ...],
) -> Sampled:
    """The figures, by score bins, as `eval_staleness` has them."""
    before, window = known.column("labelled"), counts.state.column("rows")
    bins = np.searchsorted(counts.state.edges, scores, side="right")
    after = before + np.bincount(bins, minlength=len(before))
    reason = "" if len(scores) else "each row of these windows has a label or is in a queue"
    return Sampled(
        *(counts.name, counts.version, counts.interval, len(scores), strata, queue.name),
        float(ess_ratio(before, window).value),
        float(ess_ratio(after, window).value),
        float(coverage(before, window).outside),
        float(coverage(after, window).outside),
        reason,
        remarks,
    )


def _row(spec: MonitorSpec, wanted: Wanted, done: Sampled, now: datetime) -> dict[str, Any]:
    return {
        "monitor": spec.monitor,
        "kind": "sample",
        "name": done.evaluation_set,
        "evaluation_version": done.evaluation_version,
        "window_start": done.interval.start,
        "window_end": done.interval.end,
        "target": f"ess_ratio, seed {wanted.seed}",
        "present": done.ess_now,
        "proposed": done.ess_then,
        "reached_now": done.ess_now,
        "reached_then": done.ess_then,
        "rows": done.rows,
        "destination": done.destination,
        "at": now,
        "by": user(),
        "reason": f"{done.rows:,} rows in {done.strata:,} strata of score and slices; scores "
        f"that the set lacks: {done.outside_then:.1%} of production, now {done.outside_now:.1%}",
    }

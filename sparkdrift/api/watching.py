"""The steps, for one monitor: all that is due, or one of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from sparkdrift.api.opening import Moment, loaded, options_of, working
from sparkdrift.api.results import (
    Evaluation,
    Plan,
    Run,
    Verdict,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.health.judged import Judged
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context
    from sparkdrift.steps.evaluate import Evaluated

_STEPS = ("profile", "snapshot", "drift", "eval", "operations", "features")


def run(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    as_of: Moment | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
    recompute: bool = False,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Run:
    """Do all that is due for one monitor, hooks included, as `sparkdrift run`.

    as_of: event time up to which data is complete; None: the newest event. begin, end: windows to
    compute again, due or not. recompute: hold windows of earlier references against the present one
    as well. run_id: the scheduler's, for the table `runs`.
    """
    from sparkdrift.steps.run import run_monitor

    own = loaded(spec)
    options = replace(options_of(own, as_of, begin, end), recompute=recompute)
    with working(store, spark, run_id) as context:
        number = context.journal.run_id
        if (skipped := retired(context, own)) is not None:
            return Run(own.monitor, number, 0, 0, 0, {}, None, (), None, None, skipped)
        done = run_monitor(context, own, options)
    failed = (one.remark for one in done.hooked if one.status == "failed")
    return Run(
        monitor=own.monitor,
        run_id=number,
        profiled=len(done.profiled.due),
        rows=done.profiled.rows,
        judged=len(done.judged.windows),
        statuses=dict(done.findings.statuses),
        reference=None if done.reference is None else done.reference.version,
        blocked=tuple(done.blocked),
        evaluation=evaluation_of(own, number, done.evaluated),
        verdict=None if done.health.standing is None else verdict_of(own, done.health),
        remarks=(*done.profiled.remarks, *done.assessed.remarks, *failed),
    )


def plan(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    as_of: Moment | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
    spark: SparkSession | None = None,
) -> Plan:
    """What `run` would do, as `sparkdrift run --dry-run`; nothing is written."""
    from sparkdrift.steps.planning import planned

    own = loaded(spec)
    options = options_of(own, as_of, begin, end)
    with working(store, spark, dry=True) as context:
        found = planned(context, own, options, _STEPS)
    return Plan(own.monitor, found.lines, found.facts, found.remarks)


def health(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    models: str | Path | None = None,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Verdict:
    """Judge a model by what is stored, as `sparkdrift health`; hooks are told of a new verdict.

    models: the registry; `model_debts` lists what its models owe from then on.
    """
    from sparkdrift.spec.loading import models_of
    from sparkdrift.steps.declared_models import assess_models
    from sparkdrift.steps.health import assess_health
    from sparkdrift.steps.triggers import fire_hooks

    own = loaded(spec)
    with working(store, spark, run_id) as context:
        found = assess_health(context, [own])[own.monitor]
        if found.newest is not None:
            fire_hooks(context, own)
        context.journal.close()
        declared = models_of([own], *([] if models is None else [models]))
        assess_models(context, declared, datetime.now(timezone.utc))
    return verdict_of(own, found)


def verdict_of(spec: MonitorSpec, found: Judged) -> Verdict:
    """The verdict that stands; blind where nothing is stored."""
    standing, newest = found.standing, found.newest
    if standing is None:
        return Verdict(spec.monitor, "blind", spec.owner)
    told = Verdict(
        spec.monitor,
        standing.verdict,
        standing.owner,
        standing.severity,
        standing.since,
        standing.due,
        currency=spec.degraded.currency if spec.degraded else None,
    )
    if newest is None:
        return told
    judgement = newest.judgement
    return replace(
        told,
        window_start=newest.window.start,
        confidence=judgement.confidence,
        reasons=tuple(f"{one.kind}: {one.reason}" for one in judgement.reasons),
        would_change=judgement.would_change,
        dashboard_status=newest.dashboard_status,
        blind_spot=newest.blind_spot,
        open_debts=len(newest.debts),
        cost_so_far=newest.cost_so_far,
    )


def evaluation_of(spec: MonitorSpec, run_id: str, done: Evaluated) -> Evaluation:
    measured, told = done.performed.windows, done.stale.windows
    return Evaluation(
        monitor=spec.monitor,
        run_id=run_id,
        sets=tuple(sorted(done.sets.made)),
        missing=dict(done.sets.missing),
        counted=len(done.counted.windows),
        measured=None if measured is None else len(measured),
        told=None if told is None else len(told),
        degraded=done.performed.degraded,
        concept_drift=done.performed.concept_drift,
    )


def retired(context: Context, spec: MonitorSpec) -> str | None:
    """Why nothing is done for a model that is retired, which is said once; None: it is in use."""
    from sparkdrift.steps.retiring import after_retirement, is_retired, tell_retired

    if not is_retired(spec):
        return None
    tell_retired(context, spec)
    after = after_retirement(context, spec)
    told = f"model {spec.model_id} is retired"
    return (
        told if after is None else f"{told}, and its table has rows of {after:%Y-%m-%d %H:%M} UTC"
    )

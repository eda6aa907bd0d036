"""Evaluation: how the model does, by what labels show and by what evaluation sets let expect."""

from __future__ import annotations

from dataclasses import dataclass, field

from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.due_scores import due_windows
from sparkdrift.steps.eval_staleness import Stale, measure_staleness
from sparkdrift.steps.evaluation_sets import Sets, due_sets, freeze_sets, stored_sets
from sparkdrift.steps.operations import Operated, watch_operations
from sparkdrift.steps.performance import Performed, measure_performance
from sparkdrift.steps.scores import Counted, count_windows


@dataclass(frozen=True)
class Evaluated:
    """What the step did: sets that were frozen, windows that were counted, measured, and told.

    operated: what was told of operations, on which the blind spot rests.
    """

    sets: Sets = field(default_factory=Sets)
    counted: Counted = field(default_factory=Counted)
    performed: Performed = field(default_factory=Performed)
    stale: Stale = field(default_factory=Stale)
    operated: Operated = field(default_factory=Operated)


def asked_for(spec: MonitorSpec) -> bool:
    """Whether the spec has anything to evaluate by: without it nothing is asked or written."""
    return spec.evaluation is not None


def evaluate(
    context: Context, spec: MonitorSpec, options: Options, sets: Sets | None = None
) -> Evaluated:
    """Freeze, count and measure what is due for one monitor, each with commits of its own.

    Operations stand between counting and telling: they read what is counted by score, and the
    blind spot reads them. They are told without the section `evaluation` too.

    `sets`: what an earlier step of this run froze; None: it is done here.
    """
    if not asked_for(spec):
        return Evaluated(operated=watch_operations(context, spec, options))
    frozen = freeze_sets(context, spec) if sets is None else sets
    counted = count_windows(context, spec, options, frozen)
    performed = measure_performance(context, spec, options)
    operated = watch_operations(context, spec, options)
    stale = measure_staleness(context, spec, options)
    return Evaluated(frozen, counted, performed, stale, operated)


def plan_evaluation(
    context: Context, spec: MonitorSpec, options: Options
) -> tuple[tuple[str, ...], int]:
    """(evaluation sets that would be frozen, windows that would be counted); writes nothing."""
    stored = stored_sets(context, spec)
    return tuple(due_sets(spec, stored)), due_windows(context, spec, options, Sets(stored))

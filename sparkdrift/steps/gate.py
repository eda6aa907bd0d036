"""The gate on a promotion: what it reads, asked of what is stored; see references/gate.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sparkdrift.errors import SourceError
from sparkdrift.kernels.unmeasured import family
from sparkdrift.references.gate import (
    Check,
    Column,
    Gap,
    Limits,
    Origins,
    blocking,
    contamination,
    creep,
    domain,
    labels,
    sample_size,
    schema,
    shaped,
    step,
    verdict,
)
from sparkdrift.references.life import Name
from sparkdrift.spark.alerting import policy_of
from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.gate_figures import alerted, labelled, shaped_rows, write_checks
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.reference_differences import (
    Described,
    Difference,
    Held,
    described,
    differences,
)
from sparkdrift.spark.reference_life import ROLE, Snapshot, Stored
from sparkdrift.spark.references import merged_reference
from sparkdrift.spark.source import source_of
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.freezing import hashes_of
from sparkdrift.steps.overlap import overlap_checks
from sparkdrift.steps.verifying import source_then
from sparkdrift.steps.way import way_so_far
from sparkdrift.windows import Window

EVALUATION = "evaluation"
LONGEST = 100
"""The last so many versions of a chain are looked at; version 1 always."""


@dataclass(frozen=True)
class Examined:
    """What the gate says of a version: passed or blocked, and why."""

    verdict: str
    checks: tuple[Check, ...]

    @property
    def why(self) -> list[str]:
        return blocking(self.checks)


def examine(
    context: Context, spec: MonitorSpec, name: Name, stored: Stored, candidate: Snapshot
) -> Examined | None:
    """Hold a version against those before it, and store what is found.

    Of a first one, under whatever name, there is nothing that it could be worse than. If it is a
    baseline, without which nothing is watched, no check is asked, and None is returned; of other
    roles those checks that need no other version.
    """
    way = way_so_far(context, name, stored)
    if not way and name.role == ROLE:
        return None
    checks = [
        *_columns(context, spec, way, (name, candidate)),
        *_contamination(context, spec, name, candidate),
        *_labels(context, spec, name, candidate),
        *_shaped(context, spec, name, candidate),
        *overlap_checks(context, spec, name, candidate),
    ]
    write_checks(
        context.spark, context.store, name, candidate.version, checks, context.journal.run_id
    )
    return Examined(verdict(checks), tuple(checks))


def _columns(
    context: Context, spec: MonitorSpec, way: Sequence[Held], candidate: Held
) -> list[Check]:
    """What is said of single columns: their rows, types, and how far they moved."""
    limits = limits_of(spec)
    if not way:
        (known,) = described(context.spark, context.store, [candidate])
        own = _by_column(known)
        # What is small is told: there is none that was larger.
        return sample_size(own, own, limits)
    (name, _), (of, present) = candidate, way[-1]
    both = described(context.spark, context.store, [way[-1], candidate])
    before, after = (_by_column(one) for one in both)
    checks = [
        *sample_size(after, before, limits),
        *schema(after, before, present.version, "" if of == name else of.name),
    ]
    # An evaluation set that is refreshed is to move: towards what the model sees now.
    return checks if name.role == EVALUATION else checks + _moves(context, spec, way, candidate)


def _moves(
    context: Context, spec: MonitorSpec, way: Sequence[Held], candidate: Held
) -> list[Check]:
    """How far it is from the version in force, and from where the way began."""
    walked = [*way[:1], *way[1:][-LONGEST:], candidate]
    ends = (walked[0], candidate)
    pairs = dict.fromkeys([*pairwise(walked), ends])
    gaps = _by_pair(differences(context.spark, context.store, spec, list(pairs)), candidate[0])
    own = gaps.get(_key(walked[-2], candidate), ())
    path: dict[str, list[Gap]] = {}
    for pair in pairwise(walked):
        for gap in gaps.get(_key(*pair), ()):
            path.setdefault(gap.column, []).append(gap)
    limits = limits_of(spec)
    return [
        *domain(own, limits),
        *step(own, limits),
        *creep(gaps.get(_key(*ends), ()), path, limits),
    ]


def limits_of(spec: MonitorSpec) -> Limits:
    """The monitor's own limits: what counts as a shift there counts as one here."""
    policy = policy_of(spec)
    return Limits(
        effect={column: effect for column, (effect, _) in policy.overrides.items()},
        default=policy.effect,
        bins=spec.drift.bins,
        new=policy.new_categories,
        outside=policy.out_of_range,
    )


def _by_column(features: Mapping[str, Described]) -> dict[str, Column]:
    return {
        name: Column(one.kind, family(one.data_type), one.definition, one.status, one.measured)
        for name, one in features.items()
    }


def _gap(one: Difference, candidate: Name) -> Gap:
    figures = one.figures
    return Gap(
        earlier=one.earlier,
        later=one.later,
        column=one.column_name,
        material=one.material,
        effect=figures["effect"],
        d=figures["d_statistic"],
        distance=figures["wasserstein_distance"],
        new=figures["new_category_share"],
        vanished=figures["vanished_share"],
        outside=figures["out_of_range_share"],
        reason=one.reason,
        of="" if one.of == candidate.name else one.of,
    )


Key = tuple[tuple[str, int], tuple[str, int]]


def _key(earlier: Held, later: Held) -> Key:
    return (earlier[0].name, earlier[1].version), (later[0].name, later[1].version)


def _by_pair(found: Sequence[Difference], candidate: Name) -> dict[Key, list[Gap]]:
    """Gaps by the names and numbers of both versions, in order of their columns."""
    pairs: dict[Key, list[Gap]] = {}
    for one in sorted(found, key=lambda one: one.column_name):
        key = (one.of, one.earlier), (one.to, one.later)
        pairs.setdefault(key, []).append(_gap(one, candidate))
    return pairs


def _contamination(
    context: Context, spec: MonitorSpec, name: Name, candidate: Snapshot
) -> list[Check]:
    """Asked of the windows that are stored of its interval, also where it was read in one scan."""
    interval = candidate.interval
    own = candidate.source == (spec.source.table or spec.source.path)
    if interval is None or not own:
        return contamination(None, None)
    judged, bad = alerted(context.spark, context.store, spec, interval)
    inside = [
        one
        for start, one in stored_windows(context.spark, context.store, spec).items()
        if interval.start <= start < interval.end
    ]
    origins = Origins(
        rows=sum(one.rows for one in inside),
        judged=sum(one.rows for one in inside if one.window.start in judged),
        alerted=sum(one.rows for one in inside if one.window.start in bad),
    )
    # What was read in one scan may hold rows that no stored window has.
    if not origins.alerted or origins.alerted == origins.rows or not candidate.windows:
        return contamination(origins, None)
    left_out = [one.window for one in inside if one.window.start in bad]
    return contamination(origins, _without(context, spec, name, candidate, interval, left_out))


def _without(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    candidate: Snapshot,
    interval: Window,
    windows: Sequence[Window],
) -> list[Gap]:
    """How far the version moves where these windows are left out; nothing is stored."""
    resolution = resolve_source(context.spark, spec, source_of(context.spark, spec))
    rebuilt = merged_reference(
        context.spark, context.store, spec, interval, hashes_of(spec, resolution), windows
    )
    found = differences(context.spark, context.store, spec, [((name, candidate), rebuilt)])
    return sorted((_gap(one, name) for one in found), key=lambda one: one.column)


def _labels(context: Context, spec: MonitorSpec, name: Name, candidate: Snapshot) -> list[Check]:
    label = spec.prediction.label
    if name.role == EVALUATION and spec.evaluation is not None:
        own = spec.evaluation.sets.get(name.name)
        label = (own.label if own else None) or label
    if label is None:
        return []
    try:
        source = source_then(context.spark, spec, candidate)
        if label.lower() not in {column.lower() for column in source.schema}:
            return labels(name.role, None, None, f"{source.name} has no column {label!r}")
        return labels(name.role, *labelled(context.spark, source, label))
    except SourceError as error:
        return labels(name.role, None, None, str(error))
    except FAILURES as error:
        return labels(name.role, None, None, reason(error))


def _shaped(context: Context, spec: MonitorSpec, name: Name, candidate: Snapshot) -> list[Check]:
    if spec.feedback is None:
        return []
    known, influenced, why = shaped_rows(context.spark, context.store, name, candidate)
    return shaped(candidate.rows, known, influenced, spec.feedback.limit, why)

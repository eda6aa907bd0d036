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
from sparkdrift.references.life import Name, chain
from sparkdrift.spark.alerting import policy_of
from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.gate_figures import alerted, labelled, shaped_rows, write_checks
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.reference_differences import Described, Difference, described, differences
from sparkdrift.spark.reference_life import Snapshot, Stored
from sparkdrift.spark.references import merged_reference
from sparkdrift.spark.source import source_of
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.freezing import hashes_of
from sparkdrift.steps.overlap import overlap_checks
from sparkdrift.steps.verifying import source_then
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
    """Hold a version against that in force, and store what is found.

    Where none is in force yet there is nothing that it could be worse than: only the overlap of
    training and evaluation data is looked at, and where that does not apply it is None.
    """
    present = stored.present
    apart = overlap_checks(context, spec, name, candidate)
    if present is None:
        return _examined(context, name, candidate, apart) if apart else None
    limits = limits_of(spec)
    features = described(context.spark, context.store, name, [candidate, present])
    after, before = (
        {column: _column(one) for column, one in features[version].items()}
        for version in (candidate.version, present.version)
    )
    versions = [stored.by_number[one] for one in _shortened(chain(stored.events))]
    way = [*versions, candidate]
    pairs = [(present, candidate), (versions[0], candidate), *pairwise(way)]
    gaps = _by_pair(differences(context.spark, context.store, spec, name, pairs))
    own = gaps.get((present.version, candidate.version), ())
    # An evaluation set that is refreshed is to move: towards what the model sees now.
    moves = [
        *domain(own, limits),
        *step(own, limits),
        *creep(gaps.get((versions[0].version, candidate.version), ()), _path(gaps, way), limits),
    ]
    checks = [
        *sample_size(after, before, limits),
        *schema(after, before, present.version),
        *([] if name.role == EVALUATION else moves),
        *_contamination(context, spec, name, candidate),
        *_labels(context, spec, name, candidate),
        *_shaped(context, spec, name, candidate),
        *apart,
    ]
    return _examined(context, name, candidate, checks)


def _examined(
    context: Context, name: Name, candidate: Snapshot, checks: Sequence[Check]
) -> Examined:
    """The verdict on a version, with its checks stored."""
    write_checks(
        context.spark, context.store, name, candidate.version, checks, context.journal.run_id
    )
    return Examined(verdict(checks), tuple(checks))


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


def _column(one: Described) -> Column:
    return Column(one.kind, family(one.data_type), one.definition, one.status, one.measured)


def _shortened(versions: Sequence[int]) -> list[int]:
    return [versions[0], *versions[1:][-LONGEST:]]


def gap_of(one: Difference) -> Gap:
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
    )


Pairs = Mapping[tuple[int, int], Sequence[Gap]]


def _by_pair(found: Sequence[Difference]) -> Pairs:
    """Gaps by (earlier, later), in order of their columns."""
    pairs: dict[tuple[int, int], list[Gap]] = {}
    for one in sorted(found, key=lambda one: one.column_name):
        pairs.setdefault((one.earlier, one.later), []).append(gap_of(one))
    return pairs


def _path(gaps: Pairs, way: Sequence[Snapshot]) -> dict[str, list[Gap]]:
    """By column: the steps along a chain of versions."""
    path: dict[str, list[Gap]] = {}
    for earlier, later in pairwise(one.version for one in way):
        for gap in gaps.get((earlier, later), ()):
            path.setdefault(gap.column, []).append(gap)
    return path


def _contamination(
    context: Context, spec: MonitorSpec, name: Name, candidate: Snapshot
) -> list[Check]:
    interval = candidate.interval
    if not candidate.windows or interval is None:
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
    if not origins.alerted or origins.alerted == origins.rows:
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
    found = differences(context.spark, context.store, spec, name, [(candidate, rebuilt)])
    return sorted((gap_of(one) for one in found), key=lambda one: one.column)


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

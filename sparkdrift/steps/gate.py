"""The gate on a promotion: what it reads, asked of what is stored; see references/gate.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from operator import itemgetter
from typing import TypeAlias

from sparkdrift.errors import SourceError
from sparkdrift.kernels.unmeasured import family
from sparkdrift.references.gate import (
    Check,
    Column,
    Gap,
    Limits,
    beginnings,
    blocking,
    creep,
    domain,
    sample_size,
    schema,
    step,
    verdict,
)
from sparkdrift.references.gate_rows import Origins, contamination, labels, shaped
from sparkdrift.references.judging import due
from sparkdrift.references.life import Name
from sparkdrift.spark.alerting import policy_of
from sparkdrift.spark.evaluation_sources import labels_of
from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.gate_figures import (
    alerted,
    labelled,
    labelled_by_key,
    shaped_rows,
    write_checks,
)
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.reference_differences import (
    Described,
    Difference,
    Held,
    described,
    differences,
)
from sparkdrift.spark.reference_life import ROLE, Snapshot, Stored, read_references, role_of
from sparkdrift.spark.references import merged_reference
from sparkdrift.spark.source import source_of
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.scoring import label_column
from sparkdrift.steps.context import Context
from sparkdrift.steps.evaluation_scores import declared_set
from sparkdrift.steps.freezing import hashes_of
from sparkdrift.steps.overlap import overlap_checks
from sparkdrift.steps.verifying import source_then
from sparkdrift.steps.way import way_so_far
from sparkdrift.windows import Window, window_at, windows_meeting

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
    way = way_so_far(context, spec, name, stored)
    if not way and name.role == ROLE:
        return None
    checks = [
        *_columns(context, spec, way, (name, candidate)),
        *_contamination(context, spec, name, candidate),
        *label_checks(context, spec, name, candidate),
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
    """How far it is from the version in force, and from where the way of each column began."""
    walked = [*way[:1], *way[1:][-LONGEST:], candidate]
    known = [_by_column(one) for one in described(context.spark, context.store, walked)]
    begun = beginnings(known)
    before = len(walked) - 2
    pairs = [*pairwise(walked), *((walked[place], candidate) for place in set(begun.values()))]
    asked = list(dict.fromkeys(pair for pair in pairs if pair[0] != candidate))
    found = differences(context.spark, context.store, spec, asked)
    valued = {_at(*one): _valued(own) for one, own in zip(walked, known, strict=True)}
    gaps: dict[tuple[Key, str], Gap] = {}
    for one in found:
        key = (one.of, one.earlier), (one.to, one.later)
        both = all(one.column_name in valued[end] for end in key)
        gaps[key, one.column_name] = _gap(one, candidate[0], valued=both)
    own = [gaps[at] for at in sorted(gaps, key=itemgetter(1)) if at[0] == _key(way[-1], candidate)]
    path: dict[str, list[Gap]] = {}
    total = []
    for column, place in sorted(begun.items()):
        steps = (gaps.get((_key(*pair), column)) for pair in pairwise(walked[place:]))
        path[column] = [gap for gap in steps if gap is not None]
        whole = gaps.get((_key(walked[place], candidate), column))
        total += [whole] if whole is not None and place < before else []
    limits = limits_of(spec)
    return [*domain(own, limits), *step(own, limits), *creep(total, path, limits)]


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


def _valued(columns: Mapping[str, Column]) -> frozenset[str]:
    return frozenset(name for name, one in columns.items() if one.measured > 0)


def _gap(one: Difference, candidate: Name, *, valued: bool = False) -> Gap:
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
        valued=valued,
    )


End: TypeAlias = tuple[str, int]
Key: TypeAlias = tuple[End, End]


def _at(name: Name, version: Snapshot) -> End:
    return name.name, version.version


def _key(earlier: Held, later: Held) -> Key:
    return _at(*earlier), _at(*later)


def _contamination(
    context: Context, spec: MonitorSpec, name: Name, candidate: Snapshot
) -> list[Check]:
    """Asked of the windows that are stored of its interval, also where it was read in one scan."""
    interval = candidate.interval
    own = candidate.source == (spec.source.table or spec.source.path)
    if interval is None or not own:
        return contamination(None, None)
    judged, bad = alerted(context.spark, context.store, spec, interval)
    rows = {
        start: one.rows
        for start, one in stored_windows(context.spark, context.store, spec).items()
        if interval.start <= start < interval.end
    }
    # What was read in one scan may hold rows that no stored window has, as of pruned ones.
    inside = windows_meeting(interval, spec.windows.grain, spec.timestamp.zone)
    missing = {one.start for one in inside if one.start >= interval.start} - set(rows)
    left = max(candidate.rows - sum(rows.values()), 0) if missing else 0
    expected = _due(context, spec, [*rows, *missing])
    origins = Origins(
        rows=sum(rows.values()) + left,
        judged=sum(rows[start] for start in rows if start in judged),
        alerted=sum(rows[start] for start in rows if start in bad),
        due=sum(rows[start] for start in rows if start in expected - judged)
        + (left if missing & expected else 0),
    )
    if not origins.alerted or bad >= {start for start in rows if rows[start]}:
        return contamination(origins, None)
    if not candidate.windows:
        return contamination(origins, None)
    grain, zone = spec.windows.grain, spec.timestamp.zone
    left_out = [window_at(start, grain, zone) for start in sorted(bad) if start in rows]
    (columns,) = described(context.spark, context.store, [(name, candidate)])
    gaps = _without(context, spec, name, candidate, interval, left_out)
    return contamination(origins, gaps, _by_column(columns))


def _due(context: Context, spec: MonitorSpec, windows: Sequence[datetime]) -> set[datetime]:
    """Those of them that were to be judged by a comparison that may alert."""
    every = read_references(context.spark, context.store, spec.monitor)
    roles = {role_of(one) for one in spec.alerts.comparisons}
    return due((own.events for one, own in every.items() if one.role in roles), windows)


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


def label_checks(
    context: Context, spec: MonitorSpec, name: Name, candidate: Snapshot
) -> list[Check]:
    """Labels in the rows themselves, or joined to them by key, as the evaluation does it."""
    own = candidate.source == (spec.source.table or spec.source.path)
    joins = own and spec.evaluation is not None and spec.evaluation.labels is not None
    label = label_column(spec) if joins else spec.prediction.label
    if name.role == EVALUATION and not joins:
        label = declared_set(spec, name).label or label
    if label is None and not joins:
        return []
    try:
        source = source_then(context.spark, spec, candidate)
        if joins:
            table = labels_of(context.spark, spec)
            return labels(name.role, *labelled_by_key(context.spark, spec, source, table))
        if str(label).lower() not in {column.lower() for column in source.schema}:
            return labels(name.role, None, None, f"{source.name} has no column {label!r}")
        return labels(name.role, *labelled(context.spark, source, str(label)))
    except SourceError as error:
        return labels(name.role, None, None, str(error))
    except FAILURES as error:
        return labels(name.role, None, None, reason(error))


def _shaped(context: Context, spec: MonitorSpec, name: Name, candidate: Snapshot) -> list[Check]:
    if spec.feedback is None:
        return []
    known, influenced, why = shaped_rows(context.spark, context.store, name, candidate)
    return shaped(candidate.rows, known, influenced, spec.feedback.limit, why)

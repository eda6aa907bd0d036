"""The gate, of a version's columns: held against those before it, from what is stored of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import TypeAlias

from sparkdrift.explain.told_shares import OF_SHARES
from sparkdrift.kernels.unmeasured import family
from sparkdrift.references.gate import (
    Check,
    Column,
    Gap,
    Limits,
    Missing,
    sample_size,
    schema,
)
from sparkdrift.references.gate_moves import beginnings, creep, domain, step
from sparkdrift.references.life import Name
from sparkdrift.spark.alerting import policy_of
from sparkdrift.spark.reference_differences import (
    Described,
    Difference,
    Held,
    described,
    differences,
)
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context

EVALUATION = "evaluation"
LONGEST = 100
"""The last so many versions of a chain are looked at; always those that a column begins with."""
End: TypeAlias = tuple[str, int]
Key: TypeAlias = tuple[End, End]


def column_checks(
    context: Context, spec: MonitorSpec, way: Sequence[Held], candidate: Held
) -> list[Check]:
    """What is said of single columns: their rows, types, and how far they moved."""
    limits = limits_of(spec)
    if not way:
        (alone,) = described(context.spark, context.store, [candidate])
        own = by_column(alone)
        # What is small is told: there is none that was larger.
        return sample_size(own, own, limits)
    (name, _), (of, present) = candidate, way[-1]
    # An evaluation set that is refreshed is to move: towards what the model sees now.
    moves = name.role != EVALUATION
    whole = [*(way if moves else way[-1:]), candidate]
    every = [by_column(one) for one in described(context.spark, context.store, whole)]
    places = _looked_at(every)
    walked, known = [whole[place] for place in places], [every[place] for place in places]
    before, after = known[-2:]
    checks = [
        *sample_size(after, before, limits),
        *schema(after, before, present.version, "" if of == name else of.name),
    ]
    return checks + _moves(context, spec, walked, known) if moves else checks


def _looked_at(known: Sequence[Mapping[str, Column]]) -> list[int]:
    """The places of those that are held against each other: cut after the beginnings are known."""
    begun = {0, *beginnings(known).values()}
    late = len(known) - 1 - LONGEST
    return [place for place in range(len(known)) if place >= late or place in begun]


def _moves(
    context: Context,
    spec: MonitorSpec,
    walked: Sequence[Held],
    known: Sequence[Mapping[str, Column]],
) -> list[Check]:
    """How far the last version is from the one before it, and from where the way of each column
    began. known: the columns of each version that is walked."""
    begun = beginnings(known)
    pairs = [*pairwise(walked), *((walked[place], walked[-1]) for place in set(begun.values()))]
    gaps = _gaps(
        context, spec, [pair for pair in pairs if _at(*pair[0]) != _at(*pair[1])], walked, known
    )
    last = _key(*walked[-2:])
    own = [gaps[at] for at in sorted(gaps, key=itemgetter(1)) if at[0] == last]
    path: dict[str, list[Gap]] = {}
    total = []
    for column, place in sorted(begun.items()):
        steps = (gaps.get((_key(*pair), column)) for pair in pairwise(walked[place:]))
        path[column] = [gap for gap in steps if gap is not None]
        whole = gaps.get((_key(walked[place], walked[-1]), column))
        total += [whole] if whole is not None else []
    limits = limits_of(spec)
    return [*domain(own, limits), *step(own, limits), *creep(total, path, limits)]


def _gaps(
    context: Context,
    spec: MonitorSpec,
    pairs: Sequence[tuple[Held, Held]],
    walked: Sequence[Held],
    known: Sequence[Mapping[str, Column]],
) -> dict[tuple[Key, str], Gap]:
    """How far the versions of each pair are apart, by both and by column."""
    valued = {
        _at(*one): {name for name, column in own.items() if column.valued}
        for one, own in zip(walked, known, strict=True)
    }
    found, limits = {}, limits_of(spec).missing
    for one in differences(context.spark, context.store, spec, list(dict.fromkeys(pairs))):
        key = (one.of, one.earlier), (one.to, one.later)
        both = all(one.column_name in valued[end] for end in key)
        found[key, one.column_name] = gap_of(one, walked[-1][0], limits, valued=both)
    return found


def limits_of(spec: MonitorSpec) -> Limits:
    """The monitor's own limits: what counts as a shift there counts as one here."""
    policy = policy_of(spec)
    return Limits(
        effect={column: effect for column, (effect, _) in policy.overrides.items()},
        default=policy.effect,
        bins=spec.drift.bins,
        new=policy.new_categories,
        outside=policy.out_of_range,
        missing=policy.share_limits,
    )


def by_column(features: Mapping[str, Described]) -> dict[str, Column]:
    return {
        name: Column(one.kind, family(one.data_type), one.definition, one.status, one.measured)
        for name, one in features.items()
    }


def gap_of(
    one: Difference, candidate: Name, limits: Mapping[str, float], *, valued: bool = False
) -> Gap:
    """limits: of the shares, by the names of their tests."""
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
        missing=tuple(
            Missing(OF_SHARES[name], delta, surely, limits.get(name, 0.0))
            for name, (delta, surely) in one.missing.items()
        ),
    )


def _at(name: Name, version: Snapshot) -> End:
    return name.name, version.version


def _key(earlier: Held, later: Held) -> Key:
    return _at(*earlier), _at(*later)

"""The gate, of how far columns moved: from the version in force, and along the whole way.

See references/gate.py, which has the figures that are held against each other here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sparkdrift.references.gate import Check, Column, Gap, Limits, Verdict, unknown


def domain(gaps: Sequence[Gap], limits: Limits) -> list[Check]:
    """New and vanished categories, values outside the range of the version in force: told.

    They alone do not block: that they are part of what is normal now is what a new version is
    for; where they move the distribution by more than matters, `step` blocks.
    """
    checks = []
    for one in gaps:
        for value, limit, what in (
            (one.new, limits.new, "of the rows are in categories that {} lacks"),
            (one.vanished, limits.new, "of the rows of {} are in categories it lacks"),
            (one.outside, limits.outside, "of the rows are outside the range of {}"),
        ):
            if value is None:
                continue
            found: Verdict = "warned" if value > limit else "passed"
            if value > 0:
                reason = f"{100 * value:.1f} % {what.format(one.base)}"
                checks.append(Check("domain", one.column, found, reason, value, limit, one.earlier))
    return checks


def step(gaps: Sequence[Gap], limits: Limits) -> list[Check]:
    """How far each column is from the version in force: a material step blocks.

    So does a material change of the share of NULLs, NaNs or infinite values, of which the distance
    of the others knows nothing, and one that can't be told where both have values: a column that is
    defined otherwise by now may be anywhere.
    """
    return [_held("step", one, limits, "") for one in gaps]


def _held(name: str, one: Gap, limits: Limits, way: str) -> Check:
    """One column against an earlier version; way: in words, how it came from there.

    Values that are missing now, or were, move what is normal whatever the others do.
    """
    found = _by_distance(name, one, limits, way)
    moved = [share for share in one.missing if share.material]
    if not moved:
        return found
    told = "; ".join(
        f"has {100 * share.delta:+.1f} points of {share.what} since {one.base} "
        f"(limit {100 * share.limit:g}){way}"
        for share in moved
    )
    if found.verdict == "blocked":
        return replace(found, reason=f"{found.reason}; {told}")
    worst = max(moved, key=lambda share: abs(share.delta))
    return Check(name, one.column, "blocked", told, abs(worst.delta), worst.limit, one.earlier)


def _by_distance(name: str, one: Gap, limits: Limits, way: str) -> Check:
    """The same of its values alone."""
    limit = limits.of(one.column)
    if one.material is not None:
        reason = f"is {one.effect or 0.0:.2f} sd from {one.base} ({_of(one, limit)}){way}"
        found: Verdict = "blocked" if one.material else "passed"
        return Check(name, one.column, found, reason, one.effect, limit, one.earlier)
    elsewhere = [
        (share, most)
        for share, most in ((one.new, limits.new), (one.outside, limits.outside))
        if share is not None
    ]
    if one.reason is None and one.valued and elsewhere:
        # Of one value alone there is no distance; how many rows have another one is known.
        share, most = max(elsewhere)
        reason = f"has {100 * share:.1f} % of its rows beyond the one value of {one.base}{way}"
        found = "blocked" if share > most else "passed"
        return Check(name, one.column, found, reason, share, most, one.earlier)
    reason = f"can't be compared with {one.base}"
    if one.reason:
        reason += f": {one.reason}"
    return unknown(name, one.column, reason, limit, one.earlier, measurable=one.valued)


def _of(one: Gap, limit: float) -> str:
    """The limit in words. Where what is below it counts all the same: from where on it does."""
    if one.material and (one.effect or 0.0) < limit:
        # Half of the distance D, which goes with the square of a shift.
        return f"limit {limit:g}; surely more than {limit / np.sqrt(2):.2f}, which is enough"
    return f"limit {limit:g}"


def beginnings(way: Sequence[Mapping[str, Column]]) -> dict[str, int]:
    """By column: the first version on the way that has values of it, by its place.

    A column that came later can't have crept from where it was not.
    """
    found: dict[str, int] = {}
    for place, columns in enumerate(way):
        for name, one in columns.items():
            if one.valued:
                found.setdefault(name, place)
    return found


def creep(total: Sequence[Gap], steps: Mapping[str, Sequence[Gap]], limits: Limits) -> list[Check]:
    """Each step small, the sum material: the candidate against where the chain began.

    total: by column, of the candidate from the first version that has it. steps: by column, one
    gap after the other from there along the chain, the candidate's own included. A chain of one
    step is what `step` looks at. Directness is the way made over the way gone: near 1 all steps
    led the same way.
    """
    checks = []
    for one in total:
        path = steps.get(one.column, ())
        if len(path) < 2:
            continue
        effects = [gap.effect for gap in path if gap.effect is not None]
        gone = [gap.distance for gap in path if gap.distance is not None]
        way = f" after {len(path)} steps of at most {max(effects, default=0.0):.2f} sd"
        if one.distance is not None and sum(gone) > 0:
            way += f", directness {one.distance / sum(gone):.2f}"
        checks.append(_held("creep", one, limits, way))
    return checks

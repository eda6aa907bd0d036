"""The gate on a promotion: figures in, checks with limits and verdicts out.

A reference says what is normal. So a version that is too small to say it, that lacks what the
present one has, that was made while something was wrong, or that moves what is normal by more
than matters, is not put in force in passing: somebody must want it, and say why.
Source: section 7 of docs/statistics.md (creep, contamination); the limits are the project's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sparkdrift.measures.evidence import LEAST_POWER, power

Verdict = Literal["passed", "warned", "blocked", "not_measured"]
TABLE = ":table"
_NAMED = 3


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. value and limit are in the unit that `reason` names."""

    name: str
    column: str
    verdict: Verdict
    reason: str
    value: float | None = None
    limit: float | None = None
    against: int | None = None


@dataclass(frozen=True)
class Column:
    """A feature of a version: its kind, family of types, definition, and rows with a value."""

    kind: str
    family: str
    definition: str
    status: str
    measured: float

    @property
    def valued(self) -> bool:
        """Whether it was there, and has rows with a value."""
        return self.status != "schema_changed" and self.measured > 0


@dataclass(frozen=True)
class Gap:
    """How far one feature of a later version is from an earlier one; None: not measured.

    of: the reference of the earlier one, where it has another name; else empty. material: whether
    it surely is farther than what matters. effect in sd, d the statistic D, distance the
    Wasserstein distance in sd. reason: why it makes no sense to compare them, else None. valued:
    whether both have rows with a value, so that there is something to compare.
    """

    earlier: int
    later: int
    column: str
    material: bool | None
    effect: float | None
    d: float | None
    distance: float | None = None
    new: float | None = None
    vanished: float | None = None
    outside: float | None = None
    reason: str | None = None
    of: str = ""
    valued: bool = False

    @property
    def base(self) -> str:
        return version_of(self.earlier, self.of)


def version_of(version: int, other: str = "") -> str:
    """A version as it is called; other: its reference, where that has another name."""
    return f"version {version} of {other}" if other else f"version {version}"


@dataclass(frozen=True)
class Limits:
    """effect: in sd by column; `default` for the others. new, outside: shares."""

    effect: Mapping[str, float]
    default: float
    bins: int
    new: float
    outside: float

    def of(self, column: str) -> float:
        return self.effect.get(column, self.default)


def verdict(checks: Iterable[Check]) -> Literal["passed", "blocked"]:
    """Blocked by any check that blocks. What there is nothing to measure of is told (`unknown`)."""
    return "blocked" if any(one.verdict == "blocked" for one in checks) else "passed"


def blocking(checks: Iterable[Check]) -> list[str]:
    """Why the gate blocks, one line for each kind of check: the gravest columns are named."""
    found: dict[str, list[Check]] = {}
    for one in checks:
        if one.verdict == "blocked":
            found.setdefault(one.name, []).append(one)
    return [_told(name, own) for name, own in found.items()]


def _told(name: str, own: Sequence[Check]) -> str:
    grave = sorted(own, key=lambda one: -(one.value or 0.0))
    parts = [
        one.reason if one.column == TABLE else f"{one.column} {one.reason}"
        for one in grave[:_NAMED]
    ]
    more = f"; and {len(own) - _NAMED} more columns" if len(own) > _NAMED else ""
    return f"{name}: {'; '.join(parts)}{more}"


def unknown(
    name: str,
    column: str,
    reason: str,
    limit: float | None = None,
    against: int | None = None,
    *,
    measurable: bool,
) -> Check:
    """What was not measured. measurable: it was to be, and nothing good is known: it blocks.

    Else there is nothing to measure, as of a first version, and that is told.
    """
    if measurable:
        return Check(name, column, "blocked", f"not measured: {reason}", None, limit, against)
    return Check(name, column, "not_measured", reason, None, limit, against)


def sample_size(
    after: Mapping[str, Column], before: Mapping[str, Column], limits: Limits
) -> list[Check]:
    """Whether a shift of `effect_size` can be found with so few rows, however large a window is.

    Power of the test on D with s = 1/rows. A column that had no more rows in the version in force
    is no worse than that, so it only warns.
    """
    checks = []
    for name, one in sorted(after.items()):
        if one.status != "ok" or one.kind not in ("numeric", "categorical"):
            continue
        own, known = _power(one, name, limits), _power(before.get(name), name, limits)
        reason = (
            f"has {one.measured:,.0f} rows with a value: a shift of {limits.of(name):g} sd "
            f"would be found {100 * own:.0f} times of 100"
        )
        found: Verdict = "passed"
        if own < LEAST_POWER:
            found = "blocked" if name not in before or known >= LEAST_POWER else "warned"
        checks.append(Check("sample size", name, found, reason, own, LEAST_POWER))
    return checks


def _power(column: Column | None, name: str, limits: Limits) -> float:
    if column is None or column.measured < 1:
        return 0.0
    effect = limits.of(name)
    found = power(1 / column.measured, limits.bins, effect, effect**2 / 2)
    return float(np.nan_to_num(np.asarray(found), nan=0.0))


def schema(
    after: Mapping[str, Column], before: Mapping[str, Column], present: int, of: str = ""
) -> list[Check]:
    """What the version in force has and this one lacks, and what is of another type, blocks.

    of: the reference of that version, where it has another name. A new column, and one that is
    defined otherwise since, is told: nothing of it is lost.
    """
    checks = []
    base = version_of(present, of)
    for name, old in sorted(before.items()):
        new = after.get(name)
        if new is None or (new.status == "schema_changed" and old.status != "schema_changed"):
            reason = f"is in {base} and not in this one"
            checks.append(Check("schema", name, "blocked", reason, against=present))
        elif new.family != old.family and "schema_changed" not in (new.status, old.status):
            reason = f"was {old.family} in {base} and is {new.family}"
            checks.append(Check("schema", name, "blocked", reason, against=present))
        elif new.definition != old.definition:
            reason = f"is defined otherwise than in {base}, so it can't be compared"
            checks.append(Check("schema", name, "warned", reason, against=present))
    for name in sorted(set(after) - set(before)):
        reason = f"is new: {base} does not have it"
        checks.append(Check("schema", name, "warned", reason, against=present))
    if not checks:
        checks.append(Check("schema", TABLE, "passed", f"the columns of {base}", against=present))
    return checks


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

    So does one that can't be told where both have values: a column that is defined otherwise by
    now may be anywhere.
    """
    return [_held("step", one, limits, "") for one in gaps]


def _held(name: str, one: Gap, limits: Limits, way: str) -> Check:
    """One column against an earlier version; way: in words, how it came from there."""
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

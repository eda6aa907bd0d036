"""The gate on a promotion: figures in, checks with limits and verdicts out.

A reference says what is normal. So a version that is too small to say it, that lacks what the
present one has, that was made while something was wrong, or that moves what is normal by more
than matters, is not put in force in passing: somebody must want it, and say why.
Source: section 7 of docs/statistics.md (creep, contamination); the limits are the project's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from sparkdrift.measures.evidence import LEAST_POWER, power

Verdict = Literal["passed", "warned", "blocked", "not_measured"]
TABLE = ":table"
_NAMED = 3
_SURELY = 2.33
"""Standard errors, one-sided: what comes by chance 1 time of 100, as with `MATERIAL_LEVEL`."""


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
class Missing:
    """How the share of rows without a value of one kind (NULL, NaN, infinite) changed.

    what: in words, in the plural. delta: the change, -1 to 1. material: whether it surely is larger
    than what matters. limit: from which change on it does.
    """

    what: str
    delta: float
    material: bool
    limit: float


@dataclass(frozen=True)
class Gap:
    """How far one feature of a later version is from an earlier one; None: not measured.

    of: the reference of the earlier one, where it has another name; else empty. material: whether
    it surely is farther than what matters. effect in sd, d the statistic D, distance the
    Wasserstein distance in sd. reason: why it makes no sense to compare them, else None. valued:
    whether both have rows with a value, so that there is something to compare. missing: how the
    shares of rows without a value changed; none where they can't be compared.
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
    missing: tuple[Missing, ...] = ()

    @property
    def base(self) -> str:
        return version_of(self.earlier, self.of)


def version_of(version: int, other: str = "") -> str:
    """A version as it is called; other: its reference, where that has another name."""
    return f"version {version} of {other}" if other else f"version {version}"


@dataclass(frozen=True)
class Limits:
    """effect: in sd by column; `default` for the others. new, outside: shares.

    missing: of the shares of rows without a value, by the names of their tests.
    """

    effect: Mapping[str, float]
    default: float
    bins: int
    new: float
    outside: float
    missing: Mapping[str, float] = field(default_factory=dict)

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
    is no worse than that, so it only warns; it blocks where it had surely more, or some at all.
    """
    checks = []
    for name, one in sorted(after.items()):
        if one.status != "ok" or one.kind not in ("numeric", "categorical"):
            continue
        old = before.get(name)
        own, known = _power(one, name, limits), _power(old, name, limits)
        reason = (
            f"has {one.measured:,.0f} rows with a value: a shift of {limits.of(name):g} sd "
            f"would be found {100 * own:.0f} times of 100"
        )
        found: Verdict = "passed"
        if own < LEAST_POWER:
            worse = old is None or known >= LEAST_POWER or _fewer(one.measured, old.measured)
            found = "blocked" if worse else "warned"
            if worse and old is not None:
                reason += f"; the version in force has {old.measured:,.0f}"
        checks.append(Check("sample size", name, found, reason, own, LEAST_POWER))
    return checks


def _fewer(rows: float, known: float) -> bool:
    """Whether there are fewer rows than chance explains, by their Poisson noise; or none left."""
    return (rows <= 0 < known) or known - rows > _SURELY * float(np.sqrt(known + rows))


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

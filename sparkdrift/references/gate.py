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
from sparkdrift.measures.intervals import wilson

Verdict = Literal["passed", "warned", "blocked", "not_measured"]
TABLE = ":table"
CONTAMINATED = 0.05
"""From which share of rows from alerted windows on a version is contaminated."""
LABELLED = 0.9
"""Share of rows with a label that a reference of a role which needs labels must have."""
NEEDS_LABELS = ("training", "evaluation", "calibration")
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


@dataclass(frozen=True)
class Gap:
    """How far one feature of a later version is from an earlier one; None: not measured.

    of: the reference of the earlier one, where it has another name; else empty. material: whether
    it surely is farther than what matters. effect in sd, d the statistic D, distance the
    Wasserstein distance in sd.
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


@dataclass(frozen=True)
class Origins:
    """Where the rows of a version come from: all, in windows that were compared with something,
    in those of them where an alert stood."""

    rows: int
    judged: int
    alerted: int


def verdict(checks: Iterable[Check]) -> Literal["passed", "blocked"]:
    """Blocked by any check that blocks. What was not measured blocks nothing, and is told."""
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
    """How far each column is from the version in force: a material step blocks."""
    checks = []
    for one in gaps:
        limit = limits.of(one.column)
        if one.material is None:
            reason = f"can't be compared with {one.base}"
            if one.reason:
                reason += f": {one.reason}"
            checks.append(
                Check("step", one.column, "not_measured", reason, None, limit, one.earlier)
            )
            continue
        reason = f"is {one.effect or 0.0:.2f} sd from {one.base} ({_of(one, limit)})"
        found: Verdict = "blocked" if one.material else "passed"
        checks.append(Check("step", one.column, found, reason, one.effect, limit, one.earlier))
    return checks


def _of(one: Gap, limit: float) -> str:
    """The limit in words. Where what is below it counts all the same: from where on it does."""
    if one.material and (one.effect or 0.0) < limit:
        # Half of the distance D, which goes with the square of a shift.
        return f"limit {limit:g}; surely more than {limit / np.sqrt(2):.2f}, which is enough"
    return f"limit {limit:g}"


def creep(total: Sequence[Gap], steps: Mapping[str, Sequence[Gap]], limits: Limits) -> list[Check]:
    """Each step small, the sum material: the candidate against the first version of the chain.

    total: of the candidate from that version. steps: by column, one gap after the other along
    the chain, the candidate's own included. A chain of one step is what `step` looks at.
    Directness is the way made over the way gone: near 1 all steps led the same way.
    """
    checks = []
    for one in total:
        path = steps.get(one.column, ())
        if len(path) < 2:
            continue
        limit = limits.of(one.column)
        if one.material is None:
            reason = f"can't be compared with {one.base}"
            checks.append(
                Check("creep", one.column, "not_measured", reason, None, limit, one.earlier)
            )
            continue
        effects = [gap.effect for gap in path if gap.effect is not None]
        gone = [gap.distance for gap in path if gap.distance is not None]
        direct = ""
        if one.distance is not None and sum(gone) > 0:
            direct = f", directness {one.distance / sum(gone):.2f}"
        reason = (
            f"is {one.effect or 0.0:.2f} sd from {one.base} ({_of(one, limit)}) after "
            f"{len(path)} steps of at most {max(effects, default=0.0):.2f} sd{direct}"
        )
        found: Verdict = "blocked" if one.material else "passed"
        checks.append(Check("creep", one.column, found, reason, one.effect, limit, one.earlier))
    return checks


def contamination(origins: Origins | None, without: Sequence[Gap] | None) -> list[Check]:
    """Rows from windows in which an alert stood: their share, and what they do to each column.

    The share is of the rows that were compared with something: of the others it is not known
    what an alert would have said. origins: None where it is not made of rows of the watched table.
    without: the version rebuilt without them, held against it; None where there are none, or
    where nothing else is left.
    """
    if origins is None:
        reason = "not of the watched table, so it is not known what alerted while its rows came"
        return [Check("contamination", TABLE, "not_measured", reason, None, CONTAMINATED)]
    if not origins.judged:
        reason = "none of its windows was judged: nothing is known of alerts in them"
        return [Check("contamination", TABLE, "not_measured", reason, None, CONTAMINATED)]
    share = origins.alerted / origins.judged
    reason = f"{100 * share:.1f} % of the rows are from windows in which an alert stood"
    if origins.judged < origins.rows:
        unknown = 100 * (1 - origins.judged / origins.rows)
        reason = (
            f"{100 * share:.1f} % of the rows that were judged are from windows in which an alert "
            f"stood; {unknown:.0f} % were not judged"
        )
    found: Verdict = "blocked" if share > CONTAMINATED else "passed"
    checks = [Check("contamination", TABLE, found, reason, share, CONTAMINATED)]
    for one in without or ():
        if one.d is None:
            continue
        reason = f"moves by {one.effect or 0.0:.2f} sd (D {one.d:.4f}) without these rows"
        moved: Verdict = "blocked" if one.material else "passed"
        checks.append(Check("contamination", one.column, moved, reason, one.d))
    return checks


@dataclass(frozen=True)
class Overlap:
    """Keys of an evaluation set that training data have as well: `share`, between low and high.

    other: the reference of the other role, and its version, that the candidate was held against;
    None where there is none. keys: estimated number of keys of the evaluation set. exact: whether
    every key was looked at; else low and high are a 95 % interval. reason: why share is None.
    """

    other: str | None = None
    version: int | None = None
    share: float | None = None
    low: float = 0.0
    high: float = 1.0
    keys: float = 0.0
    exact: bool = False
    reason: str = ""


def overlap(role: str, found: Sequence[Overlap], limit: float) -> list[Check]:
    """Rows that a model learned from say nothing of how it does on others: their share.

    role: of the candidate. found: one for each reference of the other role that is in force; the
    worst is told, and that some could not be measured where it is no finding.
    """
    measured = [one for one in found if one.share is not None]
    missing = [one for one in found if one.share is None]
    worst = max(measured, key=lambda one: one.share or 0.0, default=None)
    if worst is None or worst.share is None:
        other = "training" if role == "evaluation" else "evaluation"
        why = missing[0].reason if missing else f"no reference of the role {other} is in force"
        return [Check("overlap", TABLE, "not_measured", why, None, limit)]
    blocked = worst.share > limit
    if missing and not blocked:
        return [Check("overlap", TABLE, "not_measured", missing[0].reason, None, limit)]
    told = f"{100 * worst.share:.1f} % of {worst.keys:,.0f} keys are in both"
    if role == "evaluation":
        told += f": {worst.other} version {worst.version} has them as well"
    else:
        told += f": {worst.other} version {worst.version} is evaluated on rows of this one"
    sure = (
        "every key was looked at"
        if worst.exact
        else f"95 % interval {100 * worst.low:.1f} to {100 * worst.high:.1f} %"
    )
    told += f" ({sure}, limit {100 * limit:g} %)"
    found_now: Verdict = "blocked" if blocked else "passed"
    return [Check("overlap", TABLE, found_now, told, worst.share, limit, worst.version)]


def labels(role: str, rows: int | None, labelled: int | None, reason: str = "") -> list[Check]:
    """Share of rows with a label. Only roles that need labels are blocked by too few.

    rows None: not measured, for `reason`.
    """
    if rows is None or labelled is None or not rows:
        why = reason or "no rows"
        return [Check("labels", TABLE, "not_measured", why, None, LABELLED)]
    share = labelled / rows
    found: Verdict = "passed"
    if share < LABELLED:
        found = "blocked" if role in NEEDS_LABELS else "warned"
    told = f"{100 * share:.1f} % of the rows have a label (limit {100 * LABELLED:.0f} %)"
    return [Check("labels", TABLE, found, told, share, LABELLED)]


def shaped(
    rows: int, known: int, influenced: int, limit: float, reason: str | None = None
) -> list[Check]:
    """Share of rows that the model itself shaped, among the `known` ones of all `rows`.

    Above the limit it blocks, in every role: what such a version calls normal, or teaches the next
    model, is in part the present model's own doing. reason: why it was not counted, else None.
    """
    if reason is not None or not known:
        why = reason or "of none of its rows it is known whether the model shaped it"
        return [Check("shaped", TABLE, "not_measured", why, None, limit)]
    share, low, high = (float(part) for part in wilson(influenced, known))
    told = (
        f"{100 * share:.1f} % of the rows were shaped by the model itself (95 % interval "
        f"{100 * low:.1f} to {100 * high:.1f} %, limit {100 * limit:g} %)"
    )
    if known < rows:
        told += f"; of {100 * (1 - known / rows):.1f} % it is not known"
    found: Verdict = "blocked" if share > limit else "passed"
    return [Check("shaped", TABLE, found, told, share, limit)]

"""The gate, of a version's rows: which windows they are from, their labels, who shaped them.

See references/gate.py, which is about its columns. What is declared and could not be looked at
does not pass: nobody would notice that nothing is looked at any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.measures.intervals import wilson
from sparkdrift.references.gate import TABLE, Check, Column, Gap, Verdict, unknown
from sparkdrift.windows import Window

CONTAMINATED = 0.05
"""From which share of rows from alerted windows on a version is contaminated."""
JUDGED = 0.5
"""Of fewer rows than this share nothing good is said: too few of them were looked at."""
LABELLED = 0.9
"""Share of rows with a label that a reference of a role which needs labels must have."""
NEEDS_LABELS = ("training", "evaluation", "calibration")
OVERLAPPING = {"evaluation": "training", "training": "evaluation"}
"""Roles whose keys must not be those of the other one."""


@dataclass(frozen=True)
class Origins:
    """Where the rows of a version come from: all, in windows that were compared with something,
    in those of them where an alert stood. due: rows in windows that were not compared although a
    reference was in force for them. lost: those of them that no step can judge any more, as they
    were pruned, or the version that was in force for them was erased."""

    rows: int
    judged: int
    alerted: int
    due: int = 0
    lost: int = 0


def rows_within(
    rows: Mapping[Window, int], interval: Window, total: int | None
) -> dict[datetime, int]:
    """By the start of each window how many of its rows are in an interval, which it meets.

    Of windows that lie in it all. Of those at its ends, about as many as the part of their time
    that does; of `total` rows of the interval, what the others leave (None: not all windows are
    known, so nothing is to be learned from it). Never none of a window that has rows: an alert in
    it is to be seen.
    """
    part = {one: _part(one, interval) for one in rows}
    found = {one: rows[one] * part[one] for one in rows}
    ends = sum(found[one] for one in rows if part[one] < 1)
    if total is not None and ends:
        left = max(total - sum(rows[one] for one in rows if part[one] == 1), 0)
        found |= {one: found[one] * left / ends for one in rows if part[one] < 1}
    return {one.start: min(rows[one], max(round(found[one]), 1)) for one in rows}


def _part(window: Window, interval: Window) -> float:
    inside = min(window.end, interval.end) - max(window.start, interval.start)
    return inside / (window.end - window.start)


def of_no_interval(*, due: bool) -> list[Check]:
    """Of rows of the watched table that no interval tells: nobody knows which windows they are of.

    due: whether any window was to be judged.
    """
    reason = (
        "of the watched table, but of no interval of it, so it is not known which windows its rows "
        "are from"
    )
    if due:
        reason += "; freeze an interval (`sparkdrift snapshot SPEC --begin DATE --end DATE`)"
    return [unknown("contamination", TABLE, reason, CONTAMINATED, measurable=due)]


def contamination(
    origins: Origins | None,
    without: Sequence[Gap] | None,
    columns: Mapping[str, Column] | None = None,
) -> list[Check]:
    """Rows from windows in which an alert stood: their share, and what they do to each column.

    The share is of the rows that were compared with something: of the others it is not known
    what an alert would have said. Where too few were, although they were to be, it blocks.
    origins: None where it is not made of rows of the watched table. without: the version rebuilt
    without them, held against it; None where there are none, or where nothing else is left.
    columns: of the version, by name.
    """
    if origins is None:
        reason = "not of the watched table, so it is not known what alerted while its rows came"
        return [unknown("contamination", TABLE, reason, CONTAMINATED, measurable=False)]
    enough = JUDGED * origins.rows
    measurable = origins.due > 0 and origins.judged + origins.due >= enough
    again = _again(origins) if measurable else ""
    if not origins.judged:
        reason = f"none of its windows was judged: nothing is known of alerts in them{again}"
        return [unknown("contamination", TABLE, reason, CONTAMINATED, measurable=measurable)]
    share = origins.alerted / origins.judged
    reason = f"{100 * share:.1f} % of the rows are from windows in which an alert stood"
    if origins.judged < origins.rows:
        left = 100 * (1 - origins.judged / origins.rows)
        reason = (
            f"{100 * share:.1f} % of the rows that were judged are from windows in which an alert "
            f"stood; {left:.0f} % were not judged"
        )
    found: Verdict = "blocked" if share > CONTAMINATED else "passed"
    checks = [Check("contamination", TABLE, found, reason, share, CONTAMINATED)]
    if found == "passed" and origins.judged < enough:
        told = f"{reason}{again}"
        checks = [unknown("contamination", TABLE, told, CONTAMINATED, measurable=measurable)]
    return checks + [_left_out(one, columns or {}) for one in without or ()]


def _again(origins: Origins) -> str:
    if origins.due > origins.lost:
        return "; judge them first, if that is still to come: `sparkdrift drift SPEC`"
    why = "they were pruned, or what was in force for them was erased"
    return f"; they can't be judged any more: {why}"


def _left_out(one: Gap, columns: Mapping[str, Column]) -> Check:
    """A column of the version, held against what it is without those rows."""
    lost = [share for share in one.missing if share.material]
    if lost:
        reason = "; ".join(f"{100 * share.delta:+.1f} points of {share.what}" for share in lost)
        reason = f"changes by {reason} without these rows"
        worst = max(lost, key=lambda share: abs(share.delta))
        delta = abs(worst.delta)
        return Check("contamination", one.column, "blocked", reason, delta, worst.limit)
    if one.d is None:
        valued = one.column in columns and columns[one.column].valued
        beyond = [share for share in (one.new, one.outside) if share is not None]
        if one.reason is None and valued and beyond and not any(beyond):
            reason = "has one value, with these rows and without"
            return Check("contamination", one.column, "passed", reason, 0.0)
        why = "can't be compared with what it is without these rows"
        why += f": {one.reason}" if one.reason else ""
        return unknown("contamination", one.column, why, measurable=valued)
    reason = f"moves by {one.effect or 0.0:.2f} sd (D {one.d:.4f}) without these rows"
    moved: Verdict = "blocked" if one.material else "passed"
    return Check("contamination", one.column, moved, reason, one.d)


@dataclass(frozen=True)
class Overlap:
    """Keys of an evaluation set that training data have as well: `share`, between low and high.

    other: the reference of the other role, and its version, that the candidate was held against;
    None where nothing was read of it. keys: estimated number of keys of the evaluation set. exact:
    whether every key was looked at; else low and high are a 95 % interval. reason: why share is
    None.
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
    if worst is None or worst.share is None or (missing and worst.share <= limit):
        other = "training" if role == "evaluation" else "evaluation"
        why = missing[0].reason if missing else f"no reference of the role {other} is in force"
        return [unknown("overlap", TABLE, why, limit, measurable=bool(missing))]
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
    held: Verdict = "blocked" if worst.share > limit else "passed"
    return [Check("overlap", TABLE, held, told, worst.share, limit, worst.version)]


def labels(role: str, rows: int | None, labelled: int | None, reason: str = "") -> list[Check]:
    """Share of rows with a label. Only roles that need labels are blocked by too few, or where
    they could not be counted.

    rows None: not measured, for `reason`.
    """
    if rows is None or labelled is None or not rows:
        needed = role in NEEDS_LABELS
        return [unknown("labels", TABLE, reason or "no rows", LABELLED, measurable=needed)]
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
    model, is in part the present model's own doing. So does what is not known, as the spec asks for
    it: where it was not counted, for `reason`, where it is known of fewer than half of the rows,
    and where it is not known of all and the limit lies within the interval.
    """
    if reason is not None or not known:
        why = reason or "of none of its rows it is known whether the model shaped it"
        return [unknown("shaped", TABLE, why, limit, measurable=True)]
    share, low, high = (float(part) for part in wilson(influenced, known))
    told = (
        f"{100 * share:.1f} % of the rows were shaped by the model itself (95 % interval "
        f"{100 * low:.1f} to {100 * high:.1f} %, limit {100 * limit:g} %)"
    )
    if known < rows:
        told += f"; of {100 * (1 - known / rows):.1f} % it is not known"
    if share > limit:
        return [Check("shaped", TABLE, "blocked", told, share, limit)]
    if known < JUDGED * rows or (known < rows and high > limit):
        return [unknown("shaped", TABLE, told, limit, measurable=True)]
    return [Check("shaped", TABLE, "passed", told, share, limit)]

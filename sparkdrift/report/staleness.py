"""How stale the training data of a model is, as lines: age, what it never saw, distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sparkdrift.report.plain import day, named, share

LISTED = ("column", "status", "distance", "95 %", "outside", "material since", "reason")
ALL = ":all"
FREEZE = (
    "freeze one (`sparkdrift snapshot SPEC --role training --table TABLE`), "
    "then `sparkdrift run SPEC`"
)
"""What to do where there is no training reference."""
OLD_DAYS = 180
"""From this age on training data is called old; the limit is the project's own."""


def summary(rows: Sequence[Mapping[str, Any]], zone: str) -> list[str]:
    """What the row ':all' says, one line each; what is not known is said to be not known."""
    whole = next(row for row in rows if row["column_name"] == ALL)
    window = f"the window of {day(whole['window_start'], zone)}"
    if not whole["reference_version"]:
        return [f"no training reference was in force for {window}: not measured; {FREEZE}"]
    version = whole["reference_version"]
    lines = [
        f"training reference version {version}, held against {window}: {whole['status']}",
        *(_age(whole, zone), _outside(whole), _distance(whole), _since(whole, zone)),
    ]
    if whole["reason"]:
        lines.append(whole["reason"])
    return lines


def _age(whole: Mapping[str, Any], zone: str) -> str:
    if whole["age_days"] is None:
        return "age: not known: the training data has no event time"
    old = f": older than {OLD_DAYS} days" if whole["age_days"] > OLD_DAYS else ""
    newest = day(whole["newest_event"], zone)
    return f"age: {whole['age_days']:.0f} days, newest training event {newest}{old}"


def _outside(whole: Mapping[str, Any]) -> str:
    if whole["outside_share"] is None:
        return "outside the training support: not measured"
    return f"outside the training support: {share(whole['outside_share'])} of the rows or more"


def _distance(whole: Mapping[str, Any]) -> str:
    if whole["effect"] is None:
        return "distance: not measured"
    return (
        f"distance: {whole['effect']:.2f} sd in {whole['widest']}, {whole['mean_effect']:.2f} sd "
        f"on average over {named(whole['measured'], 'column')}"
    )


def _since(whole: Mapping[str, Any], zone: str) -> str:
    if whole["first_material"] is None:
        known = whole["effect"] is not None
        return "material: in no window so far" if known else "material: not measured in this window"
    return f"material: for the first time {day(whole['first_material'], zone)}"


def staleness_lines(rows: Sequence[Mapping[str, Any]], zone: str) -> list[list[Any]]:
    """The features as cells of LISTED."""
    return [_line(row, zone) for row in rows if row["column_name"] != ALL]


def _line(row: Mapping[str, Any], zone: str) -> list[Any]:
    low, high = row["effect_low"], row["effect_high"]
    return [
        row["column_name"],
        row["status"],
        "" if row["effect"] is None else f"{row['effect']:.2f} sd",
        "" if low is None or high is None else f"{low:.2f} to {high:.2f}",
        "" if row["outside_share"] is None else share(row["outside_share"]),
        "" if row["first_material"] is None else day(row["first_material"], zone),
        row["reason"] or "",
    ]

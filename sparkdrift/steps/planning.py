"""What is due, with windows and rows, step by step; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sparkdrift.report.plain import day, lost, named
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options

_MOST_INTERVALS = 5


@dataclass(frozen=True)
class Planned:
    """lines: one per step that is asked for, in words. facts: counts by step. remarks: what of the
    spec can't be measured."""

    lines: tuple[str, ...]
    facts: dict[str, Any]
    remarks: tuple[str, ...]


def planned(context: Context, spec: MonitorSpec, options: Options, steps: Sequence[str]) -> Planned:
    """What `steps` would do now: profile, snapshot, drift, eval, operations, features."""
    facts: dict[str, Any] = {}
    lines: list[str] = []
    remarks: Sequence[str] = ()
    if "profile" in steps:
        text, remarks = _profile(context, spec, options, facts)
        lines.append(text)
    if "snapshot" in steps:
        lines.append(_snapshot(context, spec, facts))
    if "drift" in steps:
        lines.append(_drift(context, spec, options, facts))
        lines += _assumptions(context, spec, options, facts)
    if "eval" in steps:
        lines += _evaluation(context, spec, options, facts, alone=list(steps) == ["eval"])
    if "operations" in steps:
        lines += _operations(context, spec, options, facts, alone=list(steps) == ["operations"])
    if "features" in steps:
        lines += _features(context, spec, options, facts, alone=list(steps) == ["features"])
    return Planned(tuple(lines), facts, tuple(remarks))


def _profile(
    context: Context, spec: MonitorSpec, options: Options, facts: dict[str, Any]
) -> tuple[str, Sequence[str]]:
    """(what is due, what is to be said of the spec)."""
    from sparkdrift.steps.profile import plan_profile
    from sparkdrift.windows import contiguous

    found = plan_profile(context, spec, options)
    zone = spec.timestamp.zone
    intervals = contiguous(one.window for one in found.due)
    facts["profile"] = {
        "windows": len(found.due),
        "rows": found.rows,
        "intervals": [{"begin": one.start, "end": one.end} for one in intervals],
        "windows_vanished": len(found.vanished),
        "windows_open": found.open_windows,
        "as_of": found.as_of,
        "reason": found.reason,
    }
    text = f"profile   {named(len(found.due), 'window')} of a {spec.windows.grain}"
    if found.due:
        shown = ", ".join(
            f"{day(one.start, zone)} to {day(one.end, zone)}" for one in intervals[:_MOST_INTERVALS]
        )
        more = len(intervals) - _MOST_INTERVALS
        text += f", about {found.rows:,} rows: {shown}{f' and {more} more' if more > 0 else ''}"
    if found.vanished:
        text += f"; {lost(len(found.vanished))}"
    if found.open_windows:
        text += f"; {named(found.open_windows, 'window')} still open"
    return f"{text} ({found.reason})" if found.reason else text, found.remarks


def _snapshot(context: Context, spec: MonitorSpec, facts: dict[str, Any]) -> str:
    from sparkdrift.steps.snapshot import due_reference

    reference = spec.reference
    found = due_reference(context, spec)
    version = found.stored.own.newest.version if found.stored.own.newest else 0
    facts["snapshot"] = {
        "name": reference.name if reference else None,
        "versions": version,
        "due": found.make and not found.missing,
        "missing": found.missing,
    }
    if reference is None:
        return "snapshot  none: the spec has no reference section"
    if not found.make:
        then = ", to be put in force" if found.waits else " exists"
        held = found.found.version if found.found else version
        return f"snapshot  version {held} of {reference.name}{then}"
    where = (
        reference.table
        or reference.path
        or f"{reference.begin:%Y-%m-%d %H:%M} to {reference.end:%Y-%m-%d %H:%M}"
    )
    which = f"version {version + 1}" if version else "the first version"
    text = f"snapshot  {which} of {reference.name}, from {where}"
    # What is to be profiled first may be just what is missing.
    return f"{text}; by what is stored now, not yet: {found.missing}" if found.missing else text


def _drift(context: Context, spec: MonitorSpec, options: Options, facts: dict[str, Any]) -> str:
    from sparkdrift.steps.drift import due_windows

    stored = due_windows(context, spec, options)
    new = facts.get("profile", {}).get("windows", 0)
    facts["drift"] = {"windows_stored": stored, "windows_to_be_profiled": new}
    text = f"drift     {named(stored, 'stored window')} without a verdict that is up to date"
    return f"{text}, then the {named(new, 'window')} to be profiled" if new else text


def _assumptions(
    context: Context, spec: MonitorSpec, options: Options, facts: dict[str, Any]
) -> list[str]:
    from sparkdrift.steps.assumptions import asked_for, due_windows

    if not asked_for(spec):
        return []
    stored = due_windows(context, spec, options)
    facts["assumptions"] = {"windows_stored": stored}
    return [f"assumptions  {named(stored, 'stored window')} whose checks are not up to date"]


def _operations(
    context: Context, spec: MonitorSpec, options: Options, facts: dict[str, Any], *, alone: bool
) -> list[str]:
    from sparkdrift.steps.operations import due_windows

    if not spec.operations:
        return ["operations  nothing: the spec has no section `operations`"] if alone else []
    stored = due_windows(context, spec, options)
    facts["operations"] = {"windows_stored": stored}
    return [f"operations  {named(stored, 'stored window')} not told as they are now"]


def _evaluation(
    context: Context, spec: MonitorSpec, options: Options, facts: dict[str, Any], *, alone: bool
) -> list[str]:
    from sparkdrift.steps.evaluate import asked_for, plan_evaluation

    if not asked_for(spec):
        return ["eval      nothing: the spec has no section `evaluation`"] if alone else []
    sets, due = plan_evaluation(context, spec, options)
    facts["eval"] = {"evaluation_sets": list(sets), "windows": due}
    text = f"eval      {named(due, 'window')} whose scores are not counted as they are now"
    return [f"{text}; evaluation sets to freeze: {', '.join(sets)}" if sets else text]


def _features(
    context: Context, spec: MonitorSpec, options: Options, facts: dict[str, Any], *, alone: bool
) -> list[str]:
    from sparkdrift.steps.feature_debt import due_windows

    if not spec.has_feature_debt:
        reason = "the spec has no section `evaluation`, `importance` or `feature_debt`"
        return [f"features  nothing: {reason}"] if alone else []
    due = due_windows(context, spec, options)
    facts["features"] = {"windows": due}
    return [f"features  {named(due, 'stored window')} whose debt of features is not up to date"]

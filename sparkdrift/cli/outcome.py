"""What a run did, in words and as facts for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparkdrift.cli.evaluated import evaluated_anything, evaluated_facts, evaluated_text
from sparkdrift.report.plain import lost, named

if TYPE_CHECKING:
    from sparkdrift.spark.findings import Findings
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.assumptions import Checked
    from sparkdrift.steps.run import Outcome


def told(done: Outcome) -> str:
    judged = done.judged.windows or done.checked.windows or done.judged.beside
    others = evaluated_anything(done.evaluated) or bool(done.assessed.windows)
    if not (done.profiled.due or done.profiled.vanished or done.reference or judged or others):
        return f"nothing is due ({done.profiled.reason or 'every window is up to date'})"
    parts = [f"{named(len(done.profiled.due), 'window')} profiled, {done.profiled.rows:,} rows"]
    if done.profiled.vanished:
        parts.append(lost(len(done.profiled.vanished)))
    if done.reference is not None:
        what = "frozen as a candidate, which the gate blocks" if done.blocked else "frozen"
        parts.append(f"reference version {done.reference.version} {what}")
    parts.append(f"{named(len(done.judged.windows), 'window')} judged{listed(done.findings)}")
    if done.judged.beside:
        parts.append(f"{named(done.judged.beside, 'window')} judged by the present reference too")
    return "; ".join(parts) + held(done.checked) + _evaluated(done) + _assessed(done)


def verdict_told(done: Outcome, spec: MonitorSpec) -> str:
    """The verdict in a line of its own; nothing where nothing is stored yet."""
    from sparkdrift.report.health import verdict_line

    standing = done.health.standing
    return "" if standing is None else f"\n  {verdict_line(standing, spec.timestamp.zone)}"


def _evaluated(done: Outcome) -> str:
    """What was evaluated and told; nothing where the spec has nothing to evaluate by."""
    text = ""
    if done.evaluated.performed.windows is not None:
        text += f"; {evaluated_text(done.evaluated)}"
    operated = done.evaluated.operated.windows
    if operated is not None:
        text += f"; operations of {named(len(operated), 'window')} told"
    return text


def _assessed(done: Outcome) -> str:
    """Windows whose debt of features was told; nothing where nothing is asked for."""
    windows = done.assessed.windows
    return "" if windows is None else f"; debt of features in {named(len(windows), 'window')}"


def held(checked: Checked) -> str:
    """How many windows were held against what is assumed of them; nothing without assumptions."""
    windows = checked.windows
    if windows is None:
        return ""
    told = f" (checks: {checked.violated:,} violated)" if windows else ""
    return f"; assumptions checked in {named(len(windows), 'window')}{told}"


def count(checked: Checked) -> int | None:
    return None if checked.windows is None else len(checked.windows)


def violated(checked: Checked) -> int | None:
    """Not measured where no window was checked, rather than none."""
    return checked.violated if checked.windows else None


def facts(done: Outcome) -> dict[str, object]:
    return {
        "windows_profiled": len(done.profiled.due),
        "windows_vanished": len(done.profiled.vanished),
        "rows": done.profiled.rows,
        "reason": done.profiled.reason,
        "reference_version": done.reference.version if done.reference else None,
        "reference_blocked": list(done.blocked),
        "windows_judged": len(done.judged.windows),
        "windows_recomputed": done.judged.beside,
        "windows_checked": count(done.checked),
        "assumptions_violated": violated(done.checked),
        "evaluation": evaluated_facts(done.evaluated),
        "windows_assessed": None if done.assessed.windows is None else len(done.assessed.windows),
        **counts(done.findings),
    }


def counts(found: Findings) -> dict[str, object]:
    return {"statuses": dict(found.statuses), "suppressed": dict(found.suppressed)}


def listed(found: Findings) -> str:
    """What was found, in comparisons: each window has one per column, slice and reference."""
    counted = [f"{count:,} {status}" for status, count in sorted(found.statuses.items())]
    spared = sum(found.suppressed.get(status, 0) for status in ("drifted", "warning"))
    told = f" (comparisons: {', '.join(counted)}" if counted else ""
    if told and spared:
        told += f"; {spared:,} of the drifted and warning ones suppressed"
    return f"{told})" if told else ""

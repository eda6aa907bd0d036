"""What the step `eval` did, in a line and as facts: for `eval` itself, and for `run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparkdrift.report.plain import named

if TYPE_CHECKING:
    from sparkdrift.steps.evaluate import Evaluated


def evaluated_text(done: Evaluated) -> str:
    """One line on what was done."""
    parts = []
    if done.sets.made:
        parts.append(f"{named(len(done.sets.made), 'evaluation set')} frozen")
    parts.append(f"{named(len(done.counted.windows), 'window')} counted")
    measured = done.performed.windows or ()
    text = f"{named(len(measured), 'window')} measured"
    if done.performed.degraded or done.performed.concept_drift:
        text += (
            f" (rows: {done.performed.degraded:,} degraded, "
            f"{done.performed.concept_drift:,} concept drift)"
        )
    parts.append(text)
    parts.append(f"staleness told of {named(len(done.stale.windows or ()), 'window')}")
    return "; ".join(parts)


def evaluated_remarks(done: Evaluated) -> tuple[str, ...]:
    """What the reader should know: sets that could not be frozen, rows that were left out."""
    lacking = (f"evaluation set {name}: {why}" for name, why in done.sets.missing.items())
    return (*lacking, *done.counted.remarks)


def evaluated_facts(done: Evaluated) -> dict[str, Any]:
    """The same for --json; None: the spec has nothing to evaluate by."""
    measured, operated = done.performed.windows, done.operated.windows
    return {
        "evaluation_sets_frozen": sorted(done.sets.made),
        "evaluation_sets_missing": dict(done.sets.missing),
        "windows_counted": len(done.counted.windows),
        "windows_measured": None if measured is None else len(measured),
        "windows_degraded": None if measured is None else done.performed.degraded,
        "concept_drift": None if measured is None else done.performed.concept_drift,
        "windows_operations_told": None if operated is None else len(operated),
        "windows_stale_told": None if done.stale.windows is None else len(done.stale.windows),
    }


def evaluated_anything(done: Evaluated) -> bool:
    """Whether anything was due."""
    measured = (done.performed.windows, done.stale.windows, done.operated.windows)
    windows = (done.counted.windows, *measured)
    return bool(done.sets.made) or any(windows) or done.stale.told > 0

"""What the step `eval` did, in a line, as facts, and by `--fail-on`: for `eval`, and for `run`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sparkdrift.report.plain import named

if TYPE_CHECKING:
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context
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
    return (*lacking, *done.sets.remarks, *done.counted.remarks)


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


def found_by(
    context: Context,
    spec: MonitorSpec,
    done: Evaluated,
    staleness: Sequence[Any],
    asked: Sequence[str],
) -> str | None:
    """What `asked` names and is so, in words; staleness: rows of the newest window."""
    from sparkdrift.spark.evaluation_overview import degraded_of

    found = []
    if "degraded" in asked:
        windows = done.performed.windows or ()
        rows = degraded_of(context.spark, context.store, spec, windows)
        if rows:
            found.append(_degraded_text(rows))
    if "stale" in asked:
        stale = [r for r in staleness if r["status"] in ("warning", "drifted")]
        if stale:
            found.append(f"stale: {', '.join(dict.fromkeys(r['figure'] for r in stale))}")
    if "blind" in asked:
        blind = [r for r in staleness if r["figure"] == "blind_spot" and r["status"] == "red"]
        found += [f"the dashboard is blind ({r['evaluation_set']})" for r in blind]
    return "; ".join(found) or None


def _degraded_text(rows: Sequence[Any]) -> str:
    """How many windows are degraded, and in how many of them no label has confirmed it."""
    from sparkdrift.explain.signals import WHOLE
    from sparkdrift.report.facts import slice_name

    every = {row["window_start"] for row in rows}
    shown = {row["window_start"] for row in rows if row["basis"] == "realised"}
    text = f"degraded in {named(len(every), 'window')}"
    if all(row["slice_key"] != WHOLE for row in rows):
        slices = list(dict.fromkeys(map(slice_name, rows)))
        text += f" of slices alone: {', '.join(slices[:3])}"
        text += f" and {len(slices) - 3} more" if len(slices) > 3 else ""
    only = len(every - shown)
    return f"{text}, {only} of them by an estimate alone" if only else text

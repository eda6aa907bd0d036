"""From how many rows on a window can be *ok*, told of a spec before anything is profiled."""

from __future__ import annotations

import math
from collections.abc import Sized
from dataclasses import dataclass

from sparkdrift.explain.signals import BETWEEN_WINDOWS
from sparkdrift.measures.own_windows import LEAST_WINDOWS
from sparkdrift.measures.sample_size import rows_needed
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import Window, local_instant, windows_meeting


@dataclass(frozen=True)
class Sizes:
    """Rows that a window needs at least; infinite: no number of rows is enough, see `rows_needed`.

    feature: of a feature with as many bins as `drift.bins`. inputs: for all inputs together; None
    where they are not judged so, or `lacking` says why they can't be.
    """

    feature: float
    inputs: float | None = None
    lacking: str = ""


def sizes_of(spec: MonitorSpec, inputs: Sized) -> Sizes:
    """What a window needs for a shift of `drift.effect_size`, by the spec alone.

    inputs: the features that can be profiled. Reference windows are taken to have as
    many rows as others, rows of another table to be many more; limits of single features
    (`drift.overrides`) are not looked at.
    """
    drift, windows = spec.drift, _reference_windows(spec)
    k = spec.sketch.k
    own = k if math.isfinite(windows) else spec.sketch.reference_k
    needed = [rows_needed(drift.effect_size, drift.bins, (k, own), windows)]
    if any(one in BETWEEN_WINDOWS for one in drift.comparisons):
        # An earlier window has no more rows than this one.
        needed.append(rows_needed(drift.effect_size, drift.bins, (k, k), 1))
    if not drift.multivariate or len(inputs) < 2:
        return Sizes(max(needed))
    if not LEAST_WINDOWS <= windows < math.inf:
        held = f"has {windows} windows" if math.isfinite(windows) else "is of rows without windows"
        return Sizes(max(needed), lacking=f"the reference {held}, and {LEAST_WINDOWS} are needed")
    together = rows_needed(drift.effect_size, drift.bins, (k, own), windows, len(inputs))
    return Sizes(max(needed), together)


def _reference_windows(spec: MonitorSpec) -> float:
    """How many windows the reference has by its dates; infinite for rows of another table."""
    reference = spec.reference
    if reference is None or reference.begin is None or reference.end is None:
        return math.inf
    zone = spec.timestamp.zone
    begin, end = local_instant(reference.begin, zone), local_instant(reference.end, zone)
    return len(list(windows_meeting(Window(begin, end), spec.windows.grain, zone)))


def sizes_lines(sizes: Sizes, spec: MonitorSpec) -> list[str]:
    """The same in words."""
    shift = f"a shift of {spec.drift.effect_size:g} sd"
    sketch = f"sketches of k = {spec.sketch.k}"
    if not math.isfinite(sizes.feature):
        instead = "no window is ever ok: raise sketch.k or drift.effect_size"
        return [f"rows: {shift} is less than {sketch} tell, so {instead}"]
    needed = f"rows: to find {shift} a window, or a slice of it, needs at least "
    needed += f"{_about(sizes.feature)} of a feature with {spec.drift.bins} bins"
    if sizes.inputs is not None and math.isfinite(sizes.inputs):
        needed += f", and {_about(sizes.inputs)} for all inputs together"
    elif sizes.inputs is not None:
        needed += f"; all inputs together are never ok by {sketch}"
    told = [needed, "  with fewer it is never ok; where windows vary, it may take twice as many"]
    if sizes.lacking:
        why = f"{sizes.lacking}; else say drift.multivariate: false"
        told.append(f"  all inputs together can't be judged: {why}")
    return told


def sizes_facts(sizes: Sizes) -> dict[str, float | str | None]:
    """The same for programs: rounded up; None: no number of rows is enough, or it is not judged."""
    told: dict[str, float | str | None] = {
        name: None if rows is None or math.isinf(rows) else math.ceil(rows)
        for name, rows in (("feature", sizes.feature), ("inputs", sizes.inputs))
    }
    return told | ({"lacking": sizes.lacking} if sizes.lacking else {})


def _about(rows: float) -> str:
    return f"{float(f'{rows:.2g}'):,.0f} rows"

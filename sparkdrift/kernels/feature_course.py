"""The debt of features of the model as a whole, window by window, and how it compounds.

Plain numbers of each window in, rows out; what a window has is computed from it and the windows
before it. A course is told over the last LOOK windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sparkdrift.kernels.feature_rows import (
    DRIFTED,
    INSUFFICIENT,
    MODEL,
    NO_REFERENCE,
    OK,
    UNDETERMINED,
    WARNING,
    FeaturePolicy,
    FeatureRow,
    judged_share,
)
from sparkdrift.measures import trend as courses
from sparkdrift.measures.intervals import Z
from sparkdrift.measures.series import LEAST_WINDOWS, NotMeasured

LOOK = 30
"""How many windows a course is told over."""
CONCENTRATION, CONCENTRATION_CHANGE = "concentration", "concentration_change"
DRIFTED_IMPORTANCE, CLIFF_RISK = "drifted_importance", "cliff_risk"
ON_CONCENTRATION = "drift_on_concentration"
OF_MODEL = (
    CONCENTRATION,
    CONCENTRATION_CHANGE,
    DRIFTED_IMPORTANCE,
    CLIFF_RISK,
    ON_CONCENTRATION,
)
COURSES: Mapping[str, str] = {
    DRIFTED_IMPORTANCE: "drifted_importance",
    CONCENTRATION: "concentration",
    "dead_features": "features that say nothing",
    "moved_associations": "features whose association with the label changed",
    "feedback": "the share of rows that the model shaped",
}
"""What has a course, by the debt: in words."""
OF_COURSES = tuple(f"{name}_{kind}" for name in COURSES for kind in ("trend", "acceleration"))
_LEVEL = 0.05
_HEURISTIC = "a heuristic: drifted importance x max(1 - ESS ratio, thin share)"


@dataclass(frozen=True)
class ModelWindow:
    """What is known of a model in one window; NaN where it was not measured.

    concentration, error: H and its standard error, NaN where importances are declared. drifted,
    unmeasured: shares of importance on features that alert, and on those that were not judged;
    on: the first, by name, the largest first. grown: the part of `drifted` on features on which
    importance grew, with their names. ess_ratio, thin: of the evaluation set that fits least.
    reason: why there are no importances. dead, moved: features that say nothing, and whose
    association with the label changed. shaped: share of rows that the model shaped.
    """

    concentration: float = np.nan
    error: float = np.nan
    drifted: float = np.nan
    unmeasured: float = np.nan
    on: tuple[str, ...] = ()
    grown: float = np.nan
    grown_on: tuple[str, ...] = ()
    ess_ratio: float = np.nan
    thin: float = np.nan
    reason: str = ""
    dead: float = np.nan
    moved: float = np.nan
    shaped: float = np.nan


@dataclass(frozen=True)
class Before:
    """The concentration to compare with: its mean over windows, their sd, and what they are;
    told: why there is none."""

    mean: float = np.nan
    sd: float = np.nan
    windows: int = 0
    words: str = ""
    lacking: str = ""


def model_rows(now: ModelWindow, before: Before, policy: FeaturePolicy) -> list[FeatureRow]:
    """The figures OF_MODEL of one window."""
    if np.isnan(now.concentration):
        reason = now.reason or "no importances are known"
        return [FeatureRow(figure, MODEL, INSUFFICIENT, reason) for figure in OF_MODEL]
    return [
        _concentration(now),
        _concentration_change(now, before, policy.concentration),
        _drifted(now, policy.drifted_importance),
        _cliff(now, policy.cliff_risk),
        _on_concentration(now),
    ]


def _concentration(now: ModelWindow) -> FeatureRow:
    low, high = now.concentration - Z * now.error, now.concentration + Z * now.error
    if not np.isnan(low):
        low, high = max(0.0, low), min(1.0, high)
    reason = f"as of {1 / now.concentration:.1f} features of equal importance"
    return FeatureRow(CONCENTRATION, MODEL, None, reason, now.concentration, low, high, unit="H")


def _concentration_change(now: ModelWindow, before: Before, limit: float) -> FeatureRow:
    if np.isnan(before.mean):
        lacking = before.lacking or "no earlier importances are known"
        return FeatureRow(CONCENTRATION_CHANGE, MODEL, NO_REFERENCE, lacking, limit=limit, unit="H")
    value = now.concentration - before.mean
    told = f"{now.concentration:.3f}, {before.mean:.3f} {before.words}"
    # One window varies as those of the reference did, or as its own rows allow.
    spread = np.fmax(now.error, before.sd if before.windows >= 3 else np.nan)
    if np.isnan(spread):
        status = WARNING if abs(value) > limit else OK
        told += "; without an interval: importances come without an error"
        return FeatureRow(CONCENTRATION_CHANGE, MODEL, status, told, value, limit=limit, unit="H")
    error = float(spread * np.sqrt(1 + 1 / max(before.windows, 1)))
    low, high = value - Z * error, value + Z * error
    if low > limit or high < -limit:
        status = WARNING
    else:
        status = OK if -limit <= low and high <= limit else UNDETERMINED
    return FeatureRow(CONCENTRATION_CHANGE, MODEL, status, told, value, low, high, limit, "H")


def _drifted(now: ModelWindow, limit: float) -> FeatureRow:
    """What was not judged may have drifted or not: an interval without chance in it."""
    if np.isnan(now.drifted) or now.unmeasured >= 1:
        reason = "no feature that counts was judged in this window"
        return FeatureRow(DRIFTED_IMPORTANCE, MODEL, INSUFFICIENT, reason, limit=limit)
    high = min(1.0, now.drifted + max(now.unmeasured, 0.0))
    status = judged_share(now.drifted, now.drifted, high, limit)
    told = f"on {', '.join(now.on)}" if now.on else "no feature that counts alerts"
    if now.unmeasured > 0:
        told += f"; {now.unmeasured:.0%} of importance is on features that were not judged"
    return FeatureRow(
        DRIFTED_IMPORTANCE, MODEL, status, told, now.drifted, now.drifted, high, limit
    )


def _cliff(now: ModelWindow, limit: float) -> FeatureRow:
    parts = np.array([1 - now.ess_ratio, now.thin])
    if np.isnan(parts).all() or np.isnan(now.drifted) or now.unmeasured >= 1:
        reason = f"{_HEURISTIC}; neither is known of an evaluation set in this window"
        return FeatureRow(CLIFF_RISK, MODEL, INSUFFICIENT, reason, limit=limit)
    beyond = float(np.clip(np.nanmax(parts), 0.0, 1.0))
    value, high = now.drifted * beyond, min(1.0, now.drifted + now.unmeasured) * beyond
    told = f"{_HEURISTIC} = {now.drifted:.2f} x {beyond:.2f}"
    if np.isnan(parts).any():
        told += f"; the {'ESS ratio' if np.isnan(parts[0]) else 'thin share'} is not known"
    status = judged_share(value, value, high, limit)
    return FeatureRow(CLIFF_RISK, MODEL, status, told, value, value, high, limit)


def _on_concentration(now: ModelWindow) -> FeatureRow:
    if np.isnan(now.grown):
        reason = "importances are the same for all windows, or nothing earlier is known"
        return FeatureRow(ON_CONCENTRATION, MODEL, INSUFFICIENT, reason)
    if now.grown > 0:
        told = f"importance has concentrated on {', '.join(now.grown_on)}, which drifted as well: "
        told += "more of the score rests on what is no longer what it was"
        return FeatureRow(ON_CONCENTRATION, MODEL, DRIFTED, told, now.grown)
    if now.unmeasured > 0:
        reason = "no such feature among those that were judged"
        return FeatureRow(ON_CONCENTRATION, MODEL, UNDETERMINED, reason, 0.0)
    reason = "no feature that drifted has gained importance"
    return FeatureRow(ON_CONCENTRATION, MODEL, OK, reason, 0.0)


def course_rows(windows: Sequence[ModelWindow]) -> list[FeatureRow]:
    """Trend and acceleration of each debt at the last of `windows`, in time order with no gaps.

    A rising debt warns where Mann-Kendall's p is below 5 % and the slope's interval is above 0; an
    acceleration where its own interval is. ok only of one that was measured.
    """
    last = windows[-LOOK:]
    series = {
        DRIFTED_IMPORTANCE: [one.drifted for one in last],
        CONCENTRATION: [one.concentration for one in last],
        "dead_features": [one.dead for one in last],
        "moved_associations": [one.moved for one in last],
        "feedback": [one.shaped for one in last],
    }
    return [row for name, values in series.items() for row in _course(name, values)]


def _course(name: str, values: Sequence[float]) -> list[FeatureRow]:
    known, unit = np.array(values), "per window"
    trend, speed = f"{name}_trend", f"{name}_acceleration"
    finite = known[np.isfinite(known)]
    if len(finite) and (finite == finite[0]).all() and len(finite) >= LEAST_WINDOWS:
        told = f"{COURSES[name]}: {finite[0]:.4g} in all {len(finite)} windows"
        return [
            FeatureRow(one, MODEL, OK, told, 0.0, 0.0, 0.0, unit=unit) for one in (trend, speed)
        ]
    found = courses.trend(known)
    if isinstance(found, NotMeasured):
        return [
            FeatureRow(one, MODEL, INSUFFICIENT, f"{COURSES[name]}: {found.reason}", unit=unit)
            for one in (trend, speed)
        ]
    rising = found.p_value < _LEVEL and found.slope_low > 0
    told = f"{COURSES[name]}: {found.windows} windows, tau {found.tau:+.2f}, p {found.p_value:.2g}"
    quickening = found.acceleration_low > 0
    return [
        FeatureRow(
            trend,
            MODEL,
            WARNING if rising else OK,
            told,
            found.slope,
            found.slope_low,
            found.slope_high,
            unit=unit,
        ),
        FeatureRow(
            speed,
            MODEL,
            WARNING if quickening else OK,
            f"{COURSES[name]}: slope of the second half less that of the first",
            found.acceleration,
            found.acceleration_low,
            found.acceleration_high,
            unit=unit,
        ),
    ]

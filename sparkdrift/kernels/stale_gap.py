"""How far production is from the evaluation set, feature by feature: read from rows of `drift`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sparkdrift.kernels.stale_rows import (
    ALL,
    DRIFTED,
    INSUFFICIENT,
    OK,
    UNDETERMINED,
    WARNING,
    Gap,
    Stale,
    StalePolicy,
    WindowState,
    above,
    judged,
    percent,
    unmeasured,
)
from sparkdrift.measures.arrays import floats
from sparkdrift.measures.intervals import Figure, wilson

_NAMED = 3
_NOT_COMPARED = (
    "the window was not held against this version of the set: `sparkdrift drift SPEC` does it"
)


def gaps(policy: StalePolicy, window: WindowState) -> Iterator[Stale]:
    """gap_max, gap_mean and outside, over the inputs and the score."""
    rows = [one for one in window.gaps if _counts(one, policy)]
    if not rows:
        for figure, limit, unit in (
            ("gap_max", policy.effect, "sd"),
            ("gap_mean", policy.effect, "sd"),
            ("outside", policy.outside, "share"),
        ):
            yield unmeasured(figure, ALL, _NOT_COMPARED, threshold=limit, unit=unit)
        return
    yield _largest(policy, rows)
    yield _mean(policy, rows)
    yield _outside(policy, rows)


def _counts(one: Gap, policy: StalePolicy) -> bool:
    return not one.column.startswith((":", "metric:")) and one.column not in policy.left_out


def _largest(policy: StalePolicy, rows: Sequence[Gap]) -> Stale:
    """The largest effect; its status is the gravest that any feature's row has."""
    known = sorted((one for one in rows if np.isfinite(one.effect)), key=lambda one: -one.effect)
    grave = [one for one in rows if one.status == DRIFTED] or [
        one for one in rows if one.status == WARNING
    ]
    blind = [one for one in rows if one.status not in (OK, WARNING, DRIFTED)]
    if grave:
        status, text = grave[0].status, _named(grave)
        text = f"{text} {'have' if len(grave) > 1 else 'has'} moved from the evaluation set"
    elif blind:
        status = INSUFFICIENT if not known else UNDETERMINED
        text = f"{len(blind)} of {len(rows)} features without a verdict: {_why(blind)}"
    else:
        status, text = OK, f"none of {len(rows)} features has moved materially"
    if not known:
        return Stale("gap_max", ALL, status, text, threshold=policy.effect, unit="sd")
    most = known[0]
    limit = policy.thresholds_of(most.column)[0]
    if blind and grave:
        text += f"; {len(blind)} of {len(rows)} features without a verdict ({_named(blind)})"
    text += f"; largest distance: {most.column}, {most.effect:.2f} sd (limit {limit:g})"
    return Stale("gap_max", ALL, status, text, most.effect, most.low, most.high, limit, "sd")


def _named(rows: Sequence[Gap]) -> str:
    by_size = sorted(rows, key=lambda one: -np.nan_to_num(one.effect))
    told = ", ".join(one.column for one in by_size[:_NAMED])
    more = len(rows) - _NAMED
    return f"{told} and {more} more" if more > 0 else told


def _why(rows: Sequence[Gap]) -> str:
    one = rows[0]
    return f"{one.column}: {one.reason or one.status}"


def _mean(policy: StalePolicy, rows: Sequence[Gap]) -> Stale:
    """Weighted by importance. Its interval is the mean of the features' own ends: as wide as it
    can be, whatever features have to do with each other."""
    known = [one for one in rows if np.isfinite([one.effect, one.low, one.high]).all()]
    weight = floats([one.importance for one in known])
    if not known or weight.sum() <= 0:
        reason = "no feature with importance above 0 has a distance"
        return unmeasured("gap_mean", ALL, reason, threshold=policy.effect, unit="sd")
    ends = floats([(one.effect, one.low, one.high) for one in known])
    found = Figure(*np.average(ends, axis=0, weights=weight))
    lacking = len(rows) - len(known)
    text = f"{found.value:.2f} sd on average over {len(known)} features, by importance"
    if lacking:
        text += f"; {lacking} not measured"
    value, low, high = (float(part) for part in found)
    text += f" ({low:.2f} to {high:.2f}; limit {policy.effect:g}, warns from {policy.warn:g})"
    if low > policy.effect:
        status = DRIFTED
    elif low > policy.warn:
        status = WARNING
    else:
        within = high <= policy.effect and value <= policy.warn
        status = OK if within and not lacking else UNDETERMINED
    for limit, what in ((policy.effect, "the limit"), (policy.warn, "what warns")):
        if low <= limit < high:
            text += f"; the interval holds {what}: these rows can't tell on which side it is"
            break
    return Stale("gap_mean", ALL, status, text, value, low, high, policy.effect, "sd")


def _outside(policy: StalePolicy, rows: Sequence[Gap]) -> Stale:
    """The largest share of any feature: of several the least that all of them can have."""
    known = [one for one in rows if np.isfinite(one.outside)]
    if not known:
        reason = "no feature says what is outside the evaluation set's range or categories"
        return unmeasured("outside", ALL, reason, threshold=policy.outside)
    most = max(known, key=lambda one: one.outside)
    found = wilson(most.outside * most.rows, most.rows)
    status = above(found, policy.outside)
    lacking = len(rows) - len(known)
    text = (
        f"{percent(most.outside)} of the rows have values of {most.column} that the evaluation "
        f"set does not know (limit {percent(policy.outside)})"
    )
    if lacking:
        text += f"; {lacking} of {len(rows)} features not measured"
        status = UNDETERMINED if status == OK else status
    return judged("outside", ALL, found, status, text, policy.outside)

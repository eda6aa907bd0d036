"""Whether the metric goes with the business outcome, and whether that link decays: two rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.kernels.stale_rows import (
    ALL,
    OK,
    UNDETERMINED,
    WARNING,
    Stale,
    between,
    unmeasured,
)
from sparkdrift.measures.evidence import LEAST_POWER
from sparkdrift.measures.outcome_link import LEAST_EFFECTIVE, Link, decay, link

LINK, DECAY = "outcome_link", "outcome_decay"
_UNIT = "correlation"


def without_outcome(reason: str, metric: str = ALL) -> list[Stale]:
    """Both rows where there is nothing to link."""
    return [unmeasured(name, metric, reason, threshold=0.0, unit=_UNIT) for name in (LINK, DECAY)]


def outcome_rows(metric: str, values: ArrayLike, outcome: ArrayLike, grain: str) -> list[Stale]:
    """The link of a metric's realised values (W,) with the outcome's (W,), in order of time.

    A link warns where its interval holds 0: whether it should be positive or negative is the
    outcome's matter. A decay warns where the second half's link has moved towards 0 beyond chance.
    """
    return [_link(metric, link(values, outcome), grain), _decay(metric, values, outcome, grain)]


def _link(metric: str, found: Link, grain: str) -> Stale:
    if np.isnan(found.r.value):
        return unmeasured(LINK, metric, _too_few(found, grain), threshold=0.0, unit=_UNIT)
    status = WARNING if found.r.low <= 0 <= found.r.high else OK
    text = (
        f"{metric} and the outcome correlate by {between(found.r, 'number')} over {found.windows} "
        f"{grain}s, worth {found.effective:.0f} independent ones"
    )
    if status == WARNING:
        text += ": that they go together is not shown"
    value, low, high = (float(part) for part in found.r)
    return Stale(LINK, metric, status, text, value, low, high, 0.0, _UNIT)


def _too_few(found: Link, grain: str) -> str:
    if np.isnan(found.effective):
        return f"{found.windows} {grain}s with metric and outcome, or one of them does not vary"
    return (
        f"{found.windows} {grain}s with metric and outcome are worth {found.effective:.1f} "
        f"independent ones, at least {LEAST_EFFECTIVE:.0f} needed"
    )


def _decay(metric: str, values: ArrayLike, outcome: ArrayLike, grain: str) -> Stale:
    found = decay(values, outcome)
    change = found.change
    if np.isnan(change.value):
        worst = min((found.first, found.second), key=lambda one: np.nan_to_num(one.effective))
        why = f"in each half of the windows: {_too_few(worst, grain)}"
        return unmeasured(DECAY, metric, why, threshold=0.0, unit=_UNIT)
    first, second = float(found.first.r.value), float(found.second.r.value)
    beyond = bool(change.high < 0 or change.low > 0)
    if beyond and np.sign(first) * (second - first) < 0:
        status = WARNING
    elif found.power >= LEAST_POWER:
        status = OK
    else:
        status = UNDETERMINED
    text = (
        f"{metric} and the outcome correlate by {first:.2f} in the first half and {second:.2f} in "
        f"the second: changed by {between(change, 'number')}"
    )
    if status == UNDETERMINED:
        text += "; too few windows to notice that the link is gone"
    value, low, high = (float(part) for part in change)
    return Stale(DECAY, metric, status, text, value, low, high, 0.0, _UNIT)

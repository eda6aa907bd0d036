"""Whether the metric goes with the business outcome, and whether that link decays: two rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.kernels.performance_rules import BETTER
from sparkdrift.kernels.stale_rows import (
    ALL,
    OK,
    UNDETERMINED,
    WARNING,
    Stale,
    between,
    unmeasured,
)
from sparkdrift.measures.arrays import floats
from sparkdrift.measures.evidence import LEAST_POWER
from sparkdrift.measures.outcome_link import LEAST_EFFECTIVE, Link, decay, link

LINK, DECAY = "outcome_link", "outcome_decay"
_UNIT = "correlation"
_SIDES = {"up": 1, "down": -1}


def without_outcome(reason: str, metric: str = ALL) -> list[Stale]:
    """Both rows where there is nothing to link."""
    return [unmeasured(name, metric, reason, threshold=0.0, unit=_UNIT) for name in (LINK, DECAY)]


def outcome_rows(
    metric: str, values: ArrayLike, outcome: ArrayLike, grain: str, better: str = "up"
) -> list[Stale]:
    """The link of a metric's realised values (W,) with the outcome's (W,), in order of time.

    better: whether more of the outcome is better (`up`) or less (`down`). Both series are turned
    so that more is better: of a Brier score and of a loss less is. A link warns where the lower
    end of its interval is 0 or below: that the better the one, the better the other, is not shown,
    or the contrary is. A decay warns where the second half's link has moved towards 0 beyond
    chance. ValueError for another `better`.
    """
    if better not in _SIDES:
        raise ValueError(f"better {better!r} given, accepted are {', '.join(map(repr, _SIDES))}")
    sides = BETTER.get(metric, 1), _SIDES[better]
    x, y = (side * floats(one) for side, one in zip(sides, (values, outcome), strict=True))
    less = [" (less is better)" if side < 0 else "" for side in sides]
    both = f"{metric}{less[0]} and the outcome{less[1]}"
    return [_link(metric, both, link(x, y), grain), _decay(metric, both, x, y, grain)]


def _link(metric: str, both: str, found: Link, grain: str) -> Stale:
    if np.isnan(found.r.value):
        return unmeasured(LINK, metric, _too_few(found, grain), threshold=0.0, unit=_UNIT)
    status = WARNING if found.r.low <= 0 else OK
    text = (
        f"{both} go together by {between(found.r, 'number')} over {found.windows} "
        f"{grain}s, worth {found.effective:.0f} independent ones"
    )
    if found.r.high < 0:
        text += ": the better the one, the worse the other"
    elif status == WARNING:
        text += ": that the better the one, the better the other, is not shown"
    value, low, high = (float(part) for part in found.r)
    return Stale(LINK, metric, status, text, value, low, high, 0.0, _UNIT)


def _too_few(found: Link, grain: str) -> str:
    if np.isnan(found.effective):
        return f"{found.windows} {grain}s with metric and outcome, or one of them does not vary"
    return (
        f"{found.windows} {grain}s with metric and outcome are worth {found.effective:.1f} "
        f"independent ones, at least {LEAST_EFFECTIVE:.0f} needed"
    )


def _decay(metric: str, both: str, values: ArrayLike, outcome: ArrayLike, grain: str) -> Stale:
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
        f"{both} go together by {first:.2f} in the first half and {second:.2f} in "
        f"the second: changed by {between(change, 'number')}"
    )
    if status == UNDETERMINED:
        text += "; too few windows to notice that the link is gone"
    value, low, high = (float(part) for part in change)
    return Stale(DECAY, metric, status, text, value, low, high, 0.0, _UNIT)

"""From tests to verdicts: all checks of one window that infer something are one family."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import column, groups
from sparkdrift.kernels.expectations import (
    CHECKED,
    INSUFFICIENT,
    NOTHING,
    OK,
    UNDETERMINED,
    VIOLATED,
    WARNING,
    Check,
    check_batch,
)
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.measures.evidence import (
    FAMILY_LEVEL,
    LEAST_FAMILY,
    LEAST_POWER,
    MATERIAL_LEVEL,
    benjamini_hochberg,
)

KEYS = ("window_start",)
# A large limit would be noticed in a handful of rows, which say nothing of the window's like.
LEAST_ROWS = 30
CONCLUDED = {**CHECKED, "q_value": "double"}


def conclude() -> Kernel:
    """A kernel that gives every check, sorted by window, its status.

    A row of the assumption NOTHING stays where its window has no other.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for group in groups(batches, KEYS):
            q_values = benjamini_hochberg(column(group, "p_unusual"), LEAST_FAMILY)
            checks = [
                one | {"q_value": q, **_verdict(one, float(q))}
                for one, q in zip(group.to_pylist(), q_values, strict=True)
            ]
            kept = [one for one in checks if one["assumption"] != NOTHING]
            yield check_batch(kept or checks[:1], CONCLUDED)

    return run


def _verdict(check: Check, q: float) -> Check:
    """Status and reason of a check that has none yet.

    violated: unusual among all tests of the window, and surely beyond the limit. Of a pair,
    warning: unusual and beyond the limit. ok: not beyond the limit, and in so many rows twice
    the limit would have been noticed. What is none of these was not measured: beyond the limit and
    no more than what chance or habit shows is neither kept nor broken.
    """
    if check["status"] is not None:
        return {}
    unusual = np.isfinite(q) and q <= FAMILY_LEVEL
    material = check["p_material"]
    if unusual and material is not None and material < MATERIAL_LEVEL:
        return {"status": VIOLATED}
    if check["share"] is not None:
        return _kept(check)
    seen = _noticed(check, f"a change of the correlation by {2 * check['limit']:g}")
    # Not measured is not within the limit either.
    if check["value"] is not None and abs(check["value"]) <= check["limit"]:
        return seen
    return {"status": WARNING} if unusual else _beyond(check, seen)


def _beyond(check: Check, seen: Check) -> Check:
    """Of a pair that is beyond its limit and not unusual; seen: what the rows could have shown."""
    why = seen.get("reason") or "which can't be told from what is usual or from chance"
    text = f"{check['reason']}, beyond the limit of {check['limit']:g}, {why}"
    return {"status": INSUFFICIENT, "reason": text}


def _kept(check: Check) -> Check:
    """Of a share that is not violated: whether the window surely keeps to the rule."""
    limit, share = f"{100 * check['limit']:g} %", check["share"]
    if share > check["limit"]:
        text = f"above the limit of {limit}, but not surely: too few rows here or in the reference"
        return {"status": INSUFFICIENT, "reason": f"{check['reason']}, {text}"}
    if check["violations"] and check["p_unusual"] is None:
        return {"status": INSUFFICIENT, "reason": f"{check['reason']}, which could not be tested"}
    high = check["high"]
    if high is not None and high > check["limit"]:
        bounds = f"between {100 * share:.3g} and {100 * high:.3g} % of the rows break it"
        text = f"{bounds} (limit {limit}): what is stored can't tell"
        return {"status": UNDETERMINED, "reason": text}
    return _noticed(check, f"a share above {limit}, of twice that,")


def _noticed(check: Check, what: str) -> Check:
    """ok where twice the limit would have been noticed, else insufficient_data."""
    rows, power = check["rows"], check["power"]
    if rows is not None and rows < LEAST_ROWS:
        text = f"too few rows: {rows:,}, and at least {LEAST_ROWS} are needed to find it kept"
        return {"status": INSUFFICIENT, "reason": text}
    if power is not None and power >= LEAST_POWER:
        return {"status": OK}
    text = (
        f"too few rows: {what} would be found "
        f"{100 * (power or 0.0):.0f} % of the time, {100 * LEAST_POWER:.0f} % is wanted"
    )
    return {"status": INSUFFICIENT, "reason": text}

"""From tests to verdicts: all checks of one window that infer something are one family."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import column, groups
from sparkdrift.kernels.expectations import (
    CHECKED,
    INSUFFICIENT,
    OK,
    VIOLATED,
    WARNING,
    Check,
    check_batch,
)
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.measures.evidence import (
    FAMILY_LEVEL,
    LEAST_POWER,
    MATERIAL_LEVEL,
    benjamini_hochberg,
)

KEYS = ("window_start",)
CONCLUDED = {**CHECKED, "q_value": "double"}


def conclude() -> Kernel:
    """A kernel that gives every check, sorted by window, its status."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for group in groups(batches, KEYS):
            q_values = benjamini_hochberg(column(group, "p_unusual"))
            checks = [
                one | {"q_value": q, **_verdict(one, float(q))}
                for one, q in zip(group.to_pylist(), q_values, strict=True)
            ]
            yield check_batch(checks, CONCLUDED)

    return run


def _verdict(check: Check, q: float) -> Check:
    """Status and reason of a check that has none yet.

    violated: unusual among all tests of the window, and surely beyond the limit. Of a pair,
    warning: unusual and beyond the limit; ok: neither, and a change of twice the limit would
    have been found. A share that is not violated is ok: the window's rows were all counted.
    """
    if check["status"] is not None:
        return {}
    unusual = np.isfinite(q) and q <= FAMILY_LEVEL
    if unusual and check["p_material"] < MATERIAL_LEVEL:
        return {"status": VIOLATED}
    if check["power"] is None:
        return {"status": OK}
    if unusual and abs(check["value"]) > check["limit"]:
        return {"status": WARNING}
    if check["power"] >= LEAST_POWER:
        return {"status": OK}
    text = (
        f"too few rows: a change of the correlation by {2 * check['limit']:g} would be found "
        f"{100 * check['power']:.0f} % of the time, {100 * LEAST_POWER:.0f} % is wanted"
    )
    return {"status": INSUFFICIENT, "reason": text}

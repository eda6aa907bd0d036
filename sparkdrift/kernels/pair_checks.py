"""Independence and order of two features, from the stored state of the pair."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import groups
from sparkdrift.kernels.expectations import (
    DECLARED,
    INSUFFICIENT,
    LEARNED,
    NO_REFERENCE,
    OK,
    UNDETERMINED,
    VIOLATED,
    Check,
    Expectations,
    check_batch,
)
from sparkdrift.kernels.feature_checks import CHANGED, NOT_IN_FORCE, REFERENCE
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.measures.dependence import (
    CELLS,
    Bond,
    bond,
    correlation,
    correlation_change,
    fisher_interval,
)

KEYS = ("reference_version", "name")
_NOT_HELD = (
    "the reference was frozen without this pair: profile its windows again "
    "(sparkdrift run SPEC --begin ...), then sparkdrift snapshot SPEC"
)
_NO_STATE = (
    "this window is stored without the pair, from before it was asked for or where a feature "
    "could not be read: sparkdrift run SPEC --begin ... profiles it again"
)

Row = Mapping[str, Any]


def check_pairs(expected: Expectations) -> Kernel:
    """A kernel from states of pairs to checks.

    Takes rows sorted by KEYS, `part` and `window_start`: the reference's row first (part 0,
    its windows' states in `windows`), then one per window, `cells` NULL where it has none.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for group in groups(batches, KEYS):
            checks = list(_checks(group.to_pylist(), expected))
            if checks:
                yield check_batch(checks)

    return run


def _checks(rows: Sequence[Row], expected: Expectations) -> Iterator[Check]:
    known = rows[0] if rows[0]["part"] == REFERENCE else None
    windows = rows[1:] if known is not None else rows
    if not windows:
        return
    name = windows[0]["name"]
    states = np.array([row["cells"] or np.zeros(CELLS) for row in windows], dtype=np.float64)
    r, n = correlation(states), states[:, 0]
    if name in expected.with_other:
        yield from _ordered(windows, r, n, *expected.with_other[name])
    if name in expected.independent:
        yield from _compared(windows, r, n, Bond(0.0, np.inf), expected.correlation, DECLARED)
    elif expected.dependent is None or name in expected.dependent:
        yield from _learned(windows, r, n, known, expected)


def _learned(
    windows: Sequence[Row], r: Any, n: Any, known: Row | None, expected: Expectations
) -> Iterator[Check]:
    bonded = None
    if known is not None:
        cells = [one for one in known["windows"] or [] if one]
        bonded = bond(known["cells"], np.array(cells, dtype=np.float64).reshape(-1, CELLS))
    lacking = [_lacking(row, known, bonded) for row in windows]
    for row, own, missing in zip(windows, r, lacking, strict=True):
        if missing:
            check: Check = {"source": LEARNED, "status": NO_REFERENCE, "reason": missing}
            yield _placed(row, check | {"assumption": "independence", "correlation": own})
    held = np.array([missing is None for missing in lacking])
    if bonded is not None and held.any():
        rows = [row for row, kept in zip(windows, held, strict=True) if kept]
        yield from _compared(rows, r[held], n[held], bonded, expected.correlation, LEARNED)


def _lacking(row: Row, known: Row | None, bonded: Bond | None) -> str | None:
    """Why the reference says nothing of the pair in this window, or None."""
    if known is None or bonded is None:
        return _NOT_HELD if row["reference_version"] else NOT_IN_FORCE
    if row["definition_hash"] and known["definition_hash"] != row["definition_hash"]:
        return CHANGED
    return None if np.isfinite(bonded.r) else "one of the two is constant in the reference"


def _compared(
    windows: Sequence[Row], r: Any, n: Any, known: Bond, limit: float, source: str
) -> Iterator[Check]:
    found = correlation_change(r, n, known, limit)
    where = " as in the reference" if source == LEARNED else ""
    text = f"a correlation of {_figure(known.r)}{where}, to within {limit:g}"
    for i, row in enumerate(windows):
        check: Check = {
            "assumption": "independence",
            "source": source,
            "expected": text,
            "limit": limit,
            "rows": int(n[i]),
            "correlation": r[i],
        }
        missing = _unmeasured(row, r[i], n[i])
        if missing is None:
            check |= {
                "value": found.change[i],
                "low": found.low[i],
                "high": found.high[i],
                "p_unusual": found.p_unusual[i],
                "p_material": found.p_material[i],
                "power": found.power[i],
                "reason": f"a correlation of {_figure(r[i])}, {found.change[i]:+.2f}",
            }
        else:
            check |= {"status": INSUFFICIENT, "reason": missing}
        yield _placed(row, check)


def _ordered(
    windows: Sequence[Row], r: Any, n: Any, column: str, other: str, way: int
) -> Iterator[Check]:
    """The sign of the correlation: a line through the rows rises or falls.

    That is less than a monotone relation, which no bounded state of a window could show.
    """
    low, high = fisher_interval(r, n)
    verb = "rises" if way > 0 else "falls"
    for i, row in enumerate(windows):
        check: Check = {
            "assumption": "monotone",
            "source": DECLARED,
            "expected": f"{column} {verb} with {other}: a correlation "
            + ("above 0" if way > 0 else "below 0"),
            "limit": 0.0,
            "rows": int(n[i]),
            "correlation": r[i],
        }
        missing = _unmeasured(row, r[i], n[i])
        if missing is not None:
            check |= {"status": INSUFFICIENT, "reason": missing}
        else:
            bounds = f"{_figure(low[i])} to {_figure(high[i])}"
            said = f"a correlation of {_figure(r[i])} ({bounds})"
            ends = sorted((way * low[i], way * high[i]))
            status = VIOLATED if ends[1] < 0 else OK if ends[0] > 0 else UNDETERMINED
            check |= {"value": r[i], "low": low[i], "high": high[i], "status": status}
            check["reason"] = said
        yield _placed(row, check) | {"column_name": column, "other_column": other}


def _figure(r: float) -> str:
    """Two digits, and no -0.00."""
    return f"{round(float(r), 2) + 0.0:.2f}"


def _unmeasured(row: Row, r: float, n: float) -> str | None:
    """Why the pair has no correlation in this window, or None."""
    if not row["row_count"]:
        return "the window has no rows"
    if row["cells"] is None:
        return _NO_STATE
    if n < 4:
        return f"{int(n)} rows have both values, 4 are needed"
    return None if np.isfinite(r) else "one of the two is constant in this window"


def _placed(row: Row, check: Check) -> Check:
    one, other = json.loads(row["name"])
    kept = ("window_start", "reference_version", "definition_hash")
    return {name: row[name] for name in kept} | {"column_name": one, "other_column": other} | check

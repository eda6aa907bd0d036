"""Why a window is not measured: a status and its reason, before any figure is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_NO_REFERENCE = "no reference was in force when the window began"
_NO_TRAINING = "no reference of the role training was in force when the window began"
_NO_SET = "no version of the evaluation set was in force when the window began"
_NOT_HELD = "the reference does not hold this feature and slice"
_NO_EARLIER = {
    "consecutive": "none of the windows shortly before has rows of this definition",
    "seasonal": "the window a season earlier has no rows of this definition",
    "unshaped": "of no row of this window it is known that the model did not shape it",
}


def against_reference(
    windows: pa.Table, reference: Mapping[str, Any] | None, version: int, comparison: str
) -> dict[str, list[Any]]:
    """Status and reason where a comparison makes no sense, None where it does.

    version: of the reference, 0 where none is in force.
    """
    if comparison == "training":
        none = _NO_TRAINING
    elif comparison.startswith("evaluation:"):
        none = _NO_SET
    else:
        none = _NO_REFERENCE
    found: list[tuple[str | None, str | None]] = []
    for window in windows.select(["definition_hash", "data_type", "status", "reason"]).to_pylist():
        if window["status"] == "schema_changed":
            found.append(("schema_changed", window["reason"]))
        elif reference is None:
            found.append(("no_reference", _NOT_HELD if version else none))
        elif reference["definition_hash"] != window["definition_hash"]:
            found.append(("no_reference", "the definition changed since the reference was frozen"))
        elif reference["data_type"] is None and window["data_type"] is not None:
            # Its column is missing there, as of a signal that only the watched table has.
            found.append(("no_reference", _NOT_HELD))
        elif family(reference["data_type"]) != family(window["data_type"]):
            was, now = reference["data_type"], window["data_type"]
            found.append(("schema_changed", f"the type was {was} and is {now}"))
        else:
            found.append((None, None))
    return {
        "unmeasured": [status for status, _ in found],
        "unmeasured_reason": [reason for _, reason in found],
    }


def family(data_type: str | None) -> str:
    """Types whose values mean the same have one family: int and double, not int and string."""
    base = (data_type or "").split("(")[0]
    if base in ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal"):
        return "number"
    return "text" if base in ("string", "char", "varchar") else base


def without_earlier(
    windows: pa.Table, before: NDArray[np.intp], comparisons: Sequence[str]
) -> dict[str, list[Any]]:
    """The same of windows that have no earlier one (before: negative), or no such column.

    comparisons: of each window.
    """
    status: list[str | None] = []
    reasons: list[str | None] = []
    described = zip(
        windows.column("status").to_pylist(),
        windows.column("reason").to_pylist(),
        before.tolist(),
        comparisons,
        strict=True,
    )
    for own, reason, place, comparison in described:
        gone = own == "schema_changed"
        status.append(own if gone else "no_reference" if place < 0 else None)
        reasons.append(reason if gone else _NO_EARLIER[comparison] if place < 0 else None)
    return {"unmeasured": status, "unmeasured_reason": reasons}


def other_types(
    rows: Mapping[str, Any], at: NDArray[np.intp], earlier: pa.Table, windows: pa.Table
) -> dict[str, Any]:
    """The same two columns, with a status where the type changed since the earlier window."""
    status, reasons = list(rows["unmeasured"]), list(rows["unmeasured_reason"])
    types = (table.column("data_type").to_pylist() for table in (earlier, windows))
    for i, (old, new) in zip(at.tolist(), zip(*types, strict=True), strict=True):
        if status[i] is None and family(old) != family(new):
            status[i], reasons[i] = "schema_changed", f"the type was {old} and is {new}"
    return {"unmeasured": status, "unmeasured_reason": reasons}

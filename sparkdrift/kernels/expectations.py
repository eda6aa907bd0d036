"""What is assumed of a monitor's data as executors need it: plain values, no spec.

A check is one row: an assumption, held against one window. `CHECKED` are its columns; its
status is None where it is decided with all tests of the window (see `concluding`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.explain.hidden import is_token, is_withheld
from sparkdrift.kernels.batches import arrow_schema

DECLARED, LEARNED = "declared", "learned"
VIOLATED, WARNING, OK = "violated", "warning", "ok"
INSUFFICIENT, UNDETERMINED, NO_REFERENCE = "insufficient_data", "undetermined", "no_reference"

# The assumption of a row that says only that its window has been looked at.
NOTHING = "none"

CHECKED = {
    "window_start": "timestamp",
    "reference_version": "int",
    "definition_hash": "string",
    "column_name": "string",
    "other_column": "string",
    "assumption": "string",
    "status": "string",
    "reason": "string",
    "source": "string",
    "expected": "string",
    "value": "double",
    "low": "double",
    "high": "double",
    "limit": "double",
    "rows": "bigint",
    "violations": "bigint",
    "share": "double",
    "correlation": "double",
    "examples": "array<string>",
    "p_unusual": "double",
    "p_material": "double",
    "power": "double",
}
MOST_EXAMPLES = 5
_HASHED = 12


@dataclass(frozen=True)
class Rule:
    """What the spec says of one feature; None: learned, False: not looked at."""

    range: tuple[float | None, float | None] | bool | None = None
    domain: frozenset[str] | bool | None = None
    not_null: bool | None = None
    tolerate: float = 0.0


@dataclass(frozen=True)
class Expectations:
    """`rules` by feature; `rising`: features that rise (1) or fall (-1) with time.

    `with_other`: the same for pairs, by their name; `independent`: names of pairs without
    correlation; `dependent`: of those that keep their reference's, None: all others.
    The limits are shares (0..1), of pairs a change of r.
    """

    learned: bool = True
    rules: Mapping[str, Rule] = field(default_factory=dict)
    rising: Mapping[str, int] = field(default_factory=dict)
    with_other: Mapping[str, tuple[str, str, int]] = field(default_factory=dict)
    independent: frozenset[str] = frozenset()
    dependent: frozenset[str] | None = frozenset()
    correlation: float = 0.1
    null_share: float = 0.02
    new_categories: float = 0.01
    out_of_range: float = 0.01
    examples: str = "show"

    def shown(self, values: Sequence[str]) -> list[str]:
        """Examples as the spec allows: as they are, as short digests, or none.

        A digest hides a value from a reader; whoever can guess values can test the guess. Of values
        that are hidden where they are counted, those that are hashed stand as they are, and those
        that are withheld are no examples.
        """
        if self.examples == "none":
            return []
        kept = [one for one in values if not is_withheld(one)][:MOST_EXAMPLES]
        if self.examples == "show":
            return kept
        return [one if is_token(one) else _digest(one) for one in kept]


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:_HASHED]


Check = dict[str, Any]


def check_batch(checks: Sequence[Check], schema: Mapping[str, str] = CHECKED) -> pa.RecordBatch:
    """Checks as one batch; what a check does not say, and what is NaN, is NULL."""
    fields = arrow_schema(schema)
    arrays = [pa.array([_plain(one.get(f.name)) for one in checks], f.type) for f in fields]
    return pa.RecordBatch.from_arrays(arrays, schema=fields)


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value

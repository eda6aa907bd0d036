"""The changes of association of one window are one family of tests, however many features it has.

Each feature by itself calls a change where there is none in about 5 % of windows, so that of a
hundred features some would warn in nearly every window.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from sparkdrift.kernels.batches import arrow_schema, column, groups
from sparkdrift.kernels.feature_rows import DRIFTED, FOUND, UNDETERMINED, WARNING
from sparkdrift.measures.evidence import FAMILY_LEVEL, benjamini_hochberg

KEYS = ("window_start",)


def judge_family(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A kernel: rows of MEASURED, sorted by window, to rows of FOUND.

    What is called on a p-value counts where Benjamini and Hochberg let it among all features of
    the window: an expected share of at most FAMILY_LEVEL of what is called is chance. What does not
    is undetermined, and never ok. Rows without a p-value stay as they are.
    """
    schema = arrow_schema(FOUND)
    for table in groups(batches, KEYS):
        status, reason = (table.column(name).to_pylist() for name in ("status", "reason"))
        told = _told(column(table, "p_value"), status, reason)
        columns = {name: table.column(name) for name in FOUND}
        columns |= {"status": told[0], "reason": told[1]}
        yield from pa.table(columns, schema=schema).to_batches()


def _told(p_values: Any, status: list[str | None], reason: list[str]) -> tuple[pa.Array, pa.Array]:
    q_values = benjamini_hochberg(p_values)
    many = int((q_values == q_values).sum())
    for i, q in enumerate(q_values):
        if status[i] in (DRIFTED, WARNING) and q > FAMILY_LEVEL:
            status[i] = UNDETERMINED
            reason[i] += f": among {many:,} features that may be chance (q = {q:.2g})"
    return pa.array(status, pa.string()), pa.array(reason, pa.string())

"""Merged profile rows as lines of a table that a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sparkdrift.report.plain import share

HEADINGS = ("feature", "null", "mean", "5 %", "median", "95 %", "most frequent")
_SHOWN = 3


def merged_lines(rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """One line per feature, in the order of HEADINGS; a feature without rows says why.

    Numbers that were not measured are NULL. Rows of ':table' are left out: they have none.
    """
    return [_line(row) for row in rows if row["kind"] != "table"]


def _line(row: Mapping[str, Any]) -> tuple[Any, ...]:
    rows = row["row_count"]
    # Windows in which it could not be measured add rows and no NULL.
    nulls = None if not rows or row["null_count"] is None else share(row["null_count"] / rows)
    quantiles = row["quantiles"] or [None] * 101
    present = rows - (row["null_count"] or 0)
    items = row["frequent_items"] or []
    listed = ", ".join(
        f"{one['item']} {share(one['count'] / present)}" for one in items[:_SHOWN] if present
    )
    said = listed or row["reason"] or ("" if row["kind"] == "numeric" else None)
    return (
        row["column_name"],
        nulls,
        row["mean"],
        quantiles[5],
        quantiles[50],
        quantiles[95],
        said,
    )

"""From tests to verdicts: all features and slices of one window are one family.

A row's own status says what this window alone showed; persistence over windows is
asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import arrow_schema, column, groups
from sparkdrift.kernels.comparing import FIGURES, KEPT
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.measures.arrays import Floats
from sparkdrift.measures.evidence import (
    FAMILY_LEVEL,
    LEAST_POWER,
    MATERIAL_LEVEL,
    benjamini_hochberg,
    decide,
)

KEYS = ("window_start",)
JUDGED = {**KEPT, **FIGURES, "q_value": "double", "status": "string", "reason": "string"}

_SHARES = {
    "null": "the share of NULLs",
    "nan": "the share of NaNs",
    "infinite": "the share of infinite values",
    "new": "the share of new categories",
    "range": "the share outside the reference's range",
}


def judge() -> Kernel:
    """A kernel that turns compared rows, sorted by window, into rows with a status."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for group in groups(batches, KEYS):
            yield _judge(group)

    return run


def _judge(group: pa.Table) -> pa.RecordBatch:
    rows = group.to_pylist()
    # What could not be measured is no test: it would only move the others' threshold.
    shares = [None if row["unmeasured"] else row["test_unusual"] for row in rows]
    q_values, share_q = _family(column(group, "p_unusual"), shares)
    status = decide(
        q_values,
        column(group, "p_material"),
        column(group, "effect"),
        column(group, "power"),
        warn=column(group, "warn_at"),
    )
    verdicts = [
        _verdict(row, str(own), q) for row, own, q in zip(rows, status, share_q, strict=True)
    ]
    schema = arrow_schema(JUDGED)
    arrays = [group.column(name).combine_chunks() for name in (*KEPT, *FIGURES)]
    arrays.append(pa.array(q_values, mask=~np.isfinite(q_values)))
    arrays.append(pa.array([verdict for verdict, _ in verdicts], pa.string()))
    arrays.append(pa.array([reason for _, reason in verdicts], pa.string()))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _family(own: Floats, shares: list[list[float | None] | None]) -> tuple[Floats, list[Floats]]:
    """q-values of the distribution tests (rows,) and of each row's share tests."""
    lists = [
        np.array([np.nan if p is None else p for p in row or []], dtype=np.float64)
        for row in shares
    ]
    together = benjamini_hochberg(np.concatenate([own, *lists]))
    ends = np.cumsum([len(own), *map(len, lists)])
    return together[: len(own)], [
        together[end - len(one) : end] for end, one in zip(ends[1:], lists, strict=True)
    ]


def _verdict(row: Mapping[str, Any], own: str, share_q: Floats) -> tuple[str, str]:
    if row["unmeasured"] is not None:
        return row["unmeasured"], row["unmeasured_reason"]
    alerts = _share_alerts(row, share_q)
    sentences = [text for _, text in alerts]
    if own in ("drifted", "warning"):
        sentences.insert(0, _shift(row))
    if own == "drifted" or any(material for material, _ in alerts):
        return "drifted", "; ".join(sentences)
    if own == "warning":
        return "warning", "; ".join(sentences)
    if own == "ok" and row["undetermined"]:
        return "undetermined", row["undetermined"]
    if own == "ok":
        return "ok", "no material change"
    return "insufficient_data", _too_little(row)


def _share_alerts(row: Mapping[str, Any], share_q: Floats) -> list[tuple[bool, str]]:
    found = []
    tests = zip(
        row["test_names"] or [],
        row["test_deltas"] or [],
        row["test_material"] or [],
        share_q,
        strict=True,
    )
    for name, delta, material, q in tests:
        if material is None or not q <= FAMILY_LEVEL or not material < MATERIAL_LEVEL:
            continue
        text = f"{_SHARES[name]} changed by {100 * delta:+.1f} points"
        if name == "new":
            listed = ", ".join(repr(one["item"]) for one in (row["new_categories"] or [])[:3])
            text = f"new categories {listed}: {100 * row['new_category_share']:.1f} % of the rows"
        found.append((True, text))
    return found


def _shift(row: Mapping[str, Any]) -> str:
    text = f"shifted by {row['effect']:.2f} sd (limit {row['effect_size']:g})"
    return f"{text}: {row['moved']}" if row["moved"] else text


def _too_little(row: Mapping[str, Any]) -> str:
    if row["p_unusual"] is None:
        return "nothing to compare: no values on one side"
    power = row["power"] or 0.0
    return (
        f"too few {row['scarce'] or 'rows'}: a shift of {row['effect_size']:g} sd would be found "
        f"{100 * power:.0f} % of the time, {100 * LEAST_POWER:.0f} % is wanted"
    )

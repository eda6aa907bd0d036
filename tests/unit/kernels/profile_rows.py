"""Profile rows as a kernel receives them, made from raw values without Spark."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import datasketches
import numpy as np
import pyarrow as pa

from sparkdrift.kernels.freezing import BINS, WINDOW_BINS, WINDOW_SHARES, WINDOW_UNSEEN
from sparkdrift.measures.categorical import count

ITEMS = pa.list_(pa.struct([("item", pa.string()), ("count", pa.int64())]))
STATE = pa.struct(
    [("items", ITEMS), ("offset", pa.int64()), ("total", pa.int64()), ("exact", pa.bool_())]
)
SCHEMA = pa.schema(
    [
        ("part", pa.int32()),
        ("window_start", pa.timestamp("us", "UTC")),
        ("reference_version", pa.int32()),
        ("slice_key", pa.string()),
        ("slice_value", pa.string()),
        ("column_name", pa.string()),
        ("kind", pa.string()),
        ("data_type", pa.string()),
        ("row_count", pa.int64()),
        ("null_count", pa.int64()),
        ("nan_count", pa.int64()),
        ("positive_infinity_count", pa.int64()),
        ("negative_infinity_count", pa.int64()),
        ("stddev", pa.float64()),
        ("kll", pa.binary()),
        ("categories", STATE),
        ("effective_rows", pa.float64()),
        ("definition_hash", pa.string()),
        ("input_digest", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("bins", BINS),
        ("window_bins", WINDOW_BINS),
        ("window_shares", WINDOW_SHARES),
        ("window_unseen", WINDOW_UNSEEN),
        ("comparable", pa.float64()),
        ("row_noise", pa.float64()),
        ("row_variance", pa.float64()),
        ("stratum", pa.int32()),
        ("window_strata", pa.list_(pa.int32())),
        ("window_places", pa.list_(pa.int64())),
        ("role", pa.string()),
        ("comparison", pa.string()),
        ("earlier_start", pa.timestamp("us", "UTC")),
    ]
)


def at(day: int | None) -> datetime | None:
    if day is None:
        return None
    return datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(days=day)


def kll(values, k: int = 4096) -> bytes:
    sketch = datasketches.kll_doubles_sketch(k)
    sketch.update(np.array(values, dtype=float))
    return sketch.serialize()


def numeric(values, *, day: int | None = None, name: str = "amount", **more) -> dict:
    """One profile row of a numeric feature; None is NULL."""
    present = np.array([v for v in values if v is not None], dtype=float)
    finite = present[np.isfinite(present)]
    return {
        **_usual(day, name, len(values), len(values) - len(present)),
        "kind": "numeric",
        "data_type": "double",
        "nan_count": int(np.isnan(present).sum()),
        "positive_infinity_count": int((present == np.inf).sum()),
        "negative_infinity_count": int((present == -np.inf).sum()),
        "stddev": float(finite.std()) if len(finite) else None,
        "kll": kll(finite) if len(finite) else None,
        **more,
    }


def categorical(values, *, day: int | None = None, name: str = "product", **more) -> dict:
    """One profile row of a categorical feature; None is NULL."""
    limit = more.pop("limit", 1000)
    state = count(values, limit)
    return {
        **_usual(day, name, len(values), sum(v is None for v in values)),
        "kind": "categorical",
        "data_type": "string",
        "categories": {
            "items": [
                {"item": item, "count": int(rows)}
                for item, rows in zip(state.items, state.counts, strict=True)
            ],
            "offset": state.offset,
            "total": state.total,
            "exact": state.exact,
        },
        **more,
    }


def metric(value: float | None, *, day: int | None = None, name: str = "metric:x", **more) -> dict:
    """One profile row of a custom metric, whose value stands in `comparable`."""
    return {
        **_usual(day, name, 100, 0),
        "kind": "metric",
        "data_type": "double",
        "null_count": None,
        "comparable": value,
        "status": "ok" if value is not None else "insufficient_data",
        **more,
    }


def _usual(day: int | None, name: str, rows: int, nulls: int) -> dict:
    return {
        "part": 0 if day is None else 1,
        "window_start": at(day),
        "reference_version": 1,
        "role": "baseline",
        "slice_key": "*",
        "slice_value": "*",
        "column_name": name,
        "row_count": rows,
        "null_count": nulls,
        "definition_hash": "same",
        "input_digest": f"digest of {day}",
        "status": "ok" if rows else "insufficient_data",
    }


def table(*rows: dict) -> pa.Table:
    return pa.Table.from_pylist(list(rows), SCHEMA)


def asking(rows: pa.Table, comparison: str = "baseline", back: int | None = None) -> pa.Table:
    """`rows` in the order that the first kernel takes, with a comparison asked of each window.

    back: of two windows, how many days before the earlier one is; windows without one have none.
    """
    given = rows.to_pylist()
    starts = {(group_of(row), row["window_start"]) for row in given if row["part"] == 1}
    asked = []
    for row in given:
        if row["part"] != 1:
            continue
        earlier = None if back is None else row["window_start"] - timedelta(days=back)
        kept = ("slice_key", "slice_value", "column_name", "window_start", "input_digest")
        asked.append(
            {name: row[name] for name in (*kept, "role", "reference_version")}
            | {"part": 2, "comparison": comparison}
            | {"earlier_start": earlier if (group_of(row), earlier) in starts else None}
        )
    return table(*sorted([*given, *asked], key=lambda row: (group_of(row), row["part"])))


def group_of(row: dict) -> tuple[str, ...]:
    return tuple(str(row[key]) for key in ("slice_key", "slice_value", "column_name"))


def stream(rows: pa.Table, size: int = 3):
    """The rows in small batches, as Spark may cut them."""
    return iter(rows.combine_chunks().to_batches(max_chunksize=size))

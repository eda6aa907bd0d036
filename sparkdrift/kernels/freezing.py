"""Cutting a reference's bins, and counting its own windows on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from sparkdrift.kernels.batches import categories, groups
from sparkdrift.kernels.metrics import metric_windows
from sparkdrift.measures.bins import bin_counts, categorical_bins, category_counts, numeric_bins
from sparkdrift.measures.kll import read_kll

KEYS = ("slice_key", "slice_value", "column_name")
BINS = pa.struct(
    [
        ("edges", pa.list_(pa.float64())),
        ("items", pa.list_(pa.string())),
        ("counts", pa.list_(pa.float64())),
    ]
)
WINDOW_BINS = pa.list_(
    pa.struct(
        [
            ("window_start", pa.timestamp("us", tz="UTC")),
            ("k", pa.int32()),
            ("counts", pa.list_(pa.float64())),
        ]
    )
)
BINS_SQL = "struct<edges:array<double>,items:array<string>,counts:array<double>>"
WINDOW_BINS_SQL = "array<struct<window_start:timestamp,k:int,counts:array<double>>>"

# How many rows a window had, and how many of them had no number: shares vary as values do.
WINDOW_SHARES = pa.list_(
    pa.struct(
        [
            ("window_start", pa.timestamp("us", tz="UTC")),
            ("rows", pa.int64()),
            ("nulls", pa.int64()),
            ("nans", pa.int64()),
            ("infinites", pa.int64()),
        ]
    )
)
WINDOW_SHARES_SQL = (
    "array<struct<window_start:timestamp,rows:bigint,nulls:bigint,nans:bigint,infinites:bigint>>"
)

Kernel = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def freeze(bins: int) -> Kernel:
    """A kernel that adds `bins`, `window_bins` and `window_shares` to merged reference rows.

    Takes rows sorted by KEYS, then `part`: 0 is the merged row, which comes out with the
    three columns more; 1 are the windows it was merged from, in time order, which don't.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for group in groups(batches, KEYS):
            yield from _freeze(group, bins).to_batches()

    return run


def _freeze(group: pa.Table, bins: int) -> pa.Table:
    merged = group.slice(0, 1)
    kind = merged.column("kind")[0].as_py()
    if kind == "numeric":
        cut, windows = _numeric(group, bins)
    elif kind == "categorical":
        cut, windows = _categorical(group)
    elif kind == "metric":
        cut, windows = None, metric_windows(group.slice(1))
    else:
        cut, windows = None, []
    shares = _shares(group.slice(1)) if kind in ("numeric", "categorical") else []
    return (
        merged.append_column("bins", pa.array([cut], BINS))
        .append_column("window_bins", pa.array([windows], WINDOW_BINS))
        .append_column("window_shares", pa.array([shares], WINDOW_SHARES))
    )


def _shares(windows: pa.Table) -> list[dict[str, Any]]:
    up, down = "positive_infinity_count", "negative_infinity_count"
    names = ["window_start", "row_count", "null_count", "nan_count", up, down]
    return [
        {
            "window_start": row["window_start"],
            "rows": row["row_count"],
            "nulls": row["null_count"] or 0,
            "nans": row["nan_count"] or 0,
            "infinites": (row[up] or 0) + (row[down] or 0),
        }
        for row in windows.select(names).to_pylist()
    ]


def _numeric(group: pa.Table, bins: int) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    points = [read_kll(blob) for blob in group.column("kll").to_pylist()]
    if points[0] is None:
        return None, []
    edges = numeric_bins(points[0], bins)
    starts = group.column("window_start").to_pylist()
    counts = bin_counts(points[0], edges)
    worth = group.column("effective_rows")[0].as_py()
    if worth is not None:
        # Merged from different sampling rates: its rows count as those of an even sample.
        counts = counts * (worth / points[0].n)
    cut = {"edges": edges, "items": None, "counts": counts}
    windows = [
        {
            "window_start": start,
            "k": one.k if one is not None and one.estimating else None,
            "counts": bin_counts(one, edges),
        }
        for start, one in zip(starts[1:], points[1:], strict=True)
    ]
    return cut, windows


def _categorical(group: pa.Table) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    states = categories(group)
    whole = states[0]
    if whole is None or not whole.total:
        return None, []
    items = categorical_bins(whole.items, whole.counts)
    starts = group.column("window_start").to_pylist()
    counts = category_counts(whole.count_of, whole.total, items)
    cut = {"edges": None, "items": items, "counts": counts}
    windows = [
        {
            "window_start": start,
            "k": None,
            "counts": category_counts(one.count_of, one.total, items),
        }
        for start, one in zip(starts[1:], states[1:], strict=True)
        if one is not None
    ]
    return cut, windows

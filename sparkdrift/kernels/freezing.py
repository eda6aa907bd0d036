"""Cutting a reference's bins, and counting its own windows on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from sparkdrift.kernels.batches import categories, groups
from sparkdrift.kernels.many_categories import old_counts
from sparkdrift.kernels.metrics import metric_windows
from sparkdrift.measures.bins import (
    bin_counts,
    categorical_bins,
    numeric_bins,
    rest_groups,
)
from sparkdrift.measures.categorical import EMPTY, Categories
from sparkdrift.measures.kll import read_kll
from sparkdrift.measures.variation import LEAST_WINDOWS

KEYS = ("slice_key", "slice_value", "column_name")
OF_WINDOWS = frozenset(
    (
        *("kind", "row_count", "null_count", "nan_count"),
        *("positive_infinity_count", "negative_infinity_count", "kll", "categories"),
    )
)
"""What is read of the windows' own rows, of the columns that merged rows have."""
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

# Rows of each window in categories that no other one lists, in the order of `window_shares`.
WINDOW_UNSEEN = pa.list_(pa.int64())
WINDOW_UNSEEN_SQL = "array<bigint>"

Kernel = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def freeze(bins: int) -> Kernel:
    """A kernel that adds `bins` and what its own windows show to merged reference rows.

    `window_bins`, `window_shares`, `window_unseen`: one entry per window. Takes rows sorted by
    KEYS, then `part`: 0 is the merged row, which comes out with these columns more; 1 are the
    windows it was merged from, in time order, which don't.
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
    unseen = _unseen(group.slice(1)) if kind == "categorical" else None
    return (
        merged.append_column("bins", pa.array([cut], BINS))
        .append_column("window_bins", pa.array([windows], WINDOW_BINS))
        .append_column("window_shares", pa.array([shares], WINDOW_SHARES))
        .append_column("window_unseen", pa.array([unseen], WINDOW_UNSEEN))
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


def _unseen(windows: pa.Table) -> list[int]:
    states = [one or EMPTY for one in categories(windows)]
    held = Counter(item for one in states for item in one.items)
    return [sum(rows for item, rows in one.count_of.items() if held[item] == 1) for one in states]


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


def _recurring(whole: Categories, windows: Sequence[Categories]) -> tuple[str, ...]:
    """The reference's categories that are in two of its windows or more.

    All of them where it has fewer than 3 windows, where some are not listed, or where fewer
    than 2 would be left.
    """
    if len(windows) < LEAST_WINDOWS or not whole.exact:
        return whole.items
    held = Counter(item for one in windows for item in one.items)
    kept = tuple(item for item in whole.items if held[item] > 1)
    return kept if len(kept) > 1 else whole.items


def _categorical(group: pa.Table) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    states = categories(group)
    whole = states[0]
    if whole is None or not whole.total:
        return None, []
    recurring = _recurring(whole, [one for one in states[1:] if one is not None and one.total])
    sizes = [whole.count_of[one] for one in recurring]
    items = categorical_bins(recurring, sizes, sum(sizes) if whole.exact else whole.total)
    rest = rest_groups(recurring, items, complete=whole.exact)
    if rest > 1:
        recurring = whole.items
    only = len(recurring) < len(whole.items)
    bins = len(items) + rest
    starts = group.column("window_start").to_pylist()
    counts = old_counts(whole, whole, items, bins, only=only)
    cut = {"edges": None, "items": items, "counts": counts}
    windows = [
        {
            "window_start": start,
            "k": None,
            "counts": old_counts(whole, one, items, bins, only=only),
        }
        for start, one in zip(starts[1:], states[1:], strict=True)
        if one is not None
    ]
    return cut, windows

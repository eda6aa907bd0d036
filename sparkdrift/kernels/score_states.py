"""From sums per score bin to the states that are stored: dense, and in the order of measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkdrift.measures.arrays import Floats
from sparkdrift.measures.regression_error import COLUMNS as ERRORS
from sparkdrift.measures.score_bins import COLUMNS as COUNTS

STATES = pa.schema(
    [
        ("window_start", pa.timestamp("us", tz="UTC")),
        ("slice_key", pa.string()),
        ("slice_value", pa.string()),
        ("cut", pa.int32()),
        ("kind", pa.string()),
        ("cells", pa.list_(pa.float64())),
    ]
)
STATES_SQL = (
    "window_start timestamp, slice_key string, slice_value string, cut int, kind string,"
    " cells array<double>"
)
# Of a score: missing, outside [0, 1], odd label; of a numeric prediction: not finite.
_UNUSABLE, _LEFT_OUT = 3, 1
_CONFUSION = 4
_VALUE = 3

Kernel = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Layout:
    """What the sums of a bin are, in their order. bins: how many each cut has; by_bin: whether the
    value is kept bin by bin, as of an evaluation set, from which a window's is estimated; events:
    of how many signals a bin has the rows of which it is known, and those with the event."""

    bins: tuple[int, ...]
    regression: bool
    baseline: bool
    value: bool
    by_bin: bool = False
    events: int = 0

    @property
    def own(self) -> int:
        """Sums that are kept bin by bin."""
        return len(ERRORS) if self.regression else len(COUNTS)

    @property
    def unusable(self) -> int:
        return _LEFT_OUT if self.regression else _UNUSABLE

    @property
    def rule(self) -> int:
        if not self.baseline:
            return 0
        return len(ERRORS) if self.regression else _CONFUSION


def dense(layout: Layout) -> Kernel:
    """A kernel: window_start, slice_key, slice_value, cut, parts in; rows of STATES out.

    parts: a struct per bin that has rows, its number and its sums as `layout` says; several of
    one bin add up. Bin -1 holds rows without a usable score: of these, what is unusable counts
    and nothing else.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            table = pa.Table.from_batches([batch])
            cuts = table.column("cut").to_numpy()
            for cut in np.unique(cuts):
                rows = table.take(pa.array(np.flatnonzero(cuts == cut)))
                yield from _states(rows, layout, layout.bins[int(cut)])

    return run


def _states(rows: pa.Table, layout: Layout, bins: int) -> Iterator[pa.RecordBatch]:
    parts = rows.column("parts").combine_chunks()
    lengths = np.diff(parts.offsets.to_numpy())
    row = np.repeat(np.arange(len(rows)), lengths)
    fields = parts.flatten()
    b = fields.field(0).to_numpy(zero_copy_only=False).astype(np.intp)
    sums = np.stack(
        [fields.field(i).to_numpy(zero_copy_only=False) for i in range(1, fields.type.num_fields)],
        axis=-1,
    )
    binned = b >= 0
    cells = np.zeros((len(rows), bins, layout.own))
    np.add.at(cells, (row[binned], b[binned]), sums[binned, : layout.own])
    flat = cells.reshape(len(rows), -1)
    at = layout.own
    unusable = _added(row, sums[:, at : at + layout.unusable], len(rows))
    at += layout.unusable
    if layout.regression:
        yield from _rows(rows, "errors", flat)
        yield from _rows(rows, "left_out", unusable)
    else:
        yield from _rows(rows, "scores", np.concatenate([flat, unusable], axis=-1))
    if layout.rule:
        of_rule = sums[binned, at : at + layout.rule]
        yield from _rows(rows, "baseline", _added(row[binned], of_rule, len(rows)))
    at += layout.rule
    if layout.value:
        worth = np.zeros((len(rows), bins, _VALUE))
        np.add.at(worth, (row[binned], b[binned]), sums[binned, at : at + _VALUE])
        kept = worth.reshape(len(rows), -1) if layout.by_bin else worth.sum(axis=1)
        yield from _rows(rows, "value", kept)
    at += _VALUE if layout.value else 0
    if layout.events:
        counted = np.zeros((len(rows), bins, 2 * layout.events))
        np.add.at(counted, (row[binned], b[binned]), sums[binned, at:])
        yield from _rows(rows, "operations", counted.reshape(len(rows), -1))


def _added(row: Ints, sums: Floats, size: int) -> Floats:
    """Sums (P, S) by the row that each is of, (size, S)."""
    found = np.zeros((size, sums.shape[-1]))
    np.add.at(found, row, sums)
    return found


def _rows(rows: pa.Table, kind: str, numbers: Floats) -> Iterator[pa.RecordBatch]:
    count, width = numbers.shape
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * width)
    columns = {
        **{name: rows.column(name) for name in ("window_start", "slice_key", "slice_value", "cut")},
        "kind": pa.array([kind] * count, pa.string()),
        "cells": pa.ListArray.from_arrays(offsets, pa.array(numbers.ravel())),
    }
    yield from pa.table(columns).cast(STATES).to_batches()

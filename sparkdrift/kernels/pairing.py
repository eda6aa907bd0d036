"""Adding up the rows of a partition into the state of each pair of columns, per window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import joined
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.measures.arrays import Floats
from sparkdrift.measures.dependence import CELLS, centred, pair_sums

_AT_ONCE = 10_000
SUMMED = pa.schema(
    [
        ("window_start", pa.timestamp("us", tz="UTC")),
        ("pair", pa.int32()),
        ("cells", pa.list_(pa.float64())),
    ]
)
SUMMED_SQL = "window_start timestamp, pair int, cells array<double>"


def add_up(pairs: Sequence[tuple[int, int]]) -> Kernel:
    """A kernel from rows (window_start, then numbers) to partial states, one per window and pair.

    `pairs` are places among the numbers. Correlations need n (n - 1) / 2 products of a row:
    as a matrix product they cost less than handing the row over.
    """
    places = np.array(pairs, dtype=np.intp).reshape(-1, 2)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sums: dict[int, Floats] = {}
        offsets: dict[int, Floats] = {}
        # A batch has few rows of each window, and each window's rows are products of their own.
        for batch in joined(batches, _AT_ONCE):
            for start, values in _by_window(batch):
                if start not in sums:
                    offsets[start] = _middle(values)
                    sums[start] = np.zeros((len(places), CELLS))
                sums[start] += pair_sums(values, places, offsets[start])
        for start, found in sums.items():
            yield _states(start, centred(found, places, offsets[start]))

    return run


def _by_window(batch: pa.RecordBatch) -> Iterator[tuple[int, Floats]]:
    """(start in microseconds, values (N, D)) of each window in the batch; NULL is NaN."""
    if not batch.num_rows:
        return
    starts = batch.column(0).cast(pa.int64()).to_numpy(zero_copy_only=False)
    columns = [
        batch.column(i).cast(pa.float64()).to_numpy(zero_copy_only=False)
        for i in range(1, batch.num_columns)
    ]
    order = np.argsort(starts, kind="stable")
    values = np.stack(columns, axis=1).astype(np.float64)[order]
    windows, begins = np.unique(starts[order], return_index=True)
    for start, part in zip(windows, np.split(values, begins[1:]), strict=True):
        yield int(start), part


def _middle(values: Floats) -> Floats:
    """A value near those of each column, (D,): their mean, 0 where none is finite."""
    finite = np.isfinite(values)
    rows = np.maximum(finite.sum(axis=0), 1)
    # Divided first: a sum of large values could overflow.
    middle: Floats = (np.where(finite, values, 0.0) / rows).sum(axis=0)
    return middle


def _states(start: int, states: Floats) -> pa.RecordBatch:
    size = len(states)
    arrays = [
        pa.array([start] * size, pa.int64()).cast(SUMMED.field("window_start").type),
        pa.array(range(size), pa.int32()),
        pa.array(states.tolist(), SUMMED.field("cells").type),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SUMMED)

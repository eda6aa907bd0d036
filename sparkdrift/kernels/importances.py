"""Importances of features in each window, from a bounded sample of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import arrow_schema, column, groups
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.measures import importance

KEYS = ("window_start",)
FOUND = {"window_start": "timestamp", "columns": "array<string>", "cells": "array<double>"}
"""columns: why nothing was estimated, '' where it was, then the features; cells: rows, H and its
error, then the importance of each feature, then their errors."""
ABOUT = 3
"""Numbers in front of those by feature."""


def estimate(
    method: str, names: Sequence[str], numeric: Sequence[bool], most: int, seed: int
) -> Kernel:
    """A kernel: window_start, y, f0, f1, ... sorted by window; a row of FOUND for each window.

    method: linear or permutation; of more than `most` rows a draw by `seed` is used.
    """
    method_of = {"linear": importance.linear, "permutation": importance.permutation}[method]

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in groups(batches, KEYS):
            if len(table) > most:
                kept = np.random.default_rng(seed).choice(len(table), most, replace=False)
                table = table.take(pa.array(np.sort(kept)))
            features = [
                column(table, f"f{i}")
                if of_numbers
                else np.array(table.column(f"f{i}").to_pylist(), dtype=object)
                for i, of_numbers in enumerate(numeric)
            ]
            found = method_of(features, column(table, "y"), seed)
            cells = [found.rows, found.concentration, found.error, *found.values, *found.errors]
            row = {
                "window_start": table.column("window_start")[0].as_py(),
                "columns": [found.reason, *names],
                "cells": [None if np.isnan(one) else float(one) for one in cells],
            }
            yield pa.RecordBatch.from_pylist([row], schema=arrow_schema(FOUND))

    return run

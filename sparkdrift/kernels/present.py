"""Asks a worker's Python for what every kernel needs: that it can be imported at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module

import pyarrow as pa

NEEDED = ("numpy", "scipy", "pyarrow")


def imported(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches as they are; raises ModuleNotFoundError on a worker that lacks something."""
    for name in NEEDED:
        import_module(name)
    yield from batches

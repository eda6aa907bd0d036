"""Stored windows of one slice and feature as a kernel holds them, their sketches read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkdrift.kernels.batches import categories
from sparkdrift.measures.categorical import Categories
from sparkdrift.measures.kll import Points, read_kll


@dataclass(frozen=True)
class States:
    """Profile rows (W,), and what their sketches hold; None where a row has no such sketch.

    table: the rows without the sketches, which would be copied with every `take`.
    """

    table: pa.Table
    points: Sequence[Points | None]
    counted: Sequence[Categories | None]

    @classmethod
    def read(cls, table: pa.Table) -> States:
        points = [read_kll(blob) for blob in table.column("kll").to_pylist()]
        return cls(table.drop_columns(["kll", "categories"]), points, categories(table))

    def take(self, at: NDArray[np.intp]) -> States:
        """The rows at these positions, in this order; a row may be taken twice."""
        if len(at) == len(self.points) and (at == np.arange(len(at))).all():
            return self
        return States(
            self.table.take(pa.array(at)),
            [self.points[i] for i in at],
            [self.counted[i] for i in at],
        )

"""Stored windows of one slice and feature as a kernel holds them, their sketches read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkdrift.kernels.batches import categories, column
from sparkdrift.kernels.words import bin_names
from sparkdrift.measures import numeric
from sparkdrift.measures.arrays import Floats
from sparkdrift.measures.bins import bin_counts, numeric_bins
from sparkdrift.measures.categorical import Categories
from sparkdrift.measures.kll import Points, read_kll


@dataclass(frozen=True, eq=False)
class Cut:
    """A window's own bins: inner upper edges, its rows in each, and what they are called."""

    edges: Floats
    counts: Floats
    names: list[str]

    @classmethod
    def of(cls, points: Points | None, bins: int) -> Cut:
        edges = numeric_bins(points, bins)
        return cls(edges, bin_counts(points, edges), bin_names(edges))


@dataclass(frozen=True, eq=False)
class _Binned:
    """The points of all windows, with what was asked of them: their counts in bins, and what
    later windows that no reference is there for are measured by, each window's own."""

    points: Sequence[Points | None]
    counts: dict[bytes, Floats] = field(default_factory=dict)
    cuts: dict[tuple[int, int], Cut] = field(default_factory=dict)
    spans: dict[int, numeric.Span] = field(default_factory=dict)

    def counts_in(self, edges: Floats) -> Floats:
        key = edges.tobytes()
        if key not in self.counts:
            self.counts[key] = np.array([bin_counts(one, edges) for one in self.points])
        return self.counts[key]


@dataclass(frozen=True)
class States:
    """Profile rows (W,), and what their sketches hold; None where a row has no such sketch.

    table: the rows without the sketches, which would be copied with every `take`. at (W,): their
    positions in `binned`, where all comparisons of a feature find what one of them computed.
    """

    table: pa.Table
    points: Sequence[Points | None]
    counted: Sequence[Categories | None]
    at: NDArray[np.intp]
    binned: _Binned

    @classmethod
    def read(cls, table: pa.Table) -> States:
        points = [read_kll(blob) for blob in table.column("kll").to_pylist()]
        light = table.drop_columns(["kll", "categories"])
        return cls(light, points, categories(table), np.arange(len(points)), _Binned(points))

    def counts_in(self, edges: Floats) -> Floats:
        """Rows in each bin of edges (B - 1,): (W, B), see `bins.bin_counts`."""
        return self.binned.counts_in(edges)[self.at]

    def cuts(self, bins: int) -> list[Cut]:
        """Each row's own bins, about so many."""
        made = self.binned.cuts
        for i, points in zip(self.at.tolist(), self.points, strict=True):
            if (i, bins) not in made:
                made[i, bins] = Cut.of(points, bins)
        return [made[i, bins] for i in self.at.tolist()]

    def spans(self) -> list[numeric.Span]:
        """Where each row's own values lie, see `numeric.span`."""
        made = self.binned.spans
        sds = column(self.table, "stddev").tolist()
        for i, points, sd in zip(self.at.tolist(), self.points, sds, strict=True):
            if i not in made:
                made[i] = numeric.span(points, sd)
        return [made[i] for i in self.at.tolist()]

    def take(self, at: NDArray[np.intp]) -> States:
        """The rows at these positions, in this order; a row may be taken twice."""
        if len(at) == len(self.points) and (at == np.arange(len(at))).all():
            return self
        return States(
            self.table.take(pa.array(at)),
            [self.points[i] for i in at],
            [self.counted[i] for i in at],
            self.at[at],
            self.binned,
        )

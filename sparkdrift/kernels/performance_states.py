"""Stored states as stacked arrays: the windows of a chunk, and the evaluation set beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sparkdrift.explain.signals import WHOLE
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.regression_error import COLUMNS as ERRORS
from sparkdrift.measures.score_bins import ScoreBins, unflat

Slice: TypeAlias = tuple[str, str | None]
Positions: TypeAlias = NDArray[np.intp]
ENTIRE: Slice = (WHOLE, WHOLE)
# Labelled rows per score bin from which on a slice of the evaluation set is calibrated by itself:
# with fewer, empty bins alone make the ESS ratio and the coverage look bad.
LEAST_PER_BIN = 10


def stacked(table: pa.Table, numbers: int) -> tuple[Positions, Floats]:
    """(positions of the rows whose `cells` are so many numbers, these numbers (rows, numbers)).

    The others were counted by other edges; NULL is NaN.
    """
    cells = table.column("cells").combine_chunks()
    sizes = pc.fill_null(pc.list_value_length(cells), -1).to_numpy(zero_copy_only=False)
    fits = np.flatnonzero(sizes == numbers)
    values = cells.take(pa.array(fits)).flatten().to_numpy(zero_copy_only=False)
    return fits, floats(values).reshape(len(fits), numbers)


@dataclass(frozen=True)
class Known:
    """An evaluation set's version by class: `place` of each slice in `states` (S, ...).

    Of scores a ScoreBins, of errors (S, B, 9) with the edges of the prediction. values: by class
    the place of each slice, and rows, sum and sum of squares of what they are worth, (S, B, 3).
    """

    edges: Mapping[str, Floats]
    scores: Mapping[str, ScoreBins]
    errors: Floats | None
    place: Mapping[str, Mapping[Slice, int]]
    values: Mapping[str, tuple[Mapping[Slice, int], Floats]] = field(default_factory=dict)

    @classmethod
    def read(cls, table: pa.Table) -> Known:
        """Rows with kind, class_name, slice_key, slice_value, edges and cells."""
        kinds = table.column("kind").to_pylist()
        classes = table.column("class_name").to_pylist()
        edges: dict[str, Floats] = {}
        scores: dict[str, ScoreBins] = {}
        place: dict[str, Mapping[Slice, int]] = {}
        errors: Floats | None = None
        values: dict[str, tuple[Mapping[Slice, int], Floats]] = {}
        for kind, name in dict.fromkeys(zip(kinds, classes, strict=True)):
            at = [
                i for i, one in enumerate(zip(kinds, classes, strict=True)) if one == (kind, name)
            ]
            rows = table.take(pa.array(at))
            own = floats(rows.column("edges")[0].as_py() or [])
            bins = len(own) + 1
            if kind == "value":
                fits, cells = stacked(rows, bins * 3)
                worth = cells.reshape(len(fits), bins, 3)
                if not len(fits):
                    continue
                values[name] = (_places(rows.take(pa.array(fits))), worth)
                continue
            fits, cells = stacked(rows, bins * len(ERRORS) if kind == "errors" else bins * 12 + 3)
            edges[name] = own
            place[name] = _places(rows.take(pa.array(fits)))
            if kind == "errors":
                errors = cells.reshape(len(fits), bins, len(ERRORS))
            else:
                scores[name] = unflat(own, cells)
        return cls(edges, scores, errors, place, values)


def _places(table: pa.Table) -> dict[Slice, int]:
    return {one: i for i, one in enumerate(slices(table))}


def slices(table: pa.Table) -> list[Slice]:
    """The slice of each row."""
    keys, values = (table.column(name).to_pylist() for name in ("slice_key", "slice_value"))
    return list(zip(keys, values, strict=True))


@dataclass(frozen=True)
class Windows:
    """The rows of a chunk: `table` has one per window and slice, (N,), in the order of `keys`.

    `states`: by kind and class, (N, numbers) with NaN where there is none.
    """

    table: pa.Table
    keys: Sequence[tuple[Any, str, str | None]]
    raw: Mapping[tuple[str, str], pa.Table]

    @classmethod
    def read(cls, table: pa.Table) -> Windows:
        starts = table.column("window_start").to_pylist()
        keys = [(start, *own) for start, own in zip(starts, slices(table), strict=True)]
        kinds = zip(
            table.column("kind").to_pylist(), table.column("class_name").to_pylist(), strict=True
        )
        first: dict[tuple[Any, str, str | None], int] = {}
        by_kind: dict[tuple[str, str], list[int]] = {}
        for i, (key, kind) in enumerate(zip(keys, kinds, strict=True)):
            by_kind.setdefault(kind, []).append(i)
            if kind[0] in ("scores", "errors"):
                first.setdefault(key, i)
        raw = {kind: table.take(pa.array(at)) for kind, at in by_kind.items()}
        return cls(table.take(pa.array(list(first.values()), pa.int64())), list(first), raw)

    def classes(self, kind: str) -> list[str]:
        """The classes that there are states of this kind of."""
        return sorted(name for own, name in self.raw if own == kind)

    def numbers(self, kind: str, class_name: str, size: int) -> Floats:
        """The states of a kind and class, (N, size); NaN where there is none of that size."""
        found = np.full((len(self.keys), size), np.nan)
        table = self.raw.get((kind, class_name))
        if table is None:
            return found
        fits, cells = stacked(table, size)
        place = {key: i for i, key in enumerate(self.keys)}
        starts = table.column("window_start").to_pylist()
        own = [(start, *one) for start, one in zip(starts, slices(table), strict=True)]
        at = [(place[own[i]], j) for j, i in enumerate(fits.tolist()) if own[i] in place]
        if at:
            to, source = np.array(at).T
            found[to] = cells[source]
        return found

    def whole(self) -> Positions:
        """For each row the position of its window's row of the whole table, -1: there is none."""
        place = {key[0]: i for i, key in enumerate(self.keys) if key[1:] == ENTIRE}
        return np.array([place.get(key[0], -1) for key in self.keys], dtype=np.intp)

    def of_whole_table(self) -> NDArray[np.bool_]:
        """Which rows are of the whole table, (N,)."""
        return np.array([key[1:] == ENTIRE for key in self.keys], dtype=bool)

    def own(self, place: Mapping[Slice, int]) -> Positions:
        """For each row the position of its slice in the evaluation set, -1: it is not there."""
        return np.array([place.get(key[1:], -1) for key in self.keys], dtype=np.intp)


def calibrated_by(labelled: Floats, own: Positions, entire: int, bins: int) -> Positions:
    """Which slice of the evaluation set each row is estimated by: its own, else the whole set's.

    labelled (S,): rows of each slice; -1 where there is neither.
    """
    if not len(labelled):
        return np.full(len(own), -1, dtype=np.intp)
    enough = (own >= 0) & (labelled[own] >= LEAST_PER_BIN * bins)
    return np.where(enough, own, entire)

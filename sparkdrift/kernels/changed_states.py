"""States after some rows changed: as stored, less what they held of these rows, plus what they are.

Exact for counts, to rounding for sums: adding up again what is known already would read every
row of a window for the few that were labelled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa

from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.dependence import EMPTY, merge_states, remaining_states
from sparkdrift.measures.regression_error import COLUMNS as ERRORS
from sparkdrift.measures.score_bins import COLUMNS as SCORES

MOMENTS = "class_moments"
KEYS = ("window_start", "slice_key", "slice_value", "kind", "name")
PART_SQL = "sign int, columns array<string>, cells array<double>, own_definition string"
CHANGED = pa.schema(
    [
        ("window_start", pa.timestamp("us", tz="UTC")),
        *((name, pa.string()) for name in KEYS[1:]),
        ("columns", pa.list_(pa.string())),
        ("cells", pa.list_(pa.float64())),
        ("own_definition", pa.string()),
    ]
)
CHANGED_SQL = (
    "window_start timestamp, slice_key string, slice_value string, kind string, name string,"
    " columns array<string>, cells array<double>, own_definition string"
)
# Sums of what cancels out are off by rounding; a whole row is not.
_LESS_THAN_NONE = -1e-3
# Of a kind: cells of a bin, by column of a sum that of the rows which it is over, and the sums that
# may be below 0.
_COUNTS: tuple[int, dict[int, int], tuple[int, ...]] = (1, {}, ())
_SUMS = {
    "scores": (
        len(SCORES),
        {
            SCORES.index(name): SCORES.index(rows)
            for name, rows in (
                *(("score_sum", "rows"), ("labelled_score_sum", "labelled")),
                ("squared_loss", "labelled"),
            )
        },
        (),
    ),
    "errors": (
        len(ERRORS),
        {
            ERRORS.index(name): ERRORS.index(rows)
            for name, rows in (
                *(("absolute", "rows"), ("square", "rows"), ("fourth", "rows"), ("signed", "rows")),
                *(("relative", "nonzero"), ("relative_square", "nonzero")),
            )
        },
        (ERRORS.index("signed"),),
    ),
    "value": (3, {1: 0, 2: 0}, (1,)),
}
_LACKING = "a stored state of {kind} has fewer rows than are to be taken away from it"


@dataclass(frozen=True)
class Part:
    """A state, or some rows of one. sign: 1, or -1 for what is taken away."""

    sign: int
    columns: Sequence[str | None] | None
    cells: Floats
    definition: str | None = None


def changed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """KEYS and `parts`, the Parts of a state, in; rows of CHANGED out, none for a state that no
    row is left of."""
    for batch in batches:
        kinds, parts = batch.column("kind").to_pylist(), batch.column("parts")
        bounds = parts.offsets.to_numpy() - parts.offsets[0].as_py()
        fields = parts.flatten()
        signs, columns, cells, definitions = (fields.field(i) for i in range(4))
        values, ends = cells.flatten().to_numpy(zero_copy_only=False), cells.offsets.to_numpy()
        ends = ends - ends[0]
        kept, found = [], []
        for row, kind in enumerate(kinds):
            own = [
                Part(
                    signs[i].as_py(),
                    columns[i].as_py(),
                    values[ends[i] : ends[i + 1]],
                    definitions[i].as_py(),
                )
                for i in range(bounds[row], bounds[row + 1])
            ]
            one = total(kind, own)
            if one is not None:
                kept.append(row)
                found.append(one)
        keys = batch.select(KEYS).take(pa.array(kept, pa.int64()))
        yield from _rows(keys, found).to_batches()


def _rows(keys: pa.RecordBatch, found: Sequence[Part]) -> pa.Table:
    lengths = [0, *(len(one.cells) for one in found)]
    flat = np.concatenate([one.cells for one in found]) if found else np.zeros(0)
    return pa.table(
        [
            *keys.columns,
            pa.array([one.columns for one in found], pa.list_(pa.string())),
            pa.ListArray.from_arrays(pa.array(np.cumsum(lengths), pa.int32()), pa.array(flat)),
            pa.array([one.definition for one in found], pa.string()),
        ],
        names=CHANGED.names,
    ).cast(CHANGED)


def total(kind: str, parts: Sequence[Part]) -> Part | None:
    """The state that parts of one kind and name make together; None: no row is left.

    Raises ValueError where more is taken away than there was: then the stored state is not that of
    the rows that it is taken to be of.
    """
    definition = next((one.definition for one in parts if one.definition is not None), None)
    columns = next((one.columns for one in parts if one.columns is not None), None)
    if kind != MOMENTS:
        cells = floats(np.sum([one.sign * one.cells for one in parts], axis=0))
        return Part(1, columns, _without_rounding(kind, cells), definition)
    head = list(columns or ())[:2]
    if any(len(one.columns or ()) > 2 for one in parts):
        number = head[1] is None
        by_item = _by_item(parts, width=3 if number else 1)
        left = {item: own for item, own in sorted(by_item.items()) if own[0] > 0}
        if not left:
            return None
        return Part(1, [*head, *left], np.concatenate(list(left.values())), definition)
    state = _net([(one.sign, one.cells) for one in parts])
    return None if state[0] <= 0 else Part(1, head, state, definition)


def _without_rounding(kind: str, cells: Floats) -> Floats:
    """Sums over no row are 0, and so is what rounding leaves below."""
    width, over, signed = _SUMS.get(kind if kind != "baseline" else _rule(cells), _COUNTS)
    whole = len(cells) // width * width
    table = cells[:whole].reshape(-1, width)
    counts = np.concatenate([np.delete(table, [*over, *signed], axis=1).ravel(), cells[whole:]])
    if (counts < _LESS_THAN_NONE).any():
        raise ValueError(_LACKING.format(kind=kind))
    left = table.copy()
    for column, rows in over.items():
        none = left[:, rows] < 0.5
        floor = -np.inf if column in signed else 0.0
        left[:, column] = np.where(none, 0.0, np.maximum(left[:, column], floor))
    return np.concatenate([left.ravel(), cells[whole:]])


def _rule(cells: Floats) -> str:
    """A baseline has a confusion matrix, or the errors of a number."""
    return "errors" if len(cells) == len(ERRORS) else "confusion"


def _by_item(parts: Sequence[Part], width: int) -> dict[str, Floats]:
    """By category what is left of its cells: rows, or moments of the label."""
    own: dict[str, list[tuple[int, Floats]]] = {}
    for one in parts:
        for item, cells in zip((one.columns or ())[2:], one.cells.reshape(-1, width), strict=True):
            own.setdefault(str(item), []).append((one.sign, cells))
    return {item: _net(cells) for item, cells in own.items()}


def _net(signed: Sequence[tuple[int, Floats]]) -> Floats:
    """Rows (1,), moments (3,) or the state of a pair (6,): what is added less what is taken away.

    First everything is added, so that there is something to take away from.
    """
    width = len(signed[0][1])
    sides = {
        sign: reduce(merge_states, [_padded(cells) for own, cells in signed if own == sign], EMPTY)
        for sign in (1, -1)
    }
    if sides[-1][0] > sides[1][0] - _LESS_THAN_NONE:
        raise ValueError(_LACKING.format(kind=MOMENTS))
    state = remaining_states(sides[1], sides[-1])
    return state if width == len(EMPTY) else state[[0, 1, 3]][:width]


def _padded(cells: Floats) -> Floats:
    """Rows or moments of one number as the state of a pair whose other number is 0."""
    if len(cells) == len(EMPTY):
        return cells
    found = np.zeros(len(EMPTY))
    found[[0, 1, 3][: len(cells)]] = cells
    return found

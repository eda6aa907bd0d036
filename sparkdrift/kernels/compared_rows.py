"""What comparisons of one feature found, as one batch of rows of COMPARED.

One for all of its comparisons: a batch of a hundred columns costs more than its rows do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkdrift.kernels.batches import arrow_schema
from sparkdrift.kernels.compared import COMPARED, FIGURES

_SCHEMA = arrow_schema(COMPARED)
Found = tuple[Mapping[str, Any], int]
"""Columns by name, each float64 (W,), an Arrow array or a list, and how many rows they have."""


def as_batch(found: Sequence[Found]) -> pa.RecordBatch:
    """The rows of all `found`; a column that one lacks is NULL there.

    Figures are NULL where they are no finite number, and where a row was not measured.
    """
    unmeasured = [status for rows, _ in found for status in rows["unmeasured"]]
    measured = np.array([status is None for status in unmeasured], dtype=bool)
    arrays = []
    for field in _SCHEMA:
        parts = [(rows.get(field.name), size) for rows, size in found]
        if field.name in FIGURES:
            arrays.append(_figures(parts, field.type, measured))
        else:
            arrays.append(_joined(parts, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)


def where(kept: NDArray[np.bool_], values: pa.Array, at: NDArray[np.intp]) -> pa.Array:
    """The values at these positions where they are kept, else NULL."""
    return values.take(pa.array(at, mask=~kept))


def _figures(
    parts: Sequence[tuple[Any, int]], kind: pa.DataType, measured: NDArray[np.bool_]
) -> pa.Array:
    if all(values is None for values, _ in parts):
        return pa.nulls(len(measured), kind)
    if pa.types.is_floating(kind):
        numbers = [
            np.full(size, np.nan) if values is None else np.asarray(values, dtype=np.float64)
            for values, size in parts
        ]
        together = np.concatenate(numbers)
        return pa.array(together, mask=~(measured & np.isfinite(together)))
    made = _joined(parts, kind)
    return made if measured.all() else where(measured, made, np.arange(len(measured)))


def _joined(parts: Sequence[tuple[Any, int]], kind: pa.DataType) -> pa.Array:
    if all(isinstance(values, list) for values, _ in parts):
        return pa.array([one for values, _ in parts for one in values], kind)
    arrays = []
    for values, size in parts:
        if values is None:
            arrays.append(pa.nulls(size, kind))
            continue
        made = values if isinstance(values, pa.Array) else pa.array(values, kind)
        arrays.append(made if made.type == kind else made.cast(kind))
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)

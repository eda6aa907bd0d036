"""Arrow batches as groups of rows, and columns as what measures/ takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sparkdrift.measures.categorical import Categories

_SCALARS: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "binary": pa.binary(),
    "int": pa.int32(),
    "boolean": pa.bool_(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def arrow_schema(fields: Mapping[str, str]) -> pa.Schema:
    """Columns given as name -> SQL type, as an Arrow schema."""
    return pa.schema([(name, arrow_type(sql)) for name, sql in fields.items()])


@cache
def arrow_type(sql: str) -> pa.DataType:
    """Arrow's type for a SQL type of our tables, without blanks; KeyError for any other."""
    if sql.startswith("array<"):
        return pa.list_(arrow_type(sql[len("array<") : -1]))
    if sql.startswith("struct<"):
        fields = (one.split(":", 1) for one in _parted(sql[len("struct<") : -1]))
        return pa.struct([(name, arrow_type(own)) for name, own in fields])
    return _SCALARS[sql]


def _parted(fields: str) -> Iterator[str]:
    """The fields of a struct: parted at the commas that are in no other type."""
    depth = begun = 0
    for place, letter in enumerate(fields):
        depth += (letter == "<") - (letter == ">")
        if letter == "," and not depth:
            yield fields[begun:place]
            begun = place + 1
    yield fields[begun:]


def groups(batches: Iterator[pa.RecordBatch], keys: Sequence[str]) -> Iterator[pa.Table]:
    """One table per run of rows with equal `keys` (NULL equals NULL), across batches.

    The rows must arrive with equal keys together, which Spark's sort sees to. Only one
    group is held at a time.
    """
    held: list[pa.RecordBatch] = []
    current: tuple[Any, ...] | None = None
    for batch in batches:
        if batch.num_rows == 0:
            continue
        starts = _starts(batch, keys)
        for begin, end in zip(starts, [*starts[1:], batch.num_rows], strict=True):
            key = tuple(batch.column(name)[begin].as_py() for name in keys)
            if held and key != current:
                yield pa.Table.from_batches(held)
                held = []
            current = key
            held.append(batch.slice(begin, end - begin))
    if held:
        yield pa.Table.from_batches(held)


def _starts(batch: pa.RecordBatch, keys: Sequence[str]) -> list[int]:
    """Positions in `batch` where the keys differ from the row before; 0 is always one."""
    changed = np.zeros(batch.num_rows, dtype=bool)
    changed[0] = True
    for name in keys:
        codes = batch.column(name).dictionary_encode(null_encoding="encode").indices
        numbers = codes.to_numpy(zero_copy_only=False)
        changed[1:] |= numbers[1:] != numbers[:-1]
    return [int(position) for position in np.flatnonzero(changed)]


def joined(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of `rows` or more, but for the last.

    Each batch is a message with buffers for all columns: of a hundred rows that is a large part.
    """
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(one.num_rows for one in held) >= rows:
            yield from _as_one(held)
            held = []
    if held:
        yield from _as_one(held)


def _as_one(held: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    # `concat_batches` says the same, from pyarrow 19 on.
    return list(pa.Table.from_batches(held).combine_chunks().to_batches())


def micros(table: pa.Table, name: str) -> list[int | None]:
    """A timestamp column as microseconds since 1970: a datetime takes a hundred times as long."""
    instants = table.column(name).cast(arrow_type("timestamp"))
    found: list[int | None] = instants.cast(pa.int64()).to_pylist()
    return found


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """`table.to_pylist()`, with one datetime for all rows of the same instant."""
    columns = {name: _plain(table.column(name)) for name in table.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(values: pa.ChunkedArray) -> list[Any]:
    if not pa.types.is_timestamp(values.type):
        found: list[Any] = values.to_pylist()
        return found
    coded = values.combine_chunks().dictionary_encode()
    instants = [*coded.dictionary.to_pylist(), None]
    return [instants[code] for code in coded.indices.fill_null(len(instants) - 1).to_pylist()]


def column(table: pa.Table, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A number column as float64 (rows,); NULL is NaN."""
    numbers = table.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, dtype=np.float64)


def counts(table: pa.Table, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A count column as float64 (rows,); NULL is 0: it does not apply to that kind of feature."""
    return np.asarray(np.nan_to_num(column(table, name), nan=0.0))


def categories(table: pa.Table) -> list[Categories | None]:
    """The column `categories` as states, None for NULL."""
    states: list[Categories | None] = []
    for chunk in table.column("categories").chunks:
        items = pc.struct_field(chunk, "items")
        names, numbers = (
            pc.struct_field(items.flatten(), "item"),
            pc.struct_field(items.flatten(), "count"),
        )
        lengths = pc.fill_null(pc.list_value_length(items), 0).to_numpy(zero_copy_only=False)
        ends = np.cumsum(lengths)
        offsets, totals, exact = (
            pc.struct_field(chunk, field).to_pylist() for field in ("offset", "total", "exact")
        )
        for i, valid in enumerate(chunk.is_valid().to_pylist()):
            begin, end = int(ends[i] - lengths[i]), int(ends[i])
            states.append(
                Categories(
                    items=tuple(names[begin:end].to_pylist()),
                    counts=numbers[begin:end].to_numpy(zero_copy_only=False).astype(np.int64),
                    offset=offsets[i],
                    total=totals[i],
                    exact=exact[i],
                )
                if valid
                else None
            )
    return states

"""Where on its key a table is looked up: intervals that hold all keys asked for, and few more.

Delta leaves out files that by their statistics have no key in them, and Parquet parts of a file. It
helps where keys grow with time, as numbers and dates in names do; not where they are random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift.spark.sql import quote, string
from sparkdrift.spec.columns import Columns

_WHOLE_NUMBERS = ("tinyint", "smallint", "int", "bigint")
_PARTS = 64
"""A number's range is cut into so many parts, of which those without a key are left out: one old
key among the newest would else ask for everything between."""


@dataclass(frozen=True)
class Ranges:
    """Of each part of a key the intervals [low, high] that its values are in, as SQL literals;
    None: of a type that is not looked at. kinds: the types. keys: how many different ones."""

    parts: tuple[tuple[tuple[str, str], ...] | None, ...]
    kinds: tuple[str, ...]
    keys: int

    def within(self, columns: Sequence[str], schema: dict[str, str]) -> str | None:
        """A predicate on the columns of a table that holds the key; None where none can be said."""
        known = Columns(schema)
        said = []
        for column, own, kind in zip(columns, self.parts, self.kinds, strict=True):
            if own is None or not _alike(kind, known.type_of(column)):
                continue
            name = quote(column)
            each = (f"({name} >= {low} AND {name} <= {high})" for low, high in own)
            said.append(f"({' OR '.join(each) or 'false'})")
        return " AND ".join(said) or None


def ranges_of(keys: DataFrame) -> Ranges:
    """The ranges of `keys`, whose columns are the parts of the key; reads them twice at most."""
    fields = keys.schema.fields
    kinds = tuple(one.dataType.simpleString() for one in fields)
    looked = [i for i, kind in enumerate(kinds) if kind in (*_WHOLE_NUMBERS, "string")]
    names = [quote(one.name) for one in fields]
    asked = keys.distinct()
    ends = [f"{name}({names[i]}) AS {name}{i}" for i in looked for name in ("min", "max")]
    (row,) = asked.selectExpr("count(*) AS keys", *ends).collect()
    found: list[tuple[tuple[str, str], ...] | None] = []
    for i, kind in enumerate(kinds):
        if i not in looked:
            found.append(None)
            continue
        low, high = row[f"min{i}"], row[f"max{i}"]
        if low is None:
            found.append(())
        elif kind == "string":
            found.append(((string(low), string(high)),))
        else:
            found.append(_occupied(keys, names[i], int(low), int(high)))
    return Ranges(tuple(found), kinds, int(row["keys"]))


def _occupied(keys: DataFrame, name: str, low: int, high: int) -> tuple[tuple[str, str], ...]:
    """The parts of [low, high] that have keys, each from its least to its greatest one."""
    width = (high - low) // _PARTS + 1
    if width == 1:
        return ((str(low), str(high)),)
    place = f"CAST((CAST({name} AS DECIMAL(20, 0)) - {low}) div {width} AS INT)"
    rows = (
        keys.where(f"{name} IS NOT NULL")
        .selectExpr(f"{place} AS part", f"{name} AS own")
        .groupBy("part")
        .agg(F.min("own").alias("low"), F.max("own").alias("high"))
        .collect()
    )
    return tuple(sorted((str(row["low"]), str(row["high"])) for row in rows))


def _alike(kind: str, other: str | None) -> bool:
    return kind == other or {kind, other} <= {*_WHOLE_NUMBERS}

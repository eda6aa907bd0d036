"""Slices as SQL: every row belongs to the whole table and to one value of each slice.

Rows are first aggregated by the columns that slices are made of, jointly, and repeated
once per slice only then: as many rows as there are combinations, not as there are rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import DataFrame

from sparkdrift.explain.signals import SHAPED_ROWS, WHOLE
from sparkdrift.spark.sql import quote, string
from sparkdrift.spec.feedback import SHAPED
from sparkdrift.spec.hiding import hidden_columns
from sparkdrift.spec.models import OTHER, MonitorSpec
from sparkdrift.spec.privacy import Hidden
from sparkdrift.spec.resolving import Resolution

KEYS = ("window_start", "slice_key", "slice_value")


@dataclass(frozen=True)
class Slices:
    """The slices of a monitor; each is a tuple of columns of the source.

    `values`: by column in lower case, the values that have a slice; the rest share OTHER.
    `made`: names among the keys that are no columns, with the SQL of their text. `hidden`: by
    column in lower case, how its values are hidden; `values` are those that are stored then.
    """

    keys: tuple[tuple[str, ...], ...] = ()
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, Hidden] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that some slice is made of, each once."""
        return combination(self.keys)

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called in an aggregate: k0, k1, ..."""
        return tuple(f"k{i}" for i in range(len(self.columns)))

    def selected(self) -> list[str]:
        """The columns of a source row as text, under their names."""
        return [
            f"{self._text(column)} AS {name}"
            for column, name in zip(self.columns, self.names, strict=True)
        ]

    def _text(self, column: str) -> str:
        if column in self.made:
            return self.made[column]
        hidden = self.hidden.get(column.lower())
        text = f"CAST({quote(column)} AS STRING)" if hidden is None else hidden.sql(quote(column))
        listed = self.values.get(column.lower())
        if listed is None:
            return text
        kept = ", ".join(map(string, listed))
        return (
            f"CASE WHEN {text} IS NULL OR {text} IN ({kept}) THEN {text} ELSE {string(OTHER)} END"
        )

    def repeated(self) -> str:
        """A generator: slice_key and slice_value of each slice that a row belongs to."""
        cells = [_cell(WHOLE, string(WHOLE))]
        cells += [_cell(slice_name(keys), self.value(keys)) for keys in self.keys]
        return f"inline(array({', '.join(cells)}))"

    def expanded(self, rows: DataFrame, *columns: str) -> DataFrame:
        """`columns` of each row once per slice that it belongs to; without slices, as the whole."""
        if self.keys:
            return rows.selectExpr("window_start", self.repeated(), *columns)
        whole = (f"{string(WHOLE)} AS {key}" for key in KEYS[1:])
        return rows.selectExpr("window_start", *whole, *columns)

    def value(self, keys: Sequence[str]) -> str:
        """SQL of a slice's value, over the named columns."""
        named = dict(zip(self.columns, self.names, strict=True))
        texts = [named[key] for key in keys]
        # JSON for several keys: unlike a separator, it can't be mistaken for a value.
        return texts[0] if len(keys) == 1 else f"to_json(array({', '.join(texts)}))"


def slices_of(spec: MonitorSpec, keys: Sequence[Sequence[str]]) -> Slices:
    """Slices by `keys`, with the values that the spec lists."""
    hidden = dict(hidden_columns(spec, combination(keys)))
    values = {
        column.lower(): [hidden[column.lower()].token(one) for one in values]
        if column.lower() in hidden
        else values
        for column, values in spec.slice_values.items()
    }
    made = {} if spec.feedback is None else {SHAPED_ROWS: spec.feedback.side}
    return Slices(tuple(tuple(columns) for columns in keys), values, made, hidden)


def profiled_slices(spec: MonitorSpec, resolution: Resolution) -> tuple[tuple[str, ...], ...]:
    """The slices of the watched table: those declared, and by whether the model shaped a row."""
    known = any(one.feature.column == SHAPED and one.problem is None for one in resolution.metrics)
    compared = spec.feedback is not None and spec.feedback.compare and known
    return (*resolution.usable_slices, *([(SHAPED_ROWS,)] if compared else ()))


def meaning(spec: MonitorSpec) -> str:
    """SQL for the definition of a profiled row, over that of its feature; see `shaped_hash`."""
    if spec.feedback is None:
        return "definition_hash"
    condition = string(f"|{spec.feedback.meaning(spec.prediction.key)}")
    return (
        f"CASE WHEN slice_key = {string(SHAPED_ROWS)} THEN"
        f" substring(sha2(concat(definition_hash, {condition}), 256), 1, 16)"
        " ELSE definition_hash END"
    )


def combination(keys: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The columns of several slices as those of one: each once, in their order."""
    return tuple(dict.fromkeys(column for columns in keys for column in columns))


def slice_name(keys: Sequence[str]) -> str:
    """What `slice_key` holds for a slice by these columns."""
    return ",".join(keys)


def _cell(name: str, value: str) -> str:
    return f"struct({string(name)} AS slice_key, {value} AS slice_value)"

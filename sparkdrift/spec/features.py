"""The section `features`: columns, expressions, vectors and texts, as frozen models.

Whatever is written down becomes plain features of two kinds, each with a name of its
own: a vector and a text stand for several (`embedding.norm`, `comment.words`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from sparkdrift.spec.origin import Loc
from sparkdrift.spec.policy import Override
from sparkdrift.spec.values import ColumnName, FeatureName, Section, refusal

Kind = Literal["numeric", "categorical"]
_ACCEPTED_FEATURES = "a list of columns"
ACCEPTED_EXPRESSION = "an SQL expression on the columns of one row, such as size(items)"
# The parts of a text, in the order in which they are stored.
TEXT_PARTS: Mapping[str, Kind] = {
    "length": "numeric",
    "words": "numeric",
    "empty": "categorical",
    "non_ascii": "categorical",
}

Expression = Annotated[str, Field(description=ACCEPTED_EXPRESSION)]


class DeclaredFeature(Override):
    """A column, or a mapping that says more about it; or an expression with a name."""

    column: ColumnName | None = None
    expression: Expression | None = None
    called: FeatureName | None = Field(
        default=None, alias="name", description="the name of an expression's feature"
    )
    formerly: ColumnName | None = None
    as_: Literal["age", "number"] | None = Field(default=None, alias="as")

    @property
    def name(self) -> str:
        """The id under which rows are stored: it survives a rename of the column."""
        return self.called or self.formerly or self.column or ""


class VectorFeature(Override):
    """A column of vectors, array<float> or array<double>, all of one length."""

    column: ColumnName
    dimension: int = Field(
        ge=1, le=65_536, description="the length of the vectors, a whole number from 1 to 65536"
    )
    projections: int = Field(default=8, ge=0, le=64, description="a whole number from 0 to 64")
    seed: int = Field(
        default=0, ge=0, le=2**63 - 1, description="a whole number; another one, other directions"
    )
    formerly: ColumnName | None = None

    @property
    def name(self) -> str:
        return self.formerly or self.column

    def parts(self) -> Iterator[tuple[str, Kind]]:
        yield "norm", "numeric"
        yield "dimension", "categorical"
        for number in range(self.projections):
            yield f"projection_{number}", "numeric"


class TextFeature(Override):
    """A column of free text."""

    column: ColumnName
    formerly: ColumnName | None = None

    @property
    def name(self) -> str:
        return self.formerly or self.column


@dataclass(frozen=True)
class Declared:
    """One plain feature as the spec declares it; `part` says which one of a vector or text."""

    name: str
    entry: DeclaredFeature | VectorFeature | TextFeature
    part: str | None = None

    @property
    def column(self) -> str | None:
        return self.entry.column

    @property
    def definition(self) -> tuple[str | int, ...] | None:
        """What the value is, where it is not a column as it stands.

        It goes into the hash of the definition, so its form never changes.
        """
        if isinstance(self.entry, TextFeature):
            return ("text", str(self.part))
        if isinstance(self.entry, VectorFeature):
            seed = (self.entry.seed,) if str(self.part).startswith("projection") else ()
            return ("vector", str(self.part), self.entry.dimension, *seed)
        if self.entry.expression is not None:
            return ("expression", self.entry.expression.strip())
        return None if self.entry.as_ is None else (self.entry.as_,)


class Auto(Section):
    """Features found by type; `include` narrows the candidates, `exclude` removes from them."""

    include: tuple[ColumnName, ...] | None = Field(default=None, description=_ACCEPTED_FEATURES)
    exclude: tuple[ColumnName, ...] = Field(default=(), description=_ACCEPTED_FEATURES)


def _entry(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _auto(value: Any) -> Any:
    if value is None or isinstance(value, Mapping | Auto):
        return value
    word = str(value).lower()
    if word not in ("true", "false"):
        raise refusal("'auto' is neither on, off, nor a mapping", "true, false, or {exclude: [..]}")
    return {} if word == "true" else None


FeatureEntry = Annotated[DeclaredFeature, BeforeValidator(_entry)]
VectorEntry = Annotated[VectorFeature, BeforeValidator(_entry)]
TextEntry = Annotated[TextFeature, BeforeValidator(_entry)]


class Features(Section):
    numeric: tuple[FeatureEntry, ...] = Field(
        default=(), description="a list of columns, or of mappings, see below"
    )
    categorical: tuple[FeatureEntry, ...] = Field(
        default=(), description="a list of columns, or of mappings, see below"
    )
    vector: tuple[VectorEntry, ...] = Field(
        default=(), description="a list of mappings with 'column' and 'dimension', see below"
    )
    text: tuple[TextEntry, ...] = Field(
        default=(), description="a list of columns, or of mappings, see below"
    )
    auto: Annotated[Auto | None, BeforeValidator(_auto)] = None

    def declared(self) -> Iterator[tuple[Loc, Kind, Declared]]:
        """Every feature that is written down, with its place in the spec and its kind."""
        for position, plain in enumerate(self.numeric):
            yield ("features", "numeric", position), "numeric", Declared(plain.name, plain)
        for position, plain in enumerate(self.categorical):
            yield ("features", "categorical", position), "categorical", Declared(plain.name, plain)
        for position, vector in enumerate(self.vector):
            for part, kind in vector.parts():
                named = Declared(f"{vector.name}.{part}", vector, part)
                yield ("features", "vector", position), kind, named
        for position, text in enumerate(self.text):
            for part, kind in TEXT_PARTS.items():
                named = Declared(f"{text.name}.{part}", text, part)
                yield ("features", "text", position), kind, named

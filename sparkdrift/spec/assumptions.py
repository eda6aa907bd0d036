"""What must hold of the data, window by window: learned from the reference, or declared.

`dependence` says which pairs of numbers are watched for moving together, `assumptions` what
else must hold. Neither is on unless its section is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from sparkdrift.spec.origin import Loc
from sparkdrift.spec.values import FeatureName, LocalDate, Section, Text, refusal

Pair = Annotated[
    tuple[FeatureName, FeatureName],
    Field(description="two numeric features, such as [age, income]"),
]
Correlation = Annotated[
    float, Field(gt=0, le=1, description="a change of a correlation, above 0 and up to 1")
]
_ACCEPTED_RANGE = "[lowest, highest], null for an open end, or off"
_ACCEPTED_DOMAIN = "a list of values, as text, or off"
MOST_DOMAIN = 1000


def _auto(value: Any) -> Any:
    """`dependence: auto` stands for {auto: true}."""
    return {"auto": True} if value == "auto" else value


def _is_off(value: Any) -> bool:
    """YAML 1.1 readers turn off into false; ours keeps the word. Both mean it."""
    return value is False or str(value).lower() in ("off", "false")


def _range(value: Any) -> Any:
    if _is_off(value):
        return False
    if isinstance(value, list | tuple) and len(value) == 2:
        try:
            return tuple(None if end is None else float(end) for end in value)
        except (TypeError, ValueError):
            pass
    raise refusal("this is no range", _ACCEPTED_RANGE)


def _domain(value: Any) -> Any:
    if _is_off(value):
        return False
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise refusal("this is no domain", _ACCEPTED_DOMAIN)
    return tuple(value)


def _not_null(value: Any) -> Any:
    word = str(value).lower()
    if word not in ("true", "false", "on", "off"):
        raise refusal("'not_null' is neither on nor off", "true or off")
    return word in ("true", "on")


class Dependence(Section):
    """Which pairs of numeric features are watched for a change of their correlation.

    `auto`: all pairs, where the monitor has at most `most_features` numeric features.
    `limit`: from which change of r on it matters.
    """

    pairs: tuple[Pair, ...] = Field(default=(), description="a list of pairs of numeric features")
    auto: bool = Field(default=False, description="true or false")
    most_features: int = Field(default=20, ge=2, le=200, description="a whole number from 2 to 200")
    limit: Correlation = 0.1


DependenceEntry = Annotated[Dependence, BeforeValidator(_auto)]

Bound = float | None
Range = Annotated[
    tuple[Bound, Bound] | bool, BeforeValidator(_range), Field(description=_ACCEPTED_RANGE)
]
Domain = Annotated[
    tuple[str, ...] | bool, BeforeValidator(_domain), Field(description=_ACCEPTED_DOMAIN)
]


class Confirmed(Section):
    """When the team that built the model and the one that runs it agreed to what is assumed."""

    built_by: LocalDate | None = None
    run_by: LocalDate | None = None


class Stated(Section):
    """Why something is assumed, how much hangs on it, and who agreed; none of it is computed with.

    `confirmed` of a single assumption stands in place of that of the section.
    """

    rationale: Text | None = Field(default=None, description="why it is assumed, in a line")
    sensitivity: Literal["low", "medium", "high"] | None = None
    confirmed: Confirmed | None = None


class Assumed(Stated):
    """What holds of one feature; what is not given is learned, `off` is not looked at.

    `tolerate`: the share of rows that may break it.
    """

    range: Range | None = Field(default=None, description=_ACCEPTED_RANGE)
    domain: Domain | None = Field(default=None, description=_ACCEPTED_DOMAIN)
    not_null: Annotated[bool | None, BeforeValidator(_not_null)] = Field(
        default=None, description="true or off"
    )
    tolerate: float = Field(default=0.0, ge=0, lt=1, description="a share from 0 to below 1")


class Monotone(Stated):
    """A feature that rises or falls with time, or with another feature."""

    column: FeatureName
    with_: FeatureName | None = Field(
        default=None, alias="with", description="a numeric feature; default: event time"
    )
    order: Literal["increasing", "decreasing"] = "increasing"


class Assumptions(Stated):
    """`learned`: ranges, domains and the absence of NULL are taken from the reference.

    `rationale`, `sensitivity` and `confirmed` hold for whatever has none of its own.
    """

    learned: bool = Field(default=True, description="true or false")
    features: Mapping[str, Assumed] = Field(
        default_factory=dict,
        description="a mapping from features to range, domain, not_null, tolerate",
    )
    monotone: tuple[Monotone, ...] = Field(
        default=(), description="a list of mappings with 'column', 'with', 'order'"
    )
    independent: tuple[Pair, ...] = Field(
        default=(), description="a list of pairs of numeric features"
    )
    examples: Literal["show", "hash", "none"] = "show"


WHY = frozenset(["rationale", "sensitivity", "confirmed"])
"""The keys that say why something is assumed, and change no verdict."""


def named(dependence: Dependence | None, assumed: Assumptions | None) -> Iterator[tuple[Loc, str]]:
    """(place in the spec, name) of every feature that is named in these sections."""
    for position, pair in enumerate(dependence.pairs if dependence else ()):
        for place, name in enumerate(pair):
            yield ("dependence", "pairs", position, place), name
    if assumed is None:
        return
    for name in assumed.features:
        yield ("assumptions", "features", name), name
    for position, one in enumerate(assumed.monotone):
        yield ("assumptions", "monotone", position, "column"), one.column
        if one.with_ is not None:
            yield ("assumptions", "monotone", position, "with"), one.with_
    for position, pair in enumerate(assumed.independent):
        for place, name in enumerate(pair):
            yield ("assumptions", "independent", position, place), name


def declared_pairs(
    dependence: Dependence | None, assumed: Assumptions | None
) -> list[tuple[str, str]]:
    """The pairs that some section names, each once, in the order of their names."""
    found = list(dependence.pairs) if dependence else []
    if assumed is not None:
        found += assumed.independent
        found += [(one.column, one.with_) for one in assumed.monotone if one.with_ is not None]
    return sorted({ordered(*pair) for pair in found})


def ordered(one: str, other: str) -> tuple[str, str]:
    """A pair is the same whichever stands first."""
    return (one, other) if one <= other else (other, one)

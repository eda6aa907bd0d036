"""Which column of a table could play which part in a monitor: rules of thumb for a draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sparkdrift.spec.columns import (
    automatic_kind,
    base_type,
    is_atomic,
    is_text,
    is_timestamp,
    is_vector,
)
from sparkdrift.spec.names import refused_name

_TIMESTAMP_NAMES = (
    *("event_time", "event_timestamp", "event_ts", "timestamp", "ts", "time"),
    *("created_at", "inserted_at", "prediction_time", "scored_at", "date"),
)
_ROLE_NAMES = {
    "score": (
        *("score", "prediction_score", "probability", "proba", "prob"),
        *("predicted_probability", "prediction"),
    ),
    "decision": ("decision", "predicted_label", "predicted_class", "approved", "prediction"),
    "label": (
        *("label", "target", "y", "y_true", "actual", "outcome", "ground_truth"),
        *("defaulted", "churned", "converted", "is_fraud"),
    ),
}
# What people do with a decision is no input of the model that made it.
_AFTERWARDS = frozenset(
    ["override", "overrides", "overridden", "overruled", "escalated", "appealed", "complaint"]
)
_FRACTIONAL = frozenset(["float", "real", "double", "decimal"])

# Rules of thumb, not measured: above this share of distinct values a text is an
# id; without a row count, above this number. Slices want few values, each with rows.
_NEAR_UNIQUE_SHARE = 0.9
_NEAR_UNIQUE_COUNT = 100_000
_MOST_SLICE_VALUES = 20
_MOST_SLICES = 3
# Free text has words; ids and hashes have none, and names of things are short.
_SHORTEST_TEXT = 25
_TEXT_WITH_WORDS = 0.5
_FEWEST_TEXTS = 1000


@dataclass(frozen=True)
class ColumnSummary:
    """What one look at a column found; None is not known. `minimum` and `maximum` as text.

    `mean_length` in characters and `spaced_share`, the share of values with a blank, are of
    texts; `dimension`, the most frequent length in the first rows, is of vectors.
    """

    name: str
    data_type: str
    approx_distinct: int | None = None
    null_share: float | None = None
    minimum: str | None = None
    maximum: str | None = None
    mean_length: float | None = None
    spaced_share: float | None = None
    dimension: int | None = None


@dataclass
class Choice:
    """Which column plays which part; `left_out` pairs a column with the reason."""

    timestamp: ColumnSummary | None = None
    numeric: list[ColumnSummary] = field(default_factory=list)
    categorical: list[ColumnSummary] = field(default_factory=list)
    vector: list[ColumnSummary] = field(default_factory=list)
    text: list[ColumnSummary] = field(default_factory=list)
    times: list[ColumnSummary] = field(default_factory=list)
    roles: dict[str, ColumnSummary] = field(default_factory=dict)
    slices: list[ColumnSummary] = field(default_factory=list)
    left_out: list[tuple[ColumnSummary, str]] = field(default_factory=list)


def choose(columns: Sequence[ColumnSummary], rows: int | None = None) -> Choice:
    """Give each column at most one part, by its type, name and number of values."""
    choice = Choice()
    seen: set[str] = set()
    usable: list[ColumnSummary] = []
    for column in columns:
        reason = refused_name(column.name)
        if reason is not None:
            choice.left_out.append((column, f"its name can't be used, {reason}"))
        elif column.name.lower() in seen:
            choice.left_out.append((column, "another column has the same name but for case"))
        else:
            usable.append(column)
        seen.add(column.name.lower())
    choice.timestamp = _best_timestamp(usable)
    rest = [column for column in usable if column is not choice.timestamp]
    choice.roles = _roles(rest)
    taken = [column.name for column in choice.roles.values()]
    for column in rest:
        if column.name not in taken:
            _place(column, rows, choice)
    few = [c for c in choice.categorical if 2 <= (c.approx_distinct or 0) <= _MOST_SLICE_VALUES]
    choice.slices = few[:_MOST_SLICES]
    return choice


def _best_timestamp(columns: Sequence[ColumnSummary]) -> ColumnSummary | None:
    """Timestamps before dates, known names before others, fewer nulls, then table order."""

    def rank(column: ColumnSummary) -> tuple[bool, int, float]:
        name = column.name.lower()
        known = _TIMESTAMP_NAMES.index(name) if name in _TIMESTAMP_NAMES else len(_TIMESTAMP_NAMES)
        return base_type(column.data_type) == "date", known, column.null_share or 0.0

    return min((c for c in columns if is_timestamp(c.data_type)), key=rank, default=None)


def _roles(columns: Sequence[ColumnSummary]) -> dict[str, ColumnSummary]:
    by_name = {column.name.lower(): column for column in columns if is_atomic(column.data_type)}
    roles: dict[str, ColumnSummary] = {}
    for role, names in _ROLE_NAMES.items():
        for name in names:
            column = by_name.get(name)
            if column is None or column in roles.values():
                continue
            fractional = base_type(column.data_type) in _FRACTIONAL
            if role == "label" or fractional == (role == "score"):
                roles[role] = column
                break
    return roles


def _place(column: ColumnSummary, rows: int | None, choice: Choice) -> None:
    kind = automatic_kind(column.data_type)
    distinct = column.approx_distinct
    if is_vector(column.data_type) and column.dimension:
        choice.vector.append(column)
    elif is_timestamp(column.data_type) and column.null_share != 1:
        choice.times.append(column)
    elif kind is None:
        choice.left_out.append((column, f"of type {column.data_type}"))
    elif column.null_share == 1 or distinct == 0:
        choice.left_out.append((column, "it is always null"))
    elif distinct == 1:
        choice.left_out.append((column, "it has one value only"))
    elif kind == "categorical" and _is_text(column, rows):
        choice.text.append(column)
    elif kind == "categorical" and _is_near_unique(column, rows):
        choice.left_out.append((column, "nearly every row has its own value: an id?"))
    elif _AFTERWARDS.intersection(column.name.lower().split("_")):
        choice.left_out.append((column, "by its name known only after the decision: no feature"))
    elif kind == "numeric" and _is_named_id(column):
        choice.left_out.append((column, "by its name an id"))
    elif kind == "numeric" and distinct == 2 and base_type(column.data_type) not in _FRACTIONAL:
        choice.categorical.append(column)
    else:
        (choice.numeric if kind == "numeric" else choice.categorical).append(column)


def _is_text(column: ColumnSummary, rows: int | None) -> bool:
    many = _is_near_unique(column, rows) or (column.approx_distinct or 0) >= _FEWEST_TEXTS
    return (
        is_text(column.data_type)
        and many
        and (column.mean_length or 0) >= _SHORTEST_TEXT
        and (column.spaced_share or 0) >= _TEXT_WITH_WORDS
    )


def _is_near_unique(column: ColumnSummary, rows: int | None) -> bool:
    if column.approx_distinct is None:
        return _is_named_id(column)
    if rows is None:
        return column.approx_distinct > _NEAR_UNIQUE_COUNT
    present = rows * (1 - (column.null_share or 0.0))
    enough = column.approx_distinct > _MOST_SLICE_VALUES
    return enough and column.approx_distinct >= _NEAR_UNIQUE_SHARE * present


def _is_named_id(column: ColumnSummary) -> bool:
    words = column.name.lower().split("_")
    integral = base_type(column.data_type) not in _FRACTIONAL
    return integral and words[-1] in ("id", "uuid", "guid", "key")

"""What must hold between the keys of features, and between features."""

from __future__ import annotations

from collections.abc import Iterator

from sparkdrift.spec.expressions import FUNCTIONS_LISTED, check_expression, identifiers
from sparkdrift.spec.features import Declared, DeclaredFeature
from sparkdrift.spec.findings import Finding, line_hint
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc


def duplicates(spec: MonitorSpec) -> Iterator[Finding]:
    """Columns that are features twice, and names of two features."""
    columns: dict[tuple[str, str | None], Loc] = {}
    names: dict[str, Loc] = {}
    wrong: set[Loc] = set()
    for loc, _, feature in spec.features.declared():
        # A column may be a category and a text; then its parts have names of their own.
        column, name = ((feature.column or "").lower(), feature.part), feature.name.lower()
        if loc in wrong:
            continue
        if feature.column is not None and column in columns:
            wrong.add(loc)
            yield Finding(loc, _twice(spec, loc, columns[column]), feature.column)
        elif name in names:
            wrong.add(loc)
            where = line_hint(spec, names[name])
            message = f"another feature is stored under the same name{where}"
            yield Finding(loc, message, feature.name, "one feature for each name")
        columns.setdefault(column, loc)
        names.setdefault(name, loc)
    for position, vector in enumerate(spec.features.vector):
        if vector.name.lower() in names:
            where = line_hint(spec, names[vector.name.lower()])
            message = f"a feature is stored under the name of the vector{where}"
            loc = ("features", "vector", position)
            yield Finding(loc, message, vector.name, "one name for each")


def some(spec: MonitorSpec) -> Iterator[Finding]:
    """There is a feature."""
    if spec.features.auto is None and next(spec.features.declared(), None) is None:
        accepted = "at least one of 'numeric', 'categorical', 'vector', 'text', 'auto'"
        yield Finding(("features",), "no feature is declared", accepted=accepted)


def _twice(spec: MonitorSpec, loc: Loc, first: Loc) -> str:
    line = spec.origin.line(first)
    where = "" if line is None else f"on line {line} "
    return f"the column is a feature twice, here under {loc[1]!r} and {where}under {first[1]!r}"


def entries(spec: MonitorSpec) -> Iterator[Finding]:
    """What an entry of `numeric` or `categorical` must and must not say together."""
    for loc, kind, feature in spec.features.declared():
        entry = feature.entry
        if not isinstance(entry, DeclaredFeature):
            continue
        if (entry.column is None) == (entry.expression is None):
            both = entry.column is not None
            message = "both a column and an expression are given" if both else "nothing is given"
            yield Finding(loc, message, accepted="either 'column', or 'expression' and 'name'")
        elif entry.expression is None:
            if entry.called is not None:
                message = "a name belongs to an expression; a column's feature is called like it"
                accepted = "'formerly' for a column that was renamed"
                yield Finding((*loc, "name"), message, entry.called, accepted)
            if entry.as_ is not None and kind != "numeric":
                message = f"a time as {entry.as_} is a number"
                yield Finding((*loc, "as"), message, entry.as_, "the entry under 'numeric'")
        else:
            yield from _expression(spec, loc, feature, entry)


def _expression(
    spec: MonitorSpec, loc: Loc, feature: Declared, entry: DeclaredFeature
) -> Iterator[Finding]:
    sql = entry.expression or ""
    outputs = {column.lower() for _, column in spec.prediction.columns()}
    if entry.called is None:
        yield Finding(loc, "the expression has no name", sql, "'name', such as basket_size")
    elif feature.name.lower() in outputs:
        message = "the name is that of a prediction column, whose rows are stored under it"
        yield Finding((*loc, "name"), message, entry.called, "another name")
    for key, given in (("formerly", entry.formerly), ("as", entry.as_)):
        if given is not None:
            yield Finding((*loc, key), f"'{key}' belongs to a column, not to an expression", given)
    reasons = check_expression(sql)
    for reason in reasons:
        message = f"the expression can't be used: {reason}"
        accepted = f"an expression on one row's columns; {FUNCTIONS_LISTED}"
        yield Finding((*loc, "expression"), message, sql, accepted)
    if not reasons and not identifiers(sql):
        yield Finding((*loc, "expression"), "the expression reads no column", sql)

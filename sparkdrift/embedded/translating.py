"""Spark's SQL as DuckDB's.

SQLGlot translates; here stands what it does not know, or knows otherwise than Spark does it. A
view's text is translated as it is: a test holds each against Spark, row by row. Of what a person
writes only the constructs below are, and the same test has each of them: any other is left to
Spark, since a function of the same name may answer something else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import sqlglot
from sqlglot import ErrorLevel, UnsupportedError, exp
from sqlglot.errors import SqlglotError

from sparkdrift.embedded.unanswered import UnansweredError
from sparkdrift.errors import UsageError
from sparkdrift.spark.answers import no_table

_SPARK, _DUCKDB = "databricks", "duckdb"
_FRAME = (
    *(exp.Select, exp.Union, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join, exp.Where),
    *(exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Distinct, exp.Filter),
    *(exp.Alias, exp.TableAlias, exp.Table, exp.Column, exp.Identifier, exp.Star, exp.Paren),
    *(exp.Literal, exp.Null, exp.Boolean, exp.Var, exp.Interval, exp.Case, exp.If, exp.Tuple),
    *(exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is),
    *(exp.In, exp.Between, exp.NullSafeEQ, exp.Like, exp.Exists, exp.Dot, exp.Bracket),
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Cast, exp.DataType),
    *(exp.Window, exp.WindowSpec),
)
_FUNCTIONS = (
    *(exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.ArgMin, exp.ArgMax),
    *(exp.LogicalAnd, exp.LogicalOr, exp.AnyValue, exp.RowNumber, exp.Lag, exp.Lead),
    *(exp.Coalesce, exp.Nullif, exp.Abs, exp.Round, exp.Greatest, exp.Least, exp.Upper, exp.Lower),
    *(exp.Array, exp.ArraySize, exp.TimestampTrunc, exp.CurrentTimestamp, exp.SafeDivide),
    *(exp.StartsWith, exp.TsOrDsToDate, exp.Explode),
)
_TYPES = ("DOUBLE", "BIGINT", "INT", "TEXT", "VARCHAR", "DATE", "TIMESTAMPTZ", "BOOLEAN")


def view(text: str) -> str:
    """The text of a view, for DuckDB."""
    made = _rewritten(_parsed(text), _as_spark_does)
    # What is not supported are hints of how to join.
    return made.sql(_DUCKDB, comments=False, unsupported_level=ErrorLevel.IGNORE)


def query(statement: str, known: Collection[str]) -> tuple[str, tuple[str, ...] | None]:
    """(a query that a person wrote, for DuckDB; what Spark calls its columns, None: as DuckDB).

    `known`: the tables and views that it may read, in small letters. Raises UnansweredError for
    what is not known to mean the same, UsageError for a table that the store has not.
    """
    parsed = _parsed(statement)
    if not isinstance(parsed, exp.Query):
        raise UnansweredError("it is no single query")
    for node in parsed.walk():
        _require_known(node)
    _require_tables(parsed, known)
    names = _names(parsed)
    guarded = _rewritten(_rewritten(parsed, _as_spark_does), _as_strictly)
    try:
        text = guarded.sql(_DUCKDB, comments=False, unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise UnansweredError(f"DuckDB has no such thing ({error})") from None
    return text, names


def table_called(statement: str, alias: str) -> str | None:
    """The table that a query calls so."""
    tables = _parsed(statement).find_all(exp.Table)
    return next((one.name for one in tables if one.alias_or_name.lower() == alias.lower()), None)


def _parsed(text: str) -> exp.Expr:
    try:
        (one,) = sqlglot.parse(text, read=_SPARK)
    except (SqlglotError, ValueError, RecursionError):
        raise UnansweredError("it could not be parsed here") from None
    if one is None:
        raise UnansweredError("it could not be parsed here")
    return one


def _require_known(node: exp.Expr) -> None:
    if not isinstance(node, _FRAME + _FUNCTIONS):
        said = node.name if isinstance(node, exp.Anonymous) else node.key
        raise UnansweredError(f"{said.lower()!r} is not known to mean the same")
    odd = (
        (isinstance(node, exp.Distinct) and len(node.expressions) > 1)
        or (isinstance(node, exp.Bracket) and not _places(node))
        or (isinstance(node, exp.Like) and not _plain_pattern(node))
        or (isinstance(node, exp.Cast) and node.to.sql(_DUCKDB) not in _TYPES)
        or (isinstance(node, exp.Round) and not _digits(node))
        or (isinstance(node, exp.Join) and (node.args.get("method") or node.args.get("using")))
    )
    if odd:
        raise UnansweredError(f"{node.sql(_SPARK)!r} is not known to mean the same")


def _places(node: exp.Bracket) -> bool:
    """Whether it names one element by a number; SQLGlot counts places of any other from 1."""
    (place, *more) = node.expressions
    return not more and isinstance(place, exp.Literal) and place.is_int


def _plain_pattern(node: exp.Like) -> bool:
    """A backslash in a pattern means itself in DuckDB."""
    pattern = node.expression
    return isinstance(pattern, exp.Literal) and pattern.is_string and "\\" not in pattern.this


def _digits(node: exp.Round) -> bool:
    digits = node.args.get("decimals")
    return digits is None or (isinstance(digits, exp.Literal) and digits.is_int)


def _require_tables(parsed: exp.Expr, known: Collection[str]) -> None:
    own = {one.alias.lower() for one in parsed.find_all(exp.CTE)}
    for table in parsed.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.db or table.args.get("joins"):
            raise UnansweredError(f"{table.sql(_SPARK)!r} is no table of the store")
        if any(table.args.get(one) for one in ("sample", "pivots", "version", "when", "hints")):
            raise UnansweredError(f"{table.sql(_SPARK)!r} is not read as it is")
        if table.name.lower() not in own and table.name.lower() not in known:
            raise UsageError(no_table([table.name], known))


def _names(parsed: exp.Query) -> tuple[str, ...] | None:
    """What Spark calls the columns of a result; None where they are called so anyway."""
    names = []
    # Of a union those of its first part.
    for one in parsed.selects:
        if one.is_star:
            return None
        plain = one.copy().transform(
            lambda node: exp.column(node.this) if isinstance(node, exp.Column) else node
        )
        named = isinstance(one, exp.Alias | exp.Column | exp.Dot)
        names.append(one.alias_or_name if named else _called(plain))
    return tuple(names)


def _called(node: exp.Expr) -> str:
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return "count(1)"
    simple = (exp.Func, exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean)
    if not all(isinstance(inner, simple) for inner in node.walk()):
        # Spark puts parentheses around operators, and more.
        raise UnansweredError(f"{node.sql(_SPARK)!r} has no name (AS ... gives it one)")
    return str(node.sql(_SPARK, normalize_functions="lower"))


def _rewritten(parsed: exp.Expr, change: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """With every part changed, inner ones first: SQLGlot's own does not look into what it made."""
    for node in reversed(list(parsed.walk(bfs=True))):
        made = change(node)
        if made is not node:
            node.replace(made)
    return parsed


def _as_spark_does(node: exp.Expr) -> exp.Expr:
    """What SQLGlot translates into something else than Spark does."""
    if isinstance(node, exp.ArgMax | exp.ArgMin):
        # DuckDB's own passes over rows whose answer is NULL.
        name = "arg_max_null" if isinstance(node, exp.ArgMax) else "arg_min_null"
        return _call(name, node.this, node.expression)
    if isinstance(node, exp.ArrayUniqueAgg) and not isinstance(node.parent, exp.Window):
        # Of no values Spark's set is empty, and theirs NULL.
        return exp.Coalesce(this=node.copy(), expressions=[exp.Array()])
    if isinstance(node, exp.TimestampDiff):
        # Whole units that have passed, and not how often the clock struck.
        unit = exp.Literal.string(str(node.args["unit"].name).lower())
        return _call("date_sub", unit, node.expression, node.this)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "get":
        array, place = node.expressions
        inside = exp.Case().when(exp.GTE(this=exp.paren(place.copy()), expression=_zero()),
                                 exp.paren(place.copy()) + 1)  # fmt: skip
        return _call("list_extract", array, inside)
    return node


def _as_strictly(node: exp.Expr) -> exp.Expr:
    """Where Spark refuses a value DuckDB answers something: there the query is to fail here."""
    if isinstance(node, exp.Div):
        divisor = exp.paren(node.expression.copy())
        fails = exp.Case().when(
            exp.EQ(this=divisor.copy(), expression=_zero()),
            _call("error", exp.Literal.string("division by zero")),
        )
        return exp.paren(exp.Div(this=node.this, expression=fails.else_(divisor)))
    if isinstance(node, exp.Bracket):
        place = int(node.expressions[0].this)
        outside = exp.LTE(this=_call("len", node.this.copy()), expression=exp.Literal.number(place))
        fails = exp.Case().when(outside, _call("error", exp.Literal.string("no such element")))
        return exp.paren(fails.else_(_call("list_extract", node.this.copy(), place + 1)))
    return node


def _call(name: str, *arguments: Any) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=[exp.convert(one) for one in arguments])


def _zero() -> exp.Expr:
    return exp.Literal.number(0)

"""Conditions: what passes, what is refused and why, and which columns are read."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.spec.expressions import LONGEST_EXPRESSION, check_expression, identifiers
from sparkdrift.spec.names import quote, refused_name

ALLOWED = {
    "environment = 'prod'": ("environment",),
    "a = 1 AND NOT b OR (c <> 2.5e-3 AND d <=> NULL)": ("a", "b", "c", "d"),
    "`odd name; -- x` IS NOT NULL and x.y.z > 1": ("odd name; -- x", "x"),
    "`a``b` = 'it''s -- no /* comment; \\' here'": ("a`b",),
    "a BETWEEN 1 AND 2 AND b NOT IN ('x', 'y') AND c LIKE '%x' ESCAPE '!'": ("a", "b", "c"),
    "case when a > 0 then 'x' else b end = 'x'": ("a", "b"),
    "coalesce(a, 0) + pmod(b, 7) * -c % 2 >= abs(-1)": ("a", "b", "c"),
    "cast(a as decimal(10, 2)) > 1 and try_cast(b AS timestamp) is null": ("a", "b"),
    "event_time >= timestamp '2024-01-01' - INTERVAL 2 days": ("event_time",),
    "event_time < date '2024-01-01' + interval '1' day": ("event_time",),
    "a IS NOT DISTINCT FROM b AND c is distinct from d": ("a", "b", "c", "d"),
    "a LIKE ANY ('x%', 'y%') and b rlike '^a+$'": ("a", "b"),
    "tags['k'] = 'v' and element_at(items, 1) = size(items)": ("tags", "items"),
    "date = '2024-01-01' and timestamp is null and day = 3": ("date", "timestamp", "day"),
    "a div 2 = 1 and (a & 3) | 4 = ~b": ("a", "b"),
    "is_test": ("is_test",),
    "case a when 1 then 2 when 3 then case when b then 4 end else 5 end": ("a", "b"),
    "not\n  is_test\t= true": ("is_test",),
    "A = a": ("A", "a"),
    "if(a, 1, 0) = 1": ("a",),
    "position('a' IN b) > 0": ("b",),
    "1 = 1": (),
}


@pytest.mark.parametrize("sql", ALLOWED)
def test_allowed(sql: str) -> None:
    assert check_expression(sql) == []
    assert identifiers(sql) == ALLOWED[sql]


REFUSED = {
    "": "empty",
    " \n": "empty",
    "a = 1; drop table x": "only one expression",
    "a = 1 -- and b": "comments",
    "a /* x */ = 1": "comments",
    "a = (select max(b) from t)": "'select' is refused",
    "a in (from t)": "'from' is refused",
    "a in (table t)": "'table' is refused",
    "a in (values 1)": "'values' is refused",
    "exists (with x as (select 1) select 1)": "'exists' is not one of those",
    "a = any (select 1)": "'any' is not one of those",
    "true union select 1": "operator is missing",
    "a = 1 where b": "operator is missing",
    "a as b": "operator is missing",
    "a b": "operator is missing",
    "1 'x'": "operator is missing",
    "a over (partition by b)": "operator is missing",
    "a collate x": "operator is missing",
    "java_method('java.lang.Runtime', 'x')": "'java_method' is not one of those",
    "REFLECT('a')": "'reflect' is not one of those",
    "try_reflect ('a')": "'try_reflect' is not one of those",
    "secret('a', 'b')": "'secret' is not one of those",
    "http_request('a')": "'http_request' is not one of those",
    "ai_query('m', a)": "'ai_query' is not one of those",
    "read_files('/etc') = 1": "'read_files' is not one of those",
    "current_user() = 'x'": "'current_user' is not one of those",
    "current_user = 'x'": "'current_user' is refused",
    "t > now()": "'now' is not one of those",
    "t > CURRENT_TIMESTAMP": "'current_timestamp' is refused",
    "rand() < 0.1": "'rand' is not one of those",
    "uuid() = a": "'uuid' is not one of those",
    "input_file_name() = a": "'input_file_name' is not one of those",
    "unix_timestamp() > a": "'unix_timestamp' is not one of those",
    "identifier('a') = 1": "'identifier' is not one of those",
    "raise_error('x')": "'raise_error' is not one of those",
    "repeat('x', 1000000000) = a": "'repeat' is not one of those",
    "count(a) > 1": "the aggregate 'count' is refused",
    "explode(a)": "'explode' is not one of those",
    "size(transform(a, x -> x + 1)) = 1": "lambda",
    "if(a => 1)": "named arguments",
    "lowr(a) = 'x'": "did you mean 'lower'",
    "`lower`(a) = 'x'": "plain function name",
    "main.risk.f(a) = 1": "the function 'f' is refused",
    "f.`g`(a)": "plain function name",
    "a = 'x": "never closed",
    "a = 'x\\'": "never closed",
    "`a = 1": "never closed",
    "(a = 1": "'(' is never closed",
    "a = 1)": "')' closes nothing",
    "a[1) = 2": "')' closes nothing",
    'a = "prod"': "double quotes",
    "a = r'\\' or b = '": "prefixed strings",
    "a = X'1F'": "prefixed strings",
    "a = '${env:HOME}'": "would replace",
    "a = 'x\x00'": "U+0000",
    "a = '\u202e'": "U+202E",
    "größe = 1": "backticks",
    "a\u00a0= 1": "is refused",
    "1abc = 2": "is no number",
    "1.2.3 = 2": "is no number",
    "a::int = 1": "cast(x AS type)",
    "a:b = 1": "':' is refused",
    "a |> b": "pipes",
    "cast(a as array<int>) = b": "cast to 'array' is refused",
    "cast(a as decimal(b)) = 1": "must be numbers",
    "concat(*) = 'x'": "multiplication only",
    "t.* = 1": "multiplication only",
    "a = interval 1 fortnight": "INTERVAL 1 DAY",
    "a is distinct b": "IS [NOT] DISTINCT FROM",
    "a = ?": "'?' is refused",
    "in": "missing before 'in'",
    "a and": "missing at the end",
    "(a or)": "missing before ')'",
    "f(a, )": "missing before ')'",
    "like any": "missing before 'like'",
    "case a end = 1": "'end' has no place here",
    "case when a then b": "'case' is never closed",
    "when = 1": "'when' has no place here",
    "case when a then b else c when d then e end": "'when' has no place here",
    "a not b": "between NOT and 'b'",
    "1 = not a": "needs parentheses",
    "a ! b": "stands before an operand only",
    "'.' b": "operator is missing",
    "'is' distinct from b": "operator is missing",
    "a = @x": "'@' is refused",
    "(" * 51 + "a" + ")" * 51: "nested deeper",
    "a" * (LONGEST_EXPRESSION + 1): "longer than",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_refused(sql: str) -> None:
    reasons = check_expression(sql)
    assert any(REFUSED[sql] in reason for reason in reasons), reasons


def test_all_reasons_are_given_once() -> None:
    reasons = check_expression("rand() > 1 and rand() > 2 and uuid() = 'a' and b c")
    assert [reason.split("'")[1] for reason in reasons] == ["rand", "uuid", "b"]


@given(st.text(max_size=200))
def test_any_text_is_judged(sql: str) -> None:
    check_expression(sql)
    identifiers(sql)


PIECES = st.sampled_from(
    [
        *("a", "b.c", "`", "'", '"', "(", ")", "[", "]", ".", ",", ";", ":", "-", "--", "/*", "*/"),
        *("->", "*", "+", "1", "1e", "1e+", ".5", "\\", "''", "``", "r'", "${", "é", "\n", "$"),
        *("as", "cast(", "case", "when", "end", "interval", "date", "distinct", "from", "is"),
        *("not", "any", "like", "in", "select"),
    ]
)


@given(st.lists(PIECES, max_size=40), st.sampled_from(["", " "]))
def test_any_pieces_are_judged(pieces: list[str], glue: str) -> None:
    sql = glue.join(pieces)
    check_expression(sql)
    identifiers(sql)


@given(st.text(min_size=1, max_size=30).filter(lambda name: refused_name(name) is None))
def test_any_quoted_column_passes(name: str) -> None:
    assert check_expression(f"{quote(name)} = 1") == []
    assert identifiers(f"{quote(name)} = 1") == (name,)


@given(st.text(max_size=30).filter(lambda t: refused_name(t or "x") is None))
def test_any_escaped_text_is_one_value(text: str) -> None:
    literal = text.replace("\\", "\\\\").replace("'", "''")
    assert check_expression(f"a = '{literal}'") == []
    assert identifiers(f"a = '{literal}'") == ("a",)


@pytest.mark.parametrize(
    "piece", ["(", "1", "9e", "a", "'", "`", "''", "a.", "-", "case ", "x(", "[", "."]
)
def test_the_time_is_linear(piece: str) -> None:
    sql = (piece * LONGEST_EXPRESSION)[:LONGEST_EXPRESSION]
    before = time.process_time()
    check_expression(sql)
    assert time.process_time() - before < 1.0

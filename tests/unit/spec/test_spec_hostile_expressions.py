"""Expressions that are well formed and would still read the clock or outgrow memory."""

from __future__ import annotations

import pytest

from sparkdrift.spec.clock_words import is_clock_word
from sparkdrift.spec.expressions import check_aggregate, check_expression, check_value
from sparkdrift.spec.growth import DEEPEST_OPERATORS
from sparkdrift.spec.tokens import Token, tokens


def nested(function: str, depth: int, rest: str = "") -> str:
    return f"{function}(" * depth + "x" + f"{rest})" * depth


CLOCK = [
    "t > 'now'",
    "t > ' Today '",
    "t > 'today UTC'",
    "t > 'tomorrow Europe/Paris'",
    "t > 'today+02:00'",
    "t > timestamp 'now'",
    "d = date'YESTERDAY'",
    "t > timestamp_ntz 'now'",
    "t > cast('now' as timestamp)",
    "t > try_cast('now' as timestamp)",
    "timestamp('now') < t",
    "year('today') = y",
    "t between 'yesterday' and x",
    "t in ('2024-01-01', 'today')",
    "datediff('today', t) > 3",
    "if(a, t, 'now') > t",
    r"t > '\u006eow'",
    r"t > '\U0000006eow'",
    r"t > 'n\ow'",
    r"t > 'n\157w'",
    r"t > '\tnow\0'",
]
SPELLED = [
    "t > 'no' || 'w'",
    "t > 'n' || 'o' || 'w'",
    "t > ('to') || ('day')",
    "'to' || 'day' - t > x",
    "year('to' || 'day') = a",
    "t > coalesce('to', 'x') || 'day'",
    "t > concat('to', 'day')",
    "t > lower('NOW')",
    "t > reverse('won')",
    "t > substr('know', 2)",
    "t > split('a now', ' ')[1]",
    "t > conv(30560, 10, 36)",
    "t > chr(110) || chr(111) || chr(119)",
    "t > date_format(date '2024-01-01', '''now''')",
    "t > from_unixtime(0, '''now''')",
    "t > get_json_object('{\"a\": \"now\"}', '$.a')",
    "t > concat('no', 'w', left(dateadd(day, 1, date '2024-01-01'), 0))",
    "t > concat('no', 'w', cast(null as string))",
    "t > concat('no', 'w', left(timestamp '2024-01-01', 0))",
    "t > 'no' || case when true then 'w' end",
]
KEPT = [
    "status like 'now'",
    "status not ilike 'today'",
    "status in ('nowhere', 'nowadays', 'todays')",
    "status = 'now or never'",
    "d >= date '2024-01-01' and t < timestamp '2024-01-01 10:00:00'",
    "d = to_date('2024-01-01')",
    "d = cast('2024-01-01' as date)",
    "a || '-' || b = 'x-y'",
    "'x' || date || 'y' = day || 'x'",
    "'a' || cast(x as string) || 'b' = c",
    "'a' || case when b then c else d end = e",
    "'a' || lower(b) = 'x'",
    "concat('a', day) = 'x' and dateadd(day, 1, t) > t",
]


@pytest.mark.parametrize("sql", CLOCK)
def test_words_that_spark_reads_as_the_clock_are_refused(sql: str) -> None:
    assert any("reads the clock" in reason for reason in check_expression(sql)), sql


@pytest.mark.parametrize("sql", SPELLED)
def test_such_words_are_not_spelled_of_constants(sql: str) -> None:
    assert any("of constants is refused" in reason for reason in check_expression(sql)), sql


@pytest.mark.parametrize("sql", KEPT)
def test_other_texts_stay(sql: str) -> None:
    assert check_expression(sql) == []


@pytest.mark.parametrize("text", ["now", "NOW", "\x01today\x1f", "today\tZ", "tomorrow -18"])
def test_clock_words(text: str) -> None:
    assert is_clock_word(text)


@pytest.mark.parametrize("text", ["", "no", "nowhere", "epoch", "2024-01-01", "not now", "now!"])
def test_no_clock_words(text: str) -> None:
    assert not is_clock_word(text)


OUTGROWN = {
    nested("hex", 45): "hex makes a text",
    nested("replace", 40, ", 'a', 'aa'"): "replace makes a text",
    nested("regexp_replace", 3, ", '(.*)', '$1'"): "regexp_replace makes a text",
    nested("replace", 2, ", 'a', y"): "replace makes a text",
    f"replace(x, 'a', '{'b' * 1001}')": "replace makes a text",
    "replace(x, 'a', replace(y, 'b', z))": "replace makes a text",
    f"concat_ws('{'b' * 60}', split(concat_ws('{'b' * 60}', split(x, '')), ''))": "concat_ws makes",
    "url_encode(hex(base64(replace(x, 'a', y))))": "url_encode makes",
    "round(x, 200000000)": "second argument of round",
    "round(x, - 200000000)": "second argument of round",
    "round(x, '200000000')": "second argument of round",
    "round(x, (200000000))": "second argument of round",
    "round(x, 2 * 100000000)": "second argument of round",
    "round(x, y)": "second argument of round",
    "round(x, length(y))": "second argument of round",
    "bround(x, 99999)": "second argument of bround",
    "format_number(x, 2000000000)": "second argument of format_number",
    "ceil(round(x, 2), 400)": "second argument of ceil",
    "a = 1e9999999BD": "exponent of '1e9999999BD' is above",
    "a = 1e-9999999BD": "exponent",
    "a = 1.5E+400": "exponent",
    "~ " * 3000 + "x": "operators are applied",
    "- " * 3000 + "x": "operators are applied",
    "not " * 2000 + "x": "operators are applied",
    "x" + " + 1" * 2000: "operators are applied",
    "x" + "[0]" * 2000: "operators are applied",
    "x" + ".y" * 2000: "operators are applied",
    "(x" + " + 1" * 150 + ")" + " + 1" * 100: "operators are applied",
}
BOUNDED = [
    "round(x, 2) + round(y, -2) + bround(z) + floor(x) + format_number(x, '#,##0.00')",
    "replace(replace(replace(x, 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue') = 'x'",
    "regexp_replace(x, '(a)(b)', '$2-$1') = y",
    "hex(base64(x)) = 'a'",
    "concat_ws('-', a, b) = 'x-y'",
    "1e308 > x and 1e-308 < y and 007e007 = z",
    " or ".join(f"a = {number}" for number in range(900)),
    " and ".join(f"a <> {number}" for number in range(700)),
    f"a in ({', '.join(map(str, range(1500)))})",
    "case " + "".join(f"when a = {number} then 1 " for number in range(300)) + "end = 1",
    "x" + " + 1" * (DEEPEST_OPERATORS - 1),
    "(" * 50 + "x" + ")" * 50,
]


@pytest.mark.parametrize("sql", OUTGROWN)
def test_what_would_outgrow_memory_is_refused(sql: str) -> None:
    reasons = check_expression(sql)
    assert any(OUTGROWN[sql] in reason for reason in reasons), reasons


@pytest.mark.parametrize("sql", BOUNDED)
def test_what_stays_within_bounds_is_kept(sql: str) -> None:
    assert check_expression(sql) == []


def test_values_and_aggregates_are_held_to_the_same() -> None:
    assert check_value("year('now')")
    assert check_aggregate("sum(round(x, 200000000))")
    assert check_aggregate("max(t) > 'today'")


def test_texts_are_read_as_spark_reads_them() -> None:
    sql = r"'a\'b' 'a''b' '\\' '\n\t\0\Z' '\u00e4\U0001F600' '\101\%\_\q' '\u12'"
    assert [token.value for token in tokens(sql)] == [
        "a'b",
        "a'b",
        "\\",
        "\n\t\0\x1a",
        "ä\N{GRINNING FACE}",
        "A%_q",
        "u12",
    ]
    assert {token.kind for token in tokens(sql)} == {"text"}
    assert list(tokens("'\\")) == [Token("wrong", "a quote (') is never closed")]

"""Cases made from a corpus: cut, spliced, repeated, and peppered with what attacks use."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

PIECES = [
    *(
        "select 1",
        "(select max(x) from t)",
        "union all",
        "from t",
        "table t",
        "values (1)",
        "exists(",
    ),
    *("java_method('java.lang.System','exit',0)", "reflect('a','b')", "try_reflect('a','b')"),
    *("secret('a','b')", "ai_query('m', x)", "http_request('h')", "read_files('/etc/passwd')"),
    *("current_user()", "`current_user`", "current_timestamp", "now()", "'now'", "'to' || 'day'"),
    *(
        "input_file_name()",
        "rand()",
        "uuid()",
        "raise_error('x')",
        "assert_true(false)",
        "repeat('x',9)",
    ),
    *(
        "session_user",
        "identifier('t')",
        "transform(a, x -> x)",
        "f(a => 1)",
        "x over ()",
        "sum(x)",
    ),
    *(
        "--",
        "/*",
        "*/",
        "/*+ hint */",
        ";",
        "::",
        "|>",
        "->",
        "=>",
        "${env:HOME}",
        "r'",
        "x'",
        '"',
        "`",
    ),
    *("'", "\\", "\\'", "''", "``", "(", ")", "[", "]", ".", ",", ":", "?", "@v", "$1", "{", "}"),
    *(
        "case",
        "when",
        "then",
        "else",
        "end",
        "not",
        "and",
        "or",
        "in",
        "like",
        "between",
        "is null",
    ),
    *(
        "is distinct from",
        "cast(",
        " as int)",
        "interval '1' day",
        "date '2024-01-01'",
        "escape '!'",
    ),
    *(
        "hex(",
        "replace(x,'a','aa')",
        "round(x, 99999999)",
        "1e999BD",
        "~",
        "-",
        "1",
        "0x1F",
        "1e5",
        "x",
    ),
    *(
        "\u037e",
        "\uff08",
        "\uff07",
        "\u2019",
        "\u00a0",
        "\u200b",
        "\u202e",
        "\u0430",
        "\x00",
        "\n",
        "\t",
    ),
    *("execute immediate 'x'", "declare v int", "set x = 1", "order by", "limit 1", "lateral view"),
    *(
        "collate x",
        "within group (order by x)",
        "filter (where x)",
        "qualify",
        "tablesample",
        "using",
    ),
    *(
        "map(x)",
        "named_struct('a',1)",
        "struct(*)",
        "t.*",
        "if(a,b,c)",
        "concat('no','w')",
        "year('now')",
    ),
]
YAML = [
    *(
        "&a",
        "*a",
        "!!python/object:os.system",
        "!x",
        "<<: ",
        "? ",
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "|",
        ">",
    ),
    *(
        "---",
        "...",
        "%YAML 1.1",
        "#",
        "'",
        '"',
        "\\",
        "\t",
        "\r",
        "\x00",
        "\x9b",
        "\ufeff",
        "\u2028",
        "~",
    ),
    *(
        "null",
        "true",
        "no",
        "1e999",
        "9" * 400,
        "-1",
        "0",
        "nan",
        ".inf",
        "../../etc/passwd",
        "/dev/zero",
    ),
    *(
        "a`b",
        "a'; drop table t --",
        "<script>",
        "\x1b[2J",
        "s3://u:p@b/x",
        "${env:HOME}",
        "=1+1",
        "a" * 300,
    ),
    *(
        "filter: ",
        "expression: ",
        "table: ",
        "path: ",
        "column: ",
        "name: ",
        "monitor: ",
        "9999 days",
    ),
    *(
        "2024-02-30",
        "0001-01-01",
        "9999-12-31",
        "[[[[[[[[",
        "{{",
        "a: {a: {a: {a: ",
        "\U0001f600",
        "\ud800",
    ),
]
_TOKEN = re.compile(r"\s+|\w+|'[^']*'|`[^`]*`|.", re.DOTALL)


def mutated(draw: random.Random, corpus: Sequence[str], pieces: Sequence[str], longest: int) -> str:
    """One case: a member of the corpus after one to six changes."""
    text = draw.choice(corpus)
    for _ in range(draw.choice((1, 1, 2, 2, 3, 4, 6))):
        text = _changed(draw, text, corpus, pieces)
    return text[:longest]


def _changed(draw: random.Random, text: str, corpus: Sequence[str], pieces: Sequence[str]) -> str:
    parts = _TOKEN.findall(text) or [""]
    at = draw.randrange(len(parts))
    kind = draw.randrange(10)
    if kind <= 2:
        parts.insert(at, draw.choice((" ", "")) + draw.choice(pieces) + draw.choice((" ", "")))
    elif kind == 3:
        parts[at] = draw.choice(pieces)
    elif kind == 4:
        del parts[at : at + draw.randint(1, 4)]
    elif kind == 5:
        other = _TOKEN.findall(draw.choice(corpus))
        cut = draw.randrange(len(other) + 1)
        parts[at:] = other[cut:]
    elif kind == 6:
        other_at = draw.randrange(len(parts))
        parts[at], parts[other_at] = parts[other_at], parts[at]
    elif kind == 7:
        end = min(len(parts), at + draw.randint(1, 6))
        parts[at:end] = parts[at:end] * draw.choice((2, 2, 3, 50))
    elif kind == 8:
        place = draw.randrange(len(text) + 1)
        drawn = draw.choice((draw.randrange(128), draw.randrange(0x3000), draw.randrange(0x110000)))
        return text[:place] + chr(drawn) + text[place:]
    else:
        parts[at] = f"{draw.choice(('lower', 'cast', 'not', 'abs', 'if', 'hex', ''))}({parts[at]})"
    return "".join(parts)


_OPERATORS = ("=", "<>", "<", ">=", "+", "-", "*", "/", "%", "||", "and", "or", "<=>", "like", "&")
_LEAVES = (
    *(
        "a",
        "b",
        "x.y",
        "`odd name`",
        "t",
        "items[0]",
        "tags['k']",
        "1",
        "2.5e-3",
        "1e5BD",
        "'x'",
        "'it''s'",
    ),
    *(
        "''",
        "date '2024-01-01'",
        "timestamp '2024-01-01 10:00:00'",
        "null",
        "true",
        "interval 1 day",
    ),
    *(
        "'today'",
        "'n\\u006fw'",
        "`current_user`",
        "'%x'",
        "9L",
        "day",
        "date",
        "'-- x'",
        "'/*'",
        "'to'",
        "'day'",
    ),
)
_FUNCTIONS = (
    *(
        "abs",
        "lower",
        "concat",
        "coalesce",
        "round",
        "replace",
        "hex",
        "if",
        "nullif",
        "to_date",
        "length",
    ),
    *(
        "date_add",
        "regexp_replace",
        "element_at",
        "array",
        "greatest",
        "year",
        "split",
        "reverse",
        "ceil",
    ),
)


def grown(draw: random.Random, depth: int) -> str:
    """An expression after the grammar of what is accepted, some with a piece of an attack."""
    kind = draw.randrange(12) if depth > 0 else 11
    if draw.random() < 0.01:
        return draw.choice(PIECES)
    part = [grown(draw, depth - 1) for _ in range(3)] if kind < 11 else []
    forms = {
        0: f"({part[0]})" if part else "",
        1: f"not ({part[0]})" if part else "",
        2: f"case when {part[0]} then {part[1]} else {part[2]} end" if part else "",
        3: f"cast({part[0]} as {draw.choice(('int', 'string', 'decimal(10, 2)', 'date'))})"
        if part
        else "",
        4: f"{part[0]} in ({part[1]}, {part[2]})" if part else "",
        5: f"{part[0]} between {part[1]} and {part[2]}" if part else "",
        6: f"{part[0]} is not null" if part else "",
    }
    if kind in forms:
        return forms[kind]
    if kind < 9:
        return f"{part[0]} {draw.choice(_OPERATORS)} {part[1]}"
    if kind < 11:
        return f"{draw.choice(_FUNCTIONS)}({', '.join(part[: draw.randint(1, 3)])})"
    return draw.choice(_LEAVES)

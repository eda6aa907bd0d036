"""SQL for the value of a derived feature: ages, parts of vectors, parts of texts.

Each function gives an expression over one row of the source; NULL in, NULL out, and
none of them fails on any row.
"""

from __future__ import annotations

import math
import random
import re
from functools import lru_cache
from statistics import NormalDist

from sparkdrift.spec.columns import base_type
from sparkdrift.spec.names import quote, string

_DAY = "86400000000D"
_SECOND = "1000000D"
# Java's \s is ASCII only; with (?U) it is Unicode's White_Space.
_WORD = "(?U)\\S+"
_DECIMAL = re.compile(r"decimal\((\d+), *(\d+)\)")
_DOUBLE_HOLDS = 2**53
_DIGITS_HELD = 15
NO_REMAINDER = "CAST(NULL AS STRING)"


def instant(column: str, data_type: str, zone: str) -> str:
    """SQL for the instant in timestamp column `column` (unquoted), as TIMESTAMP.

    A timestamp_ntz or a date is local time in `zone`. NULL stays NULL.
    """
    if data_type == "timestamp":
        return quote(column)
    return f"to_utc_timestamp(CAST({quote(column)} AS TIMESTAMP), {string(zone)})"


def age(event: str, value: str) -> str:
    """Days of 24 hours from the instant `value` to the instant `event`, with fractions."""
    return f"((CAST(unix_micros({event}) AS DOUBLE) - unix_micros({value})) / {_DAY})"


def number(column: str, data_type: str, zone: str) -> str:
    """Days since 1970 of a date; seconds since 1970 of a timestamp, with fractions."""
    if base_type(data_type) == "date":
        return f"unix_date({quote(column)})"
    return f"(CAST(unix_micros({instant(column, data_type, zone)}) AS DOUBLE) / {_SECOND})"


def text_part(part: str, column: str) -> str:
    """A part of the text in `column`: characters, words (runs of anything but white space),
    whether it has no word, whether it has a character beyond ASCII."""
    text = quote(column)
    return {
        "length": f"char_length({text})",
        "words": f"regexp_count({text}, {string(_WORD)})",
        "empty": f"(NOT {text} RLIKE {string(_WORD)})",
        "non_ascii": f"(octet_length({text}) <> char_length({text}))",
    }[part]


def vector_part(part: str, column: str, dimension: int, seed: int) -> str:
    """A part of the vector in `column`: Euclidean norm, length, or a projection.

    Norm and projections are NULL for a vector of another length, and for one with a NULL
    in it; NaN and infinity stay what they are. Single precision.
    """
    vector = quote(column)
    if part == "dimension":
        return f"CASE WHEN {vector} IS NOT NULL THEN size({vector}) END"
    single = f"CAST({vector} AS ARRAY<FLOAT>)"
    if part == "norm":
        measured = f"vector_norm({single}, 2F)"
    else:
        along = ",".join(direction(dimension, seed, int(part.removeprefix("projection_"))))
        # One text, which Spark turns into an array once per query: quicker to parse
        # than an array of a thousand literals.
        measured = (
            f"vector_inner_product({single}, CAST(split({string(along)}, ',') AS ARRAY<FLOAT>))"
        )
    return f"CASE WHEN size({vector}) = {dimension} THEN {measured} END"


@lru_cache(maxsize=256)
def direction(dimension: int, seed: int, number: int) -> tuple[str, ...]:
    """A random direction: a unit vector, uniform on the sphere, its coordinates as text.

    By Muller (1959): independent normals, scaled to length 1. The same on every machine
    and in every version of Python, which promises that of `random()` alone.
    """
    draws = random.Random(f"{seed}/{number}")  # noqa: S311 - not a secret
    normal = NormalDist()
    # random() can be 0, where the inverse is infinite; the next draw then takes its place.
    uniform = (u for u in iter(draws.random, None) if u > 0)
    drawn = [normal.inv_cdf(next(uniform)) for _ in range(dimension)]
    length = math.hypot(*drawn)
    return tuple(f"{value / length:.9g}" for value in drawn)


def remainder(sql: str, data_type: str) -> str:
    """SQL text of the exact value where a double can't tell it from its neighbours.

    NULL elsewhere, and for types that a double always holds. Doubles tell integers apart
    up to 2^53, and decimals of up to 15 digits.
    """
    if base_type(data_type) in ("bigint", "long"):
        least, most = str(-_DOUBLE_HOLDS), str(_DOUBLE_HOLDS)
    else:
        found = _DECIMAL.fullmatch(data_type.strip().lower())
        if found is None or int(found[1]) <= _DIGITS_HELD:
            return NO_REMAINDER
        digits, scale = "9" * _DIGITS_HELD, int(found[2])
        digits = digits.rjust(scale + 1, "0")
        most = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
        least, most = f"-{most}BD", f"{most}BD"
    return f"CASE WHEN {sql} NOT BETWEEN {least} AND {most} THEN CAST({sql} AS STRING) END"

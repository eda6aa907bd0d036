"""The SQL words an expression may use: an allowlist, so that what is unknown is refused.

Allowed are functions of Spark SQL that give the same result for the same row
and touch nothing else. Left out on purpose: whatever reads a clock, user,
session, file, network or secret, runs code (reflect, java_method), is random,
takes a lambda, aggregates, makes rows, or makes a value of any length
(repeat, sequence, space, lpad). Those that multiply a length stay, within the
bounds of `growth.py`; those that can spell a word of constants, within those
of `clock_words.py`.
Names: https://spark.apache.org/docs/latest/api/sql/
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MATHS = """
    abs acos acosh asin asinh atan atan2 atanh bin bround cbrt ceil ceiling conv cos cosh cot csc
    degrees div e exp expm1 factorial floor greatest hex hypot isnan least ln log log10 log1p log2
    mod nanvl negative pi pmod positive pow power radians rint round sec shiftleft shiftright
    shiftrightunsigned sign signum sin sinh sqrt tan tanh try_add try_divide try_mod try_multiply
    try_subtract unhex width_bucket bit_count bit_get getbit
"""
_TEXT = """
    ascii base64 bit_length btrim char char_length character_length chr concat concat_ws contains
    crc32 elt endswith find_in_set format_number get_json_object hash initcap instr lcase
    left len length levenshtein locate lower ltrim luhn_check mask md5 octet_length overlay
    parse_url position regexp_count regexp_extract regexp_extract_all regexp_instr regexp_like
    regexp_replace regexp_substr replace reverse right rtrim sha sha1 sha2 soundex split
    split_part startswith substr substring substring_index translate trim ucase unbase64 upper
    url_decode url_encode xxhash64 is_valid_utf8 validate_utf8 try_validate_utf8
"""
_TIME = """
    add_months date_add date_diff date_format date_from_unix_date date_part date_sub date_trunc
    dateadd datediff datepart day dayname dayofmonth dayofweek dayofyear from_unixtime
    from_utc_timestamp hour last_day make_date make_timestamp minute month monthname
    months_between next_day quarter second timestamp_micros timestamp_millis timestamp_seconds
    to_date to_timestamp to_timestamp_ntz to_unix_timestamp to_utc_timestamp trunc
    try_to_date try_to_timestamp unix_date unix_micros unix_millis unix_seconds weekday
    weekofyear year
"""
_NULLS_AND_CASTS = """
    cast try_cast coalesce if ifnull isnotnull isnull nullif nullifzero nvl nvl2 zeroifnull
    equal_null bigint boolean date decimal double float int smallint string timestamp tinyint
    to_char to_number try_to_number typeof
"""
_COLLECTIONS = """
    array array_contains array_max array_min array_position arrays_overlap cardinality element_at
    get map_contains_key map_keys map_values size try_element_at
"""

FUNCTIONS = _words(" ".join([_MATHS, _TEXT, _TIME, _NULLS_AND_CASTS, _COLLECTIONS]))

# Refused with a reason of their own: what somebody who writes SQL expects to work.
AGGREGATES = _words(
    """
    any_value approx_count_distinct approx_percentile avg bool_and bool_or collect_list
    collect_set corr count count_if covar_pop covar_samp every first first_value last last_value
    max max_by mean median min min_by mode percentile percentile_approx percentile_cont std
    stddev stddev_pop stddev_samp sum try_avg try_sum var_pop var_samp variance
    """
)

# They make text, or what Spark casts to it: of constants alone they could spell 'now'.
SPELLING = _words(_TEXT) | _words("conv date_format from_unixtime hex to_char unhex")
# By how much each of these may multiply the length of what it is given; where a
# text is put in, its length decides: that of this argument.
GROWING = {"base64": 2, "hex": 2, "to_char": 2, "url_encode": 3}
PUTTING_IN = {"concat_ws": 0, "regexp_replace": 2, "replace": 2}
# The second argument is a number of digits, each of which Spark computes.
DIGITS_SECOND = _words("bround ceil ceiling floor format_number round")

# Words between two operands; NEGATABLE ones may have NOT before them.
NEGATABLE = _words("between ilike in like regexp rlike")
BINARY = NEGATABLE | _words("and div escape is or")
# Elsewhere Spark takes NOT for a column ("" is the beginning).
BEFORE_NOT = frozenset(["", "(", ",", "[", *_words("and or not is case when then else")])
# The parts of CASE, each with what may stand before it ("" is CASE itself).
CASE_PARTS = {
    "when": ("", "then"),
    "then": ("when",),
    "else": ("then",),
    "end": ("then", "else"),
}
QUANTIFIERS = _words("all any some")
LITERALS = frozenset(["true", "false", "null"])
TYPED_LITERALS = frozenset(["date", "timestamp", "timestamp_ntz", "timestamp_ltz"])
TYPES = _words(
    """
    bigint boolean byte char date decimal dec double float int integer long numeric real short
    smallint string timestamp timestamp_ltz timestamp_ntz tinyint varchar
    """
)
SIZED_TYPES = frozenset(["char", "dec", "decimal", "numeric", "varchar"])
# These read a unit as their first argument, or a column of the same name.
UNIT_FIRST = _words("date_add date_diff dateadd datediff")
UNITS = _words("year quarter month week day dayofyear hour minute second millisecond microsecond")
INTERVAL_UNITS = frozenset(
    word + plural
    for word in ("microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month")
    for plural in ("", "s")
) | {"year", "years"}

# Words that Spark reads as a call even without parentheses.
AMBIENT = _words(
    """
    current_catalog current_database current_date current_schema current_time current_timestamp
    current_timezone current_user localtime localtimestamp now session_user user
    """
)
STATEMENTS = _words(
    """
    add alter analyze anti as cache call clear cluster collate comment commit copy create cross
    declare deny describe desc distribute drop except execute exists explain export from full
    grant group having import insert intersect into join lateral limit load lock merge minus
    natural offset on optimize order over partition pivot qualify reduce refresh repair replace
    reset restore revoke rollback select set show sort table tablesample truncate uncache union
    unpivot unset update use using vacuum values where window with
    """
)

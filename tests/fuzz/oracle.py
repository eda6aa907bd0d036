"""What must never be accepted as an expression, found by other means than the checker's own.

Two judges that share no code with `sparkdrift.spec`: sqlglot's parser, whose tree is searched for
nodes that are no part of a value of one row, and a search of the text with its quoted parts
taken out. What sqlglot can't parse is left to the second.
"""

from __future__ import annotations

import logging
import re

import sqlglot
from sqlglot import exp

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

# Written from Spark's list of functions and Databricks', not from the allowlist: what reads
# something besides the row, runs code, is random, makes rows, or has no bound.
FORBIDDEN = frozenset(
    """
    aes_decrypt aes_encrypt ai_analyze_sentiment ai_classify ai_extract ai_fix_grammar ai_forecast
    ai_gen ai_generate_text ai_mask ai_parse_document ai_query ai_similarity ai_summarize
    ai_translate assert_true cloud_files_state curdate current_catalog current_database current_date
    current_metastore current_recipient current_schema current_time current_timestamp
    current_timezone current_user current_version decode event_log exists explode explode_outer
    filter forall from_avro from_csv from_json from_protobuf from_xml get_warnings http_request
    identifier inline inline_outer input_file_block_length input_file_block_start input_file_name
    is_account_group_member is_member java_method list_secrets localtime localtimestamp lpad
    map_filter
    monotonically_increasing_id now posexplode posexplode_outer raise_error rand randn random
    randstr read_files read_kafka read_kinesis read_pubsub read_pulsar read_state_metadata
    read_statestore reduce reflect remote_query repeat rpad schema_of_csv schema_of_json secret
    sequence session_user shuffle space spark_partition_id sql_keywords stack table_changes
    transform try_aes_decrypt try_reflect try_secret unbase64_file uniform unix_timestamp user uuid
    vector_search version window xpath xpath_string zip_with
    """.split()  # noqa: SIM905 - a list of its own lines
)
_NODES = (
    *(exp.Query, exp.Command, exp.DDL, exp.DML, exp.Lambda, exp.Kwarg, exp.Window),
    *(exp.Placeholder, exp.Parameter, exp.SessionParameter, exp.Star, exp.AggFunc, exp.Explode),
    *(exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime, exp.CurrentUser, exp.Rand),
    *(exp.Semicolon, exp.PropertyEQ, exp.JSONExtractScalar, exp.Collate),
)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`", re.DOTALL)
_CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*\(")
_NO_VALUE = re.compile(
    r"--|/\*|;|->|(?<!<)=>|\|>|::|[?@$#{}\"\\:]|(?i:\b(?:select|union|intersect|except|lateral|over)\b)"
)
_CLOCK = re.compile(r"(?is)[\x00-\x20]*(now|today|tomorrow|yesterday)(\s*(utc|z))?[\x00-\x20]*")


def forbidden(sql: str, *, aggregates: bool = False) -> str | None:
    """Why `sql` must not be accepted, or None where neither judge sees anything.

    aggregates: whether it may be a figure of many rows.
    """
    return _by_text(sql) or _by_tree(sql, aggregates)


def _by_text(sql: str) -> str | None:
    bare = _QUOTED.sub("''", sql)
    found = _NO_VALUE.search(bare)
    if found is not None:
        return f"{found.group()!r} stands outside of quotes"
    for name in _CALL.findall(bare):
        if name.lower() in FORBIDDEN:
            return f"{name} is called"
    for place in re.finditer(r"'(?:[^'\\]|\\.|'')*'", _without_names(sql), re.DOTALL):
        # Escapes as Python has them, which are enough for the corpus.
        text = place.group()[1:-1].replace("''", "'")
        text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), text)
        before = re.search(r"([a-z]+)\s*\Z", _without_names(sql)[: place.start()].lower())
        like = before is not None and before[1] in ("like", "ilike", "rlike", "regexp")
        if _CLOCK.fullmatch(re.sub(r"\\(.)", r"\1", text)) and not like:
            return f"the text {text!r} reads the clock"
    return None


def _without_names(sql: str) -> str:
    """The same with every name in backticks replaced by as many letters."""
    return _QUOTED.sub(
        lambda found: "x" * len(found[0]) if found[0].startswith("`") else found[0], sql
    )


def _by_tree(sql: str, aggregates: bool) -> str | None:
    try:
        statements = sqlglot.parse(f"SELECT ({sql}\n) FROM t", dialect="spark")
    except Exception:  # no opinion: it fails on much that Spark accepts
        return None
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        return "it is no single query"
    top = statements[0]
    if len(top.expressions) != 1:
        return "it is more than one column"
    for node in top.expressions[0].walk():
        if isinstance(node, _NODES) and not (aggregates and isinstance(node, exp.AggFunc)):
            return f"it holds {type(node).__name__}"
        if node.comments:
            return "it holds a comment"
        name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        if name in FORBIDDEN:
            return f"it calls {name}"
    return None

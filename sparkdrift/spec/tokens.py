"""Cut SQL into tokens as Spark's lexer would, in one pass and linear time.

Where Spark's reading depends on a session's settings (double quotes, raw
strings) and where no condition needs a form (comments, lambdas), the token is
of the kind "wrong" and its value is the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

TokenKind = Literal["word", "quoted", "text", "number", "operator", "wrong"]

# No two neighbouring parts can match the same character, so nothing is tried twice.
_NUMBER = re.compile(
    r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e(?P<exponent>[+-]?[0-9]+))?(?:BD|[LSYDF])?", re.I
)
# A number above it is no double; 1e9999999BD kept Spark's parser busy for minutes.
_LARGEST_EXPONENT = 308
# What stands behind a backslash in a string: Spark's SparkParserUtils.unescapeSQLString.
_ESCAPES = re.compile(r"u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([01][0-7]{2})|(.)", re.DOTALL)
_ESCAPED = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
_WORD_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_DIGITS = frozenset("0123456789")
SPACES = frozenset(" \t\n\r")
_OPERATORS = (
    *("<=>", ">>>"),
    *("--", "/*", "->", "=>", "|>", "::"),
    *("<=", ">=", "<>", "!=", "==", "||", "<<", ">>"),
    *"=<>+-*/%&|^~!(),.[];:",
)
_REFUSED_OPERATORS = {
    "--": "comments are refused",
    "/*": "comments are refused",
    "->": "lambda functions ('->') are refused",
    "=>": "named arguments ('=>') are refused",
    "|>": "pipes ('|>') are refused",
    ";": "only one expression is accepted, without ';'",
    "::": "'::' is refused, write cast(x AS type)",
    ":": "':' is refused",
}


class Token(NamedTuple):
    """A piece of SQL. `value` is the name without backticks, the text that a string stands
    for, the operator, or the reason."""

    kind: TokenKind
    value: str

    @property
    def lower(self) -> str:
        """A word in lower case or an operator; empty for what a user quoted."""
        return self.value.lower() if self.kind in ("word", "operator") else ""


def tokens(sql: str) -> Iterator[Token]:
    position = 0
    while position < len(sql):
        character = sql[position]
        if character in SPACES:
            position += 1
            continue
        if character in "'`":
            token, position = _quoted(sql, position, character)
        elif _starts_number(sql, position):
            token, position = _number(sql, position)
        elif character in _WORD_CHARACTERS:
            end = _word_end(sql, position)
            if end < len(sql) and sql[end] in "'\"" and sql[position:end].lower() in ("r", "x"):
                token = Token("wrong", "prefixed strings (r'..', x'..') are refused")
                position = len(sql)
            else:
                token, position = Token("word", sql[position:end]), end
        else:
            token, position = _operator(sql, position)
        yield token


def _quoted(sql: str, start: int, mark: str) -> tuple[Token, int]:
    """A string or backticked name: the mark doubled stands for itself, `\\` hides in strings."""
    pieces: list[str] = []
    position = start + 1
    while position < len(sql):
        character = sql[position]
        if character == "\\" and mark == "'":
            piece, position = _escaped(sql, position + 1)
            pieces.append(piece)
            continue
        if character == mark:
            if not sql.startswith(mark, position + 1):
                kind: TokenKind = "quoted" if mark == "`" else "text"
                return Token(kind, "".join(pieces)), position + 1
            position += 1
        pieces.append(character)
        position += 1
    return Token("wrong", f"a quote ({mark}) is never closed"), len(sql)


def _escaped(sql: str, start: int) -> tuple[str, int]:
    """What the escape whose backslash stands before `start` stands for, and where it ends."""
    found = _ESCAPES.match(sql, start)
    if found is None:
        return "", start + 1
    code = found[1] or found[2]
    if code is not None:
        number = int(code, 16)
        return (chr(number) if number < 0x110000 else "\ufffd"), found.end()
    if found[3] is not None:
        return chr(int(found[3], 8)), found.end()
    return _ESCAPED.get(found[4], found[4]), found.end()


def _starts_number(sql: str, position: int) -> bool:
    after_dot = position + (sql[position] == ".")
    return after_dot < len(sql) and sql[after_dot] in _DIGITS


def _number(sql: str, start: int) -> tuple[Token, int]:
    end = start
    while end < len(sql) and (sql[end] in _WORD_CHARACTERS or sql[end] == "."):
        end += 1
    if sql[end - 1] in "eE" and sql[end : end + 1] in ("+", "-"):
        end = _word_end(sql, end + 1)
    text = sql[start:end]
    matched = _NUMBER.fullmatch(text)
    if matched is not None:
        exponent = (matched["exponent"] or "0").lstrip("+-").lstrip("0") or "0"
        if len(exponent) > 3 or int(exponent) > _LARGEST_EXPONENT:
            reason = f"the exponent of {text[:40]!r} is above {_LARGEST_EXPONENT}"
            return Token("wrong", reason), end
        return Token("number", text), end
    return Token("wrong", f"{text[:40]!r} is no number (backticks if it is a column)"), end


def _word_end(sql: str, start: int) -> int:
    end = start
    while end < len(sql) and sql[end] in _WORD_CHARACTERS:
        end += 1
    return end


def _operator(sql: str, start: int) -> tuple[Token, int]:
    for operator in _OPERATORS:
        if sql.startswith(operator, start):
            if operator in _REFUSED_OPERATORS:
                # What follows a comment mark is no code; go no further.
                end = len(sql) if operator in ("--", "/*") else start + len(operator)
                return Token("wrong", _REFUSED_OPERATORS[operator]), end
            return Token("operator", operator), start + len(operator)
    character = sql[start]
    if character == '"':
        message = "double quotes are refused: single quotes for text, backticks for columns"
        return Token("wrong", message), len(sql)
    hint = " (a column needs backticks)" if not character.isascii() else ""
    return Token("wrong", f"the character {character!r} is refused{hint}"), start + 1


def opened(parts: Sequence[Token], position: int) -> str | None:
    """What opens at `position` of a well-formed expression: the function of a bracket, '' for
    another bracket and for CASE; None where nothing opens."""
    token = parts[position]
    before = parts[position - 1] if position else Token("operator", "")
    if token.lower in ("(", "["):
        return before.lower if token.value == "(" and before.kind == "word" else ""
    return "" if token.lower == "case" and before.lower != "." else None


def closes(parts: Sequence[Token], position: int) -> bool:
    """Whether what was opened last ends at `position`."""
    if parts[position].lower == "end":
        return position > 0 and parts[position - 1].lower != "."
    return parts[position].lower in (")", "]")

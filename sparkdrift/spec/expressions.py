"""Check a condition or value that a user wrote in SQL, before Spark ever sees it.

The text is cut into tokens as Spark's lexer would, then walked once. Only
operands joined by operators pass, and only functions of an allowlist
(`functions.py`): no statement, subquery, comment, alias or lambda has a form
that fits. Where Spark's reading depends on a session's settings (double quotes,
raw strings, `${...}`), the text is refused. What is well formed is then held against
`clock_words.py` and `growth.py`. Time is linear in its length.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

from sparkdrift.spec import functions as known
from sparkdrift.spec.clock_words import clock_words
from sparkdrift.spec.growth import outgrowths
from sparkdrift.spec.names import refused_characters
from sparkdrift.spec.tokens import SPACES, Token, tokens

LONGEST_EXPRESSION = 10_000
DEEPEST_PARENTHESES = 50
MOST_REASONS = 20
FUNCTIONS_LISTED = "its functions are those listed in docs/spec.md under 'Functions'"
_MOST_NEAREST = 5

_CLOSING = {"(": ")", "[": "]", "case": "end"}
_PREFIXES = frozenset(["+", "-", "~", "!"])


def check_expression(sql: str) -> list[str]:
    """Why `sql` is refused as a value of one row (the first 20 reasons); empty when allowed."""
    return _check(sql, known.FUNCTIONS)[0]


def check_aggregate(sql: str) -> list[str]:
    """Why `sql` is refused as a figure of many rows, as sum(a) / count(b); empty when allowed.

    As of one row, but with aggregates, one at least; that no column stands outside of them is
    left to Spark.
    """
    reasons, called = _check(sql, known.FUNCTIONS | known.AGGREGATES)
    if not reasons and called.isdisjoint(known.AGGREGATES):
        return ["it is no aggregate: it is a value of one row"]
    return reasons


def _check(sql: str, allowed: frozenset[str]) -> tuple[list[str], frozenset[str]]:
    """(why it is refused, the functions it calls)."""
    if len(sql) > LONGEST_EXPRESSION:
        return [f"it is longer than {LONGEST_EXPRESSION} characters"], frozenset()
    visible = "".join(" " if character in SPACES else character for character in sql)
    reason = refused_characters(visible)
    if reason is not None:
        return [reason], frozenset()
    if not visible.strip():
        return ["it is empty"], frozenset()
    walk = _Walk(list(tokens(sql)), allowed)
    walk.run()
    if not walk.reasons:
        walk.reasons += [*clock_words(walk.tokens), *outgrowths(walk.tokens)]
    return list(dict.fromkeys(walk.reasons))[:MOST_REASONS], frozenset(walk.called)


def check_value(sql: str) -> list[str]:
    """Why `sql` is refused as what a metric reads of each row; empty when allowed.

    As a condition, but for a division by what may be zero: one such row would end the run.
    """
    reasons = check_expression(sql)
    parts = [] if reasons else list(tokens(sql))
    for position, token in enumerate(parts):
        divisor = parts[position + 1] if position + 1 < len(parts) else None
        if token.lower in ("mod", "pmod"):
            divides = divisor == Token("operator", "(")
        else:
            divides = token.lower in ("/", "%", "div") and not _is_nonzero(divisor)
        if divides:
            reasons.append(
                f"'{token.value}' fails on a row where the divisor is 0: "
                "divide by a number, or write try_divide(a, b) or try_mod(a, b)"
            )
    return reasons


def _is_nonzero(token: Token | None) -> bool:
    return (
        token is not None
        and token.kind == "number"
        and re.match("[0.]*[1-9]", token.value) is not None
    )


def identifiers(sql: str) -> tuple[str, ...]:
    """The columns that `sql` reads, each once, unquoted, in order of appearance.

    Of `a.b` it is `a`. For a refused expression it is a best effort; it never raises.
    """
    walk = _Walk(list(tokens(sql[:LONGEST_EXPRESSION])))
    walk.run()
    return tuple(dict.fromkeys(walk.columns))


@dataclass
class _Walk:
    """One pass over the tokens, keeping only what stands directly before and around."""

    tokens: list[Token]
    allowed: frozenset[str] = known.FUNCTIONS
    called: set[str] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    # What is open: a bracket and its function, or CASE and the last of its parts.
    open: list[tuple[str, str]] = field(default_factory=list)
    # Whether the token before completes an operand (a column, value, closing bracket).
    after_operand: bool = False

    def run(self) -> None:
        position = 0
        while position < len(self.tokens) and len(self.reasons) < MOST_REASONS:
            position = self._step(position)
        if self.open and not self.reasons:
            self.reasons.append(f"'{self.open[-1][0]}' is never closed")
        if not self.after_operand and not self.reasons:
            self.reasons.append("an operand is missing at the end")

    def _peek(self, position: int) -> Token:
        return self.tokens[position] if position < len(self.tokens) else Token("operator", "")

    def _step(self, position: int) -> int:
        """Judge the token at `position`; the position where to go on."""
        token = self.tokens[position]
        if token.kind == "wrong":
            self.reasons.append(token.value)
            self.after_operand = False
        elif token.kind == "operator":
            self._operator(position)
        elif token.kind == "word":
            return self._word(position)
        else:
            self._operand(position)
            if token.kind == "quoted":
                self._column(position)
        return position + 1

    def _operator(self, position: int) -> None:
        value = self.tokens[position].value
        if value == "(":
            if self.after_operand:
                self.reasons.append("a call needs a plain function name")
            self._push(value, "")
        elif value == "[":
            self._joins(value)
            self._push(value, "")
        elif value in (")", "]"):
            if self._peek_back(position) != "(":
                self._joins(value)
            self._pop(value)
        elif value in _PREFIXES:
            if self.after_operand and value in "~!":
                self.reasons.append(f"'{value}' stands before an operand only")
            self.after_operand = False
        else:
            self._joins(value)

    def _push(self, bracket: str, function: str) -> None:
        self.open.append((bracket, function))
        self.after_operand = False
        if len(self.open) == DEEPEST_PARENTHESES + 1:
            self.reasons.append(f"nested deeper than {DEEPEST_PARENTHESES} levels")

    def _pop(self, closing: str) -> None:
        """What an opened bracket, or CASE, holds is an operand once it is closed."""
        if self.open and _CLOSING[self.open[-1][0]] == closing:
            self.open.pop()
        else:
            self.reasons.append(f"'{closing}' closes nothing")
        self.after_operand = True

    def _operand(self, position: int) -> None:
        """Two operands side by side are an alias, a statement or a mistake."""
        if self.after_operand:
            before, here = self.tokens[position - 1].value, self.tokens[position].value
            self.reasons.append(f"an operator is missing between {before[:40]!r} and {here[:40]!r}")
        self.after_operand = True

    def _joins(self, operator: str) -> None:
        """Without an operand before it, Spark would read an operator's word as a column."""
        if not self.after_operand:
            hint = " (it is accepted as multiplication only)" if operator == "*" else ""
            self.reasons.append(f"an operand is missing before '{operator}'{hint}")
        self.after_operand = False

    def _column(self, position: int) -> None:
        if position > 0 and self.tokens[position - 1] == Token("operator", "."):
            return  # a field of the column before
        self.columns.append(self.tokens[position].value)

    def _word(self, position: int) -> int:
        word, following = self.tokens[position].lower, self._peek(position + 1)
        called = following == Token("operator", "(")
        before = self._peek_back(position)
        if before == "." and not called:
            self.after_operand = True
        elif word in known.BINARY:
            self._joins(word)
        elif word == "not":
            self._not(before, following)
        elif word == "case":
            self._operand(position)
            self._push("case", "")
        elif word in known.CASE_PARTS:
            self._case_part(word, before)
        elif word in known.QUANTIFIERS and called and before in ("like", "ilike"):
            pass
        elif word == "distinct" and before in ("is", "not"):
            return self._distinct(position)
        elif word == "as" and self.open and self.open[-1][1] in ("cast", "try_cast"):
            return self._type(position)
        elif called and before == ".":
            self.reasons.append(f"the function '{self.tokens[position].value[:80]}' is refused")
        elif called:
            return self._call(position)
        elif following.kind == "text" and word in known.TYPED_LITERALS:
            self._operand(position)
            return position + 2
        elif word == "interval" and following.kind in ("text", "number"):
            return self._interval(position)
        else:
            self._name(position)
        return position + 1

    def _not(self, before: str, following: Token) -> None:
        """NOT before a condition, or between an operand and IN, LIKE, BETWEEN .."""
        if self.after_operand and following.lower not in known.NEGATABLE:
            self.reasons.append(f"an operator is missing between NOT and {following.value[:40]!r}")
        elif not self.after_operand and before not in known.BEFORE_NOT:
            self.reasons.append(f"NOT after '{before}' needs parentheses")

    def _case_part(self, word: str, before: str) -> None:
        bracket, part = self.open[-1] if self.open else ("", "")
        if bracket != "case" or part not in known.CASE_PARTS[word]:
            self.reasons.append(f"'{word}' has no place here (backticks if it is a column)")
            return
        if before != "case":
            self._joins(word)
        self.open[-1] = ("case", word)
        if word == "end":
            self._pop(word)

    def _peek_back(self, position: int) -> str:
        return self.tokens[position - 1].lower if position > 0 else ""

    def _distinct(self, position: int) -> int:
        if self._peek(position + 1).lower == "from":
            return position + 2
        self.reasons.append("'distinct' is accepted in IS [NOT] DISTINCT FROM only")
        return position + 1

    def _type(self, position: int) -> int:
        """`AS type` inside a cast; the type may carry numbers, `decimal(10, 2)`."""
        name = self._peek(position + 1)
        if name.kind != "word" or name.lower not in known.TYPES:
            self.reasons.append(f"cast to {name.value[:40]!r} is refused")
            return position + 1
        self.after_operand = True
        position += 2
        if name.lower in known.SIZED_TYPES and self._peek(position) == Token("operator", "("):
            position += 1
            while self._peek(position).kind == "number" or self._peek(position).lower == ",":
                position += 1
            if self._peek(position) == Token("operator", ")"):
                return position + 1
            self.reasons.append("the size of a type must be numbers")
        return position

    def _call(self, position: int) -> int:
        word = self.tokens[position].lower
        self.called.add(word)
        if word in known.AGGREGATES - self.allowed:
            self.reasons.append(f"the aggregate '{word}' is refused: an expression reads one row")
        elif word not in self.allowed:
            close = difflib.get_close_matches(word[:80], sorted(known.FUNCTIONS), _MOST_NEAREST)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            if len(close) > 1:
                hint = f" (did you mean '{close[0]}'? others: {', '.join(close[1:])})"
            self.reasons.append(f"the function '{word[:80]}' is not one of those allowed{hint}")
        self._operand(position)
        self._push("(", word)
        return position + 2

    def _interval(self, position: int) -> int:
        self._operand(position)
        unit = self._peek(position + 2)
        if unit.kind != "word" or unit.lower not in known.INTERVAL_UNITS:
            self.reasons.append("an interval is written as INTERVAL 1 DAY or INTERVAL '1' DAY")
            return position + 2
        return position + 3

    def _name(self, position: int) -> None:
        """A column without quotes, or a literal word."""
        word = self.tokens[position].lower
        self._operand(position)
        if word in known.LITERALS:
            return
        if word in known.AMBIENT:
            self.reasons.append(f"'{word}' is refused: an expression reads columns only")
        elif word in known.STATEMENTS:
            self.reasons.append(f"'{word}' is refused (backticks if it is a column)")
        self._column(position)

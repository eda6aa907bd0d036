"""Texts that Spark reads as the clock: 'now', 'today', 'tomorrow', 'yesterday'.

Where a constant text becomes a date or timestamp, Spark 4 puts the time of the query in
place of these words: `ts > 'today'` and `year('now')` read the clock as
`current_timestamp` does, without its name. A figure would then follow from the day on which
it is computed, and not from its window. Every constant text is tried, since Spark casts by
itself wherever a date is expected; so are words put together of constants ('to' || 'day',
reverse('won')). The pattern of LIKE is text and nothing else, so it may be such a word.

Source: SpecialDatetimeValues in Spark's optimizer (finishAnalysis.scala),
SparkDateTimeUtils.convertSpecialDate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sparkdrift.spec import functions as known
from sparkdrift.spec.tokens import Token, closes, opened

_PATTERNS = frozenset(["like", "ilike", "rlike", "regexp"])
# Spark takes a zone behind the word; whether it is one is not looked up here.
_WORD = re.compile(
    r"(now|today|tomorrow|yesterday)(?![a-z])[ \t]*[\w/+:-]*", re.IGNORECASE | re.ASCII
)
# Operators that leave the texts on both sides what they are, or bind tighter than `||`.
_WITHIN = frozenset(["||", "+", "-", "*", "/", "%", ".", "div"])
_NO_COLUMNS = known.LITERALS | {"as", "distinct", "escape", "from", "interval", "not"}


def is_clock_word(text: str) -> bool:
    """Whether Spark may read the constant `text` as a time that depends on when it runs."""
    unseen = {one for one in text if one.isspace() or not one.isprintable()}
    # Spark trims white space and control characters before a cast.
    return _WORD.fullmatch(text.strip("".join(unseen)) if unseen else text) is not None


def clock_words(tokens: Sequence[Token]) -> Iterator[str]:
    """Why the expression of these tokens would read the clock; it is well formed otherwise."""
    for position, token in enumerate(tokens):
        pattern = position > 0 and tokens[position - 1].lower in _PATTERNS
        if token.kind == "text" and not pattern and is_clock_word(token.value):
            yield (
                f"the text {token.value[:40]!r} is refused: Spark reads the clock where it "
                "expects a time; of a text column write LIKE instead of ="
            )
    yield from _spelled(tokens)


@dataclass
class _Open:
    """What is open: its function, whether a column stands in it, and in the operand at hand.

    `joining`: `||` stands before what comes now.
    """

    function: str
    column: bool = False
    in_operand: bool = False
    joining: bool = False

    def operand_ends(self) -> Iterator[str]:
        """An operand of `||` ends: a column must have stood on one of both sides."""
        if self.joining and not self.in_operand:
            yield "'||' of constants is refused: write the text itself"
        self.joining = False


def _spelled(tokens: Sequence[Token]) -> Iterator[str]:
    """Texts that are made of constants alone, by a function or by `||`."""
    stack = [_Open("")]
    for position, token in enumerate(tokens):
        here, function = stack[-1], opened(tokens, position)
        if function is not None:
            stack.append(_Open(function))
        elif closes(tokens, position) and len(stack) > 1:
            yield from here.operand_ends()
            stack.pop()
            if here.function in known.SPELLING and not here.column:
                yield f"{here.function}(..) of constants is refused: write its value"
            stack[-1].column |= here.column
            stack[-1].in_operand |= here.column
        elif token.kind == "quoted" or (
            token.kind == "word" and _is_column(tokens, position, here.function)
        ):
            here.column = here.in_operand = True
        elif token.kind == "operator" or token.lower in known.BINARY | known.CASE_PARTS.keys():
            yield from here.operand_ends()
            here.joining = token.lower == "||"
            here.in_operand &= token.lower in _WITHIN
    yield from stack[-1].operand_ends()


def _is_column(tokens: Sequence[Token], position: int, function: str) -> bool:
    """Whether the word at `position` is a column, in a bracket of `function`."""
    word = tokens[position].lower
    before = tokens[position - 1] if position else Token("operator", "")
    after = tokens[position + 1] if position + 1 < len(tokens) else Token("operator", "")
    return not (
        after == Token("operator", "(")
        or (after.kind == "text" and word in known.TYPED_LITERALS)
        or before.lower in ("as", ".")
        or before.kind in ("number", "text")
        or word in _NO_COLUMNS | known.BINARY | known.CASE_PARTS.keys()
        or (word in known.UNITS and before.lower == "(" and function in known.UNIT_FIRST)
    )

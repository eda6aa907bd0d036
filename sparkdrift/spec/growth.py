"""Bounds on what a short expression can make of one row: lengths, digits, depth.

`hex(hex(..))` doubles a text with each level and `replace(replace(..))` multiplies it:
45 levels took all memory of the driver, which computes constants itself.
`round(x, 200000000)` computes each of these digits. 5,000 signs in a row overflow the stack
of Spark's parser. What a regular expression costs is not bounded here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sparkdrift.spec import functions as known
from sparkdrift.spec.tokens import Token, closes, opened

MOST_GROWTH = 1000
DEEPEST_OPERATORS = 200
MOST_DIGITS = 38
# How long a text that a column puts in is taken to be, and the part of a match behind `$`.
_COLUMN_LENGTH, _GROUP_LENGTH = 100, 20
_COMMA = Token("operator", ",")


@dataclass
class _Open:
    """What is open: its function, the argument at hand (from 0), and what was found in it.

    growth: the factor by which nested functions lengthen its longest operand; put_in: the length of
    what is put in at each match; second: the tokens of its second argument; own, below:
    operators applied to one another here, and in the deepest of what stands in it.
    """

    function: str
    argument: int = 0
    growth: int = 1
    put_in: int = 1
    own: int = 0
    below: int = 0
    second: list[Token] = field(default_factory=list)

    def take(self, growth: int, length: int) -> None:
        """Reckon an operand in: what is put in, or what it is put into."""
        if known.PUTTING_IN.get(self.function) == self.argument:
            self.put_in = max(self.put_in, length)
        else:
            self.growth = max(self.growth, growth)

    def made(self) -> int:
        return self.growth * self.put_in * known.GROWING.get(self.function, 1)


def outgrowths(tokens: Sequence[Token]) -> Iterator[str]:
    """Why the expression of these tokens would outgrow memory; it is well formed otherwise."""
    stack = [_Open("")]
    for position, token in enumerate(tokens):
        here, function = stack[-1], opened(tokens, position)
        if here.argument == 1 and token != _COMMA:
            here.second.append(token)
        if function is not None:
            here.own += 1
            stack.append(_Open(function))
        elif closes(tokens, position) and len(stack) > 1:
            stack.pop()
            yield from _wrong(here)
            made = here.made()
            stack[-1].take(made, made * _COLUMN_LENGTH)
            stack[-1].below = max(stack[-1].below, here.own + here.below)
        else:
            _reckon(here, token)
        if sum(one.own for one in stack) + stack[-1].below > DEEPEST_OPERATORS:
            yield f"more than {DEEPEST_OPERATORS} operators are applied to one another"
            return


def _wrong(ended: _Open) -> Iterator[str]:
    if ended.made() > MOST_GROWTH:
        yield f"{ended.function} makes a text over {MOST_GROWTH} times as long as what it is given"
    if ended.function in known.DIGITS_SECOND and ended.argument > 0:
        # The bracket that ends it stands there too.
        given = [one for one in ended.second if one not in (Token("operator", "-"), _COMMA)]
        first, more = given[0], [one for one in given[1:] if one != Token("operator", ")")]
        number = first.kind == "number" and first.value.isdecimal()
        a_format = ended.function == "format_number" and first.kind == "text"
        if more or not (a_format or (number and int(first.value[:4]) <= MOST_DIGITS)):
            yield f"the second argument of {ended.function} must be a number up to {MOST_DIGITS}"


def _reckon(here: _Open, token: Token) -> None:
    if token == _COMMA:
        here.argument += 1
        here.own = 0
    elif token.lower in ("and", "or") or token.lower in known.CASE_PARTS:
        here.own = 0  # Spark balances these, or has them side by side
    elif token.kind == "operator" or token.lower in known.BINARY or token.lower == "not":
        here.own += 1
    elif token.kind == "text":
        length = max(len(token.value), token.value.count("$") * _GROUP_LENGTH, 1)
        here.take(1, length)
    elif token.kind == "quoted" or (token.kind == "word" and token.lower not in known.LITERALS):
        here.take(1, _COLUMN_LENGTH)

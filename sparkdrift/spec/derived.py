"""Arithmetic over metrics: a small grammar of its own, and the SQL that it becomes.

    sum     = product {("+" | "-") product}
    product = signed {("*" | "/") signed}
    signed  = ["+" | "-"] atom
    atom    = number | metric | function "(" sum {"," sum} ")" | "(" sum ")"

Nothing else parses, so nothing else can reach Spark. A division by zero is NULL, never an
error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sparkdrift.errors import nearest
from sparkdrift.spec.tokens import Token, tokens

LONGEST = 2_000
DEEPEST = 50
# Name -> least and most arguments.
FUNCTIONS: Mapping[str, tuple[int, int]] = {
    "abs": (1, 1),
    "coalesce": (1, 9),
    "exp": (1, 1),
    "greatest": (2, 9),
    "least": (2, 9),
    "ln": (1, 1),
    "nullif": (2, 2),
    "sqrt": (1, 1),
}
ACCEPTED = "numbers and metrics joined by + - * / and parentheses, and the functions " + ", ".join(
    sorted(FUNCTIONS)
)


class NotArithmeticError(ValueError):
    """Why a text is no arithmetic over metrics."""


@dataclass(frozen=True)
class Derived:
    """A parsed expression. `names`: the metrics it reads, each once, in order of appearance."""

    names: tuple[str, ...]
    _render: Callable[[Mapping[str, str]], str]

    def sql(self, values: Mapping[str, str]) -> str:
        """SQL of the expression; `values` is the SQL of each metric, as DOUBLE."""
        return self._render(values)


Render = Callable[[Mapping[str, str]], str]


def parse_derived(text: str) -> Derived:
    """Parse `text`; raises NotArithmeticError with the reason."""
    if len(text) > LONGEST:
        raise NotArithmeticError(f"it is longer than {LONGEST} characters")
    parser = _Parser(list(tokens(text)))
    render = parser.sum(0)
    parser.end()
    return Derived(tuple(dict.fromkeys(parser.names)), render)


class _Parser:
    def __init__(self, given: list[Token]) -> None:
        self._tokens = given
        self._position = 0
        self.names: list[str] = []

    @property
    def _next(self) -> Token:
        end = Token("operator", "")
        return self._tokens[self._position] if self._position < len(self._tokens) else end

    def _take(self, *operators: str) -> str | None:
        """The next token if it is one of these operators, else None."""
        token = self._next
        if token.kind == "operator" and token.value in operators:
            self._position += 1
            return token.value
        return None

    def end(self) -> None:
        if self._position < len(self._tokens):
            raise NotArithmeticError(f"{self._next.value[:40]!r} has no place here")

    def sum(self, depth: int) -> Render:
        if depth > DEEPEST:
            raise NotArithmeticError(f"its parentheses are deeper than {DEEPEST}")
        left = self._product(depth)
        while operator := self._take("+", "-"):
            left = _joined(operator, left, self._product(depth))
        return left

    def _product(self, depth: int) -> Render:
        left = self._signed(depth)
        while operator := self._take("*", "/"):
            left = _joined(operator, left, self._signed(depth))
        return left

    def _signed(self, depth: int) -> Render:
        sign = self._take("+", "-")
        atom = self._atom(depth)
        return (lambda values: f"(- {atom(values)})") if sign == "-" else atom

    def _atom(self, depth: int) -> Render:
        token = self._next
        if token.kind == "wrong":
            raise NotArithmeticError(token.value)
        if self._take("("):
            inner = self.sum(depth + 1)
            self._close()
            return inner
        self._position += 1
        if token.kind == "number":
            number = _number(token.value)
            return lambda values: number
        if token.kind not in ("word", "quoted"):
            raise NotArithmeticError("a number or a metric is missing")
        if token.kind == "word" and self._take("("):
            return self._call(token.value.lower(), depth)
        self.names.append(token.value)
        return lambda values: values[token.value]

    def _call(self, name: str, depth: int) -> Render:
        if name not in FUNCTIONS:
            close = nearest(name, FUNCTIONS)
            hint = f" (did you mean '{close}'?)" if close else ""
            raise NotArithmeticError(
                f"the function '{name[:80]}' is not one of those allowed{hint}"
            )
        arguments = [self.sum(depth + 1)]
        while self._take(","):
            arguments.append(self.sum(depth + 1))
        self._close()
        least, most = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise NotArithmeticError(f"'{name}' takes {least} to {most} arguments")
        return lambda values: f"{name}({', '.join(one(values) for one in arguments)})"

    def _close(self) -> None:
        if not self._take(")"):
            raise NotArithmeticError("a parenthesis is never closed")


def _joined(operator: str, left: Render, right: Render) -> Render:
    if operator == "/":
        return lambda values: f"try_divide({left(values)}, {right(values)})"
    return lambda values: f"({left(values)} {operator} {right(values)})"


def _number(text: str) -> str:
    try:
        return f"{float(text)!r}D"
    except ValueError:
        raise NotArithmeticError(f"write {text!r} as a plain number") from None

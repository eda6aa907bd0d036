"""Read one YAML document as plain data, and remember the line of every place in it.

Every scalar stays text, except an absent value (nothing, `~`, `null`), which
counts as not written: so a version 7.10 keeps its zero, a column called `no`
is no boolean, and a date is read by the model that knows what it means.
What can hide or multiply content is refused: anchors and aliases, tags,
several documents, duplicate keys, deep nesting, large files, very many values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sparkdrift.errors import Problem, SpecError
from sparkdrift.spec.origin import Loc, Origin

LARGEST_BYTES = 1024 * 1024
DEEPEST_NESTING = 20
# A spec of 2,000 features with five values each has 12,000; reading 20,000 takes half a second.
MOST_VALUES = 20_000
# Comments and lines of text; a million empty lines took two seconds.
_LINES_PER_VALUE = 5
_ABSENT = frozenset(["", "~", "null", "Null", "NULL"])


@dataclass
class Document:
    """The data of one file: mappings, tuples, text. `problems` are those of its form."""

    file: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Loc, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def origin(self) -> Origin:
        return Origin(self.file, self.lines)


class _RefusedError(Exception):
    """Ends the reading at once; never leaves this module."""

    def __init__(self, message: str, line: int | None, accepted: str | None = None) -> None:
        super().__init__(message)
        self.message, self.line, self.accepted = message, line, accepted


class _Loader(yaml.SafeLoader):
    """Composes nodes, and refuses on the way what a spec never needs."""

    depth = 0
    values = 0
    most_values = MOST_VALUES

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        line = _line(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _RefusedError("anchors and aliases are refused", line, "the value written out")
        if getattr(event, "tag", None) is not None:
            raise _RefusedError("tags are refused", line, "a plain value without '!'")
        if self.depth >= DEEPEST_NESTING:
            raise _RefusedError(f"nested deeper than {DEEPEST_NESTING} levels", line)
        self.values += 1
        if self.values > self.most_values:
            raise _RefusedError(f"more than {self.most_values:,} keys and values", line)
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def _line(marked: yaml.Event | Node) -> int:
    return marked.start_mark.line + 1 if marked.start_mark is not None else 1


def read_document(
    text: str, file: str, first: str = "monitor", most_values: int = MOST_VALUES
) -> Document:
    """The single YAML document in `text`; raises SpecError when it can't be read at all.

    `first`: the key that such a file begins with. `most_values`: keys and values in it.
    """
    try:
        root = _compose(text, first, most_values)
    except _RefusedError as refused:
        problem = Problem(refused.message, file, refused.line, accepted=refused.accepted)
        raise SpecError([problem]) from None
    except yaml.YAMLError as error:
        raise SpecError([_syntax_problem(error, text, file)]) from None
    document = Document(file)
    document.lines[()] = _line(root)
    document.data = _mapping(root, (), document)
    return document


def _compose(text: str, first: str, most_values: int) -> MappingNode:
    accepted = f"a mapping that begins with '{first}:'"
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST_BYTES:
        raise _RefusedError(f"larger than {LARGEST_BYTES} bytes", None, "one monitor per file")
    most_lines = _LINES_PER_VALUE * most_values
    if text.count("\n") > most_lines:
        raise _RefusedError(f"longer than {most_lines:,} lines", None, "one monitor per file")
    loader = _Loader(text)
    loader.most_values = most_values
    try:
        if not loader.check_node():
            raise _RefusedError("the file is empty", 1, accepted)
        root = loader.get_node()
        if loader.check_node():
            line = _line(loader.peek_event())  # type: ignore[no-untyped-call]
            raise _RefusedError("a second document begins here", line, "one monitor per file")
    finally:
        loader.dispose()
    if not isinstance(root, MappingNode):
        absent = isinstance(root, ScalarNode) and _scalar(root) is None
        message = "the file is empty" if absent else "the file is not a mapping of keys to values"
        line = _line(root) if root is not None else 1
        raise _RefusedError(message, line, accepted)
    return root


def _syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        accepted = "spaces for indentation, not tabs" if r"'\t'" in reason else None
        return Problem(f"this is not valid YAML: {reason}", file, line, accepted=accepted)
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        message = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        return Problem(message, file, line)
    return Problem(f"this is not valid YAML: {error}", file)


def _value(node: Node, loc: Loc, document: Document) -> Any:
    if isinstance(node, MappingNode):
        return _mapping(node, loc, document)
    if isinstance(node, SequenceNode):
        for position, item in enumerate(node.value):
            document.lines[(*loc, position)] = _line(item)
        return tuple(_value(item, (*loc, i), document) for i, item in enumerate(node.value))
    return _scalar(node) if isinstance(node, ScalarNode) else None


def _scalar(node: ScalarNode) -> str | None:
    text: str = node.value
    return None if node.style is None and text in _ABSENT else text


def _mapping(node: MappingNode, loc: Loc, document: Document) -> dict[str, Any]:
    data: dict[str, Any] = {}
    first_lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = _line(key_node)
        if not isinstance(key_node, ScalarNode):
            problem = Problem("a key must be one word", document.file, line)
            document.problems.append(problem)
            continue
        key: str = key_node.value
        if key in first_lines:
            message = f"the key {key!r} stands twice, first on line {first_lines[key]}"
            document.problems.append(Problem(message, document.file, line, given=key))
            continue
        first_lines[key] = document.lines[(*loc, key)] = line
        value = _value(value_node, (*loc, key), document)
        if value is not None:
            data[key] = value
    return data

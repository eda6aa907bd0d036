"""The YAML reader: plain data with lines, and nothing that hides or multiplies content."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.errors import SpecError
from sparkdrift.spec.documents import DEEPEST_NESTING, LARGEST_BYTES, MOST_VALUES, read_document


def test_data_and_lines() -> None:
    document = read_document("# c\na: 1\nb:\n  - x\n  - {c: ~, d: 'null'}\n", "f")
    assert document.data == {"a": "1", "b": ("x", {"d": "null"})}
    assert document.lines == {
        (): 2,
        ("a",): 2,
        ("b",): 3,
        ("b", 0): 4,
        ("b", 1): 5,
        ("b", 1, "c"): 5,
        ("b", 1, "d"): 5,
    }


REFUSED = {
    "empty": ("", 1, "empty"),
    "comment only": ("# nothing\n", 1, "empty"),
    "document mark only": ("---\n", 2, "empty"),
    "list": ("- a\n", 1, "not a mapping"),
    "word": ("monitor\n", 1, "not a mapping"),
    "anchor": ("a: 1\nb: &x 2\n", 2, "anchors and aliases"),
    "anchor of a mapping": ("a: &x\n  b: 1\n", 1, "anchors and aliases"),
    "alias": ("a: 1\nb: *x\n", 2, "anchors and aliases"),
    "tag": ("a: 1\nb: !!python/object:os.system x\n", 2, "tags"),
    "harmless tag": ("a: !!str 1\n", 1, "tags"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, "second document"),
    "deep": ("a: " + "[" * DEEPEST_NESTING, 1, "nested deeper"),
    "very deep": ("[" * 500_000, 1, "nested deeper"),
    "syntax": ("a: 1\nb: [1\nc: 2\n", 3, "not valid YAML"),
    "tab": ("a:\n\tb: 1\n", 2, "not valid YAML"),
    "control character": ("a: 1\nb: \x07\n", 2, "U+0007"),
    "many values": ("a: [" + "b," * MOST_VALUES + "]", 1, "more than 20,000 keys and values"),
    "many lines": ("a: 1" + "\n" * 1_000_000, None, "longer than 100,000 lines"),
    "large": ("#" * (LARGEST_BYTES + 1), None, "larger than"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    text, line, message = REFUSED[case]
    with pytest.raises(SpecError) as caught:
        read_document(text, "f")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("f", line)
    assert message in problem.message


def test_the_deepest_nesting_that_is_accepted() -> None:
    depth = DEEPEST_NESTING - 2
    read_document("a: " + "[" * depth + "x" + "]" * depth, "f")


def test_duplicate_and_odd_keys_are_collected() -> None:
    document = read_document("a: 1\nb: {c: 1, c: 2}\n? [x]\n: 1\na: 2\n", "f")
    assert [(p.line, p.message) for p in document.problems] == [
        (2, "the key 'c' stands twice, first on line 2"),
        (3, "a key must be one word"),
        (5, "the key 'a' stands twice, first on line 1"),
    ]


def test_merge_keys_have_no_meaning() -> None:
    assert read_document("<<: {a: 1}", "f").data == {"<<": {"a": "1"}}


@given(st.text(alphabet="ab:{}[]-,&*!|>'\"#%@` \n\t\\?~", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_document(text, "f")
    except SpecError as error:
        assert error.problems  # noqa: PT017


def test_a_bomb_is_refused_at_once() -> None:
    rows = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60))]
    before = time.perf_counter()
    with pytest.raises(SpecError):
        read_document("\n".join(rows), "f")
    assert time.perf_counter() - before < 1

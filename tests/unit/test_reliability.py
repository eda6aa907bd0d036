"""RELIABILITY.md and SECURITY.md name tests; each is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED = [
    (page, found)
    for page in ("RELIABILITY.md", "SECURITY.md")
    for found in re.findall(r"`(tests/[^`\s]+)`", (ROOT / page).read_text(encoding="utf-8"))
]


def test_both_pages_name_tests():
    assert {page for page, _ in NAMED} == {"RELIABILITY.md", "SECURITY.md"}
    assert len(NAMED) > 40


@pytest.mark.parametrize(("page", "named"), NAMED, ids=lambda one: one)
def test_what_is_named_exists(page, named):
    path, _, name = named.partition("::")
    file = ROOT / path
    assert file.exists(), f"{page} names {named}"
    if name:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{page} names {named}"


def test_each_promise_has_a_test():
    text = (ROOT / "RELIABILITY.md").read_text(encoding="utf-8")
    promised = text.split("## Promised")[1].split("## Not promised")[0]
    rows = [line for line in promised.splitlines() if line.startswith("| **")]
    assert len(rows) > 10
    for row in rows:
        assert re.search(r"`tests/\S+::test_\w+`", row), row

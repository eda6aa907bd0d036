"""Specs made to hang, to fill the screen, or to read what they should not."""

from __future__ import annotations

import time

import pytest

from sparkdrift.errors import SpecError, UsageError
from sparkdrift.spec.documents import MOST_VALUES
from sparkdrift.spec.loading import load_spec, parse_spec
from sparkdrift.spec.registry import parse_registry
from sparkdrift.spec.validating import MOST_PROBLEMS

BASE = "monitor: m\nowner: o\nsource: {table: a}\ntimestamp: {column: t, zone: UTC}\n"
MANY = MOST_VALUES // 5

# Each took from 3 seconds to minutes; five seconds here are for a machine that is busy.
SLOW = {
    "unknown keys": BASE + "".join(f"key{i}: x\n" for i in range(MANY)),
    "unknown keys of features": BASE
    + "features:\n  numeric:\n"
    + "".join(f"  - {{colum: x{i}}}\n" for i in range(MANY)),
    "the same feature": BASE + "features:\n  numeric:\n" + "  - a\n" * MANY,
    "overrides of nothing": BASE
    + "features:\n  numeric: [a]\ndrift:\n  overrides:\n"
    + "".join(f"    x{i}: {{bins: 3}}\n" for i in range(MANY)),
    "odd keys": BASE + "a: {" + "? [b] : c," * (MANY // 2) + "}",
}


@pytest.mark.parametrize("case", SLOW)
def test_many_mistakes_are_told_soon_and_in_few_words(case: str) -> None:
    before = time.process_time()
    with pytest.raises(SpecError) as caught:
        parse_spec(SLOW[case], "f")
    assert time.process_time() - before < 5
    problems = caught.value.problems
    assert len(problems) == MOST_PROBLEMS + 1
    assert "more problems, which are not listed" in problems[-1].message
    assert len(str(caught.value)) < 100_000


def test_a_wide_spec_is_read() -> None:
    names = "".join(f"  - {{column: x{i}, formerly: n{i}}}\n" for i in range(2000))
    assert len(parse_spec(f"{BASE}features:\n  numeric:\n{names}").features.numeric) == 2000


def test_many_models_are_read() -> None:
    text = "models:\n" + "".join(f"  m{i}: {{owner: o, monitors: [a{i}]}}\n" for i in range(5000))
    assert len(parse_registry(text).models) == 5000


def test_a_spec_of_fifty_megabytes_is_refused_without_being_read(tmp_path) -> None:
    file = tmp_path / "spec.yml"
    with file.open("wb") as stream:
        stream.write(b"monitor: m\n#")
        stream.truncate(50_000_000)
    before = time.process_time()
    with pytest.raises(SpecError, match="larger than 1048576 bytes"):
        load_spec(file)
    assert time.process_time() - before < 2


@pytest.mark.parametrize("path", ["/dev/null", "."])
def test_no_regular_file(path: str) -> None:
    with pytest.raises((SpecError, UsageError)):
        load_spec(path)

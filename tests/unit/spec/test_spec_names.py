"""Names as SQL identifiers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.spec.names import parse_table, quote, refused_name, render_table

NAMES = st.text(min_size=1, max_size=40).filter(lambda name: refused_name(name) is None)


@given(st.lists(NAMES, min_size=1, max_size=3))
def test_render_then_parse_gives_the_parts_back(parts: list[str]) -> None:
    rendered = render_table(parts)
    if "/" in parts[-1] and len(parts) > 1:
        return  # may read as format.`path`, which is refused; see below
    assert parse_table(rendered) == tuple(parts)


@given(NAMES)
def test_a_quoted_name_is_one_identifier(name: str) -> None:
    inner = quote(name)[1:-1]
    assert "`" not in inner.replace("``", "")
    assert inner.replace("``", "`") == name


@given(st.text(max_size=60))
def test_parsing_raises_only_value_errors(text: str) -> None:
    try:
        parts = parse_table(text)
    except ValueError:
        return
    assert 1 <= len(parts) <= 3


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("t", ("t",)),
        ("main.risk.log", ("main", "risk", "log")),
        ("my-catalog.s.t_1", ("my-catalog", "s", "t_1")),
        ("`a.b`.`c``d`", ("a.b", "c`d")),
        ("größe.`✓`", ("größe", "✓")),
    ],
)
def test_tables(name: str, parts: tuple[str, ...]) -> None:
    assert parse_table(name) == parts


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "a.", ".a", "a..b", "a.b.c.d", "a b", "a;b", "`a", "`a`b", "``", "a`b`", "a@v1"),
        *("parquet.`/x`", "DELTA.`s3://b/x`", "a\nb", "`a\nb`", "`${x}`", "a--b.c d", "x" * 256),
    ],
)
def test_no_tables(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reasons differ
        parse_table(name)


@pytest.mark.parametrize(
    "name",
    ["", "a\x00", "a\nb", "\x7f", "\x85", "\ud800", "\u2028", "\u202e", "${env:X}", "x" * 256],
)
def test_refused_names(name: str) -> None:
    with pytest.raises(ValueError, match="can't be used"):
        quote(name)


@pytest.mark.parametrize("parts", [(), ("a", "b", "c", "d")])
def test_a_table_has_one_to_three_parts(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="1 to 3 parts"):
        render_table(parts)

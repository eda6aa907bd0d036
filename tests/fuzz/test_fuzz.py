"""A selection of the fuzz that `python -m tests.fuzz --cases 1000000` runs in full."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkdrift.errors import SpecError
from sparkdrift.spec.expressions import check_expression
from sparkdrift.spec.functions import AGGREGATES, FUNCTIONS
from sparkdrift.spec.loading import parse_spec
from tests.fuzz.mutating import PIECES, YAML, grown
from tests.fuzz.oracle import FORBIDDEN, forbidden
from tests.fuzz.running import SEEDS, Tally, fuzz_expressions, fuzz_specs, spec_seeds

# Every run tries others; a failure names its seed.
SEED = random.SystemRandom().randrange(1 << 32)


def held(tally: Tally) -> None:
    assert not tally.failures, "\n".join(tally.failures)
    assert tally.refused > tally.accepted > 0


def test_expressions() -> None:
    tally = fuzz_expressions(8_000, SEED)
    held(tally)
    assert tally.accepted > 400, f"seed {SEED}: the cases no longer reach what is accepted"


def test_specs() -> None:
    held(fuzz_specs(1_000, SEED))


def test_the_same_seed_makes_the_same_cases() -> None:
    first, second = [], []
    fuzz_expressions(300, 7, first)
    fuzz_expressions(300, 7, second)
    assert first == second != []


def test_the_oracle_sees_attacks_and_lets_values_be() -> None:
    """Else it would agree with anything."""
    attacks = ["(select 1)", "reflect('a')", "x -- y", "1; drop table t", "t > 'now'", "rand() > 1"]
    attacks += ["a over (order by b)", "transform(a, x -> x)", "sum(x) > 1", "a in (table t)", "@x"]
    unseen = [one for one in attacks if forbidden(one) is None and not check_expression(one)]
    assert unseen == []
    assert sum(forbidden(one) is not None for one in attacks) >= len(attacks) - 1
    assert [forbidden(one) for one in SEEDS] == [None] * len(SEEDS)
    assert [check_expression(one) for one in SEEDS] == [[]] * len(SEEDS)


def test_the_allowlist_holds_nothing_that_the_oracle_forbids() -> None:
    assert set() == (FUNCTIONS | AGGREGATES) & FORBIDDEN


@pytest.mark.parametrize("text", list(spec_seeds()))
def test_seeds_are_whole_specs(text: str) -> None:
    parse_spec(text)


@settings(max_examples=400, deadline=1000)
@given(st.lists(st.sampled_from([*PIECES, *SEEDS]) | st.text(max_size=5), max_size=12))
def test_pieces_put_together(pieces: list[str]) -> None:
    sql = " ".join(pieces)
    if not check_expression(sql):
        assert forbidden(sql) is None


@settings(max_examples=150, deadline=1000)
@given(st.lists(st.sampled_from(YAML) | st.text(max_size=5), max_size=12), st.randoms())
def test_yaml_put_together(pieces: list[str], draw: random.Random) -> None:
    text = draw.choice(list(spec_seeds()))
    place = draw.randrange(len(text))
    try:
        parse_spec(text[:place] + "".join(pieces) + text[place:])
    except SpecError as error:
        assert error.problems  # noqa: PT017


def test_much_of_what_is_grown_is_accepted() -> None:
    draw = random.Random(SEED)
    cases = [grown(draw, 2) for _ in range(500)]
    assert sum(not check_expression(case) for case in cases) > 100, f"seed {SEED}"

"""Seeded cases for the expression checker and the spec loader, and what must hold for each.

A third of the expressions are grown after the grammar, the others are changes of earlier ones. A
case that brings something new (an answer of the checker not seen before, two neighbouring kinds
of token) and is accepted, or wrong in one way only, joins the corpus, so that later cases begin
where it ended. What is new is told by behaviour and not by covered lines.
"""

from __future__ import annotations

import random
import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from sparkdrift.errors import SpecError
from sparkdrift.spec.expressions import check_aggregate, check_expression, check_value, identifiers
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.names import refused_name
from sparkdrift.spec.tokens import tokens
from tests.fuzz.mutating import PIECES, YAML, grown, mutated
from tests.fuzz.oracle import forbidden

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 1.0
LARGEST_CORPUS = 5_000
# What would drive a terminal or break a line; unassigned characters and the like are shown as `?`.
_UNSHOWN = ("Cc", "Cs", "Zl", "Zp")
_EXPRESSIONS = {"filter", "expression", "shaped", "rule", "condition"}
SEEDS = [
    "environment = 'prod'",
    "a = 1 AND NOT b OR (c <> 2.5e-3 AND d <=> NULL)",
    "`odd name; -- x` IS NOT NULL and x.y.z > 1",
    "a BETWEEN 1 AND 2 AND b NOT IN ('x', 'y') AND c LIKE '%x' ESCAPE '!'",
    "case when a > 0 then 'x' else b end = 'x'",
    "coalesce(a, 0) + pmod(b, 7) * -c % 2 >= abs(-1)",
    "cast(a as decimal(10, 2)) > 1 and try_cast(b AS timestamp) is null",
    "event_time >= timestamp '2024-01-01' - INTERVAL 2 days",
    "a IS NOT DISTINCT FROM b AND c is distinct from d",
    "a LIKE ANY ('x%', 'y%') and b rlike '^a+$'",
    "tags['k'] = 'v' and element_at(items, 1) = size(items)",
    "replace(concat_ws('-', a, b), 'x', 'yy') || lower(c) = 'z'",
    "round(a / nullif(b, 0), 2) > 0.5 and regexp_replace(c, '(a)', '$1') = d",
    "if(position('a' IN b) > 0, date_trunc('month', t), to_date('2024-01-01')) > d",
]


@dataclass
class Tally:
    """What came of the cases. slowest: CPU seconds and the case; failures: what did not hold."""

    cases: int = 0
    accepted: int = 0
    refused: int = 0
    judged: int = 0
    slowest: tuple[float, str] = (0.0, "")
    corpus: int = 0
    failures: list[str] = field(default_factory=list)

    def failed(self, seed: int, case: str, why: str) -> None:
        self.failures.append(f"seed {seed}, case {self.cases}: {why}: {case!r}"[:2000])


def fuzz_expressions(count: int, seed: int, accepted: list[str] | None = None) -> Tally:
    """`count` cases for the three checkers of expressions; `accepted` gets what passed."""

    def judge(case: str, tally: Tally) -> object:
        check = (check_expression, check_value, check_aggregate)[tally.cases % 3]
        reasons = check(case)
        identifiers(case)
        if not all(isinstance(reason, str) and reason for reason in reasons):
            tally.failed(seed, case, "a reason is empty")
        if reasons:
            tally.refused += 1
            if len(reasons) > 1:
                return None
            return re.sub(r"'[^']*'|\d+", "_", reasons[0]), _neighbours(case)
        tally.accepted += 1
        if check is not check_aggregate:
            tally.judged += 1
            why = forbidden(case)
            if why is not None:
                tally.failed(seed, case, f"accepted although {why}")
            if accepted is not None:
                accepted.append(case)
        return "", _neighbours(case)

    def make(draw: random.Random, corpus: list[str]) -> str:
        if draw.randrange(3) == 0:
            return grown(draw, draw.randint(1, 4))
        return mutated(draw, corpus, PIECES, 2_000)

    return _fuzz(count, seed, SEEDS, make, judge)


def fuzz_specs(count: int, seed: int) -> Tally:
    """`count` cases for the loader of specs."""

    def judge(case: str, tally: Tally) -> object:
        try:
            spec = parse_spec(case, "f")
        except SpecError as error:
            tally.refused += 1
            told = str(error).replace("\n", "")
            if not error.problems or any(unicodedata.category(one) in _UNSHOWN for one in told):
                tally.failed(seed, case, f"the error can't be shown: {told[:200]!r}")
            if len(error.problems) > 1:
                return None
            return re.sub(r"'[^']*'|\d+", "_", error.problems[0].message)
        tally.accepted += 1
        for why in _unsound(spec):
            tally.failed(seed, case, why)
        tally.judged += 1
        return ""

    def make(draw: random.Random, corpus: list[str]) -> str:
        return mutated(draw, corpus, YAML, 20_000)

    return _fuzz(count, seed, list(spec_seeds()), make, judge)


def spec_seeds() -> Iterator[str]:
    """The specs that the project itself ships and documents."""
    for file in sorted((ROOT / "conf" / "monitors").glob("*.yml")):
        yield file.read_text(encoding="utf-8")
    for file in sorted((ROOT / "docs").glob("*.md")):
        for block in re.findall(r"```yaml\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL):
            if block.startswith("monitor:"):
                yield block
    yield (
        "monitor: m\nowner: o\nsource: {table: a.b.c, filter: \"x = 'y'\"}\n"
        "timestamp: {column: t, zone: UTC}\nfeatures: {auto: true}\nslices: [a, [b, c]]\n"
    )


def _fuzz(
    count: int,
    seed: int,
    seeds: list[str],
    make: Callable[[random.Random, list[str]], str],
    judge: Callable[[str, Tally], object],
) -> Tally:
    draw, corpus, tally, seen = random.Random(seed), list(seeds), Tally(), set[object]()
    for _ in range(count):
        case = make(draw, corpus)
        began = time.process_time()
        try:
            answer = judge(case, tally)
        except Exception as error:
            tally.failed(seed, case, f"raised {type(error).__name__}: {error}")
            answer = type(error)
        took = time.process_time() - began
        if took > LONGEST_SECONDS:
            # Once more: Python may just have collected the garbage of all the cases before.
            began = time.process_time()
            with suppress(Exception):
                judge(case, Tally(cases=tally.cases))
            took = time.process_time() - began
        tally.cases += 1
        if took > tally.slowest[0]:
            tally.slowest = (took, case)
        if took > LONGEST_SECONDS:
            tally.failed(seed, case, f"took {took:.1f} CPU seconds")
        if answer is not None and answer not in seen:
            seen.add(answer)
            if len(corpus) < LARGEST_CORPUS:
                corpus.append(case)
            else:
                corpus[draw.randrange(len(seeds), len(corpus))] = case
    tally.corpus = len(corpus)
    return tally


def _neighbours(case: str) -> frozenset[tuple[str, str]]:
    kinds = [token.kind for token in tokens(case[:200])]
    return frozenset(pairwise(kinds))


def _unsound(spec: MonitorSpec) -> Iterator[str]:
    """What an accepted spec holds that none may."""
    for key, value in _texts(spec.model_dump()):
        if key in _EXPRESSIONS:
            why = forbidden(value, aggregates=True)
            if why is not None:
                yield f"the expression {value!r} was accepted although {why}"
        elif key in ("column", "table") and refused_name(value) is not None:
            yield f"the name {value!r} was accepted"


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for inner, one in value.items():
            yield from _texts(one, str(inner))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one, key)
    elif isinstance(value, str):
        yield key, value

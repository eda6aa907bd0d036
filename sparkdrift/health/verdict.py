"""The verdict on a model from the levels of its evidence: the rules of the policy, applied.

A level is what stands against the model in one of the kinds of evidence: nothing (`ok`), something
minor, major or critical, or None, which is that it was not measured. Every rule holds from a level
on, and the weightiest verdict of those that hold counts, so worse evidence never improves it. What
is expected and not measured is never taken for good, whatever stands besides: a gap in what is
expected makes a model one to watch, and blind where too little is left of what the policy needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from sparkdrift.health.findings import Finding
from sparkdrift.spec.health_policy import EVIDENCE, LEVELS, VERDICTS, Rule, Verdict

LEVEL_NAMES = ("ok", *LEVELS)
"""From the best to the worst; the number of a level is its place."""

WEIGHTS: Mapping[str, float] = {
    "performance": 4,
    "evaluation": 2,
    "data": 2,
    "dashboard": 1,
    "calibration": 1,
    "feature": 1,
    "feedback": 1,
    "operations": 1,
    "ownership": 0.5,
}
"""How much each kind of evidence says about whether the model still works. Source: the project's
own; they order reasons and add up to the confidence, and decide nothing."""

_DECIDING = 8.0
"""How many times more a reason counts that the verdict rests on."""
_WATCH, _BLIND = VERDICTS.index("watch"), VERDICTS.index("blind")
FULL, PART, TOO_LITTLE = range(3)
"""How much of a kind of evidence is missing: nothing, some of it, or more than may be."""


@dataclass(frozen=True)
class Level:
    """value: 0 ok to 3 critical, None: nothing is known. measured: the part of it that was there, 0
    to 1, also where something stands of earlier. weight: what that part counts for in the
    confidence, 0 to 1. why: what is missing, "" where nothing is. findings: what stands, and at
    which level each.
    """

    value: int | None
    measured: float = 1.0
    why: str = ""
    findings: tuple[tuple[int, Finding], ...] = ()
    weight: float = 1.0

    def gap(self, least: float) -> int:
        """FULL, PART, or TOO_LITTLE where less than `least` of it was measured, or nothing."""
        if self.value is None or self.measured <= 0 or self.measured < least:
            return TOO_LITTLE
        return PART if self.measured < 1 else FULL


UNKNOWN = Level(None, 0.0, "no row tells of it")


@dataclass(frozen=True)
class Reason:
    """weight: its part of all reasons, 0 to 1. rows: keys of the rows that it rests on."""

    weight: float
    kind: str
    reason: str
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """severity: the worst level that the verdict rests on; None where it is healthy.

    rules: those that led to it, in words. confidence: 0 to 1, by weight of evidence.
    """

    verdict: Verdict
    severity: str | None
    confidence: float
    reasons: tuple[Reason, ...]
    would_change: str
    rules: tuple[str, ...]


def judge(
    levels: Mapping[str, Level],
    rules: Sequence[Rule],
    needs: Collection[str],
    expected: Collection[str],
    least: float = 0.5,
) -> Judgement:
    """The verdict on the levels of one window.

    Evidence that `levels` lacks is not measured. expected: what the spec asks to be measured;
    what is needed is expected as well. least: the part of what is needed without which the model
    is blind.
    """
    wanted = tuple(one for one in EVIDENCE if one in expected or one in needs)
    known: dict[str, Level] = {one: levels.get(one, UNKNOWN) for one in EVIDENCE}
    seen = tuple(Seen(level.value or 0, level.gap(least)) for level in known.values())
    found = _outcome(seen, _plain(rules), tuple(needs), wanted)
    return Judgement(
        verdict=found.verdict,
        severity=found.severity,
        confidence=_confidence(known, wanted),
        reasons=_reasons(known, wanted, found.deciding),
        would_change=found.would_change,
        rules=found.rules,
    )


class Seen(NamedTuple):
    """A level as the rules see it. value: 0 ok to 3 critical; gap: FULL, PART or TOO_LITTLE."""

    value: int
    gap: int = FULL


Plain = tuple[tuple[tuple[tuple[str, str], ...], str], ...]
"""Rules as ((evidence, level), ...), verdict."""


def _plain(rules: Sequence[Rule]) -> Plain:
    return tuple((tuple(one.when.items()), one.verdict) for one in rules)


@dataclass(frozen=True)
class _Outcome:
    """What of a judgement follows from levels alone; see there. deciding: evidence it rests on."""

    verdict: Verdict
    severity: str | None
    would_change: str
    rules: tuple[str, ...]
    deciding: frozenset[str]


@lru_cache(maxsize=4096)
def _outcome(
    seen: tuple[Seen, ...], rules: Plain, needs: tuple[str, ...], wanted: tuple[str, ...]
) -> _Outcome:
    """`seen`: in the order of EVIDENCE. Most windows of most models are one of few kinds."""
    course: dict[str, Seen] = dict(zip(EVIDENCE, seen, strict=True))
    place = _place(course, _compiled(rules), _mask(needs, wanted))
    deciding = tuple(_deciding(place, course, rules, needs, wanted))
    return _Outcome(
        verdict=VERDICTS[place],
        severity=_severity(place, course, deciding),
        would_change=_would_change(course, rules, needs, wanted),
        rules=tuple(dict.fromkeys(words for words, _ in deciding)),
        deciding=frozenset(name for _, names in deciding for name in names),
    )


Compiled = tuple[tuple[tuple[tuple[int, int], ...], int], ...]
Mask = tuple[tuple[int, int], ...]


@lru_cache(maxsize=256)
def _compiled(rules: Plain) -> Compiled:
    return tuple(
        (
            tuple((EVIDENCE.index(name), LEVEL_NAMES.index(level)) for name, level in when),
            VERDICTS.index(verdict),
        )
        for when, verdict in rules
    )


def compiled(rules: Sequence[Rule]) -> Compiled:
    """Rules as numbers: ((place in EVIDENCE, level), ...), place in VERDICTS."""
    return _compiled(_plain(rules))


def _mask(needs: Collection[str], wanted: Sequence[str]) -> Mask:
    """(place in EVIDENCE, place of the verdict where there is too little of it)."""
    return tuple((EVIDENCE.index(one), _BLIND if one in needs else _WATCH) for one in wanted)


def rank(values: Sequence[int], gaps: Sequence[int], rules: Compiled, mask: Mask) -> int:
    """The place in VERDICTS of the verdict on levels in the order of EVIDENCE: the weightier of
    what their values say and of what is missing of them."""
    return max(rank_values(values, rules), rank_gaps(gaps, mask))


def rank_gaps(gaps: Sequence[int], mask: Mask) -> int:
    """The same of what is missing alone."""
    found = 0
    for at, place in mask:
        if gaps[at]:
            found = max(found, place if gaps[at] == TOO_LITTLE else _WATCH)
    return found


def rank_values(values: Sequence[int], rules: Compiled) -> int:
    """The same of what stands alone."""
    found = _WATCH if any(values) else 0
    for when, verdict in rules:
        if verdict > found:
            for at, level in when:
                if values[at] < level:
                    break
            else:
                found = verdict
    return found


def _place(course: Mapping[str, Seen], rules: Compiled, mask: Mask) -> int:
    seen = [course[one] for one in EVIDENCE]
    return rank([one.value for one in seen], [one.gap for one in seen], rules, mask)


def _deciding(
    place: int,
    course: Mapping[str, Seen],
    rules: Plain,
    needs: Collection[str],
    wanted: Sequence[str],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(rule in words, the evidence it rests on) of all that lead to this verdict."""
    for when, verdict in rules:
        holds = all(course[name].value >= _level(level) for name, level in when)
        if holds and VERDICTS.index(verdict) == place:
            yield _words(when, verdict), tuple(name for name, _ in when)
    if place == _BLIND:
        for name in wanted:
            if name in needs and course[name].gap == TOO_LITTLE:
                yield f"{name} not measured, and needed: blind", (name,)
    if place == _WATCH:
        for name in EVIDENCE:
            if course[name].value:
                yield f"{name} not ok: watch", (name,)
        for name in wanted:
            if course[name].gap:
                words = "not measured" if course[name].gap == TOO_LITTLE else "measured in part"
                yield f"{name} {words}: watch", (name,)


def told(rule: Rule) -> str:
    """A rule in words."""
    return _words(tuple(rule.when.items()), rule.verdict)


def _words(when: Sequence[tuple[str, str]], verdict: str) -> str:
    words = " and ".join(
        f"{name} {level}{' or worse' if level != LEVELS[-1] else ''}" for name, level in when
    )
    return f"{words}: {verdict}"


def _severity(
    place: int, course: Mapping[str, Seen], deciding: Sequence[tuple[str, tuple[str, ...]]]
) -> str | None:
    if not place:
        return None
    worst = max((course[name].value for _, names in deciding for name in names), default=0)
    # Nothing is known to be wrong: what is missing is to be brought back, not to be feared.
    least = _level("major") if place == _BLIND else _level("minor")
    return LEVEL_NAMES[max(worst, least)]


def _level(name: str) -> int:
    return LEVEL_NAMES.index(name)


def _confidence(levels: Mapping[str, Level], wanted: Sequence[str]) -> float:
    """Part of the expected evidence that was there, by weight; 0 where none was expected."""
    whole = sum(WEIGHTS[one] for one in wanted)
    had = sum(WEIGHTS[one] * levels[one].measured * levels[one].weight for one in wanted)
    return had / whole if whole else 0.0


def _reasons(
    levels: Mapping[str, Level], wanted: Sequence[str], deciding: Collection[str]
) -> tuple[Reason, ...]:
    """What stands against the model and what is not known of it, the weightiest first."""
    found: list[Reason] = []
    for name in EVIDENCE:
        level = levels[name]
        factor = WEIGHTS[name] * (_DECIDING if name in deciding else 1.0)
        for value, one in level.findings:
            told = f"{one.debt} ({LEVEL_NAMES[value]}): {one.evidence}"
            found.append(Reason(factor * value, name, told, one.rows))
        if level.measured < 1 and name in wanted:
            words = f"measured by {level.measured:.0%}" if level.measured else "not measured"
            told = f"{words}: {level.why or UNKNOWN.why}"
            found.append(Reason(factor * (1 - level.measured), name, told))
    whole = sum(one.weight for one in found)
    ordered = sorted(found, key=lambda one: (-one.weight, one.kind, one.reason))
    return tuple(
        Reason(round(one.weight / whole, 4), one.kind, one.reason, one.rows) for one in ordered
    )


def _would_change(
    course: Mapping[str, Seen],
    rules: Plain,
    needs: Collection[str],
    wanted: Sequence[str],
) -> str:
    """What would make the verdict lighter: each piece of evidence alone, else all of them."""
    ready, mask = _compiled(rules), _mask(needs, wanted)

    def with_one(name: str, value: int) -> int:
        return _place({**course, name: Seen(value)}, ready, mask)

    now = _place(course, ready, mask)
    if not now:
        worse = [(one, with_one(one, _level("major"))) for one in EVIDENCE]
        return "; ".join(f"{VERDICTS[to]} once {one} is major" for one, to in worse if to > _WATCH)
    bad = [one for one in EVIDENCE if course[one].value or (course[one].gap and one in wanted)]
    needed = {one: course[one].gap > FULL and one in wanted for one in bad}
    lighter = [(one, with_one(one, 0)) for one in bad]
    found = [
        f"{VERDICTS[then]} once {one} is {'measured and ok' if needed[one] else 'ok'}"
        for one, then in lighter
        if then < now
    ]
    if found:
        return "; ".join(found)
    return f"healthy once all of these are ok: {', '.join(bad)}"

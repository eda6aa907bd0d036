"""The verdict on a model from the levels of its evidence: the rules of the policy, applied.

A level is what stands against the model in one of the kinds of evidence: nothing (`ok`), something
minor, major or critical, or None, which is that it was not measured. Every rule holds from a level
on, and the weightiest verdict of those that hold counts, so worse evidence never improves it. What
is expected and not measured is never taken for good: it makes a model blind where the policy needs
it, and one to watch elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

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


@dataclass(frozen=True)
class Level:
    """value: 0 ok to 3 critical, None: not measured. measured: the part of it that was there, 0 to
    1. why: what is missing, "" where nothing is. findings: what stands, and at which level each.
    """

    value: int | None
    measured: float = 1.0
    why: str = ""
    findings: tuple[tuple[int, Finding], ...] = ()


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
) -> Judgement:
    """The verdict on the levels of one window.

    Evidence that `levels` lacks is not measured. expected: what the spec asks to be measured;
    what is needed is expected as well.
    """
    wanted = tuple(one for one in EVIDENCE if one in expected or one in needs)
    values: dict[str, int | None] = {
        one: levels[one].value if one in levels else None for one in EVIDENCE
    }
    place = rank(tuple(values[one] for one in EVIDENCE), compiled(rules), _mask(needs, wanted))
    deciding = tuple(_deciding(place, values, rules, needs, wanted))
    return Judgement(
        verdict=VERDICTS[place],
        severity=_severity(place, values, deciding),
        confidence=_confidence(levels, wanted),
        reasons=_reasons(levels, wanted, {name for _, names in deciding for name in names}),
        would_change=would_change(values, rules, needs, wanted),
        rules=tuple(dict.fromkeys(words for words, _ in deciding)),
    )


Compiled = tuple[tuple[tuple[tuple[int, int], ...], int], ...]
Mask = tuple[tuple[int, int], ...]


@lru_cache(maxsize=256)
def _compiled(rules: tuple[tuple[tuple[tuple[str, str], ...], str], ...]) -> Compiled:
    return tuple(
        (
            tuple((EVIDENCE.index(name), LEVEL_NAMES.index(level)) for name, level in when),
            VERDICTS.index(verdict),
        )
        for when, verdict in rules
    )


def compiled(rules: Sequence[Rule]) -> Compiled:
    """Rules as numbers: ((place in EVIDENCE, level), ...), place in VERDICTS."""
    return _compiled(tuple((tuple(one.when.items()), one.verdict) for one in rules))


def _mask(needs: Collection[str], wanted: Sequence[str]) -> Mask:
    """(place in EVIDENCE, place of the verdict that it leads to where it is not measured)."""
    return tuple((EVIDENCE.index(one), _BLIND if one in needs else _WATCH) for one in wanted)


def rank(values: Sequence[int | None], rules: Compiled, missing: Mask) -> int:
    """The place in VERDICTS of the verdict on levels in the order of EVIDENCE."""
    found = _WATCH if any(values) else 0
    for at, least in missing:
        if values[at] is None and least > found:
            found = least
    for when, verdict in rules:
        if verdict > found:
            for at, level in when:
                if (values[at] or 0) < level:
                    break
            else:
                found = verdict
    return found


def _deciding(
    place: int,
    values: Mapping[str, int | None],
    rules: Sequence[Rule],
    needs: Collection[str],
    wanted: Sequence[str],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(rule in words, the evidence it rests on) of all that lead to this verdict."""
    for one in rules:
        holds = all((values[name] or 0) >= _level(level) for name, level in one.when.items())
        if holds and VERDICTS.index(one.verdict) == place:
            yield told(one), tuple(one.when)
    missing = [one for one in wanted if values[one] is None]
    if place == _BLIND:
        for name in missing:
            if name in needs:
                yield f"{name} not measured, and needed: blind", (name,)
    if place == _WATCH:
        for name in EVIDENCE:
            if values[name]:
                yield f"{name} not ok: watch", (name,)
        for name in missing:
            yield f"{name} not measured: watch", (name,)


def told(rule: Rule) -> str:
    """A rule in words."""
    when = " and ".join(
        f"{name} {level}{' or worse' if level != LEVELS[-1] else ''}"
        for name, level in rule.when.items()
    )
    return f"{when}: {rule.verdict}"


def _severity(
    place: int, values: Mapping[str, int | None], deciding: Sequence[tuple[str, tuple[str, ...]]]
) -> str | None:
    if not place:
        return None
    worst = max((values[name] or 0 for _, names in deciding for name in names), default=0)
    # Nothing is known to be wrong: what is missing is to be brought back, not to be feared.
    least = _level("major") if place == _BLIND else _level("minor")
    return LEVEL_NAMES[max(worst, least)]


def _level(name: str) -> int:
    return LEVEL_NAMES.index(name)


def _confidence(levels: Mapping[str, Level], wanted: Sequence[str]) -> float:
    """Part of the expected evidence that was there, by weight; 0 where none was expected."""
    whole = sum(WEIGHTS[one] for one in wanted)
    had = sum(
        WEIGHTS[one] * levels[one].measured
        for one in wanted
        if one in levels and levels[one].value is not None
    )
    return had / whole if whole else 0.0


def _reasons(
    levels: Mapping[str, Level], wanted: Sequence[str], deciding: Collection[str]
) -> tuple[Reason, ...]:
    """What stands against the model and what is not known of it, the weightiest first."""
    found: list[Reason] = []
    for name in EVIDENCE:
        level = levels.get(name, Level(None, 0.0, "no row tells of it"))
        factor = WEIGHTS[name] * (_DECIDING if name in deciding else 1.0)
        for value, one in level.findings:
            told = f"{one.debt} ({LEVEL_NAMES[value]}): {one.evidence}"
            found.append(Reason(factor * value, name, told, one.rows))
        if level.value is None and name in wanted:
            found.append(Reason(factor, name, f"not measured: {level.why or 'no row tells of it'}"))
    whole = sum(one.weight for one in found)
    ordered = sorted(found, key=lambda one: (-one.weight, one.kind, one.reason))
    return tuple(
        Reason(round(one.weight / whole, 4), one.kind, one.reason, one.rows) for one in ordered
    )


def would_change(
    values: Mapping[str, int | None],
    rules: Sequence[Rule],
    needs: Collection[str],
    wanted: Sequence[str],
) -> str:
    """What would make the verdict lighter: each piece of evidence alone, else all of them."""
    ready, mask = compiled(rules), _mask(needs, wanted)

    def place(changed: Mapping[str, int | None]) -> int:
        return rank([changed[one] for one in EVIDENCE], ready, mask)

    now = place(values)
    if not now:
        worse = [
            (one, VERDICTS[place({**values, one: _level("major")})])
            for one in EVIDENCE
            if place({**values, one: _level("major")}) > _WATCH
        ]
        return "; ".join(f"{verdict} once {one} is major" for one, verdict in worse)
    bad = [one for one in EVIDENCE if values[one] or (values[one] is None and one in wanted)]
    lighter = [(one, place({**values, one: 0})) for one in bad]
    found = [
        f"{VERDICTS[then]} once {one} is {'measured and ok' if values[one] is None else 'ok'}"
        for one, then in lighter
        if then < now
    ]
    if found:
        return "; ".join(found)
    return f"healthy once all of these are ok: {', '.join(bad)}"

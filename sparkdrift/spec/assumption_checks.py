"""What must hold inside `dependence` and `assumptions`, and between them and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite

from sparkdrift.errors import Problem
from sparkdrift.spec.assumptions import MOST_DOMAIN, Assumed, Assumptions, named, ordered
from sparkdrift.spec.findings import Finding, line_hint
from sparkdrift.spec.hints import Hints
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc

_NOBODY = "this is no feature of the monitor"
_ACCEPTED = "a feature, or the score or decision"
_ACCEPTED_NUMBER = "a numeric feature, or the score"


def rules(spec: MonitorSpec) -> Iterator[Finding]:
    """What is wrong in these sections by themselves."""
    dependence, assumed = spec.dependence, spec.assumptions
    if dependence is not None:
        if not dependence.auto and not dependence.pairs:
            message = "no pair is asked for"
            yield Finding(("dependence",), message, accepted="'pairs', 'auto: true', or both")
        yield from _repeated(spec, ("dependence", "pairs"), dependence.pairs)
    if assumed is None:
        return
    yield from _repeated(spec, ("assumptions", "independent"), assumed.independent)
    for name, one in assumed.features.items():
        yield from _rule(("assumptions", "features", name), one)
    yield from _orders(spec, assumed)
    yield from _both_ways(spec)


def _repeated(
    spec: MonitorSpec, section: Loc, pairs: tuple[tuple[str, str], ...]
) -> Iterator[Finding]:
    seen: dict[tuple[str, str], Loc] = {}
    for position, pair in enumerate(pairs):
        loc: Loc = (*section, position)
        key = ordered(*pair)
        if pair[0] == pair[1]:
            yield Finding(loc, "both features of the pair are the same", pair[0], "two features")
        elif key in seen:
            message = f"the pair is named twice{line_hint(spec, seen[key])}"
            yield Finding(loc, message, ", ".join(pair))
        seen.setdefault(key, loc)


def _orders(spec: MonitorSpec, assumed: Assumptions) -> Iterator[Finding]:
    """One order for each feature and pair: a with b is b with a."""
    seen: dict[tuple[str, ...], int] = {}
    for position, one in enumerate(assumed.monotone):
        loc: Loc = ("assumptions", "monotone", position)
        if one.with_ == one.column:
            message = "a feature always rises with itself"
            yield Finding((*loc, "with"), message, one.column, "another one")
            continue
        key = (one.column,) if one.with_ is None else ordered(one.column, one.with_)
        first = seen.setdefault(key, position)
        if first != position:
            other = assumed.monotone[first].order
            what = "twice" if one.order == other else f"{other} and {one.order}"
            message = f"the order of {' with '.join(key)} is given {what}"
            message += line_hint(spec, ("assumptions", "monotone", first))
            yield Finding(loc, message, accepted="one entry for a feature, and one for a pair")


def _both_ways(spec: MonitorSpec) -> Iterator[Finding]:
    """A pair keeps the correlation of its reference, or has none: one of these is checked."""
    if spec.dependence is None or spec.assumptions is None:
        return
    kept = {ordered(*pair): i for i, pair in enumerate(spec.dependence.pairs)}
    for position, pair in enumerate(spec.assumptions.independent):
        if ordered(*pair) in kept:
            at = line_hint(spec, ("dependence", "pairs", kept[ordered(*pair)]))
            message = f"the pair is also in dependence.pairs{at}"
            accepted = "a pair under one of them: correlated as in the reference, or not at all"
            yield Finding(
                ("assumptions", "independent", position), message, ", ".join(pair), accepted
            )


def _rule(loc: Loc, one: Assumed) -> Iterator[Finding]:
    if one.range is None and one.domain is None and one.not_null is None:
        accepted = "'range', 'domain', 'not_null', or several"
        yield Finding(loc, "nothing is assumed of this feature", accepted=accepted)
    if one.range is not None and one.domain is not None:
        message = "a feature has a range or a domain, not both"
        accepted = "'range' of a numeric feature, 'domain' of a categorical one"
        yield Finding((*loc, "domain"), message, accepted=accepted)
    if isinstance(one.range, tuple):
        low, high = one.range
        if any(end is not None and not isfinite(end) for end in one.range):
            accepted = "finite ends, or null for an open one"
            yield Finding((*loc, "range"), "an end of the range is not finite", accepted=accepted)
        elif low is None and high is None:
            accepted = "at least one end, or off"
            yield Finding((*loc, "range"), "a range that is open at both ends", accepted=accepted)
        elif low is not None and high is not None and low > high:
            message = "the range ends before it begins"
            yield Finding((*loc, "range"), message, f"[{low:g}, {high:g}]", "[lowest, highest]")
    if isinstance(one.domain, tuple) and not 1 <= len(one.domain) <= MOST_DOMAIN:
        accepted = f"1 to {MOST_DOMAIN} values"
        yield Finding((*loc, "domain"), "a domain of no size", len(one.domain), accepted)


def names(spec: MonitorSpec) -> Iterator[Finding]:
    """Names of nothing, or of features of another kind; under `auto` only the table knows."""
    kinds = _kinds(spec)
    for loc, name in named(spec.dependence, spec.assumptions):
        wanted = _wanted(spec, loc)
        if name not in kinds:
            if spec.features.auto is None:
                close = Hints(sorted(kinds)).nearest(name)
                yield Finding(loc, _NOBODY, name, _ACCEPTED, close)
        elif wanted is not None and kinds[name] != wanted:
            yield Finding(loc, _other_kind(loc, wanted), name, _accepted(wanted))


def unfit(spec: MonitorSpec, watched: Mapping[str, str]) -> Iterator[Problem]:
    """The same against the features found in the table, by name with their kind."""
    kinds = _kinds(spec)
    hints = Hints(sorted({*kinds, *watched}))
    for loc, name in named(spec.dependence, spec.assumptions):
        if name in kinds:
            continue
        wanted = _wanted(spec, loc)
        if name not in watched:
            yield spec.origin.problem(
                loc, _NOBODY, given=name, accepted=_ACCEPTED, nearest=hints.nearest(name)
            )
        elif wanted is not None and watched[name] != wanted:
            message = _other_kind(loc, wanted)
            yield spec.origin.problem(loc, message, given=name, accepted=_accepted(wanted))


def _wanted(spec: MonitorSpec, loc: Loc) -> str | None:
    """The kind of feature that the place takes; None: both."""
    if loc[:2] != ("assumptions", "features"):
        return "numeric"
    one = spec.assumptions.features[str(loc[2])] if spec.assumptions else Assumed()
    if one.range is not None:
        return "numeric"
    return "categorical" if one.domain is not None else None


def _other_kind(loc: Loc, wanted: str) -> str:
    if loc[:2] == ("assumptions", "features"):
        return "a range is of numbers" if wanted == "numeric" else "a domain is of categories"
    return "a correlation is of numbers"


def _accepted(wanted: str) -> str:
    return _ACCEPTED_NUMBER if wanted == "numeric" else "a categorical feature, or the decision"


def _kinds(spec: MonitorSpec) -> dict[str, str]:
    outputs = {"score": "numeric", "decision": "categorical"}
    found = {c: outputs[role] for role, c in spec.prediction.columns() if role in outputs}
    return found | {feature.name: kind for _, kind, feature in spec.features.declared()}

"""From what windows say to the health of a model in each of them: ledger first, then the verdict.

Everything here is a function of rows, decisions and the policy, so that a verdict can be told again
from what is stored, and why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from sparkdrift.health.events import Ends, Event
from sparkdrift.health.evidence import (
    PERSISTING,
    Coverage,
    Decision,
    WindowEvidence,
    evidence_of,
)
from sparkdrift.health.findings import SEVERITIES, Finding
from sparkdrift.health.ledger import Books, Debt, Entry, Terms, keep
from sparkdrift.health.resuming import Begun, Past, Stood, debts_at
from sparkdrift.health.subjects import NO_SET
from sparkdrift.health.verdict import UNKNOWN, Judgement, Level, judge
from sparkdrift.spec.health_policy import EVIDENCE, Policy
from sparkdrift.windows import Window

FORMAT = 5
"""Raised when health changes without a change of what it is told from."""
_MOST_NAMED = 20
Subject = tuple[str, str | None]
"""The id of a debt, and one of its comparisons; None: all of it."""
_CARRIED = 0.5
"""What evidence of an earlier window counts for, in the confidence. Source: the project's own."""


@dataclass(frozen=True)
class Model:
    """What is judged, and by what. expected: the evidence that its spec asks to be measured; what
    was measured once is expected as well, but for `policy.not_expected`.

    performance: (windows, of) after which the owner calls it degraded.
    """

    monitor: str
    owner: str
    policy: Policy
    expected: frozenset[str]
    performance: tuple[int, int] = (2, 3)
    escalation: str | None = None

    @property
    def terms(self) -> Terms:
        own = self.policy.persistence
        counted: dict[str, tuple[int, int]] = dict.fromkeys(PERSISTING, (own.windows, own.of))
        counted["performance"] = self.performance
        return Terms(
            self.owner,
            self.policy.closes_after,
            self.policy.due,
            self.escalation,
            counted,
            frozenset(self.policy.not_expected),
        )

    def misses(self, name: str) -> bool:
        """Whether evidence of this kind that was measured once has to be measured again."""
        return name not in self.policy.not_expected


@dataclass(frozen=True)
class Health:
    """The health of a model at the end of one window.

    since: start of the first of the windows in a row with this verdict. due: in event time, None
    where nothing is to be done. cost_so_far: since then; None: not known in any of the windows.
    digest: of everything that it follows from, earlier windows included; policy, owner and
    escalation don't count.
    """

    window: Window
    judgement: Judgement
    levels: Mapping[str, Level]
    debts: tuple[Debt, ...]
    since: datetime
    due: datetime | None
    owner: str
    escalation: str | None
    dashboard_status: str | None
    blind_spot: str | None
    loss: float | None
    cost: float | None
    cost_so_far: float | None
    digest: str

    @property
    def standing(self) -> Standing:
        judgement = self.judgement
        return Standing(judgement.verdict, judgement.severity, self.since, self.owner, self.due)

    @property
    def oldest_debt(self) -> datetime | None:
        return min((one.opened for one in self.debts), default=None)


@dataclass(frozen=True)
class Standing:
    """A verdict in short, as it is stored: since when, who answers for it, and by when."""

    verdict: str
    severity: str | None
    since: datetime
    owner: str
    due: datetime | None


@dataclass(frozen=True)
class Assessed:
    """health: of each window; entries: all events that follow, in order of time, from the window of
    `first` on, which is where this policy begins to count."""

    health: tuple[Health, ...] = ()
    entries: tuple[Entry, ...] = field(default=())
    first: datetime | None = None


def assess(
    model: Model,
    windows: Sequence[WindowEvidence],
    decisions: Sequence[Decision],
    begun: Begun | None = None,
    told: Mapping[datetime, Stood] | None = None,
    events: Sequence[Event] = (),
    ends: Ends | None = None,
) -> Assessed:
    """The health of a model in windows that are in order of time.

    begun: where judging begins. told: by start of window the verdicts of those that were judged by
    another policy; where they still follow from the same, later windows go on from them, and from
    the debts that `events` had left open by then. ends: of windows; None: all are among these.
    """
    begun, told = begun or Begun(), told or {}
    digests = list(_digests(windows, decisions, begun))
    ends = ends or {one.window.start: one.window.end for one in windows}.__getitem__
    turns, first = _turns(model, windows, digests, decisions, begun, told, events, ends)
    books = keep(windows, decisions, model.terms, None, lambda at, own: turns.get(at, own))
    followed: list[Entry] = []
    past = begun.stood.past if begun.stood else None
    found: list[Health] = []
    latest: dict[str, _Measured] = {}
    measured: dict[str, set[Subject]] = {}
    for number, (evidence, own) in enumerate(zip(windows, books, strict=True)):
        followed += own.entries
        whole = _with_what_is_gone(evidence, measured, model.policy)
        levels = _levels(model, whole, own, latest)
        if number < begun.at:
            continue
        digest = digests[number - begun.at]
        one = _health(model, evidence, own, levels, frozenset(latest), past, digest)
        found.append(one)
        stood = told.get(evidence.window.start)
        past = Past(one.judgement.verdict, one.since, one.due, one.cost_so_far)
        past = stood.past if stood is not None and stood.digest == digest else past
    entries = (one for one in followed if first is not None and one.window_start >= first)
    return Assessed(tuple(found), tuple(entries), first)


def _health(
    model: Model,
    evidence: WindowEvidence,
    books: Books,
    levels: Mapping[str, Level],
    measured_once: Collection[str],
    past: Past | None,
    digest: str,
) -> Health:
    """The health at the end of one window. past: what the one before it left."""
    policy = model.policy
    once = {name for name, level in levels.items() if name in measured_once or level.findings}
    expected = model.expected | {name for name in once if model.misses(name)}
    judgement = judge(levels, policy.rules, policy.needs, expected, policy.least)
    last = past if past is not None and past.verdict == judgement.verdict else None
    return Health(
        window=evidence.window,
        judgement=judgement,
        levels=levels,
        debts=tuple(books.debts[name] for name in sorted(books.debts)),
        since=last.since if last else evidence.window.start,
        due=_due(model, judgement, evidence.window, last),
        owner=model.owner,
        escalation=model.escalation,
        dashboard_status=evidence.dashboard_status,
        blind_spot=evidence.blind_spot,
        loss=evidence.loss,
        cost=evidence.cost,
        cost_so_far=_added(last.cost_so_far if last else None, evidence.cost),
        digest=digest,
    )


def _turns(
    model: Model,
    windows: Sequence[WindowEvidence],
    digests: Sequence[str],
    decisions: Sequence[Decision],
    begun: Begun,
    told: Mapping[datetime, Stood],
    events: Sequence[Event],
    ends: Ends,
) -> tuple[dict[datetime, Mapping[str, Debt]], datetime | None]:
    """(the debts where judging begins, and where this policy begins to count; from when on events
    follow from it).

    A policy counts after the last window that another one has judged, of the same rows. The rules
    of then are not known any more, and what was written by them stands.
    """
    if not windows:
        return {}, None
    first = windows[begun.at].window.start
    turns = {first: begun.debts}
    settled = [
        number
        for number, digest in enumerate(digests, begun.at)
        if (stood := told.get(windows[number].window.start)) is not None and stood.digest == digest
    ]
    if not settled or settled[-1] + 1 == len(windows):
        return turns, first
    last = settled[-1]
    start, ended = windows[last + 1].window.start, windows[: last + 1]
    stood = told[windows[last].window.start]
    turns[start] = debts_at(start, model.terms, ended, decisions, events, stood, ends)
    return turns, start


def _due(model: Model, judgement: Judgement, window: Window, last: Past | None) -> datetime | None:
    """When something must have been done. last: the window before, if it has the same verdict: what
    became worse since may be due earlier than it was, but never before anybody knew."""
    if judgement.severity is None:
        return None
    due = window.end + model.policy.due.of(judgement.severity)
    return due if last is None or last.due is None else min(last.due, due)


def _added(before: float | None, more: float | None) -> float | None:
    # A window that was better than expected pays nothing back.
    return before if more is None else (before or 0.0) + max(0.0, more)


@dataclass(frozen=True)
class _Measured:
    """When evidence of a kind was measured last: the end of that window, how much of it was, and
    what was found there and did not persist."""

    end: datetime
    coverage: Coverage
    passing: tuple[Finding, ...] = ()


def _levels(
    model: Model, evidence: WindowEvidence, books: Books, latest: dict[str, _Measured]
) -> dict[str, Level]:
    """The level of each kind of evidence at the end of a window; `latest` is brought up to it."""
    standing: dict[str, list[tuple[int, Finding]]] = {one: [] for one in EVIDENCE}
    for debt in books.debts.values():
        grade = SEVERITIES.index(debt.counts_as) + 1
        standing[evidence_of(debt.finding)].append((grade, _told(debt)))
    passing: dict[str, list[Finding]] = {one: [] for one in EVIDENCE}
    for one in books.passing:
        passing[evidence_of(one)].append(one)
    found: dict[str, Level] = {}
    for name in EVIDENCE:
        coverage, carried = _coverage(name, evidence, passing[name], latest, model.policy)
        open_now = {one.debt for _, one in standing[name]}
        standing[name] += [(1, one) for one in carried if one.debt not in open_now]
        own = tuple(sorted(standing[name], key=lambda pair: (-pair[0], pair[1].debt)))
        worst = max((grade for grade, _ in own), default=0)
        # A debt stays on the books until measured windows say that it is gone, and what is not
        # measured stays so whatever is on them.
        known = own or coverage.measured > 0
        found[name] = Level(
            worst if known else None, coverage.measured, coverage.why, own, coverage.weight
        )
    return found


def _with_what_is_gone(
    evidence: WindowEvidence, measured: dict[str, set[Subject]], policy: Policy
) -> WindowEvidence:
    """The window with what was measured once, and what no row tells of now, missing in its
    coverage; `measured`, by kind of evidence, is brought up to it."""
    told: dict[str, dict[Subject, bool]] = {}
    for debt, gone in evidence.subjects.items():
        kind = _lasting(debt)
        if kind is not None:
            told.setdefault(kind, {})[debt, None] = gone
    for debt, own in evidence.compared.items():
        told.setdefault("data", {}).update({(debt, one): was for one, was in own.items()})
    excused = evidence.ended.union(policy.not_expected)
    less: dict[str, Coverage] = {}
    for kind, known in measured.items():
        had, there = evidence.coverage.get(kind), told.get(kind, {})
        if known <= there.keys():
            continue
        missed = {one for one in known - set(there) if one[0] not in excused}
        lost = sorted(
            debt if comparison is None else f"{debt} against {comparison}"
            for debt, comparison in missed
            # Of a column that is gone as a whole it is told once.
            if comparison is None or (comparison in evidence.asked and (debt, None) not in missed)
        )
        if had is not None and had.measured and lost:
            less[kind] = _less(had, len(there), lost)
    for kind, there in told.items():
        measured.setdefault(kind, set()).update(one for one, was in there.items() if was)
    return replace(evidence, coverage={**evidence.coverage, **less}) if less else evidence


_LASTING: Mapping[str, tuple[str, str]] = {
    "data": ("drift of ", ""),
    "operations": ("operations of ", ""),
    "feature": ("features: ", ""),
    "performance": ("performance of ", " by "),
    "evaluation": ("evaluation of ", ", "),
    "calibration": ("calibration of ", ", "),
}
"""How the ids of debts begin whose subject every window tells of, and what is in those of parts:
slices, categories and what is learned anew with each reference come and go."""


@lru_cache(maxsize=100_000)
def _lasting(debt: str) -> str | None:
    """The kind of evidence of a subject that every window tells of; None: it comes and goes."""
    for kind, (prefix, of_parts) in _LASTING.items():
        if debt.startswith(prefix) and not debt.startswith(f"{prefix}{NO_SET}"):
            return None if of_parts and of_parts in debt else kind
    return None


def _less(own: Coverage, told: int, gone: Sequence[str]) -> Coverage:
    shown = ", ".join(gone[:_MOST_NAMED]) + (", ..." if len(gone) > _MOST_NAMED else "")
    why = f"no row tells any more of: {shown} (`policy.not_expected` where that is as it should be)"
    share = own.measured * told / (told + len(gone))
    return replace(own, measured=share, why=f"{own.why}; {why}" if own.why else why)


def _told(debt: Debt) -> Finding:
    if debt.status != "waived":
        return debt.finding
    until = "" if debt.until is None else f" until {debt.until:%Y-%m-%d}"
    return replace(debt.finding, evidence=f"waived{until}; {debt.finding.evidence}")


def _coverage(
    name: str,
    evidence: WindowEvidence,
    passing: Sequence[Finding],
    latest: dict[str, _Measured],
    policy: Policy,
) -> tuple[Coverage, Sequence[Finding]]:
    """How much of it this window has, or an earlier one that is not too old; with what was found
    there and did not persist.

    What counts for longer than its window is evidence that could not be measured again, by a row
    that says so. Where no row tells of it, it is gone, and nothing stands in for it.
    """
    if name == "ownership":
        return Coverage(1.0), passing
    own = evidence.coverage.get(name)
    if own is not None and own.measured > 0:
        latest[name] = _Measured(evidence.window.end, own, tuple(passing))
        return own, passing
    why = UNKNOWN.why if own is None else own.why
    known = latest.get(name)
    if known is None or name in policy.not_expected:
        return Coverage(0.0, why), passing
    if own is None:
        told = f"{why}; last measured in the window that ended {known.end:%Y-%m-%d}"
        # A row that comes back and says that it could not be measured brings nothing back.
        latest[name] = replace(known, coverage=Coverage(0.0, why))
        return Coverage(0.0, told), known.passing
    if evidence.window.end - known.end > policy.ages.of(name):
        told = f"{why}; last measured in the window that ended {known.end:%Y-%m-%d}, too long ago"
        return Coverage(0.0, told), known.passing
    told = f"{why}; taken from the window that ended {known.end:%Y-%m-%d}"
    before = known.coverage
    return Coverage(before.measured, told, before.weight * _CARRIED), known.passing


def _digests(
    windows: Sequence[WindowEvidence], decisions: Sequence[Decision], begun: Begun
) -> Iterator[str]:
    """Of each window that is judged the digest of all that its health follows from, as a chain,
    which goes on from the verdict before it.

    Not of the policy nor of who answers for it: those count from the newest window on.
    """
    stood, chain = begun.stood, ""
    waiting = sorted(decisions, key=lambda one: (one.window_start, one.debt, one.seq))
    if stood is not None:
        chain = stood.digest
        waiting = [one for one in waiting if one.window_start > stood.start]
    for evidence in windows[begun.at :]:
        due: list[Decision] = []
        while waiting and waiting[0].window_start <= evidence.window.start:
            due.append(waiting.pop(0))
        chain = _digest([FORMAT, chain, _content(evidence), [asdict(one) for one in due]])
        yield chain


def _content(evidence: WindowEvidence) -> list[object]:
    """All that a window says, as far as a stored verdict can tell it again.

    `asdict` would copy each value, and take most of the time.
    """
    return [
        (evidence.window.start, evidence.window.end),
        [
            (
                one.debt,
                one.kind,
                one.severity,
                one.evidence,
                one.rows,
                one.loss,
                one.cost,
                one.sliced,
                one.comparisons,
            )
            for one in evidence.findings
            # What events alone tell is no evidence, and follows from the policy as well.
            if not one.booked
        ],
        sorted(
            (name, one.measured, one.why, one.weight) for name, one in evidence.coverage.items()
        ),
        (sorted(evidence.subjects.items()), sorted(evidence.ended), evidence.sliced),
        sorted((name, sorted(own.items())) for name, own in evidence.compared.items()),
        # Not the stage: what is declared of a model by now is no news of its past.
        (evidence.dashboard_status, evidence.blind_spot),
        (evidence.loss, evidence.cost),
    ]


def _digest(content: object) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()

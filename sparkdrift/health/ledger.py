"""The ledger of debts: how each opens, changes, is answered, and closes, window by window.

All of it follows from findings, decisions and the policy: no clock, no memory. A debt opens in the
window in which a finding stands, changes with its severity, and closes once it is gone for some
measured windows. A window in which its own subject was not measured neither opens nor closes it.
Like what forced references owe (`references/ledger.py`), a ledger that a crash left behind is
brought up to date with the same rows by whoever looks next.

Events are only added. Where late rows tell the past otherwise, `corrected` takes back what the
ledger itself wrote of a debt from a window on, and the course follows anew; decisions stay. Another
policy tells nothing of the past (`resuming`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sparkdrift.health.evidence import FORCED, Decision, WindowEvidence, evidence_of
from sparkdrift.health.findings import SEVERITIES, Finding, Severity
from sparkdrift.spec.health_policy import Due
from sparkdrift.windows import Window

DECISIONS = ("acknowledged", "waived", "assigned")
"""What somebody says of a debt; everything else follows from rows."""
RETIRED = "retired but scored"
LEDGER = "the ledger"
"""Who writes what follows from rows."""


def is_elsewhere(debt: str, action: str, by: str = LEDGER) -> bool:
    """Whether an event is not the ledger's to write or to take back: what opens and closes debts of
    versions that were forced, and what somebody else found of a model that is retired."""
    if action not in ("opened", "seen", "closed"):
        return False
    return debt.startswith(FORCED) or (debt == RETIRED and by != LEDGER)


_FACTOR = 2.0
"""From which change of its cost on an open debt has another event: costs are estimates."""


@dataclass(frozen=True)
class Terms:
    """What of a policy the ledger goes by. persistence: (windows, of) by kind of evidence; (1, 1)
    where there is none. escalation: who answers for what is overdue; None: nobody is declared.
    not_expected: evidence, or debts, that are not watched any more: none waits to be measured."""

    owner: str
    closes_after: int
    due: Due
    escalation: str | None = None
    persistence: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    not_expected: frozenset[str] = frozenset()

    @property
    def looks_back(self) -> int:
        """How many measured windows tell what persists, how far a debt is from closing, and what
        it falls to once it is milder."""
        return 2 * max(self.closes_after, *(of for _, of in self.persistence.values()))

    def counted(self, evidence: str) -> tuple[int, int]:
        return self.persistence.get(evidence, (1, 1))


@dataclass(frozen=True)
class Debt:
    """A debt that is open at the end of a window.

    opened, last_seen: starts of windows. due: when it is overdue, in event time, counted from the
    end of the window in which it opened, or in which it became worse if that is earlier.
    status: open, acknowledged, or waived (until, and while it is not worse than waived_as).
    finding: the newest, at the severity that stands.
    gone: how many measured windows in a row did not find it; milder: the severities, as numbers, of
    those in a row that were milder than it stands (0: not found).
    windows: how many it is open; interest, interest_loss: sums of what it cost in them, None: not
    known in any.
    """

    finding: Finding
    opened: datetime
    due: datetime
    last_seen: datetime
    owner: str
    status: str = "open"
    until: datetime | None = None
    waived_as: Severity | None = None
    escalated: bool = False
    gone: int = 0
    milder: tuple[int, ...] = ()
    windows: int = 0
    recorded: float | None = None
    interest: float | None = None
    interest_loss: float | None = None

    @property
    def name(self) -> str:
        return self.finding.debt

    @property
    def severity(self) -> Severity:
        return self.finding.severity

    @property
    def counts_as(self) -> Severity:
        """What it is in a verdict: a waiver makes it minor, and never nothing."""
        return "minor" if self.status == "waived" else self.severity


@dataclass(frozen=True)
class Entry:
    """An event of one debt that follows from rows; `window_start` is when, in event time."""

    action: str
    window_start: datetime
    finding: Finding
    owner: str
    reason: str = ""

    @property
    def name(self) -> str:
        return self.finding.debt

    @property
    def told(self) -> tuple[str, datetime, str]:
        """What makes it the same event in a later look; an owner may have another name by then."""
        return (self.action, self.window_start, self.finding.severity)


Turning = Callable[[datetime, Mapping[str, Debt]], Mapping[str, Debt]]


@dataclass(frozen=True)
class Books:
    """The end of one window: the debts that are open, what was found and does not persist, and
    the events of the window."""

    debts: Mapping[str, Debt]
    passing: tuple[Finding, ...]
    entries: tuple[Entry, ...]


def keep(
    windows: Iterable[WindowEvidence],
    decisions: Sequence[Decision],
    terms: Terms,
    before: Mapping[str, Debt] | None = None,
    turning: Turning | None = None,
) -> Iterator[Books]:
    """The books at the end of each of the windows, which are in order of time.

    before: debts that were open when the first of them began, with what was said of them until
    then. turning: gives the debts that were open when a window began, by what is stored and by
    those that follow so far; what persists is told by the windows before all the same. A decision
    that counts from a window that is none of these counts from the next one; one on a debt that is
    not open is void, but for a waiver: that covers what comes back within it.
    """
    debts, recent = dict(before or {}), dict[str, _Recent]()
    said = sorted(decisions, key=lambda one: (one.window_start, one.seq))
    waiting: list[Decision] | None = None
    for evidence in windows:
        if waiting is None:
            waiting = [one for one in said if one.window_start >= evidence.window.start]
        if turning is not None:
            debts = dict(turning(evidence.window.start, debts))
        found = _worst(evidence.findings)
        entries: list[Entry] = []
        passing: list[Finding] = []
        for name in sorted({*found, *debts, *recent}):
            debt, one = debts.get(name), found.get(name)
            last = one or (debt.finding if debt else recent[name].finding)
            kind = evidence_of(last)
            gone = evidence.says_gone(last)
            unwatched = next((own for own in (kind, name) if own in terms.not_expected), None)
            if debt is not None and one is None and unwatched and not gone:
                why = f"{unwatched} is not watched any more: policy.not_expected"
                debts.pop(name)
                entries.append(
                    Entry("closed", evidence.window.start, debt.finding, debt.owner, why)
                )
                continue
            if one is None and not gone:
                continue
            booked = one is not None and one.booked
            standing = _standing(recent, name, one, (1, 1) if booked else terms.counted(kind))
            if standing is None and one is not None and debt is None:
                passing.append(replace(one, severity="minor"))
            after, more = _changed(debt, one, standing, evidence, terms)
            entries += more
            debts.pop(name, None)
            if after is not None:
                debts[name] = after if debt else _covered(after, said, evidence.window)
        while waiting and waiting[0].window_start <= evidence.window.start:
            decided = waiting.pop(0)
            if decided.debt in debts:
                debts[decided.debt] = _decided(debts[decided.debt], decided)
        for name in sorted(debts):
            debts[name], more = _aged(debts[name], evidence, found.get(name), terms)
            entries += more
        yield Books(dict(debts), tuple(passing), tuple(entries))


@dataclass(frozen=True)
class _Recent:
    """The severities, as numbers, of the last measured windows of something found; 0: not there."""

    finding: Finding
    grades: tuple[int, ...] = ()


def _worst(findings: Iterable[Finding]) -> dict[str, Finding]:
    """One finding of each debt: the worst, if rows tell of it twice."""
    found: dict[str, Finding] = {}
    for one in findings:
        known = found.get(one.debt)
        if known is None or _grade(one.severity) > _grade(known.severity):
            found[one.debt] = one
    return found


def _standing(
    recent: dict[str, _Recent], name: str, one: Finding | None, counted: tuple[int, int]
) -> Severity | None:
    """The severity that enough of the last measured windows reach; None: too few found it."""
    least, of = counted
    known = recent.get(name)
    if known is None and one is None:
        return None
    grades = (*(known.grades if known else ()), _grade(one.severity) if one else 0)[-of:]
    hits = sorted((grade for grade in grades if grade), reverse=True)
    finding = one or known.finding if known else one
    if hits and finding is not None:
        recent[name] = _Recent(finding, grades)
    else:
        recent.pop(name, None)
    return SEVERITIES[hits[least - 1] - 1] if len(hits) >= least else None


def _grade(severity: Severity) -> int:
    return SEVERITIES.index(severity) + 1


def _changed(
    debt: Debt | None,
    one: Finding | None,
    standing: Severity | None,
    evidence: WindowEvidence,
    terms: Terms,
) -> tuple[Debt | None, list[Entry]]:
    """The debt after a window in which its evidence was measured, and what is to be written."""
    start = evidence.window.start
    if debt is None:
        if standing is None or one is None:
            return None, []
        finding = replace(one, severity=standing)
        due = evidence.window.end + terms.due.of(standing)
        owner = one.owner or terms.owner
        opened = Debt(finding, start, due, start, owner, recorded=finding.cost)
        return opened, [Entry("opened", start, finding, owner)]
    one, unseen = _joined(debt, one, evidence)
    # From the first window without it on: windows before are what opened it, and close nothing.
    gone = debt.gone + 1 if one is None else 0
    # What others close is closed by an event, and not by a row that is missing.
    if gone >= (1 if debt.name.startswith(FORCED) else terms.closes_after):
        why = f"not found in {gone} measured windows in a row"
        return None, [Entry("closed", start, debt.finding, debt.owner, why)]
    now = _now(debt, one, standing)
    # What it was found against and was not looked at says no less than it did.
    now = max(now, _grade(debt.severity)) if unseen and one is not None else now
    severity, milder = _fallen(debt, now, terms.closes_after)
    if one is not None and one.booked:
        severity, milder = one.severity, ()
    finding = replace(one or debt.finding, severity=severity)
    due = earlier(debt, severity, evidence.window.end, terms.due)
    seen = debt.last_seen if one is None else start
    after = replace(debt, finding=finding, gone=gone, milder=milder, due=due, last_seen=seen)
    why = _difference(debt, finding)
    if not why:
        return after, []
    return replace(after, recorded=finding.cost), [Entry("seen", start, finding, debt.owner, why)]


def _joined(
    debt: Debt, one: Finding | None, evidence: WindowEvidence
) -> tuple[Finding | None, bool]:
    """(the finding with the comparisons of the debt that this window did not measure, whether the
    spec asks for one of them)."""
    if one is None or not (one.comparisons and debt.finding.comparisons):
        return one, False
    rest = set(debt.finding.comparisons) - evidence.measured_by(debt.name)
    joined = replace(one, comparisons=tuple(sorted({*one.comparisons, *rest})))
    return joined, bool(rest & evidence.asked)


def _now(debt: Debt, one: Finding | None, standing: Severity | None) -> int:
    """The severity of a window for what it says of the debt: what persists, and at least what was
    found, as far as the debt stands for it already. 0: not found."""
    if one is None:
        return 0
    found = min(_grade(one.severity), _grade(debt.severity))
    return max(found, _grade(standing) if standing else 0)


def _fallen(debt: Debt, now: int, windows: int) -> tuple[Severity, tuple[int, ...]]:
    """The severity after a window in which it was `now`, and what `Debt.milder` is then.

    It rises at once and falls as it closes: once so many measured windows in a row were milder, to
    the worst of them. So a window that finds less than before is never better than one that finds
    nothing.
    """
    if now >= _grade(debt.severity):
        return SEVERITIES[now - 1], ()
    milder = (*debt.milder, now)[-windows:]
    if len(milder) < windows or not max(milder):
        return debt.severity, milder
    # From the last of the worst of them on it is milder again.
    last = max(at for at, one in enumerate(milder) if one == max(milder))
    return SEVERITIES[max(milder) - 1], milder[last + 1 :]


def earlier(debt: Debt, severity: Severity, end: datetime, due: Due) -> datetime:
    """When a debt is due that is of `severity` at the end of a window: what became worse may be
    due earlier than it was, and what became milder is due as it was."""
    if _grade(severity) <= _grade(debt.severity):
        return debt.due
    return min(debt.due, end + due.of(severity))


def _difference(debt: Debt, finding: Finding) -> str:
    """What of a debt is worth an event; empty: nothing."""
    if finding.severity != debt.severity:
        return f"{finding.severity} instead of {debt.severity}"
    before, now = debt.recorded, finding.cost
    if now is None or now <= 0:
        return ""
    if before is None or before <= 0:
        return f"cost {now:,.0f} per window, not known before" if before is None else ""
    if max(before, now) < _FACTOR * min(before, now):
        return ""
    return f"cost {now:,.0f} instead of {before:,.0f} per window"


def _covered(debt: Debt, said: Sequence[Decision], window: Window) -> Debt:
    """A debt that has just opened, waived if it was before and that is not over yet."""
    own = [
        one
        for one in said
        if one.debt == debt.name and one.action == "waived" and one.window_start < window.start
    ]
    if not own or own[-1].until is None or own[-1].until < window.end or own[-1].severity is None:
        return debt
    return _decided(debt, own[-1])


def _decided(debt: Debt, decision: Decision) -> Debt:
    if decision.action == "assigned":
        return replace(debt, owner=decision.owner or debt.owner)
    if decision.action == "waived":
        severity = decision.severity or debt.severity
        return replace(debt, status="waived", until=decision.until, waived_as=severity)
    # That somebody looked at it does not end a waiver.
    return debt if debt.status == "waived" else replace(debt, status="acknowledged")


def _aged(
    debt: Debt, evidence: WindowEvidence, found: Finding | None, terms: Terms
) -> tuple[Debt, list[Entry]]:
    """The debt a window later: what it cost, a waiver that is over, a due date that is past."""
    window, entries = evidence.window, list[Entry]()
    debt = _costing(debt, found)
    why = _ended(debt, window.end)
    if why:
        debt = replace(debt, status="open", until=None, waived_as=None)
        entries.append(Entry("reopened", window.start, debt.finding, debt.owner, why))
    overdue = window.end > debt.due and debt.status != "waived" and not debt.escalated
    if overdue and terms.escalation is not None:
        why = f"due {debt.due:%Y-%m-%d %H:%M} UTC, and still open at the end of this window"
        debt = replace(debt, escalated=True, owner=terms.escalation)
        entries.append(Entry("escalated", window.start, debt.finding, debt.owner, why))
    return debt, entries


def _costing(debt: Debt, found: Finding | None) -> Debt:
    return replace(
        debt,
        windows=debt.windows + 1,
        interest=_sum(debt.interest, found.cost if found else None),
        interest_loss=_sum(debt.interest_loss, found.loss if found else None),
    )


def _ended(debt: Debt, end: datetime) -> str:
    """Why a waiver does not cover the debt any more; empty: it does, or there is none."""
    if debt.status != "waived":
        return ""
    if debt.until is not None and end > debt.until:
        return (
            f"the waiver ended on {debt.until:%Y-%m-%d %H:%M} UTC and the evidence is still there"
        )
    if debt.waived_as is not None and _grade(debt.severity) > _grade(debt.waived_as):
        return f"it was waived as {debt.waived_as}, and is {debt.severity}"
    return ""


def _sum(before: float | None, more: float | None) -> float | None:
    """What was lost by now. A window that was better than expected pays nothing back."""
    return before if more is None else (before or 0.0) + max(0.0, more)

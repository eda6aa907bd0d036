"""Everything that follows for one monitor from what is stored of it; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sparkdrift.health.assessing import Assessed, Health, Model, Standing, assess
from sparkdrift.health.events import Ends, Event, OpenDebts, decisions, missing
from sparkdrift.health.evidence import FORCED, Decision, WindowEvidence
from sparkdrift.health.findings import Finding
from sparkdrift.health.gathering import windows_of
from sparkdrift.health.ledger import LEDGER, RETIRED, Debt, Entry, is_elsewhere
from sparkdrift.health.maintenance import overdue_findings, plan_of
from sparkdrift.health.ownership import ownership_findings
from sparkdrift.health.resuming import Begun, debts_at
from sparkdrift.health.stored_verdicts import HEALTH, TellingBy, owed_then, stage_in, stood, told_by
from sparkdrift.health.subjects import TERM
from sparkdrift.health.told import Told
from sparkdrift.health.untold import Untold, later, untold, with_untold
from sparkdrift.spec.digests import health_hash
from sparkdrift.spec.model import Stage
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import window_at


@dataclass(frozen=True)
class Judged:
    """What the step found and did for one monitor.

    due: the windows that were written. entries: the events that were added. events: those that
    were stored before. versions, stages: of the model in each window. settled: the verdict that
    stands, where nothing was begun since it was stored and so nothing was looked at. booked: the
    debts that events alone tell of, where no window is stored: of a model that was retired before.
    """

    assessed: Assessed = field(default_factory=Assessed)
    due: tuple[Health, ...] = ()
    entries: tuple[Entry, ...] = ()
    events: tuple[Event, ...] = ()
    settled: Standing | None = None
    booked: tuple[Debt, ...] = ()
    versions: Mapping[datetime, str | None] = field(default_factory=dict)
    stages: Mapping[datetime, Stage] = field(default_factory=dict)

    @property
    def newest(self) -> Health | None:
        """The verdict of the newest window; None: nothing is stored of the monitor."""
        return self.assessed.health[-1] if self.assessed.health else None

    @property
    def standing(self) -> Standing | None:
        """The same in short; None: nothing is stored."""
        return self.newest.standing if self.newest else self.settled


def judged(spec: MonitorSpec, rows: Sequence[Told], events: Sequence[Event]) -> Judged:
    """Everything that follows for one monitor from its rows and events; pure."""
    stored = {row.start: row for row in rows if row.part == HEALTH}
    windows = windows_of(
        [*rows, *_forced(rows, events)],
        [*_declared(spec, rows, stored), *_retired(rows, events)],
        sliced=bool(spec.slices),
        asked=spec.drift.comparisons,
        sets=spec.evaluation.sets if spec.evaluation else (),
    )
    if not windows:
        return Judged(events=tuple(events), booked=_booked(spec, events))
    policy, model, said = health_hash(spec), model_of(spec), decisions(events)
    ends = _ends(spec, windows)
    begun = _begun(model, windows, stored, said, events, ends)
    # Of the newest window the verdict is told again by whatever policy there is now.
    told = {
        start: stood(row)
        for start, row in stored.items()
        if start < windows[-1].window.start and told_by(row)[::2] != (policy, model.escalation)
    }
    lost = untold(windows[begun.at :], events)
    if lost:
        terms = spec.policy
        windows = with_untold(windows, lost, terms.closes_after, terms.not_expected)
    assessed = assess(model, windows, said, begun, told, events, ends)
    *earlier, newest = (one.window for one in windows)
    stages = {one.start: stage_in(spec, one, stored.get(one.start)) for one in earlier}
    stages[newest.start] = stage_in(spec, newest, None)
    by = {newest.start: (policy, model.owner, model.escalation, stages[newest.start])}
    due = (
        one
        for one in assessed.health
        if _is_due(one, stored.get(one.window.start), by.get(one.window.start))
    )
    return Judged(
        assessed,
        tuple(due),
        tuple(_missing(assessed, events, lost)),
        tuple(events),
        # A new version goes on with the history: what was judged of the one before stays its own.
        versions={
            start: (stored[start].name or None) if start in stored else spec.model_version
            for start in (one.window.start for one in assessed.health)
        },
        stages=stages,
    )


def _booked(spec: MonitorSpec, events: Sequence[Event]) -> tuple[Debt, ...]:
    opened = OpenDebts(events, spec.policy.due, _ends(spec, ()))
    newest = max((one.window_start for one in events), default=None)
    if newest is None:
        return ()
    found = opened.before(newest + timedelta(microseconds=1))
    return tuple(found[name] for name in sorted(found))


def _ends(spec: MonitorSpec, windows: Sequence[WindowEvidence]) -> Ends:
    known = {one.window.start: one.window.end for one in windows}
    grain, zone = spec.windows.grain, spec.timestamp.zone
    return lambda start: known.get(start) or window_at(start, grain, zone).end


def _missing(assessed: Assessed, events: Sequence[Event], lost: Sequence[Untold]) -> list[Entry]:
    """The events to be added. Of what no row tells any more, what was told stands."""
    names = {one.name for one in lost}
    others = [one for one in events if one.debt not in names]
    plain = [one for one in assessed.entries if one.name not in names]
    own = [one for one in assessed.entries if one.name in names]
    return [*missing(plain, others, assessed.first), *later(own, lost)]


def _begun(
    model: Model,
    windows: Sequence[WindowEvidence],
    stored: Mapping[datetime, Told],
    said: Sequence[Decision],
    events: Sequence[Event],
    ends: Ends,
) -> Begun:
    """Where judging begins: behind the newest verdict whose rows are gone, a few windows later.

    Windows that were kept for what cites them are between some that are not there any more. Of each
    thing the last that measured it are among them, so that all together tell what persists, and how
    far a debt is from closing. All of them stand as they were judged.
    """
    starts = {one.window.start for one in windows}
    newest = windows[-1].window.start
    edge = max((start for start in stored if start not in starts and start < newest), default=None)
    if edge is None:
        opened = OpenDebts(events, model.policy.due, ends)
        return Begun(0, opened.before(windows[0].window.start))
    at = first = next(n for n, one in enumerate(windows) if one.window.start > edge)
    while (
        at < min(first + model.terms.looks_back, len(windows) - 1)
        and windows[at].window.start in stored
    ):
        at += 1
    last = stood(stored[windows[at - 1].window.start if at > first else edge])
    start = windows[at].window.start
    debts = debts_at(start, model.terms, windows[:at], said, events, last, ends)
    return Begun(at, debts, last)


def _is_due(one: Health, stored: Told | None, by: TellingBy | None) -> bool:
    """Whether a verdict is to be written: what it follows from changed, or, of the newest window,
    by what it is judged, who answers for it, or the stage. Nothing declared rewrites history.

    by: what the newest window is told by; None: it is an earlier one.
    """
    if stored is None or stored.words != one.digest:
        return True
    return by is not None and told_by(stored) != by


def model_of(spec: MonitorSpec) -> Model:
    """What of a spec health goes by."""
    wanted = {"data", "ownership"}
    evaluation = spec.evaluation
    if evaluation is not None:
        wanted |= {"performance", "evaluation"}
        wanted |= {"calibration"} if evaluation.task != "regression" else set()
        wanted |= {"dashboard"} if evaluation.dashboard is not None else set()
    wanted |= {"feedback"} if spec.feedback is not None else set()
    wanted |= {"operations"} if spec.operations else set()
    wanted |= {"feature"} if spec.has_feature_debt else set()
    persistence = spec.degraded.persistence if spec.degraded else spec.policy.persistence
    return Model(
        monitor=spec.monitor,
        owner=spec.owner,
        policy=spec.policy,
        expected=frozenset(wanted),
        performance=(persistence.windows, persistence.of),
        escalation=_escalation(spec),
    )


def _escalation(spec: MonitorSpec) -> str | None:
    """Who answers once it is overdue: as the policy says, else whoever owns the business."""
    second = spec.policy.escalation or spec.model.business_owner
    return None if second is None or second.lower() == spec.owner.lower() else second


def _declared(
    spec: MonitorSpec, rows: Sequence[Told], stored: Mapping[datetime, Told]
) -> Iterator[Finding]:
    """What is owed by declaration in each window: ownership, and what is overdue.

    A spec tells of the newest window and of those that come. What was owed in windows that were
    judged before stays as it was judged: work that is done now was overdue then.
    """
    terms = [row for row in rows if row.part == TERM]
    dated = {
        role: max((one.since for one in terms if one.name == role and one.since), default=None)
        for role in ("training", "evaluation")
    }
    plan = plan_of(spec, trained=dated["training"], evaluated=dated["evaluation"])
    newest = max((row.start for row in rows if row.part == "window"), default=None)
    owners = {task.debt: task.owner for task in plan}
    for row in rows:
        if row.part != "window" or row.end is None:
            continue
        settled = stored.get(row.start) if row.start != newest else None
        sets = sum(
            one.name == "evaluation" and one.start <= row.start < (one.end or row.end)
            for one in terms
        )
        owed = ownership_findings(spec, row.start, row.end, rows=row.count, evaluation_sets=sets)
        if settled is None:
            yield from owed
            yield from overdue_findings(plan, row.end, window_start=row.start)
        else:
            # Whether rows came after the model was retired is measured, and not declared.
            yield from (one for one in owed if one.debt == RETIRED)
            for one in owed_then(settled):
                if one.declared:
                    yield Finding(
                        one.debt, "ownership", one.severity, row.start, row.start, one.evidence,
                        owner=owners.get(one.debt),
                    )  # fmt: skip


def _forced(rows: Sequence[Told], events: Sequence[Event]) -> Iterator[Told]:
    """In each window what is owed that others open and close: versions that were forced."""
    starts = sorted(row.start for row in rows if row.part == "window")
    own: dict[str, list[Event]] = {}
    for one in sorted(events, key=lambda event: event.seq):
        if one.debt.startswith(FORCED) and is_elsewhere(one.debt, one.action):
            own.setdefault(one.debt, []).append(one)
    for name, told in own.items():
        for start in starts:
            last = [one for one in told if one.window_start <= start]
            if last and last[-1].action != "closed":
                yield Told(
                    last[-1].debt,
                    "forced",
                    start,
                    name=name,
                    status=last[-1].kind,
                    grade=last[-1].severity,
                    since=last[-1].window_start,
                )


def _retired(rows: Sequence[Told], events: Sequence[Event]) -> Iterator[Finding]:
    """What was found of a retired model where nothing is watched any more.

    It is of the window in which it was retired, else the first one. Windows of after it tell by
    themselves whether it is still scored.
    """
    starts = sorted(row.start for row in rows if row.part == "window")
    for one in events:
        if one.debt == RETIRED and one.action == "opened" and one.by != LEDGER and starts:
            at = max((start for start in starts if start <= one.window_start), default=starts[0])
            yield Finding(one.debt, one.kind, one.severity, at, at, one.evidence)

"""From stored rows to what each window says: findings with their severity, and coverage.

The rows are summed up where they are stored (`spark/health_findings.py`), one per window and thing
found, and are told apart by `part`. What a finding says are figures and names of columns, never
values of a source: a ledger keeps it for good.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sparkdrift.health.evidence import FORCED, Coverage, WindowEvidence
from sparkdrift.health.findings import SEVERITIES, Finding, Kind, Severity
from sparkdrift.health.subjects import (
    GRAVE,
    SHAPED_DIFFER,
    SUPPRESSED,
    TELLING,
    SetTerms,
    compared_of,
    named_set,
    of_assumption,
    of_drift,
    of_feature,
    of_operation,
    of_performance,
    of_set,
    subjects_of,
    worst_colour,
)
from sparkdrift.health.told import Told
from sparkdrift.spec.health_policy import BLIND_DASHBOARD, EVIDENCE
from sparkdrift.windows import Window

_AGES = frozenset({"eval_age", "training_age", "threshold_age"})
_LATE = 2.0
"""From how many times its limit on an age is major. Source: the project's own."""
_MATERIAL = frozenset({"ess_ratio", "outside", "prior_shift", "calibration_error"})
"""Figures whose limit is where the evaluation stops to fit: beyond it they are major at once."""
CORE: Mapping[str, tuple[str, ...]] = {
    "evaluation": ("eval_age", "gap_max", "outside", "ess_ratio"),
    "calibration": ("calibration_error",),
}
"""The figures without which a kind of evidence is not measured in full."""


def windows_of(
    rows: Iterable[Told],
    more: Iterable[Finding] = (),
    *,
    sliced: bool = True,
    asked: Collection[str] = (),
    sets: Collection[str] | None = None,
) -> list[WindowEvidence]:
    """What each window of one monitor says, in order of time.

    A window is one that a row of the part `window` names; rows of others say nothing. `more`:
    findings that are declared, or overdue, by their own windows. sliced: whether the spec asks for
    slices, without which what was found in slices alone is not looked at any more; asked: the
    comparisons that it asks for; sets: its evaluation sets, None where that is not known.
    """
    by_start: dict[datetime, list[Told]] = {}
    windows: dict[datetime, Window] = {}
    rows = list(rows)
    # Of signals of operations the table of that name says which way is for the worse.
    told = {f"metric:{row.name}" for row in rows if row.part == "operation"}
    for row in rows:
        if row.part == "alert" and row.name in told:
            continue
        by_start.setdefault(row.start, []).append(row)
        if row.part == "window" and row.end is not None:
            windows[row.start] = Window(row.start, row.end)
    declared: dict[datetime, list[Finding]] = {}
    for one in more:
        declared.setdefault(one.window_start, []).append(one)
    terms, comparisons = SetTerms(rows, sets), frozenset(asked)

    def evidence(start: datetime) -> WindowEvidence:
        own, ended = by_start[start], frozenset(terms.over(start))
        return _evidence(
            windows[start], own, declared.get(start, ()), ended, comparisons, sliced=sliced
        )

    return [evidence(start) for start in sorted(windows)]


def _evidence(
    window: Window,
    rows: Sequence[Told],
    declared: Sequence[Finding],
    ended: frozenset[str],
    asked: frozenset[str],
    *,
    sliced: bool,
) -> WindowEvidence:
    found = [one for row in rows if row.part in _FINDINGS for one in _FINDINGS[row.part](row)]
    ordered = sorted([*found, *declared], key=lambda one: (one.debt, one.severity, one.evidence))
    model = next((row for row in rows if row.part == "performance"), None)
    compared = compared_of(rows)
    return WindowEvidence(
        window=window,
        findings=tuple(ordered),
        coverage={**_of_an_empty(rows), **dict(_coverage(rows))},
        subjects=subjects_of(rows, compared),
        ended=ended,
        sliced=sliced,
        compared=compared,
        asked=asked,
        dashboard_status=worst_colour(rows, "dashboard"),
        blind_spot=worst_colour(rows, "blind_spot"),
        loss=model.loss if model else None,
        cost=model.cost if model else None,
    )


def _of_an_empty(rows: Sequence[Told]) -> dict[str, Coverage]:
    """Of a window without source rows nothing has to be told: that is not evidence that is gone."""
    if not any(row.part == "window" and row.count == 0 for row in rows):
        return {}
    return {one: Coverage(0.0, "the window has no rows") for one in EVIDENCE if one != "ownership"}


def _coverage(rows: Sequence[Told]) -> Iterator[tuple[str, Coverage]]:
    for row in rows:
        if row.part == "coverage":
            # name: the kind of evidence; count of `of` were measured; words: why others were not;
            # subject: see `subjects_of`.
            share = (row.count or 0) / row.of if row.of else 0.0
            why = "" if share >= 1 else row.words or "not all of it was measured"
            yield row.name, Coverage(share, why)
        if row.part == "performance":
            yield "performance", _measured_performance(row)
    blind = worst_colour(rows, "blind_spot")
    if blind is not None:
        spots = (row for row in rows if row.part == "colour" and row.name == "blind_spot")
        # Of several sets always the same one is told of: the reason is part of the digest.
        whys = (row.words for row in spots if row.status == "amber")
        why = min(filter(None, whys), default="its row gives no reason")
        seen = blind != "amber"
        yield "dashboard", Coverage(float(seen), "" if seen else f"amber: {why}")


def _measured_performance(row: Told) -> Coverage:
    """By mature labels, or by an estimate that may be relied upon, which counts for half."""
    if row.status not in TELLING:
        return Coverage(0.0, row.words or "no metric was measured")
    # count: metrics that were measured, of `of`; None: it is one.
    share = 1.0 if not row.of else (row.count or 0) / row.of
    missing = "" if share >= 1 else row.words or "not every metric was measured"
    if row.subject == "labels":
        return Coverage(share, missing)
    estimated = "estimated, not by labels"
    return Coverage(share, f"{estimated}; {missing}" if missing else estimated, 0.5)


def _finding(
    row: Told,
    debt: str,
    kind: Kind,
    severity: Severity,
    evidence: str,
    rows: tuple[str, ...],
    *,
    priced: bool = False,
) -> Finding:
    since = row.since if row.since is not None and row.since <= row.start else row.start
    loss, cost = (row.loss, row.cost) if priced else (None, None)
    # Estimates and labels of the same windows differ, and labels come later.
    by_labels = priced and row.subject == "labels"
    figure, unit = (loss, "of the metric") if by_labels else (None, "")
    return Finding(
        debt,
        kind,
        severity,
        row.start,
        since,
        evidence,
        rows,
        loss,
        cost,
        figure=figure,
        unit=unit,
    )


def _key(table: str, row: Told, *parts: str) -> str:
    return f"{table}: {', '.join((*parts, f'{row.start:%Y-%m-%d %H:%M}'))}"


def alert(row: Told) -> Iterator[Finding]:
    """name: the column; subject: comparisons; grade: of the whole table, None: of slices only;
    count: slices in which it alerts; value: the effect; moved: what a share did, where it is one
    that alerts; limit: windows since it stands; status: suppressed where nobody is to be called."""
    if row.status == SUPPRESSED:
        return
    where = f" and in {row.count} slices" if row.grade and row.count else ""
    if row.grade is None:
        where = f" in {row.count} slices only"
    # Of a share that moved the effect says nothing: it would be told as 0.00 sd.
    effect = None if row.value is None else f"effect {row.value:.2f} sd"
    told = row.moved or effect
    figure = "" if told is None else f", {told}"
    text = f"{row.name} alerts against {row.subject}{where}{figure}, for {_windows(row.limit)}"
    severity = _severity(row.grade, "minor")
    keys = (_key("drift", row, row.name, row.subject),)
    kind: Kind = "feedback" if row.name == "metric:shaped" else "data"
    found = _finding(row, of_drift(row.name), kind, severity, text, keys)
    # words: the columns that are told as one.
    many = row.words is not None
    names = () if many else tuple(row.subject.split(", "))
    # Of a share, of slices and of several columns it is another one from window to window.
    size = None if row.moved or many or row.grade is None else row.value
    yield replace(found, sliced=row.grade is None, comparisons=names, figure=size, unit="sd")


def _severity(grade: str | None, otherwise: Severity) -> Severity:
    return next((one for one in SEVERITIES if one == grade), otherwise)


def _windows(count: float | None) -> str:
    return "1 window" if not count or count == 1 else f"{count:.0f} windows"


def assumption(row: Told) -> Iterator[Finding]:
    """name: the assumption; subject: its column, or two; count: windows in a row so far; value:
    the violating share or change."""
    severity: Severity = "major" if (row.count or 1) > 1 else "minor"
    figure = "" if row.value is None else f" ({row.value:.4g}, limit {row.limit or 0:.4g})"
    text = f"{row.name} of {row.subject} is violated{figure}, for {_windows(row.count)}"
    debt = of_assumption(row.name, row.subject)
    found = _finding(row, debt, "data", severity, text, (_key("assumptions", row, row.subject),))
    # A change of a correlation has a sign; a violation grows away from 0.
    yield replace(found, figure=None if row.value is None else abs(row.value))


def staleness(row: Told) -> Iterator[Finding]:
    """name: the figure; subject: the set, and what it is of; status: warning or drifted; grade:
    what it is of alone, '*' for the whole set."""
    figure = row.name
    severity: Severity = "major" if row.status == "drifted" or figure in _MATERIAL else "minor"
    if figure in _AGES:
        late = row.value is not None and row.limit and row.value >= _LATE * row.limit
        severity = "major" if late else "minor"
    value = "" if row.value is None else f" is {row.value:.4g}"
    limit = "" if row.limit is None else f", limit {row.limit:.4g}"
    text = f"{figure} of {named_set(row.subject, row.grade or '*')}{value}{limit}"
    debt = of_set(figure, row.subject, row.grade or "*")
    keys = (_key("eval_staleness", row, row.subject, figure, row.grade or "*"),)
    found = _finding(row, debt, "evaluation", severity, text, keys)
    yield replace(found, figure=row.value)


def colour(row: Told) -> Iterator[Finding]:
    """name: blind_spot or dashboard; subject: the set; status: green, amber, red; words: why."""
    if row.name != "blind_spot" or row.status != "red":
        return
    text = "every metric of the dashboard is in its band, and the world has moved"
    keys = (_key("eval_staleness", row, row.subject, "blind_spot"),)
    yield _finding(row, BLIND_DASHBOARD, "evaluation", "major", text, keys)


def performance(row: Told) -> Iterator[Finding]:
    """name: the metric that says degraded; status: of it; subject: labels or estimate; value: the
    skill over the baseline; grade: drift where its concept has drifted; limit: what it is now."""
    debt = of_performance(row.name, "*")
    keys = (_key("performance", row, row.name),)
    by = "by labels" if row.subject == "labels" else "by an estimate"
    now = "" if row.limit is None else f" is {row.limit:.4g}"
    if row.status == "degraded":
        lost = "" if row.loss is None else f", {row.loss:.4g} worse than evaluated"
        worse = row.value is not None and row.value < 0 and row.subject == "labels"
        text = f"{row.name}{now} {by}{lost}"
        text += ", and worse than the simple baseline" if worse else ""
        severity: Severity = "critical" if worse else "major"
        yield _finding(row, debt, "evaluation", severity, text, keys, priced=True)
    elif row.grade == "drift":
        text = f"{row.name}{now} {by}: not what the evaluation set lets expect"
        yield _finding(row, debt, "evaluation", "minor", text, keys, priced=True)


def operation(row: Told) -> Iterator[Finding]:
    """A signal of operations that moved for the worse: name: the signal; subject: its kind; status:
    warning or drifted, None: in slices only; count: in how many slices, None: in none; value: what
    it is now; limit: the same over the reference; grade: suppressed where nobody is to be called.
    """
    if row.grade == SUPPRESSED:
        return
    now = "" if row.value is None else f" is {row.value:.4g}"
    before = "" if row.limit is None else f", {row.limit:.4g} in the reference"
    severity: Severity = "major" if row.status == "drifted" else "minor"
    text = f"{row.name} ({row.subject}){now}{before}: it moved for the worse"
    if row.count:
        slices = "1 slice" if row.count == 1 else f"{row.count} slices"
        text += f" in {slices} only" if row.status is None else f", and in {slices}"
    keys = (_key("operations", row, row.name),)
    found = _finding(row, of_operation(row.name), "evaluation", severity, text, keys)
    size = None if row.status is None else row.value
    yield replace(found, sliced=row.status is None, figure=size)


def degraded(row: Told) -> Iterator[Finding]:
    """Another metric, or slices: name: the metric; subject: the slice's columns, '*' all rows;
    count: how many slices."""
    if row.subject == "*":
        text = f"{row.name} is worse than evaluated"
    else:
        text = f"{row.name} is worse than evaluated in {row.count} slices by {row.subject}"
    debt = of_performance(row.name, row.subject)
    keys = (_key("performance", row, row.name, row.subject),)
    yield _finding(row, debt, "evaluation", "minor", text, keys)


def feature(row: Told) -> Iterator[Finding]:
    """name: the figure of the debt of features; subject: up to five features, of a grave figure
    one, '*' the model; count: how many; status: warning or drifted; value: the largest of them."""
    many = "" if row.subject == "*" else f" of {row.subject}"
    more = (row.count or 1) - len(row.subject.split(", "))
    many += f" and {more} more" if more > 0 else ""
    value = "" if row.value is None else f" is {row.value:.4g}"
    limit = "" if row.limit is None else f", limit {row.limit:.4g}"
    severity: Severity = "major" if row.status == "drifted" else "minor"
    if row.status == "drifted" and row.name in GRAVE:
        severity = "critical"
    keys = (_key("feature_debt", row, row.name, row.subject),)
    text = f"{row.name}{many}{value}{limit}"
    found = _finding(row, of_feature(row.name, row.subject), "feature", severity, text, keys)
    # The largest of several is another feature's from window to window.
    yield replace(found, figure=None if (row.count or 1) > 1 else row.value)


def unshaped(row: Told) -> Iterator[Finding]:
    """count: features by which the rows that the model shaped differ from the others; of: those
    that were compared."""
    if not row.count:
        return
    text = f"rows that the model shaped differ from the others in {row.count} features"
    keys = (_key("drift", row, "unshaped"),)
    yield _finding(row, SHAPED_DIFFER, "feedback", "minor", text, keys)


def forced(row: Told) -> Iterator[Finding]:
    """name: the debt that a forced version is; grade: its severity; status: its kind."""
    kind: Kind = "evaluation" if row.status == "evaluation" else "data"
    severity = _severity(row.grade, "major")
    text = f"{row.name.removeprefix(FORCED)} is in force although the gate blocked it"
    yield _finding(row, row.name, kind, severity, text, (f"debt_events: {row.name}",))


_FINDINGS: Mapping[str, Callable[[Told], Iterator[Finding]]] = {
    "alert": alert,
    "assumption": assumption,
    "staleness": staleness,
    "colour": colour,
    "performance": performance,
    "operation": operation,
    "degraded": degraded,
    "feature": feature,
    "unshaped": unshaped,
    "forced": forced,
}

"""What rows tell of: the id of each possible debt, and whether a window can say that it is gone.

A debt is gone where its own subject was looked at and nothing was found. Where no row tells of it,
or one that says that it was not measured, nothing is known of it: a column that nobody compares any
more has not come back to what it was.

Some debts are of many: `other columns`, a figure of several features, a slicing. They are gone
where nothing is found in what was measured of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from sparkdrift.health.told import Told
from sparkdrift.spec.health_policy import BLIND_DASHBOARD

SHAPED_DIFFER = "feedback: shaped rows differ"
ALL_METRICS = "all metrics"
"""What metrics are called together where nobody says which of them means degraded."""
OTHERS = "other columns"
"""What columns are called together beyond those that are told one by one."""
SUPPRESSED = "suppressed"
NO_SET = ":none"
"""What stands in place of an evaluation set where there is none."""
TELLING = ("ok", "degraded")
"""The statuses of a metric that was measured."""
MEASURED = "+"
"""The mark of a subject of which a row was measured; any other: none was."""
TERM = "term"
"""The part of rows that tell of a reference that is in force; name: its role, subject: its name."""
GRAVE = frozenset({"encoding", "drift_on_concentration"})
"""Figures of features that are critical once they have drifted: the model reads something else than
what it learned, or what it leans on most has moved."""
CALIBRATION = frozenset(
    {"threshold_age", "calibration_error", "calibration_slope", "calibration_intercept", "brier"}
)
_COLOURS = ("green", "amber", "red")


def of_drift(column: str) -> str:
    if column == "metric:shaped":
        return "feedback: share of shaped rows"
    return f"drift of {'all inputs together' if column == ':inputs' else column}"


def of_assumption(assumption: str, subject: str) -> str:
    return f"assumption {assumption} of {subject}"


def of_set(figure: str, name: str, subject: str) -> str:
    evidence = "calibration" if figure in CALIBRATION else "evaluation"
    return f"{evidence} of {named_set(name, subject)}: {figure}"


def named_set(name: str, subject: str) -> str:
    return name if subject in ("", "*") else f"{name}, {subject}"


def of_operation(signal: str) -> str:
    return f"operations of {signal}"


def of_performance(metric: str, slice_key: str) -> str:
    return f"performance of {metric}" + ("" if slice_key == "*" else f" by {slice_key}")


def of_feature(figure: str, subject: str) -> str:
    # What is critical is owed, and waived, one by one.
    alone = figure in GRAVE and subject not in ("", "*")
    return f"features: {figure}" + (f" of {subject}" if alone else "")


_CALLED: Mapping[str, Callable[..., str]] = {
    "assumption": of_assumption,
    "evaluation": of_set,
    "calibration": of_set,
    "operations": of_operation,
    "performance": of_performance,
    "feature": of_feature,
}
"""The ids of debts by what they are of; of columns see `compared_of`."""


def worst_colour(rows: Iterable[Told], name: str) -> str | None:
    """The worst of the colours that the evaluation sets show; None without a row."""
    found = [r.status for r in rows if r.part == "colour" and r.name == name and r.status]
    return max(found, key=_COLOURS.index, default=None)


def subjects_of(
    rows: Sequence[Told], compared: Mapping[str, Mapping[str, bool]]
) -> dict[str, bool]:
    """Of each debt that the rows of a window tell of: whether they can say that it is gone.

    compared: what they tell of columns, see `compared_of`.
    """
    found = {name: any(own.values()) for name, own in compared.items()}
    for name, gone in _looked_at(rows):
        found[name] = found.get(name, False) or gone
    # Suppressed, or told together with others: not gone.
    return {**found, **dict.fromkeys(_hidden(rows), False)}


def compared_of(rows: Sequence[Told]) -> dict[str, Mapping[str, bool]]:
    """Of each column's debt its comparisons, and whether a row of each was measured."""
    found: dict[str, Mapping[str, bool]] = {}
    for row in rows:
        if row.part == "coverage" and row.name == "data" and row.subject:
            for debt, own in _compared(row.subject).items():
                found[debt] = _either(found[debt], own) if debt in found else own
    return found


# Window after window tells of the same subjects: their text is taken apart once.
@lru_cache(maxsize=256)
def _compared(subjects: str) -> Mapping[str, Mapping[str, bool]]:
    found: dict[str, dict[str, bool]] = {}
    for column, comparison, mark in json.loads(subjects):
        own = found.setdefault(of_drift(column), {})
        own[comparison] = own.get(comparison, False) or mark == MEASURED
    return found


@lru_cache(maxsize=256)
def _called(name: str, subjects: str) -> Mapping[str, bool]:
    """What the debts of these subjects are called, and whether a row of each was measured."""
    found: dict[str, bool] = {}
    for *subject, mark in json.loads(subjects):
        debt = _CALLED[name](*(text or "" for text in subject))
        found[debt] = found.get(debt, False) or mark == MEASURED
    return found


def _either(one: Mapping[str, bool], other: Mapping[str, bool]) -> Mapping[str, bool]:
    return {name: one.get(name, False) or other.get(name, False) for name in {**one, **other}}


def _looked_at(rows: Sequence[Told]) -> Iterator[tuple[str, bool]]:
    """name of `coverage` and `measured`: of what; subject: a list of the subjects as JSON, each a
    list of the texts that its debt is called by, and its mark."""
    for row in rows:
        if row.part in ("coverage", "measured") and row.subject and row.name in _CALLED:
            yield from _called(row.name, row.subject).items()
        if row.part == "coverage" and row.name == "data":
            yield of_drift(OTHERS), bool(row.count)
        if row.part == "unshaped":
            yield SHAPED_DIFFER, bool(row.of)
        if row.part == "performance":
            measured = row.status in TELLING and (row.count or 0) >= (row.of or 0)
            yield of_performance(row.name, "*"), measured
            # Where one metric says it, the others are told of one by one.
            yield of_performance(ALL_METRICS, "*"), measured and row.name != ALL_METRICS
    blind = worst_colour(rows, "blind_spot")
    if blind is not None:
        yield BLIND_DASHBOARD, blind != "amber"


def _hidden(rows: Sequence[Told]) -> Iterator[str]:
    for row in rows:
        if row.part == "alert" and row.words:
            yield from (of_drift(*subject) for subject in json.loads(row.words))
        elif row.part == "alert" and row.status == SUPPRESSED:
            yield of_drift(row.name)
        if row.part == "operation" and row.grade == SUPPRESSED:
            yield of_operation(row.name)


class SetTerms:
    """Which evaluation sets were in force when.

    What is owed of a set is gone with it: what holds then is what stands of its successor, or that
    there is none, which is owed by itself.
    """

    def __init__(self, rows: Iterable[Told], declared: Collection[str] | None = None) -> None:
        """declared: the sets that the spec has; None: it is not known."""
        self._own: dict[str, list[tuple[datetime, datetime | None]]] = {}
        self._debts: dict[str, set[str]] = {}
        rows = list(rows)
        for row in rows:
            if row.part == TERM and row.name == "evaluation":
                self._own.setdefault(row.subject, []).append((row.start, row.end))
        self._replace(declared)
        ended = {name for name, own in self._own.items() if all(end for _, end in own)}
        for row in rows if ended else ():
            if row.part == "coverage" and row.name in ("evaluation", "calibration"):
                for figure, name, subject, _ in json.loads(row.subject or "[]"):
                    if name in ended:
                        self._debts.setdefault(name, set()).add(of_set(figure, name, subject))

    def _replace(self, declared: Collection[str] | None) -> None:
        """A set that the spec does not have any more ends where a later one of its own begins."""
        begun = [
            start
            for name, own in self._own.items()
            if declared is not None and name in declared
            for start, _ in own
        ]
        for name, own in self._own.items():
            if declared is None or name in declared:
                continue
            later = [one for one in begun if one > max(start for start, _ in own)]
            if later:
                self._own[name] = [(start, end or min(later)) for start, end in own]

    def over(self, start: datetime) -> Collection[str]:
        """The debts of sets that were in force once, and are not when a window begins."""
        return [
            one
            for name, ids in self._debts.items()
            if all(end is not None and end <= start for _, end in self._own[name])
            for one in ids
        ]

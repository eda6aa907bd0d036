"""The dashboard against reality: what was shown, what was so, and what the scores let expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sparkdrift.report.facts import Row
from sparkdrift.report.page.lines import Chart, Point, Series, chart
from sparkdrift.report.page.material import Material
from sparkdrift.report.page.scales import number
from sparkdrift.report.page.strips import Strip, strip
from sparkdrift.report.plain import day, named

_WORST = ("red", "amber", "green")
_LIGHTS = {"red": "drifted", "amber": "warning", "green": "ok"}
_VERDICTS = {
    "healthy": "ok",
    "watch": "warning",
    "recalibrate": "warning",
    "refresh_evaluation": "warning",
    "retrain": "drifted",
    "retire": "drifted",
}
"""The bar of each word; of every other one, such as blind, that of what was not measured."""


@dataclass(frozen=True)
class Timeline:
    """The chart, the rows beneath it on the same axis, and the figures as a table.

    `headline`: what the newest windows say, in a sentence.
    """

    metric: str
    chart: Chart | None
    strips: tuple[Strip, ...]
    rows: tuple[tuple[str, ...], ...]
    headline: str | None
    missing: str | None


HEADINGS = ("window", "dashboard", "really", "expected", "evaluation set", "status", "blind spot")


def timeline(material: Material, zone: str, limit: float | None = None) -> Timeline:
    """What the tables say of the watched metric over time.

    limit: the dashboard's, as the spec declares it, for where no table of its own tells one.
    """
    metric = (material.metric or "performance").replace("_", " ")
    performance = _of_one_set(material.performance)
    spots = _worst_spots(material.blind_spots)
    times = [*performance, *spots, *material.health]
    if not times:
        return Timeline(metric, None, (), (), None, _missing(material))
    within = (
        min(one["window_start"] for one in times),
        max(one["window_end"] for one in times),
    )
    shown = [one for one in material.dashboard if within[0] <= one["time"] <= within[1]]
    drawn = None
    if performance or shown:
        drawn = chart(
            _series(performance, shown, limit),
            within,
            zone,
            _told(metric, performance, shown, zone),
        )
    strips = [
        *([_light_strip("blind spot", spots, "status", _LIGHTS, within, zone)] if spots else []),
        *(
            [_light_strip("verdict", material.health, "verdict", _VERDICTS, within, zone)]
            if material.health
            else []
        ),
    ]
    return Timeline(
        metric,
        drawn,
        tuple(strips),
        tuple(reversed(_table(performance, shown, spots, zone))),
        _headline(metric, performance, shown, spots, zone),
        _missing(material) if not performance else _unknown(material),
    )


def _light_strip(
    name: str,
    rows: Sequence[Row],
    column: str,
    bars: Mapping[str, str],
    within: tuple[datetime, datetime],
    zone: str,
) -> Strip:
    """A row of bars for words that are no statuses of drift, told in these words."""
    known = [{**one, "status": bars.get(one[column], one[column])} for one in rows]
    ordered = sorted(rows, key=lambda one: one["window_start"])
    words = [str(one[column] or "not measured").replace("_", " ") for one in ordered]
    counts = [f"{word} in {named(words.count(word), 'window')}" for word in dict.fromkeys(words)]
    drawn = strip(name, known, within, zone)
    return replace(drawn, told=f"{name}: {', '.join(counts)}", short=", ".join(counts))


def _missing(material: Material) -> str:
    if material.metric is None:
        return (
            "Not measured: the spec names no metric to watch. The section `degraded` says which "
            "one counts, the section `evaluation` where its labels are; then `sparkdrift run SPEC`."
        )
    return (
        f"Not measured: the store has no performance of {material.metric} yet. The section "
        "`evaluation` of the spec says where labels and evaluation sets are; then `sparkdrift "
        "run SPEC`."
    )


def _unknown(material: Material) -> str | None:
    if material.dashboard_unknown is None:
        return None
    return f"What the dashboard showed is not known: {material.dashboard_unknown}"


def _of_one_set(rows: Sequence[Row]) -> list[Row]:
    """The rows of one evaluation set: the one that lets most be expected; realised values are
    the same for all."""
    by_set: dict[str, list[Row]] = {}
    for row in rows:
        by_set.setdefault(str(row["evaluation_set"]), []).append(row)
    known = {
        name: sum(one["estimated"] is not None for one in found) for name, found in by_set.items()
    }
    return max(by_set.values(), key=lambda one: known[str(one[0]["evaluation_set"])], default=[])


def _worst_spots(rows: Sequence[Row]) -> list[Row]:
    """One row a window, the worst of its evaluation sets."""
    found: dict[datetime, Row] = {}
    for row in rows:
        known = found.get(row["window_start"])
        if known is None or _rank(row) < _rank(known):
            found[row["window_start"]] = row
    return sorted(found.values(), key=lambda one: one["window_start"])


def _rank(row: Row) -> int:
    return _WORST.index(row["status"]) if row["status"] in _WORST else len(_WORST)


def _middle(row: Row) -> datetime:
    start: datetime = row["window_start"]
    end: datetime = row["window_end"]
    return start + (end - start) / 2


def _series(performance: Sequence[Row], shown: Sequence[Row], limit: float | None) -> list[Series]:
    def of(name: str) -> list[Point]:
        return [
            Point(_middle(one), one[name], one[f"{name}_low"], one[f"{name}_high"])
            for one in performance
        ]

    really = [
        point if row["mature"] else Point(point.at, None)
        for row, point in zip(performance, of("realised"), strict=True)
    ]
    early = [
        Point(point.at, point.value if not row["mature"] else None)
        for row, point in zip(performance, of("realised"), strict=True)
    ]
    limits = [Point(one["time"], one["limit"]) for one in shown]
    if not shown and limit is not None:
        limits = [Point(point.at, limit) for point in of("realised")]
    return [
        Series("limit of the dashboard", "limit", limits),
        Series("evaluation set", "evaluated", [Point(p.at, p.value) for p in of("evaluated")]),
        Series("expected without labels", "expected", of("estimated")),
        Series("really, labels still due", "early", early),
        Series("really", "really", really),
        Series("dashboard", "dashboard", [Point(x["time"], x["value"]) for x in shown]),
    ]


def _told(metric: str, performance: Sequence[Row], shown: Sequence[Row], zone: str) -> str:
    parts = [f"{metric} over time"]
    known = [one for one in performance if one["realised"] is not None and one["mature"]]
    if known:
        parts.append(
            f"really {number(known[0]['realised'])} in the window of "
            f"{day(known[0]['window_start'], zone)} and {number(known[-1]['realised'])} in that "
            f"of {day(known[-1]['window_start'], zone)}"
        )
    values = [one["value"] for one in shown if one["value"] is not None]
    if values:
        parts.append(f"the dashboard showed {number(min(values))} to {number(max(values))}")
    return "; ".join(parts)


def _headline(
    metric: str,
    performance: Sequence[Row],
    shown: Sequence[Row],
    spots: Sequence[Row],
    zone: str,
) -> str | None:
    """What the dashboard showed at last beside the newest value that is known for sure."""
    known = [one for one in performance if one["realised"] is not None and one["mature"]]
    if not known:
        return None
    last = known[-1]
    said = f"{metric} was {number(last['realised'])} in the window of "
    said += day(last["window_start"], zone)
    beside = [
        one for one in shown if one["time"] <= last["window_end"] and one["value"] is not None
    ]
    if beside:
        said += f"; the dashboard showed {number(beside[-1]['value'])}"
    if last["evaluated"] is not None:
        said += f"; the evaluation set promised {number(last['evaluated'])}"
    red = [one for one in spots if one["status"] == "red"]
    if red and spots[-1]["status"] == "red":
        since = red[-1]["since"] or red[-1]["window_start"]
        said += f". The dashboard has been blind since {day(since, zone)}"
    return f"{said}."


def _table(
    performance: Sequence[Row], shown: Sequence[Row], spots: Sequence[Row], zone: str
) -> list[tuple[str, ...]]:
    blind = {one["window_start"]: one["status"] for one in spots}
    rows: list[tuple[str, ...]] = []
    for row in performance:
        values = [
            one["value"]
            for one in shown
            if row["window_start"] < one["time"] <= row["window_end"] and one["value"] is not None
        ]
        late = "" if row["mature"] or row["realised"] is None else " (labels still due)"
        rows.append(
            (
                day(row["window_start"], zone),
                number(values[-1]) if values else "",
                f"{number(row['realised'])}{late}",
                number(row["estimated"]),
                number(row["evaluated"]),
                row["status"] or "not judged",
                blind.get(row["window_start"]) or "not measured",
            )
        )
    return rows

"""What `sparkdrift features` tells of one window: what warns first, then what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sparkdrift.report.plain import day, plain, share, shortened

Row = Mapping[str, Any]
NAMES = {
    "association": "goes with the label",
    "association_change": "change of that",
    "importance": "importance",
    "dead": "says nothing",
    "encoding": "written otherwise",
    "creep": "far from the first reference",
    "concentration": "concentration of importance",
    "concentration_change": "change of that",
    "drifted_importance": "importance on drifted features",
    "cliff_risk": "cliff risk (a heuristic)",
    "drift_on_concentration": "drift where importance grew",
}
_OF_MODEL = tuple(NAMES)[6:]
_WARNS = ("drifted", "warning", "schema_changed", "source_unavailable")
_UNMEASURED = ("insufficient_data", "no_reference", "undetermined")
_HEADING = ("figure", "value", "95 %", "limit", "status", "why")
_TABLE = ("feature", "label", "95 %", "change", "importance", "status")
_MOST, _WIDTH = 20, 90


def feature_lines(rows: Sequence[Row], zone: str) -> list[str]:
    """Lines of text for the newest window; rows as `feature_overview` has them."""
    if not rows:
        return ["no window was told yet: `sparkdrift run SPEC` profiles some"]
    lines = [f"in the window of {day(rows[0]['window_start'], zone)}"]
    model = {row["figure"]: row for row in rows if row["subject"] == "*"}
    lines += _columns(_HEADING, [_model_line(model[name]) for name in _OF_MODEL if name in model])
    courses = [row for name, row in model.items() if name not in NAMES]
    rising = [row for row in courses if row["status"] == "warning"]
    lines += [f"rising: {plain(row['reason'], lines=False)} ({row['figure']})" for row in rising]
    features = _by_feature(rows)
    warned = [row for row in rows if row["subject"] != "*" and row["status"] in _WARNS]
    if warned:
        lines += ["", "what warns"]
        lines += [_warning(row, zone) for row in warned[:_MOST]]
        if len(warned) > _MOST:
            lines.append(f"and {len(warned) - _MOST} more in feature_debt")
    lines += ["", *_columns(_TABLE, [_feature_line(name, own) for name, own in features[:_MOST]])]
    if len(features) > _MOST:
        lines.append(f"and {len(features) - _MOST} more features in feature_debt")
    return [*lines, *_unmeasured(rows)]


def _by_feature(rows: Sequence[Row]) -> list[tuple[str, dict[str, Row]]]:
    """Features with their figures, the most important first, then those that go most with the
    label."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row["subject"] != "*":
            found.setdefault(row["subject"], {})[row["figure"]] = row

    def size(own: Mapping[str, Row], figure: str) -> float:
        value = own[figure]["value"] if figure in own else None
        return -1.0 if value is None else abs(value)

    return sorted(
        found.items(),
        key=lambda one: (-size(one[1], "importance"), -size(one[1], "association"), one[0]),
    )


def _feature_line(name: str, own: Mapping[str, Row]) -> list[str]:
    link, change = own.get("association"), own.get("association_change")
    important = own.get("importance")
    statuses = [row["status"] for row in own.values() if row["status"] is not None]
    worst = next((one for one in (*_WARNS, *_UNMEASURED, "ok") if one in statuses), "")
    return [
        plain(name, lines=False),
        _number(link),
        _around(link),
        _number(change, sign=True),
        "" if important is None or important["value"] is None else share(important["value"]),
        worst,
    ]


def _model_line(row: Row) -> list[str]:
    return [
        NAMES[row["figure"]],
        _number(row, sign=row["figure"].endswith("change")),
        _around(row),
        "" if row["limit"] is None else f"{row['limit']:.3g}",
        row["status"] or "",
        shortened(plain(row["reason"], lines=False), _WIDTH),
    ]


def _warning(row: Row, zone: str) -> str:
    since = "" if row["since"] is None else f" since {day(row['since'], zone)}"
    name, figure = plain(row["subject"], lines=False), NAMES.get(row["figure"], row["figure"])
    return f"  {name}: {figure}, {row['status']}{since}: {plain(row['reason'], lines=False)}"


def _unmeasured(rows: Sequence[Row]) -> Iterator[str]:
    """How much was not measured, and the most frequent reason of each kind."""
    lacking: dict[str, list[str]] = {}
    for row in rows:
        if row["status"] in ("insufficient_data", "no_reference"):
            lacking.setdefault(row["figure"], []).append(row["reason"])
    for figure, reasons in lacking.items():
        reason = max(set(reasons), key=lambda one: (reasons.count(one), one))
        named = NAMES.get(figure, figure)
        yield f"not measured: {named} ({len(reasons)}): {plain(reason, lines=False)}"


def _number(row: Row | None, *, sign: bool = False) -> str:
    if row is None or row["value"] is None:
        return ""
    return f"{row['value']:+.3f}" if sign else f"{row['value']:.3f}"


def _around(row: Row | None) -> str:
    if row is None or row["low"] is None or row["high"] is None or row["low"] == row["high"]:
        return ""
    return f"{row['low']:.3f} to {row['high']:.3f}"


def _columns(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns of text below each other; the last one is as long as it is."""
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    for row in (heading, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()

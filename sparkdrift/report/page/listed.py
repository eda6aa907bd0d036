"""The tables of a page: evaluation, categories, debts, what ran; each cell is a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.explain.signals import WHOLE
from sparkdrift.report.evaluation import BLIND, evaluation_lines
from sparkdrift.report.evaluation import LISTED as STALE
from sparkdrift.report.facts import Row
from sparkdrift.report.page.verdict import amount, tone
from sparkdrift.report.performance import LISTED as METRICS
from sparkdrift.report.performance import performance_lines
from sparkdrift.report.plain import day, named

_STATUS, _VALUE = STALE.index("status"), STALE.index("value")


@dataclass(frozen=True)
class Cell:
    """`tone`: the style of a status; `number`: it stands to the right."""

    text: str
    tone: str = ""
    number: bool = False


@dataclass(frozen=True)
class Listing:
    """A table; `later`: rows that need nobody's eye, behind a line to open."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    later: tuple[tuple[Cell, ...], ...] = ()
    later_called: str = ""


def staleness(rows: Sequence[Row], zone: str) -> Listing:
    """The figures of the newest window: what warns first, then what was not measured."""
    figures = [one for one in rows if one["figure"] != BLIND]
    order = {"bad": 0, "warn": 1, "none": 2, "good": 3}
    lines = [
        tuple(_figure(text, place) for place, text in enumerate(line))
        for line in evaluation_lines(figures)
    ]
    lines.sort(key=lambda line: order[line[_STATUS].tone])
    window = day(rows[0]["window_start"], zone) if rows else ""
    return Listing(
        f"Evaluation staleness in the window of {window}",
        STALE,
        tuple(line for line in lines if line[_STATUS].tone != "good"),
        tuple(line for line in lines if line[_STATUS].tone == "good"),
        "ok",
    )


def _figure(text: str, place: int) -> Cell:
    if place == _STATUS:
        return Cell(text.replace("_", " "), tone(text))
    return Cell(text or ("not measured" if place == _VALUE else ""))


def measured(rows: Sequence[Row], zone: str) -> Listing:
    """Every metric over all rows, in the newest window and in the newest with all its labels."""
    whole = [one for one in rows if one["slice_key"] == WHOLE]
    ordered = sorted(whole, key=lambda one: one["window_start"], reverse=True)
    tones = ["bad" if one["concept_drift"] else tone(one["status"]) for one in ordered]
    return Listing(
        "Performance in the newest window, and in the newest with all its labels",
        METRICS,
        tuple(
            (*(Cell(text) for text in line[:-1]), Cell(line[-1], shown))
            for line, shown in zip(performance_lines(ordered, zone), tones, strict=True)
        ),
    )


def categories(rows: Sequence[Row], zone: str) -> Listing:
    """New categories, the ones of most rows first."""
    return Listing(
        "Categories that the reference lacks",
        ("feature", "category", "first seen", "last seen", "windows", "rows"),
        tuple(
            (
                Cell(row["column_name"]),
                Cell(row["item"]),
                Cell(day(row["first_window"], zone)),
                Cell(day(row["last_window"], zone)),
                Cell(f"{row['windows']:,}", number=True),
                Cell(f"{row['rows']:,}", number=True),
            )
            for row in rows
        ),
    )


def debts(rows: Sequence[Row], currency: str | None, zone: str) -> Listing:
    """What is owed, with its age in event time; what is settled is behind a line."""
    lines = [(_debt(one, currency, zone), one["closed"] is not None) for one in rows]
    return Listing(
        "What is owed",
        ("debt", "kind", "status", "owner", "severity", "due", "age", "cost", "rests on"),
        tuple(line for line, closed in lines if not closed),
        tuple(line for line, closed in lines if closed),
        "settled",
    )


def _debt(row: Row, currency: str | None, zone: str) -> tuple[Cell, ...]:
    evidence = "; ".join(one for one in (row["reason"], row["evidence"]) if one)
    severity, status = row["severity"] or "", row["status"] or ""
    if row["until"] is not None:
        status += f" until {day(row['until'], zone)}"
    begun = day(row["window_start"], zone)
    days = row["age_days"]
    return (
        Cell(row["debt"]),
        Cell(row["kind"] or ""),
        Cell(status),
        Cell(row["owner"] or "nobody"),
        Cell(severity, {"critical": "bad", "major": "warn"}.get(severity, "")),
        Cell("" if row["due"] is None else day(row["due"], zone)),
        Cell(f"since {begun}" if days is None else f"{named(round(days), 'day')}, since {begun}"),
        Cell(_cost(row, currency)),
        Cell(evidence),
    )


def _cost(row: Row, currency: str | None) -> str:
    """What it costs in a window and since it was opened; where it has no price, in the metric."""
    if row["cost"] is None and row["interest"] is None:
        lost = row["interest_loss"]
        if lost is None:
            return str(row.get("interest_reason") or "not known")
        return f"{lost:.3g} of the metric so far"
    parts = []
    if row["cost"] is not None:
        parts.append(f"{amount(row['cost'], currency)} per window")
    if row["interest"] is not None:
        parts.append(f"{amount(row['interest'], currency)} so far")
    return "; ".join(parts)


def references(rows: Sequence[Row], zone: str) -> Listing:
    """Which versions of the reference were in force, the newest first."""
    return Listing(
        "References in force",
        ("reference", "rows", "covers", "in force from", "source"),
        tuple(
            (
                Cell(f"{row['name']} version {row['version']}"),
                Cell(f"{row['rows'] or 0:,}", number=True),
                Cell(_interval(row["interval_start"], row["interval_end"], zone)),
                Cell(_from(row["effective_from"], zone)),
                Cell(row["source"] or ""),
            )
            for row in rows
        ),
    )


def _interval(begin: datetime | None, end: datetime | None, zone: str) -> str:
    if begin is None or end is None:
        return "not by time"
    return f"{day(begin, zone)} to {day(end, zone)}"


def _from(instant: datetime, zone: str) -> str:
    return "the beginning" if instant.year <= 1970 else day(instant, zone)


def steps(rows: Sequence[Row]) -> Listing:
    """How each step ended last; times are UTC."""
    return Listing(
        "What ran last (UTC)",
        ("step", "ended", "at", "windows", "source rows", "source version", "run"),
        tuple(
            (
                Cell(row["step"]),
                Cell(
                    str(row["phase"]).lower() + (f": {row['error']}" if row["error"] else ""),
                    tone(row["phase"]),
                ),
                Cell(f"{row['at']:%Y-%m-%d %H:%M}"),
                Cell(_count(row["windows"]), number=True),
                Cell(_count(row["rows_scanned"]), number=True),
                Cell("" if row["source_version"] is None else str(row["source_version"])),
                Cell(row["run_id"]),
            )
            for row in rows
        ),
    )


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"

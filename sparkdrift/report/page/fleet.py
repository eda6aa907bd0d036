"""All models of a store on one page: the newest verdict on each, the blind ones first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sparkdrift.report.facts import Row
from sparkdrift.report.page.listed import Cell
from sparkdrift.report.page.rendering import render
from sparkdrift.report.page.verdict import WORST_FIRST, amount, tone
from sparkdrift.report.plain import day, named

HEADINGS = (
    *("model", "verdict", "owner", "due", "since", "why", "dashboard", "blind spot"),
    *("open debts", "cost since then"),
)
UTC = "UTC"


@dataclass(frozen=True)
class Count:
    """How many models have a verdict."""

    word: str
    tone: str
    models: int


def fleet_page(rows: Sequence[Row], store: str, at: datetime, package: str) -> str:
    """The HTML of the page; rows as `ReportRows.fleet` gives them. Days are UTC: monitors may
    have zones of their own."""
    return render("fleet.html.j2", facts(rows, store, at, package))


def facts(rows: Sequence[Row], store: str, at: datetime, package: str) -> dict[str, Any]:
    ordered = sorted(rows, key=_urgency)
    return {
        "title": "All models",
        "counts": _counts(ordered),
        "headings": HEADINGS,
        "lines": tuple(_line(one) for one in ordered),
        "monitors": named(len({one["monitor"] for one in rows}), "monitor"),
        "store": store,
        "made": f"{at:%Y-%m-%d %H:%M} UTC",
        "package": package,
    }


def _urgency(row: Row) -> tuple[int, bool, float, str]:
    """Blind ones first, then what asks for most; of these what is due first. A monitor without a
    verdict is as blind as one whose evidence does not suffice."""
    word = row["verdict"] or "blind"
    rank = WORST_FIRST.index(word) if word in WORST_FIRST else 0
    due = row["due"]
    return rank, due is None, 0.0 if due is None else due.timestamp(), str(row["monitor"])


def _counts(rows: Sequence[Row]) -> tuple[Count, ...]:
    words = [str(one["verdict"] or "no verdict yet") for one in rows]
    return tuple(
        Count(word.replace("_", " "), "bad" if word.startswith("no ") else tone(word),
              words.count(word))
        for word in dict.fromkeys(words)
    )  # fmt: skip


def _line(row: Row) -> tuple[Cell, ...]:
    word = row["verdict"]
    name = str(row["monitor"])
    if row["model_id"] and row["model_id"] != name:
        name += f" ({row['model_id']})"
    if word is None:
        until = row["watched_until"]
        seen = "nothing is stored" if until is None else f"watched until {day(until, UTC)}"
        return (Cell(name), Cell("no verdict yet", "bad"), *(Cell("") for _ in range(3)),
                Cell(seen), *(Cell("not measured", "none") for _ in range(2)),
                *(Cell("") for _ in range(2)))  # fmt: skip
    reasons = sorted(row["reasons"] or (), key=lambda one: -(one["weight"] or 0.0))
    cost = row["cost_so_far"]
    return (
        Cell(name),
        Cell(str(word).replace("_", " "), tone(word)),
        Cell(row["owner"] or "nobody"),
        Cell("" if row["due"] is None else day(row["due"], UTC)),
        Cell("" if row["since"] is None else day(row["since"], UTC)),
        Cell(str(reasons[0]["reason"]) if reasons else ""),
        _light(row["dashboard_status"]),
        _light(row["blind_spot"]),
        Cell(f"{row['open_debts'] or 0:,}", number=True),
        Cell("not known" if cost is None else amount(cost, row["currency"]), number=True),
    )


def _light(status: str | None) -> Cell:
    return Cell(status or "not measured", tone(status))

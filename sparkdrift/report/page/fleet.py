"""All models of a store on one page: the newest verdict on each, the blind ones first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sparkdrift.health.fleet import together
from sparkdrift.report.facts import Row
from sparkdrift.report.fleet import notes
from sparkdrift.report.page.listed import Cell
from sparkdrift.report.page.rendering import render
from sparkdrift.report.page.verdict import amount, tone
from sparkdrift.report.plain import day, named

if TYPE_CHECKING:
    from sparkdrift.spec.registry import Registry

HEADINGS = (
    *("model", "verdict", "owner", "due", "dashboard", "blind spot", "open debts"),
    *("lost per window", "cost since then", "notes"),
)
UTC = "UTC"
_NONE = "no verdict yet"


@dataclass(frozen=True)
class Count:
    """How many models have a verdict."""

    word: str
    tone: str
    models: int


def fleet_page(
    rows: Sequence[Row],
    unjudged: Sequence[Row],
    store: str,
    at: datetime,
    package: str,
    registry: Registry | None = None,
) -> str:
    """The HTML of the page: rows of the view `fleet`, and monitors that have no verdict.

    registry: the declared models, of which those that nobody watches are told as well.
    Days are UTC: monitors may have zones of their own.
    """
    return render("fleet.html.j2", facts(rows, unjudged, store, at, package, registry))


def facts(
    rows: Sequence[Row],
    unjudged: Sequence[Row],
    store: str,
    at: datetime,
    package: str,
    registry: Registry | None,
) -> dict[str, Any]:
    """What the template is given. Of a monitor without a verdict nothing is known: it comes first,
    as what is blind does in the order of the view."""
    ordered = together(rows, registry, at)
    monitors = {name for one in rows for name in one["monitors"] or ()}
    return {
        "title": "All models",
        "counts": _counts(ordered, len(unjudged)),
        "headings": HEADINGS,
        "lines": (*map(_unjudged, unjudged), *map(_line, ordered)),
        "monitors": named(len(monitors) + len(unjudged), "monitor"),
        "store": store,
        "made": f"{at:%Y-%m-%d %H:%M} UTC",
        "package": package,
    }


def _counts(rows: Sequence[Row], unjudged: int) -> tuple[Count, ...]:
    words = [_word(one) for one in rows]
    counts = [
        Count(word.replace("_", " "), tone(word), words.count(word))
        for word in dict.fromkeys(words)
    ]
    overdue = sum(bool(one["overdue"]) for one in rows)
    return (
        *([Count(_NONE, "bad", unjudged)] if unjudged else []),
        *counts,
        *([Count("overdue", "bad", overdue)] if overdue else []),
    )


def _unjudged(row: Row) -> tuple[Cell, ...]:
    until = row["watched_until"]
    seen = "nothing is stored" if until is None else f"watched until {day(until, UTC)}"
    empty = [Cell("") for _ in HEADINGS]
    empty[:2] = [Cell(str(row["monitor"])), Cell(_NONE, "bad")]
    empty[-1] = Cell(f"{seen}; its next run ends with a verdict")
    return tuple(empty)


def _line(row: Row) -> tuple[Cell, ...]:
    version = f" {row['model_version']}" if row["model_version"] else ""
    due = "" if row["due"] is None else day(row["due"], UTC)
    verdict = _word(row).replace("_", " ")
    verdict += f", {row['severity']}" if row["severity"] else ""
    verdict += "" if row["since"] is None else f", since {day(row['since'], UTC)}"
    cost = row["cost_so_far"]
    return (
        Cell(f"{row['model_id']}{version}"),
        Cell(verdict, tone(row["verdict"])),
        Cell(row["owner"] or "nobody"),
        Cell(f"{due}, overdue" if row["overdue"] else due, "bad" if row["overdue"] else ""),
        _light(row["dashboard_status"]),
        _light(row["blind_spot"]),
        Cell("not known" if row["open_debts"] is None else f"{row['open_debts']:,}", number=True),
        Cell(_lost(row), number=True),
        Cell("not known" if cost is None else amount(cost, row["currency"]), number=True),
        Cell("; ".join(notes(row))),
    )


def _word(row: Row) -> str:
    """The verdict; a model that is declared, not blind and has none is not deployed."""
    return str(row["verdict"] or row["stage"] or _NONE)


def _lost(row: Row) -> str:
    """The loss per window: in business units where it has a price, else of the metric."""
    if row["cost"] is not None:
        return amount(row["cost"], row["currency"])
    return "not known" if row["loss"] is None else f"{row['loss']:.3g} of the metric"


def _light(status: str | None) -> Cell:
    return Cell(status or "not measured", tone(status))

"""The fleet as a table on the screen: one line for each model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sparkdrift.report.plain import named

COLUMNS = ("", "model", "verdict", "owner", "due", "per window", "debts", "oldest", "notes")
_UNKNOWN = "-"


def counted(counts: Mapping[str, int]) -> str:
    """The first line: how many models, and what of them needs somebody."""
    told = [f"{counts['blind']:,} blind", f"{counts['overdue']:,} overdue"]
    if counts["contradicting"]:
        told.append(f"{counts['contradicting']:,} with more than one owner")
    return f"{named(counts['count'], 'model')}: {', '.join(told)}"


def line(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The cells of one model; what is not known is a dash, which is no zero."""
    version = f" {row['model_version']}" if row["model_version"] else ""
    return (
        row["rank"],
        f"{row['model_id']}{version}",
        _verdict(row),
        row["owner"] or _UNKNOWN,
        _day(row["due"]) + (" overdue" if row["overdue"] else ""),
        _lost(row),
        _UNKNOWN if row["open_debts"] is None else row["open_debts"],
        _day(row["oldest_debt"]),
        "; ".join(notes(row)),
    )


def _verdict(row: Mapping[str, Any]) -> str:
    verdict = row["verdict"] or _UNKNOWN
    if row["stage"] == "retired" and verdict == "blind":
        # It is watched no more, and so it is blind without anybody missing something.
        return f"{_UNKNOWN} (retired)"
    if row["stage"] != "deployed":
        verdict += f" ({row['stage']})"
    return f"{verdict} since {row['since']:%Y-%m-%d}" if row["since"] else str(verdict)


def notes(row: Mapping[str, Any]) -> list[str]:
    """How the verdict was answered, then what contradicts it or is missing."""
    answer = [f"{row['answer']} by {row['answered_by']}"] if row["answer"] else []
    return [*answer, *row["notes"]]


def _lost(row: Mapping[str, Any]) -> str:
    if row["cost"] is not None:
        return f"{row['cost']:,.0f} {row['currency'] or ''}".rstrip()
    return _UNKNOWN if row["loss"] is None else f"{row['loss']:.3g}"


def _day(instant: datetime | None) -> str:
    return _UNKNOWN if instant is None else f"{instant:%Y-%m-%d}"

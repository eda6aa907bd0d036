"""What stands first on a page: the model, who answers for it, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sparkdrift.report.facts import Row
from sparkdrift.report.page.scales import number
from sparkdrift.report.plain import day, named, share

ACTIONS: Mapping[str, str] = {
    "healthy": "Nothing is to be done.",
    "watch": "Keep an eye on it: nothing is to be done yet.",
    "recalibrate": "Recalibrate: the threshold or the scores no longer fit.",
    "refresh_evaluation": "Refresh the evaluation: its figures no longer say what they said.",
    "retrain": "Retrain the model.",
    "retire": "Retire the model.",
    "blind": "Nobody can tell: there is too little evidence for a verdict.",
}
"""Each verdict as a sentence."""
_TONES: Mapping[str, str] = {
    "healthy": "good",
    "green": "good",
    "ok": "good",
    "passed": "good",
    "watch": "warn",
    "amber": "warn",
    "warning": "warn",
    "recalibrate": "warn",
    "refresh_evaluation": "warn",
    "warned": "warn",
    "retrain": "bad",
    "retire": "bad",
    "red": "bad",
    "drifted": "bad",
    "degraded": "bad",
    "blind": "bad",
    "violated": "bad",
    "blocked": "bad",
    "FAILED": "bad",
}
_MOST_REASONS = 5


@dataclass(frozen=True)
class Verdict:
    """The newest verdict in words; `tone` good, warn, bad or none names the style.

    facts: pairs of a name and a text. reasons: (weight, text), the weightiest first.
    rules: those of the policy that led to it.
    """

    word: str
    tone: str
    sentence: str
    facts: tuple[tuple[str, str], ...]
    reasons: tuple[tuple[str, str], ...]
    more_reasons: int
    rules: tuple[str, ...]
    would_change: str | None
    lights: tuple[tuple[str, str, str], ...]


def tone(status: str | None) -> str:
    """The style of a status: good, warn, bad; none for what was not measured or not judged."""
    return _TONES.get(status or "", "none")


def verdict(row: Row, zone: str, answers: Sequence[Row] = ()) -> Verdict:
    """A row of `model_health` in words; answers: how it was answered, one row or none."""
    word = str(row["verdict"])
    reasons = _reasons(row["reasons"])
    return Verdict(
        word.replace("_", " "),
        tone(word),
        ACTIONS.get(word, ""),
        tuple((name, text) for name, text in _facts(row, zone, answers) if text),
        reasons[:_MOST_REASONS],
        max(0, len(reasons) - _MOST_REASONS),
        tuple(row["rules"] or ()),
        row["would_change"],
        (
            _light("dashboard", row["dashboard_status"]),
            _light("blind spot", row["blind_spot"]),
        ),
    )


def _light(name: str, status: str | None) -> tuple[str, str, str]:
    return name, status or "not measured", tone(status)


def _facts(row: Row, zone: str, answers: Sequence[Row]) -> list[tuple[str, str]]:
    version = f", version {row['model_version']}" if row["model_version"] else ""
    window = f"{day(row['window_start'], zone)} to {day(row['window_end'], zone)}"
    due = "" if row["due"] is None else day(row["due"], zone)
    if due and row["escalation"]:
        due += f"; after that {row['escalation']} answers for it"
    debts = named(row["open_debts"], "debt") if row["open_debts"] else ""
    if debts and row["oldest_debt"] is not None:
        debts += f", the oldest since {day(row['oldest_debt'], zone)}"
    return [
        ("owner", row["owner"] or "nobody is named"),
        ("due", due),
        ("answer", "; ".join(_answer(one, zone) for one in answers)),
        ("severity", row["severity"] or ""),
        ("since", "" if row["since"] is None else day(row["since"], zone)),
        ("confidence", _confidence(row)),
        ("loss", _loss(row)),
        ("open debts", debts),
        ("model", f"{row['model_id']}{version}" + (f", {row['stage']}" if row["stage"] else "")),
        ("window judged", window),
    ]


def _answer(row: Row, zone: str) -> str:
    """'accepted by anna on 2025-03-04: we retrain'."""
    told = f"{row['answer']} by {row['answered_by']} on {day(row['answered_at'], zone)[:10]}"
    return f"{told}: {row['answer_reason']}" if row["answer_reason"] else told


def _confidence(row: Row) -> str:
    if row["confidence"] is None:
        return ""
    return f"{share(row['confidence'])} of the evidence was there"


def _loss(row: Row) -> str:
    """'0.031 in this window; 12,000 EUR, 48,000 EUR since then'; '' where it is not known."""
    parts = []
    if row["loss"] is not None:
        parts.append(f"{number(row['loss'])} in this window")
    money = [
        f"{amount(row[name], row['currency'])} {when}"
        for name, when in (("cost", "in this window"), ("cost_so_far", "since then"))
        if row[name] is not None
    ]
    told = "; ".join([*parts, *money])
    # Labels that are still due: those windows have lost something as well.
    newest_unknown = money and row["cost"] is None
    return f"{told}, not counting windows of which it is not known yet" if newest_unknown else told


def amount(value: float, currency: str | None) -> str:
    return f"{value:,.0f} {currency}" if currency else f"{value:,.0f}"


def _reasons(given: Sequence[Mapping[str, Any]] | None) -> tuple[tuple[str, str], ...]:
    rows = sorted(given or (), key=lambda one: -(one["weight"] or 0.0))
    return tuple((share(one["weight"] or 0.0), f"{one['kind']}: {one['reason']}") for one in rows)


def newest(rows: Sequence[Row]) -> Row | None:
    """The row of the newest window; None where there is none."""
    return max(rows, key=lambda one: _start(one), default=None)


def _start(row: Row) -> datetime:
    start: datetime = row["window_start"]
    return start

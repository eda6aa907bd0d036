"""What the owner of a model has to know, in one paragraph: made of its health, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sparkdrift.health.assessing import Health
from sparkdrift.health.findings import SEVERITIES
from sparkdrift.health.verdict import Level
from sparkdrift.report.health import money
from sparkdrift.report.plain import day, plain
from sparkdrift.spec.models import MonitorSpec

_FIRST: Mapping[str, str] = {
    "watch": "nothing has to be done yet: look at it again when the next window is judged",
    "blind": "bring back what is missing, before anything is decided",
    "recalibrate": "let `sparkdrift recalibrate` propose another threshold, and decide on it",
    "refresh_evaluation": "label the rows that `sparkdrift sample-eval` draws, and freeze them as "
    "the next version of the evaluation set: until then no metric of it says anything",
    "retrain": "retrain on rows of since then, label the rows that `sparkdrift sample-eval` "
    "draws, and accept nothing that was measured on the old evaluation set alone",
    "retire": "take it out of use: the simple rule that would replace it does better",
}
"""What to do first, by verdict."""
_MOST_MOVED = 3


def owner_paragraph(health: Health, spec: MonitorSpec) -> str:
    """Verdict, since when, cost so far, why the dashboard did not see it, what to do first."""
    zone, judgement = spec.timestamp.zone, health.judgement
    currency = spec.degraded.currency if spec.degraded else None
    if judgement.verdict == "healthy":
        return (
            f"To {plain(health.owner)}: {plain(spec.model_id)} is healthy in the window of "
            f"{day(health.window.start, zone)}. All that is asked for was measured, and nothing "
            "stands against it."
        )
    about = f"To {plain(health.owner)}: the verdict on {plain(spec.model_id)}"
    sentences = [
        f"{about} is {judgement.verdict} ({judgement.severity}), since {day(health.since, zone)}",
        _cost(health, currency, zone),
        _unseen(health),
        _moved(health, zone),
        f"First: {_FIRST[judgement.verdict]}{_by(health.due, zone)}",
    ]
    return " ".join(f"{one}." for one in sentences if one)


def _cost(health: Health, currency: str | None, zone: str) -> str:
    """By the debt of the performance where it is open: it may be older than the verdict."""
    debts = [one for one in health.debts if one.name.startswith("performance of ")]
    priced = [one for one in debts if one.interest is not None]
    if priced:
        most = max(priced, key=lambda one: one.interest or 0.0)
        opened = day(most.opened, zone)
        return f"It has cost {money(most.interest or 0.0, currency)} so far, since {opened}"
    if health.cost_so_far is not None:
        return f"It has cost {money(health.cost_so_far, currency)} so far"
    return "What it costs is not known"


def _unseen(health: Health) -> str:
    """Why the dashboard did not show it, by its own figures and what its set lacks."""
    shown = health.dashboard_status
    if shown == "red":
        return "The dashboard shows it: a metric is out of its band"
    why = _findings(health.levels.get("evaluation"), "ess_ratio", "gap_max", "eval_age")
    by = _findings(health.levels.get("performance")) or _findings(health.levels.get("data"))
    text = "The dashboard did not see it"
    if shown == "green":
        text = "The dashboard is green, every metric of it in its band"
    if why:
        text += f": it looks at rows that production no longer resembles ({why})"
    return f"{text}, while {by}" if by else text


def _moved(health: Health, zone: str) -> str:
    """Since when the dashboard has missed it, and what had moved by then or later."""
    debts = {one.name: one for one in health.debts}
    moved = sorted(
        (one for one in health.debts if one.finding.kind == "data"),
        key=lambda one: (one.opened, -SEVERITIES.index(one.severity), one.name),
    )
    blind = debts.get("blind dashboard")
    if health.dashboard_status == "red" or not (blind or moved):
        return ""
    shown = [
        f"{plain(one.name)} since {day(one.opened, zone)} ({one.severity})"
        for one in moved[:_MOST_MOVED]
    ]
    more = len(moved) - len(shown)
    listed = ", ".join(shown) + (f" and {more} more" if more else "")
    if blind is None:
        return f"It shows nothing of what moved: {listed}"
    text = f"It has missed what goes on since {day(blind.opened, zone)}"
    return f"{text}: {listed}" if listed else text


def _findings(level: Level | None, *figures: str) -> str:
    """What stands in one kind of evidence; of `figures`, in this order, the first that does."""
    found = [finding for _, finding in level.findings] if level is not None else []
    for figure in figures:
        for one in found:
            if one.debt.endswith(f": {figure}"):
                return plain(one.evidence)
    return "" if figures or not found else plain(found[0].evidence)


def _by(due: datetime | None, zone: str) -> str:
    return "" if due is None else f", by {day(due, zone)}"

"""What nobody answers for: findings from what is declared of a model, and from what is not.

Pure functions of declarations and facts. A model that is in use (deployed or deprecated) owes an
evaluation set and assumptions that both teams confirmed; in the fleet, also a monitor, an owner
and a fresh verdict. A shadow owes none of it, and a retired model owes that nobody uses it.
Source of the severities: the project's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sparkdrift.health.findings import Finding, Severity
from sparkdrift.health.ledger import RETIRED
from sparkdrift.spec.assumptions import Assumptions, Confirmed, Stated
from sparkdrift.spec.model import IN_USE, Lifecycle, Stage
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.registry import DeclaredModel, WatchedModel
from sparkdrift.windows import local_midnight

NO_EVALUATION_SET = "no evaluation set"
UNDEFINED = "degraded is not defined"
UNCONFIRMED = "unconfirmed assumptions"
RETIRED_IN_USE = RETIRED
NO_MONITOR, NO_OWNER, NO_VERDICT = "no monitor", "no owner", "no fresh verdict"
UNSEEN = (NO_MONITOR, NO_VERDICT)
"""What leaves a model blind: nobody sees how it does."""
_MOST_NAMED = 5
_INSTANT = timedelta(microseconds=1)


def stage_of(spec: MonitorSpec, window_end: datetime) -> Stage:
    """The stage in which the model was in a window: that of the last local day before its end."""
    return spec.model.stage_at(_last_day(spec, window_end))


def _last_day(spec: MonitorSpec, window_end: datetime) -> date:
    # Not by the time of day: where clocks skip midnight, a day begins at one.
    return (window_end - _INSTANT).astimezone(ZoneInfo(spec.timestamp.zone)).date()


def ownership_findings(
    spec: MonitorSpec,
    window_start: datetime,
    window_end: datetime,
    *,
    rows: int | None,
    evaluation_sets: int | None,
) -> list[Finding]:
    """What is owed in a window by those who own the model.

    rows: of the window (None: not known). evaluation_sets: how many versions of evaluation sets
    are in force at its end; None where the store was not asked, and those that the spec declares
    count.
    """
    stage = stage_of(spec, window_end)
    begun = _begun(spec, window_start)
    if stage == "retired":
        return _scored_after(spec, window_start, rows)
    if stage not in IN_USE:
        return []
    declared = len(spec.evaluation.sets) if spec.evaluation else 0
    found = []
    if not (declared if evaluation_sets is None else evaluation_sets):
        text = f"the model is {stage} and has no evaluation set"
        text += ": declared, and never frozen" if declared else ""
        found.append(Finding(NO_EVALUATION_SET, "ownership", "major", window_start, begun, text))
    if spec.degraded is None:
        text = "nobody said in advance what degraded means for this model (`degraded`)"
        found.append(Finding(UNDEFINED, "ownership", "minor", window_start, begun, text))
    lacking = unconfirmed(spec.assumptions, _last_day(spec, window_end))
    if lacking:
        severity: Severity = "major" if any(one.high for one in lacking) else "minor"
        text = _told(lacking, spec.model)
        found.append(Finding(UNCONFIRMED, "ownership", severity, window_start, begun, text))
    return found


@dataclass(frozen=True)
class Unconfirmed:
    """An assumption that a team has not agreed to; `missing`: built_by, run_by. `high`: much
    hangs on it."""

    assumption: str
    missing: tuple[str, ...]
    high: bool


def unconfirmed(assumptions: Assumptions | None, at: date | None = None) -> list[Unconfirmed]:
    """The declared assumptions that not both teams had confirmed on that day; None: at any time.

    What is only learned is none.

    A confirmation of the section covers what has none of its own.
    """
    if assumptions is None:
        return []
    found = []
    for name, one in _declared(assumptions):
        confirmed = (one.confirmed if one else None) or assumptions.confirmed or Confirmed()
        days = {key: getattr(confirmed, key) for key in ("built_by", "run_by")}
        missing = [key for key, day in days.items() if day is None or (at and day > at)]
        sensitivity = (one.sensitivity if one else None) or assumptions.sensitivity
        if missing:
            found.append(Unconfirmed(name, tuple(missing), sensitivity == "high"))
    return found


def _declared(assumptions: Assumptions) -> Iterator[tuple[str, Stated | None]]:
    for name, assumed in assumptions.features.items():
        kinds = ("range", "domain", "not_null")
        given = [kind for kind in kinds if getattr(assumed, kind) not in (None, False)]
        if given:
            yield f"{', '.join(given)} of {name}", assumed
    for rule in assumptions.monotone:
        yield f"order of {rule.column}", rule
    for one, other in assumptions.independent:
        yield f"independence of {one} and {other}", None


def _told(lacking: Sequence[Unconfirmed], model: Lifecycle) -> str:
    shown = [one.assumption for one in lacking[:_MOST_NAMED]]
    more = len(lacking) - len(shown)
    listed = "; ".join(shown) + (f"; {more} more" if more else "")
    keys = sorted({key for one in lacking for key in one.missing})
    teams = " and ".join(getattr(model, key) or f"the team of {key}" for key in keys)
    return f"not confirmed by {teams}: {listed}"


def _scored_after(spec: MonitorSpec, start: datetime, rows: int | None) -> list[Finding]:
    retired = spec.model.retired_at
    if not rows or retired is None:
        return []
    if start < local_midnight(retired, spec.timestamp.zone):
        # Of a week or a month that it was retired in nobody knows when its rows were scored.
        return []
    text = f"the model is retired since {retired}, and {rows:,} rows of this window were scored"
    keys = (f"profiles: {start:%Y-%m-%d}",)
    return [Finding(RETIRED_IN_USE, "ownership", "critical", start, start, text, keys)]


def _begun(spec: MonitorSpec, start: datetime) -> datetime:
    """Since when the model owes what it owes: its deployment, where that is known."""
    deployed = spec.model.deployed_at
    return start if deployed is None else min(start, local_midnight(deployed, spec.timestamp.zone))


@dataclass(frozen=True)
class Watched:
    """What verdicts in a store say of a model. monitors: those that have one; stale: those of them
    whose newest one is out of date; owners: whoever answers for the newest ones."""

    monitors: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


def watched_models(rows: Iterable[Mapping[str, Any]]) -> dict[str, Watched]:
    """The same of each model, by rows of `read_fleet`."""
    return {
        str(row["model_id"]): Watched(
            tuple(row["monitors"] or ()),
            tuple(row["stale_monitors"] or ()),
            tuple(row["owners"] or ()),
        )
        for row in rows
    }


def fleet_findings(
    models: Mapping[str, DeclaredModel], watched: Mapping[str, Watched], at: datetime
) -> dict[str, list[Finding]]:
    """What each declared model owes that no monitor can tell, by model; the others are left out.

    watched: what a store knows of them. at: now; the day counts (UTC).
    """
    found: dict[str, list[Finding]] = {}
    for name, model in models.items():
        if model.stage_at(at.date()) not in IN_USE:
            continue
        owed = [
            Finding(debt, "ownership", severity, at, at, text)
            for debt, severity, text in _owed(model, watched.get(name, Watched()))
        ]
        if owed:
            found[name] = owed
    return found


def _owed(model: DeclaredModel, seen: Watched) -> Iterator[tuple[str, Severity, str]]:
    if isinstance(model, WatchedModel):
        if not seen.monitors:
            yield NO_VERDICT, "major", f"no verdict yet of: {', '.join(model.monitors)}"
    else:
        if not (model.owner or model.business_owner or seen.owners):
            yield NO_OWNER, "major", "nobody is declared who answers for it"
        silent = [one for one in model.monitors if one not in seen.monitors]
        if not seen.monitors and not model.monitors:
            yield NO_MONITOR, "critical", "no monitor watches it"
        elif silent:
            yield NO_MONITOR, "critical", f"declared, and without a verdict: {', '.join(silent)}"
    # Who sees no registry doesn't know whether one of several was dropped.
    if seen.stale and not (
        isinstance(model, WatchedModel) and len(seen.stale) < len(seen.monitors)
    ):
        yield NO_VERDICT, "major", f"out of date is the newest verdict of: {', '.join(seen.stale)}"


def unlisted_monitors(model: DeclaredModel | None, monitors: Iterable[str] | None) -> list[str]:
    """Those that a registry lists no more: renamed, or dropped. None where it lists none at all."""
    listed = model.monitors if model and not isinstance(model, WatchedModel) else ()
    return [one for one in monitors or () if listed and one not in listed]

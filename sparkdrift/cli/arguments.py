"""Arguments that need reading: spec files and folders, and points of event time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from sparkdrift.errors import UsageError, nearest

if TYPE_CHECKING:
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Options

STATUSES = (
    *("drifted", "warning", "insufficient_data", "no_reference"),
    *("undetermined", "schema_changed"),
)
# An alert that stands, by severity: each name covers the ones before it.
ALERTS = {
    "critical": ("critical",),
    "major": ("critical", "major"),
    "alert": ("critical", "major", "minor", "warning"),
}
VIOLATED = "violated"
EVALUATED = ("degraded", "stale", "blind")
"""What `eval` finds, and `run` as well, of which it is a part."""
ACCEPTED = (*STATUSES, *ALERTS, VIOLATED, *EVALUATED)


def spec_files(given: Sequence[Path]) -> list[Path]:
    """The files meant by SPEC...: a folder stands for every *.yml and *.yaml in it.

    Raises UsageError for a folder without any; a file that is missing is found out
    when it is loaded, so that the others still run.
    """
    files: list[Path] = []
    for path in given:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(p for p in path.iterdir() if p.suffix in (".yml", ".yaml") and p.is_file())
        if not inside:
            raise UsageError(
                f"the folder {path} holds no monitor spec; accepted is a file or a folder with "
                "*.yml in it; `sparkdrift init TABLE` drafts one"
            )
        files += inside
    return list(dict.fromkeys(files))


def point_of_time(option: str, text: str | None) -> date | datetime | None:
    """An ISO date or datetime, with or without an offset; raises UsageError."""
    if text is None:
        return None
    try:
        if len(text) == len("2025-01-31"):
            return date.fromisoformat(text)
        # Python 3.10 does not know the Z of ISO 8601.
        return datetime.fromisoformat(text.removesuffix("Z") + "+00:00" * text.endswith("Z"))
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is no time; accepted is 2025-01-31 or 2025-01-31T06:00 in the "
            "monitor's zone, or with an offset such as 2025-01-31T06:00+01:00"
        ) from None


def interval(
    begin: str | None, end: str | None
) -> tuple[date | datetime | None, date | datetime | None]:
    """--begin and --end as points of time; raises UsageError where the first is surely later.

    A local time and one with an offset can be compared in a monitor's zone only: `options_for`.
    """
    first, last = point_of_time("--begin", begin), point_of_time("--end", end)
    if first is not None and last is not None:
        one, other = _beginning(first), _beginning(last)
        if (one.tzinfo is None) == (other.tzinfo is None) and one >= other:
            raise UsageError(f"--begin {begin} is not before --end {end}")
    return first, last


def _beginning(given: date | datetime) -> datetime:
    return given if isinstance(given, datetime) else datetime.combine(given, time())


def options_for(
    spec: MonitorSpec,
    as_of: date | datetime | None,
    begin: date | datetime | None,
    end: date | datetime | None,
) -> Options:
    """The times of the command line as instants, in the zone of `spec`."""
    from sparkdrift.steps.context import options_for as of_times

    return of_times(spec, as_of, begin, end)


@dataclass(frozen=True)
class FailOn:
    """What --fail-on names: statuses of windows, severities of alerts that stand, whether
    assumptions that are violated count, and words of EVALUATED."""

    statuses: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    violated: bool = False
    evaluated: tuple[str, ...] = ()


def fail_on(given: Sequence[str]) -> FailOn:
    """What the words of --fail-on cover; `warning` covers `drifted`, which is worse. UsageError."""
    for word in given:
        if word not in ACCEPTED:
            close = nearest(word, ACCEPTED)
            hint = f"; did you mean {close!r}?" if close else ""
            raise UsageError(
                f"--fail-on {word!r} does not exist; accepted: {', '.join(ACCEPTED)}{hint}"
            )
    named = [word for word in given if word in STATUSES]
    return FailOn(
        frozenset([*named, *(["drifted"] if "warning" in named else [])]),
        frozenset(severity for word in given for severity in ALERTS.get(word, ())),
        VIOLATED in given,
        tuple(dict.fromkeys(word for word in given if word in EVALUATED)),
    )

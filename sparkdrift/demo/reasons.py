"""What is behind each alert of a demo: one reason per column, slice and run of alerting windows.

What the page above them says comes from the tables alone; this is what it is held against:
`planted.py` knows what was planted in the credit log, `year.py` what is known of 2013.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from sparkdrift.explain.signals import WHOLE

Row = Mapping[str, Any]
Held = Literal["planted", "known", "by consequence", "not planted", "not known", "not found"]

# What most of a run's windows show is what has to be accounted for, not what one of them adds.
_MOST: Final = 0.5
KINDS: Final = ("moved", "silent", "fresh", "outside")


@dataclass(frozen=True)
class Reason:
    """One run of alerting windows, and what is behind it.

    since None: something was planted that raised no alert. until: the first day after it; None:
    it stands at the end. windows: those that alerted while it stood. `figures` belong to this
    run, `why` to all that have the same reason.
    """

    column_name: str
    slice_key: str
    slice_value: str | None
    since: date | None
    until: date | None
    windows: int
    shows: str
    held: Held
    why: str
    figures: str = ""

    @property
    def whole(self) -> bool:
        return self.slice_key == WHOLE


@dataclass(frozen=True)
class Alert:
    """An alert as the overview tells it, in days of the monitor's zone.

    `last`: its last day. `found`: of `windows`, how many show each of KINDS. `shift`: their mean,
    None for categories. `fresh`: the new categories. `gains`: by bin or category, by how much its
    share grew. `parts`: of ':inputs', by feature its part of the shift, the largest first.
    """

    column_name: str
    slice_key: str
    slice_value: str | None
    since: date
    last: date
    stands: bool
    windows: int
    found: Mapping[str, int]
    shift: float | None
    fresh: tuple[str, ...]
    gains: Mapping[str, float]
    parts: Mapping[str, float]
    reason: str

    @property
    def of(self) -> tuple[str, str | None]:
        return self.slice_key, self.slice_value

    def shows(self, kind: str) -> bool:
        """Whether any of its windows does."""
        return self.found[kind] > 0

    @property
    def mainly(self) -> tuple[str, ...]:
        """What at least half of its windows show."""
        return tuple(kind for kind in KINDS if self.found[kind] >= max(_MOST * self.windows, 1))

    def moved(self, sign: int) -> bool:
        """Whether the values went that way on average: 1 up, -1 down."""
        return self.shift is not None and self.shift * sign > 0

    def overlaps(self, other: Alert) -> bool:
        return self.since <= other.last and other.since <= self.last

    def because(self, held: Held, why: str, figures: str = "") -> Reason:
        until = None if self.stands else self.last + timedelta(days=1)
        return Reason(self.column_name, *self.of, self.since, until, self.windows, self.reason,
                      held, why, figures)  # fmt: skip


def alerts_of(rows: Sequence[Row], zone: str) -> list[Alert]:
    """`rows`: the overview's alerts. One stands still where none ends later."""
    end = max((row["until"] for row in rows), default=None)
    return [
        Alert(
            column_name=row["column_name"],
            slice_key=row["slice_key"],
            slice_value=row["slice_value"],
            since=day_of(row["since"], zone),
            last=day_of(row["until"] - timedelta(microseconds=1), zone),
            stands=row["until"] == end,
            windows=row["windows"],
            found={kind: row[kind] for kind in KINDS},
            shift=row["shift"],
            fresh=tuple(one["item"] for one in row["new_categories"] or []),
            gains={
                one["item"]: one["share"] - one["reference"]
                for one in row["carriers"] or []
                # Features that carry ':inputs' have no share to begin with.
                if one["share"] is not None and one["reference"] is not None
            },
            parts={
                one["item"]: one["share"]
                for one in row["carriers"] or []
                if one["share"] is not None and one["reference"] is None
            },
            reason=row["reason"] or "",
        )
        for row in rows
    ]


def day_of(instant: datetime, zone: str) -> date:
    """The day of an instant in the monitor's zone."""
    return instant.astimezone(ZoneInfo(zone)).date()

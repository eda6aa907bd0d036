"""What stands against a model at the end of one window, wherever it was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["data", "feature", "evaluation", "feedback", "ownership"]
Severity = Literal["minor", "major", "critical"]

KINDS: tuple[Kind, ...] = ("data", "feature", "evaluation", "feedback", "ownership")
SEVERITIES: tuple[Severity, ...] = ("minor", "major", "critical")
"""From the least to the worst."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Evidence of one debt in one window.

    debt: its id, the same in every window in which it stands, such as 'drift of amount'.
    window_start: the window it was found in; since: the first of those in a row (both aware).
    evidence: in words, with figures. rows: the keys of the rows it rests on, such as
    "drift: amount, baseline, 2025-06-01"; empty for what is declared and not measured.
    loss: estimated loss per window in the unit of the degraded metric, cost: the same in business
    units; None where it is not known, which is not zero. sliced: found in slices alone. booked:
    told by events alone, as it stands. comparisons: by which it was found, where it is one of
    several. owner: whose work it is; None: that of whoever owns the model. figure: what tells how
    large it is, in `unit` ('' for its own); None: words alone do. Told anew from rows each time,
    and kept nowhere.
    """

    debt: str
    kind: Kind
    severity: Severity
    window_start: datetime
    since: datetime
    evidence: str
    rows: tuple[str, ...] = ()
    loss: float | None = None
    cost: float | None = None
    owner: str | None = None
    sliced: bool = False
    booked: bool = False
    comparisons: tuple[str, ...] = ()
    figure: float | None = None
    unit: str = ""

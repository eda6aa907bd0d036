"""What is told of the versions of a reference, and of what was decided of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sparkdrift.api.results import Shown
from sparkdrift.api.tables import Rows

if TYPE_CHECKING:
    from sparkdrift.steps.snapshot import Frozen as Made


@dataclass(frozen=True)
class Frozen(Shown):
    """A version that was frozen. state: active or candidate; blocked: why the gate held it back."""

    monitor: str
    version: int
    rows: int
    digest: str
    state: str
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Version(Shown):
    """One version: its facts, what happened to it, and what the gate found of it."""

    monitor: str
    version: int
    facts: Mapping[str, Any]
    events: Rows
    checks: Rows


@dataclass(frozen=True)
class Difference(Shown):
    """Two versions, feature by feature; and columns that one of them alone has."""

    monitor: str
    earlier: int
    later: int
    features: Rows
    only_in_earlier: tuple[str, ...]
    only_in_later: tuple[str, ...]


@dataclass(frozen=True)
class Decision(Shown):
    """What was decided of a version. gate: what it said, None: it was not asked."""

    monitor: str
    role: str
    name: str
    version: int
    action: str
    seq: int
    by: str
    reason: str
    effective_from: datetime
    gate: str | None


@dataclass(frozen=True)
class Exported(Shown):
    """A file that holds one version."""

    monitor: str
    version: int
    rows: int
    file: str
    sha256: str


@dataclass(frozen=True)
class Imported(Shown):
    """The version that holds what a file holds; made: now, else it was there already."""

    monitor: str
    version: int
    made: bool
    rows: int
    origin: str
    other_definition: bool


def frozen_of(monitor: str, done: Made) -> Frozen:
    """What a snapshot left, which always makes a version."""
    made, event = done.forced
    state = "candidate" if event.action == "propose" else "active"
    return Frozen(monitor, made.version, made.rows, made.digest, state, tuple(done.blocked))

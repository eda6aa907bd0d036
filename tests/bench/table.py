"""What a case found, and the one table that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measured:
    """One line: our seconds, beside a floor (the least possible) or a peer (another way).

    ratio: ours / floor, or ours / peer where there is no floor. `note` says what else
    was measured, and `target` what was asked for; a bench asserts nothing. A line without
    seconds has its figure in the note. `figures` are for programs: they stand in the JSON only.
    """

    case: str
    ours_s: float | None = None
    floor_s: float | None = None
    peer: str = ""
    peer_s: float | None = None
    target: str = ""
    note: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        other = self.floor_s if self.floor_s is not None else self.peer_s
        return None if not other or self.ours_s is None else self.ours_s / other

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}


HEADINGS = ("case", "ours_s", "floor_s", "peer", "peer_s", "ratio", "target", "note")
_RIGHT = frozenset(["ours_s", "floor_s", "peer_s", "ratio"])


def render(rows: Sequence[Measured]) -> str:
    """The table as text, one line per row."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if name in _RIGHT else cell.ljust(width)
            for name, cell, width in zip(HEADINGS, line, widths, strict=True)
        ).rstrip()
        for line in cells
    )


def _cells(row: Measured) -> tuple[str, ...]:
    return (
        row.case,
        *(_number(value) for value in (row.ours_s, row.floor_s)),
        row.peer,
        *(_number(value) for value in (row.peer_s, row.ratio)),
        row.target,
        row.note,
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"

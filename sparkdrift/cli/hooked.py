"""What became of the hooks of a verdict: facts for --json, and remarks for those that failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparkdrift.steps.triggers import Triggered


def hook_facts(told: Sequence[Triggered]) -> dict[str, Any]:
    """How each hook ended that was due; nothing where none was."""
    if not told:
        return {}
    return {
        "hooks": [
            {
                "hook": one.hook,
                "verdict": one.verdict,
                "status": one.status,
                "detail": one.detail,
            }
            for one in told
        ]
    }


def hook_remarks(told: Sequence[Triggered]) -> list[str]:
    """What the person at the terminal is to know: a failed hook changes no exit code."""
    return [one.remark for one in told if one.status == "failed"]

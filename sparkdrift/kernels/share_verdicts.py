"""What the tests of shares say of a window: which alert, which moved unsurely, which are blind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sparkdrift.explain.signals import range_side
from sparkdrift.explain.told_shares import CHANGED
from sparkdrift.kernels.words import EVERY
from sparkdrift.measures.evidence import FAMILY_LEVEL, LEAST_POWER, MATERIAL_LEVEL

# A limit of 0 would make any change infinitely large.
LARGEST_MAGNITUDE = 1000.0
# One row that is NULL is unusual, and no sign of what the window's other rows would be like.
LEAST_ROWS = 30
_SINGLE = "there is one single value, as in none of the reference's windows"
_NEVER = "no window of the reference was one single value"
_MISSING = ("null", "nan", "infinite")


def multiple(size: float, limit: float) -> float:
    """`size` in multiples of its limit, at most LARGEST_MAGNITUDE."""
    return min(size / limit, LARGEST_MAGNITUDE) if limit > 0 else LARGEST_MAGNITUDE


def share_alerts(
    row: Mapping[str, Any], tests: Sequence[ShareTest], limits: Mapping[str, float]
) -> list[tuple[str, float, str]]:
    """(test, multiple of its limit, what to say) of each share that changed materially."""
    found = []
    for one in tests:
        if not one.alerts:
            continue
        name, size = one.name, multiple(abs(one.delta), limits[one.name])
        points = f"{100 * one.delta:+.1f} points"
        text = f"{CHANGED.get(name, name)} changed by {points}"
        if name == "range":
            text += f", {range_side(row)}"
        if name.startswith("rare_") and row["moved"]:
            text += f": {row['moved']}"
        if name.startswith("single_"):
            # Whatever its limit: a feature of one value says nothing any more.
            # Which value it is has been told where `moved` says so.
            told = (row["moved"] or "").startswith(EVERY)
            text, size = _NEVER if told else _SINGLE, max(size, 1.0)
        if name == "grown_category":
            text = f"{row['grown']!r} grew by {points} or more"
        if name == "new":
            listed = ", ".join(repr(new["item"]) for new in (row["new_categories"] or [])[:3])
            text = f"new categories {listed}: {100 * row['new_category_share']:.1f} % of the rows"
        if row["silent"] and name in _MISSING:
            # However many values were missing before, none at all is beyond any limit.
            text, size = f"no value is left: {text}", max(size, 1.0)
        found.append((name, size, text))
    return found


@dataclass(frozen=True)
class Unsure:
    """A share that moved beyond its limit, which its test does not hold to be certain."""

    name: str
    delta: float
    unusual: bool
    text: str


def unsure_shares(
    row: Mapping[str, Any], tests: Sequence[ShareTest], limits: Mapping[str, float]
) -> list[Unsure]:
    """The shares that moved beyond their limit and don't alert; of LEAST_ROWS, `unusual` or not."""
    enough = (row["row_count"] or 0) >= LEAST_ROWS
    found = []
    for one in tests:
        limit = limits[one.name]
        # The largest of many categories, or one value in few rows, moves beyond it by chance.
        if one.alerts or not abs(one.delta) > limit or one.name not in CHANGED:
            continue
        moved = f"{CHANGED[one.name]} changed by {100 * one.delta:+.1f} points"
        beyond = f"{moved}, beyond the limit of {100 * limit:g}"
        if one.unusual and enough:
            text = f"{beyond}, but not surely"
        elif one.wander > 0:
            varies = f"it varies by {100 * one.wander:.1f} (sd) between windows anyway"
            text = f"{beyond}, which can't be told from what is usual: {varies}"
        else:
            text = f"{beyond}, which can't be told from chance: too few rows here or there"
        found.append(Unsure(one.name, one.delta, one.unusual and enough, text))
    return found


def blind_share(row: Mapping[str, Any], limits: Mapping[str, float]) -> str | None:
    """Why a change of a share by twice its limit could have been missed; None if it could not."""
    tests = zip(
        row["test_names"] or [], row["test_power"] or [], row["test_wander"] or [], strict=True
    )
    for name, power, wander in tests:
        if power is None or not power < LEAST_POWER:
            continue
        why = "too few rows"
        if wander > 0:
            why += f", or too much usual variation ({100 * wander:.1f} points, sd)"
        return (
            f"{why}: {CHANGED[name]} changed by twice its limit of {100 * limits[name]:g} points "
            f"would be noticed {100 * power:.0f} % of the time, {100 * LEAST_POWER:.0f} % is wanted"
        )
    return None


@dataclass(frozen=True)
class ShareTest:
    """The test of one share of a row."""

    name: str
    delta: float
    unusual: bool
    alerts: bool
    wander: float


def share_tests(row: Mapping[str, Any], share_q: Sequence[float]) -> list[ShareTest]:
    """The tests of one row that were made; a share that is the same on both sides is none.

    share_q: their q-values, NaN where a test was not made.
    """
    tests = zip(
        row["test_names"] or [],
        row["test_deltas"] or [],
        row["test_material"] or [],
        row["test_wander"] or [],
        share_q,
        strict=True,
    )
    found = []
    for name, delta, material, wander, q in tests:
        if material is None:
            continue
        unusual = q <= FAMILY_LEVEL
        found.append(ShareTest(name, delta, unusual, unusual and material < MATERIAL_LEVEL, wander))
    return found

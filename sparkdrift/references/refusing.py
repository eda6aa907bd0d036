"""What may not happen to a version of a reference: said before it is written, with a next step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from sparkdrift.errors import SnapshotError, nearest
from sparkdrift.references.life import (
    ERASURE,
    IN_FORCE,
    NOTED,
    PUTTING,
    Event,
    Name,
    State,
    ordered,
    stand_ins,
    states,
    terms,
)

_FROM: Mapping[str, tuple[State, ...]] = {
    "activate": ("candidate", "retired"),
    "force": ("candidate", "retired"),
    "retire": ("candidate",),
    "reject": ("candidate", "retired"),
}
_NAMED = 5


def require(
    action: str, version: int, events: Sequence[Event], versions: Collection[int], name: Name
) -> None:
    """Raise SnapshotError, with what is accepted and the next step, where it makes no sense."""
    found = states(events, versions)
    if version not in found:
        raise SnapshotError(
            f"{name}: there is no version {version}; stored: {_numbers(found)}. "
            "`sparkdrift reference list SPEC` shows them"
        )
    state = found[version]
    if state in _FROM[action]:
        return
    verb = {"activate": "promoted", "force": "promoted", "retire": "retired"}.get(
        action, "rejected"
    )
    accepted = [one for one, own in found.items() if own in _FROM[action]]
    deciding = (one for one in reversed(ordered(events)) if one.action not in NOTED)
    last = next((one for one in deciding if one.version == version), None)
    why = f"{name}: version {version} can't be {verb}: it is {_told(state, last)}"
    if state in IN_FORCE:
        step = (
            "it is in force already"
            if action in PUTTING
            else "promote another version first, or `sparkdrift reference rollback SPEC`"
        )
    elif state == "erased":
        step = "its rows are gone: freeze another with `sparkdrift snapshot SPEC`"
    elif state == "rejected":
        step = "a rejected version stays rejected: freeze another with `sparkdrift snapshot SPEC`"
    else:
        step = "nothing is to be done"
    raise SnapshotError(f"{why}. Accepted: {_numbers(accepted)}; {step}")


def require_one_before(events: Sequence[Event], back: int, name: Name) -> None:
    """Raise SnapshotError where the version in force took the place of several, being put in force
    for the past: `back`, from its start on, would not be what was before. Who goes back has to say
    from when on.
    """
    known = ordered(events)
    put = [one for one in known if one.action in PUTTING and one.gate != ERASURE]
    present = terms(known)[-1:]
    if not put or not present:
        return
    (now,) = present
    earlier = terms(one for one in known if one.seq < put[-1].seq)
    # There is no way back to one that was erased: to what stands in for it there is.
    instead = stand_ins(known)
    replaced = [
        replace(one, version=instead.get(one.version, one.version))
        for one in earlier
        if one.end is None or one.end > now.start
    ]
    if len({one.version for one in replaced}) < 2:
        return
    parts = ", ".join(f"version {one.version} from {one.start:%Y-%m-%d %H:%M}" for one in replaced)
    first = f"{replaced[0].version} --effective-from {now.start:%Y-%m-%dT%H:%M}Z"
    raise SnapshotError(
        f"{name}: version {now.version} is in force from {now.start:%Y-%m-%d %H:%M} UTC on, where "
        f"several were before: {parts} UTC. Say from when on version {back} is to be in force, "
        f"with --effective-from; to have all of it back, go back to each, oldest first: "
        f"`sparkdrift reference rollback SPEC {first}`"
    )


def require_name(asked: Name, known: Collection[Name]) -> None:
    """Raise SnapshotError, with the nearest name, where a monitor has no such reference."""
    if asked in known:
        return
    same = sorted(one.name for one in known if one.role == asked.role)
    close = nearest(asked.name, same)
    others = ", ".join(sorted(f"{one.name} ({one.role})" for one in known))
    raise SnapshotError(
        f"there is no {asked}; stored: {others or 'none'}"
        + (f"; did you mean {close!r}?" if close else ".")
        + " `sparkdrift run SPEC` or `sparkdrift snapshot SPEC` freezes one"
    )


def _told(state: State, last: Event | None) -> str:
    if last is None:
        return state
    who = f" by {last.by}" if last.by else ""
    when = f" on {last.at:%Y-%m-%d}" if last.at else ""
    return f"{state} ({last.action}{who}{when}{': ' + last.reason if last.reason else ''})"


def _numbers(versions: Iterable[int]) -> str:
    """'1, 3, 4'; of many the newest."""
    found = sorted(versions)
    if len(found) > 2 * _NAMED:
        return f"{found[0]}, ..., " + ", ".join(map(str, found[-_NAMED:]))
    return ", ".join(map(str, found)) or "none"

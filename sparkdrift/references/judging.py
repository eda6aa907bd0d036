"""By which references windows were judged, and for which one was in force, as events say.

Verdicts are pruned and erased, events are not: what is no longer known from rows counts as if it
had happened, so that nothing begins anew because something was deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sparkdrift.references.life import PUTTING, Event, Name, Stretch, covering, erased, terms


def judging(
    events: Mapping[Name, Collection[Event]], told: Collection[str], gone: Stretch | None
) -> set[Name]:
    """The references that windows were judged by, or may have been.

    told: names that rows of `drift` have. gone: the interval whose windows were pruned, and their
    rows of `drift` with them; None: none ever. A reference that was in force there may have judged
    them, and one of which a version that was in force was erased, whose verdicts went with it.
    """
    return {
        name
        for name, own in events.items()
        if name.name in told or _judged_what_is_gone(own, gone) or _lost_verdicts(own)
    }


def _judged_what_is_gone(events: Collection[Event], gone: Stretch | None) -> bool:
    return gone is not None and any(
        (gone.end is None or term.start < gone.end) and (term.end is None or gone.start < term.end)
        for term in terms(events)
    )


def _lost_verdicts(events: Collection[Event]) -> bool:
    put = {event.version for event in events if event.action in PUTTING}
    return bool(put & erased(events))


def due(events: Iterable[Collection[Event]], windows: Iterable[datetime]) -> set[datetime]:
    """Starts of those windows for which any of these references had a version in force."""
    found = [terms(own) for own in events]
    return {start for start in windows if any(covering(own, start) for own in found)}


def able(events: Iterable[Collection[Event]], windows: Iterable[datetime]) -> set[datetime]:
    """Those of them that can still be judged: a version in force for them has its rows."""
    left = [[one for one in terms(own) if one.version not in erased(own)] for own in events]
    return {start for start in windows if any(covering(own, start) for own in left)}

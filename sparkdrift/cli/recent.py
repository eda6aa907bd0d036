"""Whether a run will find anything to do, guessed from times of files before Java starts.

A Java that never optimises its code starts a run with nothing to do three seconds sooner, and
takes half as long again for real work. Only speed hangs on the guess: what is due is decided
from the tables themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sparkdrift.store import Store

if TYPE_CHECKING:
    from sparkdrift.spec.models import MonitorSpec

_LOG = "_delta_log"


def nothing_new(store: Store, specs: Iterable[tuple[Path, MonitorSpec]]) -> bool:
    """Whether no spec and no source changed on this disk after the last run was recorded.

    False where that can't be seen: a catalog, an object store, a table that is known by name.
    """
    if store.local is None:
        return False
    recorded = _newest_commit(store.local / "runs")
    if recorded is None:
        return False
    for file, spec in specs:
        changed = [_newest_commit(Path(spec.source.path)) if spec.source.path else None]
        changed.append(_modified(file))
        if any(one is None or one >= recorded for one in changed):
            return False
    return True


def _newest_commit(table: Path) -> float | None:
    """When a Delta table on this disk was last written to, in seconds since 1970; None: unknown."""
    times = [_modified(file) for file in (table / _LOG).glob("*.json")]
    return max((one for one in times if one is not None), default=None)


def _modified(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except OSError:
        return None

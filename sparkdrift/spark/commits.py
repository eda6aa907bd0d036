"""Every change of a store passes here, so that each is tried again on a lost race alike, and so
that tests can end the process at any of them.

Points are passed before and after a change, called `before replace drift`, `after insert runs`.
Nothing happens at one unless somebody watches, which no option and no variable of the environment
brings about.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sparkdrift.spark.failures import FAILURES, condition, reason

_ATTEMPTS = 6
# Conditions of Delta's optimistic concurrency control: somebody else committed first.
_CONCURRENT = (
    "DELTA_CONCURRENT",
    "DELTA_METADATA_CHANGED",
    "DELTA_PROTOCOL_CHANGED",
    "ConcurrentModificationException",
    "ConcurrentAppendException",
    "ConcurrentDeleteReadException",
    "ConcurrentDeleteDeleteException",
    "ConcurrentTransactionException",
    "MetadataChangedException",
    "ProtocolChangedException",
    "ConcurrentWriteException",
)

Answer = TypeVar("Answer")
Watcher = Callable[[str], None]

_watchers: list[Watcher] = []


def committed(change: str, table: str, work: Callable[[], Answer]) -> Answer:
    """Do `work`, which makes this change of this table in one commit; again where somebody else
    committed first, up to six times. Raises what `work` raises."""
    for attempt in range(1, _ATTEMPTS + 1):
        passed(f"before {change} {table}")
        try:
            answer = work()
            passed(f"after {change} {table}")
            return answer
        except FAILURES as error:
            if attempt == _ATTEMPTS or not _lost_race(error):
                raise
            # Full jitter, so that two drivers that collided do not collide again.
            time.sleep(random.uniform(0, 0.2 * 2**attempt))  # noqa: S311 - not a secret
    raise AssertionError("the last attempt returned or raised")  # pragma: no cover


def passed(point: str) -> None:
    """Tell whoever watches that the process is at this point."""
    for watcher in _watchers:
        watcher(point)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """For tests: `watcher` is called at every point meanwhile, and may raise anything there."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def _lost_race(error: Exception) -> bool:
    text = f"{condition(error)} {reason(error)}"
    return any(name in text for name in _CONCURRENT)

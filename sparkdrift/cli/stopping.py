"""Being stopped from outside: a scheduler's SIGTERM ends a command as Ctrl-C does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

INTERRUPTED = 130
TERMINATED = 143
# Seconds that Java has to take the running jobs back.
_PATIENCE = 10


class Terminated(KeyboardInterrupt):
    """SIGTERM came; like Ctrl-C, nothing that handles ordinary errors holds it up."""


@contextmanager
def terminable() -> Iterator[None]:
    """Raise Terminated in the block when SIGTERM comes.

    Nothing changes where the process handles or ignores SIGTERM already, and outside the main
    thread, where Python can't.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def stopped(stop: KeyboardInterrupt) -> tuple[str, int]:
    """What to say of the end, and the exit code: 128 and the signal's number, as shells have it."""
    by, code = (" by SIGTERM", TERMINATED) if isinstance(stop, Terminated) else ("", INTERRUPTED)
    return f"interrupted{by}: what is committed stays; the same command goes on from there", code


def _terminate(number: int, frame: FrameType | None) -> None:
    # Of a classic session, pyspark's own handler of Ctrl-C takes the running jobs back first:
    # they would keep the step's last row in `runs` waiting. It is called in a thread, which has
    # its own connection to Java: that of this one may be in the middle of an answer.
    interrupt = signal.getsignal(signal.SIGINT)
    if callable(interrupt):
        asking = threading.Thread(target=_ask, args=(interrupt, frame), daemon=True)
        asking.start()
        asking.join(_PATIENCE)
    raise Terminated


def _ask(interrupt: Callable[[int, FrameType | None], object], frame: FrameType | None) -> None:
    with suppress(Exception, KeyboardInterrupt):
        interrupt(signal.SIGINT, frame)

"""Being stopped from outside, by Ctrl-C or by a scheduler's SIGTERM: both end a command alike."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePath
from types import FrameType
from typing import Any

INTERRUPTED = 130
TERMINATED = 143
# Seconds that Java has to take the running jobs back.
_PATIENCE = 10
# The module of the handler of Ctrl-C that a classic session installs.
_PYSPARK = "pyspark.core.context"
_AT_ONCE = b"interrupted again: ended at once; what is committed stays\n"
# A bar hides the cursor and owns its line.
_FREE_LINE = b"\x1b[?25h\r\x1b[K"


class Terminated(KeyboardInterrupt):
    """SIGTERM came; like Ctrl-C, nothing that handles ordinary errors holds it up."""


class _Stop:
    """Answers both signals: takes the running jobs back, then raises; a second Ctrl-C ends all.

    `interrupt` is what answered Ctrl-C before: of a classic session pyspark's handler, which
    takes the jobs back; they would keep the step's last row in `runs` waiting.
    """

    def __init__(self, interrupt: Any) -> None:
        self._interrupt = interrupt
        self._asked: int | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._asked is not None:
            if number == signal.SIGTERM == self._asked:
                return  # `timeout` and some schedulers send it to the process and to its group
            _end(number)
        self._asked = number
        if callable(self._interrupt) and self._interrupt is not signal.default_int_handler:
            # In a thread, which has its own connection to Java: that of this one may be in the
            # middle of an answer.
            asking = threading.Thread(target=_ask, args=(self._interrupt, frame), daemon=True)
            asking.start()
            asking.join(_PATIENCE)
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block when Ctrl-C comes, Terminated when SIGTERM does.

    Needed once around a command, and again where a session has started, which brings a handler
    of Ctrl-C that talks to Java over a connection that is in use. Nothing changes where the
    process handles or ignores a signal by itself, and outside the main thread, where Python
    can't.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    stop = _Stop(before[signal.SIGINT])
    ours = [one for one, handler in before.items() if _replaceable(handler)]
    for one in ours:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one in ours:
            # A session that started in the block and goes on keeps its handler.
            if signal.getsignal(one) is stop:
                signal.signal(one, before[one])


def stopped(stop: KeyboardInterrupt) -> tuple[str, int]:
    """What to say of the end, and the exit code: 128 and the signal's number, as shells have it."""
    by, code = (" by SIGTERM", TERMINATED) if isinstance(stop, Terminated) else ("", INTERRUPTED)
    return f"interrupted{by}: what is committed stays; the same command goes on from there", code


def quieten_py4j() -> None:
    """Drop what Py4J writes to the root logger of each call that a stop breaks off."""
    logging.getLogger().addFilter(_not_py4j)


def _not_py4j(record: logging.LogRecord) -> bool:
    return "py4j" not in PurePath(record.pathname).parts


def _replaceable(handler: Any) -> bool:
    return (
        handler in (signal.SIG_DFL, signal.default_int_handler)
        or isinstance(handler, _Stop)
        or getattr(handler, "__module__", None) == _PYSPARK
    )


def _ask(interrupt: Callable[[int, FrameType | None], object], frame: FrameType | None) -> None:
    with suppress(Exception, KeyboardInterrupt):
        interrupt(signal.SIGINT, frame)


def _end(number: int) -> None:
    """End the process without unwinding, which may be waiting for Java; that ends with it."""
    with suppress(OSError):
        os.write(2, (_FREE_LINE if os.isatty(2) else b"") + _AT_ONCE)
    os._exit(128 + number)

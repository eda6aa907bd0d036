"""A driver process that kills itself and its JVM in the middle of its work, as `kill -9` does.

    python driver.py WHEN CHANGE MILLISECONDS -- ARGUMENTS

WHEN is before or after; CHANGE the number of the change of the store, from 0; with MILLISECONDS the
end comes so long after that point, in the middle of whatever goes on then. ARGUMENTS are those of
the command line.
"""

from __future__ import annotations

import os
import signal
import sys
import threading


def end() -> None:
    # The JVM is a child, and would go on for a while.
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(when: str, change: int, milliseconds: int, arguments: list[str]) -> int:
    from sparkdrift.cli.app import main as command
    from sparkdrift.spark.commits import watched

    passed = 0

    def watcher(point: str) -> None:
        nonlocal passed
        if point.split()[0] != when:
            return
        passed += 1
        if passed == change + 1:
            if not milliseconds:
                end()
            threading.Timer(milliseconds / 1000, end).start()

    with watched(watcher):
        return command(arguments)


if __name__ == "__main__":
    _, name, number, delay, _, *rest = sys.argv
    sys.exit(main(name, int(number), int(delay), rest))

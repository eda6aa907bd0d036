"""The end of a driver process and its JVM by SIGKILL, and what must be true after another run."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from comparing import doubled, figures, unlike
from crashes import attempt
from world import WHOLE, World

from sparkdrift.store import locked

DRIVER = Path(__file__).with_name("driver.py")
LONGEST = 3000
"""Milliseconds after a point at which the end comes: a change takes less, the run more."""


@dataclass(frozen=True)
class Kill:
    """The end comes so many milliseconds after a point of a whole run."""

    when: str
    change: int
    milliseconds: int

    @property
    def what(self) -> str:
        return "a run by the command line"

    @property
    def kind(self) -> str:
        return "in a write" if self.milliseconds else "at a point"

    def __str__(self) -> str:
        return f"{self.milliseconds} ms after the point {self.when} change {self.change}"


def kills(world: World, seed: int) -> Iterator[Kill]:
    """Without end, at random changes; every other one right at the point."""
    rng, made = random.Random(f"{seed} kills"), world.made[WHOLE.name]
    while True:
        for when in ("before", "after"):
            yield Kill(when, rng.randrange(len(made)), 0)
            yield Kill(when, rng.randrange(len(made)), rng.randrange(1, LONGEST))


def killed(world: World, kill: Kill) -> list[str]:
    """What differs from the store that nothing interrupted, after another run."""
    store = world.copied(world.before(WHOLE))
    arguments = ["run", str(world.spec_file(WHOLE)), "--store", str(store)]
    end = [kill.when, str(kill.change), str(kill.milliseconds)]
    ended = subprocess.run(
        [sys.executable, str(DRIVER), *end, "--", *arguments],
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )
    lost = doubled(store)
    # A run may be over before the end comes.
    if ended.returncode not in (-signal.SIGKILL, 0):
        lost.append(f"exit {ended.returncode}: {ended.stderr[-500:]}")
    # The lock of the dead process holds nobody up.
    with locked(store, wait=1.0):
        last = attempt(world, store, WHOLE, "again")
    lost += [f"the run after it {last}"] if last else []
    # A session of another size adds up in another order; the command line fires hooks as well.
    lost += unlike(store, world.after(WHOLE), ("triggers",), figures)
    lost += doubled(store)
    world.dropped(store)
    return lost

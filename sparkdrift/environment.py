"""Variables of the environment that a spec names. Their values stand in no spec, row or message."""

from __future__ import annotations

import os


def variable(name: str) -> str | None:
    """The value of the variable `name`; None where it is not set."""
    return os.environ.get(name)

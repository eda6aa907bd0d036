"""Values that a spec hides, as they stand in stored rows: tokens (`spec.privacy` makes them)."""

from __future__ import annotations

import re

_WITHHELD = "withheld:"
_TOKEN = re.compile(r"(hashed|withheld):[0-9a-f]{16}")
# As a value stands in a sentence: with the quotes around it, too.
_IN_TEXT = re.compile(r"'withheld:[0-9a-f]{16}'|\bwithheld:[0-9a-f]{16}\b")
INSTEAD = "(withheld)"


def is_token(value: str) -> bool:
    """Whether a stored value stands for one that is hidden."""
    return _TOKEN.fullmatch(value) is not None


def is_withheld(value: str) -> bool:
    """Whether it is a token that nobody is shown."""
    return value.startswith(_WITHHELD) and is_token(value)


def without_withheld(text: str) -> str:
    """`text` with `(withheld)` in place of the tokens that nobody is shown."""
    return _IN_TEXT.sub(INSTEAD, text) if _WITHHELD in text else text

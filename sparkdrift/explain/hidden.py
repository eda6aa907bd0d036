"""Values that a spec hides, as they stand in stored rows: tokens (`spec.privacy` makes them)."""

from __future__ import annotations

import re

DIGITS = 16
"""Of a token, hexadecimal: among a million values two are alike once in 37 million monitors."""
_WITHHELD = "withheld:"
_OF_TOKEN = f"[0-9a-f]{{{DIGITS}}}"
_TOKEN = re.compile(f"(hashed|withheld):{_OF_TOKEN}")
# As a value stands in a sentence: with the quotes around it, too.
_IN_TEXT = re.compile(rf"'{_WITHHELD}{_OF_TOKEN}'|\b{_WITHHELD}{_OF_TOKEN}\b")
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

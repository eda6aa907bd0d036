"""What a stored explanation or reason says of a share of the rows, read from its words.

Apart from what makes explanations, so that whoever reads one line loads no numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sparkdrift.report.plain import plain

OF_SHARES: Mapping[str, str] = {
    "null": "NULLs",
    "nan": "NaNs",
    "infinite": "infinite values",
    "new": "new categories",
    "range": "values outside the reference's range",
}
"""How `sentences` names the shares of a row, by their kind."""
CHANGED: Mapping[str, str] = {
    "null": "the share of NULLs",
    "nan": "the share of NaNs",
    "infinite": "the share of infinite values",
    "new": "the share of new categories",
    "range": "the share outside the reference's range",
    "rare_value": "the share of rare values",
    "rare_category": "the share of rare categories",
}
"""How the reason of a row names the shares that have a test."""
_WENT = r"went (?:up|down) by [\d.]+ points"
_MISSING = "|".join(OF_SHARES[kind] for kind in ("null", "nan", "infinite"))
_NEW = re.compile(r"(?:^|; )new categories ['\"]")
_TOLD = re.compile(
    rf": (?:(?P<moved>(?:{_MISSING}) {_WENT})"
    rf"|(?P<part>[^;:']+ of the rows are (?:{OF_SHARES['new']}|{re.escape(OF_SHARES['range'])}))"
    rf"|(?:'.*'|\".*\") (?P<category>{_WENT}))"
)


def told_share(text: str, column: str) -> str | None:
    """What an explanation says of a share: 'NULLs went up by 12.0 points'; None: of none.

    text: as `sentences.tell` made it of the column; a category that moved is not named.
    """
    name = plain(column, lines=False)
    found = _TOLD.match(text[len(name) :]) if text.startswith(name) else None
    if found is None:
        return None
    if found["category"]:
        return f"one of its categories {found['category']}"
    return found["moved"] or found["part"]


def told_tests(reason: str) -> tuple[str, ...]:
    """The shares that the reason of an alerting row says changed: keys of CHANGED.

    For rows from before the names of the tests that alert were stored (store version 10).
    """
    found = [kind for kind, phrase in CHANGED.items() if f"{phrase} changed by " in reason]
    if "new" not in found and _NEW.search(reason):
        found.append("new")
    return tuple(found)

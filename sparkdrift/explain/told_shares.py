"""What a stored explanation says of a share of the rows, read from its words.

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
_WENT = r"went (?:up|down) by [\d.]+ points"
_MISSING = "|".join(OF_SHARES[kind] for kind in ("null", "nan", "infinite"))
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

"""What a stored explanation or reason says of a share of the rows, read from its words.

Apart from what makes explanations, so that whoever reads one line loads no numbers.
"""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Mapping

from sparkdrift.report.plain import plain

OF_SHARES: Mapping[str, str] = {
    "null": "NULLs",
    "nan": "NaNs",
    "infinite": "infinite values",
    "new": "new categories",
    "range": "values outside the reference's range",
    "rare": "rare values",
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
_MISSING = "|".join(OF_SHARES[kind] for kind in ("null", "nan", "infinite", "rare"))
_GREW = re.compile(
    r"(?:^|; )(?P<item>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r" grew by (?P<points>[+-][\d.]+) points"
)
_SHIFTED = "shifted by "
_ONE_VALUE = ("there is one single value,", "no window of the reference was one single value")
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
    """What the reason of an alerting row says changed: 'shift' and shares, as `alerting_tests` has.

    For rows from before the names of the tests that alert were stored (store version 10).
    """
    found = [kind for kind, phrase in CHANGED.items() if f"{phrase} changed by " in reason]
    if "new" not in found and _NEW.search(reason):
        found.append("new")
    if told_grown(reason) is not None:
        found.append("grown_category")
    if any(phrase in reason for phrase in _ONE_VALUE):
        # Of a category or of a number: the same is told of both.
        found.append("single_value")
    # The distance is told before all shares, where it alerts.
    return ("shift", *found) if reason.startswith(_SHIFTED) else tuple(found)


def told_grown(reason: str) -> tuple[str, float] | None:
    """The category without a bin of its own that a reason says grew, and by which share (0..1)."""
    found = _GREW.search(reason)
    return None if found is None else (literal_eval(found["item"]), float(found["points"]) / 100)

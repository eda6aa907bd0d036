"""The questions of docs/sql.md and of the README, by the heading that they stand under."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def questions(page: str, heading: str) -> list[str]:
    """The SQL blocks of one section of a page."""
    text = (ROOT / page).read_text("utf-8")
    parts = re.split(r"^##+ ", text, flags=re.MULTILINE)
    (section,) = [part for part in parts if part.splitlines()[0] == heading]
    return re.findall(r"^```sql\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


DEMO = [*questions("docs/sql.md", "Of the demo"), *questions("README.md", "Questions in SQL")]
MONTHS = questions("docs/sql.md", "Of the green months")

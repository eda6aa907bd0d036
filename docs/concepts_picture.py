"""The picture of docs/concepts.md: `python docs/concepts_picture.py` writes images/concepts.svg."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

WIDE, HIGH, GAP, DOWN, EDGE = 160, 84, 34, 30, 16

# Column, row, name, what it is in two short lines, the table that holds it.
BOXES = (
    (0, 0, "Table", "the rows that a model", "logs, by event time", "your own"),
    (1, 0, "Windows", "closed hours, days,", "weeks, months", ""),
    (2, 0, "Profiles", "counts and sketches:", "each row is read once", "profiles"),
    (3, 0, "Drift", "unusual, and surely", "large enough to matter", "drift"),
    (4, 0, "Dashboard", "what people look at,", "often green", "your own"),
    (2, 1, "Reference", "a frozen version, in", "force from a date on", "reference_snapshots"),
    (3, 1, "Evidence", "each kind at a level,", "or not measured", ""),
    (4, 1, "Verdict", "healthy ... retire;", "an owner, a due date", "model_health"),
    (0, 2, "Labels", "what came true,", "often late", "your own"),
    (1, 2, "Evaluation set", "what the model was", "measured by", "your own"),
    (
        2,
        2,
        "Evaluation",
        "performance, and what",
        "of it went stale",
        "eval_staleness",
    ),
    (4, 2, "Debts", "owed until paid: age,", "owner, cost", "debt_events"),
)
STYLE = """
  :root { --ground: #fff; --box: #f2f5f8; --you: #fff; --line: #5b6b7b; --text: #14181c;
    --soft: #46525e; }
  @media (prefers-color-scheme: dark) {
    :root { --ground: #121518; --box: #20262c; --you: #121518; --line: #93a3b3; --text: #eef2f5;
      --soft: #b9c4ce; }
  }
  .ground { fill: var(--ground); }
  rect.box { fill: var(--box); stroke: var(--line); }
  rect.you { fill: var(--you); stroke-dasharray: 4 3; }
  path { fill: none; stroke: var(--line); stroke-width: 1.5; }
  marker path { fill: var(--line); stroke: none; }
  text { fill: var(--soft); font: 12px system-ui, sans-serif; }
  text.name { fill: var(--text); font-weight: 600; font-size: 14px; }
  text.table { font: 10.5px ui-monospace, monospace; }
"""
HEAD = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="8" markerHeight="8" '
    'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
)
TITLE = "From a table to a verdict"
TOLD = (
    "A table is cut into windows; each is profiled once. A reference is frozen from profiles, and "
    "windows are held against it: that is drift. Windows beside labels and an evaluation set tell "
    "performance and what of the evaluation went stale. Both are evidence. The evidence, beside "
    "what the dashboard shows, comes to a verdict with an owner and a due date, and to debts that "
    "stay until paid."
)


def left(column: int) -> int:
    return EDGE + column * (WIDE + GAP)


def top(row: int) -> int:
    return EDGE + row * (HIGH + DOWN)


def box(column: int, row: int, name: str, first: str, second: str, table: str) -> str:
    x, y = left(column), top(row)
    kind = "box you" if table == "your own" else "box"
    lines = [
        f'<rect class="{kind}" x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="6"/>',
        f'<text class="name" x="{x + 10}" y="{y + 22}">{escape(name)}</text>',
        f'<text x="{x + 10}" y="{y + 40}">{escape(first)}</text>',
        f'<text x="{x + 10}" y="{y + 55}">{escape(second)}</text>',
    ]
    if table and table != "your own":
        lines.append(f'<text class="table" x="{x + 10}" y="{y + 74}">{escape(table)}</text>')
    return "\n".join(lines)


def arrow(path: str) -> str:
    return f'<path d="{path}" marker-end="url(#head)"/>'


def across(column: int, row: int, *, reach: int = 1) -> str:
    """From the right edge of a box to the left edge of the next."""
    y = top(row) + HIGH // 2
    return arrow(f"M{left(column) + WIDE} {y}H{left(column + reach) - 5}")


def down(column: int, row: int) -> str:
    x = left(column) + WIDE // 2
    return arrow(f"M{x} {top(row) + HIGH}V{top(row + 1) - 5}")


def arrows() -> list[str]:
    between = left(2) + WIDE + GAP // 2
    under = top(2) + HIGH // 2
    return [
        *(across(column, 0) for column in range(3)),
        down(2, 0),
        # The reference joins the profiles on their way to drift, from below.
        arrow(f"M{left(2) + WIDE} {top(1) + 24}H{between}V{top(0) + HIGH - 22}H{left(3) - 5}"),
        down(3, 0),
        across(1, 2),
        # Production, beside which the evaluation set is held.
        arrow(
            f"M{left(1) + WIDE // 2} {top(0) + HIGH}V{top(2) - DOWN // 2}"
            f"H{left(2) + 30}V{top(2) - 5}"
        ),
        # Labels pass under the evaluation set.
        arrow(
            f"M{left(0) + WIDE // 2} {top(2) + HIGH}V{top(2) + HIGH + 14}"
            f"H{left(2) + WIDE // 2}V{top(2) + HIGH + 5}"
        ),
        arrow(f"M{left(2) + WIDE} {under}H{left(3) + WIDE // 2}V{top(1) + HIGH + 5}"),
        across(3, 1),
        down(4, 0),
        down(4, 1),
    ]


def picture() -> str:
    width, height = left(5) - GAP + EDGE, top(3) - DOWN + 24 + EDGE
    head = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    key = "Dashed: yours. The rest is sparkdrift, with the table that holds it."
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {head} role="img" aria-labelledby="title told">',
        f'<title id="title">{TITLE}</title>',
        f'<desc id="told">{TOLD}</desc>',
        f"<style>{STYLE}</style>",
        HEAD,
        f'<rect class="ground" width="{width}" height="{height}"/>',
        *arrows(),
        *(box(*one) for one in BOXES),
        f'<text x="{EDGE}" y="{height - 8}">{key}</text>',
        "</svg>\n",
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    (Path(__file__).parent / "images/concepts.svg").write_text(picture(), encoding="utf-8")

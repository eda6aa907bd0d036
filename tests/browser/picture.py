"""The README's picture of a page: `python -m tests.browser.picture page.html [FILE.png]`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.browser.chromium import MISSING, found, running

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT, SCALE = 1000, 1530, 0.75


def main(arguments: list[str]) -> int:
    """Write the upper part of the page as a PNG; 1 where there is no browser."""
    program = found()
    if program is None:
        print(MISSING)
        return 1
    page = Path(arguments[0])
    picture = Path(arguments[1]) if len(arguments) > 1 else ROOT / "docs/images/report.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    with running(program) as browser:
        browser.open(page, WIDTH, HEIGHT).screenshot(picture, scale=SCALE)
    print(f"{picture}: {picture.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The layout of a page, held against the one that is kept: boxes of its parts, and a small picture.

Fonts differ between machines, and with them where lines break. So parts must be the same ones in
the same order, at the same place and width, about as high, and about as dark, block by block.
`python -m tests.browser.layout` takes the kept ones anew: look at them before they are committed.
"""

from __future__ import annotations

import base64
import json
import struct
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.browser.chromium import MISSING, Page, found, running

KEPT = Path(__file__).parent / "expected"
SCALE = 0.2
"""Of a kept picture: enough to look at, and small."""
BLOCKS = 6
"""A part is compared by the mean grey of so many blocks either way."""

PARTS = "header, nav, main > section, article, figure, .heat, table, footer"
FOLDED = "details:not([open])"
BOXES = f"""[...document.querySelectorAll('{PARTS}')]
.filter(one => !one.closest('{FOLDED}')).map(one => {{
  const place = one.getBoundingClientRect(), tag = one.tagName.toLowerCase();
  const inside = one.parentElement.closest('section, article, header');
  return [one.id || tag, inside ? inside.id || inside.tagName.toLowerCase() : '',
    ...[place.left, place.top + scrollY, place.width, place.height].map(Math.round)];
}}).filter(one => one[4] && one[5])"""
HEIGHT = "document.documentElement.scrollHeight"
# Pixels by which a part may be elsewhere; the share, and pixels, by which it may be higher.
ASIDE, HIGHER, MORE = 8, 0.35, 40
# Mean difference of grey, 0 to 255, over a part's blocks: another font makes 8, an empty heat map
# on a phone 11.
GREY = 10.0
# Widths of these follow from what is written in them.
BY_TEXT = ("table",)


@dataclass(frozen=True)
class Box:
    """A part: its id or tag, what it is inside of, and its place in CSS pixels of the page."""

    name: str
    inside: str
    left: int
    top: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        return self.top + self.height


@dataclass(frozen=True)
class Layout:
    """The parts of a page in order, and its picture as grey, SCALE times as large."""

    boxes: list[Box]
    grey: NDArray[np.float64]


def layout_of(page: Page, file: Path) -> Layout:
    """Of an open page; its picture is left in `file`."""
    boxes = [Box(*one) for one in page.value(BOXES)]
    size = page.value(f"[innerWidth, {HEIGHT}]")
    clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": SCALE}
    answer = page.send(
        "Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True
    )
    file.write_bytes(base64.b64decode(answer["data"]))
    return Layout(boxes, grey_of(file.read_bytes()))


def kept(name: str) -> Layout:
    """What is in the repository under this name."""
    boxes = json.loads((KEPT / f"{name}.json").read_text("utf-8"))
    return Layout([Box(*one) for one in boxes], grey_of((KEPT / f"{name}.png").read_bytes()))


def keep(name: str, page: Page) -> None:
    found = layout_of(page, KEPT / f"{name}.png")
    lines = ",\n".join(json.dumps(list(vars(one).values())) for one in found.boxes)
    (KEPT / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def wrong_in(boxes: list[Box], width: int) -> list[str]:
    """What is wrong with a layout by itself: parts on each other, or beyond the window."""
    told = [
        f"{one.name} reaches from {one.left} to {one.left + one.width} of {width} pixels"
        for one in boxes
        # What is in a part that scrolls may be wider than the window.
        if one.name not in BY_TEXT and (one.left < 0 or one.left + one.width > width + 1)
    ]
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            apart = one.bottom <= other.top + 1 or other.bottom <= one.top + 1
            beside = one.left + one.width <= other.left + 1 or other.left + other.width <= one.left
            if one.inside == other.inside and not apart and not beside:
                told.append(f"{one.name} and {other.name} lie on each other")
    return told


def differences(expected: Layout, seen: Layout) -> list[str]:
    """What a reader would call another layout; nothing where only fonts differ."""
    names = [(one.name, one.inside) for one in expected.boxes]
    others = [(one.name, one.inside) for one in seen.boxes]
    if names != others:
        gone = [name for name, _ in names if name not in dict(others)]
        new = [name for name, _ in others if name not in dict(names)]
        return [f"other parts or another order: {len(names)} to {len(others)}, -{gone} +{new}"]
    told = []
    for one, other in zip(expected.boxes, seen.boxes, strict=True):
        if abs(one.left - other.left) > ASIDE:
            told.append(f"{one.name} begins at {other.left}, not {one.left}, pixels")
        if one.name not in BY_TEXT and abs(one.width - other.width) > ASIDE:
            told.append(f"{one.name} is {other.width}, not {one.width}, pixels wide")
        if abs(one.height - other.height) > HIGHER * one.height + MORE:
            told.append(f"{one.name} is {other.height}, not {one.height}, pixels high")
        by = abs(blocks(expected.grey, one) - blocks(seen.grey, other)).mean()
        if by > GREY:
            told.append(f"{one.name} looks different: by {by:.1f} of 255 on the mean")
    return told


def blocks(grey: NDArray[np.float64], box: Box) -> NDArray[np.float64]:
    """Mean grey of BLOCKS x BLOCKS blocks of a part, the page's ground taken away.

    Of a part that scrolls, what is in the picture.
    """
    rows = np.linspace(box.top * SCALE, box.bottom * SCALE, BLOCKS + 1)
    columns = np.linspace(box.left * SCALE, (box.left + box.width) * SCALE, BLOCKS + 1)
    ground = grey[:2, :2].mean()
    means = np.zeros((BLOCKS, BLOCKS))
    for i in range(BLOCKS):
        for j in range(BLOCKS):
            part = grey[
                int(rows[i]) : max(int(rows[i + 1]), int(rows[i]) + 1),
                int(columns[j]) : max(int(columns[j + 1]), int(columns[j]) + 1),
            ]
            means[i, j] = abs(part - ground).mean() if part.size else 0.0
    return means


def grey_of(data: bytes) -> NDArray[np.float64]:
    """A PNG of 8 bits a channel, RGB or RGBA, as its mean grey, (height, width), 0 to 255.

    W3C, PNG (Third Edition), 9: filters, and 11: chunks.
    """
    place, pixels, width, height, channels = 8, b"", 0, 0, 0
    while place < len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        content = data[place + 8 : place + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", content)
            channels = {2: 3, 6: 4}[colour]
            assert depth == 8
        elif kind == b"IDAT":
            pixels += content
        place += size + 12
    lines = np.frombuffer(zlib.decompress(pixels), np.uint8).reshape(height, -1)
    above = np.zeros((width, channels), np.uint8)
    image = np.zeros((height, width, channels), np.uint8)
    for number, line in enumerate(lines):
        above = unfiltered(int(line[0]), line[1:].reshape(width, channels), above)
        image[number] = above
    return image[:, :, :3].astype(np.float64).mean(axis=2)


def unfiltered(kind: int, line: NDArray[np.uint8], above: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One line of a PNG, (width, channels), without its filter."""
    if kind == 0:
        return line
    if kind == 1:
        return np.cumsum(line, axis=0, dtype=np.uint64).astype(np.uint8)
    if kind == 2:
        return line + above
    made = np.zeros_like(line)
    left = [0] * line.shape[1]
    before = [0] * line.shape[1]
    for x, (given, over) in enumerate(zip(line.tolist(), above.tolist(), strict=True)):
        if kind == 3:
            now = [(g + (a + b) // 2) % 256 for g, a, b in zip(given, left, over, strict=True)]
        else:
            three = zip(given, left, over, before, strict=True)
            now = [(g + paeth(a, b, c)) % 256 for g, a, b, c in three]
        made[x], left, before = now, now, over
    return made


def paeth(left: int, above: int, before: int) -> int:
    """Whichever of the three is nearest to left + above - before."""
    guess = left + above - before
    return min((left, above, before), key=lambda one: abs(guess - one))


def main() -> int:
    """Take every kept layout anew; 1 where there is no browser."""
    from tempfile import TemporaryDirectory

    from tests.browser.test_layout import PAGES, VIEWS

    program = found()
    if program is None:
        print(MISSING)
        return 1
    KEPT.mkdir(exist_ok=True)
    with running(program) as browser, TemporaryDirectory() as folder:
        for name, made in PAGES.items():
            file = Path(folder) / f"{name}.html"
            file.write_text(made(), encoding="utf-8")
            for view, (width, dark) in VIEWS.items():
                keep(f"{name}-{view}", browser.open(file, width, dark=dark))
    total = sum(one.stat().st_size for one in KEPT.iterdir())
    print(f"{KEPT}: {len(list(KEPT.iterdir()))} files, {total:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

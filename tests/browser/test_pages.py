"""The pages in a real browser: nothing is run or fetched, and phone, paper and dark are served."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path

import pytest

from sparkdrift.report.facts import Findings
from sparkdrift.report.page.document import page
from sparkdrift.report.page.fleet import fleet_page
from sparkdrift.report.page.material import Material
from tests.browser import picture
from tests.unit.report.page import made_rows as made

WIDE, TABLET, PHONE = 1100, 768, 360
MOST_SECONDS = 3.0
A4 = 718  # CSS pixels between margins of a centimetre
WIDTH = "document.documentElement.scrollWidth"
BEYOND = """[...document.querySelectorAll('body *')].filter(one => {
  const place = one.getBoundingClientRect();
  return place.width && place.right > innerWidth + 1 && !one.closest('svg, thead');
}).map(one => one.tagName + ' ' + one.textContent.trim().slice(0, 40)).slice(0, 5).join('; ')"""
# Cells whose text reaches into the next one.
CROWDED = """[...document.querySelectorAll('th, td')].filter(one =>
  one.clientWidth && one.scrollWidth > one.clientWidth + 1 && !one.closest('.cards thead')
).map(one => one.textContent.trim().slice(0, 40)).slice(0, 5).join('; ')"""
GROUND = "getComputedStyle(document.body).backgroundColor"


def fleet():
    names = (made.HOSTILE, "a" * 80, "claims")
    rows = [made.fleet_row(name, "retrain", owner=name) for name in names]
    unjudged = [{"monitor": "b" * 80, "watched_until": None}]
    return fleet_page(rows, unjudged, "./store", made.MADE, "0.1.0")


PAGES = {
    "model": lambda: page(made.spec(made.HOSTILE, made.HOSTILE), made.material()),
    "unjudged": lambda: page(made.spec(), made.material(judged=False)),
    "empty": lambda: page(made.spec(), Material(Findings(), "./store", made.MADE, "0.1.0")),
    "fleet": fleet,
}


@pytest.fixture(scope="module", params=PAGES)
def file(request, tmp_path_factory):
    made_file = tmp_path_factory.mktemp("pages") / f"{request.param}.html"
    made_file.write_text(PAGES[request.param](), encoding="utf-8")
    return made_file


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    made_file = tmp_path_factory.mktemp("model") / "model.html"
    made_file.write_text(PAGES["model"](), encoding="utf-8")
    return made_file


def test_nothing_is_fetched_run_or_complained_about(browser, file):
    opened = browser.open(file)
    assert opened.complaints() == []
    assert [one for one in opened.requests() if not one.startswith(("file:", "data:"))] == []
    assert "owned" not in opened.value("document.title").replace(made.HOSTILE, "")
    assert opened.value("document.scripts.length") == 0
    assert opened.value("document.querySelectorAll('img, iframe').length") == 0


@pytest.mark.parametrize("width", [WIDE, TABLET, PHONE])
def test_no_page_is_wider_than_its_window(browser, file, width):
    opened = browser.open(file, width)
    assert opened.value(WIDTH) <= width, opened.value(BEYOND)
    opened.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert opened.value(WIDTH) <= width, opened.value(BEYOND)


@pytest.mark.parametrize("width", [WIDE, TABLET, 390, PHONE])
def test_no_text_of_a_table_lies_on_another(browser, file, width):
    opened = browser.open(file, width)
    opened.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert opened.value(CROWDED) == ""


def test_every_link_leads_somewhere_in_the_page(browser, file):
    links = """[...document.querySelectorAll('a')].map(one => one.getAttribute('href'))"""
    opened = browser.open(file)
    found = opened.value(links)
    assert found
    missing = [one for one in found if not opened.value(
        f"document.getElementById({json.dumps(one.removeprefix('#'))}) !== null")]  # fmt: skip
    assert missing == []


def test_the_picture_of_the_readme_is_made_by_this_program(browser, model, tmp_path):
    """Of another page: the one in the README shows a demo's. Size and format are what it has."""
    made = tmp_path / "picture.png"
    assert picture.main([str(model), str(made)]) == 0
    kept = picture.ROOT / "docs/images/report.png"
    (width, height), (as_wide, as_high) = size(made), size(kept)
    assert width == as_wide == picture.WIDTH * picture.SCALE
    # 1,147.5 pixels: browsers round either way.
    assert abs(height - as_high) <= 1
    assert made.stat().st_size > 20_000  # an empty page has 4,000


def size(file: Path) -> tuple[int, ...]:
    """Width and height of a PNG, from its header."""
    head = file.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", head[16:24])


def test_light_and_dark_follow_the_reader(browser, model):
    assert browser.open(model).value(GROUND) == "rgb(246, 247, 248)"
    assert browser.open(model, dark=True).value(GROUND) == "rgb(18, 21, 24)"


def test_the_keyboard_reaches_the_content_first_and_then_every_section(browser, model):
    opened = browser.open(model)
    opened.press("Tab", 9)
    assert opened.value("document.activeElement.textContent") == "To the content"
    assert opened.value("document.activeElement.getBoundingClientRect().left") >= 0
    count = opened.value("document.querySelectorAll('a, summary').length")
    reached = set()
    for _ in range(count - 1):
        opened.press("Tab", 9)
        reached.add(opened.value("document.activeElement.textContent"))
    assert {"Verdict", "Provenance", "The figures of 120 windows"} <= reached


def test_on_paper_nothing_stays_folded(browser, model):
    opened = browser.open(model)
    height = "document.querySelector('#timeline details table').getBoundingClientRect().height"
    opened.send("Emulation.setEmulatedMedia", media="print")
    assert opened.value(height) > 1000
    assert opened.value(GROUND) == "rgb(255, 255, 255)"
    opened.send("Emulation.setDeviceMetricsOverride", width=A4, height=1123, deviceScaleFactor=1,
                mobile=False)  # fmt: skip
    assert opened.value(WIDTH) <= A4, opened.value(BEYOND)


def test_lines_are_as_thick_in_a_wide_picture_as_in_a_narrow_one(browser, model):
    for width in (WIDE, PHONE):
        opened = browser.open(model, width)
        style = "getComputedStyle(document.querySelector('.plot .line')).vectorEffect"
        assert opened.value(style) == "non-scaling-stroke"
        drawn = opened.value("document.querySelector('.plot svg').getBoundingClientRect().width")
        assert 0.5 * width < drawn <= width


def test_bars_are_there_and_differ_in_height(browser, model):
    opened = browser.open(model)
    script = """Object.fromEntries(['drifted', 'warning', 'ok', 'unmeasured'].map(kind => [kind,
      document.querySelector('.heat .' + kind).getBoundingClientRect().height]))"""
    heights = opened.value(script)
    assert heights["drifted"] > heights["warning"] > heights["ok"] > heights["unmeasured"] > 0


def test_200_features_and_365_windows_open(browser, tmp_path):
    """Within 3 s, drawn; how long it took is printed, since machines and their load differ."""
    file = tmp_path / "large.html"
    file.write_text(page(made.spec(), made.material(200, 365)), encoding="utf-8")
    begun = time.monotonic()
    opened = browser.open(file)
    assert opened.value("document.querySelectorAll('.heat tbody tr').length") == 200
    drawn = time.monotonic() - begun
    print(f"{file.stat().st_size:,} bytes: loaded in {opened.seconds:.2f} s, laid out {drawn:.2f}")
    assert drawn < MOST_SECONDS
    assert opened.complaints() == []

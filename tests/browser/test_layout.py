"""Pages look as they did: kept layouts of a model and a fleet: on a phone, a desk, in the dark."""

from __future__ import annotations

import pytest

from sparkdrift.report.page.document import page
from sparkdrift.report.page.fleet import fleet_page
from tests.browser import layout
from tests.unit.report.page import made_rows as made

VERDICTS = ("blind", "retire", "retrain", "refresh_evaluation", "recalibrate", "watch", "healthy")


def fleet():
    rows = [
        made.fleet_row(f"{name}_{number}", name, rank=number + 1, owner=f"team-{number}")
        for number, name in enumerate(VERDICTS)
    ]
    return fleet_page(rows, [], "./store", made.MADE, "0.1.0")


PAGES = {
    "model": lambda: page(made.spec(), made.material()),
    "fleet": fleet,
}
VIEWS = {"desk": (1100, False), "phone": (390, False), "dark": (1100, True)}
# What another machine's fonts may do, and what would be a mistake.
OTHER_FONT = "document.body.style.fontFamily = 'serif'"
WIDER_FONT = "document.body.style.letterSpacing = '0.02em'"
REMOVED = "document.querySelector('#{}').remove()"
MISTAKES = {
    "a section is gone": REMOVED.format("heat"),
    "a section lies on another": "document.querySelector('#evaluation').style.marginTop = '-300px'",
    "a section is elsewhere": "document.querySelector('#debts').style.marginLeft = '60px'",
    "sections changed places": "document.querySelector('main').prepend("
    "document.querySelector('#debts'))",
    "a picture is empty": "document.querySelectorAll('.heat td *, .heat svg *').forEach("
    "one => one.remove())",
    "no style at all": "document.querySelectorAll('style').forEach(one => one.remove())",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layout")
    for name, text in PAGES.items():
        (folder / f"{name}.html").write_text(text(), encoding="utf-8")
    return folder


def seen(browser, files, name, view, script=None):
    width, dark = VIEWS[view]
    opened = browser.open(files / f"{name}.html", width, dark=dark)
    if script is not None:
        opened.value(script)
    return layout.layout_of(opened, files / f"{name}-{view}.png")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_looks_as_it_did(browser, files, name, view):
    now = seen(browser, files, name, view)
    assert layout.wrong_in(now.boxes, VIEWS[view][0]) == []
    assert layout.differences(layout.kept(f"{name}-{view}"), now) == [], (
        f"look at {files}/{name}-{view}.png; if it is meant: python -m tests.browser.layout"
    )


@pytest.mark.parametrize("script", [OTHER_FONT, WIDER_FONT])
@pytest.mark.parametrize("view", VIEWS)
def test_another_font_is_no_other_layout(browser, files, view, script):
    now = seen(browser, files, "model", view, script)
    assert layout.differences(layout.kept(f"model-{view}"), now) == []


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(browser, files, view, mistake):
    now = seen(browser, files, "model", view, MISTAKES[mistake])
    found = layout.wrong_in(now.boxes, VIEWS[view][0])
    assert found + layout.differences(layout.kept(f"model-{view}"), now) != []


def test_light_is_not_dark(browser, files):
    """Grey is told from the ground, so that shapes count; the ground itself is tested beside."""
    light, dark = (layout.kept(f"model-{view}").grey for view in ("desk", "dark"))
    assert light[:2, :2].mean() > 200
    assert dark[:2, :2].mean() < 60


def test_what_is_kept_is_small():
    total = sum(one.stat().st_size for one in layout.KEPT.iterdir())
    assert total < 300_000

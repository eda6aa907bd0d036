"""What the pictures of a page draw: axes, lines, bars and distributions."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import sparkdrift.report.page
from sparkdrift.report.page.lines import Point, Series, chart
from sparkdrift.report.page.scales import Scale, fitted, number, number_ticks, time_ticks
from sparkdrift.report.page.shapes import _shares, bars, overlay
from sparkdrift.report.page.strips import strip
from tests.unit.report.page.made_rows import BEGIN, day

STYLE = Path(sparkdrift.report.page.__file__).parent / "templates/style.css"
AT = np.linspace(0, 1, 101)


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0.0, 1.0, ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        (0.79, 0.87, ["0.80", "0.82", "0.84", "0.86"]),
        (-30, 1200, ["0", "500", "1,000"]),
        (0, 4e9, ["0", "1e+09", "2e+09", "3e+09", "4e+09"]),
    ],
)
def test_ticks_are_round_numbers(low, high, texts):
    assert [one.text for one in number_ticks(Scale(low, high))] == texts


def test_ticks_where_there_are_no_numbers_between():
    one = 1e16
    assert number_ticks(Scale(one, np.nextafter(one, math.inf))) is not None
    assert number_ticks(Scale(1.0, 1.0)) == ()


def test_an_axis_fits_finite_values_and_has_a_length():
    assert fitted([None, math.nan, math.inf]) == Scale(0.0, 1.0)
    flat = fitted([3.0, 3.0])
    assert flat.low < 3.0 < flat.high
    assert Scale(5.0, 5.0).part(7.0) == 0.5


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (math.nan, "NaN"), (-math.inf, "-∞"), (0.0, "0"), (12.0, "12"), (1234567.0,
      "1,234,567"), (0.8154999, "0.8155"), (1e-7, "1e-07"), (-2.5e9, "-2.5e+09")],
)  # fmt: skip
def test_numbers_as_people_read_them(value, text):
    assert number(value) == text


@pytest.mark.parametrize("days", [1, 3, 10, 45, 365, 4000])
def test_days_on_an_axis_are_few_and_inside(days):
    ticks = time_ticks(BEGIN, day(days), "Europe/Berlin")
    assert 1 <= len(ticks) <= 5
    assert all(0 <= one.at <= 96 for one in ticks)


def test_a_line_breaks_where_nothing_was_measured():
    values = [1.0, 2.0, None, 3.0, None, 4.0, 5.0]
    points = [Point(day(i), value) for i, value in enumerate(values)]
    made = chart([Series("a", "really", points)], (day(0), day(6)), "UTC", "told")
    (line,) = made.lines
    assert line.path.count("M") == 2
    assert len(line.dots) == 1
    assert line.newest == "5"


def test_a_series_without_values_is_left_out():
    made = chart([Series("a", "x", [Point(day(0), None)])], (day(0), day(1)), "UTC", "told")
    assert made.lines == ()


def cell(i, status, long=1):
    return {"window_start": day(i), "window_end": day(i + long), "status": status}


def test_bars_of_one_status_are_one_path_and_gaps_stay_gaps():
    statuses = ["no_reference", "ok", "ok", "drifted", "drifted", "warning", "ok"]
    cells = [cell(i, one) for i, one in enumerate(statuses)] + [cell(9, "ok")]
    made = strip("f", cells[::-1], (day(0), day(10)), "UTC")
    paths = {one.status: one.path for one in made.bars}
    assert set(paths) == {"unmeasured", "ok", "drifted", "warning"}
    assert paths["drifted"] == "M300 0H500V100H300Z"
    assert paths["ok"].count("M") == 3
    assert made.short == "2 of 8"
    assert made.told.endswith("2 drifted, 1 warning, 4 ok, 1 not measured")


def test_statuses_differ_without_colours():
    """On paper and for those who don't see colours the height tells."""
    tops = {}
    for status in ("drifted", "warning", "ok", "no_reference"):
        (bar,) = strip("f", [cell(0, status)], (day(0), day(1)), "UTC").bars
        tops[status] = float(bar.path.split()[1].split("H")[0])
    assert len(set(tops.values())) == 4
    assert sorted(tops, key=tops.__getitem__) == ["drifted", "warning", "ok", "no_reference"]


def shape(quantiles, **more):
    row = {"row_count": 1000, "null_count": 0, "mean": 0.0, "frequent_items": None}
    return {**row, "quantiles": quantiles, **more}


def heights(path):
    """The heights of a histogram's steps, 0 to 100, as they are drawn."""
    return [100 - float(one) for one in re.findall(r"L[\d.]+ ([\d.]+)", path)[1::2]]


def test_a_distribution_has_its_mass_where_its_values_are():
    made = overlay(shape((AT * 10).tolist()), shape((AT * 10).tolist()))
    assert made is not None
    drawn = heights(made.window)
    assert made.window == made.reference
    assert max(drawn) - min(drawn) < 3
    assert {one[0]: one[1:] for one in made.facts}["median"] == ("5", "5")


def test_one_single_value_is_one_bar_and_is_said_to_be_cut():
    made = overlay(shape([0.5] * 101), shape(AT.tolist()))
    assert made is not None
    drawn = heights(made.window)
    assert sum(one > 1 for one in drawn) == 1
    assert "cut: near 0.5 the window has 100 % of its rows" in made.notes


def test_mass_at_the_least_value_is_seen():
    """As of a feature that is 0 in most rows."""
    mostly = [0.0] * 80 + [0.1 * one for one in range(1, 22)]
    made = overlay(shape([0.0] * 101), shape(mostly))
    assert made is not None
    now, then = heights(made.window), heights(made.reference)
    assert now[0] == max(now) > 50
    assert then[0] == max(then) > 0.7 * now[0]
    assert sum(one > 1 for one in now) == 1


def test_shares_of_a_picture_add_up_to_what_it_covers():
    rng = np.random.default_rng(17)
    grids = (rng.normal(size=101), rng.poisson(0.5, 101), np.repeat(rng.normal(size=5), 21)[:101])
    for drawn in grids:
        grid = np.sort(drawn).astype(float)
        covered = _shares(grid, np.linspace(grid[1], grid[-2], 41)).sum()
        assert 0.98 - 1e-9 <= covered <= 1.0 + 1e-9, "seed 17"


def test_two_single_values_have_an_axis():
    made = overlay(shape([2.0] * 101), shape([2.0] * 101))
    assert made is not None
    assert all(math.isfinite(one) for one in heights(made.window))


@pytest.mark.parametrize("bad", [None, [], [math.nan] * 101])
def test_no_picture_without_quantiles(bad):
    assert overlay(shape(bad), shape(AT.tolist())) is None
    assert overlay(shape(AT.tolist()), shape(bad)) is None


def test_categories_have_shares_of_all_rows_and_the_rest():
    def listed(**counts):
        return [{"item": name, "count": count} for name, count in counts.items()]

    now = shape(None, frequent_items=listed(a=500, z=300), null_count=100)
    then = shape(None, frequent_items=listed(a=500))
    made = {one.name: one for one in bars(now, then, {"z"})}
    assert (made["a"].reference_text, made["a"].window_text) == ("50 %", "50 %")
    assert (made["z"].reference_text, made["z"].window_text) == ("not listed", "30 %")
    assert made["z"].new
    assert not made["a"].new
    assert made["(NULL)"].window_text == "10 %"
    assert made["(others)"].reference_text == "50 %"
    assert made["a"].reference == 100


def test_no_rows_have_no_shares():
    none = shape(None, row_count=0, frequent_items=[])
    assert bars(none, none) == ()


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_is_readable_in_light_and_dark():
    """WCAG 2.2, success criterion 1.4.3: a contrast of at least 4.5 for text."""
    light, dark = re.findall(r":root \{(.*?)\}", STYLE.read_text("utf-8"), re.DOTALL)[:2]
    for scheme in (light, dark):
        colours = dict(re.findall(r"--([\w-]+): (#\w{6});", scheme))
        for text in ("ink", "quiet", "bad", "warn", "good", "link"):
            for ground in ("page", "card"):
                pair = sorted(luminance(colours[one]) for one in (text, ground))
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (text, ground)
        # Graphics: 1.4.11 asks for 3 where a shape alone carries the meaning.
        for fill in ("bad-fill", "window"):
            pair = sorted(luminance(colours[one]) for one in (fill, "card"))
            assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 3, fill


def test_windows_of_an_hour_have_times():
    ticks = time_ticks(BEGIN, BEGIN + timedelta(hours=20), "UTC")
    assert [one.text for one in ticks] == ["01-01 00:00", "01-01 10:00"]

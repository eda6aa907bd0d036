"""Weekday strata through the kernels: a feature whose weekends are another matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from profile_rows import asking, at, categorical, numeric, stream, table

from sparkdrift.explain.explaining import explain
from sparkdrift.kernels.comparing import compare
from sparkdrift.kernels.freezing import freeze
from sparkdrift.kernels.judging import judge
from sparkdrift.kernels.policy import Policy
from sparkdrift.kernels.strata import by_stratum, explains, name, phrase
from sparkdrift.measures.variation import Benign

AUTO = Policy(effect=0.5, warn=0.3, season="weekday")
ALWAYS, NEVER = replace(AUTO, season_shown=False), replace(AUTO, season=None)
WEEKS = 9
ROWS = 1000
MONDAY, SUNDAY = 0, 6  # day 0 of the rows, 2024-01-01, is a Monday
RNG = np.random.default_rng(21)


def delays(day: int, shift: float = 0.0) -> list[float]:
    """Longer by a standard deviation on Sundays."""
    return RNG.normal(shift + (1.0 if day % 7 == SUNDAY else 0.0), 1, ROWS).tolist()


def carriers(day: int) -> list[str]:
    """A quarter of the freight on Sundays."""
    freight = 0.15 if day % 7 == SUNDAY else 0.6
    return RNG.choice(["freight", "people"], ROWS, p=[freight, 1 - freight]).tolist()


def frozen(kind, values, days) -> dict:
    own = [values(day) for day in days]
    rows = [kind([v for day in own for v in day])]
    rows += [kind(one, day=day) for day, one in zip(days, own, strict=True)]
    (row,) = pa.Table.from_batches(list(freeze(10)(stream(table(*rows))))).to_pylist()
    return {**row, "window_strata": [day % 7 for day in days]}


BEFORE = range(-7 * WEEKS, 0)
DELAY = frozen(numeric, delays, BEFORE)
CARRIER = frozen(categorical, carriers, BEFORE)


def verdict(policy: Policy, reference: dict, row: dict, day: int) -> dict:
    window = {**row, "window_start": at(day), "part": 1, "stratum": day % 7}
    compared = pa.Table.from_batches(
        list(compare(policy)(stream(asking(table(reference, window)))))
    )
    (found,) = pa.Table.from_batches(list(judge(policy)(stream(compared)))).to_pylist()
    return found


def test_a_usual_sunday_is_ok_with_strata_and_not_measurable_without():
    usual = numeric(delays(SUNDAY), day=SUNDAY)
    split = verdict(AUTO, DELAY, usual, SUNDAY)
    assert (split["status"], split["stratum"]) == ("ok", "Sunday")
    whole = verdict(NEVER, DELAY, usual, SUNDAY)
    assert (whole["status"], whole["stratum"]) == ("insufficient_data", None)
    # What is reported as distance is from the whole reference in both cases.
    assert split["psi"] == whole["psi"] > 0.2
    assert split["effect"] < 0.2 < whole["effect"]


@pytest.mark.parametrize(("shift", "told"), [(-1.0, "down"), (1.0, "up")])
def test_an_odd_sunday_is_told_against_sundays(shift, told):
    """A Sunday like a Monday lies above the whole reference, and below its Sundays."""
    odd = numeric(delays(SUNDAY, shift), day=SUNDAY)
    found = verdict(AUTO, DELAY, odd, SUNDAY)
    assert found["status"] == "drifted"
    size = abs(found["shift"])
    assert found["shift"] == pytest.approx(shift, abs=0.25)  # ten bins bound it
    moved = f"the values moved {told} by {size:.2f} sd, by their ranks"
    assert f"against the reference's 9 Sundays: {moved}" in found["reason"]
    text = f"amount moved {told} by {size:.2f} sd against the reference's Sundays ("
    assert found["explanation"].startswith(text)
    whole = verdict(NEVER, DELAY, odd, SUNDAY)
    assert (whole["status"] == "drifted") == (shift > 0)
    assert whole["shift"] > found["shift"] + 0.3


def test_bins_are_those_of_the_stratum():
    """The top decile of the whole reference holds a third of its Sundays."""
    odd = numeric(delays(SUNDAY, -1.0), day=SUNDAY)
    found = verdict(AUTO, DELAY, odd, SUNDAY)
    top = next(one for one in found["carriers"] if one["item"].startswith(">"))
    sundays = np.array([v for day in BEFORE if day % 7 == SUNDAY for v in delays(day)])
    edge = DELAY["bins"]["edges"][-1]
    assert top["reference"] == pytest.approx((sundays > edge).mean(), abs=0.03)
    assert top["share"] < 0.15 < 0.25 < top["reference"]


@pytest.mark.parametrize("shift", [-0.6, 0.6])
def test_a_shift_of_every_day_is_dated_through_the_week(shift):
    """The series that is dated holds no Sundays: each day is held against its own."""
    start, rows = 10, []
    for day in range(21):
        values = delays(day, shift if day >= start else 0.0)
        rows.append(verdict(AUTO, DELAY, numeric(values, day=day), day))
    found = explain(rows, window=at(20))
    assert [one.stratum for one in found] == ["Sunday"]
    assert found[0].since.start == at(start)
    assert found[0].direction == ("up" if shift > 0 else "down")
    assert max(abs(row["shift"]) for row in rows[:start]) < 0.15


def test_usual_days_are_ok_with_strata_and_never_without():
    """The whole reference takes its Sundays for usual variation: it has no power on any day."""
    found = {"auto": [], "never": []}
    for day in range(28):
        row = numeric(delays(day), day=day)
        found["auto"].append(verdict(AUTO, DELAY, row, day)["status"])
        found["never"].append(verdict(NEVER, DELAY, row, day)["status"])
    assert found["auto"].count("ok") >= 26
    assert "ok" not in found["never"]
    assert "drifted" not in found["auto"]


def test_categories_are_told_against_their_stratum():
    odd = categorical(carriers(MONDAY), day=SUNDAY)
    found = verdict(AUTO, CARRIER, odd, SUNDAY)
    assert (found["status"], found["stratum"]) == ("drifted", "Sunday")
    assert "against the reference's 9 Sundays: 'people' -4" in found["reason"]
    usual = categorical(carriers(SUNDAY), day=SUNDAY)
    assert verdict(AUTO, CARRIER, usual, SUNDAY)["status"] == "ok"


@pytest.mark.parametrize(
    ("freight", "gained", "shares"),
    [(0.35, "freight", "15 % to 3"), (0.02, "people", "85 % to 9")],
)
def test_a_category_is_explained_against_its_stratum(freight, gained, shares):
    """35 % freight is more than Sundays have, and less than the whole reference."""
    drawn = RNG.choice(["freight", "people"], ROWS, p=[freight, 1 - freight]).tolist()
    found = verdict(AUTO, CARRIER, categorical(drawn, day=SUNDAY), SUNDAY)
    first = found["carriers"][0]
    points = 100 * (drawn.count(gained) / ROWS - first["reference"])
    assert (first["item"], points > 10) == (gained, True)
    text = f"product: {gained!r} went up by {points:.1f} points against the reference's Sundays ("
    assert found["explanation"].startswith(f"{text}{shares}")
    assert f"{gained!r} {points:+.1f} points" in found["reason"]


def test_a_feature_without_a_season_keeps_its_whole_reference():
    flat = frozen(numeric, lambda _: RNG.normal(size=ROWS).tolist(), BEFORE)
    row = numeric(RNG.normal(size=ROWS), day=SUNDAY)
    assert verdict(AUTO, flat, row, SUNDAY)["stratum"] is None
    assert verdict(ALWAYS, flat, row, SUNDAY)["stratum"] == "Sunday"
    assert verdict(AUTO, flat, row, SUNDAY)["effect"] == verdict(NEVER, flat, row, SUNDAY)["effect"]


def test_seven_sundays_are_too_few():
    short = frozen(numeric, delays, [day for day in BEFORE if day % 7 != SUNDAY or day > -50])
    row = numeric(delays(SUNDAY), day=SUNDAY)
    assert verdict(ALWAYS, short, row, SUNDAY)["stratum"] is None
    assert verdict(ALWAYS, short, numeric(delays(MONDAY), day=7), 7)["stratum"] == "Monday"


def test_the_stratum_s_own_rows_are_its_noise():
    """Sketches are exact here, so n_eff is 1 / (1/n + 1/m), m being nine Sundays."""
    row = numeric(delays(SUNDAY), day=SUNDAY)
    expected = 1 / (1 / ROWS + 1 / (WEEKS * ROWS))
    assert verdict(ALWAYS, DELAY, row, SUNDAY)["n_eff"] == pytest.approx(expected)


def test_windows_without_rows_or_stratum_count_for_none():
    full, empty = {"counts": [1.0, 2.0]}, {"counts": [0.0, 0.0]}
    cells = [*[full] * 8, *[full] * 7, empty, *[full] * 9]
    strata = [*[0] * 8, *[1] * 8, *[None] * 9]
    assert by_stratum(cells, strata) == {0: [full] * 8}


@pytest.mark.parametrize(
    ("whole", "within", "expected"),
    [(0.05, 0.0, True), (0.05, 0.02, True), (0.05, 0.03, False), (0.01, 0.0, False)],
)
def test_a_season_explains_much_and_is_large(whole, within, expected):
    def varies(tau2, windows):
        return Benign(tau2, tau2**2, 8.0, 0.0, windows)

    strata = [varies(0.0, 8), varies(2 * within, 8)]
    assert explains(varies(whole, 60), strata, 0.32) is expected
    assert not explains(varies(whole, 60), [], 0.32)


def test_strata_have_names():
    assert (name("weekday", 0), name("weekday", 6), name("hour", 7)) == (
        "Monday",
        "Sunday",
        "07:00",
    )
    assert phrase("hour", 7, 30) == "the reference's 30 windows of 07:00"

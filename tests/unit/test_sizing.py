"""How large a window must be, told by a spec alone."""

from __future__ import annotations

import numpy as np
import pytest

from sparkdrift.measures.sample_size import rows_needed
from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps.sizing import sizes_facts, sizes_lines, sizes_of

INTERVAL = "{begin: 2025-01-01, end: 2025-01-31}"
TABLE = "{table: a.reference}"
TWO = ("amount", "age")


def spec(reference: str = INTERVAL, drift: str = "{}", more: str = ""):
    return parse_spec(
        "monitor: m\nowner: risk\nsource: {table: a.b}\ntimestamp: {column: t}\n"
        f"features: {{numeric: [amount, age]}}\nreference: {reference}\ndrift: {drift}\n{more}"
    )


def test_thirty_days_are_thirty_windows_of_as_many_rows() -> None:
    found = sizes_of(spec(), TWO)
    assert found.feature == pytest.approx(rows_needed(0.32, 10, (400, 400), 30))
    assert found.inputs == pytest.approx(rows_needed(0.32, 10, (400, 400), 30, 2))
    weeks = sizes_of(
        spec("{begin: 2025-01-06, end: 2025-03-31}", more="windows: {grain: week}"), TWO
    )
    assert weeks.feature == pytest.approx(rows_needed(0.32, 10, (400, 400), 12))


def test_an_earlier_window_has_no_more_rows_than_this_one() -> None:
    found = sizes_of(spec(drift="{comparisons: [baseline, consecutive]}"), TWO)
    assert found.feature == pytest.approx(rows_needed(0.32, 10, (400, 400), 1))
    assert found.feature > 1.5 * sizes_of(spec(), TWO).feature


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (TABLE, "the reference is of rows without windows"),
        ("{begin: 2025-01-01, end: 2025-01-06}", "the reference has 5 windows"),
    ],
)
def test_all_inputs_together_need_windows_to_compare(reference, reason) -> None:
    found = sizes_of(spec(reference), TWO)
    assert found.inputs is None
    assert found.lacking.startswith(reason)
    assert "drift.multivariate: false" in sizes_lines(found, spec(reference))[-1]
    assert sizes_facts(found)["lacking"] == found.lacking
    assert sizes_of(spec(reference, "{multivariate: false}"), TWO).lacking == ""


def test_one_input_is_not_judged_together_with_others() -> None:
    found = sizes_of(spec(), ["amount"])
    assert (found.inputs, found.lacking) == (None, "")


def test_a_shift_that_a_sketch_hides_is_said_to_be_hidden() -> None:
    small = spec(drift="{effect_size: 0.05, warn_at: 0.02}")
    found = sizes_of(small, TWO)
    assert np.isinf(found.feature)
    (line,) = sizes_lines(found, small)
    assert "raise sketch.k or drift.effect_size" in line
    assert sizes_facts(found) == {"feature": None, "inputs": None}
    # A reference of its own table is sketched with more.
    assert np.isfinite(sizes_of(spec(TABLE, "{effect_size: 0.07, warn_at: 0.02}"), TWO).feature)


def test_figures_are_told_rounded_and_for_programs_rounded_up() -> None:
    found = sizes_of(spec(), TWO)
    assert sizes_lines(found, spec())[0] == (
        "rows: to find a shift of 0.32 sd a window, or a slice of it, needs at least 1,300 rows of "
        "a feature with 10 bins, and 1,400 rows for all inputs together"
    )
    assert sizes_facts(found) == {
        "feature": int(np.ceil(found.feature)),
        "inputs": int(np.ceil(found.inputs)),
    }

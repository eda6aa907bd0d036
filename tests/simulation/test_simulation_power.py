"""How often a shift is found, through the kernels that judge: docs/statistics.md, What is found.

A reference scanned from a large table (no windows, so no usual variation) and windows of n rows
from a shifted process, each judged alone. Every row of the table prints its shift, its size and
the share of windows called drifted for each n. The slow test asserts that every figure of the
documentation's table lies in the 99.9 % binomial interval of what is found, and that more rows or
a larger shift find no less, to within four standard errors; the usual ones assert the latter for
three shifts and two sizes of windows, and the three figures that are stated for 0.4 sd.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from profile_rows import asking, categorical, kll, numeric, stream, table
from scipy import stats
from simulated_windows import POLICY, WINDOW_K, frozen, judged, kll_of_counts

from sparkdrift.kernels.comparing import compare

SEED = 41
SIZES = (30, 100, 1000, 10_000)
WINDOWS = {30: 300, 100: 300, 1000: 200, 10_000: 50}
NAMES = ("a", "b", "c", "d", "e")
SHARES = np.array([0.4, 0.3, 0.15, 0.1, 0.05])


@cache
def numeric_reference() -> dict:
    """Ten million rows of a standard normal distribution, as 202 values with their counts."""
    middles = stats.norm.ppf((np.arange(200) + 0.5) / 200)
    values = np.concatenate([[-5.0], middles, [5.0]])
    counts = np.array([1, *[50_000] * 200, 1])
    row = numeric([], name="x")
    row |= {"row_count": 10**7, "stddev": 1.0, "status": "ok"}
    row |= {"kll": kll_of_counts(values, counts)}
    return frozen([row])


@cache
def categorical_reference() -> dict:
    row = categorical([], name="x")
    items = [
        {"item": name, "count": int(count)}
        for name, count in zip(NAMES, SHARES * 10**7, strict=True)
    ]
    state = {"items": items, "offset": 0, "total": 10**7, "exact": True}
    return frozen([{**row, "row_count": 10**7, "status": "ok", "categories": state}])


def mixed(part, other, n, rng):
    """A share `part` of the rows from another process."""
    return np.where(rng.random(n) < part, other(n), rng.normal(size=n))


def moved(shares, change, n, rng):
    return rng.choice(NAMES, n, p=shares + change * np.array([-1, 1, 0, 0, 0])).tolist()


def fresh(part, n, rng):
    return np.where(rng.random(n) < part, "new", rng.choice(NAMES, n, p=SHARES)).tolist()


SHIFTS = {
    "mean, sd": ((0.1, 0.2, 0.3, 0.4, 0.6, 1.0), lambda size, n, rng: rng.normal(size, 1, n)),
    "scale, times": ((1.1, 1.25, 1.5, 2.0, 3.0), lambda size, n, rng: rng.normal(0, size, n)),
    "tail, share moved to 8 sd": (
        (0.005, 0.01, 0.02, 0.05, 0.1),
        lambda size, n, rng: mixed(size, lambda m: rng.normal(8, 1, m), n, rng),
    ),
    "tail inside, share moved to 3 sd": (
        (0.02, 0.05, 0.1, 0.2),
        lambda size, n, rng: mixed(size, lambda m: np.full(m, 3.0), n, rng),
    ),
    "mixture, share from N(2, 1)": (
        (0.05, 0.1, 0.2, 0.3, 0.5),
        lambda size, n, rng: mixed(size, lambda m: rng.normal(2, 1, m), n, rng),
    ),
    "category, share moved": (
        (0.05, 0.1, 0.15, 0.2, 0.3),
        lambda size, n, rng: moved(SHARES, size, n, rng),
    ),
    "new category, share": (
        (0.005, 0.01, 0.02, 0.05, 0.1),
        lambda size, n, rng: fresh(size, n, rng),
    ),
}


def found(shift: str, size: float, n: int, windows: int) -> int:
    """How many of `windows` windows of n rows were called drifted, each judged alone."""
    rng = np.random.default_rng([SEED, n, round(1000 * size), len(shift)])
    draw = SHIFTS[shift][1]
    of_text = "category" in shift
    reference = categorical_reference() if of_text else numeric_reference()
    rows = []
    for day in range(windows):
        values = draw(size, n, rng)
        if of_text:
            rows.append(categorical(values, day=day, name="x"))
        else:
            rows.append(numeric(values, day=day, name="x", kll=kll(values, WINDOW_K)))
    compared = list(compare(POLICY)(stream(asking(table(reference, *rows)), 2 * windows + 1)))
    status = judged([pa.Table.from_batches(compared)])["status"].to_pylist()
    return status.count("drifted")


def documented() -> dict[tuple[str, float], list[float]]:
    """The table of docs/statistics.md: shares by shift and size, one for each of SIZES."""
    page = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text("utf-8")
    lines = page.split("| shift | | n = 30 | 100 | 1,000 | 10,000 |\n")[1].split("\n\n")[0]
    found, shift = {}, ""
    for line in lines.splitlines()[1:]:
        name, size, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        shift = next(ours for ours, theirs in NAMED.items() if (name or shift).startswith(theirs))
        shift, own = NAMED[shift], shift
        number, _, unit = size.partition(" ")
        part = 0.01 if unit else 1.0
        shares = [float(cell.rstrip(" %")) / 100 for cell in cells]
        found[own, round(part * float(number), 6)] = shares
    return found


NAMED = {
    "mean, sd": "mean, by sd",
    "scale, times": "scale, times",
    "tail, share moved to 8 sd": "tail: share of rows moved to 8 sd",
    "tail inside, share moved to 3 sd": "tail: share of rows moved to 3 sd",
    "mixture, share from N(2, 1)": "mixture: share of rows from N(2, 1)",
    "category, share moved": "categories: share moved",
    "new category, share": "new category, share",
}
"""How the table calls each of SHIFTS."""


def row_of_the_table(shift: str, size: float, sizes=SIZES) -> list[float]:
    """The share of windows called drifted, for each n; printed with its 99.9 % interval."""
    shares, cells = [], []
    for n in sizes:
        windows = WINDOWS[n]
        hits = found(shift, size, n, windows)
        exact = stats.binomtest(hits, windows).proportion_ci(0.999, "exact")
        shares.append(hits / windows)
        cells.append(
            f"n={n}: {100 * hits / windows:.1f} % ({100 * exact.low:.1f} to {100 * exact.high:.1f})"
        )
    print(f"seed={SEED} {shift} {size:g}: {', '.join(cells)}")
    return shares


def check_stated(shift: str, curve: np.ndarray) -> None:
    """What the documentation says of this shift, rounded as it is there."""
    stated = {size: row for (name, size), row in documented().items() if name == shift}
    assert stated
    for size, row in stated.items():
        seen = curve[SHIFTS[shift][0].index(size)]
        for n, share, said in zip(SIZES, seen, row, strict=True):
            hits = round(share * WINDOWS[n])
            exact = stats.binomtest(hits, WINDOWS[n]).proportion_ci(0.999, "exact")
            assert exact.low - 0.005 <= said <= exact.high + 0.005, (shift, size, n, share, said)


def check_curve(shift: str, sizes) -> None:
    curve = np.array([row_of_the_table(shift, size, sizes) for size in SHIFTS[shift][0]])
    # 4 standard errors of a difference of two shares
    allowed = 4 * np.sqrt(0.5 / np.array([WINDOWS[n] for n in sizes]))
    assert (np.diff(curve, axis=0) > -allowed).all()
    assert (curve[-1] > curve[0] - allowed).all()
    # More rows find more of what is material, and less of what is not.
    assert (np.diff(curve[-1]) > -allowed[1:]).all()
    assert curve[-1, -1] == 1
    assert curve[0, 0] < 0.1
    if sizes == SIZES:
        check_stated(shift, curve)


def test_the_documented_table_is_of_these_shifts():
    stated = documented()
    assert {name for name, _ in stated} == set(SHIFTS)
    for (name, size), row in stated.items():
        assert size in SHIFTS[name][0], (name, size)
        assert len(row) == len(SIZES)
    assert stated["mean, sd", 0.4] == [0.08, 0.26, 0.995, 1.0]
    assert stated["category, share moved", 0.15] == [0.04, 0.15, 0.97, 1.0]


@pytest.mark.parametrize(
    "shift", ["mean, sd", "tail, share moved to 8 sd", "category, share moved"]
)
def test_power_grows_with_rows_and_size(shift):
    check_curve(shift, (30, 1000))


@pytest.mark.slow
@pytest.mark.parametrize("shift", SHIFTS)
def test_the_whole_table(shift):
    check_curve(shift, SIZES)


@pytest.mark.parametrize(("n", "stated"), [(30, 0.06), (100, 0.21), (1000, 0.999)])
def test_the_stated_power_for_a_shift_of_four_tenths(n, stated):
    windows = 600 if n < 1000 else 300
    hits = found("mean, sd", 0.4, n, windows)
    exact = stats.binomtest(hits, windows).proportion_ci(0.999, "exact")
    print(f"seed={SEED} n={n}: {hits / windows:.4f} ({exact.low:.4f} to {exact.high:.4f})")
    assert exact.low <= stated <= exact.high

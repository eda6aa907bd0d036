"""Figures from sketches against SciPy on the rows themselves, on real data.

Car loans (tests/data/README.md): a reference of 50,000 rows and chunks of 5,000. Flights: January
and February against later months. Sketches have their default sizes, 1600 and 400, so both sides
have dropped rows, and every distance must be within its stored bar of what SciPy says.
The bits that a sketch drops by are not seeded: in 50 repetitions no difference exceeded 0.6 bars.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from profile_rows import asking, categorical, kll, numeric, stream, table
from pyarrow import parquet
from scipy import stats
from scipy.spatial.distance import jensenshannon

from sparkdrift.demo.flights import WEATHER, flight_tables
from sparkdrift.kernels.comparing import compare
from sparkdrift.kernels.freezing import freeze
from sparkdrift.kernels.policy import Policy

REFERENCE_K, WINDOW_K = 1600, 400
POLICY = Policy(effect=0.32, warn=0.2)
CAR_LOAN = Path(__file__).parents[2] / "data" / "car_loan.parquet"
LOAN_NUMBERS = (
    *("car_value", "debt_to_income_ratio", "loan_length", "driver_tenure", "y_pred_proba"),
)
LOAN_TEXTS = ("salary_range", "size_of_downpayment", "repaid_loan_on_prev_car")
CHUNKS = (0, 4, 5, 9)  # the last two drifted, NannyML's tutorial says
FLIGHT_NUMBERS = ("dep_delay", "arr_delay", "air_time", "distance", *WEATHER)
FLIGHT_TEXTS = ("carrier", "origin", "dest")
MONTHS = (3, 7, 12)


@pytest.fixture(scope="module")
def loans() -> tuple[pa.Table, list[pa.Table]]:
    """The reference, and its windows."""
    whole = parquet.read_table(CAR_LOAN)
    parts = [whole.filter(pc.equal(whole["chunk"], chunk)) for chunk in (-1, *CHUNKS)]
    return parts[0], parts[1:]


@pytest.fixture(scope="module")
def flights() -> tuple[pa.Table, list[pa.Table]]:
    months = list(flight_tables())
    return pa.concat_tables(months[:2]), [months[month - 1] for month in MONTHS]


def values(rows: pa.Table, name: str) -> list:
    column = rows[name]
    return (column.cast(pa.string()) if pa.types.is_boolean(column.type) else column).to_pylist()


def present(column: list) -> np.ndarray:
    return np.array([value for value in column if value is not None], dtype=float)


def compared(reference: dict, windows: list[dict]) -> tuple[dict, list[dict]]:
    """The frozen reference and the figures of its windows, both through the kernels."""
    (frozen,) = pa.Table.from_batches(list(freeze(10)(stream(table(reference))))).to_pylist()
    rows = table(frozen, *windows)
    return frozen, pa.Table.from_batches(list(compare(POLICY)(stream(asking(rows))))).to_pylist()


def numbers(known: pa.Table, seen: list[pa.Table], name: str) -> tuple[dict, list[dict]]:
    reference = values(known, name)
    rows = [values(one, name) for one in seen]
    return compared(
        numeric(reference, kll=kll(present(reference), REFERENCE_K)),
        [numeric(own, day=day, kll=kll(present(own), WINDOW_K)) for day, own in enumerate(rows)],
    )


def rows_in_bins(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Rows with value <= edge, bin by bin: float64 (B,)."""
    return np.bincount(np.searchsorted(edges, x, side="left"), minlength=len(edges) + 1).astype(
        float
    )


def smoothed_psi(a: np.ndarray, b: np.ndarray) -> float:
    p, q = ((c + 0.5) / (c.sum() + len(c) / 2) for c in (a, b))
    return float(((p - q) * np.log(p / q)).sum())


def by_scipy(a: np.ndarray, b: np.ndarray, edges: np.ndarray) -> dict[str, float]:
    """The distances of the rows a (reference) and b; the clip and the unit are those of a."""
    low, first, third, high = np.quantile(a, [0.001, 0.25, 0.75, 0.999], method="inverted_cdf")
    unit = (third - first) / 1.349 or a.std()
    binned = rows_in_bins(a, edges), rows_in_bins(b, edges)
    return {
        "ks_statistic": stats.ks_2samp(a, b, method="asymp").statistic,
        "wasserstein_distance": stats.wasserstein_distance(
            np.clip(a, low, high), np.clip(b, low, high)
        )
        / unit,
        "p001_shift": (np.quantile(b, 0.001, method="inverted_cdf") - low) / unit,
        "p999_shift": (np.quantile(b, 0.999, method="inverted_cdf") - high) / unit,
        "min_shift": (b.min() - a.min()) / unit,
        "max_shift": (b.max() - a.max()) / unit,
        "psi": smoothed_psi(*binned),
        "js_distance": jensenshannon(*binned, base=2),
    }


def check_numbers(known: pa.Table, seen: list[pa.Table], name: str) -> None:
    frozen, found = numbers(known, seen, name)
    reference, edges = present(values(known, name)), np.array(frozen["bins"]["edges"])
    for rows, figures in zip(seen, found, strict=True):
        exact = by_scipy(reference, present(values(rows, name)), edges)
        bars = {
            "ks_statistic": figures["ks_error"],
            "wasserstein_distance": figures["wasserstein_error"],
            "psi": figures["psi_error"],
            "js_distance": figures["js_error"],
            "p001_shift": figures["p001_error"],
            "p999_shift": figures["p999_error"],
            # Exact, but for the unit: an interquartile range of the reference's sketch.
            **{end: 0.1 * abs(exact[end]) for end in ("min_shift", "max_shift")},
        }
        assert figures["ks_error"] > 0.008  # both sides have dropped rows
        for figure, bar in bars.items():
            off = abs(figures[figure] - exact[figure])
            told = f"{name}, {figures['window_start']:%d}: {figure} {figures[figure]:.4f}"
            print(f"{told}, SciPy {exact[figure]:.4f}, difference {off:.4f} of {bar:.4f}")
            assert off <= bar + 1e-12


@pytest.mark.parametrize("name", LOAN_NUMBERS)
def test_numbers_of_car_loans(loans, name):
    check_numbers(*loans, name)


@pytest.mark.parametrize("name", FLIGHT_NUMBERS)
def test_numbers_of_flights(flights, name):
    check_numbers(*flights, name)


def check_texts(known: pa.Table, seen: list[pa.Table], name: str) -> None:
    """Counts of categories are exact, and so is every figure made of them."""
    before = values(known, name)
    frozen, found = compared(
        categorical(before), [categorical(values(rows, name), day=i) for i, rows in enumerate(seen)]
    )
    items = frozen["bins"]["items"]
    for rows, figures in zip(seen, found, strict=True):
        after = values(rows, name)
        a, b = (np.array([side.count(item) for item in items], float) for side in (before, after))
        new = np.array([after.count(item) for item in sorted(set(after) - set(items))], float)
        every = np.concatenate([b, new])
        gap = np.abs(np.concatenate([a, 0 * new]) / a.sum() - every / every.sum())
        expected = {
            "psi": smoothed_psi(a, b),
            "js_distance": jensenshannon(a, b, base=2),
            "new_category_share": new.sum() / len(after),
            "tv_distance": gap.sum() / 2,
            "l_infinity_distance": gap.max(),
        }
        if a.min() >= 100:  # nothing to pool
            test = stats.chi2_contingency([a, b], correction=False)
            expected |= {"chi2_statistic": test.statistic, "chi2_pvalue": test.pvalue}
        for figure, value in expected.items():
            assert figures[figure] == pytest.approx(value, rel=1e-9, abs=1e-12), (name, figure)
        errors = [figures[f"{name}_error"] for name in ("psi", "js", "tv", "l_infinity")]
        assert errors == [0] * 4


@pytest.mark.parametrize("name", LOAN_TEXTS)
def test_texts_of_car_loans(loans, name):
    check_texts(*loans, name)


@pytest.mark.parametrize("name", FLIGHT_TEXTS)
def test_texts_of_flights(flights, name):
    check_texts(*flights, name)

"""The demos' own data through the kernels, without Spark: what stays quiet, what weekdays change.

Windows are days, sketches those of the Python package datasketches, of the demo's size.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import datasketches
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from profile_rows import asking, categorical, numeric, stream, table

from sparkdrift.demo.credit import CATEGORIES, NUMERIC, REFERENCE_DAYS, CreditLog
from sparkdrift.demo.flights import WEATHER, flight_tables
from sparkdrift.kernels.comparing import compare
from sparkdrift.kernels.freezing import freeze
from sparkdrift.kernels.judging import judge
from sparkdrift.kernels.policy import Policy
from sparkdrift.measures.persistence import standing

POLICY = Policy(effect=0.32, warn=0.2)
K = 400
QUIET = "account_age"
JANUARY_AND_FEBRUARY = 59


def numbers(values: np.ndarray, name: str, day: int | None, of: tuple, sketch=None) -> dict:
    """A profile row of float64 values, NaN taken for NULL; sketch: made of them before."""
    present = values[~np.isnan(values)]
    some = len(present) > 0
    if sketch is None:
        sketch = datasketches.kll_doubles_sketch(K)
        sketch.update(present)
    return numeric(
        [], day=day, name=name, slice_key=of[0], slice_value=of[1], row_count=len(values),
        null_count=len(values) - len(present), stddev=float(present.std()) if some else None,
        kll=sketch.serialize() if some else None, status="ok",
    )  # fmt: skip


def numeric_series(name: str, days: list[np.ndarray], known: int, of=("*", "*")) -> list[dict]:
    """The frozen reference of the first `known` days, and the rows of all later ones."""
    rows = [numbers(values, name, day, of) for day, values in enumerate(days)]
    merged = datasketches.kll_doubles_sketch(K)
    for row in rows[:known]:
        if row["kll"] is not None:
            merged.merge(datasketches.kll_doubles_sketch.deserialize(row["kll"]))
    whole = numbers(np.concatenate(days[:known]), name, None, of, merged)
    return [froze(whole, rows[:known]), *rows[known:]]


def text_series(name: str, days: list[list], known: int) -> list[dict]:
    rows = [categorical(values, day=day, name=name) for day, values in enumerate(days)]
    whole = categorical([one for values in days[:known] for one in values], name=name)
    return [froze(whole, rows[:known]), *rows[known:]]


def froze(whole: dict, windows: list[dict]) -> dict:
    (row,) = pa.Table.from_batches(list(freeze(10)(stream(table(whole, *windows))))).to_pylist()
    return row


def judged(series: list[list[dict]], policy: Policy) -> list[dict]:
    rows = table(*(row for one in series for row in one))
    compared = pa.Table.from_batches(list(compare(policy)(stream(asking(rows), 1000))))
    by_window = compared.sort_by("window_start")
    return pa.Table.from_batches(list(judge(policy)(stream(by_window, 1000)))).to_pylist()


def alerts(rows: list[dict], name: str) -> dict[tuple, int]:
    """By slice: windows in which an alert of 2 of 3 stands."""
    series: dict[tuple, list[float]] = {}
    for row in rows:
        if row["column_name"] == name:
            told = np.nan if row["alerting"] is None else float(row["alerting"])
            series.setdefault((row["slice_key"], row["slice_value"]), []).append(told)
    return {of: int(standing(one, 2, 3).sum()) for of, one in series.items()}


def cut(day: np.ndarray, values: np.ndarray) -> list[np.ndarray]:
    """Values by day; `day` ascends from 0 on."""
    return np.split(values, np.searchsorted(day, np.arange(1, day[-1] + 1)))


@pytest.fixture(scope="module")
def credit() -> list[dict]:
    """All numbers over all rows, the quiet one in every slice too: the demo's million rows."""
    log = pa.concat_tables(list(CreditLog().tables()))
    instants = log["event_time"].cast(pa.int64()).to_numpy()
    day = (instants // 86_400_000_000) - (instants[0] // 86_400_000_000)
    values = {name: log[name].cast(pa.float64()).to_numpy() for name in NUMERIC}
    series = [numeric_series(name, cut(day, values[name]), REFERENCE_DAYS) for name in NUMERIC]
    for key in ("region", "channel"):
        for value in CATEGORIES[key]:
            rows = pc.equal(log[key], value).to_numpy()
            days = cut(day[rows], values[QUIET][rows])
            series.append(numeric_series(QUIET, days, REFERENCE_DAYS, (key, value)))
    return judged(series, POLICY)


def test_the_quiet_feature_raises_no_alert_in_nine_months_in_no_slice(credit):
    found = alerts(credit, QUIET)
    assert len(found) == 10
    assert set(found.values()) == {0}, found
    # Not because nothing could be found there: these rows are the demo's, and others alert.
    told = [row for row in credit if row["column_name"] == QUIET and row["slice_key"] == "*"]
    assert len(told) == 274 - REFERENCE_DAYS
    assert np.mean([row["power"] > 0.8 for row in told]) > 0.9
    assert alerts(credit, "income")["*", "*"] > 100
    assert alerts(credit, "loan_amount")["*", "*"] > 50


@cache
def flights() -> tuple[list[list[dict]], int]:
    """The series of the flights demo's features over all rows, and the first day's weekday."""
    rows = pa.concat_tables(list(flight_tables()))
    local = pc.local_timestamp(rows["scheduled_time"].cast(pa.timestamp("us", "America/New_York")))
    date = local.cast(pa.date32()).cast(pa.int32()).to_numpy()
    day = date - date[0]
    names = ("dep_delay", "arr_delay", "air_time", "distance", *WEATHER)
    series = [
        numeric_series(
            name, cut(day, rows[name].to_numpy(zero_copy_only=False)), JANUARY_AND_FEBRUARY
        )
        for name in names
    ]
    for name in ("carrier", "origin", "dest"):
        parts = cut(day, np.array(rows[name].to_pylist(), dtype=object))
        series.append(text_series(name, [one.tolist() for one in parts], JANUARY_AND_FEBRUARY))
    return series, 1  # 1 January 2013 was a Tuesday


def by_weekday(series: list[list[dict]], first: int) -> list[list[dict]]:
    """The same rows, each day and each window of the reference with its weekday."""
    found = []
    for known, *windows in series:
        strata = [(first + i) % 7 for i in range(JANUARY_AND_FEBRUARY)]
        days = [
            {**row, "stratum": (first + JANUARY_AND_FEBRUARY + i) % 7}
            for i, row in enumerate(windows)
        ]
        found.append([{**known, "window_strata": strata}, *days])
    return found


def test_weekday_strata_mean_fewer_alarms_on_the_flights():
    series, first = flights()
    always = replace(POLICY, season="weekday", season_shown=False)
    against = {
        "the whole reference": judged(series, POLICY),
        "its own weekday": judged(by_weekday(series, first), always),
    }
    counts = {}
    for what, rows in against.items():
        statuses = [row["status"] for row in rows]
        counts[what] = [statuses.count(one) for one in ("drifted", "warning")]
        print(f"against {what}: {counts[what]} drifted and warned of {len(rows)}")
    assert len(against["its own weekday"]) == len(against["the whole reference"])
    assert any(row["stratum"] for row in against["its own weekday"])
    (drifted, warned), (drifted_apart, warned_apart) = counts.values()
    assert drifted_apart < drifted
    assert drifted_apart + warned_apart < drifted + warned

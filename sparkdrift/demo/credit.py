"""A synthetic inference log of a credit prioritisation model, with planted faults.

Nothing here is real: every row is drawn from a seeded generator. The model scores
an application with its probability of default; a score at or above the operating
threshold puts the application first in an operator's queue (`priority`); the
operator may override that decision. Whether the applicant defaulted is known
`LABEL_DELAY_DAYS` after the application.

The score's formula never changes. The world under it does, as `STORY` in story.py says
line by line. Days are counted from 0, the first day of the log. Days 0 to 59 are clean:
they are the reference.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sparkdrift.demo.specs import spec_text
from sparkdrift.demo.story import Floats, Ints, first_material_day, planted_on
from sparkdrift.errors import UsageError

Flags = npt.NDArray[np.bool_]

REFERENCE_DAYS: Final = 60
LABEL_DELAY_DAYS: Final = 45
OPERATING_THRESHOLD: Final = 0.2
OVERRIDE_RATE: Final = 0.04
DAY_US: Final = 86_400_000_000


@dataclass(frozen=True)
class Driver:
    """How one column enters the risk: (value or its logarithm - centre) / scale * weight.

    `weight` is the model's, and the world's until the concept shift; `later` is the
    world's weight once that shift is complete. The model reads a missing value as
    `centre`.
    """

    column: str
    centre: float
    scale: float
    weight: float
    later: float
    log: bool = False

    def standardised(self, values: Floats) -> Floats:
        """`values` in units of `scale` around `centre`; NaN stays NaN."""
        return ((np.log(values) if self.log else values) - self.centre) / self.scale


INCOME_SD: Final = 0.55
LOAN_SD: Final = 0.80
BUREAU_SD: Final = 75.0

DRIVERS: Final = (
    Driver("income", math.log(32_000), INCOME_SD, -0.38, 0.00, log=True),
    Driver("utilisation", 0.30, 0.21, 0.55, 0.28),
    Driver("debt_to_income", 0.32, 0.17, 0.33, 0.55),
    Driver("delinquencies_24m", 0.25, 0.66, 0.36, 0.05),
    Driver("bureau_score", 680.0, BUREAU_SD, -0.74, -0.18),
    Driver("inquiries_6m", 1.04, 1.25, 0.28, 0.05),
    Driver("payment_ratio", 0.85, 0.14, -0.33, -0.12),
    Driver("device_risk", 0.26, 0.16, 0.28, 0.60),
    Driver("loan_amount", math.log(9_000), LOAN_SD, 0.14, 0.60, log=True),
    Driver("tenure_months", math.log(36), 1.02, -0.14, -0.60, log=True),
)
INTERCEPT: Final = -2.35
LATER_INTERCEPT: Final = -1.95

NUMERIC: Final = (
    "income", "age", "loan_amount", "utilisation", "delinquencies_24m", "tenure_months",
    "debt_to_income", "bureau_score", "inquiries_6m", "account_age", "payment_ratio",
    "device_risk",
)  # fmt: skip
COUNTS: Final = frozenset({
    "age", "delinquencies_24m", "tenure_months", "bureau_score", "inquiries_6m", "account_age",
})  # fmt: skip
NEW_PRODUCT: Final = "bnpl"
CATEGORIES: Final[Mapping[str, Mapping[str, float]]] = {
    "region": {"north": 0.14, "south": 0.22, "east": 0.20, "west": 0.24, "capital": 0.20},
    "channel": {"web": 0.46, "app": 0.31, "branch": 0.15, "broker": 0.08},
    "product": {"personal": 0.48, "car": 0.24, "card": 0.20, "renovation": 0.08},
    "employment": {
        "permanent": 0.61, "fixed_term": 0.14, "self_employed": 0.12, "retired": 0.09,
        "none": 0.04,
    },
    "purpose": {
        "vehicle": 0.27, "home": 0.23, "consolidation": 0.21, "purchase": 0.16,
        "education": 0.07, "other": 0.06,
    },
    "housing": {"rent": 0.47, "mortgage": 0.32, "owner": 0.16, "family": 0.05},
}  # fmt: skip
NORTH: Final = list(CATEGORIES["region"]).index("north")
FEATURES: Final = (*NUMERIC, *CATEGORIES)

SCHEMA: Final = pa.schema(
    [
        ("application_id", pa.int64()),
        ("event_time", pa.timestamp("us", tz="UTC")),
        *((name, pa.int32() if name in COUNTS else pa.float64()) for name in NUMERIC),
        *((name, pa.string()) for name in CATEGORIES),
        ("score", pa.float64()),
        ("priority", pa.bool_()),
        ("overridden", pa.bool_()),
        ("defaulted", pa.bool_()),
        ("label_time", pa.timestamp("us", tz="UTC")),
    ]
)

# A name's place here seeds its draws: append, never reorder.
STREAMS: Final = (
    *FEATURES, "event_time", "new_product", "bureau_missing", "payment_missing",
    "sensor_missing", "overridden", "defaulted",
)  # fmt: skip


TRUTH: Final[Mapping[str, int | None]] = {name: first_material_day(name) for name in FEATURES}
"""First material day of each feature over all rows; None for those that must stay quiet."""


@dataclass(frozen=True)
class CreditLog:
    """The log: `rows` applications over `days` days, the first of them `begin`, in UTC.

    The same (rows, seed, days, begin) gives the same tables on any machine: each
    month and column draws from its own PCG64 stream, and every figure is rounded,
    which hides all but the rarest last-bit difference between mathematical libraries.
    (numpy may change its streams between versions, NEP 19; a test pins these.)
    The default ends on 1 October: that day closes September.
    """

    rows: int = 1_000_000
    seed: int = 7
    days: int = 274
    begin: date = date(2025, 1, 1)

    def __post_init__(self) -> None:
        for name in ("rows", "days"):
            if (given := getattr(self, name)) < 1:
                raise UsageError(f"{name} is {given}; a credit log needs {name} >= 1")

    def tables(self) -> Iterator[pa.Table]:
        """One table of `SCHEMA` per calendar month, in order of event_time.

        Only one month is held at a time. Nulls: bureau_score 1.5 %, device_risk as
        `STORY` says, defaulted and label_time where the outcome is not known by the
        end of the log. payment_ratio is NaN in 0.4 %. Nothing else is missing.
        """
        volumes = self._daily_volumes()
        dates = np.datetime64(self.begin, "D") + np.arange(self.days)
        months = dates.astype("datetime64[M]")
        first_id = 1
        for index, month in enumerate(np.unique(months)):
            days = np.flatnonzero(months == month)
            rows = _Rows(self.seed, index, np.repeat(days, volumes[days]))
            yield _month_table(self, rows, first_id)
            first_id += rows.day.size

    def _daily_volumes(self) -> Ints:
        """Applications per day: they sum to `rows`; Mondays are busiest, Sundays quietest."""
        weekday = (self.begin.weekday() + np.arange(self.days)) % 7
        shares = np.array([1.12, 1.08, 1.05, 1.03, 1.02, 0.88, 0.82])[weekday].cumsum()
        ends = np.rint(self.rows * shares / shares[-1]).astype(np.int64)
        volumes: Ints = np.diff(ends, prepend=0)
        return volumes


@dataclass(frozen=True)
class _Rows:
    """The rows of one month: the day of each, and draws from a stream per name."""

    seed: int
    month: int
    day: Ints

    def normal(self, stream: str) -> Floats:
        """Standard normal draws, one per row."""
        return self.generator(stream).standard_normal(self.day.size)

    def uniform(self, stream: str) -> Floats:
        """Draws from [0, 1), one per row."""
        return self.generator(stream).random(self.day.size)

    def generator(self, stream: str) -> np.random.Generator:
        """The stream's own generator: adding a stream changes no other."""
        key = (self.month, STREAMS.index(stream))
        return np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key))
        )


def _month_table(log: CreditLog, rows: _Rows, first_id: int) -> pa.Table:
    codes = {name: _category_codes(rows, name) for name in CATEGORIES}
    actual = _numeric_features(rows, in_north=codes["region"] == NORTH)
    recorded, missing = _as_recorded(rows, actual)
    score = _score(recorded, missing)
    event_time = _event_times(log, rows)
    unknown = rows.day >= log.days - LABEL_DELAY_DAYS
    columns: dict[str, pa.Array] = {
        "application_id": pa.array(np.arange(first_id, first_id + rows.day.size)),
        "event_time": pa.array(event_time),
        **{name: pa.array(recorded[name], mask=missing.get(name)) for name in NUMERIC},
        **{name: _strings(name, codes[name]) for name in CATEGORIES},
        "score": pa.array(score),
        "priority": pa.array(score >= OPERATING_THRESHOLD),
        "overridden": pa.array(_overridden(rows)),
        "defaulted": pa.array(_defaulted(rows, actual), mask=unknown),
        "label_time": pa.array(event_time + LABEL_DELAY_DAYS * DAY_US, mask=unknown),
    }
    arrays = [columns[field.name].cast(field.type) for field in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _event_times(log: CreditLog, rows: _Rows) -> Ints:
    """Microseconds since 1970 UTC, ascending; most applications come in the middle of the day."""
    drawn = rows.generator("event_time").random((2, rows.day.size)).mean(axis=0)
    midnight = (np.datetime64(log.begin, "D").astype(np.int64) + rows.day) * DAY_US
    return np.sort(midnight + (drawn * 86_400).astype(np.int64) * 1_000_000)


def _category_codes(rows: _Rows, name: str) -> Ints:
    """Each row's place among the values of `name`; a bnpl product comes after the others."""
    bounds = np.cumsum(list(CATEGORIES[name].values()))[:-1]
    codes = np.searchsorted(bounds, rows.uniform(name), side="right")
    if name == "product":
        share = planted_on("product", "new_category", rows.day)
        codes[rows.uniform("new_product") < share] = len(CATEGORIES[name])
    return codes


def _strings(name: str, codes: Ints) -> pa.Array:
    values = [*CATEGORIES[name], *([NEW_PRODUCT] if name == "product" else [])]
    return pa.DictionaryArray.from_arrays(codes.astype(np.int8), values).cast(pa.string())


def _numeric_features(rows: _Rows, in_north: Flags) -> dict[str, Floats]:
    """The numeric features as they are, before anything goes missing on the way.

    Each is an increasing or decreasing map of standard normal draws, so that a
    Gaussian copula ties columns together and leaves each one's distribution alone.
    """
    day = rows.day
    income, age, late = (rows.normal(name) for name in ("income", "age", "delinquencies_24m"))
    used = rows.normal("utilisation")
    loan = _tied(rows.normal("loan_amount"), income, 0.4)
    tenure = _tied(rows.normal("tenure_months"), age, 0.4)
    bureau = _tied(rows.normal("bureau_score"), late, -0.35)
    bureau += np.where(in_north, planted_on("bureau_score", "slice_shift", day), 0.0)
    debt = _tied(
        rows.normal("debt_to_income"), used, planted_on("debt_to_income", "correlated", day)
    )
    income = income + planted_on("income", "slow_drift", day)
    loan = loan + planted_on("loan_amount", "slow_drift", day)
    return {
        "income": np.maximum(_rounded(32_000 * np.exp(INCOME_SD * income), 10), 1_000),
        "age": np.floor(18 + 60 * _logistic(0.9 * age - 0.4)),
        "loan_amount": np.maximum(_rounded(9_000 * np.exp(LOAN_SD * loan), 100), 500),
        "utilisation": np.where(used < -1.04, 0.0, np.round(_logistic(1.1 * used - 1.0), 3)),
        "delinquencies_24m": _counts(late, (0.99, 1.55, 2.05, 2.51, 2.88)),
        "tenure_months": np.clip(np.floor(36 * np.exp(tenure)), 1, 480),
        "debt_to_income": np.minimum(np.round(0.28 * np.exp(0.5 * debt), 3), 1.5),
        "bureau_score": np.clip(np.rint(680 + BUREAU_SD * bureau), 300, 850),
        "inquiries_6m": _counts(rows.normal("inquiries_6m"), (-0.13, 0.58, 1.13, 1.64, 2.05, 2.5)),
        "account_age": np.clip(np.floor(55 * np.exp(0.8 * rows.normal("account_age"))), 1, 600),
        "payment_ratio": np.round(_logistic(2.2 + 1.2 * rows.normal("payment_ratio")), 3),
        "device_risk": np.round(_logistic(0.9 * rows.normal("device_risk") - 1.2), 4),
    }


def _as_recorded(
    rows: _Rows, actual: Mapping[str, Floats]
) -> tuple[dict[str, Floats], dict[str, Flags]]:
    """The features as the model receives them, and where a column is null (not NaN)."""
    recorded = dict(actual)
    lost = rows.uniform("payment_missing") < 0.004
    recorded["payment_ratio"] = np.where(lost, np.nan, actual["payment_ratio"])
    constant = planted_on("device_risk", "constant", rows.day)
    recorded["device_risk"] = np.where(constant > 0, constant, actual["device_risk"])
    silent = rows.uniform("sensor_missing") < planted_on("device_risk", "missing", rows.day)
    return recorded, {
        "bureau_score": rows.uniform("bureau_missing") < 0.015,
        "device_risk": silent & (constant == 0),
    }


def _score(recorded: Mapping[str, Floats], missing: Mapping[str, Flags]) -> Floats:
    """The model, version 7: probability of default, in (0, 1), rounded to 6 places."""
    logit: Floats = np.full(recorded["income"].size, INTERCEPT)
    for driver in DRIVERS:
        known = np.nan_to_num(driver.standardised(recorded[driver.column]), nan=0.0)
        if driver.column in missing:
            known[missing[driver.column]] = 0.0
        logit += driver.weight * known
    return np.clip(np.round(_logistic(logit), 6), 1e-6, 1 - 1e-6)


def _defaulted(rows: _Rows, actual: Mapping[str, Floats]) -> Flags:
    """What happened: the model's own formula at first, another one after the concept shift."""
    moved = planted_on("defaulted", "concept_shift", rows.day)
    logit = INTERCEPT + moved * (LATER_INTERCEPT - INTERCEPT)
    for driver in DRIVERS:
        weight = driver.weight + moved * (driver.later - driver.weight)
        logit = logit + weight * driver.standardised(actual[driver.column])
    return rows.uniform("defaulted") < _logistic(logit)


def _overridden(rows: _Rows) -> Flags:
    rate = OVERRIDE_RATE + planted_on("overridden", "override_rate", rows.day)
    return rows.uniform("overridden") < rate


def _tied(own: Floats, other: Floats, correlation: float | Floats) -> Floats:
    """Standard normal draws with this correlation to `other`; both inputs standard normal."""
    return correlation * other + np.sqrt(1.0 - np.square(correlation)) * own


def _logistic(logit: Floats) -> Floats:
    result: Floats = 1.0 / (1.0 + np.exp(-logit))
    return result


def _rounded(amount: Floats, step: int) -> Floats:
    return np.rint(amount / step) * step


def _counts(latent: Floats, bounds: tuple[float, ...]) -> Floats:
    """How many of the ascending `bounds` each draw exceeds: a count from 0 up."""
    return np.searchsorted(bounds, latent).astype(np.float64)


def credit_spec(path: str) -> str:
    """The demo's monitor spec as YAML text, with `path` (the Delta table) as its source."""
    return spec_text("credit.yml", path)

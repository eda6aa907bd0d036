"""Seven green months: a synthetic model whose dashboard stays in its band while it gets worse.

Nothing here is real: every row is drawn from a seeded generator. The model says of each claim
how likely an inspection finds something; a score at or above the operating threshold sends an
inspector. What an inspection would have found is known LABEL_DELAY_DAYS later, in a table of its
own. Before it went live the model was evaluated once, on claims of January and February; the
dashboard has computed its accuracy on that set ever since.

The score's formula never changes. From week DRIFT_WEEK on the claims move slowly, what a claim
means moves from what the model has learned, and inspectors are overruled more often. Without
drift (`drifts=False`) everything stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sparkdrift.demo.specs import spec_text
from sparkdrift.demo.story import Floats, Ints
from sparkdrift.errors import UsageError

Flags = npt.NDArray[np.bool_]

BEGIN: Final = date(2024, 12, 30)
WEEKS: Final = 39
LIVE_WEEK: Final = 9
DRIFT_WEEK: Final = 11
LABEL_DELAY_DAYS: Final = 30
OPERATING_THRESHOLD: Final = 0.5
EVALUATED: Final = 6_000
BAND: Final = 0.83
_DAY_US: Final = 86_400_000_000
_WEEK_DAYS: Final = 7


class Driver(NamedTuple):
    """A latent standard normal: its weight in the model, and in the world once all has moved.

    shift: by how many sd it has moved by then.
    """

    column: str
    weight: float
    later: float
    shift: float


DRIVERS: Final = (
    Driver("amount", 2.0, 0.7, 0.75),
    Driver("report_days", 1.6, 0.5, 0.45),
    Driver("prior_claims", 1.5, 1.0, 0.0),
    Driver("policy_months", -1.2, -0.9, -0.5),
    Driver("distance_km", 0.9, 2.2, 0.0),
    Driver("photo_quality", -0.8, -2.0, 0.0),
)
_INTERCEPT: Final = -0.6
CATEGORIES: Final = {
    "region": {"north": 0.3, "south": 0.3, "east": 0.2, "west": 0.2},
    "channel": {"web": 0.5, "phone": 0.3, "broker": 0.2},
}
OVERRIDE_RATE: Final = 0.04
LATER_OVERRIDES: Final = 0.17
# A name's place here seeds its draws: append, never reorder.
_STREAMS: Final = (
    *(driver.column for driver in DRIVERS), *CATEGORIES,
    "event_time", "finding", "overridden", "evaluated", "dashboard",
)  # fmt: skip

_FEATURES: Final = [
    ("amount", pa.float64()),
    ("report_days", pa.float64()),
    ("prior_claims", pa.int32()),
    ("policy_months", pa.int32()),
    ("distance_km", pa.float64()),
    ("photo_quality", pa.float64()),
    ("region", pa.string()),
    ("channel", pa.string()),
]
_SCORED: Final = [
    ("claim_id", pa.int64()),
    ("event_time", pa.timestamp("us", tz="UTC")),
    *_FEATURES,
    ("score", pa.float64()),
    ("inspect", pa.bool_()),
]
LOG: Final = pa.schema([*_SCORED, ("overridden", pa.bool_())])
EVALUATION_SET: Final = pa.schema([*LOG, ("finding", pa.bool_())])
LABELS: Final = pa.schema(
    [("claim_id", pa.int64()), ("finding", pa.bool_()), ("known_at", pa.timestamp("us", tz="UTC"))]
)
DASHBOARD: Final = pa.schema(
    [
        ("time", pa.timestamp("us", tz="UTC")),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("limit", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Claims:
    """Rows as arrays (n,): features by name, event_time in microseconds since 1970 UTC."""

    event_time: Ints
    features: dict[str, Any]
    score: Floats
    inspect: Flags
    overridden: Flags
    finding: Flags

    @property
    def accuracy(self) -> float:
        """Share of decisions by the threshold that were right, all labels known."""
        return float((self.inspect == self.finding).mean())


@dataclass(frozen=True)
class MonthsLog:
    """`rows` claims a day over WEEKS weeks from BEGIN. The same values give the same rows."""

    rows: int = 400
    seed: int = 7
    drifts: bool = True

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise UsageError(f"rows is {self.rows}; the claims need at least 1 a day")

    def week(self, number: int) -> Claims:
        """The claims of one week, from 0, in order of their time."""
        draws = _Draws(self.seed, number, self.rows * _WEEK_DAYS)
        begun = number * _WEEK_DAYS * _DAY_US
        seconds = np.sort(draws.uniform("event_time")) * _WEEK_DAYS * 86_400
        times = _microseconds() + begun + seconds.astype(np.int64) * 1_000_000
        return _claims(draws, times, self._extent(times))

    def evaluation(self) -> Claims:
        """The evaluation set: EVALUATED claims of its own, of the weeks before going live."""
        draws = _Draws(self.seed, WEEKS, EVALUATED)
        seconds = np.sort(draws.uniform("event_time")) * LIVE_WEEK * _WEEK_DAYS * 86_400
        times = _microseconds() + seconds.astype(np.int64) * 1_000_000
        return _claims(draws, times, np.zeros(EVALUATED))

    def log(self) -> Iterator[pa.Table]:
        """The inference log, a table of LOG a week."""
        for number in range(WEEKS):
            yield _table(LOG, self.week(number), 1 + number * self.rows * _WEEK_DAYS)

    def labels(self) -> Iterator[pa.Table]:
        """What is known at the end of the log: of claims that are LABEL_DELAY_DAYS old."""
        for number in range(WEEKS):
            claims = self.week(number)
            known_at = claims.event_time + LABEL_DELAY_DAYS * _DAY_US
            there = known_at < _microseconds() + WEEKS * _WEEK_DAYS * _DAY_US
            ids = 1 + number * self.rows * _WEEK_DAYS + np.arange(len(there))
            columns = [ids[there], claims.finding[there], known_at[there]]
            yield pa.Table.from_arrays(
                [
                    pa.array(one).cast(field.type)
                    for one, field in zip(columns, LABELS, strict=True)
                ],
                schema=LABELS,
            )

    def evaluation_set(self) -> Iterator[pa.Table]:
        """One table of EVALUATION_SET; its claims have numbers below 0."""
        yield _table(EVALUATION_SET, self.evaluation(), -EVALUATED)

    def dashboard(self) -> Iterator[pa.Table]:
        """What the dashboard showed each week since going live: a half of the evaluation set."""
        claims = self.evaluation()
        right = claims.inspect == claims.finding
        weeks = range(LIVE_WEEK, WEEKS)
        shown = [
            round(float(right[_Draws(self.seed, number, EVALUATED).half("dashboard")].mean()), 4)
            for number in weeks
        ]
        times = [_microseconds() + number * _WEEK_DAYS * _DAY_US for number in weeks]
        columns = [times, ["accuracy"] * len(shown), shown, [BAND] * len(shown)]
        yield pa.Table.from_arrays(
            [pa.array(one).cast(field.type) for one, field in zip(columns, DASHBOARD, strict=True)],
            schema=DASHBOARD,
        )

    def _extent(self, times: Ints) -> Floats:
        """How much of the way the world has gone, 0 to 1, at each time."""
        weeks = (times - _microseconds()) / (_WEEK_DAYS * _DAY_US)
        moved = np.clip((weeks - DRIFT_WEEK) / (WEEKS - DRIFT_WEEK), 0.0, 1.0)
        return np.asarray(moved * self.drifts, np.float64)


@dataclass(frozen=True)
class _Draws:
    """Draws of `rows` rows from a stream per name: adding a stream changes no other."""

    seed: int
    part: int
    rows: int

    def normal(self, stream: str) -> Floats:
        return self._generator(stream).standard_normal(self.rows)

    def uniform(self, stream: str) -> Floats:
        return self._generator(stream).random(self.rows)

    def half(self, stream: str) -> Ints:
        return self._generator(stream).permutation(self.rows)[: self.rows // 2]

    def _generator(self, stream: str) -> np.random.Generator:
        key = (self.part, _STREAMS.index(stream))
        return np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key))
        )


def _claims(draws: _Draws, times: Ints, moved: Floats) -> Claims:
    latent = {one.column: draws.normal(one.column) + one.shift * moved for one in DRIVERS}
    learned, meant = np.full(len(moved), _INTERCEPT), np.full(len(moved), _INTERCEPT)
    for one in DRIVERS:
        learned += one.weight * latent[one.column]
        meant += (one.weight + moved * (one.later - one.weight)) * latent[one.column]
    score = np.asarray(np.clip(np.round(_logistic(learned), 6), 1e-6, 1 - 1e-6), np.float64)
    overridden = draws.uniform("overridden")
    return Claims(
        event_time=times,
        features=_recorded(latent) | {name: _drawn(draws, name) for name in CATEGORIES},
        score=score,
        inspect=np.asarray(score >= OPERATING_THRESHOLD),
        overridden=np.asarray(
            overridden < OVERRIDE_RATE + moved * (LATER_OVERRIDES - OVERRIDE_RATE)
        ),
        finding=np.asarray(draws.uniform("finding") < _logistic(meant)),
    )


def _recorded(latent: dict[str, Floats]) -> dict[str, Floats]:
    """The features as they stand in the log: rising maps of their latents."""
    return {
        "amount": np.round(1_800 * np.exp(0.8 * latent["amount"]), 2),
        "report_days": np.round(6 * np.exp(0.7 * latent["report_days"]), 1),
        "prior_claims": np.searchsorted((0.2, 0.9, 1.5, 2.1), latent["prior_claims"]),
        "policy_months": np.clip(np.floor(40 * np.exp(0.8 * latent["policy_months"])), 1, 480),
        "distance_km": np.round(25 * np.exp(0.9 * latent["distance_km"]), 1),
        "photo_quality": np.round(_logistic(0.9 * latent["photo_quality"] + 0.5), 3),
    }


def _drawn(draws: _Draws, name: str) -> npt.NDArray[np.str_]:
    bounds = np.cumsum(list(CATEGORIES[name].values()))[:-1]
    codes = np.searchsorted(bounds, draws.uniform(name), side="right")
    return np.array(list(CATEGORIES[name]))[codes]


def _table(schema: pa.Schema, claims: Claims, first_id: int) -> pa.Table:
    columns = {
        "claim_id": np.arange(first_id, first_id + len(claims.score)),
        **claims.features,
        **{name: getattr(claims, name) for name in ("event_time", "score", "inspect")},
        "overridden": claims.overridden,
        "finding": claims.finding,
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _logistic(logit: Floats) -> Floats:
    result: Floats = 1.0 / (1.0 + np.exp(-logit))
    return result


def _microseconds() -> int:
    return int(np.datetime64(BEGIN, "us").astype(np.int64))


def ended() -> datetime:
    """The end of the last week: no later claim will come, so that week is complete as well."""
    return datetime.combine(BEGIN, time(), timezone.utc) + timedelta(weeks=WEEKS)


def live_from() -> datetime:
    """When the model went live."""
    return datetime.combine(BEGIN + timedelta(weeks=LIVE_WEEK), time(), timezone.utc)


def months_spec(path: str) -> str:
    """The demo's monitor spec as YAML text, with `path` (the inference log) as its source."""
    return spec_text("months.yml", path)

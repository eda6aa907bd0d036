"""Histories of drift-free features through the real kernels, and intervals for what they show.

A history is a reference of W windows, frozen, and MONTH windows more of the same process: each is
compared by `compare`, all features of one window are judged by `judge` as one family, and m of n
is `standing`. Windows of 30 and 1,000 rows are drawn row by row and sketched (k = 400, as stored);
windows of 10^6 are drawn as counts of 100 cells and stored as a sketch that holds those counts
exactly, which is the same in law for every figure made of bins.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from profile_rows import asking, categorical, kll, numeric, stream, table
from scipy import stats

from sparkdrift.kernels.comparing import compare
from sparkdrift.kernels.freezing import freeze
from sparkdrift.kernels.judging import judge
from sparkdrift.kernels.policy import Policy
from sparkdrift.measures.persistence import standing

POLICY = Policy(effect=0.32, warn=0.2)
MONTH = 30
WINDOW_K = 400
LARGEST_SKETCHED = 10_000
_CELLS = 100
_LEVELS = 40


def kll_of_counts(values: np.ndarray, counts: np.ndarray) -> bytes:
    """A KLL sketch of doubles with `counts` rows of each of `values` (ascending), exactly.

    Level h holds the values in whose count the bit h is set. k is the largest there is: at it the
    error that a reader assumes is that of 10^9 rows.
    """
    held = counts > 0
    values, counts = values[held], counts[held].astype(np.int64)
    levels = [values[(counts >> h) & 1 == 1] for h in range(int(counts.max()).bit_length())]
    sizes = [len(level) for level in levels]
    capacity = 65535
    starts = capacity - sum(sizes) + np.concatenate([[0], np.cumsum(sizes)[:-1]])
    head = struct.pack("<BBBBHBB", 5, 1, 15, 0, capacity, 8, 0)
    head += struct.pack("<QHBB", int(counts.sum()), capacity, len(levels), 0)
    head += struct.pack(f"<{len(levels)}I", *(int(start) for start in starts))
    body = np.concatenate([[values[0], values[-1]], *levels]).astype("<f8")
    return head + body.tobytes()


@dataclass(frozen=True)
class Feature:
    """A process: rows(n, mean, rng) of one window, whose mean wanders by `mean` sd, or the shares
    of the process's cells, (values, shares(mean)), for windows too large to draw by rows.

    missing: of a window drawn by cells, the shares of NULL and NaN, beside which the cells are.
    """

    rows: Callable
    cells: Callable | None = None
    kind: str = "numeric"
    missing: tuple[float, float] = (0.0, 0.0)


def _quantile_cells(distribution) -> Callable:
    """100 cells of equal mass; the mean moves rows between them."""
    edges = distribution.ppf(np.arange(1, _CELLS) / _CELLS)
    middles = distribution.ppf((np.arange(_CELLS) + 0.5) / _CELLS)
    unit = (distribution.ppf(0.75) - distribution.ppf(0.25)) / 1.349

    def cells(mean: float) -> tuple[np.ndarray, np.ndarray]:
        below = distribution.cdf(edges - mean * unit)
        return middles, np.diff(below, prepend=0.0, append=1.0)

    return cells


def _poisson_cells(mean: float) -> tuple[np.ndarray, np.ndarray]:
    values = np.arange(30.0)
    shares = stats.poisson.pmf(values, 3 + mean * np.sqrt(3))
    return values, shares / shares.sum()


def _mostly_zero_cells(mean: float) -> tuple[np.ndarray, np.ndarray]:
    values, shares = _quantile_cells(stats.expon)(0.0)
    part = 0.03 * np.exp(mean)
    return np.concatenate([[0.0], values]), np.concatenate([[1 - part], part * shares])


def _mostly_zero(n: int, mean: float, rng) -> np.ndarray:
    return np.where(rng.random(n) < 0.03 * np.exp(mean), rng.exponential(size=n), 0.0)


_RARE = np.array([0.4, 0.25, 0.15, 0.1, 0.05, 0.03, 0.01, 0.005, 0.003, 0.002])
_NAMES = np.array([f"c{i}" for i in range(len(_RARE))])


def category_shares(mean: float) -> np.ndarray:
    """The odds of the largest category wander."""
    weights = _RARE * np.concatenate([[np.exp(mean)], np.ones(len(_RARE) - 1)])
    return weights / weights.sum()


_MISSING = (0.05, 0.02)


def _some_null(n: int, mean: float, rng) -> list:
    """5 % of NULLs, 2 % of NaNs, else normal: three tests in the family (see `_MISSING`)."""
    values = rng.normal(mean, 1, n).tolist()
    which = rng.random(n)
    return [
        None if u < _MISSING[0] else float("nan") if u < sum(_MISSING) else value
        for u, value in zip(which, values, strict=True)
    ]


FEATURES = {
    "normal": Feature(lambda n, mean, rng: rng.normal(mean, 1, n), _quantile_cells(stats.norm)),
    "discrete": Feature(lambda n, mean, rng: rng.poisson(3 + mean * np.sqrt(3), n), _poisson_cells),
    "heavy-tailed": Feature(
        lambda n, mean, rng: rng.standard_t(1.5, n) + 1.2 * mean, _quantile_cells(stats.t(1.5))
    ),
    "mostly zero": Feature(_mostly_zero, _mostly_zero_cells),
    "constant": Feature(
        lambda n, mean, rng: np.full(n, 7.0), lambda mean: (np.array([7.0]), np.array([1.0]))
    ),
    "all missing": Feature(lambda n, mean, rng: [None] * n),
    "some missing": Feature(_some_null, _quantile_cells(stats.norm), missing=_MISSING),
    "categories": Feature(
        lambda n, mean, rng: rng.multinomial(n, category_shares(mean)), kind="categorical"
    ),
}


def _steps(windows: int, tau: float, rho: float, rng) -> np.ndarray:
    """How far the mean of each window is away, in sd: AR(1) with standard deviation tau."""
    steps = rng.normal(size=windows)
    for t in range(1, windows):
        steps[t] = rho * steps[t - 1] + np.sqrt(1 - rho**2) * steps[t]
    return tau * steps


def _missing(n: int, name: str, day: int | None) -> dict:
    row = numeric([], day=day, name=name)
    return {**row, "row_count": n, "null_count": n, "status": "ok"}


def _drawn_cells(feature: Feature, n: int, mean: float, rng) -> np.ndarray:
    """Rows that are NULL, that are NaN, and in each of the feature's cells."""
    shares = (1 - sum(feature.missing)) * feature.cells(mean)[1]
    return rng.multinomial(n, np.concatenate([feature.missing, shares]))


def _of_counts(drawn: np.ndarray, values: np.ndarray, name: str, day: int | None) -> dict:
    (null, nan), counts = drawn[:2], drawn[2:]
    n = int(counts.sum())
    mean = counts @ values / n
    return {
        **numeric([], day=day, name=name),
        "row_count": int(drawn.sum()),
        "null_count": int(null),
        "nan_count": int(nan),
        "status": "ok",
        "stddev": float(np.sqrt(counts @ (values - mean) ** 2 / n)),
        "kll": kll_of_counts(values, counts),
    }


def _of_categories(counts: np.ndarray, name: str, day: int | None) -> dict:
    order = np.lexsort((_NAMES, -counts))
    items = [{"item": str(_NAMES[i]), "count": int(counts[i])} for i in order if counts[i]]
    n = int(counts.sum())
    state = {"items": items, "offset": 0, "total": n, "exact": True}
    row = categorical([], day=day, name=name)
    return {**row, "row_count": n, "status": "ok", "categories": state}


def _of_rows(values, name: str, day: int | None) -> dict:
    held = np.array([v for v in values if v is not None], dtype=float)
    held = held[np.isfinite(held)]
    return numeric(values, day=day, name=name, kll=kll(held, WINDOW_K) if len(held) else None)


def profiles(feature: Feature, name: str, n: int, steps: np.ndarray, windows: int, rng) -> list:
    """The merged reference row, its `windows` windows (days before 0), and the rest from day 0."""
    days = range(-windows, len(steps) - windows)
    if feature is FEATURES["all missing"]:
        return [_missing(n * windows, name, None), *(_missing(n, name, day) for day in days)]
    if feature.kind == "categorical":
        drawn = [rng.multinomial(n, category_shares(step)) for step in steps]
        made = partial(_of_categories, name=name)
        whole = made(sum(drawn[:windows]), day=None)
    elif n > LARGEST_SKETCHED:
        assert feature.cells is not None, f"{name}: no cells"
        values = feature.cells(0.0)[0]
        drawn = [_drawn_cells(feature, n, step, rng) for step in steps]
        made = partial(_of_counts, values=values, name=name)
        whole = made(sum(drawn[:windows]), day=None)
    else:
        drawn = [feature.rows(n, step, rng) for step in steps]
        made = partial(_of_rows, name=name)
        whole = made([value for window in drawn[:windows] for value in window], day=None)
    return [whole, *(made(one, day=day) for one, day in zip(drawn, days, strict=True))]


def history(kinds: list[str], n: int, windows: int, tau: float, rho: float, rng, month=MONTH):
    """One monitor's month without drift: the judged rows, sorted by window, then by feature."""
    compared = []
    for i, kind in enumerate(kinds):
        steps = _steps(windows + month, tau, rho, rng)
        rows = profiles(FEATURES[kind], f"f{i:04}", n, steps, windows, rng)
        compared.append(compared_rows(rows, windows))
    return judged(compared)


def compared_rows(rows: list[dict], windows: int) -> pa.Table:
    """The windows after the reference's own, through the first two kernels."""
    reference = frozen(rows[: windows + 1])
    size = 2 * len(rows) + 1
    after = table(reference, *rows[windows + 1 :])
    return pa.Table.from_batches(list(compare(POLICY)(stream(asking(after), size))))


def frozen(rows: list[dict]) -> dict:
    (row,) = pa.Table.from_batches(list(freeze(10)(stream(table(*rows), len(rows))))).to_pylist()
    return row


def judged(compared: list[pa.Table]) -> pa.Table:
    together = pa.concat_tables(compared).sort_by(
        [("window_start", "ascending"), ("column_name", "ascending")]
    )
    batches = stream(together, together.num_rows)
    return pa.Table.from_batches(list(judge(POLICY)(batches)))


@dataclass
class Tally:
    """What histories without drift showed; each list has an entry per history."""

    months: int = 0
    drifted: list = None  # (windows, features) booleans
    unusual: list = None
    alerts: list = None  # (features, windows): an alert stands
    ok: list = None

    def __post_init__(self) -> None:
        self.drifted, self.unusual, self.alerts, self.ok = [], [], [], []

    def add(self, rows: pa.Table, features: int) -> None:
        shape = (rows.num_rows // features, features)
        status = np.array(rows["status"].to_pylist()).reshape(shape)
        q = np.array([np.nan if v is None else v for v in rows["q_value"].to_pylist()])
        seen = [np.nan if v is None else float(v) for v in rows["alerting"].to_pylist()]
        self.months += 1
        self.drifted.append(status == "drifted")
        self.ok.append(status == "ok")
        self.unusual.append((q <= 0.1).reshape(shape))
        self.alerts.append(standing(np.array(seen).reshape(shape).T, 2, 3))


def simulate(
    kinds: list[str], n: int, windows: int, tau: float, rho: float, months: int, seed: int
):
    rng = np.random.default_rng(seed)
    tally = Tally()
    for _ in range(months):
        tally.add(history(kinds, n, windows, tau, rho, rng), len(kinds))
    return tally


@dataclass(frozen=True)
class Rate:
    """A share with its 99.9 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.3g} % ({100 * self.low:.2g} to {100 * self.high:.2g})"

    def meets(self, low: float, high: float) -> bool:
        return self.low <= high and self.high >= low


def rate(clusters: np.ndarray) -> Rate:
    """Clopper and Pearson's interval of a share whose trials come in clusters (months, trials).

    The trials of a month have the reference in common, so they count as fewer: as many as would
    scatter the months' shares as they do scatter (Korn and Graubard 1998), and never more than
    there are. With one trial a month it is the plain binomial interval.
    """
    hits = np.asarray(clusters, dtype=float)
    months, trials = hits.shape[0], hits.size
    share = hits.mean()
    worth = float(trials)
    if 0 < share < 1 and months > 1 and trials > months:
        of_months = hits.reshape(months, -1).mean(axis=1).var(ddof=1) / months
        worth = min(worth, share * (1 - share) / of_months) if of_months > 0 else worth
    x = share * worth
    low = stats.beta.ppf(0.0005, x, worth - x + 1) if x > 0 else 0.0
    high = stats.beta.ppf(0.9995, x + 1, worth - x) if x < worth else 1.0
    return Rate(float(share), float(low), float(high))

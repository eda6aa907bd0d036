"""Every type that is watched: profiled by Spark, and held against Python and numpy."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import new_store, profile_only, rows_of, run, spec_of
from pyspark.sql import functions as F
from source_tables import START, day_start

from sparkdrift.measures.kll import read_kll
from sparkdrift.spark.describing import describe
from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.source import open_source
from sparkdrift.spec.drafting import draft_spec
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.values_in_sql import direction

pytestmark = pytest.mark.spark

ROWS = {0: 60, 1: 400, 2: 1}
K = 64
ZONE = "Europe/Berlin"
DIMENSION, SEED, PROJECTIONS = 12, 5, 3
PLAIN = ("tiny", "small", "big", "counted", "exact", "fine", "price", "single", "double")
NUMERIC = [
    *PLAIN,
    {"column": "born", "as": "age"},
    {"column": "seen", "as": "number"},
    {"column": "local", "as": "number"},
    {"name": "born_day", "expression": "unix_date(born)"},
    {"name": "basket", "expression": "size(items)"},
    {"name": "income", "expression": "person.income"},
    {"name": "ratio", "expression": "try_divide(small, tiny)"},
    {"name": "parsed", "expression": "try_cast(code AS INT)"},
    {"name": "sum", "expression": "counted + 0"},
    {"name": "third", "expression": "get(embedding, 2)"},
]
CATEGORICAL = [
    "flag",
    "code",
    {"name": "born_year", "expression": "year(born)"},
    {"name": "has_flag", "expression": "array_contains(map_keys(attrs), 'flag')"},
]
TEXTS = [
    *("", " ", "\t\n", "one", "two words", "  padded   out ", "naïve café", "日本語", "a\u00a0b"),
    *("emoji 😀 here", "x" * 300, "line\nbreak"),
]


def with_nulls(rng, values: list, share: float = 0.1) -> list:
    return [None if u < share else v for u, v in zip(rng.random(len(values)), values, strict=True)]


def pick(rng, pool: list, count: int) -> list:
    return [pool[int(i)] for i in rng.integers(0, len(pool), count)]


def vectors(rng, count: int) -> list:
    """Vectors, most of them sound: also NULL, of other lengths, with NULL, NaN, infinity."""
    made: list = rng.normal(1, 2, (count, DIMENSION)).astype(np.float32).tolist()
    for i in range(0, count, 7):
        odd = made[i]
        made[i] = [
            None,
            [],
            odd[:3],
            [*odd, 1.0],
            [None, *odd[1:]],
            [math.nan, *odd[1:]],
            [math.inf, *odd[1:]],
        ][i // 7 % 7]
    return made


def rows_of_day(day: int, count: int, rng) -> pa.Table:
    ints = lambda *ends: rng.integers(*ends, count).tolist()  # noqa: E731
    embedding = vectors(rng, count)
    micro = timedelta(microseconds=1)
    near = [2**60 + int(i) for i in rng.integers(0, 50, count)]
    local = datetime(2024, 3, 30)  # noqa: DTZ001 - without a zone on purpose
    naive = [local + micro * int(m) for m in rng.integers(0, 3 * 10**11, count)]
    return pa.table(
        {
            "ts": source_tables.instants(day, count, rng),
            "tiny": pa.array(with_nulls(rng, pick(rng, [-128, 127, 0, 5], count)), pa.int8()),
            "small": pa.array(ints(-(2**15), 2**15), pa.int16()),
            "big": pa.array(
                pick(rng, [-(2**63), 2**63 - 1, 0, 2**53, 2**53 + 1, None], count), pa.int64()
            ),
            "counted": pa.array(near, pa.int64()),
            "exact": pa.array(
                [
                    None if d is None else Decimal(d)
                    for d in pick(
                        rng,
                        [
                            *("99999999999999999999.999999999999999999", "0", None),
                            *("-99999999999999999999.999999999999999999",),
                            *("0.000000000000000001", "-0.000000000000000001"),
                            *("1.000000000000000001", "1.000000000000000002", "1"),
                        ],
                        count,
                    )
                ],
                pa.decimal128(38, 18),
            ),
            "fine": pa.array(
                [Decimal(int(i)).scaleb(-38) for i in rng.integers(0, 3, count)],
                pa.decimal128(38, 38),
            ),
            "price": pa.array(
                [Decimal(int(i)).scaleb(-2) for i in rng.integers(-50, 50, count)],
                pa.decimal128(10, 2),
            ),
            "single": pa.array(
                pick(
                    rng,
                    [3.4028234663852886e38, 1.401298464324817e-45, -0.0, 0.0, math.nan, -math.inf],
                    count,
                ),
                pa.float32(),
            ),
            "double": pa.array(
                pick(rng, [5e-324, -5e-324, 0.0, -0.0, math.nan, math.inf, None, 1e300], count),
                pa.float64(),
            ),
            "flag": pa.array(pick(rng, [True, False, None], count), pa.bool_()),
            "code": pa.array(pick(rng, ["1", "22", "x", "", None], count)),
            "born": pa.array(
                pick(rng, [date(1960, 2, 29), date(2030, 1, 1), date(1, 1, 1), None], count)
            ),
            "seen": pa.array(
                [day_start(0) - micro * int(m) for m in rng.integers(0, 10**15, count)],
                source_tables.TIMESTAMP,
            ),
            "local": pa.array(naive, pa.timestamp("us")),
            "items": pa.array(pick(rng, [["a"], [], None, ["a", "b", None]], count)),
            "attrs": pa.array(
                pick(rng, [[("flag", "y")], [("other", "n")], [], None], count),
                pa.map_(pa.string(), pa.string()),
            ),
            "person": pa.array([{"income": float(i)} for i in ints(0, 9)]),
            "embedding": pa.array(embedding, pa.list_(pa.float32())),
            "wide": pa.array(
                [
                    None if v is None else [x if x is None else float(x) for x in v]
                    for v in embedding
                ],
                pa.list_(pa.float64()),
            ),
            "comment": pa.array(with_nulls(rng, pick(rng, TEXTS, count))),
        }
    )


@pytest.fixture(scope="module")
def source() -> pa.Table:
    rng = np.random.default_rng(11)
    return pa.concat_tables([rows_of_day(day, count, rng) for day, count in ROWS.items()])


@pytest.fixture(scope="module")
def spec(workspace):
    vector = {"dimension": DIMENSION, "projections": PROJECTIONS, "seed": SEED}
    return spec_of(
        workspace / "log",
        timestamp={"column": "ts", "zone": "UTC"},
        features={
            "numeric": NUMERIC,
            "categorical": CATEGORICAL,
            "vector": [{"column": name, **vector} for name in ("embedding", "wide")],
            "text": ["comment"],
        },
        sketch={"k": K},
    )


@pytest.fixture(scope="module")
def cells(spark, workspace, source, spec) -> dict:
    """Profile rows by (day, feature)."""
    # Arrow's local times become instants on their way into Spark.
    frame = spark.createDataFrame(source.combine_chunks()).coalesce(1)
    frame = frame.withColumn("local", F.expr("CAST(local AS TIMESTAMP_NTZ)"))
    frame.write.format("delta").save(str(workspace / "log"))
    store = new_store(spark, workspace / "store")
    profile_only(spark, store, spec)
    found = rows_of(spark, store, "profiles").to_pylist()
    return {((row["window_start"] - START).days, row["column_name"]): row for row in found}


def columns_of(source: pa.Table, day: int) -> dict[str, list]:
    first = sum(count for other, count in ROWS.items() if other < day)
    return source.slice(first, ROWS[day]).to_pydict()


# An age of two thousand years has more microseconds than a double has bits for.
ROUNDING = 1e-15


def check_numbers(
    cell: dict, values: list, distinct: int | None = None, rounding: float = 0
) -> None:
    """Counters, extremes and (below K values) the sketch against the exact values."""
    doubles = [None if v is None else float(v) for v in values]
    finite = np.array([v + 0.0 for v in doubles if v is not None and math.isfinite(v)])
    assert cell["status"] == "ok"
    assert cell["row_count"] == len(values)
    assert cell["null_count"] == sum(v is None for v in values)
    assert cell["nan_count"] == sum(v is not None and math.isnan(v) for v in doubles)
    assert cell["positive_infinity_count"] == sum(v == math.inf for v in doubles)
    assert cell["negative_infinity_count"] == sum(v == -math.inf for v in doubles)
    assert cell["zeros"] == sum(v is not None and v == 0 for v in values)
    if distinct is not None:  # an estimate, but exact for as few as 100
        error = 0 if distinct <= 100 else 0.1 * distinct
        assert cell["distinct_count"] == pytest.approx(distinct, abs=error)
    if not len(finite):
        assert cell["min"] is None
        return
    ends = [cell["min"], cell["max"]]
    np.testing.assert_allclose(ends, [finite.min(), finite.max()], rtol=rounding)
    assert cell["moments"]["n"] == len(finite)
    if len(finite) < K:
        sketched = read_kll(cell["kll"]).values
        np.testing.assert_allclose(sketched, np.sort(finite), rtol=rounding)


@pytest.mark.parametrize("day", [0, 1])
@pytest.mark.parametrize("name", PLAIN)
def test_counters_are_those_of_the_exact_values(cells, source, name, day):
    values = columns_of(source, day)[name]
    different = {v + 0 for v in values if v is not None and (v == v and abs(v) != math.inf)}
    check_numbers(cells[day, name], values, len(different))
    assert not np.signbit([x for x in read_kll(cells[day, name]["kll"]).values if x == 0]).any()


def test_what_a_double_would_lose_is_counted(cells, source):
    # Each of these would be one value, or zero, if it were a double.
    assert len({float(v) for v in columns_of(source, 1)["counted"]}) == 1
    assert cells[1, "counted"]["distinct_count"] == 50
    assert cells[1, "exact"]["distinct_count"] == 8
    exact = columns_of(source, 1)["exact"]
    assert cells[1, "exact"]["zeros"] == sum(v == 0 for v in exact if v is not None) > 0
    assert cells[1, "fine"]["zeros"] == sum(v == 0 for v in columns_of(source, 1)["fine"]) > 0
    assert cells[1, "sum"]["distinct_count"] == 50


def seconds(value: datetime) -> float:
    return (value - datetime(1970, 1, 1, tzinfo=timezone.utc)) / timedelta(seconds=1)


def of(function, values: list) -> list:
    return [None if value is None else function(value) for value in values]


@pytest.mark.parametrize("day", [0, 1])
def test_dates_and_timestamps_are_numbers_or_ages(cells, source, day):
    rows = columns_of(source, day)
    midnight = lambda d: datetime(d.year, d.month, d.day, tzinfo=timezone.utc)  # noqa: E731
    ages = [
        None if born is None else (at - midnight(born)) / timedelta(days=1)
        for at, born in zip(rows["ts"], rows["born"], strict=True)
    ]
    check_numbers(cells[day, "born"], ages, rounding=ROUNDING)
    check_numbers(cells[day, "seen"], of(seconds, rows["seen"]))
    local = of(lambda v: seconds(v.replace(tzinfo=timezone.utc)), rows["local"])
    check_numbers(cells[day, "local"], local)
    days = of(lambda d: (d - date(1970, 1, 1)).days, rows["born"])
    check_numbers(cells[day, "born_day"], days, len(set(days) - {None}))
    assert cells[day, "born"]["data_type"] == "date"


def ratio(a, b):
    return None if a is None or not b else a / b


def parsed(text):
    return int(text) if text is not None and re.fullmatch(r"\d+", text) else None


@pytest.mark.parametrize("day", [0, 1])
def test_expressions_are_what_they_say(cells, source, day):
    rows = columns_of(source, day)
    check_numbers(cells[day, "basket"], of(len, rows["items"]))
    check_numbers(cells[day, "income"], [one["income"] for one in rows["person"]])
    pairs = zip(rows["small"], rows["tiny"], strict=True)
    check_numbers(cells[day, "ratio"], [ratio(a, b) for a, b in pairs])
    check_numbers(cells[day, "parsed"], of(parsed, rows["code"]))
    third = [None if v is None or len(v) < 3 else v[2] for v in rows["embedding"]]
    check_numbers(cells[day, "third"], third)
    check_categories(cells[day, "flag"], of(lambda b: str(b).lower(), rows["flag"]))
    check_categories(cells[day, "born_year"], of(lambda d: str(d.year), rows["born"]))
    flags = of(lambda attrs: str("flag" in dict(attrs)).lower(), rows["attrs"])
    check_categories(cells[day, "has_flag"], flags)
    assert cells[day, "has_flag"]["data_type"] == "boolean"
    assert cells[day, "basket"]["data_type"] == "int"


def check_categories(cell: dict, texts: list) -> None:
    present = [text for text in texts if text is not None]
    assert (cell["row_count"], cell["null_count"]) == (len(texts), len(texts) - len(present))
    assert cell["categories"]["exact"]
    listed = {one["item"]: one["count"] for one in cell["categories"]["items"]}
    assert listed == Counter(present)


def projected(vector, number: int) -> float | None:
    """The projection by numpy, in double precision; None as documented."""
    if vector is None or len(vector) != DIMENSION or None in vector:
        return None
    along = np.array(direction(DIMENSION, SEED, number), dtype=np.float64)
    return float(np.asarray(vector, dtype=np.float64) @ along)


def norm(vector) -> float | None:
    if vector is None or len(vector) != DIMENSION or None in vector:
        return None
    return float(np.linalg.norm(np.asarray(vector, dtype=np.float64)))


def check_close(cell: dict, values: list) -> None:
    """As `check_numbers`, but to single precision."""
    known = [v for v in values if v is not None]
    finite = np.sort([v for v in known if math.isfinite(v)])
    assert cell["null_count"] == len(values) - len(known) > 0
    assert cell["nan_count"] == sum(map(math.isnan, known)) > 0
    infinite = cell["positive_infinity_count"] + cell["negative_infinity_count"]
    assert infinite == sum(map(math.isinf, known)) > 0
    scale = np.abs(finite).max()
    assert cell["mean"] == pytest.approx(finite.mean(), abs=1e-5 * scale)
    assert cell["stddev"] == pytest.approx(finite.std(), abs=1e-5 * scale)
    sketched = np.sort(read_kll(cell["kll"]).values)
    if len(finite) < K:
        np.testing.assert_allclose(sketched, finite, atol=1e-5 * scale)


@pytest.mark.parametrize("day", [0, 1])
@pytest.mark.parametrize("name", ["embedding", "wide"])
def test_vectors_are_projected_as_numpy_does(cells, source, name, day):
    made = columns_of(source, day)[name]
    check_close(cells[day, f"{name}.norm"], of(norm, made))
    for number in range(PROJECTIONS):
        values = [projected(vector, number) for vector in made]
        check_close(cells[day, f"{name}.projection_{number}"], values)
    lengths = of(lambda vector: str(len(vector)), made)
    check_categories(cells[day, f"{name}.dimension"], lengths)


@pytest.mark.parametrize("day", [0, 1])
def test_texts_are_measured_as_python_does(cells, source, day):
    texts = columns_of(source, day)["comment"]
    check_numbers(cells[day, "comment.length"], of(len, texts))
    check_numbers(cells[day, "comment.words"], of(lambda t: len(t.split()), texts))
    empty = of(lambda t: str(not t.split()).lower(), texts)
    check_categories(cells[day, "comment.empty"], empty)
    beyond = of(lambda t: str(not t.isascii()).lower(), texts)
    check_categories(cells[day, "comment.non_ascii"], beyond)


def test_local_times_are_read_in_the_monitors_zone(spark, workspace, source, cells):
    entries = [{"column": "local", "as": "number"}, {"column": "born", "as": "age"}]
    spec = spec_of(
        workspace / "log",
        timestamp={"column": "ts", "zone": ZONE},
        features={"numeric": entries},
    )
    table = open_source(spark, table=None, path=str(workspace / "log"), row_filter=None)
    local, born = (one.feature.sql for one in resolve_source(spark, spec, table).watched)
    found = table.rows(spark).selectExpr("local", f"{local} AS n", "ts", "born", f"{born} AS a")
    berlin = ZoneInfo(ZONE)
    checked = 0
    for row in found.selectExpr("local", "n", "ts", "born", "a").toArrow().to_pylist():
        at = row["local"]
        if at.date() == date(2024, 3, 31) and at.hour == 2:
            continue  # an hour that Berlin skips: Spark and Python place it differently
        assert row["n"] == seconds(at.replace(tzinfo=berlin))
        checked += 1
        if row["born"] == date(1960, 2, 29):
            since = datetime(1960, 2, 29, tzinfo=berlin)
            assert row["a"] == pytest.approx((seconds(row["ts"]) - seconds(since)) / 86_400)
    assert checked > 300


REFUSED = {
    "numeric: x of a column that is a string": ("numeric", "sqrt(items)", "does not fit the table"),
    "a text as a number": ("numeric", "concat(code, 'x')", "can't be a numeric feature"),
    "a map": ("categorical", "attrs", "can't be a categorical feature"),
    "bytes": ("categorical", "unhex(code)", "can't be a categorical feature"),
    "an interval": ("numeric", "ts - seen", "can't be a numeric feature"),
    "a number as a category": ("categorical", "sqrt(tiny)", "can't be a categorical feature"),
    "no column": ("numeric", "sized + 1", "no column 'sized'"),
}


def test_expressions_are_held_against_the_table(spark, workspace, cells):
    table = open_source(spark, table=None, path=str(workspace / "log"), row_filter=None)
    entries: dict[str, list] = {"numeric": [], "categorical": []}
    for name, (kind, sql, _) in REFUSED.items():
        entries[kind].append({"name": name, "expression": sql})
    entries["numeric"].append({"name": "sound", "expression": "tiny + 1"})
    resolution = resolve_source(spark, spec_of(workspace / "log", features=entries), table)
    found = {one.feature.name: one.problem for one in resolution.features}
    for name, (_, _, message) in REFUSED.items():
        assert found[name] is not None, name
        assert message in found[name].message
    assert found["sound"] is None


def test_a_failing_row_takes_one_feature_along_and_no_other(spark, workspace, tmp_path, cells):
    entries = [
        "tiny",
        {"name": "parsed", "expression": "CAST(code AS INT)"},
        {"name": "divided", "expression": "small / tiny"},
        {"name": "tenth", "expression": "length(items[9])"},
        {"name": "lost", "expression": "gone + 1"},
        {"name": "tolerant", "expression": "try_cast(code AS INT)"},
    ]
    spec = spec_of(workspace / "log", features={"numeric": entries})
    store = new_store(spark, tmp_path / "store")
    profile_only(spark, store, spec)
    rows = rows_of(spark, store, "profiles", "row_count > 0").to_pylist()
    status = {(row["column_name"], row["status"]) for row in rows}
    assert {("tiny", "ok"), ("tolerant", "ok")} <= status
    for name, why in (
        ("parsed", "CAST_INVALID_INPUT"),
        ("divided", "DIVIDE_BY_ZERO"),
        ("tenth", "INVALID_ARRAY_INDEX"),
        ("lost", "no column 'gone'"),
    ):
        assert {row["status"] for row in rows if row["column_name"] == name} == {"schema_changed"}
        reasons = {row["reason"] for row in rows if row["column_name"] == name}
        assert all(why in reason for reason in reasons), reasons
    (succeeded,) = rows_of(spark, store, "runs", "phase = 'SUCCEEDED'").to_pylist()
    assert any("try_cast" in warning for warning in succeeded["warnings"])


def test_a_draft_of_the_table_fits_it(spark, workspace, cells):
    table = open_source(spark, table=None, path=str(workspace / "log"), row_filter=None)
    rows, columns = describe(spark, table)
    text = draft_spec(columns, path=str(workspace / "log"), rows=rows)
    spec = parse_spec(text)
    assert rows == sum(ROWS.values())
    assert [(one.column, one.dimension) for one in spec.features.vector] == [
        ("embedding", DIMENSION),
        ("wide", DIMENSION),
    ]
    assert "{column: born, as: age}" in text
    by_name = {column.name: column for column in columns}
    assert by_name["comment"].mean_length is not None
    assert 0 < by_name["comment"].spaced_share < 1
    assert resolve_source(spark, spec, table).problems == ()


SHIFTED, ROTATED, LONGER, CLOSING = 6, 7, 8, 9
WIDE = 16


def rotation(rng) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(WIDE, WIDE)))[0]


@pytest.fixture(scope="module")
def embedded(spark, workspace) -> dict:
    """Verdicts by (day, feature) and weekly profiles by feature, with the vectors per day."""
    rng = np.random.default_rng(23)
    mean, turn = rng.normal(0, 1, WIDE) * 2, rotation(rng)
    made = {}
    for day in range(CLOSING + 1):
        count = 1 if day == CLOSING else 1500
        drawn = mean + rng.normal(size=(count, WIDE))
        if day == SHIFTED:
            drawn = drawn + 0.8 * rng.choice([-1, 1], WIDE)
        if day == ROTATED:
            drawn = drawn @ turn
        made[day] = drawn.astype(np.float32).tolist()
        if day == LONGER:
            made[day][:100] = [[*vector, 0.0] for vector in made[day][:100]]
    path = workspace / "embedded"
    for day, drawn in made.items():
        table = pa.table(
            {
                "ts": source_tables.instants(day, len(drawn), rng),
                "embedding": pa.array(drawn, pa.list_(pa.float32())),
            }
        )
        source_tables.write(spark, path, table)
    spec = spec_of(
        path,
        windows={"rollups": ["week"]},
        features={"vector": [{"column": "embedding", "dimension": WIDE}]},
        reference={"begin": "2024-01-01", "end": "2024-01-07"},
        drift={"effect_size": 0.4, "warn_at": 0.3},
        sketch={"k": 4096},
    )
    store = new_store(spark, workspace / "embedded_store")
    run(spark, store, spec)
    verdicts = rows_of(spark, store, "drift").to_pylist()
    weekly = rows_of(spark, store, "profiles", "granularity = 'week'").to_pylist()
    return {
        "made": made,
        "drift": {((r["window_start"] - START).days, r["column_name"]): r for r in verdicts},
        "week": {r["column_name"]: r for r in weekly if r["window_start"] == START},
    }


def drifted(embedded: dict, day: int) -> set[str]:
    return {
        name
        for (of_day, name), row in embedded["drift"].items()
        if of_day == day and row["status"] == "drifted"
    }


def test_a_shifted_embedding_drifts(embedded):
    assert [name for name in drifted(embedded, SHIFTED) if "projection" in name]


def test_a_rotated_embedding_drifts_in_its_projections_alone(embedded):
    found = drifted(embedded, ROTATED)
    assert [name for name in found if "projection" in name]
    assert "embedding.norm" not in found


def test_vectors_of_another_length_are_said(embedded):
    row = embedded["drift"][LONGER, "embedding.dimension"]
    assert row["status"] == "drifted"
    assert [one["item"] for one in row["new_categories"]] == [str(WIDE + 1)]
    assert embedded["drift"][LONGER, "embedding.projection_0"]["null_delta"] == pytest.approx(
        1 / 15
    )


def test_derived_features_roll_up_like_others(embedded):
    week = [vector for day in range(7) for vector in embedded["made"][day]]
    matrix = np.array(week, dtype=np.float64)
    along = np.array(direction(WIDE, 0, 7), dtype=np.float64)
    row = embedded["week"]["embedding.projection_7"]
    values = matrix @ along
    assert (row["row_count"], row["null_count"]) == (len(week), 0)
    assert row["mean"] == pytest.approx(values.mean(), abs=1e-4)
    ranks = np.searchsorted(np.sort(values), row["quantiles"]) / len(values)
    assert np.abs(ranks - np.arange(101) / 100).max() < 0.01
    dimensions = embedded["week"]["embedding.dimension"]["categories"]
    assert [(one["item"], one["count"]) for one in dimensions["items"]] == [(str(WIDE), len(week))]

"""What the checker of expressions refuses would be run by Spark, and what it accepts is a value."""

from __future__ import annotations

import re
import time

import pytest
from pyspark.errors import PySparkException

from sparkdrift.spec.expressions import check_expression, identifiers
from tests.fuzz.running import fuzz_expressions

pytestmark = [pytest.mark.spark, pytest.mark.classic, pytest.mark.slow]

SEED = 20
COLUMNS = (
    "id + 0.5D AS a",
    *("'x' AS b", "cast(id AS string) AS c", "date_add(date '2024-01-01', cast(id AS int)) AS d"),
    *("timestamp_seconds(id) AS t", "array(cast(id AS int)) AS items", "map('k', 'v') AS tags"),
)
CLOCK = ["year('now')", "d > date 'today'", "t > 'no' || 'w'", r"t > 'n\ow'", "`current_date` > d"]
# Nodes of a plan that are no value of one row.
NOT_OF_A_ROW = re.compile(r"subquery|Aggregate|Window|reflect|Generate|Script|current_user", re.I)


@pytest.fixture(scope="module")
def rows(spark):
    return spark.range(1).selectExpr(*COLUMNS)


def test_spark_reads_the_clock_where_the_checker_says_so(rows, capsys):
    """The optimized plan holds a constant of this year and no word any more."""
    for sql in CLOCK[:4]:
        assert check_expression(sql), sql
    rows.selectExpr(*[f"({sql}) AS e{i}" for i, sql in enumerate(CLOCK)]).explain(True)
    optimized = capsys.readouterr().out.split("== Optimized Logical Plan ==")[1]
    assert time.strftime("%Y") in optimized
    assert "now" not in optimized
    assert "today" not in optimized


def test_what_is_accepted_is_a_value_of_one_row_or_refused_by_spark(rows, capsys):
    accepted: list[str] = []
    fuzz_expressions(4_000, SEED, accepted)
    distinct = sorted(set(accepted), key=len)
    planned, began = 0, time.process_time()
    for sql in distinct[:: max(1, len(distinct) // 150)]:
        if not set(identifiers(sql)) <= set(rows.columns):
            continue  # a column that the table lacks is refused when the spec meets the table
        try:
            rows.selectExpr(f"({sql}) AS e").explain(True)
        except PySparkException:
            continue  # of wrong types, an unknown column, or no SQL at all
        planned += 1
        plan = re.sub(r"`[^`]*`|'[^']*'", "", capsys.readouterr().out)
        assert not NOT_OF_A_ROW.search(plan), f"seed {SEED}: {sql!r}"
    assert planned > 10, f"seed {SEED}: {planned} of {len(distinct)}"
    assert time.process_time() - began < 60

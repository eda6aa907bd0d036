"""Settings for reads of a few rows: only in our own sessions, and put back afterwards."""

from __future__ import annotations

import pytest
from pyspark.errors import PySparkException

from sparkdrift.spark.few_rows import OURS, few_rows

pytestmark = pytest.mark.spark
CODE = "spark.sql.codegen.wholeStage"


class Managed:
    """A session of a runtime that answers no question about its settings."""

    @property
    def conf(self):
        raise PySparkException("[CONFIG_NOT_AVAILABLE] it does not exist")


def test_settings_hold_inside_and_are_put_back(spark):
    before = spark.conf.get(CODE)
    with few_rows(spark):
        assert spark.conf.get(CODE) == "false"
        with few_rows(spark):
            assert spark.conf.get(CODE) == "false"
        assert spark.conf.get(CODE) == "false"
    assert spark.conf.get(CODE) == before


def test_an_error_puts_them_back(spark):
    before = spark.conf.get(CODE)
    with pytest.raises(ValueError, match="inside"), few_rows(spark):
        raise ValueError("inside")
    assert spark.conf.get(CODE) == before


def test_other_sessions_keep_theirs(spark):
    before = spark.conf.get(CODE)
    ours = spark.conf.get(OURS)
    spark.conf.set(OURS, "false")
    try:
        with few_rows(spark):
            assert spark.conf.get(CODE) == before
    finally:
        spark.conf.set(OURS, ours)


def test_a_runtime_that_tells_nothing_is_not_ours():
    with few_rows(Managed()):
        pass

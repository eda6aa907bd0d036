"""A missing right is told as one, whoever refuses; anything else is not taken for it."""

from __future__ import annotations

import pytest

from sparkdrift.cli.common import message
from sparkdrift.errors import StoreError
from sparkdrift.spark.views import register
from sparkdrift.store import Store


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            (
                "[INSUFFICIENT_PERMISSIONS] Insufficient privileges: User does not have MODIFY on "
                "Table 'main.monitoring.drift'. SQLSTATE: 42501\n\tat com.databricks"
            ),
            "User does not have MODIFY on Table 'main.monitoring.drift'.",
        ),
        (
            (
                "An error occurred while calling o12.sql.\n: org.apache.hadoop.security."
                "AccessControlException: Permission denied: user=ann, path=/data/drift\n\tat org"
            ),
            "Permission denied: user=ann, path=/data/drift",
        ),
        ("[Errno 13] Permission denied: '/data/drift'", "'/data/drift'"),
    ],
)
def test_a_missing_right_is_told_with_the_next_step(said, told):
    first, step = message(RuntimeError(said)).splitlines()
    assert first.startswith("a right is missing: ")
    assert first.endswith(told)
    assert "next step: ask the owner" in step


def test_another_error_stays_itself():
    assert "this is a bug in sparkdrift" in message(RuntimeError("division by zero"))


class Catalog:
    """A session that may read every table but one."""

    def table(self, name):
        from pyspark.errors import AnalysisException

        if "drift" in name:
            raise AnalysisException("[INSUFFICIENT_PERMISSIONS] no SELECT on Table 'm.s.drift'")
        return self

    def createOrReplaceTempView(self, name):  # noqa: N802 - Spark's name
        pass


def test_the_one_table_that_may_not_be_read_is_named():
    store = Store(schema=("m", "s"))
    with pytest.raises(StoreError) as raised:
        register(Catalog(), store, "SELECT * FROM drift")
    told = str(raised.value)
    assert told.startswith("the store m.s lacks table drift or it can't be read ([INSUFFICIENT")
    assert "a right is its owner's to give" in told

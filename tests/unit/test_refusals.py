"""What `sql` says of a name that is not there: Spark's own message, in our form; no JVM."""

from __future__ import annotations

import pytest
from pyspark.errors import AnalysisException

from sparkdrift.spark.querying import refusal

COLUMN = "UNRESOLVED_COLUMN.WITH_SUGGESTION"


def refused(condition: str, statement: str = "", text: str = "said", **parameters: str) -> str:
    error = AnalysisException(text, errorClass=condition, messageParameters=parameters)
    return refusal(error, statement)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("`drifts`", "drift"),
        ("`spark_catalog`.`default`.`CURRENT_DRFIT`", "current_drift"),
        ("`alert`", "alerts"),
        ("`zzz`", None),
    ],
)
def test_a_table_that_is_not_there(given, meant):
    told = refused("TABLE_OR_VIEW_NOT_FOUND", relationName=given)
    assert f"given:    {given.replace('`', '')}\n" in told
    assert "accepted: profiles, " in told
    assert (f"did you mean {meant!r}?" in told) if meant else ("did you mean" not in told)


def test_a_column_that_is_not_there():
    told = refused(
        COLUMN,
        "SELECT d.statsu FROM Current_Drift d",
        "a long story; line 2 pos 7;\nProject",
        objectName="`d`.`statsu`",
        proposal="`d`.`status`, `d`.`a``b`",
    )
    assert told.splitlines() == [
        "the query names a column that is not there",
        "    given:    d.statsu",
        "    accepted: d.status; d.a`b; DESCRIBE current_drift lists all",
        "    did you mean 'd.status'?",
    ]


def test_a_column_like_no_other_has_no_match():
    told = refused(COLUMN, objectName="`zz`", proposal="`status`, `window_start`")
    assert "accepted: status; window_start" in told
    assert "did you mean" not in told
    told = refused("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "SELECT zz", objectName="`zz`")
    assert "accepted: a column of a table named behind FROM" in told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("extra input 'drift'. (line 2, pos 13)", "extra input 'drift'. (line 1, character 14)"),
        ("no such routine; line 3 pos 0", "no such routine; line 2, character 1"),
        ("the line 2 says 'pos 3'", "the line 2 says 'pos 3'"),
    ],
)
def test_a_place_is_one_in_the_statement(given, told):
    """Spark counts lines from 1, characters from 0, and what stands before the statement."""
    error = AnalysisException(given, errorClass="SOME", messageParameters={})
    assert refusal(error, "", lines_before=1) == f"Spark refuses the query: [SOME] {told}"


def test_anything_else_is_told_in_sparks_words():
    assert refused("PARSE_SYNTAX_ERROR", text="at or near ;\nmore") == (
        "Spark refuses the query: [PARSE_SYNTAX_ERROR] at or near ;"
    )
    assert refusal(ValueError("boom"), "") == "Spark refuses the query: boom"

"""Drafts: they always parse, and propose what a reader would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.errors import UsageError
from sparkdrift.spec.drafting import ColumnSummary, draft_spec, monitor_id
from sparkdrift.spec.loading import parse_spec

COLUMNS = [
    ColumnSummary("created_at", "timestamp"),
    ColumnSummary("event_time", "timestamp", 900, 0.0, "2024-01-01 10:00:00", "2024-12-30 09:00"),
    ColumnSummary("amount", "double", 950, 0.1),
    ColumnSummary("customer_id", "bigint", 100, 0.0),
    ColumnSummary("application", "string", 990, 0.0),
    ColumnSummary("region", "string", 5, 0.0),
    ColumnSummary("no", "string", 300, 0.0),
    ColumnSummary("is_new", "int", 2, 0.0),
    ColumnSummary("constant", "string", 1, 0.0),
    ColumnSummary("empty", "double", 0, 1.0),
    ColumnSummary("items", "array<struct<a:int>>"),
    ColumnSummary("score", "double", 900, 0.0),
    ColumnSummary("approved", "boolean", 2, 0.0),
    ColumnSummary("label", "int", 2, 0.5),
]


def test_a_draft() -> None:
    text = draft_spec(COLUMNS, table="main.risk.Inference-Log", rows=1000)
    spec = parse_spec(text)
    assert spec.monitor == "inference_log"
    assert spec.source.parts == ("main", "risk", "Inference-Log")
    assert spec.timestamp.column == "event_time"
    assert [f.column for f in spec.features.numeric] == ["amount"]
    assert [f.column for f in spec.features.categorical] == ["region", "no", "is_new"]
    assert dict(spec.prediction.columns()) == {
        "score": "score",
        "decision": "approved",
        "label": "label",
    }
    assert spec.reference is not None
    assert str(spec.reference.begin) == "2024-01-02 00:00:00"  # the first has no night
    assert str(spec.reference.end) == "2024-04-02 00:00:00"
    for column in ("customer_id", "application", "constant", "empty", "items"):
        assert f"\n  #   {column}: " in text
    assert "# slices:" in text
    assert "#   - region   # about 5 values" in text
    assert "# degraded:" in text
    assert spec.degraded is None


def test_vectors_texts_and_times_are_drafted() -> None:
    columns = [
        ColumnSummary("ts", "timestamp", 900, 0.0),
        ColumnSummary("embedding", "array<float>", dimension=384),
        ColumnSummary("unknown", "array<double>"),
        ColumnSummary("comment", "string", 990, 0.1, mean_length=80, spaced_share=0.9),
        ColumnSummary("hash", "string", 990, 0.0, mean_length=64, spaced_share=0.0),
        ColumnSummary("customer", "string", 990, 0.0, mean_length=12, spaced_share=1.0),
        ColumnSummary("topic", "string", 12, 0.0, mean_length=30, spaced_share=1.0),
        ColumnSummary("born", "date", 200, 0.0, "1950-01-01", "2001-01-01"),
        ColumnSummary("blob", "binary"),
    ]
    text = draft_spec(columns, table="t", rows=1000)
    spec = parse_spec(text)
    assert [(one.column, one.dimension) for one in spec.features.vector] == [("embedding", 384)]
    assert [one.column for one in spec.features.text] == ["comment"]
    assert [one.column for one in spec.features.categorical] == ["topic"]
    assert "\n  #   - {column: born, as: age}" in text
    for column in ("unknown", "hash", "customer", "blob"):
        assert f"\n  #   {column}: " in text


def test_the_comments_parse_once_they_are_uncommented() -> None:
    text = draft_spec(COLUMNS, table="t", rows=1000)
    head, blocks = text.split("# slices:", 1)
    slices, degraded = blocks.split("# degraded:", 1)
    middle = slices[slices.index("\nreference:") :]
    slices = slices[: slices.index("\nreference:")].replace("\n#   -", "\n  -")
    degraded = degraded.replace("\n#  ", "\n  ")
    spec = parse_spec(f"{head}slices:{slices}{middle}degraded:{degraded}")
    assert spec.slices == (("region",), ("is_new",))
    assert spec.degraded is not None
    assert spec.degraded.retire == "AUC below 0.6 for a quarter"


def test_a_table_with_nothing_to_find() -> None:
    spec = parse_spec(draft_spec([], path="s3://bucket/Übersicht 1/"))
    assert spec.source.path == "s3://bucket/Übersicht 1/"
    assert spec.monitor == "bersicht_1"
    assert spec.features.auto is not None
    assert spec.reference is None


def test_the_monitor_and_owner_can_be_given() -> None:
    spec = parse_spec(draft_spec([], table="t", monitor="mine", owner='team: "a" #1'))
    assert (spec.monitor, spec.owner) == ("mine", 'team: "a" #1')


def test_a_draft_needs_one_source() -> None:
    with pytest.raises(UsageError, match="either a table or a path"):
        draft_spec([])
    with pytest.raises(UsageError, match="either a table or a path"):
        draft_spec([], table="t", path="p")
    with pytest.raises(UsageError, match="no table name"):
        draft_spec([], table="a b")
    with pytest.raises(UsageError, match="id of a monitor"):
        draft_spec([], table="t", monitor="a: b")
    with pytest.raises(UsageError, match=r"U\+000A"):
        draft_spec([], path="/a\nb")


def test_names_that_cannot_be_used_are_left_out() -> None:
    columns = [ColumnSummary("a\nmonitor: evil", "double"), ColumnSummary("A", "int")]
    text = draft_spec([*columns, ColumnSummary("a", "string")], table="t")
    spec = parse_spec(text)
    assert [f.column for _, _, f in spec.features.declared()] == ["A"]
    assert "\nmonitor: evil" not in text


@pytest.mark.parametrize(
    ("least", "most"),
    [(None, "2024-01-01"), ("2024-01-01", None), ("2024-02-01", "2024-01-01"), ("x", "y")],
)
def test_no_reference_without_a_span(least: str | None, most: str | None) -> None:
    column = ColumnSummary("t", "timestamp", None, None, least, most)
    assert parse_spec(draft_spec([column], table="t")).reference is None


@pytest.mark.parametrize(
    ("first", "begin"),
    [
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01 00:00:07.5", "2024-01-01"),
        ("2024-01-01 00:59:59", "2024-01-01"),
        ("2024-01-01 01:00:00", "2024-01-02"),
        ("2024-01-31 23:15:00", "2024-02-01"),
    ],
)
def test_a_reference_begins_with_a_whole_day(first: str, begin: str) -> None:
    column = ColumnSummary("t", "timestamp", None, None, first, "2024-12-31 12:00:00")
    reference = parse_spec(draft_spec([column], table="t")).reference
    assert reference is not None
    assert f"{reference.begin:%Y-%m-%d}" == begin


def test_a_single_day_is_its_own_reference() -> None:
    times = ("2024-01-01 10:00:00", "2024-01-01 11:00:00")
    reference = parse_spec(
        draft_spec([ColumnSummary("t", "timestamp", None, None, *times)], table="t")
    ).reference
    assert reference is not None
    assert f"{reference.begin:%Y-%m-%d}" == "2024-01-01"


@given(st.text(max_size=100))
def test_any_name_becomes_an_id(name: str) -> None:
    assert monitor_id(monitor_id(name)) == monitor_id(name)
    parse_spec(draft_spec([], table="t", monitor=monitor_id(name)))


HOSTILE = st.text(
    st.sampled_from("ab:#'\"`{}[]&*!|>%@?-, \\\n\t\x00\x85\u2028\u202e\ufeff\uffff$~😀é="),
    max_size=12,
)
SUMMARIES = st.builds(
    ColumnSummary,
    name=HOSTILE | st.text(max_size=8) | st.sampled_from(["null", "true", "<<", "score", "y", "-"]),
    data_type=st.sampled_from(
        [
            "double",
            "int",
            "string",
            "timestamp",
            "date",
            "boolean",
            "array<int>",
            "array<float>",
            "struct<a\n#:int>",
        ]
    ),
    approx_distinct=st.none() | st.integers(0, 10**6),
    null_share=st.none() | st.floats(0, 1),
    minimum=st.none() | st.dates().map(str) | HOSTILE,
    maximum=st.none() | st.dates().map(str) | HOSTILE,
    mean_length=st.none() | st.floats(0, 1000),
    spaced_share=st.none() | st.floats(0, 1),
    dimension=st.none() | st.integers(1, 4096),
)


@given(st.lists(SUMMARIES, max_size=6), st.none() | st.integers(0, 10**9))
def test_every_draft_parses_and_keeps_the_names(
    columns: list[ColumnSummary], rows: int | None
) -> None:
    spec = parse_spec(draft_spec(columns, table="t", rows=rows))
    known = {column.name for column in columns}
    assert {feature.column or "" for _, _, feature in spec.features.declared()} <= known
    assert {column for _, column in spec.prediction.columns()} <= known

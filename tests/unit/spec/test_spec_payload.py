"""What a spec may say of a serving log's JSON texts."""

from __future__ import annotations

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.spec.digests import definition_hash
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.payload import COUNTERS, POSITION

SPEC = """
monitor: endpoint
owner: tests
source:
  table: main.serving.log
  payload:
    fields: {income: double, region: string}
    predictions: {score: double}
timestamp: {column: request_time}
features: {numeric: [income], categorical: [region]}
"""


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as refused:
        parse_spec(text, "monitor.yml")
    return str(refused.value)


def test_what_is_left_out_is_as_inference_tables_have_it():
    payload = parse_spec(SPEC, "monitor.yml").source.payload
    assert (payload.request, payload.response) == ("request", "response")
    assert payload.columns == {
        "income": "double",
        "region": "string",
        "score": "double",
        POSITION: "bigint",
        **COUNTERS,
    }


def test_every_counter_is_a_metric_of_its_own():
    spec = parse_spec(SPEC, "monitor.yml")
    assert set(spec.counted_metrics) == set(COUNTERS)
    assert spec.place_of_metric("payload_mismatched") == ("source", "payload")


def test_another_payload_gives_rows_another_meaning():
    spec = parse_spec(SPEC, "monitor.yml")
    other = parse_spec(SPEC.replace("income: double", "income: bigint"), "monitor.yml")
    plain = parse_spec(
        SPEC.replace("  payload:", "  # payload:")
        .replace("    fields: {", "  # ")
        .replace("    predictions: {", "  # "),
        "monitor.yml",
    )
    hashes = {definition_hash(one, None) for one in (spec, other, plain)}
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("income: double", "income: float", "double, bigint, string"),
        ("{score: double}", "{Income: double}", "is there already, for fields.income"),
        ("{score: double}", "{payload_row: bigint}", "for what is counted of each row"),
        (
            "    fields:",
            "    response: REQUEST\n    fields:",
            "request and response are one column",
        ),
        ("column: request_time", "column: income", "the time stands in the JSON text"),
        ("  payload:", "  filter: region = 'x'\n  payload:", "the filter reads what is made of"),
        ("    fields:", "    feilds:", "did you mean 'fields'"),
    ],
)
def test_what_can_not_be_meant_is_refused(old, new, message):
    assert old in SPEC
    assert message in refusal(SPEC.replace(old, new))


def test_no_metric_takes_the_name_of_a_counter():
    text = SPEC + "metrics: {payload_unpaired: {count: income > 1}}\n"
    assert "is stored under this name" in refusal(text)

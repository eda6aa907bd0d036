"""Lines of a merged profile."""

from __future__ import annotations

from sparkdrift.report.merged import HEADINGS, merged_lines


def row(**more):
    empty = dict.fromkeys(("null_count", "mean", "quantiles", "frequent_items", "reason"))
    return {"column_name": "x", "kind": "numeric", "row_count": 200, **empty, **more}


def test_numbers_have_quantiles_and_categories_their_most_frequent():
    number = row(null_count=10, mean=5.5, quantiles=[float(i) for i in range(101)])
    items = [
        {"item": item, "count": count} for item, count in zip("abcd", (80, 40, 20, 20), strict=True)
    ]
    text = row(kind="categorical", null_count=40, frequent_items=items)
    table = row(kind="table")
    assert merged_lines([table, number, text]) == [
        ("x", "5.0 %", 5.5, 5.0, 50.0, 95.0, ""),
        ("x", "20 %", None, None, None, None, "a 50 %, b 25 %, c 12 %"),
    ]
    assert len(HEADINGS) == 7


def test_what_was_not_measured_is_no_zero():
    lost = row(reason="8 of 8 windows: the table has no column 'x'")
    assert merged_lines([lost]) == [("x", None, None, None, None, None, lost["reason"])]
    assert merged_lines([row(row_count=0, null_count=0)])[0][1] is None

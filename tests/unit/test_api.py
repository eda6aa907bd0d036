"""The Python API without Spark: what importing it costs, and what a notebook shows."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

import sparkdrift
from sparkdrift.errors import UsageError
from sparkdrift.report.page.shown import MOST_SHOWN
from sparkdrift.spark.schemas import TABLES
from sparkdrift.spark.views import NAMES, VIEWS, view_text
from sparkdrift.store import Store
from tests.unit.report.page.made_rows import HOSTILE

HEAVY = ("pyspark", "numpy", "pyarrow", "pydantic", "scipy", "pandas", "yaml", "jinja2", "typer")


def test_importing_it_loads_nothing_heavy():
    code = f"import sys, sparkdrift; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_that_is_public_is_there_and_explained():
    for name in sparkdrift.__all__:
        assert hasattr(sparkdrift, name)
        if name != "__version__":
            assert inspect.getdoc(getattr(sparkdrift, name))


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_a_query_over_the_tables_alone(name):
    store = Store(directory="/a/{drift}/store")
    text = view_text(store, name)
    for table in NAMES:
        assert f"FROM {table} " not in text
    used = [table.name for table in TABLES if store.table(table.name) in text]
    assert used
    code = re.sub("'[^']*'", "", text)
    assert code.count("(") == code.count(")")


def test_rows_are_shown_and_never_executed():
    at = datetime(2025, 1, 1, 6, tzinfo=timezone(timedelta(hours=1)))
    rows = sparkdrift.Rows(("name", HOSTILE), ((HOSTILE, None), (at, {"a": 1.5})), more=True)
    shown = rows._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    for told in ("NULL", "2025-01-01 05:00", "and more"):
        assert told in shown
    assert len(rows) == 2


def test_of_many_rows_a_notebook_shows_the_first():
    rows = sparkdrift.Rows(("n",), tuple((i,) for i in range(1000)))
    shown = rows._repr_html_()
    assert shown.count("<tr>") == MOST_SHOWN + 1
    assert f"and {1000 - MOST_SHOWN} more" in shown


def test_a_page_is_shown_in_a_frame_without_scripts(tmp_path):
    page = sparkdrift.Page('<!doctype html><p title="x">')
    shown = page._repr_html_()
    assert 'sandbox=""' in shown
    assert 'srcdoc="&lt;!doctype html&gt;&lt;p title=&#34;x&#34;&gt;"' in shown
    assert page.save(tmp_path / "page.html").read_text("utf-8") == page.html
    with pytest.raises(UsageError, match="there is no folder"):
        page.save(tmp_path / "no" / "page.html")


def test_what_was_not_measured_is_called_so():
    nothing = sparkdrift.Evaluation("m", "r", (), {"a": "why"}, 0, None, None, 0, 0)
    shown = nothing._repr_html_()
    assert "not measured" in shown
    assert "a why" in shown

"""Conditions, in SQL: the row's status says that something was measured.

By kind of table; what such a status means is said where its rows are made. Importing this loads no
pyspark.
"""

from __future__ import annotations

WAS_MEASURED = "status IN ('ok', 'warning', 'drifted')"
"""A row of `drift`, `eval_staleness`, `feature_debt` or `operations`."""
WAS_CHECKED = "status IN ('ok', 'warning', 'violated')"
"""A row of `assumptions`."""
WAS_JUDGED = "status IN ('ok', 'degraded')"
"""A row of `performance`."""

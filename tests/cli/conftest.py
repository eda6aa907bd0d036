"""What tests of several demos ask alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sparkdrift.embedded import asking
from sparkdrift.spark import querying
from sparkdrift.store import open_store


@pytest.fixture(scope="session")
def answered(spark) -> Callable[[object, str], tuple]:
    """The rows that answer a query of a store: from Spark, and as many from the reader that needs
    no Java."""

    def rows(folder, question: str) -> tuple:
        store = open_store(str(folder))
        found = querying.ask(spark, store, question, 5000)
        embedded = asking.ask(store, store.local, question, 5000)
        assert embedded.columns == found.columns
        assert len(embedded.rows) == len(found.rows)
        return found.rows

    return rows

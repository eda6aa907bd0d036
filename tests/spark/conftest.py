"""Stores that several modules read: profiled, frozen and judged once per session."""

from __future__ import annotations

import pytest
from planted import Planted, plant


@pytest.fixture(scope="session")
def planted(spark, tmp_path_factory) -> Planted:
    return plant(spark, tmp_path_factory.mktemp("planted"))

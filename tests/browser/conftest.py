"""One browser for all tests of this folder; none: they are skipped, and it is said why."""

from __future__ import annotations

import pytest

from tests.browser.chromium import MISSING, found, running


@pytest.fixture(scope="session")
def browser():
    program = found()
    if program is None:
        pytest.skip(MISSING)
    with running(program) as started:
        yield started

"""One browser for all tests of this folder; none, or one that does not start: they are skipped."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.browser.chromium import MISSING, found, running


@pytest.fixture(scope="session")
def browser():
    program = found()
    if program is None:
        pytest.skip(MISSING)
    with ExitStack() as stack:
        try:
            started = stack.enter_context(running(program))
            started.send("Browser.getVersion")
        except (OSError, RuntimeError) as error:
            pytest.skip(f"the browser {program} does not start here: {error}")
        yield started

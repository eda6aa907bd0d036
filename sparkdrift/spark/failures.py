"""What Spark raises, in whatever session: one tuple to catch, and what an error says of itself.

A classic session translates only Spark's own exceptions. One of Delta's, such as a lost
race between two commits, arrives as a bare Py4J error around the Java exception.
"""

from __future__ import annotations

from pyspark.errors import PySparkException

FAILURES: tuple[type[Exception], ...]
try:
    from py4j.protocol import Py4JJavaError
except ImportError:  # Spark Connect's own client comes without Py4J
    FAILURES = (PySparkException,)
else:
    FAILURES = (PySparkException, Py4JJavaError)


def condition(error: Exception) -> str:
    """Spark's name for what went wrong, such as TABLE_OR_VIEW_NOT_FOUND; '' where it has none."""
    return (error.getCondition() or "") if isinstance(error, PySparkException) else ""


def reason(error: Exception) -> str:
    """What went wrong, on one line; of a Java exception its own message, not Py4J's."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    if not isinstance(error, PySparkException) and len(lines) > 1:
        lines = lines[1:]
    return lines[0].removeprefix(": ") if lines else type(error).__name__

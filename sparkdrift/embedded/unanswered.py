"""What is not answered here."""

from __future__ import annotations


class UnansweredError(Exception):
    """A query, or a store, that Spark has to read; the message says why, for the end of a line."""

"""Stores that several modules read: profiled, frozen and judged once per session."""

from __future__ import annotations

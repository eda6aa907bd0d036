"""The command line: `sparkdrift`, and what the jobs under jobs/ call.

Importing this stays cheap: pyspark, numpy and pydantic load when a command runs.
"""

from sparkdrift.cli.app import app, main

__all__ = ["app", "main"]

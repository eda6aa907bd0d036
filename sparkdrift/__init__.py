"""sparkdrift: makes the silent ageing of ML models visible, over Delta tables of any size."""

__version__ = "0.1.0"

from sparkdrift.api import Evaluation, Page, Rows, Run, Tables, evaluate, page, read, run
from sparkdrift.errors import SparkdriftError

__all__ = [
    "Evaluation",
    "Page",
    "Rows",
    "Run",
    "SparkdriftError",
    "Tables",
    "__version__",
    "evaluate",
    "page",
    "read",
    "run",
]

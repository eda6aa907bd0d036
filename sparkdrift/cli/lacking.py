"""What a worker's Python lacks, read from the error that Spark hands on."""

from __future__ import annotations

import re
import sys

from sparkdrift.errors import SetupError

_MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_OURS = ("sparkdrift", "numpy", "scipy", "pyarrow", "pandas")


def lacking(error: Exception) -> SetupError | None:
    """The error that helps, where a worker couldn't import what the kernels need; else None.

    What this process itself can't import is another matter.
    """
    found = None if isinstance(error, ImportError) else _MISSING.search(str(error))
    if found is None or found[1].split(".")[0] not in _OURS:
        return None
    return SetupError(
        f"the workers' Python lacks {found[1].split('.')[0]}: Spark's Python workers need "
        "sparkdrift, numpy, scipy and pyarrow. Before the session starts, set "
        f"PYSPARK_PYTHON={sys.executable} or to another Python that has them; or ship the wheel "
        "with --py-files, and on a cluster the packages with --archives"
    )

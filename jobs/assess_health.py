r"""Judge the health of models from stored rows: `sparkdrift health` as a Spark job.

    spark-submit --py-files sparkdrift.whl \
        jobs/assess_health.py monitors/credit.yml --store main.monitoring

The arguments are those of `sparkdrift health`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sparkdrift.cli import main as sparkdrift


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; returns its exit code. `argv` defaults to the process's arguments."""
    return sparkdrift(["health", *(sys.argv[1:] if argv is None else argv)])


if __name__ == "__main__":
    code = main()
    if code:  # a job that ends by sys.exit(0) counts as failed on some managed runtimes
        sys.exit(code)

"""Write requirements.lock from constraints.txt: `pip install uv`, then `python tests/lock.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# Every file that the tests install, by its sha256:
# `pip install --require-hashes -r requirements.lock`.
# Made of constraints.txt: `python tests/lock.py`, see CONTRIBUTING.md.
"""
# For all platforms and Python versions; without the host that they were asked of.
COMMAND = """
    pip compile pyproject.toml --extra local --extra examples --extra dev -c constraints.txt
    --universal --python-version 3.10 --generate-hashes --no-header --no-annotate
    --no-emit-index-url --quiet
""".split()  # noqa: SIM905 - as it would be typed

if __name__ == "__main__":
    made = subprocess.run(
        ["uv", *COMMAND], cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True
    )
    if made.returncode:
        sys.exit("uv could not resolve what constraints.txt names; the lock is as it was")
    (ROOT / "requirements.lock").write_text(HEADER + made.stdout, encoding="utf-8")

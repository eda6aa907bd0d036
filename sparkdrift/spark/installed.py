"""Whether pyspark is there, asked without loading it."""

from __future__ import annotations

import importlib.util

from sparkdrift.errors import SetupError


def require_pyspark() -> None:
    """Raise SetupError, with what to install, where pyspark or its pandas is not there."""
    if importlib.util.find_spec("pyspark") is None:
        raise SetupError(
            "pyspark is not installed; outside a managed runtime install it with: "
            "pip install 'sparkdrift[local]'"
        )
    if importlib.util.find_spec("pandas") is None:
        raise SetupError(
            "pandas is not installed, and pyspark asks for it before it runs Python on a "
            "cluster: pip install 'pandas>=2.2,<3'"
        )

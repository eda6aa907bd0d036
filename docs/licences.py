"""Write docs/licences.md from the packages of requirements.lock: `python docs/licences.py`."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
# Permissive, and MPL-2.0, which binds changes of its own files only. As packages write them.
ALLOWED = frozenset(
    [
        *("0BSD", "Apache 2.0", "Apache License 2.0", "Apache Software License", "Apache-2.0"),
        *("BSD", "BSD License", "BSD-2-Clause", "BSD-3-Clause", "3-Clause BSD License"),
        *("CC0", "CC0-1.0", "ISC License (ISCL)", "MIT", "MIT License", "MIT-0", "PSF-2.0", "Zlib"),
        *("MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)"),
    ]
)
_HEADING = """\
# Licences

Of every package that the tests install, as its own metadata says; made by
`python docs/licences.py`, held by `tests/unit/test_supply_chain.py`. What a user needs is the
first table of [CONTRIBUTING.md](../CONTRIBUTING.md).
Not installed where this was made, and so not listed: packages for other systems or older Pythons.

| package | licence |
|---|---|
"""


def locked() -> list[str]:
    """The names in requirements.lock, in order."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return sorted(set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE)))


def licence(name: str) -> str | None:
    """What the metadata of an installed package says; None where it is not installed."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    classified = [
        one.rsplit(" :: ", 1)[1]
        for one in about.get_all("Classifier") or []
        if one.startswith("License :: OSI")
    ]
    written = (about.get("License") or "").splitlines()[:1]
    return about.get("License-Expression") or ", ".join(classified or written) or "not said"


def is_allowed(text: str) -> bool:
    """Whether each part of an expression is allowed; of a choice (OR) one part is enough."""
    return all(
        any(one.strip(" ()") in ALLOWED or part.strip() in ALLOWED for one in part.split(" OR "))
        for part in re.split(r" AND |, ", text)
    )


def page() -> str:
    found = {name: licence(name) for name in locked()}
    rows = (f"| {name} | {text} |" for name, text in found.items() if text is not None)
    return _HEADING + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

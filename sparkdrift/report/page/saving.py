"""Writing a page to its file: checked before anything is asked, replaced as a whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sparkdrift.errors import UsageError


def require_writable(file: Path) -> None:
    """Raise UsageError, with the next step, where a page could not be written to `file`."""
    folder = file.parent
    if file.is_dir():
        problem = "is a folder"
    elif not folder.is_dir():
        problem = f"can't be written: there is no folder {folder}"
    elif not os.access(file if file.exists() else folder, os.W_OK):
        problem = "can't be written: permission is missing"
    else:
        return
    raise UsageError(
        f"the page {file} {problem}; accepted is a file in a folder that exists and can be "
        "written to, such as ./page.html"
    )


def save(file: Path, html: str) -> Path:
    """Replace the file as a whole, so that nobody opens half a page; returns its path.

    Raises UsageError where the system refuses, such as on a full disk.
    """
    require_writable(file)
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", delete=False
        ) as written:
            made = Path(written.name)
            try:
                written.write(html)
            except OSError:
                made.unlink(missing_ok=True)
                raise
        try:
            made.chmod(0o644)
            made.replace(file)
        except OSError:
            made.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"the page {file} can't be written: {error.strerror or error}; name a file elsewhere"
        ) from error
    return file

"""A right that is missing on one table, read from what a catalog or a file system says."""

from __future__ import annotations

import re

from sparkdrift.errors import StoreError

# Unity Catalog's condition, its older one, Hadoop's exception, and what the system says of a file.
_REFUSED = re.compile(
    r"INSUFFICIENT_PERMISSIONS|PERMISSION_DENIED|AccessControlException|AccessDeniedException"
    r"|Permission denied|\[Errno 13\]"
)


def forbidden(error: Exception) -> StoreError | None:
    """The error that helps, where the platform refuses to read or write something; else None."""
    lines = [line.strip() for line in str(error).splitlines() if _REFUSED.search(line)]
    if not lines:
        return None
    said = re.sub(r"^: |\s*SQLSTATE: \w+$", "", lines[0])
    return StoreError(
        f"a right is missing: {said}\n"
        "    next step: ask the owner of what is named there for it. A reader needs SELECT, who "
        "runs monitors SELECT and MODIFY on the store's tables and SELECT on the sources, who "
        "migrates a store CREATE TABLE"
    )

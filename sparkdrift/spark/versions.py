"""The version of a store: where it is written, and what is said of one that can't be read."""

from __future__ import annotations

from sparkdrift.errors import StoreError
from sparkdrift.spark.schemas import STORE_VERSION
from sparkdrift.store import Store

PROPERTY = "sparkdrift.storeVersion"
"""A property of the table `runs`."""


def require_current(store: Store, version: int) -> None:
    """Raise StoreError, with the next step, for a store that is to be read and has another one."""
    if version < STORE_VERSION:
        raise StoreError(
            f"the store {store} has version {version}, and this sparkdrift reads version "
            f"{STORE_VERSION}: bring it along with `sparkdrift migrate --store {store}`"
        )
    if version > STORE_VERSION:
        raise newer(store, version)


def newer(store: Store, version: int) -> StoreError:
    """What to say of a store that a later sparkdrift wrote."""
    return StoreError(
        f"the store {store} has version {version}, and this sparkdrift writes version "
        f"{STORE_VERSION}; install the sparkdrift that wrote it, or a newer one"
    )


def not_ours(store: Store) -> StoreError:
    """What to say of a folder or schema whose `runs` has no version."""
    return StoreError(
        f"the store {store} has a table named runs that sparkdrift did not make; "
        "choose another directory or schema with --store"
    )

"""The section `privacy`: whether the values of categories and slices are stored as they are.

A value that is hidden is replaced by a keyed digest of it, a token, before it is counted: the same
value has the same token in every window, reference and evaluation set of a monitor, so that all
that compares categories goes on as before.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from pydantic import Field, PrivateAttr

from sparkdrift.errors import SetupError
from sparkdrift.explain.hidden import DIGITS, is_token
from sparkdrift.redacting import KEY_MARK
from sparkdrift.spec.hooks import Variable
from sparkdrift.spec.names import string
from sparkdrift.spec.values import FeatureName, Section

Way = Literal["shown", "hashed", "withheld"]
WAYS: tuple[Way, ...] = get_args(Way)
"""From the mildest to the strictest."""

SHORTEST_KEY = 16
_VARIABLE = "the name of an environment variable in upper case, such as SPARKDRIFT_PRIVACY_KEY"


class Privacy(Section):
    """How values are stored: `values` those of all, `of` those of one feature or column.

    A feature that is not named is stored as the strictest of the columns it reads.
    """

    values: Way = "shown"
    of: Mapping[FeatureName, Way] = Field(
        default_factory=dict,
        description="a mapping from features, or columns of slices, to shown, hashed, withheld",
    )
    key_env: Variable | None = Field(default=None, description=_VARIABLE, repr=False)

    _key: str | None = PrivateAttr(default=None)

    @property
    def hides(self) -> bool:
        """Whether anything is stored otherwise than it is."""
        return {self.values, *self.of.values()} != {"shown"}

    def keyed(self, key: str | None) -> Privacy:
        """The same with what stands in the variable `key_env`."""
        copy = self.model_copy()
        copy._key = key
        return copy

    def key(self, monitor: str) -> str:
        """The key of a monitor's tokens, derived from the variable's; no other monitor has it.

        Raises SetupError without a key, or with one that is too short.
        """
        if not self._key:
            raise SetupError(
                f"the variable {self.key_env} is not set: no value of {monitor} is stored as it "
                "is; set it to the key that `privacy` hides values by, the same as in runs before"
            )
        if len(self._key) < SHORTEST_KEY:
            raise SetupError(
                f"the key in the variable {self.key_env} has {len(self._key)} characters; "
                f"accepted are {SHORTEST_KEY} or more, such as those of `openssl rand -hex 32`"
            )
        own = hmac.new(self._key.encode(), f"sparkdrift {monitor}".encode(), hashlib.sha256)
        return KEY_MARK + own.hexdigest()


@dataclass(frozen=True)
class Hidden:
    """How tokens are made: "hashed:" or "withheld:", then digits of SHA-256 over key and value."""

    way: Way
    key: str = field(repr=False)

    def sql(self, value: str) -> str:
        """SQL for the token of the SQL `value`; NULL stays NULL."""
        text = f"concat({string(self.key)}, CAST({value} AS STRING))"
        return f"concat({string(self._prefix)}, substring(sha2({text}, 256), 1, {DIGITS}))"

    def token(self, value: str) -> str:
        """The token of a value that stands in a spec, or was asked for; that of a token is itself.

        The same as `sql` gives.
        """
        if value.startswith(self._prefix) and is_token(value):
            return value
        return self._prefix + self._digest(value)

    @property
    def check(self) -> str:
        """What changes with the key, and does not tell it."""
        return self._digest("\0")

    @property
    def _prefix(self) -> str:
        return f"{self.way}:"

    def _digest(self, value: str) -> str:
        content = (self.key + value).encode("utf-8", "surrogatepass")
        return hashlib.sha256(content).hexdigest()[:DIGITS]

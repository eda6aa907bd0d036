"""The section `on_verdict`: who is told when the verdict on a model changes."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sparkdrift.spec.health_policy import Verdict
from sparkdrift.spec.names import refused_characters
from sparkdrift.spec.values import Identifier, Section, Text, refusal

HookKind = Literal["table", "webhook", "mlflow"]
ACCEPTED_URL = "an https URL such as https://hooks.example.com/sparkdrift; http for loopback only"
ACCEPTED_VARIABLE = (
    "the name of an environment variable in upper case, such as SPARKDRIFT_WEBHOOK_SECRET"
)
# Upper case only: what somebody writes here by mistake is the secret itself.
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
# No user and no password: what the URL itself carries ends up in logs of others.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:(?P<port>[0-9]{1,5}))?"
    r"(?=[/?]|$)[!-~]*"
)


def is_loopback(host: str) -> bool:
    """Whether a host names this machine itself, so that nothing crosses a network."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def shown_url(url: str) -> str:
    """What may be shown of a URL: path and query often hold what gives access."""
    return re.split(r"(?<![:/])[/?]", url, maxsplit=1)[0]


def _url(text: str) -> str:
    found = _URL.fullmatch(text)
    if found is None or int(found["port"] or 1) not in range(1, 65536) or refused_characters(text):
        raise refusal("this is no URL of a web hook", f"{ACCEPTED_URL}, without user or password")
    if found["scheme"] == "http" and not is_loopback(found["host"]):
        raise refusal("http would send the verdict in the clear", ACCEPTED_URL)
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise refusal("this is no name of a variable", ACCEPTED_VARIABLE)
    return text


Url = Annotated[str, AfterValidator(_url), Field(description=ACCEPTED_URL)]
Variable = Annotated[str, AfterValidator(_variable), Field(description=ACCEPTED_VARIABLE)]
Seconds = Annotated[float, Field(gt=0, le=60, description="seconds, above 0 and up to 60")]
Attempts = Annotated[int, Field(ge=1, le=10, description="a whole number from 1 to 10")]


class Webhook(Section):
    """A POST of JSON, signed with the secret that stands in the variable `secret_env`.

    timeout: of one attempt as a whole.
    """

    # repr=False: it may hold a secret, and no message shows what was given.
    url: Url = Field(repr=False)
    secret_env: Variable = Field(repr=False)
    timeout: Seconds = 10.0
    attempts: Attempts = 4


class MlflowTags(Section):
    """Tags on a version of a registered model. `version`: default, that of `model`.

    `registry_uri`: default, what MLflow itself is configured with.
    """

    name: Text = Field(description="the name under which the model is registered")
    version: Text | None = None
    registry_uri: Text | None = None


class Hook(Section):
    """One hook, exactly one of `table`, `webhook`, `mlflow`; fires where one of `verdicts` begins.

    `name`: what its rows in `triggers` are called; default: which of the three it is.
    """

    name: Identifier | None = None
    verdicts: Annotated[
        tuple[Verdict, ...],
        Field(
            description="a list of healthy, watch, recalibrate, refresh_evaluation, retrain, "
            "retire, blind",
        ),
    ]
    table: bool = Field(default=False, description="true or false")
    webhook: Webhook | None = Field(default=None, repr=False)
    mlflow: MlflowTags | None = None

    @property
    def kinds(self) -> tuple[HookKind, ...]:
        """Which of the three are given; a hook that passed the checks has exactly one."""
        given: dict[HookKind, bool] = {
            "table": self.table,
            "webhook": self.webhook is not None,
            "mlflow": self.mlflow is not None,
        }
        return tuple(kind for kind, there in given.items() if there)

    @property
    def title(self) -> str:
        return self.name or (self.kinds[0] if self.kinds else "table")

"""The section `model`: which model it is, where in its life it stands, and whose it is."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from sparkdrift.spec.values import FilePath, LocalDate, Section, Text

Stage = Literal["shadow", "deployed", "deprecated", "retired"]
IN_USE: tuple[Stage, ...] = ("deployed", "deprecated")
"""The stages in which decisions rest on the model, and somebody has to answer for it."""


class Lifecycle(Section):
    """What is declared of a model, wherever that stands.

    `deployed_at`, `retired_at`: the first day in that stage, in the monitor's zone. `built_by`,
    `run_by`: the teams that confirm what is assumed. `business_owner`: who decides what it is for.
    """

    version: Text | None = Field(default=None, description="the version of the model, as text")
    stage: Stage = "deployed"
    deployed_at: LocalDate | None = None
    retired_at: LocalDate | None = None
    built_by: Text | None = Field(default=None, description="the team that built it")
    run_by: Text | None = Field(default=None, description="the team that runs it")
    business_owner: Text | None = Field(default=None, description="a person or a team")

    def stage_at(self, day: date) -> Stage:
        """The stage on a local day.

        Before `deployed_at` it was a shadow, from `retired_at` on it is retired, and before that
        date a model that is retired by now was in use.
        """
        if self.deployed_at is not None and day < self.deployed_at:
            return "shadow"
        if self.retired_at is not None:
            if day >= self.retired_at:
                return "retired"
            return "deployed" if self.stage == "retired" else self.stage
        return self.stage


class ModelIdentity(Lifecycle):
    """`registry`: a file that declares the models; what it says of this one need not stand here."""

    id: Text | None = Field(
        default=None, description="the id of the model; default: the monitor's id"
    )
    registry: FilePath | None = None

"""Models and learning cycles as they are asked for and answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import ConfigDict, Field

from offhours.api.routes.job_shapes import StateName, WhyShape
from offhours.api.shapes import Moment, Number, Shape, Text

EndName = Literal["running", "done", "promoted", "kept", "refused", "skipped", "failed"]
ModelId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The number of a model.")]


class CycleShape(Shape):
    """A learning cycle: how it ended and why. `report` is what it measured."""

    model_config = ConfigDict(title="Cycle", extra="forbid")

    cycle: int
    model_id: int
    tenant: str
    model: str
    job: int
    schedule: int | None
    status: EndName
    step: str | None
    forced: bool
    code: str | None
    reason: str | None
    correlation_id: str
    started_at: Moment
    finished_at: Moment | None
    report: dict[str, Any] | None


class WaitingCycle(Shape):
    """The job of a cycle that has not ended, and why it stands where it stands."""

    job: int
    state: StateName
    why: WhyShape


class ModelRow(Shape):
    """A model of a tenant: what serves, how its cycles ended, and what one waits for now."""

    model_config = ConfigDict(
        title="Model",
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "id": 1, "tenant": "acme", "model": "digits",
                    "aliases": {"champion": 3, "previous": 2}, "golden": "5c9e",
                    "metrics": {"accuracy": 0.97}, "cycles": 4, "good": 3, "bad": 1, "skipped": 0,
                    "last": None,
                    "waiting": [{"job": 42, "state": "pending", "why": {
                        "code": "gate", "sentence": "the processor is at 91 % (at most 80 %)",
                        "until": None}}],
                }
            ]
        },
    )  # fmt: skip

    id: int
    tenant: str
    model: str
    aliases: dict[str, int] = Field(description="Version by part: champion, challenger, previous.")
    golden: str | None = Field(description="The digest of what its versions are judged on.")
    metrics: dict[str, Any] | None = Field(description="Those of the champion.")
    cycles: int
    good: int
    bad: int
    skipped: int
    last: CycleShape | None
    waiting: list[WaitingCycle]


class VersionShape(Shape):
    """A trained model, which never changes. With `dropped_at` its bytes were given up."""

    model_config = ConfigDict(title="Version", extra="forbid")

    version: int
    aliases: list[str]
    digest: str
    bytes: int
    metrics: dict[str, Any]
    metadata: dict[str, Any]
    cycle: int | None
    created_at: Moment
    dropped_at: Moment | None


class MoveShape(Shape):
    """How the champion changed: from version to version, by whom and why."""

    model_config = ConfigDict(title="Move", extra="forbid")

    id: int
    at: Moment
    kind: Literal["promoted", "rolled_back", "restored"]
    from_number: int | None
    to_number: int
    cycle_id: int | None
    by: str
    reason: str


class WholeModel(ModelRow):
    """A model with its newest versions and all changes of what serves."""

    model_config = ConfigDict(title="WholeModel", extra="forbid")

    versions: list[VersionShape]
    moves: list[MoveShape]


class Because(Shape):
    """Why; it is kept with the change."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "users complain"}]}
    )
    reason: str = Field("", max_length=500, pattern=r"^[^\x00]*$")


class Restored(Because):
    """The version that is to serve, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"version": 2, "reason": "the last good one"}]},
    )
    version: Number


class Pardoned(Shape):
    """How many failures in a row count no more."""

    pardoned: int


class NewCycle(Shape):
    """A cycle to be made. `force` passes the gates that a person may pass; that is told."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"model": "digits", "tenant": "acme"}]}
    )
    model: Text
    tenant: Text | None = Field(None, description="A tenant's token means its own.")
    force: bool = False

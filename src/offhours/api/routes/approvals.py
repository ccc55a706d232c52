"""`/approvals`: what jobs ask a person, and what they are told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field

from offhours.api.auth import Operator, Reader
from offhours.api.context import Here, Server
from offhours.api.shapes import Limit, Moment, Shape, Text, problems
from offhours.core.errors import ApprovalNotFound
from offhours.views import approval_dict

router = APIRouter(prefix="/api/v1", tags=["approvals"], responses=problems())

State = Literal["waiting", "approved", "denied", "expired", "void"]
ApprovalId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class ApprovalShape(Shape):
    """A question of a job; `digest` stands for exactly this question and these arguments."""

    model_config = ConfigDict(title="Approval", extra="forbid")

    id: int
    job: int
    question: str
    arguments: Any
    digest: str
    state: State
    asked_at: Moment
    until: Moment | None
    decided_at: Moment | None
    decided_by: str | None
    note: str | None


class Approvals(Shape):
    """The newest questions."""

    data: list[ApprovalShape]


class Decision(Shape):
    """The question as it was seen, and a word about the answer."""

    digest: str = Field(description="Of the question as it was seen: another one is refused.")
    note: Text | None = None


@router.get("/approvals", summary="List questions")
def approvals(
    here: Here, who: Reader, state: State | None = "waiting", limit: Limit = 50
) -> Approvals:
    """Those that wait for an answer, unless another state is asked for; the newest first."""
    found = here.app.approvals(state, limit)
    return Approvals.model_validate({"data": [approval_dict(each) for each in found]})


@router.post(
    "/approvals/{approval_id}/approve", summary="Say yes", responses=problems(404, 409, 507)
)
def approve(here: Here, who: Operator, approval_id: ApprovalId, told: Decision) -> ApprovalShape:
    """Once, in the name of who holds the token, and for exactly what was asked."""
    here.app.approve(approval_id, by=who.name, note=told.note or "", digest=told.digest)
    return _told(here, approval_id)


@router.post("/approvals/{approval_id}/deny", summary="Say no", responses=problems(404, 409, 507))
def deny(here: Here, who: Operator, approval_id: ApprovalId, told: Decision) -> ApprovalShape:
    """Once, in the name of who holds the token."""
    here.app.deny(approval_id, by=who.name, note=told.note or "", digest=told.digest)
    return _told(here, approval_id)


def _told(here: Server, approval_id: int) -> ApprovalShape:
    found = here.app.store.approvals.approval(approval_id)
    if found is None:
        raise ApprovalNotFound(f"no approval {approval_id}")
    return ApprovalShape.model_validate(approval_dict(found))

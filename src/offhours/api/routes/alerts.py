"""`/alerts`: what is wrong, and who looks after it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field

from offhours.api.auth import Operator, Reader
from offhours.api.context import Here
from offhours.api.problems import Problem
from offhours.api.shapes import (
    Limit,
    Moment,
    Shape,
    Text,
    problems,
)
from offhours.core.notices import AlertState
from offhours.monitor.callbacks import alert_data

router = APIRouter(prefix="/api/v1", tags=["alerts"], responses=problems())

LOOKED_AT = 1_000


class AlertShape(Shape):
    """Something that is wrong, or was."""

    model_config = ConfigDict(title="Alert", extra="forbid")

    id: int
    rule: str
    subject: str
    severity: str
    state: Literal["firing", "acknowledged", "resolved"]
    message: str
    value: float | None
    threshold: float | None
    seen: int
    fired_at: Moment
    seen_at: Moment
    acknowledged_at: Moment | None
    acknowledged_by: str | None
    resolved_at: Moment | None


class Alerts(Shape):
    """The newest alerts."""

    data: list[AlertShape]


class Acknowledged(Shape):
    """Who looks after it."""

    by: Text | None = Field(None, description="The holder of the token, unless told.")


@router.get("/alerts", summary="List alerts")
def alerts(
    here: Here,
    who: Reader,
    state: Literal["firing", "acknowledged", "resolved"] | None = None,
    limit: Limit = 50,
) -> Alerts:
    """The newest first, resolved ones too unless a state is given."""
    wanted = None if state is None else AlertState(state)
    found = here.app.store.notices.alerts(wanted, limit)
    return Alerts.model_validate({"data": [alert_data(alert) for alert in found]})


@router.post(
    "/alerts/{alert_id}/acknowledge", summary="Look after an alert",
    responses=problems(404, 409, 507),
)  # fmt: skip
def acknowledge(
    here: Here,
    who: Operator,
    alert_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    told: Acknowledged | None = None,
) -> AlertShape:
    """It stays open until it is well again."""
    by = told.by if told is not None and told.by is not None else who.name
    notices = here.app.store.notices
    done = notices.acknowledge(alert_id, by, here.now())
    found = next((alert for alert in notices.alerts(limit=LOOKED_AT) if alert.id == alert_id), None)
    if found is None:
        raise Problem(404, "not_found", f"there is no alert {alert_id}")
    if not done:
        raise Problem(409, "conflict", f"alert {alert_id} is {found.state} already")
    return AlertShape.model_validate(alert_data(found))

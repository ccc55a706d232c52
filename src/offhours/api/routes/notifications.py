"""`/notifications`: who was told what, and whether a route works."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import ConfigDict

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
from offhours.core.notices import Delivery, DeliveryState
from offhours.core.times import iso

router = APIRouter(prefix="/api/v1", tags=["notifications"], responses=problems())


class DeliveryShape(Shape):
    """A message on its way, or at its end."""

    model_config = ConfigDict(title="Delivery", extra="forbid")

    id: int
    key: str
    target: str
    kind: str
    subject: str
    state: Literal["waiting", "sent", "failed"]
    attempts: int
    created_at: Moment
    next_at: Moment | None
    finished_at: Moment | None
    error: str | None


class Deliveries(Shape):
    """The newest messages of all processes, and the routes of this one."""

    routes: list[str]
    data: list[DeliveryShape]


class Trial(Shape):
    """By which route; without one, by all."""

    route: Text | None = None


class TrialShape(Shape):
    """What came of a test: `error` says why it failed, `note` what else is odd."""

    ok: bool
    seconds: float
    error: str | None
    note: str


class Tried(Shape):
    """What came of a test, by route."""

    data: dict[str, TrialShape]


@router.get("/notifications", summary="List messages")
def notifications(
    here: Here,
    who: Reader,
    state: Literal["waiting", "sent", "failed"] | None = None,
    limit: Limit = 50,
) -> Deliveries:
    """Who was told what, by which route, and what failed."""
    wanted = None if state is None else DeliveryState(state)
    found = here.app.store.notices.deliveries(wanted, limit)
    routes = here.app.notifications
    return Deliveries.model_validate(
        {
            "routes": sorted(routes.routes) if routes is not None else [],
            "data": [_delivery(each) for each in found],
        }
    )


@router.post("/notifications:test", summary="Send a test", responses=problems(404))
def send_test(here: Here, who: Operator, trial: Trial | None = None) -> Tried:
    """Now and once, by one route of this process or by all."""
    routes = here.app.notifications
    name = trial.route if trial is not None else None
    if routes is None or (name is not None and name not in routes.routes):
        raise Problem(
            404, "not_found", "this process has no such route", "app.notify(Route(...)) adds one"
        )
    return Tried(
        data={key: TrialShape(**asdict(result)) for key, result in routes.test(name).items()}
    )


def _delivery(each: Delivery) -> dict[str, Any]:
    waiting = each.state == DeliveryState.WAITING
    return {
        "id": each.id,
        "key": each.key,
        "target": each.target,
        "kind": each.kind,
        "subject": each.subject,
        "state": str(each.state),
        "attempts": each.attempt,
        "created_at": iso(each.created_at),
        "next_at": iso(each.next_at) if waiting else None,
        "finished_at": iso(each.finished_at),
        "error": each.error,
    }

"""What an agent may schedule: nothing for ever, nothing too often, nothing unread."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from offhours.agents.goals import check_gap
from offhours.core.errors import ScheduleError
from offhours.core.explain import explain
from offhours.core.phrases import parse
from offhours.core.schedules import Schedule, ScheduleStatus
from offhours.core.times import DAY, SECOND, Micros, spoken, to_datetime
from offhours.core.triggers import Plan

if TYPE_CHECKING:
    from offhours.app import Offhours

LIFE: Micros = 30 * DAY
MOST = 50
SHORTEST: Micros = 60 * SECOND


def plan_for_agent(app: Offhours, when: str, timezone: str | None) -> Plan:
    """The plan of a phrase, ending within 30 days; refused when it fires too often."""
    now = app.clock.micros()
    plan = parse(when, to_datetime(now), app.schedules.zone(timezone))
    latest = (now + LIFE) // SECOND * SECOND
    if not any(fire <= latest for fire in plan.fires(now, 1)):
        raise ScheduleError(f"when: {when!a} has no fires in the next {spoken(LIFE)}", "when")
    plan = replace(plan, end=latest if plan.end is None else min(plan.end, latest))
    check_gap(plan, now, SHORTEST)
    return plan


def explained(app: Offhours, plan: Plan) -> dict[str, Any]:
    """What is shown before it is saved."""
    return explain(plan, app.clock.micros()).to_dict()


def check_name(app: Offhours, name: str, agent: str) -> None:
    """An agent changes its own schedules, not those of others, and has not too many."""
    found = app.store.schedules.named(name)
    if found is not None and _agent(found) != agent:
        raise ScheduleError(
            f"the schedule {name!a} was not made by {agent}; choose another name", "name"
        )
    if found is None and len(_live_of(app, agent)) >= MOST:
        raise ScheduleError(f"{agent} has {MOST} schedules; delete one of them first", "name")


def confirmation(said: dict[str, Any]) -> str:
    """A code that stands for exactly what was said."""
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _live_of(app: Offhours, agent: str) -> list[Schedule]:
    return [
        s
        for s in app.schedules.records()
        if s.status is not ScheduleStatus.ENDED and _agent(s) == agent
    ]


def _agent(schedule: Schedule) -> str | None:
    agent: str | None = json.loads(schedule.metadata or "{}").get("agent")
    return agent

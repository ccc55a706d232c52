"""Goals, thoughts, budgets and quotas as JSON answers carry them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from offhours.core.agents import ANNOUNCED, ISOLATED
from offhours.core.budgets import DOLLAR, Amounts, Limits
from offhours.core.times import SECOND, iso

if TYPE_CHECKING:
    from offhours.agents.room import BudgetState
    from offhours.core.agents import Goal, StoredThought
    from offhours.core.quotas import Quota, Usage

UNITS: Mapping[str, int] = {"usd": DOLLAR, "seconds": SECOND}
"""How many of what is counted make one of what is told."""


def goal_dict(goal: Goal) -> dict[str, Any]:
    """A goal."""
    over = goal.status.final
    return {
        "id": goal.task_id,
        "agent": goal.agent,
        "tenant": goal.tenant,
        "name": goal.name,
        "goal": goal.goal,
        "prompt": goal.prompt,
        "origin": None if goal.origin is None else json.loads(goal.origin),
        "created_by": goal.created_by,
        "status": goal.status.value,
        "thread": goal.thread or ISOLATED,
        "delivery": goal.delivery or ANNOUNCED,
        "text": goal.text,
        "recurring": goal.recurring,
        "schedule": goal.schedule_id,
        "schedule_status": goal.schedule_status,
        "next_at": None if over else iso(goal.next_at),
        "last_at": iso(goal.last_at),
        "runs": goal.runs,
        "failures": goal.failures,
        "deferrals": goal.deferrals,
        "open_jobs": goal.open_jobs,
        "expires_at": iso(goal.expires_at),
        "created_at": iso(goal.created_at),
    }


def thought_dict(thought: StoredThought) -> dict[str, Any]:
    """A thought."""
    return {
        "id": thought.id,
        "agent": thought.agent,
        "state": str(thought.state),
        "prompt": thought.prompt,
        "goal": thought.goal,
        "origin": None if thought.origin is None else json.loads(thought.origin),
        "created_by": thought.created_by,
        "note": thought.note,
        "thread": thought.thread or ISOLATED,
        "delivery": thought.delivery or ANNOUNCED,
        "schedule": thought.schedule_id,
        "job": thought.job_id,
        "handler_job": thought.handler_job,
        "created_at": iso(thought.created_at),
        "visible_at": iso(thought.visible_at),
        "expires_at": iso(thought.expires_at),
        "closed_at": iso(thought.closed_at),
        "taken": thought.taken,
        "snoozes": thought.snoozes,
        "answer": thought.answer,
    }


def budget_dict(state: BudgetState) -> dict[str, Any]:
    """A budget and what is used of it."""
    kept = state.budget
    return {
        "scope": kept.scope,
        "name": kept.name or None,
        "limits": _amounts(kept.limits),
        "used": _amounts(state.spent.amounts),
        "runs": state.spent.runs,
        "per_ms": None if kept.per is None else kept.per // 1000,
        "on_breach": kept.on_breach,
        "refills_at": iso(state.refills_at),
    }


def quota_dict(quota: Quota, usage: Usage) -> dict[str, Any]:
    """A quota and what is used of it."""
    _, _, *limits = quota
    return {
        "scope": quota.scope,
        "name": quota.name,
        "limits": dict(zip(quota._fields[2:], limits, strict=True)),
        "used": usage._asdict(),
    }


def _amounts(amounts: Amounts | Limits) -> dict[str, Any]:
    counted: Mapping[str, int | None] = amounts._asdict()
    return {
        name: value if value is None or name not in UNITS else value / UNITS[name]
        for name, value in counted.items()
    }

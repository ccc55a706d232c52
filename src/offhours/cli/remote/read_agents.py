"""Answers of a server about agents as the records that a database gives."""

from __future__ import annotations

from offhours.agents.room import BudgetState
from offhours.agents.telling import UNITS
from offhours.cli.remote.read import Told, compact, moment, span
from offhours.core.agents import ANNOUNCED, ISOLATED, Deferral, Goal, GoalStatus, StoredThought
from offhours.core.budgets import Amounts, Spent, StoredBudget
from offhours.core.quotas import Quota, Usage
from offhours.core.times import parse_moment


def goal(told: Told) -> Goal:
    """A goal. What its cron expression is, and when it was cancelled, is not told."""
    return Goal(
        schedule_id=told["schedule"],
        task_id=told["id"],
        agent=told["agent"],
        tenant=told["tenant"],
        name=told["name"],
        goal=told["goal"],
        prompt=told["prompt"],
        origin=compact(told["origin"]),
        created_by=told["created_by"],
        cron=told["text"] if told["recurring"] else None,
        expires_at=moment(told["expires_at"]),
        deferrals=told["deferrals"],
        cancelled_at=0 if told["status"] == GoalStatus.CANCELLED else None,
        schedule_status=told["schedule_status"],
        thread=None if told["thread"] == ISOLATED else told["thread"],
        delivery=None if told["delivery"] == ANNOUNCED else told["delivery"],
        text=told["text"],
        next_at=moment(told["next_at"]),
        last_at=moment(told["last_at"]),
        runs=told["runs"],
        failures=told["failures"],
        created_at=parse_moment(told["created_at"]),
        updated_at=0,
        open_jobs=told["open_jobs"],
    )


def thought(told: Told) -> StoredThought:
    """What is in the inbox of an agent."""
    return StoredThought(
        key="",
        schedule_id=told["schedule"],
        fire_at=None,
        job_id=told["job"],
        attempt=None,
        thread=None if told["thread"] == ISOLATED else told["thread"],
        delivery=None if told["delivery"] == ANNOUNCED else told["delivery"],
        origin=compact(told["origin"]),
        created_at=parse_moment(told["created_at"]),
        visible_at=parse_moment(told["visible_at"]),
        expires_at=moment(told["expires_at"]),
        closed_at=moment(told["closed_at"]),
        **{name: told[name] for name in (
            "id", "agent", "prompt", "goal", "created_by", "note", "state", "taken", "snoozes",
            "handler_job", "answer",
        )},
    )  # fmt: skip


def budget(told: Told) -> BudgetState:
    """What work may use up, and what it has used."""
    limits = {
        name: None if value is None else round(value * UNITS.get(name, 1))
        for name, value in told["limits"].items()
    }
    used = {name: round(value * UNITS.get(name, 1)) for name, value in told["used"].items()}
    kept = StoredBudget(
        scope=told["scope"], name=told["name"] or "", **limits, per=span(told["per_ms"]),
        on_breach=told["on_breach"], reserve=None,
    )  # fmt: skip
    return BudgetState(kept, Spent(Amounts(**used), told["runs"]), moment(told["refills_at"]))


def quota(told: Told) -> tuple[Quota, Usage]:
    """How much may be stored, and how much is."""
    return Quota(told["scope"], told["name"], **told["limits"]), Usage(**told["used"])


def deferral(told: Told) -> Deferral:
    """Something moved to later."""
    at, until = parse_moment(told["at"]), parse_moment(told["until"])
    return Deferral(at, until, told["reason"], told["job"], told["gate"], told["thought"])

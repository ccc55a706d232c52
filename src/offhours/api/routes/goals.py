"""`/goals` and `/thoughts`: what agents are told when, and what waits for them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from offhours.agents.goals import GoalHandle
from offhours.agents.inbox import Thought
from offhours.agents.telling import goal_dict, thought_dict
from offhours.api.auth import TenantAdmin, TenantOperator, TenantReader
from offhours.api.context import Here
from offhours.api.problems import Problem
from offhours.api.routes.deferrals import OfJob
from offhours.api.routes.goal_shapes import (
    Answer,
    Ended,
    GoalId,
    GoalShape,
    NewGoal,
    Snooze,
    ThoughtId,
    ThoughtShape,
    ThoughtStateName,
    WholeGoal,
)
from offhours.api.routes.job_shapes import Reason, Until, tenant_of
from offhours.api.shapes import Cursor, Limit, Page, page_of, problems, read_cursor
from offhours.views import deferral_dict

_SAID = ("name", "goal", "expires", "thought_expires", "thread", "delivery", "created_by")

router = APIRouter(prefix="/api/v1", responses=problems())

OfAgent = Annotated[str | None, Query(max_length=500, pattern=r"^[^\x00]*$")]
Before = Annotated[
    int, Query(ge=0, le=2**63 - 1, description="Instead of a cursor: the last number before.")
]


@router.get("/goals", tags=["agents"], summary="List goals")
def goals(
    here: Here, who: TenantReader, agent: OfAgent = None, tenant: OfAgent = None,
    limit: Limit = 50, cursor: Cursor = None, after: Before = 0,
) -> Page[GoalShape]:  # fmt: skip
    """In the order in which they were made: of all agents, of one, of a tenant."""
    after = after or read_cursor(cursor, "goals")
    found = here.app.agents.goals.page(agent, after, limit, tenant_of(who, tenant))
    last = found[-1].schedule_id if found else None
    page = page_of([goal_dict(each) for each in found], limit, last, "goals")
    return Page[GoalShape].model_validate(page)


@router.post("/goals", tags=["agents"], status_code=201, summary="Have an agent told something",
             responses=problems(409, 507))  # fmt: skip
def add_goal(here: Here, who: TenantAdmin, new: NewGoal, response: Response) -> WholeGoal:
    """At a time, or again and again. A quota of its agent or its tenant may refuse it."""
    given = {name: getattr(new, name) for name in _SAID}
    if new.timezone is not None:
        given["timezone"] = new.timezone
    agent = here.app.agent(new.agent)
    made = agent.schedule(new.prompt, new.when, tenant=tenant_of(who, new.tenant), **given)
    response.headers["Location"] = f"goals/{made.task_id}"
    return _answer(made)


@router.get("/goals/{goal_id}", tags=["agents"], summary="One goal", responses=problems(404))
def one_goal(here: Here, who: TenantReader, goal_id: GoalId) -> WholeGoal:
    """With why it stands where it stands."""
    return _answer(here.app.agents.goals.get(goal_id, who.tenant))


@router.get("/goals/{goal_id}/deferrals", tags=["agents"], summary="Where a goal was moved to",
            responses=problems(404))  # fmt: skip
def deferrals_of_goal(here: Here, who: TenantReader, goal_id: GoalId) -> OfJob:
    """Each time that it, or a job of it, was put off, the oldest first."""
    found = here.app.agents.goals.get(goal_id, who.tenant).deferrals()
    return OfJob.model_validate({"data": [deferral_dict(each) for each in found]})


@router.post("/goals/{goal_id}/pause", tags=["agents"], summary="Fire a goal no more",
             responses=problems(404, 409, 507))  # fmt: skip
def pause_goal(
    here: Here, who: TenantOperator, goal_id: GoalId, because: Reason | None = None
) -> WholeGoal:
    """Until it is resumed."""
    goal = here.app.agents.goals.get(goal_id, who.tenant)
    goal.pause(because.reason if because else "")
    return _answer(goal)


@router.post("/goals/{goal_id}/resume", tags=["agents"], summary="Fire a goal again",
             responses=problems(404, 409, 507))  # fmt: skip
def resume_goal(here: Here, who: TenantOperator, goal_id: GoalId) -> WholeGoal:
    """From now on."""
    goal = here.app.agents.goals.get(goal_id, who.tenant)
    goal.resume()
    return _answer(goal)


@router.post("/goals/{goal_id}/defer", tags=["agents"], summary="Move a goal to later",
             responses=problems(404, 409, 507))  # fmt: skip
def defer_goal(here: Here, who: TenantOperator, goal_id: GoalId, later: Until) -> WholeGoal:
    """Its next fire; the deferral is kept with its reason."""
    goal = here.app.agents.goals.get(goal_id, who.tenant)
    goal.defer(later.until, later.reason)
    return _answer(goal)


@router.post("/goals/{goal_id}/cancel", tags=["agents"], summary="End a goal",
             responses=problems(404, 409, 507))  # fmt: skip
def cancel_goal(
    here: Here, who: TenantOperator, goal_id: GoalId, because: Reason | None = None
) -> Ended:
    """And what is not finished of it."""
    goal = here.app.agents.goals.get(goal_id, who.tenant)
    changed = goal.cancel(because.reason if because else "")
    return Ended.model_validate({"goal": goal_dict(goal.record), "changed": changed})


@router.get("/thoughts", tags=["agents"], summary="List thoughts")
def thoughts(
    here: Here, who: TenantReader, agent: OfAgent = None, state: ThoughtStateName | None = None,
    tenant: OfAgent = None, limit: Limit = 50, cursor: Cursor = None, before: Before = 0,
) -> Page[ThoughtShape]:  # fmt: skip
    """The newest first, without taking them; a tenant's are those that its goals and jobs left."""
    place = before or read_cursor(cursor, "thoughts") or None
    found = here.app.agents.thoughts.page(agent, state, place, limit, tenant_of(who, tenant))
    last = found[-1].id if found else None
    page = page_of([thought_dict(each) for each in found], limit, last, "thoughts")
    return Page[ThoughtShape].model_validate(page)


@router.get("/thoughts/{thought_id}", tags=["agents"], summary="One thought",
            responses=problems(404))  # fmt: skip
def one_thought(here: Here, who: TenantReader, thought_id: ThoughtId) -> ThoughtShape:
    """As it stands, without taking it."""
    found = here.app.agents.thoughts.get(thought_id, who.tenant)
    return ThoughtShape.model_validate(thought_dict(found.record))


@router.post("/thoughts/{thought_id}/acknowledge", tags=["agents"], summary="See to a thought",
             responses=problems(404, 409, 507))  # fmt: skip
def acknowledge(
    here: Here, who: TenantOperator, thought_id: ThoughtId, told: Answer | None = None
) -> ThoughtShape:
    """It does not come again; `answer` is kept with it."""
    thought = here.app.agents.thoughts.get(thought_id, who.tenant)
    if not thought.acknowledge(told.answer if told else None):
        raise _closed(thought)
    return one_thought(here, who, thought_id)


@router.post("/thoughts/{thought_id}/snooze", tags=["agents"], summary="Show a thought later",
             responses=problems(404, 409, 507))  # fmt: skip
def snooze(here: Here, who: TenantOperator, thought_id: ThoughtId, told: Snooze) -> ThoughtShape:
    """It comes again at a time, or after one."""
    thought = here.app.agents.thoughts.get(thought_id, who.tenant)
    if not thought.snooze(told.until):
        raise _closed(thought)
    return one_thought(here, who, thought_id)


def _answer(goal: GoalHandle) -> WholeGoal:
    return WholeGoal.model_validate({**goal_dict(goal.record), "why": goal.why()})


def _closed(thought: Thought) -> Problem:
    return Problem(
        409, "thought_closed", f"thought {thought.id} is {thought.state} already",
        "look at it again; what is closed stays closed",
    )  # fmt: skip

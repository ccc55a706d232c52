"""What agents add to the graph: their goals, where those were moved to, the thoughts they made."""

from __future__ import annotations

import re
from collections.abc import Iterator

from offhours.core.agents import Deferral, Goal
from offhours.core.graph import (
    CREATED_THOUGHT,
    DEFERRAL_OF,
    REQUESTED_BY,
    SCHEDULED_TASK,
    TASK_DEFERRAL,
    THOUGHT,
    Edge,
    Node,
)
from offhours.core.ports import Store
from offhours.core.schedules import Schedule
from offhours.core.times import iso
from offhours.graph import names

_THOUGHT = re.compile(r"thought_([1-9][0-9]{0,17})")


class Goals:
    """Reads nodes and edges out of goals, their deferrals and the inbox."""

    def __init__(self, store: Store) -> None:
        self._rows = store.agents

    def named(self, node_id: str) -> str:
        """The schedule of a goal that is meant by its own id; else the name as it is."""
        if names.read(node_id) is not None or names.moment_of(node_id) is not None:
            return node_id
        goal = self._rows.goal_of_task(node_id)
        return node_id if goal is None else names.schedule(goal.schedule_id)

    def of(self, schedule: Schedule) -> Node | None:
        """A schedule in the document's form of a scheduled task, if it is that of a goal."""
        goal = self._rows.goal(schedule.id)
        if goal is None:
            return None
        told = {
            "task_id": goal.task_id,
            "name": goal.name,
            "status": goal.status.value,
            "task_type": "recurring" if goal.recurring else "one_time",
            "cron_expression": goal.cron,
            "schedule": goal.text,
            "task": schedule.task,
            "agent": goal.agent,
            "goal": goal.goal,
            "created_at": iso(goal.created_at),
        }
        return Node(names.schedule(schedule.id), SCHEDULED_TASK, told)

    # -- deferrals ----------------------------------------------------------------------------

    def deferral_ids(self, schedule_id: int) -> list[names.Name]:
        """Those of the goal itself, in order; those of its jobs are events."""
        found = enumerate(self._rows.deferrals_of_goal(schedule_id), start=1)
        return [names.Name("defer", schedule_id, n) for n, each in found if each.job_id is None]

    def deferral(self, name: names.Name) -> Node | None:
        found = self._deferral(name)
        if found is None:
            return None
        goal, deferral = found
        told = {
            "task_id": goal.task_id,
            "original_time": iso(deferral.at),
            "deferred_until": iso(deferral.until),
            "reason": deferral.reason,
            "deferral_reason": deferral.reason,
            "deferral_count": name.attempt,
        }
        return Node(names.written(name), TASK_DEFERRAL, told)

    def deferral_edges(self, name: names.Name) -> list[Edge]:
        found = self._deferral(name)
        if found is None:
            return []
        me = names.written(name)
        edges = [Edge(me, DEFERRAL_OF, names.schedule(name.number))]
        thought = found[1].thought_id
        return [*edges, *([Edge(me, REQUESTED_BY, thought)] if thought else [])]

    def _deferral(self, name: names.Name) -> tuple[Goal, Deferral] | None:
        goal = self._rows.goal(name.number)
        found = [] if goal is None else self._rows.deferrals_of_goal(name.number)
        if goal is None or not 0 < name.attempt <= len(found):
            return None
        deferral = found[name.attempt - 1]
        return (goal, deferral) if deferral.job_id is None else None

    # -- thoughts -----------------------------------------------------------------------------

    def thought(self, node_id: str) -> Node | None:
        """A thought in an inbox. What it says stays there."""
        name = _THOUGHT.fullmatch(node_id)
        thought = None if name is None else self._rows.thought(int(name[1]))
        if thought is None:
            return None
        told = {
            "agent": thought.agent,
            "goal": thought.goal,
            "status": thought.state,
            "created_at": iso(thought.created_at),
        }
        return Node(node_id, THOUGHT, told)

    def created_by(self, job_id: int, attempt: int) -> list[Edge]:
        """The thoughts that a run has put into inboxes."""
        run = names.run(job_id, attempt)
        return [
            Edge(run, CREATED_THOUGHT, f"thought_{thought.id}")
            for thought in self._rows.thoughts_of_job(job_id)
            if thought.attempt in (attempt, None)
        ]

    def creators(self, node_id: str) -> Iterator[Edge]:
        """The run that has put a thought into an inbox."""
        name = _THOUGHT.fullmatch(node_id)
        thought = None if name is None else self._rows.thought(int(name[1]))
        if thought is not None and thought.job_id is not None:
            yield Edge(names.run(thought.job_id, thought.attempt or 1), CREATED_THOUGHT, node_id)

"""All agents of an app: the task that fires their goals, their handlers, budgets and quotas."""

from __future__ import annotations

import functools
import inspect
import json
import threading
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from offhours.agents.agent import Agent
from offhours.agents.gates import GoalLimit
from offhours.agents.goals import THOUGHT_KEY, GoalBook, check_said, where
from offhours.agents.inbox import Thought, ThoughtBook
from offhours.agents.ledger import Deferrals
from offhours.core.accounts import inherited
from offhours.core.agents import Goal, NewThought, StoredThought, ended
from offhours.core.budgets import Spent, StoredBudget
from offhours.core.carried import attached
from offhours.core.clock import Signal
from offhours.core.errors import OptionError, did_you_mean
from offhours.core.flows import FlowStep, IfFailed, Upstream
from offhours.core.here import running
from offhours.core.model import Job, NewJob, TaskPriority
from offhours.core.outcomes import Defer
from offhours.core.quotas import Quota, Usage
from offhours.core.times import Duration, Micros, iso_second, parse_duration, to_datetime

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.engine.registry import Task
    from offhours.handles import JobHandle

THINK = "offhours.think"
HANDLER = "offhours.handle:"
REPORT = "offhours.report"


class BudgetState(NamedTuple):
    """A budget and how much of it is used; `refills_at` in microseconds."""

    budget: StoredBudget
    spent: Spent
    refills_at: Micros | None


class AgentRoom:
    """What all agents of an app have in common: `app.agents`."""

    def __init__(self, app: Offhours) -> None:
        self._app = app
        self._table = app.store.agents
        self._bells: dict[str, Signal] = {}
        self._agents: dict[str, Agent] = {}
        self._lock = threading.RLock()
        self.deferrals = Deferrals(app)
        self.goals = GoalBook(app, self)
        self.thoughts = ThoughtBook(app)

    def agent(self, name: str, calls_model: bool = False) -> Agent:
        """The agent of a name. Whether it calls a model may be said at any time."""
        self.think  # noqa: B018  (from now on this process fires goals)
        with self._lock:
            if name not in self._agents:
                self._agents[name] = Agent(self._app, self, name)
            self._agents[name].calls_model |= calls_model
            return self._agents[name]

    def bell(self, agent: str) -> Signal:
        """Set when a thought of an agent comes in this process."""
        with self._lock:
            return self._bells.setdefault(agent, Signal())

    # -- firing -----------------------------------------------------------------------------

    @functools.cached_property
    def think(self) -> Task:
        """The task of which each fire of a goal is a job: it leaves the agent a thought."""
        options: dict[str, Any] = {"retries": 5, "executor": "thread", "gates": [GoalLimit()]}
        return self._app.task(name=THINK, **options)(self._fire).task

    def _fire(self) -> int | None:
        run = running.get()
        job = self._app.record(run.job_id)
        goal = None if job.schedule_id is None else self._table.goal(job.schedule_id)
        if goal is None or goal.cancelled_at is not None:
            return None
        left = self._deliver(self._thought_of(goal, job, run.attempt), job)
        return left.id

    def _thought_of(self, goal: Goal, job: Job, attempt: int) -> NewThought:
        now = self._app.clock.micros()
        life = (attached(job.metadata, THOUGHT_KEY) or {}).get("life")
        note = None
        if goal.expires_at is not None and goal.next_at is None:
            note = (
                f"This goal expires at {iso_second(goal.expires_at)}, and this was its last fire; "
                "schedule it again if it is still wanted."
            )
        return NewThought(
            f"job {job.id}", goal.agent, goal.prompt, goal.goal or None, goal.origin,
            goal.created_by, note, goal.schedule_id, job.fire_at, job.id, attempt, now,
            None if life is None else now + life, goal.thread, goal.delivery,
        )  # fmt: skip

    def leave(
        self,
        agent: str,
        prompt: str,
        *,
        goal: str,
        origin: Mapping[str, Any] | None,
        created_by: str,
        delay: Duration,
        expires: Duration | None,
        key: str | None,
        thread: str | None,
        delivery: str | None,
    ) -> Thought:
        """Leave an agent a thought; inside of a run it names its job."""
        check_said(prompt, goal, created_by)
        now = self._app.clock.micros()
        in_thread, told_by = where(thread, delivery)
        run = running.get()
        here = run is not None and run.home == self._app.store.identity
        visible = now + parse_duration(delay, "delay")
        if key is None:
            key = f"job {run.job_id} {_digest(prompt)}" if here else uuid4().hex
        new = NewThought(
            f"key {agent} {key}", agent, prompt, goal or None,
            None if not origin else json.dumps(dict(origin)), created_by,
            job_id=run.job_id if here else None, attempt=run.attempt if here else None,
            visible_at=visible,
            expires_at=None if expires is None else visible + parse_duration(expires, "expires"),
            thread=in_thread, delivery=told_by,
        )  # fmt: skip
        return Thought(self._app, self._deliver(new, None))

    def _deliver(self, new: NewThought, job: Job | None) -> StoredThought:
        now = self._app.clock.micros()
        metadata, tenant = (None, None) if job is None else (job.metadata, job.tenant)
        found = self._table.deliver(new, functools.partial(_handling, now, metadata, tenant), now)
        self.bell(new.agent).set()
        if found.job_id is not None:
            self._app.wake_workers()
        return found.thought

    # -- reports ----------------------------------------------------------------------------

    @functools.cached_property
    def report(self) -> Task:
        """The task of which a job waits for each job that an agent wants to hear of."""
        return self._app.task(name=REPORT, retries=5, executor="thread")(self._report).task

    def submit_with_report(
        self,
        agent: str,
        function: Any,
        call: tuple[tuple[Any, ...], dict[str, Any]],
        metadata: Mapping[str, Any],
        options: Any,
    ) -> JobHandle[Any]:
        """Store a job, and the one that tells of its end, in one transaction."""
        for key in ("connection", "durable", "unique", "after"):
            if key in options:
                raise OptionError(f"{key}: not for a job that is reported")
        self.report  # noqa: B018  (this process can run it, too)
        told: Any = {"agent": agent, **{k: v for k, v in metadata.items() if k == "origin"}}
        given: Any = {**options, "metadata": metadata}
        job = self._app.new_job(function, *call, given)
        report = self._app.new_job(REPORT, (), {}, {"metadata": told})
        steps = [
            FlowStep(None, job),
            FlowStep(None, report, [Upstream(0, IfFailed.IGNORE, in_flow=True)]),
        ]
        ids = self._app.store.flows.submit(None, steps, self._app.clock.micros())
        self._app.wake_workers()
        return self._app.job(ids[0])

    def _report(self) -> int | None:
        run = running.get()
        job = self._app.record(run.job_id)
        [edge] = self._app.store.flows.upstream(job.id)
        done = self._app.store.job(edge.upstream)
        if done is None:
            return None  # it was forgotten before anybody ran this
        told = json.loads(job.metadata or "{}")
        origin = told.get("origin")
        new = NewThought(
            f"job {job.id}", told["agent"], ended(done), None,
            None if origin is None else json.dumps(origin), "code",
            job_id=done.id, attempt=done.attempts, visible_at=self._app.clock.micros(),
        )  # fmt: skip
        return self._deliver(new, job).id

    # -- handlers ---------------------------------------------------------------------------

    def set_handler(
        self, agent: str, function: Callable[[Thought], Any], options: Mapping[str, Any]
    ) -> None:
        """Have a function work on the thoughts of an agent, as jobs of a task of its own."""
        name = f"{HANDLER}{agent}"

        def handle(thought: int) -> Any:
            found = self._begin(thought)
            return None if found is None else self._end(found, function(found))

        async def handle_async(thought: int) -> Any:
            found = self._begin(thought)
            return None if found is None else self._end(found, await function(found))

        body = handle_async if inspect.iscoroutinefunction(function) else handle
        self._app.task(name=name, executor="thread", **options)(body)
        now = self._app.clock.micros()
        handling = functools.partial(_handling, now, None, None)
        if self._table.set_handler(agent, name, handling, now):
            self._app.wake_workers()

    def _begin(self, thought: int) -> Thought | None:
        self._table.expire(self._app.clock.micros())
        found = self._table.thought(thought)
        waits = found is not None and found.state == "waiting"
        return Thought(self._app, found) if found is not None and waits else None

    def _end(self, thought: Thought, answer: Any) -> Any:
        """It was worked on: acknowledged, unless it is to be shown again later."""
        found = self._table.thought(thought.id)
        if found is not None and found.snoozes > thought.record.snoozes:
            raise Defer(to_datetime(found.visible_at), "snoozed")
        thought.acknowledge()
        return answer

    # -- budgets and quotas -----------------------------------------------------------------

    def set_budget(self, scope: str, name: str, budget: Any, fields: Mapping[str, Any]) -> None:
        """Set a budget of all work, an agent or a tenant; lift it when nothing is given."""
        if budget is not None and fields:
            raise OptionError("budget: give a Budget or its fields, not both")
        now = self._app.clock.micros()
        if budget is None and not fields:
            self._app.store.budgets.drop(scope, name, now)
        else:
            made = self._app.make_budget(fields if budget is None else budget)
            self._app.store.budgets.set(made.stored(scope, name), now)
        self._app.budgets_changed()

    def budgets(self) -> list[BudgetState]:
        """The budgets of all work, of agents and of tenants, with what is used of each."""
        now, table = self._app.clock.micros(), self._app.store.budgets
        return [
            BudgetState(budget, table.spent(budget, now), budget.refills_at(now))
            for budget in table.all()
        ]

    def set_quota(self, scope: str, name: str, fields: Mapping[str, Any]) -> None:
        """Set a quota of an agent or a tenant; one without fields allows everything."""
        known = ("active", "cron", "memory", "deferrals")
        for key, value in fields.items():
            if key not in known:
                raise OptionError(f"quota: {key!r} is unknown{did_you_mean(key, known)}")
            whole = isinstance(value, int) and not isinstance(value, bool)
            least = 1 if key == "deferrals" else 0
            if value is not None and (not whole or value < least):
                raise OptionError(f"{key}: expected a whole number from {least} on, got {value!r}")
        quota = Quota(scope, name, **fields)
        self._app.store.budgets.set_quota(quota, self._app.clock.micros())

    def quotas(self) -> list[tuple[Quota, Usage]]:
        """The quotas of agents and tenants, with what is used of each."""
        table = self._app.store.budgets
        return [(quota, table.usage(quota.scope, quota.name)) for quota in table.quotas()]


def _digest(prompt: str) -> str:
    return blake2b(prompt.encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def _handling(
    now: Micros, metadata: str | None, tenant: str | None, thought: StoredThought, task: str
) -> NewJob:
    """The job of an agent's handler; who pays for the goal pays for it."""
    told: dict[str, Any] = {"agent": thought.agent, "thought": thought.id}
    if thought.goal:
        told["goal"] = thought.goal
    if thought.origin:
        told["origin"] = json.loads(thought.origin)
    key = None
    if thought.thread:
        told["thread"] = thought.thread
        key = f"{HANDLER}{thought.agent} {thought.thread}"  # a conversation is one after the other
    text = json.dumps(told, separators=(",", ":"))
    return NewJob(
        task, f"[[{thought.id}],{{}}]", TaskPriority.NORMAL, max(now, thought.visible_at), None,
        name=f"thought {thought.id}", metadata=inherited(metadata, tenant, text, None),
        unique_key=f"thought {thought.id}", expires_at=None, schedule_id=thought.schedule_id,
        fire_at=thought.fire_at, parent_id=thought.job_id, concurrency_key=key,
        per_key=None if key is None else 1,
    )  # fmt: skip

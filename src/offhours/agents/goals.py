"""Goals: schedules in the name of an agent, with what they are for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from offhours.core import schedules, states
from offhours.core.accounts import ACCOUNT_KEY
from offhours.core.agents import (
    ANNOUNCED,
    ISOLATED,
    LONGEST_PROMPT,
    Deferral,
    Goal,
    GoalStatus,
    NewGoal,
)
from offhours.core.carried import OURS
from offhours.core.errors import (
    Conflict,
    GoalNotFound,
    IllegalMove,
    OptionError,
    PayloadTooLarge,
    ScheduleError,
    TimeError,
)
from offhours.core.model import JobState
from offhours.core.outcomes import clean_text
from offhours.core.schedules import NewSchedule
from offhours.core.times import (
    DAY,
    MINUTE,
    SECOND,
    Duration,
    Micros,
    Moment,
    iso_second,
    parse_duration,
    parse_moment,
    parse_until,
    spoken,
    to_datetime,
)
from offhours.core.triggers import At, Plan

if TYPE_CHECKING:
    from offhours.agents.room import AgentRoom
    from offhours.app import Offhours
    from offhours.schedules import ScheduleHandle

THOUGHT_KEY = f"{OURS}thought"
BY_AGENT = "agent"
MAKERS = ("human", "agent", "code")
LIFE = 30 * DAY
_LONGEST_NAME = 200


class GoalHandle:
    """A goal by its id. Everything it says is read from the store at that moment."""

    def __init__(self, book: GoalBook, task_id: str) -> None:
        self._book = book
        self.task_id = task_id

    @property
    def record(self) -> Goal:
        """The stored goal; `GoalNotFound` when it was forgotten."""
        return self._book.record(self.task_id)

    @property
    def status(self) -> GoalStatus:
        return self.record.status

    @property
    def next_at(self) -> datetime | None:
        """When it fires next."""
        moment = self.record.next_at
        return None if moment is None or self.status.final else to_datetime(moment)

    def defer(self, until: Moment | Duration, reason: str = "") -> None:
        """Move its next fire to later; the deferral is kept with its reason."""
        self._book.defer(self.task_id, until, reason)

    def pause(self, reason: str = "") -> None:
        """Fire no more until `resume`."""
        self._book.schedule(self.record).pause(reason)

    def resume(self) -> None:
        """Fire again, from now on."""
        self._book.schedule(self.record).resume()

    def deferrals(self) -> list[Deferral]:
        """Where it, or a job of it, was moved to, in order."""
        return self._book.deferrals(self.record)

    def cancel(self, reason: str = "") -> bool:
        """End it, and what is not finished of it; false when it is over."""
        return self._book.cancel(self.task_id, reason)

    def why(self) -> str:
        """When it fires next, or why it does not, in a sentence."""
        return self._book.why(self.record)

    def __repr__(self) -> str:
        return f"<goal {self.task_id}>"


class GoalBook:
    """All goals of a store."""

    def __init__(self, app: Offhours, room: AgentRoom) -> None:
        self._app = app
        self._room = room
        self._table = app.store.agents

    def add(
        self,
        agent: str,
        when: Any,
        *,
        prompt: str,
        name: str | None,
        goal: str,
        origin: Mapping[str, Any] | None,
        created_by: str,
        task_id: str | None = None,
        tenant: str | None = None,
        expires: Duration | None = None,
        thought_expires: Duration | None = "7d",
        thread: str | None = None,
        delivery: str | None = None,
        least_gap: Micros = MINUTE,
        deferral: Deferral | None = None,
        due_at: Micros | None = None,
        cron: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> GoalHandle:
        """Store a goal. `due_at`: when it fires first, whatever its plan says; `cron`: how its
        schedule is called, if not by its words."""
        check_said(prompt, goal, created_by)
        place = where(thread, delivery)
        now, options = self._app.clock.micros(), options or {}
        plan, words, moment = self._plan(when, options)
        limit = None if expires is None else now + parse_duration(expires, "expires")
        if created_by == BY_AGENT:
            limit = min(now + LIFE, limit or now + LIFE)
            check_gap(plan, now, least_gap)
        if limit is not None and _recurs(plan):
            plan = replace(plan, end=limit if plan.end is None else min(plan.end, limit))
        first = plan.next_after(now) if moment is None else moment
        first = first if due_at is None else due_at
        if first is None:
            raise ScheduleError(f"{words!a} has no fires left", "when")
        cron = (cron or words) if _recurs(plan) else None
        new = NewGoal(
            task_id or "", agent, tenant, _name(name, goal or prompt), goal, prompt,
            json.dumps(dict(origin)) if origin else None, created_by, cron, limit if cron else None,
            *place,
        )  # fmt: skip
        given: Any = {k: v for k, v in options.items() if k != "timezone"}
        schedule = self._app.schedules.draft(self._room.think, plan, words, given)
        schedule = schedule._replace(metadata=_metadata(new, origin or {}, thought_expires))
        return self._store(new, schedule, first, now, deferral)

    def _store(
        self,
        new: NewGoal,
        draft: NewSchedule,
        first: Micros,
        now: Micros,
        deferral: Deferral | None,
    ) -> GoalHandle:
        """Store a goal under its own id, or under the next one that is free."""
        while True:
            task_id = new.task_id or _new_id(now)
            schedule = draft._replace(name=f"goal {task_id}")
            goal = new._replace(task_id=task_id)
            if self._table.add_goal(goal, schedule, first, now, deferral) is not None:
                self._app.wake_workers()
                return GoalHandle(self, task_id)
            if new.task_id:
                raise Conflict(f"there is a goal {task_id!r} already")
            now += 1_000

    def _plan(self, when: Any, options: Mapping[str, Any]) -> tuple[Plan, str, Micros | None]:
        """A plan and its words, and the moment if it is one: that may have passed."""
        zone = self._app.schedules.zone(options.get("timezone"))
        moment = _moment(when, self._app.settings.timezone)
        if moment is not None:
            return Plan((At(moment),), zone), iso_second(moment), moment
        return *self._app.schedules.plan(when, zone), None

    def get(self, task_id: str, tenant: str | None = None) -> GoalHandle:
        """A goal by its id, of a tenant if one is named; `GoalNotFound` when there is none."""
        self.record(task_id, tenant)
        return GoalHandle(self, task_id)

    def page(
        self, agent: str | None = None, after: int = 0, limit: int = 50, tenant: str | None = None
    ) -> list[Goal]:
        """A page of goals in the order in which they were made, of an agent, of a tenant or of all;
        `after` is the number of the schedule of the last one before."""
        return self._table.goals(agent, after, limit, tenant)

    def schedule(self, goal: Goal) -> ScheduleHandle:
        """The schedule that a goal is."""
        return self._app.schedules.get(goal.schedule_id)

    def record(self, task_id: str, tenant: str | None = None) -> Goal:
        """The stored goal; `GoalNotFound` when there is none."""
        found = self._table.goal_of_task(task_id, tenant)
        if found is None:
            raise GoalNotFound(f"no goal {task_id[:80]!r} in {self._app.store.name}")
        return found

    def deferrals(self, goal: Goal) -> list[Deferral]:
        return self._table.deferrals_of_goal(goal.schedule_id)

    def defer(
        self,
        task_id: str,
        until: Moment | Duration,
        reason: str,
        thought_id: str | None = None,
        context: str | None = None,
    ) -> None:
        """Move the next fire of a goal; one that is complete or has failed is taken up again."""
        while True:
            goal, now = self.record(task_id), self._app.clock.micros()
            if goal.status is GoalStatus.CANCELLED:
                raise IllegalMove(f"goal {task_id} was cancelled and cannot be deferred")
            moment = parse_until(until, now, self._app.settings.timezone)
            why = clean_text(reason)
            fired = {fire.instant for fire in self._app.store.schedules.fires(goal.schedule_id)}
            while moment in fired:
                moment += 1  # an instant has one job
            schedule = self._app.schedules.record(goal.schedule_id)
            plan = None if goal.recurring else Plan((At(moment),), "UTC")
            move = schedules.defer(schedule, moment, why, now, plan)
            deferral = Deferral(now, moment, why, None, None, thought_id, context)
            if self._table.defer_goal(goal, move, deferral, now):
                self._app.wake_workers()
                return

    def cancel(self, task_id: str, reason: str = "") -> bool:
        """End a goal; false when it is over."""
        while True:
            goal, now = self.record(task_id), self._app.clock.micros()
            if goal.status.final:
                return False
            schedule = self._app.schedules.record(goal.schedule_id)
            move = schedules.end(schedule, clean_text(reason) or "its goal was cancelled", now)
            if self._table.cancel_goal(goal, move, now):
                self._cancel_jobs(goal, reason or "its goal was cancelled")
                return True

    def _cancel_jobs(self, goal: Goal, reason: str) -> None:
        for job in self._app.store.schedules.unfinished(goal.schedule_id):
            if job.state is not JobState.RUNNING:
                self._app.store.apply([states.cancel(job, reason)], self._app.clock.micros())
            else:
                self._app.cancel(job.id, reason)

    def why(self, goal: Goal) -> str:
        if goal.status is GoalStatus.CANCELLED:
            return "it was cancelled"
        return str(self.schedule(goal).why())


def where(thread: object, delivery: object) -> tuple[str | None, str | None]:
    """A thread and a delivery as they are stored: None for what is usual."""
    for key, name in (("thread", thread), ("delivery", delivery)):
        if name is not None and not (
            isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable()
        ):
            raise OptionError(f"{key}: expected a name of 1 to {_LONGEST_NAME} characters")
    return (
        None if thread in (None, ISOLATED) else str(thread),
        None if delivery in (None, ANNOUNCED) else str(delivery),
    )


def check_said(prompt: str, goal: str, created_by: str) -> None:
    """Refuse what an agent cannot be told, or nobody may say."""
    for key, text in (("prompt", prompt), ("goal", goal)):
        if not isinstance(text, str) or "\0" in text:
            raise OptionError(f"{key}: expected text, got {type(text).__name__}")
        if len(text) > LONGEST_PROMPT:
            raise PayloadTooLarge(
                f"{key}: {len(text):,} characters, at most {LONGEST_PROMPT:,} are stored"
            )
    if not prompt:
        raise OptionError("prompt: expected what the agent is to be told, got nothing")
    if created_by not in MAKERS:
        raise OptionError(f"created_by: expected {', '.join(MAKERS)}, got {created_by!r}")


def _metadata(new: NewGoal, origin: Mapping[str, Any], thought_expires: Duration | None) -> str:
    """What the jobs of a goal are told: whose they are, and how long their thoughts last."""
    life = None if thought_expires is None else parse_duration(thought_expires, "expires")
    told: dict[str, Any] = {"agent": new.agent, THOUGHT_KEY: {"life": life}}
    if "thought_id" in origin:
        told["origin_thought_id"] = origin["thought_id"]  # by it the graph finds it
    if new.tenant is not None:
        told[ACCOUNT_KEY] = {"tenants": [new.tenant]}
    return json.dumps(told, separators=(",", ":"))


def _recurs(plan: Plan) -> bool:
    return plan.count != 1 and not all(isinstance(trigger, At) for trigger in plan.triggers)


def _moment(when: Any, timezone: Any) -> Micros | None:
    """A datetime, or ISO 8601 text, as a moment; None for everything else."""
    if isinstance(when, datetime):
        return parse_moment(when, "when", timezone)
    if isinstance(when, str) and when[:4].isdigit() and when[4:5] == "-":
        try:
            return parse_moment(when, "when", timezone)
        except TimeError:
            return None
    return None


def check_gap(plan: Plan, now: Micros, least: Micros) -> None:
    """An agent is not told the same all the time."""
    gap = plan.shortest_gap(now)
    if gap is not None and gap < least:
        raise ScheduleError(
            f"when: {spoken(gap)} between two fires; an agent's schedule may fire every "
            f"{spoken(least)} at most",
            "when",
        )


def _name(given: str | None, instead: str) -> str:
    name = " ".join((given or instead).split())
    if not name:
        raise OptionError("name: expected what the goal is called, got nothing")
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _new_id(now: Micros) -> str:
    return f"task_{now // 1_000 / (SECOND // 1_000):.3f}"

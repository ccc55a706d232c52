"""How a task scheduler service schedules and defers: its tasks are goals of one agent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from offhours.app import Offhours
from offhours.core.agents import Deferral, Goal
from offhours.core.errors import InputError, OptionError
from offhours.core.outcomes import clean_text
from offhours.core.times import Micros, iso, parse_moment
from offhours.core.triggers import Cron
from offhours.faces.service_forms import ScheduledTask


class ServiceTasks:
    """The tasks of an agent. soonest: when what is due already may fire."""

    def __init__(self, app: Offhours, agent: str, soonest: Callable[[], Micros]) -> None:
        self._app = app
        self._agent = agent
        self._soonest = soonest

    def schedule(
        self,
        name: str,
        goal: str,
        prompt: str,
        origin: Mapping[str, Any] | None,
        defer_until: datetime | str | None,
        cron: str | None,
        task_id: str | None = None,
        deferral: Deferral | None = None,
    ) -> ScheduledTask:
        """See `TaskSchedulerService.schedule_task`; task_id, deferral: of one that is deferred."""
        if defer_until is None and cron is None:
            raise OptionError("schedule_task: say when, by defer_until or by schedule_cron")
        due_at = None
        if defer_until is not None:
            due_at = max(self._moment(defer_until), self._soonest())
        made = self._app.agents.goals.add(
            self._agent,
            self._moment_of(defer_until) if cron is None else self._cron(cron),
            prompt=prompt, name=name, goal=goal, origin=origin, created_by="code",
            thought_expires=None, task_id=task_id, deferral=deferral, due_at=due_at, cron=cron,
        )  # fmt: skip
        return self.form(made.record)

    def _moment(self, given: datetime | str) -> Micros:
        return parse_moment(given, "defer_until", self._app.settings.timezone)

    def _moment_of(self, given: datetime | str | None) -> datetime | str:
        assert given is not None
        return given if isinstance(given, datetime) else iso(self._moment(given))

    def _cron(self, expression: str) -> Cron:
        try:
            return Cron(expression)
        except (InputError, TypeError, AttributeError) as error:
            self._app.store.agents.count("refused_cron")
            if isinstance(error, InputError):
                raise
            raise OptionError(f"schedule_cron: expected text, got {expression!r}") from None

    def defer(
        self,
        thought_id: str,
        task_id: str,
        defer_until: datetime | str,
        reason: str,
        context: Mapping[str, Any] | None,
    ) -> ScheduledTask:
        """See `TaskSchedulerService.schedule_deferred_task`."""
        told = None if context is None else _json(context)
        until = self._moment(defer_until)
        if self._app.store.agents.goal_of_task(task_id) is not None:
            self._app.agents.goals.defer(task_id, iso(until), reason, thought_id, told)
            return self.form(self._app.agents.goals.record(task_id))
        now = self._app.clock.micros()
        deferral = Deferral(now, until, clean_text(reason), None, None, thought_id, told)
        prompt = f"Task {task_id!r} was deferred: {reason}. Take it up again."
        return self.schedule(
            f"Deferred: {task_id}", f"Take up {task_id} again", prompt, {"thought_id": thought_id},
            defer_until, None, task_id, deferral,
        )  # fmt: skip

    def form(self, goal: Goal) -> ScheduledTask:
        """A task with its history."""
        return ScheduledTask.of(goal, self._app.agents.goals.deferrals(goal))


def _json(context: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(context), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise OptionError(f"context: expected plain JSON: {error}") from None

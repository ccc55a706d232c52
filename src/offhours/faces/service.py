"""The task scheduler service of the telemetry document, on the goals and thoughts of an app."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from offhours.app import Offhours
from offhours.core.clock import SystemClock
from offhours.core.errors import OptionError, StoreError
from offhours.core.outcomes import clean_text
from offhours.core.quotas import Quota
from offhours.core.times import SECOND, Duration, Micros, iso, parse_duration
from offhours.engine.loop import Loop
from offhours.faces import service_answers as answers
from offhours.faces.base import MEMORY, open_app
from offhours.faces.service_clock import ServiceClock
from offhours.faces.service_figures import goals_of, metrics
from offhours.faces.service_forms import (
    ScheduledTask,
    ScheduledTaskInfo,
    ServiceCapabilities,
    ServiceStatus,
)
from offhours.faces.service_tasks import ServiceTasks

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("offhours")

ACTIONS = ["schedule_task", "cancel_task", "get_scheduled_tasks", "schedule_deferred_task"]
FEATURES = ["cron_scheduling", "one_time_defer", "task_persistence"]
MAX_CRON_TASKS = 100
_SERVICE_AGENT = "agent"


class TaskSchedulerService:
    """Tells an agent at a time what it wanted to be told: its goals become thoughts.

    The engine fires each at its moment; what is due already when it is scheduled comes at the next
    check. What fires is a thought in the inbox of `service.agent`, which survives restarts.

    db_path: the database, for example "/app/data/agent.db"
    time_service: an object whose `now()` gives the time; the machine's clock without one
    check_interval_seconds: how often it looks after what is due
    agent: in whose name it schedules; max_cron_tasks: how many of its tasks may recur
    app: an `Offhours` to stand on, in place of a database and a time service

    >>> async def example() -> list[str]:
    ...     service = TaskSchedulerService()
    ...     await service.schedule_task("Report", "Know more", "Write it.", "thought_1",
    ...                                 schedule_cron="0 9 * * *")
    ...     return [task.name for task in await service.get_scheduled_tasks()]
    >>> asyncio.run(example())
    ['Report']
    """

    def __init__(
        self,
        db_path: str | os.PathLike[str] = MEMORY,
        time_service: Any = None,
        check_interval_seconds: Duration = 60,
        service_name: str = "TaskSchedulerService",
        version: str = "1.0.0",
        *,
        agent: str = _SERVICE_AGENT,
        max_cron_tasks: int = MAX_CRON_TASKS,
        app: Offhours | None = None,
    ) -> None:
        self._interval = parse_duration(check_interval_seconds, "check_interval_seconds")
        if self._interval < SECOND // 100:
            raise OptionError(
                f"check_interval_seconds: expected at least 0.01, got {check_interval_seconds!r}"
            )
        clock = SystemClock() if time_service is None else ServiceClock(time_service)
        self._own = app is None
        self.app = open_app(db_path, {"clock": clock}, {}) if app is None else app
        self.app.attached["task_scheduler"] = self
        self.service_name = service_name
        self.version = version
        self._set_quota(agent, max_cron_tasks)
        self.agent = self.app.agent(agent)
        self._tasks = ServiceTasks(self.app, self.agent.name, self._soonest)
        self._shutdown_event = threading.Event()
        self._task: CheckTask | None = None
        self._lock = threading.Lock()
        self._started: float | None = None
        self.checked_at: float | None = None
        self._next_check: Micros = 0
        self.checks = self.task_errors = self.database_errors = 0
        self.requests = self.errors = 0
        self._last_error: str | None = None

    def _set_quota(self, agent: str, cron: int) -> None:
        table = self.app.store.budgets
        if not any((quota.scope, quota.name) == ("agent", agent) for quota in table.quotas()):
            table.set_quota(Quota("agent", agent, cron=cron), self.app.clock.micros())

    # -- life -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to fire tasks; again, after `stop`."""
        await asyncio.to_thread(self.begin)

    def begin(self) -> None:
        """What `start` does, for those who cannot await."""
        with self._lock:
            if self._task is not None and not self._task.done():
                return
            self._shutdown_event.clear()
            self._started = self.app.clock.monotonic()
            self._next_check = self.app.clock.micros() + self._interval
            self.app.start()
            self._task = CheckTask(Loop("task-scheduler", self._check, self.app.clock))
            self._task.start()

    async def stop(self) -> None:
        """Fire no more. An app that was handed in goes on."""
        await asyncio.to_thread(self.end)

    def end(self) -> None:
        """What `stop` does, for those who cannot await."""
        with self._lock:
            self._shutdown_event.set()
            if self._task is not None:
                self._task.stop()
            if self._own:
                self.app.stop()

    def _check(self, now: Micros) -> Micros:
        """Look after what is due: a net, for the engine fires by itself."""
        if now < self._next_check:  # the first one comes an interval after the start
            return self._next_check
        self._next_check = now + self._interval
        self.checks += 1
        self.checked_at = self.app.clock.monotonic()
        try:
            self.app.store.agents.expire(now)
            self.app.wake_workers()
        except Exception as error:
            self.task_errors += 1
            self._note(error)
            _log.exception("%s: a check failed", self.service_name)
        return self._next_check

    @property
    def task_running(self) -> bool:
        """Whether it looks after tasks in the background."""
        return self._task is not None and not self._task.done()

    @property
    def check_interval_seconds(self) -> float:
        return self._interval / SECOND

    # -- tasks ------------------------------------------------------------------------------

    async def schedule_task(
        self,
        name: str,
        goal_description: str,
        trigger_prompt: str,
        origin_thought_id: str | None = None,
        defer_until: datetime | str | None = None,
        schedule_cron: str | None = None,
    ) -> ScheduledTask:
        """Schedule a task: once (`defer_until`), again and again (`schedule_cron`), or first at a
        time and then again and again (both).

        `ScheduleError` for an expression that is no cron expression, `QuotaExceeded` when there are
        as many recurring tasks as there may be.
        """
        origin = None if origin_thought_id is None else {"thought_id": origin_thought_id}
        return await self._answer(
            self._tasks.schedule, name, goal_description, trigger_prompt, origin, defer_until,
            schedule_cron,
        )  # fmt: skip

    async def schedule_deferred_task(
        self,
        thought_id: str,
        task_id: str,
        defer_until: datetime | str,
        reason: str,
        context: Mapping[str, Any] | None = None,
    ) -> ScheduledTask:
        """Move a task to later, with the reason. A task id that is not known makes a new task."""
        return await self._answer(
            self._tasks.defer, thought_id, task_id, defer_until, reason, context
        )

    async def get_scheduled_tasks(self) -> list[ScheduledTaskInfo]:
        """All tasks that are not over, in the order in which they were made."""
        return await self._answer(
            lambda: [
                ScheduledTaskInfo.of(goal) for goal in goals_of(self.app) if not goal.status.final
            ]
        )

    async def get_task(self, task_id: str) -> ScheduledTask | None:
        """A task with its history; None when there is none of that id."""

        def find() -> ScheduledTask | None:
            found = self.app.store.agents.goal_of_task(task_id)
            return None if found is None else self._tasks.form(found)

        return await self._answer(find)

    async def cancel_task(self, task_id: str) -> bool:
        """Cancel a task; false when there is none of that id, or it is over."""

        def cancel() -> bool:
            known = self.app.store.agents.goal_of_task(task_id) is not None
            return known and self.app.agents.goals.cancel(task_id)

        return await self._answer(cancel)

    def _soonest(self) -> Micros:
        """What is due already is triggered by the next check."""
        return self._next_check if self.task_running else self.app.clock.micros()

    # -- health and figures -----------------------------------------------------------------

    async def is_healthy(self) -> bool:
        """Whether it looks after tasks, and its database answers."""
        return await asyncio.to_thread(self._healthy)

    def _healthy(self) -> bool:
        try:
            self.app.store.last_seq()
        except StoreError as error:
            self._note(error)
            return False
        return self.task_running and not self._shutdown_event.is_set()

    def get_status(self) -> ServiceStatus:
        """How it stands."""
        return ServiceStatus(
            self.service_name,
            "maintenance",
            self._healthy(),
            self._calculate_uptime(),
            metrics(self),
            self._last_error,
            iso(self.app.clock.micros()),
        )

    def get_capabilities(self) -> ServiceCapabilities:
        """What it can do."""
        return ServiceCapabilities(
            self.service_name,
            list(ACTIONS),
            list(FEATURES),
            self.version,
            ["TimeService"],
            {
                "description": "Task scheduling and deferral service",
                "cron_support": True,
                "max_cron_tasks": self._max_cron_tasks(),
            },
        )

    def _max_cron_tasks(self) -> int | None:
        quota = self.app.store.budgets.quota("agent", self.agent.name)
        return None if quota is None else quota.cron

    def _collect_custom_metrics(self) -> dict[str, float]:
        """Every metric of the document.

        Tasks, deferrals and fires are counted over all that the database has ever seen; checks,
        requests and errors since this service was made. `avg_task_execution_time` is in seconds.
        """
        return metrics(self)

    def _calculate_uptime(self) -> float:
        """Seconds since it was started; 0 before."""
        if self._started is None:
            return 0.0
        return max(0.0, self.app.clock.monotonic() - self._started)

    # -- the document's routes --------------------------------------------------------------

    def telemetry_status(self) -> dict[str, Any]:
        """The answer of `GET /v1/telemetry/task-scheduler/status`."""
        return answers.status(self)

    def telemetry_tasks(
        self, status: str | None = None, task_type: str | None = None, limit: int | None = None
    ) -> dict[str, Any]:
        """The answer of `GET …/tasks`, whose parameters are `status`, `type` and `limit`.

        Without `status`, those that are not over are listed.
        """
        return answers.tasks(self, status, task_type, limit)

    def telemetry_analytics(
        self, period: str = "7d", task_type: str | None = None
    ) -> dict[str, Any]:
        """The answer of `GET …/analytics`; `period` is 1h, 1d, 7d or 30d."""
        return answers.analytics(self, period, task_type)

    def telemetry_cron(self) -> dict[str, Any]:
        """The answer of `GET …/cron`."""
        return answers.cron(self)

    def telemetry_performance(self) -> dict[str, Any]:
        """The answer of `GET …/performance`."""
        return answers.performance(self)

    def get_statistics(self) -> dict[str, Any]:
        """The document's "Task Execution Statistics"."""
        return answers.statistics(self)

    def get_cron_analytics(self) -> dict[str, Any]:
        """The document's "Cron Scheduling Analytics"."""
        return answers.cron_analytics(self)

    # -- counting ---------------------------------------------------------------------------

    async def _answer(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """One request: it may take the database's time, and blocks no event loop meanwhile."""
        self._track_request()
        try:
            return await asyncio.to_thread(call, *args, **kwargs)
        except Exception as error:
            self._track_error(error)
            raise

    def _track_request(self) -> None:
        """Count a request."""
        self.requests += 1

    def _track_error(self, error: Exception | None = None) -> None:
        """Count an error."""
        self.errors += 1
        if error is not None:
            self._note(error)

    def _note(self, error: Exception) -> None:
        self._last_error = clean_text(f"{type(error).__name__}: {error}")
        self.database_errors += isinstance(error, StoreError)


class CheckTask:
    """The checks in the background, as one looks at an `asyncio.Task`."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        self._loop.stop()

    def done(self) -> bool:
        """Whether it has ended."""
        return not self._loop.alive

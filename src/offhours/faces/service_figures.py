"""What a task scheduler service counts: its goals, and the metrics of the telemetry document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from offhours.core.agents import Goal, GoalCount, GoalStatus

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.faces.service import TaskSchedulerService

_PAGE = 500


class Tally:
    """Counts over all goals, those that were forgotten since included."""

    def __init__(self, app: Offhours) -> None:
        self.counts: list[GoalCount] = app.store.agents.goal_counts()
        self.told = app.store.agents.tallies()

    def of(self, *statuses: GoalStatus, recurring: bool | None = None) -> int:
        """How many goals are there that stand like this."""
        return sum(
            each.goals
            for each in self.counts
            if each.status in statuses and recurring in (None, each.recurring)
        )

    def ever(self, status: GoalStatus) -> int:
        """How many have ever come to this end."""
        return self.of(status) + self.told.get(f"goals.{status.lower()}", 0)

    def kind(self, recurring: bool) -> int:
        name = "recurring" if recurring else "one_time"
        return self.of(*GoalStatus, recurring=recurring) + self.told.get(f"goals.{name}", 0)

    @property
    def active(self) -> int:
        """All that is scheduled and not final."""
        return self.of(GoalStatus.PENDING, GoalStatus.ACTIVE)

    @property
    def created(self) -> int:
        return self.told.get("goals.created", 0)

    @property
    def deferrals(self) -> int:
        return sum(each.deferrals for each in self.counts) + self.told.get("goals.deferrals", 0)

    @property
    def cron_fires(self) -> int:
        fires = sum(each.fires for each in self.counts if each.recurring)
        return fires + self.told.get("goals.fires", 0)

    @property
    def refused_cron(self) -> int:
        return self.told.get("goals.refused_cron", 0)


def goals_of(app: Offhours) -> Iterator[Goal]:
    """All goals, in the order in which they were made."""
    after = 0
    while page := app.store.agents.goals(None, after, _PAGE):
        yield from page
        after = page[-1].schedule_id


def by_cron(app: Offhours) -> dict[str, list[Goal]]:
    """The recurring goals that go on, by expression, the most used first."""
    found: dict[str, list[Goal]] = {}
    for goal in goals_of(app):
        if goal.cron is not None and not goal.status.final:
            found.setdefault(goal.cron, []).append(goal)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def metrics(service: TaskSchedulerService) -> dict[str, float]:
    """See `TaskSchedulerService._collect_custom_metrics`."""
    tally = Tally(service.app)
    done = service.app.store.agents.executions(0)
    now, uptime = service.app.clock.monotonic(), service._calculate_uptime()
    return {
        "active_tasks": float(tally.active),
        "check_interval": service.check_interval_seconds,
        "task_run_count": float(service.checks),
        "task_error_count": float(service.task_errors),
        "task_error_rate": service.task_errors / service.checks if service.checks else 0.0,
        "task_interval_seconds": service.check_interval_seconds,
        "time_since_last_task_run": 0.0 if service.checked_at is None else now - service.checked_at,
        "task_running": float(service.task_running),
        "uptime_seconds": uptime,
        "request_count": float(service.requests),
        "error_count": float(service.errors),
        "error_rate": service.errors / service.requests if service.requests else 0.0,
        "healthy": float(service._healthy()),
        "scheduled_tasks_created": float(tally.created),
        "scheduled_tasks_completed": float(tally.ever(GoalStatus.COMPLETE)),
        "scheduled_tasks_failed": float(tally.ever(GoalStatus.FAILED)),
        "deferral_requests": float(tally.deferrals),
        "cron_trigger_count": float(tally.cron_fires),
        "avg_task_execution_time": done.mean_seconds or 0.0,
    }

"""Who is told how a tenant's cycles end."""

from __future__ import annotations

import logging

from offhours.app import Offhours
from offhours.core.errors import ConfigError
from offhours.faces.notifications import NotificationConfig, NotificationType
from offhours.faces.training_schedule import TrainingSchedule
from offhours.notify import Route, Rule

OUTCOMES = (
    "training.done", "training.promoted", "training.kept", "training.refused",
    "training.skipped", "training.failed", "job.cancelled", "schedule.disabled",
)  # fmt: skip

_log = logging.getLogger("offhours.training")


class TrainingNotices:
    """The routes of training schedules, which read the events like all others."""

    def __init__(self, app: Offhours, memory_service: object) -> None:
        self._app = app
        self._service = memory_service

    def begin(self, schedule: TrainingSchedule, config: NotificationConfig | None) -> None:
        """Tell of a schedule's outcomes by these ways, and by no earlier ones."""
        routes = [] if config is None else self._routes(schedule, config)
        self._app.notify(*routes, instead=self._names(schedule))

    def begin_again(self, schedule: TrainingSchedule) -> None:
        """The same after a restart, as far as what is stored says enough: secrets are not."""
        told = schedule.config.get("notifications")
        if told is None:
            return
        try:
            self.begin(schedule, NotificationConfig.from_dict(told))
        except ConfigError as error:
            _log.info(
                "schedule %s tells nobody until it is created or updated again with its "
                "notifications (%s); name secrets as env:NAME to have them found",
                schedule.schedule_id,
                error,
            )

    def end(self, schedule: TrainingSchedule) -> None:
        """Tell no more of a schedule."""
        self._app.notify(instead=self._names(schedule))

    def _routes(self, schedule: TrainingSchedule, config: NotificationConfig) -> list[Route]:
        rules = [
            Rule(on=OUTCOMES, schedules=[int(schedule.schedule_id)]),
            Rule(on=("model.rolled_back", "model.restored"), tenants=[schedule.tenant_id]),
        ]
        return [
            Route(
                route.channel, rules,
                name=f"{self._prefix(schedule)}{route.name}",
                labels={"schedule_id": schedule.schedule_id, **route.labels},
            )
            for route in config.routes(self._service)
        ]  # fmt: skip

    def _names(self, schedule: TrainingSchedule) -> list[str]:
        return [f"{self._prefix(schedule)}{kind}" for kind in NotificationType]

    def _prefix(self, schedule: TrainingSchedule) -> str:
        return f"training-{schedule.schedule_id}-"

"""The services of this process by their kind, as the telemetry document asks for them."""

from __future__ import annotations

from enum import StrEnum

from offhours.core.errors import OptionError
from offhours.faces.base import shared
from offhours.faces.service import TaskSchedulerService


class ServiceType(StrEnum):
    """Kinds of services; the task scheduler is known by both names."""

    MAINTENANCE = "maintenance"
    TASK_SCHEDULER = "task_scheduler"


def get_service(service_type: ServiceType | str) -> TaskSchedulerService:
    """The task scheduler service of this process, started, on the database that it shares.

    >>> get_service("library")
    Traceback (most recent call last):
    offhours.core.errors.OptionError: service_type: expected maintenance or task_scheduler
    """
    if service_type not in list(ServiceType):
        raise OptionError("service_type: expected maintenance or task_scheduler")
    service = shared(TaskSchedulerService)
    service.begin()
    return service

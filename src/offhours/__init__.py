"""Background work that stays out of the way, loses nothing, and says why.

Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhours.app import Offhours as Offhours
    from offhours.core.artifacts import ArtifactType as ArtifactType
    from offhours.core.budgets import Budget as Budget
    from offhours.core.errors import BudgetExceeded as BudgetExceeded
    from offhours.core.errors import OffhoursError as OffhoursError
    from offhours.core.errors import QueueFull as QueueFull
    from offhours.core.errors import QuotaExceeded as QuotaExceeded
    from offhours.core.model import JobState as JobState
    from offhours.core.model import TaskPriority as TaskPriority
    from offhours.core.outcomes import Cancelled as Cancelled
    from offhours.core.outcomes import Defer as Defer
    from offhours.core.outcomes import Retry as Retry
    from offhours.core.outcomes import TimeLimit as TimeLimit
    from offhours.core.schedules import ScheduleStatus as ScheduleStatus
    from offhours.engine.context import Context as Context
    from offhours.engine.context import current_context
    from offhours.faces.background import BackgroundTaskManager as BackgroundTaskManager
    from offhours.faces.background import get_task_manager as get_task_manager
    from offhours.faces.background import submit_background_task as submit_background_task
    from offhours.faces.configuration import BackgroundTaskConfig as BackgroundTaskConfig
    from offhours.faces.configuration import CeleryWorkerConfig as CeleryWorkerConfig
    from offhours.faces.configuration import MonitoringConfig as MonitoringConfig
    from offhours.faces.configuration import SchedulerConfig as SchedulerConfig
    from offhours.faces.configuration import ThreadedWorkerConfig as ThreadedWorkerConfig
    from offhours.faces.configuration import auto_load_config as auto_load_config
    from offhours.faces.configuration import load_config as load_config
    from offhours.faces.interceptors import (
        get_global_interceptor_chain as get_global_interceptor_chain,
    )
    from offhours.faces.interceptors import (
        get_perfcatcher_interceptor as get_perfcatcher_interceptor,
    )
    from offhours.faces.loop import BackgroundScheduler as BackgroundScheduler
    from offhours.faces.loop import (
        get_global_background_scheduler as get_global_background_scheduler,
    )
    from offhours.faces.loop import start_background_scheduler as start_background_scheduler
    from offhours.faces.monitor import TaskMonitor as TaskMonitor
    from offhours.faces.monitor import get_task_monitor as get_task_monitor
    from offhours.faces.notifications import NotificationConfig as NotificationConfig
    from offhours.faces.notifications import NotificationManager as NotificationManager
    from offhours.faces.notifications import NotificationType as NotificationType
    from offhours.faces.orchestration import Orchestrator as Orchestrator
    from offhours.faces.priority import PriorityTaskScheduler as PriorityTaskScheduler
    from offhours.faces.priority import get_global_scheduler as get_global_scheduler
    from offhours.faces.rag import create_rag_memory as create_rag_memory
    from offhours.faces.scheduled import ScheduledTaskManager as ScheduledTaskManager
    from offhours.faces.scheduled import get_global_task_manager as get_global_task_manager
    from offhours.faces.scheduled_task import ScheduledTask as ScheduledTask
    from offhours.faces.service import TaskSchedulerService as TaskSchedulerService
    from offhours.faces.service_forms import ScheduledTaskInfo as ScheduledTaskInfo
    from offhours.faces.services import ServiceType as ServiceType
    from offhours.faces.services import get_service as get_service
    from offhours.faces.tasks import BackgroundTask as BackgroundTask
    from offhours.faces.tasks import TaskStatus as TaskStatus
    from offhours.faces.tools import ToolsManager as ToolsManager
    from offhours.faces.training import SchedulerManager as SchedulerManager
    from offhours.faces.training_config import AutonomousConfig as AutonomousConfig
    from offhours.flows import Flow as Flow
    from offhours.gates.resources import ResourceMonitor as ResourceMonitor
    from offhours.handles import After as After
    from offhours.handles import JobHandle as JobHandle
    from offhours.handles import TaskHandle as TaskHandle
    from offhours.recorder.perfcatcher import PerfCatcherInterceptor as PerfCatcherInterceptor
    from offhours.training.controls import SafetyControls as SafetyControls
    from offhours.training.controls import SafetyLevel as SafetyLevel

    context = current_context

__version__ = "0.1.0"

_HOME = {
    "Offhours": "offhours.app",
    "ArtifactType": "offhours.core.artifacts",
    "Budget": "offhours.core.budgets",
    "BudgetExceeded": "offhours.core.errors",
    "QuotaExceeded": "offhours.core.errors",
    "OffhoursError": "offhours.core.errors",
    "QueueFull": "offhours.core.errors",
    "JobState": "offhours.core.model",
    "TaskPriority": "offhours.core.model",
    "Cancelled": "offhours.core.outcomes",
    "Defer": "offhours.core.outcomes",
    "Retry": "offhours.core.outcomes",
    "TimeLimit": "offhours.core.outcomes",
    "Context": "offhours.engine.context",
    "context": "offhours.engine.context",
    "BackgroundTaskManager": "offhours.faces.background",
    "get_task_manager": "offhours.faces.background",
    "submit_background_task": "offhours.faces.background",
    "BackgroundTaskConfig": "offhours.faces.configuration",
    "CeleryWorkerConfig": "offhours.faces.configuration",
    "MonitoringConfig": "offhours.faces.configuration",
    "SchedulerConfig": "offhours.faces.configuration",
    "ThreadedWorkerConfig": "offhours.faces.configuration",
    "auto_load_config": "offhours.faces.configuration",
    "load_config": "offhours.faces.configuration",
    "BackgroundScheduler": "offhours.faces.loop",
    "get_global_background_scheduler": "offhours.faces.loop",
    "start_background_scheduler": "offhours.faces.loop",
    "NotificationConfig": "offhours.faces.notifications",
    "NotificationManager": "offhours.faces.notifications",
    "NotificationType": "offhours.faces.notifications",
    "TaskMonitor": "offhours.faces.monitor",
    "get_task_monitor": "offhours.faces.monitor",
    "Orchestrator": "offhours.faces.orchestration",
    "PriorityTaskScheduler": "offhours.faces.priority",
    "get_global_scheduler": "offhours.faces.priority",
    "create_rag_memory": "offhours.faces.rag",
    "ScheduledTaskManager": "offhours.faces.scheduled",
    "get_global_task_manager": "offhours.faces.scheduled",
    "ScheduledTask": "offhours.faces.scheduled_task",
    "TaskSchedulerService": "offhours.faces.service",
    "ScheduledTaskInfo": "offhours.faces.service_forms",
    "ServiceType": "offhours.faces.services",
    "get_service": "offhours.faces.services",
    "BackgroundTask": "offhours.faces.tasks",
    "TaskStatus": "offhours.faces.tasks",
    "ToolsManager": "offhours.faces.tools",
    "SchedulerManager": "offhours.faces.training",
    "AutonomousConfig": "offhours.faces.training_config",
    "ResourceMonitor": "offhours.gates.resources",
    "SafetyControls": "offhours.training.controls",
    "SafetyLevel": "offhours.training.controls",
    "ScheduleStatus": "offhours.core.schedules",
    "Flow": "offhours.flows",
    "After": "offhours.handles",
    "JobHandle": "offhours.handles",
    "TaskHandle": "offhours.handles",
    "get_global_interceptor_chain": "offhours.faces.interceptors",
    "PerfCatcherInterceptor": "offhours.recorder.perfcatcher",
    "get_perfcatcher_interceptor": "offhours.faces.interceptors",
}
_OTHER_NAME = {"context": "current_context"}

__all__ = ["__version__", *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'offhours' has no attribute {name!r}")
    value = getattr(import_module(home), _OTHER_NAME.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

"""What the examples of the documents leave open: by document and heading, nothing else is added.

`after` runs examples of the same document first, `before` is code of ours, and `filled` replaces
what the document's reader is to fill in.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Surrounding(NamedTuple):
    """What stands around one example."""

    before: str = ""
    after: tuple[str, ...] = ()
    filled: Mapping[str, str] = MappingProxyType({})


_TASK_MANAGER = """
from offhours import get_global_task_manager
from tests.acceptance.documents.doubles import *
task_manager = get_global_task_manager()
"""
_NOTIFICATIONS = "from offhours import NotificationConfig, NotificationType"

OPTIMIZER = {
    "Component 1: Enhanced PerfCatcher / Usage": Surrounding("""
from offhours import PerfCatcherInterceptor, get_perfcatcher_interceptor
for _ in range(20):
    get_perfcatcher_interceptor().record("my_tool", 12.5)
"""),
    "Priority Levels": Surrounding("from enum import Enum"),
    "Component 2: Priority-Aware Task Scheduler / Usage": Surrounding("""
from tests.acceptance.documents.doubles import double as process_workflow_step
from tests.acceptance.documents.doubles import cleanup_old_data
step_data = 21
"""),
    "Creating Scheduled Tasks": Surrounding(
        "from tests.acceptance.documents.doubles import requests, backup_database",
        after=("Natural Language Examples",),
    ),
    "Managing Scheduled Tasks": Surrounding(after=("Creating Scheduled Tasks",)),
    "RAG Integration": Surrounding(
        """
from offhours import ArtifactType
from tests.acceptance.documents.doubles import ollama_client
config_manager = object()
for name, description, schedule in (
    ("sundays", "Watch the house", "* * * * 0"),
    ("report", "Email the analytics", "every sunday at noon"),
):
    task_manager.create_task(name, description, schedule, func_name="nobody")
""",
        after=("Creating Scheduled Tasks",),
    ),
    "Workflow Integration": Surrounding("""
from offhours import TaskPriority
from tests.acceptance.documents.doubles import Workflow
workflow_id, workflow = "wf_123", Workflow()
execute_step = workflow.execute
"""),
    "Tool Interceptor Integration": Surrounding("""
config = {"tools": {"my_tool": lambda arg: arg.upper()}}
ollama_client = rag = None
"""),
    "1. Event Polling": Surrounding(_TASK_MANAGER),
    "2. Periodic Reports": Surrounding(_TASK_MANAGER),
    "3. Data Cleanup": Surrounding(_TASK_MANAGER),
    "4. Performance Monitoring": Surrounding("""
from offhours import get_perfcatcher_interceptor
perfcatcher = get_perfcatcher_interceptor()
"""),
    "Tasks Not Executing": Surrounding("""
from datetime import datetime
from offhours import get_global_task_manager
task_manager = get_global_task_manager()
task_id = task_manager.create_task("x", "", "every day at 2pm", func_name="not_there_yet")
"""),
    "Buffer Not Dumping": Surrounding("from offhours import get_perfcatcher_interceptor"),
}

TRAINING = {
    "Basic Usage": Surrounding("""
from tests.acceptance.documents.doubles import Learner, MemoryService
your_learner, your_memory_service = Learner(), MemoryService()
"""),
    "Advanced Configuration": Surrounding(
        f"{_NOTIFICATIONS}\nfrom offhours import AutonomousConfig, SafetyControls, SafetyLevel"
    ),
    "REST Endpoints": Surrounding(filled={"{ ... }": '{"quality_threshold": 0.7}'}),
    "Schedule Management": Surrounding(after=("Basic Usage",)),
    "Resource Monitoring": Surrounding(after=("Basic Usage",)),
    "Email Notifications": Surrounding(_NOTIFICATIONS),
    "Webhook Integration": Surrounding(  # it makes two, under one name
        """
from offhours import NotificationConfig as Config, NotificationType
made = []
def NotificationConfig(**given):
    made.append(Config(**given))
    return made[-1]
"""
    ),
    "Memory Storage": Surrounding(_NOTIFICATIONS),
    "Manual Recovery": Surrounding("autonomous_learner = your_learner", after=("Basic Usage",)),
    "Schedule Statistics": Surrounding(after=("Basic Usage",)),
    "System Status": Surrounding("from offhours import ScheduleStatus", after=("Basic Usage",)),
}

ENGINE = {
    "2. Repetitive Task Identifier": Surrounding("""
from tests.acceptance.documents.doubles import copies
tasks = list(copies(12))
"""),
    "3. Micro-Automation Creator": Surrounding(after=("2. Repetitive Task Identifier",)),
    "4. Performance Analyzer": Surrounding(
        "await engine.stop()", after=("1. Optimization Engine (`optimization_engine.py`)",)
    ),
    "5. Workflow Optimizer": Surrounding("""
from tests.acceptance.documents.doubles import slow_pipeline
performance_analyzer = slow_pipeline()
"""),
    "6. Automation Sandbox (`automation_sandbox.py`)": Surrounding("""
automation_script = script = "def execute(params):\\n    return {'got': params['input']}\\n"
test_cases = [{"params": {"input": "a"}, "expected": {"got": "a"}}]
"""),
    "Integration Example": Surrounding(
        "from tests.acceptance.documents.doubles import copies",
        filled={
            "# Record tasks and metrics as they occur": (
                "for task in copies(20): engine.record_task(task)\n    engine.run_cycle()"
            )
        },
    ),
}

PROCESSING = {
    "Scheduling Tasks": Surrounding(after=("Basic Usage",)),
    "Loading Configuration": Surrounding(
        "from offhours import BackgroundTaskManager",
        filled={"/path/to/config.yaml": "config.yaml"},
    ),
    "Using the Monitor": Surrounding("""
from datetime import timedelta
from offhours import get_task_manager
from tests.acceptance.documents.doubles import double
for number, name in ((2, "my_task"), (3, "my_task"), (4, "problematic_task")):
    task = get_task_manager().get_task(get_task_manager().submit_task(double, number, name=name))
    assert task.wait(10) == "completed"
"""),
    "Task Monitoring / Alerts": Surrounding(after=("Using the Monitor",)),
    "Automatic Retries": Surrounding("""
from offhours import BackgroundTaskManager
from tests.acceptance.documents.doubles import Unreliable
task_manager, unreliable_function = BackgroundTaskManager(), Unreliable(faults=1)
"""),
    "Error Monitoring": Surrounding(after=("Using the Monitor",)),
    "Performance Tuning / Threaded Worker": Surrounding(
        "from offhours import BackgroundTaskManager"
    ),
    "Memory Management": Surrounding("from offhours import BackgroundTaskConfig, MonitoringConfig"),
    "Debug Mode": Surrounding("from offhours import BackgroundTaskManager"),
    "With Flask": Surrounding("""
from offhours import TaskPriority
from tests.acceptance.documents.doubles import double as process_data
"""),
    "With Django": Surrounding(
        "from tests.acceptance.documents.doubles import shout as long_running_function"
    ),
}

_SERVICE = "from offhours import ServiceType, get_service"
_LOGGING = f"{_SERVICE}\nimport logging\nlogger = logging.getLogger('example')"

TELEMETRY = {
    "Get Service Status": Surrounding(_SERVICE),
    "Monitor Task Execution": Surrounding(_LOGGING),
    "Schedule and Monitor Tasks": Surrounding(
        f"{_SERVICE}\ntask_scheduler = get_service(ServiceType.TASK_SCHEDULER)"
    ),
    "Get All Scheduled Tasks": Surrounding(after=("Schedule and Monitor Tasks",)),
    "Handle Deferred Tasks": Surrounding(after=("Schedule and Monitor Tasks",)),
    "Check Service Health": Surrounding(_LOGGING),
    "Validation Steps": Surrounding("""
from unittest.mock import Mock
from offhours import TaskSchedulerService
"""),
    "Service Configuration": Surrounding(
        "from tests.acceptance.documents.doubles import TimeServiceProtocol",
        filled={"/app/data/agent.db": "agent.db"},
    ),
}

SURROUNDINGS: Mapping[str, Mapping[str, Surrounding]] = {
    "1-offline-optimizer.md": OPTIMIZER,
    "2-training-scheduler.md": TRAINING,
    "3-optimization-engine.md": ENGINE,
    "4-background-processing.md": PROCESSING,
    "5-task-scheduler-telemetry.md": TELEMETRY,
}

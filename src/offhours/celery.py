"""The Celery application whose workers run the jobs of an app: `celery -A ... worker`.

    OFFHOURS_APP=jobs.py celery -A offhours.celery.celery_app worker

`offhours celery-app jobs.py` prints that line. It needs the extra `celery`.
"""

from __future__ import annotations

import os
import threading
from types import ModuleType
from typing import Any, Unpack

from offhours.core.errors import ConfigError, NotInstalled, OffhoursError, TaskError

try:
    from celery import Celery, signals
except ModuleNotFoundError as error:
    raise NotInstalled("Celery", "celery") from error

from offhours.app import Offhours
from offhours.child import CHILD
from offhours.cli.loading import load_file
from offhours.core.addresses import is_server
from offhours.core.clock import SystemClock
from offhours.core.model import Claimed, JobState
from offhours.core.times import SECOND, Micros
from offhours.core.tracing import RUN_KEY, carried, carry
from offhours.engine.foreground import Foreground
from offhours.engine.registry import Registry, Task, is_durable, task_name
from offhours.engine.runner import TaskRunner
from offhours.executors.broker import RUN, celery_application, connection_to
from offhours.executors.processes import ProcessExecutor, ProcessLimits
from offhours.executors.seat import Seat
from offhours.handles import TaskHandle
from offhours.options import TaskOptions, make_task

APP = "OFFHOURS_APP"


def celery_app_of(*apps: Offhours, module: ModuleType | None = None) -> Celery:
    """The Celery application that runs the jobs of these apps; and functions of `module`."""
    settings = apps[0].settings
    made = celery_application(settings.broker, settings.broker_prefix)
    seats = _Seats(apps, module)

    def run(job: int, attempt: int, office: str) -> str:
        if type(job) is not int or type(attempt) is not int or type(office) is not str:
            raise TypeError("expected the numbers of a job and an attempt, and an address")
        return seats.mine().serve(job, attempt, office)

    made.task(name=RUN, shared=False)(run)
    signals.worker_process_shutdown.connect(seats.close, weak=False)
    signals.worker_shutdown.connect(seats.close, weak=False)
    return made


def adopt(
    app: Offhours, celery: Celery, task: str, **options: Unpack[TaskOptions]
) -> TaskHandle[..., Any]:
    """Make a task that was written for Celery a task of an app, under the name that it has.

    It runs as before, in a process at a Celery worker; retries, timeout and priority are those
    given here. `self.request` is empty, and `self.retry(...)` fails the attempt.
    """
    found = celery.tasks.get(task)
    if found is None:
        raise TaskError(f'no task "{task}" in the Celery application {celery.main}')
    wanted: TaskOptions = {"name": task, "executor": "celery", **options}
    return app.task(**wanted)(found)


class _Seats:
    """A seat for every thread that runs tasks, made when its first one comes."""

    def __init__(self, apps: tuple[Offhours, ...], module: ModuleType | None) -> None:
        self._apps = apps
        self._module = module
        self._local = threading.local()
        self._all: list[Seat] = []

    def mine(self) -> Seat:
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.seat, self._local.pid = self._open(), os.getpid()
            self._all = [*self._all, self._local.seat]
        found: Seat = self._local.seat
        return found

    def close(self, **_: object) -> None:
        seats, self._all = self._all, []
        for seat in seats:
            seat.close()

    def _open(self) -> Seat:
        app, foreground, clock = self._apps[0], Foreground(), SystemClock()
        settings = app.settings
        runner = TaskRunner(
            _Tasks(self._apps, self._module),
            clock,
            foreground=foreground,
            save_progress=lambda job, attempt, told: seat.tell(told),
            max_payload=settings.max_payload,
            timezone=settings.timezone,
        )

        def steer(job: int, cancelled: bool, left: Micros) -> None:
            foreground.update(clock.micros() + left if left else 0)
            context = runner.running.get(job)
            if cancelled and context is not None and not context.cancelled:
                context.request_cancel()

        seat = Seat(
            lambda: connection_to(settings.broker), settings.broker_prefix, steer, _Fetch(app)
        )
        limits = ProcessLimits(
            grace=settings.kill_grace / SECOND,
            max_runs=settings.max_tasks_per_child,
            max_memory=settings.max_child_memory,
        )
        seat.open(ProcessExecutor(1, CHILD, limits), runner)
        return seat


class _Fetch:
    """Reads what a job came without, over a connection of this process."""

    def __init__(self, app: Offhours) -> None:
        self._app = app
        self._store = app.store.sibling() if is_server(app.store.location) else None

    def __call__(self, job: Claimed) -> Claimed | None:
        if self._store is None:
            raise OffhoursError("this Celery worker does not open the database of its coordinator")
        found = self._store.job(job.id)
        if found is None or found.attempt != job.attempt or found.state is not JobState.RUNNING:
            return None
        span = carried(job.metadata, RUN_KEY)
        metadata = carry(found.metadata, span, RUN_KEY) if span else found.metadata
        return job._replace(args=found.args, metadata=metadata, progress=found.progress)


class _Tasks(Registry):
    """The tasks of some apps, and the functions of a module by the names that they have there."""

    def __init__(self, apps: tuple[Offhours, ...], module: ModuleType | None) -> None:
        super().__init__()
        self._apps = apps
        self._module = module

    def find(self, name: str) -> Task | None:
        for app in self._apps:
            if (task := app.registry.find(name)) is not None:
                return task
        return super().find(name) or self._of_module(name)

    def _of_module(self, name: str) -> Task | None:
        function = getattr(self._module, name.partition(":")[2], None)
        if not callable(function) or not is_durable(function) or task_name(function) != name:
            return None
        task = make_task(function, {})
        self.add(task)
        return task


def _from_environment() -> Celery:
    file = os.environ.get(APP)
    if not file:
        raise ConfigError([f"{APP}: expected the file of your tasks, as in {APP}=jobs.py"])
    module = load_file(file)
    apps = tuple({id(v): v for v in vars(module).values() if isinstance(v, Offhours)}.values())
    if not apps:
        apps = (Offhours(os.environ.get("OFFHOURS_DB", ":memory:")),)
    return celery_app_of(*apps, module=module)


def __getattr__(name: str) -> Celery:
    if name == "celery_app":
        globals()[name] = made = _from_environment()
        return made
    raise AttributeError(name)

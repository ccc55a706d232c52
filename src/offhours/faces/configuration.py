"""The configuration classes of the background processing document, on the one set of sources."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, TypeVar

from offhours.core.errors import ConfigError, InputError
from offhours.core.times import SECOND
from offhours.monitor.settings import MonitorSettings
from offhours.sources.configuration import Configuration, read
from offhours.sources.keys import BY_NAME
from offhours.sources.secrets import masked

ENVIRONMENT = "env"
T = TypeVar("T")


class _Part:
    """A section: it checks itself, and is shown without secrets."""

    _section = ""

    def __post_init__(self) -> None:
        faults = []
        for name, value in self.__dict__.items():
            path = f"{self._section}.{name}" if self._section else name
            key = BY_NAME.get(path)
            try:
                if key is not None:
                    key.kind(value, path)
            except InputError as error:
                faults.append(str(error))
        if faults:
            raise ConfigError(faults)


@dataclass(frozen=True)
class ThreadedWorkerConfig(_Part):
    """The arguments of `BackgroundTaskManager`: spread `__dict__` into it."""

    _section = "threaded_worker"

    max_workers: int = 4
    queue_size: int | None = 100


@dataclass(frozen=True)
class CeleryWorkerConfig(_Part):
    """How jobs are carried to Celery workers."""

    _section = "celery_worker"

    broker_url: str = "redis://localhost:6379/0"
    result_backend: str = "redis://localhost:6379/0"
    default_queue: str = "omni_dev"
    priority_queue: str = "priority"

    def __repr__(self) -> str:
        parts = (f"{field.name}={masked(getattr(self, field.name))!r}" for field in fields(self))
        return f"CeleryWorkerConfig({', '.join(parts)})"


@dataclass(frozen=True)
class MonitoringConfig(_Part, MonitorSettings):
    """What is kept about tasks that ran, and when an alert is raised: see `MonitorSettings`."""

    _section = "monitoring"


@dataclass(frozen=True)
class SchedulerConfig(_Part):
    """Scheduled tasks."""

    _section = "scheduler"

    enabled: bool = True
    check_interval_seconds: float = 1.0


@dataclass(frozen=True)
class BackgroundTaskConfig(_Part):
    """All of it. What cannot be used raises `ConfigError`.

    >>> BackgroundTaskConfig(threaded_worker=ThreadedWorkerConfig(max_workers=8)).worker_type
    'threaded'
    """

    worker_type: str = "threaded"
    threaded_worker: ThreadedWorkerConfig = field(default_factory=ThreadedWorkerConfig)
    celery_worker: CeleryWorkerConfig = field(default_factory=CeleryWorkerConfig)
    monitoring: MonitoringConfig = field(default_factory=MonitoringConfig)
    scheduler: SchedulerConfig = field(default_factory=SchedulerConfig)
    log_level: str = "INFO"
    shutdown_timeout_seconds: float = 30

    def to_dict(self, *, secrets: bool = False) -> dict[str, Any]:
        """The same as plain dictionaries; passwords in addresses only with `secrets`."""
        told = asdict(self)
        if not secrets:
            celery = told["celery_worker"]
            told["celery_worker"] = {name: masked(value) for name, value in celery.items()}
        return told


def load_config(source: str | os.PathLike[str]) -> BackgroundTaskConfig:
    """The configuration of a file, TOML or YAML, or that of the environment alone (`"env"`).

    What the environment says wins over the file. A `ConfigError` names every fault.
    """
    if source == ENVIRONMENT:
        return _made(read(files=False))
    return _made(read(source))


def auto_load_config() -> BackgroundTaskConfig:
    """The configuration of the files in this folder, and of the environment above them.

    Files: `offhours.toml` or `.yaml`, `[tool.offhours]` of `pyproject.toml`, and
    `omni_dev_bg_config.yaml`; or the one that OFFHOURS_CONFIG names. With OMNI_DEV_BG_USE_ENV=true
    the environment only.
    """
    return _made(read())


def _made(found: Configuration) -> BackgroundTaskConfig:
    return _part(BackgroundTaskConfig, found, "")


def _part(kind: type[T], found: Configuration, section: str) -> T:
    """One class from what was chosen; what was not keeps the class's default."""
    values: dict[str, Any] = {}
    for one in fields(kind):  # type: ignore[arg-type]
        path = f"{section}{one.name}"
        if isinstance(one.default_factory, type) and is_dataclass(one.default_factory):
            values[one.name] = _part(one.default_factory, found, f"{path}.")
        elif found.given(key := BY_NAME[path].path):
            values[one.name] = _plain(found[key], path)
    return kind(**values)


def _plain(value: Any, path: str) -> Any:
    if path != "shutdown_timeout_seconds":
        return value
    return value // SECOND if value % SECOND == 0 else value / SECOND

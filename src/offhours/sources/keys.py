"""Every key that can be set outside of Python: its kind, its default, and what else it is called.

A key `a.b` is the variable OFFHOURS_A__B. Other spellings are aliases, the documents' among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from math import isfinite
from typing import Any, NamedTuple

from offhours.config import CHECKS, DEFAULT_DB, Options, Settings
from offhours.core.errors import InputError
from offhours.core.kinds import Flag, Kind, Number, OneOf, Span, Text, Whole
from offhours.core.times import SECOND
from offhours.monitor.settings import MonitorSettings
from offhours.notify.configured import QUIET, Routes
from offhours.recorder import settings as recorder

APP = "Offhours"
MANAGER = "BackgroundTaskManager"
CELERY = "the Celery executor"
RECORDER = "PerfCatcherInterceptor"
MONITOR = "TaskMonitor"
NOTIFY = "Offhours.notify"
OPTIMIZER = "OptimizationEngine"


class Key(NamedTuple):
    """One setting. `variables` and `aliases` are what it may also be called, first one first."""

    path: str
    kind: Kind
    default: Any
    used_by: str
    about: str = ""
    variables: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that wins over all others."""
        return f"OFFHOURS_{self.path.upper().replace('.', '__')}"

    @property
    def names(self) -> tuple[str, ...]:
        """Its own path and its aliases in files."""
        return (self.path, *self.aliases)


class _OfRecorder(NamedTuple):
    """A setting of the recorder, which checks it itself."""

    name: str
    type: str

    def __call__(self, value: Any, key: str) -> Any:
        if isinstance(value, bool) != (self.type == "boolean") and not isinstance(value, str):
            raise InputError(f"{key}: expected a {self.type}, got {value!r}")
        return recorder.CHECKS[self.name](value, key)

    def read(self, text: str) -> Any:
        return text

    @property
    def schema(self) -> Mapping[str, Any]:
        if self.name == "mode":
            return {"enum": list(recorder.MODES)}
        spans = ("buffer_duration", "fixed_limit", "cooldown", "after")
        if self.name in spans:
            return Span().schema
        if self.name in recorder.BOUNDS:
            least, most = recorder.BOUNDS[self.name]
            return {"type": self.type, "minimum": least, "maximum": most}
        return {"type": self.type} | ({"minimum": 0} if self.type == "number" else {})


_ADDRESS = Text("an address such as redis://localhost:6379/0", r"^\S+://\S*$")
_REDIS = "redis://localhost:6379/0"
_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
_ALSO: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "threads": (("BG_THREADED_MAX_WORKERS",), ("threaded_worker.max_workers",)),
    "max_queue_size": (("BG_THREADED_QUEUE_SIZE",), ("threaded_worker.queue_size",)),
    "stop_timeout": ((), ("shutdown_timeout_seconds",)),
}


def _app() -> Iterator[Key]:
    yield Key("db", Text("a path or postgresql://..."), DEFAULT_DB, APP, "the database",
              secret=True)  # fmt: skip
    told, defaults = _told(Options), Settings()
    for name, kind in CHECKS.items():
        default = getattr(defaults, name)
        if isinstance(kind, Span):
            default = _plain(default / SECOND)
        yield Key(name, kind, default, APP, told[name], *_ALSO.get(name, ()))
    yield Key("log_level", OneOf(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")), "INFO",
              f"{APP}.from_config", 'how much the logger "offhours" tells')  # fmt: skip


def _recorder() -> Iterator[Key]:
    told = _told(recorder.Settings)
    for field in fields(recorder.Settings):
        name, default = field.name, field.default
        check = _OfRecorder(name, _JSON_TYPES[type(default)])
        shown = None if isinstance(default, float) and not isfinite(default) else default
        yield Key(f"recorder.{name}", check, shown, RECORDER, told.get(name, ""),
                  (f"PERFCATCHER_{name.upper()}",))  # fmt: skip
    for name, kind, about, also, secret in (
        ("loki_url", _ADDRESS, "the Loki server that gets the dumps", ("LOKI_URL",), True),
        ("loki_tenant", Text("a name"), "its tenant", (), False),
        ("loki_token", Text("a token"), "the bearer token for it", (), True),
        ("spool", Text("a folder"), "where dumps wait for Loki", (), False),
        ("file", Text("a path"), "a file that gets the dumps", (), False),
    ):
        yield Key(f"recorder.{name}", kind, None, RECORDER, about,
                  (f"PERFCATCHER_{name.upper()}", *also), (), secret)  # fmt: skip
    yield Key("recorder.store", Flag(), False, RECORDER, "whether the database gets the dumps",
              ("PERFCATCHER_STORE",))  # fmt: skip


def _background() -> Iterator[Key]:
    yield Key("worker_type", OneOf(("threaded", "celery")), "threaded", MANAGER,
              "where its tasks run", ("BG_WORKER_TYPE",))  # fmt: skip
    yield Key("broker", _ADDRESS, _REDIS, CELERY, "address of the broker",
              ("OFFHOURS_BROKER_URL", "CELERY_BROKER_URL"), ("celery_worker.broker_url",),
              secret=True)  # fmt: skip
    yield Key("celery_worker.result_backend", _ADDRESS, _REDIS, CELERY,
              "kept: results are in the database",
              ("CELERY_RESULT_BACKEND",), secret=True)  # fmt: skip
    for name, default in (("default_queue", "omni_dev"), ("priority_queue", "priority")):
        yield Key(f"celery_worker.{name}", Text("a name"), default, CELERY,
                  "kept: each priority has a queue of its own")  # fmt: skip
    told, monitoring = _told(MonitorSettings), MonitorSettings()
    for name, kind, also in (
        ("enabled", Flag(), ("BG_MONITORING_ENABLED",)),
        ("max_history_size", Whole(1), ()),
        ("alert_enabled", Flag(), ()),
        ("error_rate_threshold", Number(0, 1), ("BG_MONITORING_ERROR_THRESHOLD",)),
        ("avg_execution_time_threshold", Number(), ()),
        ("export_enabled", Flag(), ()),
        ("export_interval_seconds", Number(1), ()),
        ("export_folder", Text("a folder"), ()),
    ):
        default = getattr(monitoring, name)
        yield Key(f"monitoring.{name}", kind, default, MONITOR, told[name], also)
    yield Key("scheduler.enabled", Flag(), True, "BackgroundTaskConfig")
    yield Key("scheduler.check_interval_seconds", Number(0.01), 1.0, "BackgroundTaskConfig",
              "kept: schedules fire at their moment, not at a check",
              ("OFFHOURS_SCHEDULER__CHECK_INTERVAL",), ("scheduler.check_interval",))  # fmt: skip


def _notify() -> Iterator[Key]:
    yield Key("notify.enabled", Flag(), True, NOTIFY, "whether the routes are used")
    yield Key("notify.wait", Span(), 5, NOTIFY,
              "how long a route waits for more after the first event")  # fmt: skip
    yield Key("notify.every", Span(), 60, NOTIFY, "from one message of a route to the next, least")
    yield Key("notify.quiet", QUIET, None, NOTIFY,
              "hours without messages, such as 22:00-07:00, in `timezone`")  # fmt: skip
    yield Key("notify.routes", Routes(), {}, NOTIFY, "what is told by which channel")


def _optimization() -> Iterator[Key]:
    share, percent = Number(0, 1), Number(0, 100)
    for section, keys in {
        "repetitive_task_detection": (
            ("min_occurrences", Whole(2), 3),
            ("time_window_hours", Number(), 24),
            ("automation_threshold", share, 0.7),
            ("max_history_size", Whole(1), 10_000),
        ),
        "performance_analysis": (
            ("bottleneck_threshold_ms", Number(), 1000),
            ("slow_process_threshold_ms", Number(), 2000),
            ("cpu_threshold", percent, 80.0),
            ("memory_threshold", percent, 80.0),
            ("max_metrics", Whole(1), 5_000),
        ),
        "workflow_optimization": (
            ("min_success_rate", share, 0.95),
            ("max_duration_ms", Number(), 5000),
            ("optimization_cycle_minutes", Number(), 5),
        ),
        "automation_creation": (
            ("test_before_deploy", Flag(), True),
            ("auto_deploy_threshold", share, 0.9),
            ("max_automations", Whole(), 100),
        ),
    }.items():
        for name, kind, default in keys:
            yield Key(f"{section}.{name}", kind, default, OPTIMIZER)
    levels = OneOf(("full", "partial", "minimal"))
    yield Key("sandbox.enabled", Flag(), True, OPTIMIZER)
    yield Key("sandbox.timeout_seconds", Number(), 30, OPTIMIZER)
    yield Key("sandbox.max_concurrent_tests", Whole(1), 3, OPTIMIZER)
    yield Key("sandbox.isolation_level", levels, "full", OPTIMIZER)


def _told(owner: type) -> dict[str, str]:
    """What a class's docstring says about each of its names."""
    told: dict[str, str] = {}
    pattern = r"^ {4}(\w+(?:, \w+)*): (.*(?:\n {8}.*)*)"
    for names, text in re.findall(pattern, owner.__doc__ or "", re.MULTILINE):
        told |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return {name: told.get(name, "") for name in owner.__annotations__}


def _plain(number: float) -> float | int:
    return int(number) if number == int(number) else number


KEYS: dict[str, Key] = {
    key.path: key
    for keys in (_app(), _recorder(), _background(), _notify(), _optimization())
    for key in keys
}
BY_NAME: dict[str, Key] = {name: key for key in KEYS.values() for name in key.names}
BY_VARIABLE: dict[str, Key] = {
    name: key for key in KEYS.values() for name in (key.variable, *key.variables)
}
SECTIONS = frozenset(name.rpartition(".")[0] for name in BY_NAME) - {""}

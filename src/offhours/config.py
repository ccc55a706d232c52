"""Settings: what can be chosen, its default, and all that is wrong with a choice at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import tzinfo
from typing import Any, TypedDict

from offhours.core.admission import BackgroundLimits
from offhours.core.errors import ConfigError, InputError, did_you_mean
from offhours.core.kinds import Kind, Names, OneOf, Span, Text, Whole, Zone
from offhours.core.ports import QueueBound
from offhours.core.times import DAY, SECOND, Duration, Micros

DEFAULT_DB = "offhours.db"
MEGABYTE = 1_000_000
BROKER = "redis://localhost:6379/0"


def default_broker() -> str:
    """The address of the broker that the environment names."""
    return os.environ.get("OFFHOURS_BROKER_URL") or os.environ.get("CELERY_BROKER_URL") or BROKER


class Options(TypedDict, total=False):
    """The keyword arguments of `Offhours`. Durations are seconds, timedeltas or text like "30s".

    threads: jobs that run at once in threads (4)
    coroutines: `async def` jobs that run at once (100)
    processes: jobs that run at once in processes of their own, for tasks that ask for that (2)
    executor: where tasks run that do not choose: "thread"; "process" for all but coroutines;
        "celery" at Celery workers; or "inline" for tests: nothing runs until `drain()` is called
    kill_grace: how long a run in a process may go on after it was asked to stop (5 s)
    max_tasks_per_child: runs after which such a process is replaced (never)
    max_child_memory: bytes in use after a run above which it is replaced (no limit)
    durability: "normal" survives kill -9 of every process, "full" power loss too
    lease: how long a worker may be silent before its jobs are given to others (30 s)
    poll: how often an idle worker looks, should a wake-up be lost (1 s)
    lock_timeout: how long a call waits for another process's write (10 s), then `Busy`
    stop_timeout: how long a drain waits for running jobs (30 s)
    foreground_ttl: when a foreground lease ends that is no longer renewed (10 s)
    background_throttle: least time between two background starts (none)
    ageing: how long a job is ready before it moves up, LOW from BACKGROUND and HIGH from NORMAL
        (never)
    background_limit: background jobs that run at once, in all processes together (no limit)
    max_queue_size, when_full: bound on pending jobs, and what happens at it: "refuse", "block"
        (up to submit_timeout, 30 s) or "shed" (the least urgent pending job is cancelled)
    max_payload: bytes of JSON that arguments, metadata or a result may have (1 MB)
    retention, retention_jobs: how long (7 days), and how many (100,000), finished jobs are kept
    timezone: an IANA name; naive times are then taken in it, without it they are refused
    queues: names of the queues that this process works on (all)
    labels: what this process has that tasks may require, such as "gpu" (nothing)
    release: the version of your application, shown with its workers
    broker: address of the broker of the Celery workers (OFFHOURS_BROKER_URL, CELERY_BROKER_URL, or
        redis://localhost:6379/0)
    broker_prefix: what the names of its queues begin with (offhours)
    celery_jobs: jobs that are at Celery workers, or on their way there, at once (16)
    journal: "wal", or "rollback" where WAL cannot be used (SQLite)
    models_folder: where models are kept that are too large for the database (beside it; none for
        PostgreSQL)
    """

    threads: int
    coroutines: int
    processes: int
    executor: str
    kill_grace: Duration
    max_tasks_per_child: int | None
    max_child_memory: int | None
    durability: str
    lease: Duration
    poll: Duration
    lock_timeout: Duration
    stop_timeout: Duration
    foreground_ttl: Duration
    background_throttle: Duration
    ageing: Duration
    background_limit: int | None
    max_queue_size: int | None
    when_full: str
    submit_timeout: Duration
    max_payload: int
    retention: Duration
    retention_jobs: int
    timezone: str | tzinfo | None
    queues: Sequence[str] | None
    labels: Sequence[str] | None
    release: str | None
    broker: str
    broker_prefix: str
    celery_jobs: int
    journal: str
    models_folder: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked options; durations in microseconds."""

    threads: int = 4
    coroutines: int = 100
    processes: int = 2
    executor: str = "thread"
    kill_grace: Micros = 5 * SECOND
    max_tasks_per_child: int | None = None
    max_child_memory: int | None = None
    durability: str = "normal"
    lease: Micros = 30 * SECOND
    poll: Micros = SECOND
    lock_timeout: Micros = 10 * SECOND
    stop_timeout: Micros = 30 * SECOND
    foreground_ttl: Micros = 10 * SECOND
    background_throttle: Micros = 0
    ageing: Micros = 0
    background_limit: int | None = None
    max_queue_size: int | None = None
    when_full: str = "refuse"
    submit_timeout: Micros = 30 * SECOND
    max_payload: int = MEGABYTE
    retention: Micros = 7 * DAY
    retention_jobs: int = 100_000
    timezone: tzinfo | None = None
    queues: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    release: str | None = None
    broker: str = field(default_factory=default_broker)
    broker_prefix: str = "offhours"
    celery_jobs: int = 16
    journal: str = "wal"
    models_folder: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Check options; a `ConfigError` names every fault.

        >>> Settings.of({"threads": 2, "lease": "1m"}).threads
        2
        """
        faults, values = [], {}
        for key, value in options.items():
            check = CHECKS.get(key)
            if check is None:
                near = did_you_mean(key, [f.name for f in fields(cls)])
                faults.append(f"{key}: unknown setting{near}")
                continue
            try:
                values[key] = check(value, key)
            except InputError as error:
                faults.append(str(error))
        if faults:
            raise ConfigError(faults)
        return cls(**values)

    @property
    def background(self) -> BackgroundLimits:
        return BackgroundLimits(self.background_throttle, self.background_limit)

    @property
    def bound(self) -> QueueBound | None:
        if self.max_queue_size is None:
            return None
        return QueueBound(self.max_queue_size, self.when_full)


CHECKS: dict[str, Kind] = {
    "threads": Whole(1),
    "coroutines": Whole(1),
    "processes": Whole(1),
    "executor": OneOf(("thread", "process", "celery", "inline")),
    "kill_grace": Span(),
    "max_tasks_per_child": Whole(1, none=True),
    "max_child_memory": Whole(1, none=True),
    "durability": OneOf(("normal", "full")),
    "lease": Span(SECOND // 10),
    "poll": Span(SECOND // 100),
    "lock_timeout": Span(),
    "stop_timeout": Span(),
    "foreground_ttl": Span(SECOND // 10),
    "background_throttle": Span(),
    "ageing": Span(),
    "background_limit": Whole(1, none=True),
    "max_queue_size": Whole(1, none=True),
    "when_full": OneOf(("refuse", "block", "shed")),
    "submit_timeout": Span(),
    "max_payload": Whole(1),
    "retention": Span(),
    "retention_jobs": Whole(0),
    "timezone": Zone(),
    "queues": Names(),
    "labels": Names(),
    "release": Text("some text", none=True),
    "broker": Text(f"an address like {BROKER} or amqp://host", "://"),
    "broker_prefix": Text('letters, digits, "_" and "-"', r"^[A-Za-z0-9_-]{1,64}$"),
    "celery_jobs": Whole(1),
    "journal": OneOf(("wal", "rollback")),
    "models_folder": Text("a folder", none=True),
}

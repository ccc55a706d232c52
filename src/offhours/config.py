"""Settings: what can be chosen, its default, and all that is wrong with a choice at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import tzinfo
from typing import Any, TypedDict
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from offhours.core.admission import BackgroundLimits
from offhours.core.errors import ConfigError, InputError, did_you_mean
from offhours.core.ports import QueueBound
from offhours.core.times import DAY, SECOND, Duration, Micros, parse_duration

MEGABYTE = 1_000_000


class Options(TypedDict, total=False):
    """The keyword arguments of `Offhours`. Durations are seconds, timedeltas or text like "30s".

    threads: jobs that run at once in threads (4)
    coroutines: `async def` jobs that run at once (100)
    processes: jobs that run at once in processes of their own, for tasks that ask for that (2)
    executor: where tasks run that do not choose: "thread"; "process" for all but coroutines; or
        "inline" for tests: nothing runs until `drain()` is called
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
    background_limit: background jobs that run at once, in all processes together (no limit)
    max_queue_size, when_full: bound on pending jobs, and what happens at it: "refuse", "block"
        (up to submit_timeout, 30 s) or "shed" (the least urgent pending job is cancelled)
    max_payload: bytes of JSON that arguments, metadata or a result may have (1 MB)
    retention, retention_jobs: how long (7 days), and how many (100,000), finished jobs are kept
    timezone: an IANA name; naive times are then taken in it, without it they are refused
    queues: names of the queues that this process works on (all)
    journal: "wal", or "rollback" where WAL cannot be used
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
    background_limit: int | None
    max_queue_size: int | None
    when_full: str
    submit_timeout: Duration
    max_payload: int
    retention: Duration
    retention_jobs: int
    timezone: str | tzinfo | None
    queues: Sequence[str] | None
    journal: str


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
    background_limit: int | None = None
    max_queue_size: int | None = None
    when_full: str = "refuse"
    submit_timeout: Micros = 30 * SECOND
    max_payload: int = MEGABYTE
    retention: Micros = 7 * DAY
    retention_jobs: int = 100_000
    timezone: tzinfo | None = None
    queues: tuple[str, ...] | None = None
    journal: str = "wal"

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Check options; a `ConfigError` names every fault.

        >>> Settings.of({"threads": 2, "lease": "1m"}).threads
        2
        """
        faults, values = [], {}
        for key, value in options.items():
            check = _CHECKS.get(key)
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


Check = Callable[[Any, str], Any]


def _whole(least: int, none: bool = False) -> Check:
    def check(value: Any, key: str) -> int | None:
        if value is None and none:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise InputError(f"{key}: expected a whole number from {least} on, got {value!r}")
        return value

    return check


def _one_of(*choices: str) -> Check:
    def check(value: Any, key: str) -> str:
        if value not in choices:
            raise InputError(f"{key}: expected one of {', '.join(choices)}, got {value!r}")
        return str(value)

    return check


def _span(least: Micros = 0) -> Check:
    def check(value: Any, key: str) -> Micros:
        micros = parse_duration(value, key)
        if micros < least:
            raise InputError(f"{key}: expected at least {least / SECOND:g} s, got {value!r}")
        return micros

    return check


def _zone(value: Any, key: str) -> tzinfo | None:
    if value is None or isinstance(value, tzinfo):
        return value
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise InputError(
            f"{key}: no timezone {str(value)[:64]!r}; use an IANA name like Europe/Berlin"
        ) from None


def _names(value: Any, key: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str) or not all(isinstance(name, str) and name for name in value):
        raise InputError(f"{key}: expected a list of names, got {value!r}")
    return tuple(value)


_CHECKS: dict[str, Check] = {
    "threads": _whole(1),
    "coroutines": _whole(1),
    "processes": _whole(1),
    "executor": _one_of("thread", "process", "inline"),
    "kill_grace": _span(),
    "max_tasks_per_child": _whole(1, none=True),
    "max_child_memory": _whole(1, none=True),
    "durability": _one_of("normal", "full"),
    "lease": _span(SECOND // 10),
    "poll": _span(SECOND // 100),
    "lock_timeout": _span(),
    "stop_timeout": _span(),
    "foreground_ttl": _span(SECOND // 10),
    "background_throttle": _span(),
    "background_limit": _whole(1, none=True),
    "max_queue_size": _whole(1, none=True),
    "when_full": _one_of("refuse", "block", "shed"),
    "submit_timeout": _span(),
    "max_payload": _whole(1),
    "retention": _span(),
    "retention_jobs": _whole(0),
    "timezone": _zone,
    "queues": _names,
    "journal": _one_of("wal", "rollback"),
}

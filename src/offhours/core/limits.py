"""What holds back a queue, a task or all work: so many at once, so many in a time, or a pause.

The rules, asked by the claim and by `why`. They hold for all processes on the store together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from offhours.core.errors import OptionError
from offhours.core.times import SECOND, Micros, parse_duration, spoken

# A start may be this much before its time, so that one that comes late costs no later one its
# turn. What is counted over any length of time is right but for what falls into it.
SLACK: Micros = 50_000
# A claim may see a start later than its own time: it has waited for the writes of others since it
# looked at the clock, or its machine's clock is behind theirs.
APART: Micros = 30 * SECOND
MOST = 1_000_000_000
_RATE = re.compile(r"\s*([0-9]+(?:_[0-9]+)*)\s*(?:/|per)\s*([0-9.]*)\s*([a-z]+)\s*")
_LONG = {"second": "s", "minute": "m", "hour": "h", "day": "d", "sec": "s", "min": "m"}


class Scope(StrEnum):
    """What a limit is about."""

    ALL = "all"
    QUEUE = "queue"
    TASK = "task"


Subject = tuple[str, str]  # a scope and a name, which is empty for ALL
Key = tuple[str, int]  # a concurrency key, and how many jobs that have it may run at once
EVERYTHING: Subject = (Scope.ALL, "")


class Rate(NamedTuple):
    """So many starts in a time, evenly spread.

    >>> Rate.parse("10/s")
    Rate(starts=10, per=1000000)
    >>> Rate.parse("5 per 30s").each
    6000000
    """

    starts: int
    per: Micros

    @property
    def each(self) -> Micros:
        """From one start to the next."""
        return max(1, self.per // self.starts)

    @classmethod
    def parse(cls, value: object, name: str = "rate") -> Rate:
        """A rate from itself or from text like "10/s", "100 per minute" or "5/30s"."""
        if isinstance(value, Rate):
            return value
        found = _RATE.fullmatch(value.lower()) if isinstance(value, str) else None
        if found is None or len(found[1]) > len(f"{MOST:_}"):
            raise OptionError(
                f'{name}: expected so many in a time, like "10/s", "100 per minute" or "5/30s", '
                f"got {value!r}"
            )
        count, length, unit = found.groups()
        unit = _LONG.get(unit.removesuffix("s"), unit)
        rate = cls(int(count), parse_duration(f"{length or 1}{unit}", name))
        if not 0 < rate.starts <= MOST or rate.per <= 0:
            raise OptionError(f"{name}: {value!r} lets nothing start; a pause does that")
        return rate

    def __str__(self) -> str:
        return f"{self.starts} in {spoken(self.per)}"


class Limit(NamedTuple):
    """What one queue, task or all work may do at most.

    `next_at` is when the next start is due by the rate. `declared` is what the code said last: what
    a person sets holds until the code says something else.
    """

    scope: str
    name: str
    concurrency: int | None = None
    rate_count: int | None = None
    rate_per: Micros | None = None
    next_at: Micros = 0
    paused_at: Micros | None = None
    reason: str | None = None
    declared: str | None = None

    @property
    def subject(self) -> Subject:
        return self.scope, self.name

    @property
    def rate(self) -> Rate | None:
        if self.rate_count is None or self.rate_per is None:
            return None
        return Rate(self.rate_count, self.rate_per)

    @property
    def empty(self) -> bool:
        """Whether it limits nothing and nobody wants to be reminded of it."""
        return (self.concurrency, self.rate_count, self.paused_at, self.declared) == (None,) * 4


class Verdict(NamedTuple):
    """How many may start now (None: any); if none, why, and when that changes if it is known."""

    room: int | None
    code: str = ""
    until: Micros | None = None


def verdict(limit: Limit, running: int, now: Micros) -> Verdict:
    """What a limit allows while so many run.

    >>> verdict(Limit("task", "mail", concurrency=3), 1, 0)
    Verdict(room=2, code='', until=None)
    >>> verdict(Limit("task", "mail", rate_count=1, rate_per=60_000_000, next_at=30_000_000), 0, 0)
    Verdict(room=0, code='rate', until=29950000)
    """
    if limit.paused_at is not None:
        return Verdict(0, "paused")
    room = None
    if limit.concurrency is not None:
        room = limit.concurrency - running
        if room <= 0:
            return Verdict(0, "concurrency")
    rate = limit.rate
    if rate is not None:
        early = now + SLACK - _due(limit, rate, now)
        if early < 0:
            return Verdict(0, "rate", now - early)
        starts = early // rate.each + 1
        room = starts if room is None else min(room, starts)
    return Verdict(room)


def next_start(limit: Limit, rate: Rate, started: int, now: Micros) -> Micros:
    """When the next start is due after so many more."""
    return _due(limit, rate, now) + started * rate.per // rate.starts


def _due(limit: Limit, rate: Rate, now: Micros) -> Micros:
    # Further off than any start leaves it: a clock that was set back must not hold anything.
    stale = limit.next_at > now + APART + 2 * rate.each
    return now if stale else max(limit.next_at, now)


class Running(NamedTuple):
    """How many jobs of a task in a queue run."""

    task: str
    queue: str
    jobs: int


def running_by_subject(running: Iterable[Running]) -> Mapping[Subject, int]:
    """How many jobs run of each task, in each queue, and in all."""
    found: Counter[Subject] = Counter()
    for task, queue, jobs in running:
        found[Scope.TASK, task] += jobs
        found[Scope.QUEUE, queue] += jobs
        found[EVERYTHING] += jobs
    return found


class Gates:
    """The limits as one claim finds them, counting what passes."""

    def __init__(
        self,
        limits: Iterable[Limit],
        running: Iterable[Running],
        now: Micros,
        keys: Mapping[str, int] | None = None,
    ) -> None:
        self._now = now
        self._keys = None if keys is None else Counter(keys)  # how many run of each
        self._limits = {limit.subject: limit for limit in limits}
        self._started: Counter[Subject] = Counter()
        self._room: dict[Subject, int] = {}
        run = running_by_subject(running) if self._limits else {}
        for subject, limit in self._limits.items():
            room = verdict(limit, run.get(subject, 0), now).room
            if room is not None:
                self._room[subject] = room

    def __bool__(self) -> bool:
        return bool(self._limits) or self._keys is not None

    def is_full(self, key: Key | None) -> bool:
        """Whether as many jobs of a concurrency key run as may."""
        return key is not None and self._keys is not None and self._keys[key[0]] >= key[1]

    def admit(self, task: str, queue: str, key: Key | None = None) -> bool:
        """Let one job pass, unless a limit or its concurrency key has no room left for it."""
        subjects = [s for s in subjects_of(task, queue) if s in self._room]
        if self.is_full(key) or any(self._room[subject] <= 0 for subject in subjects):
            return False
        if key is not None and self._keys is not None:
            self._keys[key[0]] += 1
        for subject in subjects:
            self._room[subject] -= 1
            self._started[subject] += 1
        return True

    def shut(self, scope: Scope) -> frozenset[str]:
        """The names behind which nothing may start now."""
        return frozenset(name for (s, name), room in self._room.items() if s == scope and room <= 0)

    def advanced(self) -> list[tuple[Limit, Micros]]:
        """The rates that were used, and when their next start is due."""
        return [
            (limit, next_start(limit, limit.rate, self._started[subject], self._now))
            for subject, limit in self._limits.items()
            if limit.rate is not None and self._started[subject]
        ]

    def opens_at(self) -> Micros | None:
        """When the first rate that lets nothing pass does so again."""
        openings = (
            next_start(limit, limit.rate, self._started[subject], self._now) - SLACK
            for subject, limit in self._limits.items()
            if limit.rate is not None and limit.paused_at is None and not self._room[subject]
        )
        # One that is past: it is the concurrency that lets nothing pass, and no time changes that.
        return min((at for at in openings if at > self._now), default=None)

    @property
    def counted(self) -> bool:
        """Whether the end of one job may let another one start."""
        return self._keys is not None or any(
            limit.concurrency is not None for limit in self._limits.values()
        )


def subjects_of(task: str, queue: str) -> tuple[Subject, ...]:
    """Everything whose limits a job has to keep."""
    return EVERYTHING, (Scope.QUEUE, queue), (Scope.TASK, task)

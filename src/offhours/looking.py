"""What is seen of many jobs at once: what waits in which queue, and what fails for which cause."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from offhours.core.limits import Limit, Scope
from offhours.core.lists import JobFilter
from offhours.core.model import Job, TaskPriority
from offhours.core.times import HOUR, Micros, iso

if TYPE_CHECKING:
    from offhours.app import Offhours

LOOKED_AT = 1_000
_STAGES = ("ready", "later", "held", "running")
_VARYING = re.compile(r"\d+|0x[0-9a-f]+|'[^']*'|\"[^\"]*\"")


def queues(app: Offhours) -> list[dict[str, Any]]:
    """The queues that have unfinished jobs or a limit, as JSON answers carry them."""
    now = app.clock.micros()
    held = {limit.name: limit for limit in app.limits() if limit.scope == Scope.QUEUE}
    stages: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_STAGES, 0))
    priorities: dict[str, dict[str, int]] = defaultdict(dict)
    oldest: dict[str, int] = {}
    for depth in app.store.lists.depths():
        stages[depth.queue][depth.stage] += depth.jobs
        if depth.stage == "ready":
            priorities[depth.queue][TaskPriority(depth.priority).name.lower()] = depth.jobs
            oldest[depth.queue] = min(oldest.get(depth.queue, now), depth.oldest)
    return [
        {
            "queue": name,
            **stages[name],
            "by_priority": priorities[name],
            "oldest_wait_ms": (now - oldest[name]) // 1000 if name in oldest else None,
            **_holding(held.get(name)),
        }
        for name in sorted({*stages, *held})
    ]


def _holding(limit: Limit | None) -> dict[str, Any]:
    paused = limit.paused_at if limit else None
    return {
        "paused_at": iso(paused),
        "reason": limit.reason if limit else None,
        **bounds(limit),
    }


def bounds(limit: Limit | None) -> dict[str, Any]:
    """How much at once and in a time, as JSON answers carry it."""
    rate = None if limit is None else limit.rate
    return {
        "concurrency": None if limit is None else limit.concurrency,
        "rate": None if rate is None else str(rate),
    }


def failures(app: Offhours) -> dict[str, Any]:
    """The newest failed jobs in groups, the largest first, as JSON answers carry them.

    Numbers and quoted parts of an error do not make it another one.
    """
    found = newest_failures(app)
    groups: dict[str, list[Job]] = {}
    for job in found:
        groups.setdefault(fingerprint(job), []).append(job)
    now = app.clock.micros()
    told = [_group(cause, jobs, now) for cause, jobs in groups.items()]
    return {
        "looked_at": len(found),
        "data": sorted(told, key=lambda group: (-group["count"], group["error"])),
    }


def newest_failures(app: Offhours) -> list[Job]:
    """Those that are looked at."""
    return app.store.lists.jobs(JobFilter(states=["failed"]), limit=LOOKED_AT)


def fingerprint(job: Job) -> str:
    """What failures of one cause have in common."""
    return f"{job.code}: {_VARYING.sub('*', _last_line(job)[:300])}"


def _group(cause: str, jobs: list[Job], now: Micros) -> dict[str, Any]:
    ended = [job.finished_at or job.created_at for job in jobs]
    return {
        "fingerprint": cause,
        "error": _last_line(jobs[0])[:300],
        "code": jobs[0].code,
        "count": len(jobs),
        "tasks": sorted({job.task for job in jobs}),
        "first_at": iso(min(ended)),
        "last_at": iso(max(ended)),
        "newest": [job.id for job in jobs[:5]],
        "times": _spread(ended, now),
    }


def _spread(ended: list[Micros], now: Micros) -> list[int]:
    """How many ended in each hour of the last day, the latest last."""
    hours = [0] * 24
    for at in ended:
        ago = max(0, now - at) // HOUR
        if ago < len(hours):
            hours[-1 - ago] += 1
    return hours


def _last_line(job: Job) -> str:
    return ((job.error or "").strip().splitlines() or [job.reason or "no message"])[-1]
